//! Which mode a live stream runs in when that is left to the server: down when its deadline is missed, up when there is room.
//!
//! Pure: time is an argument. Three things keep it from going back and forth. A step down needs several misses among the last
//! frames. A step up needs many frames in a row on which the next mode would have taken well under the deadline. And a step
//! up that had to be taken back is not tried again before a while that doubles each time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The rules of stepping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GovernorPolicy {
    /// Frames that are looked back at.
    pub window: usize,
    /// Misses among them that make it step down.
    pub misses_max: usize,
    /// The share of the deadline, 0–1, that the next mode may be expected to take for a step up.
    pub room: f64,
    /// Frames in a row with that much room before a step up.
    pub roomy_frames: u32,
    /// How long a mode that had to be left is not tried again, at first.
    pub hold_off_first: Duration,
    /// The longest that this grows to.
    pub hold_off_max: Duration,
    /// How long a mode must do well before a step up to it counts as right.
    pub proof: Duration,
}

impl Default for GovernorPolicy {
    fn default() -> Self {
        Self {
            window: 10,
            misses_max: 4,
            room: 0.6,
            roomy_frames: 30,
            hold_off_first: Duration::from_secs(5),
            hold_off_max: Duration::from_secs(300),
            proof: Duration::from_secs(30),
        }
    }
}

/// What became of one frame, as far as its time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameTime {
    /// It was looked at.
    Seen {
        /// From its arrival to its result.
        latency: Duration,
        /// The engine's part of it.
        run: Duration,
    },
    /// Newer frames took its place.
    Dropped,
}

/// Chooses among modes that are ordered from the fastest, 0, to the most accurate.
#[derive(Clone, Debug)]
pub struct ModeGovernor {
    policy: GovernorPolicy,
    /// The mode in use.
    mode: usize,
    /// What is known of each mode, fastest first.
    modes: Vec<Known>,
    /// Whether each of the last frames in this mode missed the deadline.
    missed: VecDeque<bool>,
    /// Frames in a row that left room for the next mode.
    roomy: u32,
    /// When this mode was stepped up to, while it has still to show that it can stay.
    on_trial_since: Option<Instant>,
}

/// What is known of a mode.
#[derive(Clone, Debug)]
struct Known {
    /// The run that its warm-up settled at; none while it has never been loaded.
    settled_run: Option<Duration>,
    /// Not stepped up to before.
    held_until: Option<Instant>,
    /// Its model could not be had: passed over before, whichever way the step goes.
    missing_until: Option<Instant>,
    /// How long it is held off when it has to be left next.
    hold_off: Duration,
}

impl ModeGovernor {
    /// A governor of `modes` modes that begins in `mode`.
    ///
    /// # Panics
    /// Where there is no such mode.
    pub fn new(policy: GovernorPolicy, modes: usize, mode: usize) -> Self {
        assert!(mode < modes, "the mode is one of the modes");
        let known = Known { settled_run: None, held_until: None, missing_until: None, hold_off: policy.hold_off_first };
        let missed = VecDeque::with_capacity(policy.window);
        Self { policy, mode, modes: vec![known; modes], missed, roomy: 0, on_trial_since: None }
    }

    /// The mode in use.
    pub const fn mode(&self) -> usize {
        self.mode
    }

    /// Learns how long a mode's run takes on an idle device.
    pub fn set_settled_run(&mut self, mode: usize, run: Duration) {
        self.modes[mode].settled_run = Some(run);
    }

    /// Looks at a frame of the mode in use, and says which mode to go to, if to another. The caller goes there and says so by
    /// [`ModeGovernor::switched`], or [`ModeGovernor::refused`].
    pub fn observe(&mut self, now: Instant, deadline: Duration, frame: FrameTime) -> Option<usize> {
        let missed = !matches!(frame, FrameTime::Seen { latency, .. } if latency <= deadline);
        if self.missed.len() >= self.policy.window {
            self.missed.pop_front();
        }
        self.missed.push_back(missed);
        self.prove(now);
        self.roomy = if self.has_room(now, deadline, frame) { self.roomy.saturating_add(1) } else { 0 };
        if self.must_step_down()
            && let Some(below) = self.below(now)
        {
            return Some(below);
        }
        (self.roomy >= self.policy.roomy_frames).then(|| self.above(now)).flatten()
    }

    /// Takes note that the stream runs in `mode` from now on.
    pub fn switched(&mut self, now: Instant, mode: usize) {
        if mode < self.mode {
            let failed = self.on_trial_since.is_some();
            self.hold_off(now, self.mode, failed);
        }
        self.on_trial_since = (mode > self.mode).then_some(now);
        self.mode = mode;
        self.missed.clear();
        self.roomy = 0;
    }

