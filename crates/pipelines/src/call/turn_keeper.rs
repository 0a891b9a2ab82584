//! Where utterances begin and end, out of how likely each chunk of a call is to be speech, and of what its owner commits. No clock, no
//! model.

use super::tape::{RATE, samples};
use super::utterance::{Next, Utterance, WINDOW, Window};
use super::{DetectedTurns, Turns};
use samovar_models::{SpeechEdge, SpeechOptions, SpeechTracker, VoiceModel};
use std::collections::VecDeque;

/// The utterances of a call, from the oldest that was not told to the one that goes on.
pub(super) struct TurnKeeper {
    rule: Rule,
    speech: SpeechOptions,
    /// None where no model hears voices.
    tracker: Option<SpeechTracker>,
    /// Where the tracker began.
    base: u64,
    /// Up to where the call was listened to.
    heard: u64,
    utterances: VecDeque<Utterance>,
    /// The next one's number.
    number: u64,
    /// Where the newest was opened, and where the one before ended.
    opened: u64,
    ended: u64,
}

/// What ends an utterance.
#[derive(Clone, Copy)]
enum Rule {
    /// A pause; it has about so many samples at most.
    Pause(u64),
    /// Its owner, or so many samples: there is always one that goes on.
    Length(u64),
}

/// What became known of an utterance. Places are samples from the beginning of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnEdge {
    /// It began, with speech there.
    Started { utterance: u64, at: u64 },
    /// It ended, there.
    Stopped { utterance: u64, at: u64 },
}

/// The longest utterance that only its owner ends: ten minutes.
const MANUAL_MAX: u64 = 600 * RATE;
/// Less sound holds nothing to hear: 100 ms.
const LEAST: u64 = RATE / 10;

impl TurnKeeper {
    pub(super) fn new(turns: &Turns, has_voices: bool) -> Self {
        let speech = DetectedTurns::default().speech;
        let mut keeper = Self {
            rule: Rule::Length(WINDOW),
            speech,
            tracker: has_voices.then(|| SpeechTracker::new(&speech)),
            base: 0,
            heard: 0,
            utterances: VecDeque::new(),
            number: 0,
            opened: 0,
            ended: 0,
        };
        keeper.set_rule(turns);
        keeper
    }

    /// Ends what goes on, and follows another rule from here.
    pub(super) fn change(&mut self, turns: &Turns) -> Vec<TurnEdge> {
        let edges = self.finish(self.heard);
        self.set_rule(turns);
        edges
    }

    /// Up to where the call was listened to.
    pub(super) const fn heard(&self) -> u64 {
        self.heard
    }

    /// The next chunk of [`VoiceModel::CHUNK_SAMPLES`] samples is speech with this probability.
    pub(super) fn hear(&mut self, probability: f32) -> Vec<TurnEdge> {
        self.heard += VoiceModel::CHUNK_SAMPLES as u64;
        let edge = self.tracker.as_mut().and_then(|tracker| tracker.push(probability));
        self.follow(edge)
    }

    /// Sound came in up to there, and nobody hears voices.
    pub(super) fn pass(&mut self, to: u64) -> Vec<TurnEdge> {
        self.heard = self.heard.max(to);
        self.follow(None)
    }

    /// Its owner ends the utterance at `place`, up to where the call was listened to within a chunk.
    pub(super) fn commit(&mut self, place: u64) -> Vec<TurnEdge> {
        if self.open().is_none() || self.opened + LEAST > place {
            return Vec::new();
        }
        let stopped = self.close(place, place, false);
        self.restart(place);
        stopped.into_iter().collect()
    }

    /// Forgets the utterance that goes on: it has no text.
    pub(super) fn clear(&mut self, place: u64) {
        if self.open().is_some() {
            self.utterances.pop_back();
        }
        self.restart(place);
    }

    /// The call ends after `samples`, and with it what is being said.
    pub(super) fn finish(&mut self, samples: u64) -> Vec<TurnEdge> {
        // The last chunk was filled up.
        self.heard = self.heard.min(samples);
        let base = self.base;
        let edge = self.tracker.as_mut().and_then(|tracker| tracker.finish(samples.saturating_sub(base)));
        let mut edges = self.follow(edge);
        // What the one before leaves over would be lost with it.
        let follows = self.utterances.iter().rev().nth(1).is_some_and(Utterance::goes_on);
        if self.open().is_some_and(|open| !follows && (!open.is_spoken() || open.from + LEAST > samples)) {
            self.utterances.pop_back();
        }
        edges.extend(self.close(samples, samples, false));
        edges
    }

