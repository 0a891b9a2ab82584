//! The life of a source in virtual time: a scripted camera, a clock that waits move on, chance from a seed.

use super::feed::{FeedEnd, FeedFacts, FeedStep, FrameFeed, World};
use super::shared::Shared;
use super::worker::Worker;
use super::{
    ReconnectPolicy, SourceAddress, SourceFault, SourceFigures, SourceItem, SourceReader, SourceSpec, SourceState,
};
use futures_util::FutureExt;
use samovar_media::{Frame, FramePool, MotionGateOptions, PixelFormat, YuvMatrix, YuvRange};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What the camera does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// A frame every 100 ms.
    Up,
    /// Nothing answers; what was open closes.
    Down,
    /// It answers and sends nothing.
    Silent,
    /// It answers and sends no video.
    Garbage,
    /// As up, with another size.
    Wide,
    /// What was open comes to its end.
    Over,
}

/// What is known after a run.
struct Seen {
    figures: SourceFigures,
    /// When connections were begun, in milliseconds.
    opened: Vec<u64>,
    /// When looks were made.
    looked: Vec<u64>,
    /// When frames came.
    framed: Vec<u64>,
    states: Vec<SourceState>,
    shared: Arc<Shared>,
    pool: FramePool,
}

struct Script {
    /// From when on which weather, in milliseconds; up before the first.
    weather: Vec<(u64, Weather)>,
    now: Duration,
    until: Duration,
    seed: u64,
    seen: Seen,
}

#[derive(Clone)]
struct Stage(Rc<RefCell<Script>>);

struct Feed {
    stage: Stage,
    /// The weather that it was opened in, once a frame came.
    opened: Option<Weather>,
}

const EPOCH: SystemTime = SystemTime::UNIX_EPOCH;

/// Runs a source under this weather until `until_s`.
fn run(spec: &SourceSpec, weather: &[(u64, Weather)], until_s: u64, seed: u64) -> Seen {
    let shared = Arc::new(Shared::new(None));
    let pool = FramePool::new(super::shared::POOL_FRAMES);
    let (states, looked) = (Vec::new(), Vec::new());
    let seen = Seen {
        figures: SourceFigures::default(),
        opened: Vec::new(),
        framed: Vec::new(),
        looked,
        states,
        pool,
        shared: Arc::clone(&shared),
    };
    let until = Duration::from_secs(until_s);
    let script = Script { weather: weather.to_vec(), now: Duration::ZERO, until, seed, seen };
    let stage = Stage(Rc::new(RefCell::new(script)));
    Worker::new(stage.clone(), spec, ReconnectPolicy::default(), shared).run();
    stage.look_at_state();
    let script = Rc::into_inner(stage.0).unwrap().into_inner();
    let figures = script.seen.shared.figures(script.now);
    Seen { figures, ..script.seen }
}

fn camera() -> SourceSpec {
    SourceSpec::new("door", SourceAddress::parse("rtsp://cam/live").unwrap())
}

fn at(address: &str) -> SourceSpec {
    SourceSpec::new("door", SourceAddress::parse(address).unwrap())
}

impl Script {
    fn weather(&self) -> Weather {
        let now = self.now.as_millis() as u64;
        self.weather.iter().rev().find(|(from, _)| *from <= now).map_or(Weather::Up, |(_, weather)| *weather)
    }

    fn now_ms(&self) -> u64 {
        self.now.as_millis() as u64
    }

    fn frame(&mut self) -> Frame {
        let format = PixelFormat::Yuv420 { matrix: YuvMatrix::Bt601, range: YuvRange::Limited };
        let mut pixels = self.seen.pool.take(format.size_bytes(64, 36));
        pixels.fill(if (self.now_ms() / 10_000).is_multiple_of(2) { 20 } else { 200 });
        self.seen.framed.push(self.now_ms());
        Frame::new(64, 36, format, self.now, pixels)
    }
}

impl Stage {
    /// Remembers the state where it is another.
    fn look_at_state(&self) {
        let mut script = self.0.borrow_mut();
        let state = script.seen.shared.state();
        if script.seen.states.last() != Some(&state) {
            script.seen.states.push(state);
        }
    }

    fn pass(&self, time: Duration) {
        self.0.borrow_mut().now += time;
    }
}

impl World for Stage {
    type Feed = Feed;

    fn now(&self) -> Duration {
        self.0.borrow().now
    }

