//! FLAC, MP3, AAC and Vorbis by `symphonia`. A panic of it costs the one recording, which is then damaged.

use super::info::AudioInfo;
use super::input::OpenAudio;
use super::pcm::tamed;
use super::sniff::PacketFormat;
use super::source::{PcmBlock, PcmSource};
use super::{AudioError, AudioLimits};
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::formats::{AdtsReader, FlacReader, MpaReader, OggReader};

/// A recording that `symphonia` decodes.
pub(super) struct PacketSource {
    format: PacketFormat,
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    codec: &'static str,
    duration: Option<Duration>,
    layout: (u32, usize),
    is_damaged: bool,
    has_ended: bool,
}

impl PacketSource {
    /// Reads the header of what begins at `start`.
    pub(super) fn open(
        audio: OpenAudio,
        format: PacketFormat,
        start: u64,
        limits: &AudioLimits,
    ) -> Result<Self, AudioError> {
        let source = Self::guarded(|| Self::begin(audio, format, start))?;
        if let Some(duration) = source.duration {
            limits.check_duration(duration)?;
        }
        Ok(source)
    }

    fn begin(mut audio: OpenAudio, format: PacketFormat, start: u64) -> Result<Self, AudioError> {
        audio.seek(SeekFrom::Start(start)).map_err(|_| AudioError::unreadable())?;
        let reader = open_format(Forward(audio), format).map_err(|error| told(&error))?;
        let track = reader.default_track(TrackType::Audio).ok_or_else(AudioError::damaged)?;
        let parameters =
            track.codec_params.as_ref().and_then(CodecParameters::audio).ok_or_else(AudioError::damaged)?;
        let decoder = make_decoder(parameters)?;
        let duration = track.num_frames.zip(parameters.sample_rate).map(|(frames, rate_hz)| {
            Duration::try_from_secs_f64(frames as f64 / f64::from(rate_hz)).unwrap_or(Duration::MAX)
        });
        Ok(Self {
            format,
            track: track.id,
            codec: decoder.codec_info().short_name,
            decoder,
            duration,
            layout: (0, 0),
            is_damaged: false,
            has_ended: false,
            reader,
        })
    }

    /// Runs what may panic on damaged bytes.
    fn guarded<T>(work: impl FnOnce() -> Result<T, AudioError>) -> Result<T, AudioError> {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            tracing::error!("an audio decoder panicked; the recording counts as damaged");
            Err(AudioError::damaged())
        })
    }

    /// The next packet that could be decoded; false at the end.
    fn decode(&mut self, block: &mut PcmBlock) -> Result<bool, AudioError> {
        loop {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(false),
                Err(Error::ResetRequired) => {
                    self.restart()?;
                    continue;
                }
                // The end of a file that was cut off, or what no more packet can be found behind.
                Err(error) => return self.ended_by(&error),
            };
            if packet.track_id != self.track {
                continue;
            }
            match self.decoder.decode(&packet) {
                Ok(decoded) => {
                    (block.rate_hz, block.channels) = (decoded.spec().rate(), decoded.spec().channels().count());
                    decoded.copy_to_vec_interleaved(&mut block.samples);
                    block.samples.iter_mut().for_each(|sample| *sample = tamed(*sample));
                    self.layout = (block.rate_hz, block.channels);
                    return Ok(true);
                }
                Err(Error::DecodeError(_) | Error::IoError(_)) => self.is_damaged = true,
                Err(Error::ResetRequired) => self.restart()?,
                Err(error) => return self.ended_by(&error),
            }
        }
    }

    fn ended_by(&mut self, error: &Error) -> Result<bool, AudioError> {
        tracing::debug!(%error, "a recording ends early");
        self.is_damaged = true;
        Ok(false)
    }

    /// A chain of streams goes on with another one.
    fn restart(&mut self) -> Result<(), AudioError> {
        let track = self.reader.default_track(TrackType::Audio).ok_or_else(AudioError::damaged)?;
        let parameters =
            track.codec_params.as_ref().and_then(CodecParameters::audio).ok_or_else(AudioError::damaged)?;
        (self.track, self.decoder) = (track.id, make_decoder(parameters)?);
        Ok(())
    }
}

impl PcmSource for PacketSource {
    fn next(&mut self, block: &mut PcmBlock) -> Result<bool, AudioError> {
        block.clear();
        if self.has_ended {
            return Ok(false);
        }
        let decoded = Self::guarded(|| self.decode(block));
        // After a panic nothing of it is touched again.
        self.has_ended = !matches!(decoded, Ok(true));
        decoded
    }

    fn info(&self) -> AudioInfo {
        AudioInfo {
            container: self.format.name().to_owned(),
            codec: self.codec.to_owned(),
            rate_hz: self.layout.0,
            channels: u16::try_from(self.layout.1).unwrap_or(u16::MAX),
            duration_s: self.duration.map(|duration| duration.as_secs_f64()),
        }
    }

    fn is_damaged(&self) -> bool {
        self.is_damaged
    }
}

fn open_format(source: Forward, format: PacketFormat) -> Result<Box<dyn FormatReader>, Error> {
    let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
    let options = FormatOptions::default();
    Ok(match format {
        PacketFormat::Flac => Box::new(FlacReader::try_new(stream, options)?),
        PacketFormat::Mp3 => Box::new(MpaReader::try_new(stream, options)?),
        PacketFormat::Adts => Box::new(AdtsReader::try_new(stream, options)?),
        PacketFormat::Ogg => Box::new(OggReader::try_new(stream, options)?),
    })
}

fn make_decoder(parameters: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, AudioError> {
    let made = symphonia::default::get_codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default());
    made.map_err(|error| told(&error))
}

fn told(error: &Error) -> AudioError {
    tracing::debug!(%error, "an audio header was not read");
    match error {
        Error::Unsupported(_) => AudioError::unsupported(),
        _ => AudioError::damaged(),
    }
}

/// A recording that is read from where it stands to its end: so no index is built and nothing is searched for at the end.
struct Forward(OpenAudio);

impl Read for Forward {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Seek for Forward {
    fn seek(&mut self, _to: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl MediaSource for Forward {
    fn is_seekable(&self) -> bool {
        false
    }

    fn byte_len(&self) -> Option<u64> {
        None
    }
}