    /// Takes note that `mode` could not be had.
    pub fn refused(&mut self, now: Instant, mode: usize) {
        self.hold_off(now, mode, true);
        self.modes[mode].missing_until = self.modes[mode].held_until;
        self.missed.clear();
        self.roomy = 0;
    }

    /// A mode that has stayed long enough is trusted again.
    fn prove(&mut self, now: Instant) {
        let proven = |since: &Instant| now.saturating_duration_since(*since) >= self.policy.proof;
        if self.on_trial_since.as_ref().is_some_and(proven) {
            self.on_trial_since = None;
            self.modes[self.mode].hold_off = self.policy.hold_off_first;
        }
    }

    /// The next faster mode that can be had.
    fn below(&self, now: Instant) -> Option<usize> {
        (0..self.mode).rev().find(|&mode| self.can_be_had(now, mode))
    }

    /// The next more accurate mode that can be had.
    fn above(&self, now: Instant) -> Option<usize> {
        (self.mode + 1..self.modes.len()).find(|&mode| self.can_be_had(now, mode))
    }

    fn can_be_had(&self, now: Instant, mode: usize) -> bool {
        self.modes[mode].missing_until.is_none_or(|until| now >= until)
    }

    fn must_step_down(&self) -> bool {
        self.missed.iter().filter(|missed| **missed).count() >= self.policy.misses_max
    }

    /// Whether the next mode would have kept well within the deadline on this frame.
    fn has_room(&self, now: Instant, deadline: Duration, frame: FrameTime) -> bool {
        let Some(next) = self.above(now) else { return false };
        let FrameTime::Seen { latency, run } = frame else { return false };
        let held = self.modes[next].held_until.is_some_and(|until| now < until);
        !held && self.expected(next, latency, run) <= deadline.mul_f64(self.policy.room)
    }

    /// What the frame would have taken in the mode `next`: its own time with the other mode's run in place of its own. Where the
    /// device was busy, the other run is taken to be slower by as much as this one was.
    fn expected(&self, next: usize, latency: Duration, run: Duration) -> Duration {
        /// From one mode to the next, cost rises about threefold.
        const STEP: f64 = 3.0;
        let steps = (next - self.mode) as f64;
        let settled = self.modes[self.mode].settled_run;
        let slower = settled.map_or(1.0, |settled| (run.as_secs_f64() / settled.as_secs_f64().max(1e-6)).max(1.0));
        let next_run = self.modes[next].settled_run;
        let next_run = next_run.map_or_else(|| run.mul_f64(STEP.powf(steps)), |settled| settled.mul_f64(slower));
        latency.saturating_sub(run) + next_run
    }