    /// The oldest that was not told.
    pub(super) fn first(&mut self) -> Option<&mut Utterance> {
        self.utterances.front_mut()
    }

    /// The oldest was told. What it left over goes to the next.
    pub(super) fn done(&mut self) -> Option<Utterance> {
        let done = self.utterances.pop_front()?;
        if let (Some(from), Some(next)) = (done.left_over(), self.utterances.front_mut()) {
            next.carry(from);
        }
        Some(done)
    }

    /// The oldest cannot be told, because `window` was not heard. One that goes on is heard on behind it, and is not told of.
    pub(super) fn fail(&mut self, window: &Window) -> Option<Utterance> {
        match self.utterances.front_mut() {
            Some(first) if !first.is_closed() => {
                first.lose_before(window.range.end);
                None
            }
            _ => self.utterances.pop_front(),
        }
    }

    /// The sound before this place cannot be heard any more: the oldest utterance that nothing is left of, which is told no more.
    pub(super) fn lose_before(&mut self, place: u64) -> Option<Utterance> {
        self.utterances.iter_mut().for_each(|utterance| utterance.lose_before(place));
        self.utterances.pop_front_if(|first| first.is_lost())
    }

    /// Sound before this place is not needed any more.
    pub(super) fn needed_from(&self) -> u64 {
        let first = self.utterances.front().map_or(u64::MAX, Utterance::needed_from);
        // The next one begins behind the one that goes on.
        if self.open().is_some() { first } else { first.min(self.quiet_until()) }
    }

    /// Up to where there is nothing left to do.
    pub(super) fn worked_to(&self) -> u64 {
        let due = self.utterances.front().filter(|first| !matches!(first.next(self.heard, 0), Next::Wait));
        due.map_or(self.heard, Utterance::needed_from)
    }

