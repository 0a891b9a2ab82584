//! The arguments that the decoder child is started with: allow-lists, bounds, the filter chain, the way out.
//!
//! They were run with FFmpeg 5.1 and 9.0; nothing here needs to know the version.

use super::input::OpenInput;
use super::{UrlScheme, VideoOptions, VideoSize};
use crate::VideoLimits;
use std::ffi::OsString;

/// Containers of one file. Whatever refers to other files (HLS, DASH, concat, SDP, image sequences, AviSynth) is
/// missing on purpose.
const FORMATS: &str = "mov,mp4,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,ogg,asf,mxf,ivf,nut,h264,hevc,obu,m4v,\
    mjpeg,yuv4mpegpipe";
/// Video codecs that cameras, phones, browsers and archives write.
const CODECS: &str = "h264,hevc,av1,libdav1d,vp8,vp9,libvpx,libvpx-vp9,mpeg4,msmpeg4,msmpeg4v2,mpeg1video,mpeg2video,\
    mjpeg,h263,flv,theora,vc1,wmv1,wmv2,wmv3,prores,dnxhd,ffv1,rawvideo";
/// Bytes and microseconds of input that may be read to recognise it.
const PROBE_BYTES: &str = "5000000";
const PROBE_US: &str = "5000000";
/// The most that one allocation of the child may take; an index of four hours at 120 frames/s takes 41 MB.
const ALLOCATION_BYTES_MAX: u64 = 256 << 20;

/// The arguments for decoding `input`.
pub(super) fn arguments(input: &OpenInput, options: &VideoOptions, limits: &VideoLimits) -> Vec<OsString> {
    let mut arguments = Arguments::default();
    arguments.add("-nostdin -hide_banner -nostats -loglevel level+info -filter_threads 1");
    arguments.pair("-max_alloc", &ALLOCATION_BYTES_MAX);
    add_input(&mut arguments, input, options, limits);
    add_output(&mut arguments, options);
    arguments.list
}

/// Where the child finds a file input: its standard input, opened once more so that it can seek.
pub(super) const STDIN_FILE: &str = if cfg!(target_os = "linux") { "file:/proc/self/fd/0" } else { "file:/dev/fd/0" };

fn add_input(arguments: &mut Arguments, input: &OpenInput, options: &VideoOptions, limits: &VideoLimits) {
    let (protocols, formats, address) = match input {
        OpenInput::File(_) | OpenInput::Loop(_) => ("file", FORMATS, STDIN_FILE),
        OpenInput::Device(_) => ("file", "v4l2", "/dev/null"),
        OpenInput::Url(url, scheme @ (UrlScheme::Rtsp | UrlScheme::Rtsps)) => {
            (scheme.protocols(), "rtsp", url.as_str())
        }
        OpenInput::Url(url, scheme) => (scheme.protocols(), FORMATS, url.as_str()),
    };
    arguments.pair("-protocol_whitelist", &protocols);
    arguments.pair("-format_whitelist", &formats);
    arguments.pair("-codec_whitelist", &CODECS);
    arguments.pair("-max_pixels", &u64::from(limits.side_px).pow(2));
    arguments.pair("-max_streams", &limits.streams);
    arguments.pair("-probesize", &PROBE_BYTES);
    arguments.pair("-analyzeduration", &PROBE_US);
    arguments.pair("-threads", &options.threads);
    if options.keyframes_only {
        arguments.add("-skip_frame nokey");
    }
    if !options.start.is_zero() {
        arguments.pair("-ss", &format!("{}us", options.start.as_micros()));
    }
    if matches!(input, OpenInput::Url(_, UrlScheme::Rtsp)) {
        arguments.add("-rtsp_transport tcp");
    }
    arguments.pair("-i", &address);
}

fn add_output(arguments: &mut Arguments, options: &VideoOptions) {
    arguments.add("-map 0:V:0 -map_metadata -1 -map_chapters -1 -an -sn -dn");
    let filters = filters(options);
    if !filters.is_empty() {
        arguments.pair("-filter:v", &filters);
    }
    // The time base is set, since FFmpeg would otherwise round timestamps to the declared frame rate.
    arguments.add("-fps_mode passthrough -enc_time_base 1:1000000 -pix_fmt yuv420p -c:v rawvideo");
    // Without an index the child's memory does not grow with the video.
    arguments.add("-f nut -write_index 0 -flush_packets 1 pipe:1");
}

/// Frames are left out before they are scaled.
fn filters(options: &VideoOptions) -> String {
    let mut filters = Vec::new();
    if options.every.get() > 1 {
        filters.push(format!("select=not(mod(n\\,{}))", options.every));
    }
    if let Some(rate) = options.frames_per_second_max.filter(|rate| rate.is_finite() && *rate > 0.0) {
        // A thousandth less than the interval: timestamps of many containers are rounded to milliseconds.
        filters.push(format!("select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,{:.6}-0.001)", rate.recip()));
    }
    if let VideoSize::Fit { width, height } = options.size {
        filters.push(format!(
            "scale=w=min({width}\\,iw):h=min({height}\\,ih):force_original_aspect_ratio=decrease:flags=bilinear"
        ));
    }
    filters.join(",")
}

/// A list of arguments under construction.
#[derive(Default)]
struct Arguments {
    list: Vec<OsString>,
}

impl Arguments {
    /// Adds words that hold no spaces.
    fn add(&mut self, words: &str) {
        self.list.extend(words.split(' ').map(OsString::from));
    }

    fn pair(&mut self, name: &str, value: &impl ToString) {
        self.list.extend([name.into(), value.to_string().into()]);
    }
}