    fn hold_off(&mut self, now: Instant, mode: usize, failed: bool) {
        let max = self.policy.hold_off_max;
        let known = &mut self.modes[mode];
        known.held_until = Some(now + known.hold_off);
        if failed {
            known.hold_off = (known.hold_off * 2).min(max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(100);
    const INTERVAL: Duration = Duration::from_millis(100);
    /// The idle runs of four modes, in milliseconds.
    const RUNS_MS: [f64; 4] = [5.0, 15.0, 45.0, 130.0];

    /// A stream of ten frames a second in virtual time, on a device that is slower by `load(second)`.
    struct Simulation {
        governor: ModeGovernor,
        now: Instant,
        since: Instant,
        /// (second, mode) of every switch.
        switches: Vec<(f64, usize)>,
    }

    impl Simulation {
        fn new(mode: usize) -> Self {
            let now = Instant::now();
            let mut governor = ModeGovernor::new(GovernorPolicy::default(), RUNS_MS.len(), mode);
            governor.set_settled_run(mode, ms(RUNS_MS[mode]));
            Self { governor, now, since: now, switches: Vec::new() }
        }

        fn run(&mut self, seconds: u32, load: impl Fn(f64) -> f64) {
            for _ in 0..seconds * 10 {
                let second = self.now.duration_since(self.since).as_secs_f64();
                let run = ms(RUNS_MS[self.governor.mode()] * load(second));
                let frame = FrameTime::Seen { latency: run + ms(2.0), run };
                if let Some(mode) = self.governor.observe(self.now, DEADLINE, frame) {
                    self.governor.set_settled_run(mode, ms(RUNS_MS[mode]));
                    self.governor.switched(self.now, mode);
                    self.switches.push((second, mode));
                }
                self.now += INTERVAL;
            }
        }

        fn modes(&self) -> Vec<usize> {
            self.switches.iter().map(|(_, mode)| *mode).collect()
        }
    }

    fn ms(value: f64) -> Duration {
        Duration::from_secs_f64(value / 1e3)
    }

    fn square(period: f64, high: f64) -> impl Fn(f64) -> f64 {
        move |second| if second % period < period / 2.0 { 1.0 } else { high }
    }

    #[test]
    fn it_climbs_to_the_best_mode_that_fits_and_stays() {
        let mut stream = Simulation::new(0);
        stream.run(3_600, |_| 1.0);
        // It does not know that the last takes 130 ms, but 45 ms three times is over the deadline already.
        assert_eq!(stream.modes(), [1, 2]);
    }

    #[test]
    fn it_steps_down_within_a_few_misses_and_comes_back_when_the_load_is_gone() {
        let mut stream = Simulation::new(2);
        stream.run(1, |_| 4.0);
        assert_eq!(stream.modes(), [1], "four misses are 0.4 s");
        stream.run(60, |_| 4.0);
        assert_eq!(stream.governor.mode(), 1, "60 ms are within the deadline, and there is no room for more");
        stream.run(60, |_| 1.0);
        assert_eq!(stream.modes(), [1, 2]);
    }

    #[test]
    fn a_few_misses_here_and_there_change_nothing() {
        let mut stream = Simulation::new(2);
        stream.run(3_600, |second| if ((second * 10.0).round() as u64).is_multiple_of(5) { 4.0 } else { 1.0 });
        assert_eq!(stream.modes(), [] as [usize; 0]);
    }

    #[test]
    fn a_load_that_comes_and_goes_is_followed_less_and_less() {
        let mut stream = Simulation::new(0);
        stream.run(3_600, square(20.0, 4.0));
        let (early, late): (Vec<(f64, usize)>, Vec<_>) =
            stream.switches.iter().copied().partition(|(second, _)| *second < 600.0);
        println!("switches in the first ten minutes: {}, in the next fifty: {}", early.len(), late.len());
        assert!(early.len() < 20, "{early:?}");
        assert!(late.len() < 35, "at most two for each hold-off of five minutes, and what stays: {late:?}");
    }

    #[test]
    fn a_slow_tide_is_followed() {
        let mut stream = Simulation::new(2);
        stream.run(3_600, square(1_200.0, 4.0));
        assert_eq!(stream.modes(), [1, 2, 1, 2, 1]);
    }

    #[test]
    fn between_room_and_deadline_nothing_moves() {
        for load in [1.3, 1.6, 2.0] {
            let mut stream = Simulation::new(1);
            stream.run(600, |_| load);
            let climbed = usize::from(load * RUNS_MS[2] + 2.0 <= 60.0);
            assert_eq!(stream.switches.len(), climbed, "{load}");
        }
    }

    #[test]
    fn drops_are_misses_and_the_fastest_mode_is_the_last_resort() {
        let mut governor = ModeGovernor::new(GovernorPolicy::default(), 2, 1);
        let now = Instant::now();
        let steps: Vec<_> = (0..4).map(|_| governor.observe(now, DEADLINE, FrameTime::Dropped)).collect();
        assert_eq!(steps, [None, None, None, Some(0)]);
        governor.switched(now, 0);
        assert!((0..50).all(|_| governor.observe(now, DEADLINE, FrameTime::Dropped).is_none()));
    }

    #[test]
    fn a_mode_that_cannot_be_had_is_left_alone_longer_each_time() {
        let mut governor = ModeGovernor::new(GovernorPolicy::default(), 2, 0);
        let begin = Instant::now();
        let mut asked = Vec::new();
        for frame in 0..36_000_u32 {
            let now = begin + INTERVAL * frame;
            if governor.observe(now, DEADLINE, FrameTime::Seen { latency: ms(7.0), run: ms(5.0) }) == Some(1) {
                governor.refused(now, 1);
                asked.push(frame / 10);
            }
        }
        assert!((10..20).contains(&asked.len()), "{asked:?}");
        let waits: Vec<_> = asked.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(waits.windows(2).all(|two| two[1] + 1 >= two[0]), "{asked:?}");
    }

    #[test]
    fn a_mode_that_cannot_be_had_is_passed_over_until_its_wait_is_over() {
        let (mut now, mut governor) = (Instant::now(), ModeGovernor::new(GovernorPolicy::default(), 3, 2));
        let late = |governor: &mut ModeGovernor, now: Instant| {
            (0..10).find_map(|_| governor.observe(now, DEADLINE, FrameTime::Dropped))
        };
        assert_eq!(late(&mut governor, now), Some(1));
        governor.refused(now, 1);
        assert_eq!(late(&mut governor, now), Some(0), "the faster one beyond it");
        governor.refused(now, 0);
        assert_eq!(late(&mut governor, now), None, "nothing faster can be had at present");
        now += GovernorPolicy::default().hold_off_first;
        assert_eq!(late(&mut governor, now), Some(1));
        governor.refused(now, 1);
        governor.switched(now, 0);
        let quick = FrameTime::Seen { latency: ms(3.0), run: ms(1.0) };
        let up = (0..60).find_map(|_| governor.observe(now, DEADLINE, quick));
        assert_eq!(up, None, "2 was left just now, and 1 cannot be had");
    }
}