    /// Utterances that wait, the one that goes on among them.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.utterances.len()
    }

    fn set_rule(&mut self, turns: &Turns) {
        let has_voices = self.tracker.is_some();
        self.rule = match turns {
            Turns::Manual => Rule::Length(MANUAL_MAX),
            Turns::Detected(turns) if has_voices => Rule::Pause(samples(turns.utterance_max).max(RATE)),
            Turns::Detected(_) => Rule::Length(WINDOW),
        };
        self.speech = match turns {
            Turns::Detected(turns) => turns.speech,
            Turns::Manual => DetectedTurns::default().speech,
        };
        self.restart(self.heard);
    }

    /// What was said before `place` is over.
    fn restart(&mut self, place: u64) {
        self.tracker = self.tracker.is_some().then(|| SpeechTracker::new(&self.speech));
        (self.base, self.ended) = (self.heard, place);
        if matches!(self.rule, Rule::Length(_)) {
            self.begin(place);
        }
    }

    /// What a chunk changed, by the rule.
    fn follow(&mut self, edge: Option<SpeechEdge>) -> Vec<TurnEdge> {
        match self.rule {
            Rule::Pause(most) => self.by_pauses(edge, most),
            Rule::Length(most) => self.by_length(most),
        }
    }

    fn by_pauses(&mut self, edge: Option<SpeechEdge>, most: u64) -> Vec<TurnEdge> {
        let mut edges = Vec::new();
        let began = self.speech_began();
        if let Some(SpeechEdge::Ended(speech)) = edge {
            let (from, to) = (speech.from + self.base, speech.to + self.base);
            edges.extend(self.open().is_none().then(|| self.start(from)));
            self.spoken(to);
            edges.extend(self.close(to, (to + self.padding()).min(self.heard), false));
        } else if let (Some(from), None) = (began, self.open()) {
            edges.push(self.start(from));
        }
        let Some(to) = began.and_then(|_| self.spoken_to()) else { return edges };
        self.spoken(to);
        if self.open().is_some() && to == self.heard && self.heard >= self.opened + most {
            edges.extend(self.close(to, to, true));
            self.begin(to);
            edges.push(TurnEdge::Started { utterance: self.number - 1, at: to });
        }
        edges
    }

    fn by_length(&mut self, most: u64) -> Vec<TurnEdge> {
        let mut edges = Vec::new();
        self.listen();
        while self.open().is_some() && self.heard >= self.opened + most {
            let to = self.opened + most;
            edges.extend(self.close(to, to, true));
            self.begin(to);
            self.listen();
        }
        edges
    }

    /// Tells the utterance that goes on up to where there is speech, or that there is none yet.
    fn listen(&mut self) {
        let to =
            if self.tracker.is_some() { self.speech_began().and_then(|_| self.spoken_to()) } else { Some(self.heard) };
        to.into_iter().for_each(|to| self.spoken(to));
        let quiet_until = self.quiet_until();
        self.open_mut().into_iter().for_each(|open| open.skip_to(quiet_until));
    }

    /// Up to where nobody speaks, with room for a beginning that was missed.
    fn quiet_until(&self) -> u64 {
        let speaking = self.tracker.as_ref().and_then(SpeechTracker::speaking_since);
        let until = speaking.map_or(self.heard, |since| since + self.base);
        until.saturating_sub(self.padding() + LEAST).max(self.ended).min(self.heard)
    }

    /// Where the speech that goes on began, once it is long enough to be some.
    fn speech_began(&self) -> Option<u64> {
        let tracker = self.tracker.as_ref()?;
        let (since, to) = (tracker.speaking_since()?, tracker.spoken_to()?);
        (to - since > samples_of(self.speech.speech_min_ms)).then_some(since + self.base)
    }

    fn spoken_to(&self) -> Option<u64> {
        self.tracker.as_ref()?.spoken_to().map(|to| to + self.base)
    }

    fn padding(&self) -> u64 {
        samples_of(self.speech.padding_ms)
    }

    fn open(&self) -> Option<&Utterance> {
        self.utterances.back().filter(|last| !last.is_closed())
    }

    fn open_mut(&mut self) -> Option<&mut Utterance> {
        self.utterances.back_mut().filter(|last| !last.is_closed())
    }

    fn spoken(&mut self, to: u64) {
        self.open_mut().into_iter().for_each(|open| open.spoken(to));
    }

    /// Begins an utterance with speech.
    fn start(&mut self, from: u64) -> TurnEdge {
        self.begin(from.saturating_sub(self.padding()).max(self.ended));
        TurnEdge::Started { utterance: self.number - 1, at: from.max(self.ended) }
    }

    fn begin(&mut self, from: u64) {
        self.utterances.push_back(Utterance::new(self.number, from));
        self.number += 1;
        self.opened = from;
    }

    /// Ends the utterance that goes on, with its speech at `at` and its sound at `to`.
    fn close(&mut self, at: u64, to: u64, goes_on: bool) -> Option<TurnEdge> {
        let open = self.open_mut()?;
        open.close(to, goes_on);
        let utterance = open.number;
        self.ended = to;
        Some(TurnEdge::Stopped { utterance, at })
    }
}