    fn wall(&self) -> SystemTime {
        EPOCH + self.now()
    }

    fn jitter(&mut self) -> f64 {
        let seed = &mut self.0.borrow_mut().seed;
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn is_stopped(&self) -> bool {
        let script = self.0.borrow();
        script.now >= script.until
    }

    fn wait(&mut self, limit: Duration) {
        self.look_at_state();
        self.pass(limit);
    }

    fn answers(&mut self) -> bool {
        self.look_at_state();
        let now = self.0.borrow().now_ms();
        self.0.borrow_mut().seen.looked.push(now);
        self.pass(Duration::from_millis(20));
        self.0.borrow().weather() != Weather::Down
    }

    fn open(&mut self) -> Result<Feed, SourceFault> {
        self.look_at_state();
        let now = self.0.borrow().now_ms();
        self.0.borrow_mut().seen.opened.push(now);
        self.pass(Duration::from_millis(100));
        Ok(Feed { stage: self.clone(), opened: None })
    }
}

impl FrameFeed for Feed {
    fn step(&mut self, limit: Duration) -> Result<FeedStep, SourceFault> {
        self.stage.look_at_state();
        let weather = self.stage.0.borrow().weather();
        let changed = self.opened.is_some_and(|opened| opened != weather);
        match weather {
            Weather::Down => Ok(FeedStep::Ended(FeedEnd::Closed)),
            Weather::Over => Ok(FeedStep::Ended(FeedEnd::Finished)),
            Weather::Garbage => Err(if changed { SourceFault::DecoderFailed } else { SourceFault::Refused }),
            Weather::Silent => {
                self.stage.pass(limit);
                Ok(FeedStep::Quiet)
            }
            Weather::Up | Weather::Wide if changed => Ok(FeedStep::Ended(FeedEnd::Resized)),
            Weather::Up | Weather::Wide if self.opened.is_none() => {
                self.stage.pass(Duration::from_millis(700));
                self.opened = Some(weather);
                Ok(FeedStep::Opened(FeedFacts { size: (64, 36), codec: None, process_id: Some(7) }))
            }
            Weather::Up | Weather::Wide => {
                self.stage.pass(Duration::from_millis(100));
                Ok(FeedStep::Frame(self.stage.0.borrow_mut().frame()))
            }
        }
    }
}

fn names(seen: &Seen) -> Vec<&'static str> {
    seen.states.iter().map(SourceState::name).collect()
}

fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn its_states_are_told_in_order() {
    let seen = run(&camera(), &[(5_000, Weather::Down), (5_500, Weather::Up)], 20, 1);
    assert_eq!(names(&seen), ["connecting", "live", "waiting", "connecting", "live", "stopped"].to_vec(), "{seen:?}");
    assert_eq!(seen.states[2].fault(), Some(SourceFault::Closed));
    assert_eq!((seen.figures.reconnects, seen.figures.fault_count(SourceFault::Closed)), (1, 1));
    assert_eq!(seen.figures.process_id, None);
}

#[test]
fn a_camera_that_is_away_is_seen_within_five_seconds_of_its_return_however_long_it_was() {
    for seed in 0..20 {
        let mut weather = Vec::new();
        let (mut time, mut returns) = (0, Vec::new());
        for away_s in [1, 2, 3, 5, 10, 30, 60, 300, 900, 3_600] {
            time += 3_000 + seed * 37;
            weather.push((time, Weather::Down));
            time += away_s * 1_000;
            weather.push((time, Weather::Up));
            returns.push(time);
        }
        let seen = run(&camera(), &weather, time / 1_000 + 30, seed);
        for back in returns {
            let first = seen.framed.iter().find(|framed| **framed >= back).unwrap();
            assert!(first - back <= 5_000, "seed {seed}: back at {back}, seen at {first}");
        }
        assert!(gaps(&seen.opened).iter().all(|gap| *gap >= 1_000), "at most one connection a second");
        assert!(gaps(&seen.looked).iter().all(|gap| *gap >= 1_000), "and one look");
        assert_eq!(seen.figures.reconnects, 10);
    }
}

#[test]
fn one_that_never_was_live_is_tried_ever_less_often() {
    for seed in 0..20 {
        let seen = run(&camera(), &[(0, Weather::Garbage)], 600, seed);
        let gaps = gaps(&seen.opened);
        for (at, gap) in gaps.iter().enumerate() {
            let whole = 30_000.min(2_000 << at.min(10));
            assert!((whole / 2..=whole + 200).contains(gap), "seed {seed}: wait {at} was {gap} ms");
        }
        assert!((20..=45).contains(&gaps.len()), "{gaps:?}");
        assert_eq!(seen.figures.fault_count(SourceFault::Refused), seen.opened.len() as u64);
        assert_eq!(seen.figures.reconnects, 0);
    }
}

