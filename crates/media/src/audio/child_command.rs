//! The arguments that the audio child is started with: allow-lists, bounds, the way out. They were run with FFmpeg 5.1.

use super::AudioLimits;
use super::live::LiveCoding;
use crate::video::decode_command::{ALLOCATION_BYTES_MAX, Arguments, STDIN_FILE};
use std::ffi::OsString;
use std::time::Duration;

/// Containers of one file. Whatever refers to other files is missing on purpose.
const FORMATS: &str =
    "mov,mp4,m4a,matroska,webm,ogg,avi,flv,asf,mpegts,mpeg,caf,aiff,amr,au,w64,wav,flac,mp3,aac,ac3,eac3";
/// Codecs that telephones, browsers, recorders and archives write.
const CODECS: &str = "aac,aac_latm,opus,libopus,vorbis,libvorbis,flac,alac,mp3float,mp3,mp2float,mp2,mp1float,mp1,amrnb,amrwb,\
    libopencore_amrnb,libopencore_amrwb,gsm,gsm_ms,libgsm,libgsm_ms,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_g722,g722,\
    adpcm_g726,g726,g726le,adpcm_g726le,adpcm_yamaha,adpcm_swf,g723_1,g729,speex,libspeex,ilbc,libilbc,wmav1,wmav2,wmapro,\
    wmavoice,wmalossless,ac3,eac3,nellymoser,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,\
    pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw";
/// Streams that a container may hold; phones write telemetry beside picture and sound.
const STREAMS_MAX: u32 = 16;
/// What the child reads beyond the limit: the reader knows best where it lies.
const SPARE: Duration = Duration::from_secs(2);

/// For a recording, which is the child's standard input.
pub(super) fn recording(limits: &AudioLimits) -> Vec<OsString> {
    let mut arguments = bounded();
    arguments.pair("-max_streams", &STREAMS_MAX);
    arguments.add("-probesize 5000000 -analyzeduration 5000000");
    arguments.add(&format!("-protocol_whitelist file -format_whitelist {FORMATS} -vn -sn -dn -i {STDIN_FILE}"));
    arguments.pair("-t", &limits.duration.saturating_add(SPARE).as_secs());
    to_au(arguments)
}

/// For a live stream, which is written to the child's standard input.
pub(super) fn live(coding: LiveCoding) -> Vec<OsString> {
    let mut arguments = bounded();
    let (format, names) = match coding {
        LiveCoding::WebM => ("matroska", "matroska,webm"),
        LiveCoding::Ogg | LiveCoding::OpusPackets => ("ogg", "ogg"),
    };
    // The first packets are looked at to know the stream, no more. Not `nobuffer`, which loses them.
    arguments.add("-probesize 32 -analyzeduration 0 -flags low_delay");
    arguments.add(&format!("-protocol_whitelist pipe -format_whitelist {names} -f {format} -vn -sn -dn -i pipe:0"));
    to_au(arguments)
}

fn bounded() -> Arguments {
    let mut arguments = Arguments::default();
    arguments.add("-nostdin -hide_banner -nostats -loglevel level+info -filter_threads 1 -threads 1");
    arguments.pair("-max_alloc", &ALLOCATION_BYTES_MAX);
    arguments.pair("-codec_whitelist", &CODECS);
    arguments
}

fn to_au(mut arguments: Arguments) -> Vec<OsString> {
    arguments
        .add("-map 0:a:0 -map_metadata -1 -map_chapters -1 -vn -sn -dn -c:a pcm_f32be -f au -flush_packets 1 pipe:1");
    arguments.list
}