fn samples_of(time_ms: u32) -> u64 {
    u64::from(time_ms) * RATE / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u64 = VoiceModel::CHUNK_SAMPLES as u64;

    fn detected(pause_ms: u32, padding_ms: u32, most_s: u64) -> Turns {
        let speech =
            SpeechOptions { silence_min_ms: pause_ms, padding_ms, speech_min_ms: 64, ..SpeechOptions::default() };
        Turns::Detected(DetectedTurns { speech, utterance_max: std::time::Duration::from_secs(most_s) })
    }

    fn hear(keeper: &mut TurnKeeper, parts: &[(usize, f32)]) -> Vec<TurnEdge> {
        let chunks = parts.iter().flat_map(|&(count, probability)| std::iter::repeat_n(probability, count));
        chunks.flat_map(|probability| keeper.hear(probability)).collect()
    }

    #[test]
    fn an_utterance_begins_once_it_is_speech_and_ends_with_a_pause() {
        let mut keeper = TurnKeeper::new(&detected(128, 32, 60), true);
        let edges = hear(&mut keeper, &[(4, 0.0), (2, 0.9), (6, 0.0), (4, 0.9), (2, 0.0), (3, 0.9), (5, 0.0)]);
        let wanted =
            [TurnEdge::Started { utterance: 0, at: 12 * CHUNK }, TurnEdge::Stopped { utterance: 0, at: 21 * CHUNK }];
        assert_eq!(edges, wanted, "two chunks are too short, and a short pause ends nothing");
        let first = keeper.first().unwrap();
        assert_eq!((first.from, first.to()), (11 * CHUNK, 22 * CHUNK));
        let Next::Hear(window) = first.next(26 * CHUNK, 0) else { panic!("{first:?}") };
        assert_eq!((window.range, window.is_partial), (11 * CHUNK..22 * CHUNK, false));
        assert_eq!((keeper.done().map(|done| done.number), keeper.len()), (Some(0), 0));
        assert!(keeper.needed_from() >= 22 * CHUNK && keeper.finish(26 * CHUNK).is_empty());
    }

    #[test]
    fn a_long_utterance_is_cut_and_goes_on_as_the_next() {
        let mut keeper = TurnKeeper::new(&detected(128, 0, 1), true);
        let edges = hear(&mut keeper, &[(40, 0.9), (5, 0.0)]);
        let cut = 32 * CHUNK;
        let wanted = [
            TurnEdge::Started { utterance: 0, at: 0 },
            TurnEdge::Stopped { utterance: 0, at: cut },
            TurnEdge::Started { utterance: 1, at: cut },
            TurnEdge::Stopped { utterance: 1, at: 40 * CHUNK },
        ];
        assert_eq!(edges, wanted);
    }

    #[test]
    fn its_owner_ends_an_utterance_and_silence_before_it_is_not_kept() {
        let mut keeper = TurnKeeper::new(&Turns::Manual, true);
        assert_eq!(hear(&mut keeper, &[(1_000, 0.0), (20, 0.9), (10, 0.0)]), []);
        assert!(keeper.needed_from() > 980 * CHUNK && keeper.needed_from() < 1_000 * CHUNK);
        let place = 1_030 * CHUNK + 100;
        assert_eq!(keeper.commit(place), [TurnEdge::Stopped { utterance: 0, at: place }]);
        assert_eq!(keeper.commit(place), [], "nothing came in since");
        hear(&mut keeper, &[(20, 0.0)]);
        assert_eq!((keeper.finish(1_050 * CHUNK), keeper.len()), (vec![], 1), "nobody spoke behind it");
        assert!(matches!(keeper.first().unwrap().next(1_050 * CHUNK, 0), Next::Hear(_)));
    }

    #[test]
    fn of_speech_without_a_pause_only_what_was_not_heard_is_needed() {
        for turns in [Turns::Manual, detected(500, 200, 600)] {
            let mut keeper = TurnKeeper::new(&turns, true);
            hear(&mut keeper, &[(30, 0.0), (3_000, 0.9)]);
            assert!(keeper.needed_from() < 30 * CHUNK);
            keeper.first().unwrap().lose_before(2_800 * CHUNK);
            assert_eq!(keeper.needed_from(), 2_800 * CHUNK);
        }
    }

    #[test]
    fn what_is_cleared_has_no_text() {
        let mut keeper = TurnKeeper::new(&detected(128, 0, 60), true);
        hear(&mut keeper, &[(10, 0.9)]);
        keeper.clear(10 * CHUNK);
        assert_eq!(keeper.len(), 0);
        let edges = hear(&mut keeper, &[(10, 0.9), (5, 0.0)]);
        assert_eq!(edges[0], TurnEdge::Started { utterance: 1, at: 10 * CHUNK });
    }

    #[test]
    fn without_a_voice_model_every_window_is_an_utterance() {
        let mut keeper = TurnKeeper::new(&detected(128, 0, 60), false);
        let stopped: Vec<_> = (1..=700).flat_map(|piece| keeper.pass(piece * 1_601)).collect();
        let at = |utterance| TurnEdge::Stopped { utterance, at: (utterance + 1) * WINDOW };
        assert_eq!(stopped, [at(0), at(1)]);
        assert_eq!(keeper.finish(700 * 1_601), [TurnEdge::Stopped { utterance: 2, at: 700 * 1_601 }]);
    }

    #[test]
    fn an_hour_of_silence_and_speech_keeps_nothing() {
        let mut keeper = TurnKeeper::new(&detected(500, 200, 60), true);
        let mut told = 0;
        for _ in 0..1_000 {
            hear(&mut keeper, &[(60, 0.9), (50, 0.0)]);
            while keeper.first().is_some_and(|first| first.is_closed()) {
                keeper.done();
                told += 1;
            }
            assert!(keeper.len() <= 1 && keeper.heard() - keeper.needed_from() < RATE);
        }
        assert_eq!(told, 1_000);
    }
}
