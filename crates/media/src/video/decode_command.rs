//! The arguments that the decoder child is started with: allow-lists, bounds, the filter chain, the way out.
//!
//! They were run with FFmpeg 5.1 and 9.0; nothing here needs to know the version.

use super::input::OpenInput;
use super::{UrlScheme, VideoOptions, VideoSize};
use crate::VideoLimits;
use std::ffi::OsString;
use std::os::fd::RawFd;
use std::time::Duration;

/// Containers of one file. Whatever refers to other files (HLS, DASH, concat, SDP, image sequences, AviSynth) is
/// missing on purpose.
const FORMATS: &str = "mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,ogg,asf,mxf,ivf,nut,h264,hevc,obu,m4v,\
    mjpeg,yuv4mpegpipe";
/// Video codecs that cameras, phones, browsers and archives write.
const CODECS: &str = "h264,hevc,av1,libdav1d,vp8,vp9,libvpx,libvpx-vp9,mpeg4,msmpeg4,msmpeg4v2,mpeg1video,mpeg2video,\
    mjpeg,h263,flv,theora,vc1,wmv1,wmv2,wmv3,prores,dnxhd,ffv1,rawvideo";
/// What HLS segments come in, and the playlists themselves.
const HLS_FORMATS: &str = "hls,mpegts,mov,mp4,aac";
/// What HTTP sources come in besides: pictures in parts, or one behind the other.
const JPEG_FORMATS: &str = "mpjpeg,jpeg_pipe";
/// Bytes and microseconds of input that may be read to recognise it.
const FILE_PROBE: (&str, &str) = ("5000000", "5000000");
/// The same for live sources, which are never ahead of the clock: a second at most.
const LIVE_PROBE: (&str, &str) = ("1000000", "1000000");
/// The most that one allocation of the child may take; an index of four hours at 120 frames/s takes 41 MB.
pub(crate) const ALLOCATION_BYTES_MAX: u64 = 256 << 20;

/// What the child reads beyond the end: the reader knows best which frame is the first that is not wanted.
const END_SPARE: Duration = Duration::from_secs(1);

/// The arguments for decoding `input`; `packets` is the descriptor that the compressed stream goes to besides.
pub(super) fn arguments(
    input: &OpenInput,
    options: &VideoOptions,
    limits: &VideoLimits,
    packets: Option<RawFd>,
) -> Vec<OsString> {
    let is_live = input.is_live(options);
    let mut arguments = Arguments::default();
    // What a filter graph is set up for, and so a change of size, is told to the verbose only.
    let level = if is_live { "verbose" } else { "info" };
    arguments.add(&format!("-nostdin -hide_banner -nostats -loglevel level+{level} -filter_threads 1"));
    arguments.pair("-max_alloc", &ALLOCATION_BYTES_MAX);
    add_bounds(&mut arguments, options, limits, is_live);
    if !is_live {
        add_stretch(&mut arguments, input.seek_point(options), options.end);
    }
    add_input(&mut arguments, input, options, limits);
    add_output(&mut arguments, input, options);
    if let Some(descriptor) = packets {
        arguments.add(&format!("-map 0:V:0 {NO_OTHERS} -c:v copy {NUT_OUTPUT} pipe:{descriptor}"));
    }
    arguments.list
}

/// The arguments for decoding access units of H.264 that come as packets of a NUT stream on standard input.
pub(super) fn access_unit_arguments(size: VideoSize, limits: &VideoLimits) -> Vec<OsString> {
    let mut arguments = Arguments::default();
    arguments.add("-nostdin -hide_banner -nostats -loglevel level+verbose -filter_threads 1");
    arguments.pair("-max_alloc", &ALLOCATION_BYTES_MAX);
    arguments.add("-protocol_whitelist pipe -format_whitelist nut -codec_whitelist h264");
    arguments.pair("-max_pixels", &u64::from(limits.side_px).pow(2));
    // One access unit is looked at to know the stream, and every frame is given out as soon as it is decoded.
    arguments.add("-probesize 32 -analyzeduration 0 -fpsprobesize 0 -flags low_delay -threads 1 -f nut -i pipe:0");
    arguments.add(&format!("-map 0:v:0 {NO_OTHERS}"));
    if let Some(filter) = scale(size) {
        arguments.pair("-filter:v", &filter);
    }
    arguments.add(RAW_OUTPUT);
    arguments.add(NUT_OUTPUT);
    arguments.add("pipe:1");
    arguments.list
}