#[test]
fn one_that_was_live_lately_is_back_within_five_seconds_though_its_port_always_answers() {
    let weather = [(20_000, Weather::Garbage), (200_000, Weather::Up)];
    for seed in 0..20 {
        let seen = run(&camera(), &weather, 220, seed);
        let first = seen.framed.iter().find(|framed| **framed >= 200_000).unwrap();
        assert!(*first <= 205_000, "{first}");
        assert!(gaps(&seen.opened).iter().all(|gap| *gap >= 1_000));
    }
}

#[test]
fn silence_is_a_stall_after_its_limit() {
    let seen = run(&camera(), &[(5_000, Weather::Silent), (40_000, Weather::Up)], 60, 3);
    let stalls = seen.figures.fault_count(SourceFault::Stalled);
    assert!((2..=4).contains(&stalls), "{stalls}");
    assert!(seen.framed.iter().any(|framed| *framed >= 40_000));
}

#[test]
fn another_size_is_no_fault_and_opened_at_once() {
    let weather = [(5_000, Weather::Wide), (9_000, Weather::Up)];
    let seen = run(&camera(), &weather, 12, 3);
    assert_eq!(names(&seen), ["connecting", "live", "connecting", "live", "connecting", "live", "stopped"].to_vec());
    assert_eq!((seen.figures.reconnects, seen.figures.faults.iter().sum::<u64>()), (2, 0));
    assert!(seen.opened[1] - 5_000 < 200, "{:?}", seen.opened);
}

#[test]
fn a_file_goes_round_and_what_was_fetched_ends() {
    let over = [(5_000, Weather::Over), (5_100, Weather::Up)];
    let seen = run(&at("street.mp4"), &over, 10, 3);
    assert_eq!((seen.figures.reconnects, seen.figures.faults.iter().sum::<u64>()), (1, 0), "a file is never lost");
    let seen = run(&at("http://host/street.mp4"), &over, 10, 3);
    assert_eq!((seen.states.last(), seen.opened.len()), (Some(&SourceState::Ended), 1));
    let seen = run(&camera(), &over, 10, 3);
    assert_eq!(seen.figures.fault_count(SourceFault::Closed), 1, "a camera has no end");
}

#[test]
fn every_frame_is_counted_once_and_only_the_newest_is_held() {
    let gate = MotionGateOptions { force_after: Some(Duration::from_secs(2)), ..MotionGateOptions::default() };
    let spec = SourceSpec { fps_max: Some(5.0), motion_gate: Some(gate), ..camera() };
    let seen = run(&spec, &[(5_000, Weather::Down), (6_000, Weather::Up)], 100, 3);
    let figures = &seen.figures;
    assert_eq!(figures.frames_in, seen.framed.len() as u64);
    assert!(figures.paced.abs_diff(figures.frames_in / 2) <= 3, "{figures:?}");
    let wanted = figures.frames_in - figures.paced - figures.still;
    assert!((45..=65).contains(&wanted), "one each two seconds and ten changes: {wanted}");
    assert_eq!((figures.delivered, figures.overrun), (0, wanted - 1));
    assert!(seen.pool.stats().in_use_max <= 2, "{:?}", seen.pool.stats());
    assert_eq!(seen.pool.stats().in_use, 1);
    let Some(SourceItem::Frame(frame)) = seen.shared.mailbox.take().now_or_never() else { panic!("a frame first") };
    assert_eq!((frame.number, frame.connection), (wanted - 1, 2));
    let last = seen.shared.mailbox.take().now_or_never();
    assert!(matches!(last, Some(SourceItem::State(SourceState::Stopped))), "{last:?}");
    assert!(seen.shared.mailbox.take().now_or_never().is_none());
    assert_eq!(seen.shared.figures(Duration::ZERO).delivered, 1);
}

#[test]
fn a_reader_may_be_sent_and_its_items_too() {
    fn sent<T: Send>() {}
    sent::<SourceReader>();
    sent::<SourceItem>();
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "opened {:?}, looked {:?}, {:?}", self.opened, self.looked, self.states)
    }
}
