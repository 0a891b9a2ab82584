//! The real world of a source: this machine's clocks, a look at the network, and the decoder's child.

use super::feed::{FeedEnd, FeedFacts, FeedStep, FrameFeed, World};
use super::lookup::Lookup;
use super::pacer::FramePacer;
use super::shared::Shared;
use super::stop::Stop;
use super::{SourceFault, SourceKind, SourceMonitor, SourceSpec, SourceTools};
use samovar_media::{MediaError, UrlScheme, VideoDecoder, VideoEnd, VideoInput, VideoLimits, VideoOptions, VideoStep};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

/// The world as it is.
pub(super) struct Machine {
    spec: Arc<SourceSpec>,
    tools: SourceTools,
    shared: Arc<Shared>,
    stop: Arc<Stop>,
    origin: Instant,
    /// Runs what cannot be stopped from a thread: looking up a name, connecting.
    runtime: Handle,
    lookup: Lookup,
    chance: RandomState,
    chances: u64,
}

/// Longest wait for a host to answer; one on the other side of the earth needs half a second.
const LOOK_LIMIT: Duration = Duration::from_secs(2);
/// How often a wait for the network sees whether it was stopped.
const STOP_LOOK: Duration = Duration::from_millis(50);
/// What the decoder may take beyond a source's own limit: that one is kept by the source's thread.
const STALL_SPARE: Duration = Duration::from_secs(5);

impl Machine {
    pub(super) fn new(spec: Arc<SourceSpec>, tools: SourceTools, monitor: &SourceMonitor, stop: Arc<Stop>) -> Self {
        Self {
            spec,
            tools,
            shared: Arc::clone(monitor.shared()),
            stop,
            origin: monitor.origin(),
            runtime: Handle::current(),
            lookup: Lookup::default(),
            chance: RandomState::new(),
            chances: 0,
        }
    }

    fn input(&self) -> VideoInput {
        let address = &self.spec.address;
        let path = || address.path().map(Path::to_path_buf).unwrap_or_default();
        match address.kind() {
            SourceKind::File => VideoInput::Loop(path()),
            SourceKind::Device => VideoInput::Device(path()),
            SourceKind::Rtsp | SourceKind::Http | SourceKind::Hls => VideoInput::Url(address.secret().to_owned()),
        }
    }

    fn options(&self) -> VideoOptions {
        VideoOptions {
            size: self.spec.size,
            keyframes_only: self.spec.keyframes_only,
            frames_per_second_max: FramePacer::new(self.spec.fps_max).child_per_second(),
            // The newest frame is wanted: what waits ahead is old.
            frames_ahead: NonZeroU32::MIN,
            schemes: vec![UrlScheme::Rtsp, UrlScheme::Rtsps, UrlScheme::Http, UrlScheme::Https],
            live: true,
            playlist: self.spec.address.kind() == SourceKind::Hls,
            only_port: self.spec.address.remote().map(|(_, port)| port).filter(|_| self.spec.bound),
            packets: self.shared.packets.clone(),
            ..VideoOptions::new(self.tools.ffmpeg.clone())
        }
    }

    fn limits(&self) -> VideoLimits {
        VideoLimits { stall: self.spec.silence_max() + STALL_SPARE, ..self.tools.limits }
    }
}

impl World for Machine {
    type Feed = DecoderFeed;

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn jitter(&mut self) -> f64 {
        let mut hasher = self.chance.build_hasher();
        hasher.write_u64(self.chances);
        self.chances += 1;
        (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    fn wait(&mut self, limit: Duration) {
        self.stop.wait(limit);
    }

    fn answers(&mut self) -> bool {
        let Some((host, port)) = self.spec.address.remote() else { return true };
        let (host, lookup) = (host.to_owned(), self.lookup.clone());
        let (teller, answer) = sync_channel(1);
        let look = self.runtime.spawn(async move {
            let connecting = async { TcpStream::connect(lookup.find(host, port).await?.as_slice()).await };
            let connected = tokio::time::timeout(LOOK_LIMIT, connecting).await;
            // Nobody listens where the source was stopped.
            let _ = teller.send(matches!(connected, Ok(Ok(_))));
        });
        let answered = loop {
            match answer.recv_timeout(STOP_LOOK) {
                Ok(answered) => break answered,
                Err(RecvTimeoutError::Timeout) if !self.is_stopped() => {}
                Err(_) => break false,
            }
        };
        look.abort();
        answered
    }

    fn open(&mut self) -> Result<DecoderFeed, SourceFault> {
        let pool = self.shared.make_pool();
        let is_remote = self.spec.address.remote().is_some();
        let decoder = VideoDecoder::begin(self.input(), self.options(), &self.limits(), pool);
        let decoder = decoder.map_err(|error| fault_of(&error, is_remote))?;
        Ok(DecoderFeed { decoder, is_remote })
    }
}

/// A decoder's child as a feed.
pub(super) struct DecoderFeed {
    decoder: VideoDecoder,
    is_remote: bool,
}

impl FrameFeed for DecoderFeed {
    fn step(&mut self, limit: Duration) -> Result<FeedStep, SourceFault> {
        let step = self.decoder.step(limit).map_err(|error| fault_of(&error, self.is_remote))?;
        Ok(match step {
            VideoStep::Quiet => FeedStep::Quiet,
            VideoStep::Opened => FeedStep::Opened(self.facts()),
            VideoStep::Frame(frame) => FeedStep::Frame(frame),
            VideoStep::Ended => FeedStep::Ended(self.end()),
        })
    }
}

impl DecoderFeed {
    fn facts(&self) -> FeedFacts {
        let info = self.decoder.info();
        FeedFacts {
            size: (info.width, info.height),
            codec: info.codec.as_deref().map(Arc::from),
            process_id: Some(self.decoder.process_id()),
        }
    }

    /// What has a length and was read to its end is over; all else was closed.
    fn end(&self) -> FeedEnd {
        match self.decoder.end() {
            Some(VideoEnd::Changed) => FeedEnd::Resized,
            Some(VideoEnd::Complete) if self.decoder.info().declared_duration.is_some() => FeedEnd::Finished,
            _ => FeedEnd::Closed,
        }
    }
}

/// What could not be read from the network answered, or the look before would have told.
fn fault_of(error: &MediaError, is_remote: bool) -> SourceFault {
    match SourceFault::from(error) {
        SourceFault::Unreadable if is_remote => SourceFault::Refused,
        fault => fault,
    }
}