/// Where the child finds a file input: its standard input, opened once more so that it can seek.
pub(crate) const STDIN_FILE: &str = if cfg!(target_os = "linux") { "file:/proc/self/fd/0" } else { "file:/dev/fd/0" };
/// Only the picture.
const NO_OTHERS: &str = "-map_metadata -1 -map_chapters -1 -an -sn -dn";
/// The time base is set, since FFmpeg would otherwise round timestamps to the declared frame rate; and one thread, since
/// several would hold a frame back until the next one comes.
const RAW_OUTPUT: &str = "-fps_mode passthrough -enc_time_base 1:1000000 -pix_fmt yuv420p -c:v rawvideo -threads:v 1";
/// Without an index the child's memory does not grow with the video.
const NUT_OUTPUT: &str = "-f nut -write_index 0 -flush_packets 1";

fn add_bounds(arguments: &mut Arguments, options: &VideoOptions, limits: &VideoLimits, is_live: bool) {
    let (bytes, us) = if is_live { LIVE_PROBE } else { FILE_PROBE };
    arguments.pair("-codec_whitelist", &CODECS);
    arguments.pair("-max_pixels", &u64::from(limits.side_px).pow(2));
    arguments.pair("-max_streams", &limits.streams);
    arguments.pair("-probesize", &bytes);
    arguments.pair("-analyzeduration", &us);
    arguments.pair("-threads", &options.threads);
    if is_live {
        // The rate is not waited for, and several threads share a picture instead of each holding one back.
        arguments.add("-fpsprobesize 0 -thread_type slice");
    }
    if options.keyframes_only {
        arguments.add("-skip_frame nokey");
    }
}

/// What part of a recording is decoded, roughly: from `point`, the filters leave out what is before the start, and the
/// reader ends where the end is.
fn add_stretch(arguments: &mut Arguments, point: Option<Duration>, end: Option<Duration>) {
    if let Some(point) = point {
        // Times are then those of an uninterrupted run, to the last bit.
        arguments.add("-copyts -start_at_zero");
        arguments.pair("-ss", &format!("{}us", point.as_micros()));
    }
    if let Some(end) = end {
        arguments.pair("-to", &format!("{}us", (end.saturating_add(END_SPARE)).as_micros()));
    }
}

fn add_input(arguments: &mut Arguments, input: &OpenInput, options: &VideoOptions, limits: &VideoLimits) {
    let address = match input {
        OpenInput::File(_) => {
            arguments.add(&format!("-protocol_whitelist file -format_whitelist {FORMATS}"));
            STDIN_FILE
        }
        OpenInput::Loop(_) => {
            arguments.add(&format!("-protocol_whitelist file -format_whitelist {FORMATS} -stream_loop -1 -re"));
            STDIN_FILE
        }
        OpenInput::Device(path) => {
            arguments.add("-protocol_whitelist file -format_whitelist video4linux2,v4l2 -f v4l2");
            path.as_str()
        }
        OpenInput::Url(url, scheme) => {
            add_network(arguments, *scheme, input, options);
            // The watch over the child ends what is silent; this is for what the watch cannot see.
            let option = if scheme.is_rtsp() { "-timeout" } else { "-rw_timeout" };
            arguments.pair(option, &limits.stall.saturating_mul(2).as_micros().min(i32::MAX as u128));
            url.as_str()
        }
    };
    arguments.pair("-i", &address);
}

fn add_network(arguments: &mut Arguments, scheme: UrlScheme, input: &OpenInput, options: &VideoOptions) {
    if scheme.is_rtsp() {
        let protocols = scheme.protocols();
        arguments.add(&format!("-protocol_whitelist {protocols} -format_whitelist rtsp"));
        arguments.add("-rtsp_transport tcp -allowed_media_types video");
    } else if input.is_playlist(options) {
        let protocols = scheme.protocols();
        // Segments come in one piece each: without a pace their frames would, too.
        arguments.add(&format!("-protocol_whitelist {protocols},crypto -format_whitelist {HLS_FORMATS} -re"));
    } else {
        if options.only_port.is_some() {
            arguments.add("-max_redirects 0");
        }
        let extra = if options.live { format!(",{JPEG_FORMATS}") } else { String::new() };
        let protocols = scheme.protocols();
        arguments.add(&format!("-protocol_whitelist {protocols} -format_whitelist {FORMATS}{extra}"));
    }
}

fn add_output(arguments: &mut Arguments, input: &OpenInput, options: &VideoOptions) {
    arguments.add(&format!("-map 0:V:0 {NO_OTHERS}"));
    let filters = filters(input, options);
    if !filters.is_empty() {
        arguments.pair("-filter:v", &filters);
    }
    if input.is_live(options) {
        arguments.add("-noautoscale");
    }
    arguments.add(RAW_OUTPUT);
    arguments.add(NUT_OUTPUT);
    arguments.add("pipe:1");
}

/// Frames are left out before they are scaled. Each choice is of what the one before it leaves, and begins anew with the
/// first frame that it sees: so a run that begins at a delivered frame goes on as one that was never interrupted.
fn filters(input: &OpenInput, options: &VideoOptions) -> String {
    let mut filters = Vec::new();
    if !options.start.is_zero() && !input.is_live(options) {
        // Times are rounded to microseconds on their way here and back.
        filters.push(format!("select=gte(t\\,{:.6}-0.0000006)", options.start.as_secs_f64()));
    }
    if options.every.get() > 1 {
        filters.push(format!("select=not(mod(n\\,{}))", options.every));
    }
    if let Some(rate) = options.rate_max().filter(|_| !input.is_paced_here(options)) {
        filters.push(if input.is_live(options) { apart(rate) } else { one_in_each_part(rate) });
    }
    if let Some(least) = options.scene_change {
        // The measure of a frame takes in the two before it. After a beginning there is but one, so what follows upon a
        // selected frame is not asked. Before the first one `prev_selected_n` is 0 in FFmpeg 5, so its time is asked.
        filters.push(format!("select=isnan(prev_selected_t)+gt(scene\\,{least})*gt(n-prev_selected_n\\,1)"));
    }
    filters.extend(scale(options.size));
    filters.join(",")
}

/// Frames that come no sooner after the last one than the rate asks for, to a millisecond.
fn apart(rate: f64) -> String {
    format!("select=isnan(prev_selected_t)+gte((t-prev_selected_t+0.001)*{rate}\\,1)")
}

/// The first frame of each part of the time, all as long as the rate asks for: so the rate is met on average, whatever that of the video
/// is. Which part the last frame lies in is told by its time alone. Frames that come no faster than that are all taken, wherever their
/// times lie in the parts; a millisecond is left, since many containers round to it.
fn one_in_each_part(rate: f64) -> String {
    let part = |time: &str| format!("floor(({time}+0.001)*{rate})");
    let (now, last) = (part("t"), part("prev_selected_t"));
    format!("select=isnan(prev_selected_t)+gt({now}\\,{last})+gte((t-prev_t+0.001)*{rate}\\,1)")
}

fn scale(size: VideoSize) -> Option<String> {
    let VideoSize::Fit { width, height } = size else { return None };
    Some(format!("scale=w=min({width}\\,iw):h=min({height}\\,ih):force_original_aspect_ratio=decrease:flags=bilinear"))
}

/// A list of arguments under construction.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) list: Vec<OsString>,
}

impl Arguments {
    /// Adds words that hold no spaces.
    pub(crate) fn add(&mut self, words: &str) {
        self.list.extend(words.split(' ').map(OsString::from));
    }

    pub(crate) fn pair(&mut self, name: &str, value: &impl ToString) {
        self.list.extend([name.into(), value.to_string().into()]);
    }
}
