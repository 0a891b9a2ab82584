//! A live call: bytes go in as they come, events come out as they become known.
//!
//! Everything that decides is in the parts, which know no clock: where utterances lie ([`TurnKeeper`]), which window is next
//! (`Utterance`), what is stable (`Agreement`), how urgent it is ([`Findings`]). Here they are put together, and what runs is polled.

use super::findings::Findings;
use super::hearer::{Heard, Hearer, Hearing, is_absent};
use super::intake::{Drained, Intake};
use super::listener::{LISTENED_MAX, Listener};
use super::marks::{Mark, Marks};
use super::measurer::{MEASURED, Measurer};
use super::tape::{Tape, samples, seconds};
use super::turn_keeper::{TurnEdge, TurnKeeper};
use super::utterance::{Next, Window};
use super::{CallEvent, CallModels, CallOptions, TurnChange};
use samovar_acoustics::VoiceFigures;
use samovar_media::{AudioError, AudioErrorKind, AudioLimits, ChannelChoice, LiveFormat};
use samovar_models::VoiceModel;
use samovar_runtime::{Hold, RunError, RunErrorKind};
use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Instant;

/// A live call. Dropping it ends whatever it has running.
///
/// Bytes go in by [`push`](Self::push), which never waits. All work is done while somebody awaits [`next`](Self::next), which may be given
/// up at any time and loses nothing. At most one window of a call is with the model at a time; sound that came in meanwhile is heard with
/// the next. What it holds is bounded by [`CallOptions::held_max`] and a window, however long the call is.
pub struct CallStream {
    intake: Intake,
    tape: Tape,
    /// Gets all sound too, as it is decoded.
    tap: Option<SoundTap>,
    /// Samples that may wait while the model is not there.
    held_max: u64,
    turns: TurnKeeper,
    /// Where the owner ended something that was not listened to yet.
    marks: Marks,
    listener: Option<Listener>,
    hearer: Hearer,
    measurer: Option<Measurer>,
    findings: Option<Findings>,
    /// Samples between partials.
    partial_every: u64,
    outbox: VecDeque<CallEvent>,
    /// Pieces of work that came to their end.
    done: u64,
    /// The last turn was told.
    is_finished: bool,
    /// The end was told.
    has_ended: bool,
    _holds: Vec<Hold>,
}

/// Takes mono samples at 16 kHz, in pieces of any length.
type SoundTap = Box<dyn FnMut(&[f32]) + Send>;

/// Less that was lost is told with what is lost next: five seconds.
const LOST_TOLD: u64 = 80_000;
/// Sound that may wait before no more is wanted, in seconds: more than the window that an utterance goes on in, or it could never end; less
/// than may be held by default, so that nothing is lost.
const AHEAD_S: f64 = 45.0;

impl CallStream {
    /// Begins a call. Models that are not loaded are loaded; the call does not wait for that. Of several tracks the first is heard.
    ///
    /// # Errors
    /// `Layout`, `ChannelAbsent` and `DecoderFailed` of [`LiveAudio::new`](samovar_media::LiveAudio::new).
    pub fn new(
        models: CallModels,
        options: CallOptions,
        sound: LiveFormat,
        channels: ChannelChoice,
        limits: &AudioLimits,
    ) -> Result<Self, AudioError> {
        let intake = Intake::new(sound, channels, limits)?;
        let handles = [Some(models.transcriber.handle()), models.voices.as_ref().map(|voices| voices.handle())];
        let holds = handles.into_iter().flatten().map(|handle| handle.hold()).collect();
        let turns = TurnKeeper::new(&options.turns, models.voices.is_some());
        let hearer = Hearer::new(models.transcriber, options.caller, options.decode);
        let first = [
            models.voices.is_none().then_some(CallEvent::NoVoiceModel),
            (!hearer.is_ready()).then_some(CallEvent::ModelWaiting),
        ];
        Ok(Self {
            intake,
            tape: Tape::new(options.held_max),
            tap: None,
            held_max: samples(options.held_max),
            turns,
            marks: Marks::default(),
            listener: models.voices.map(|voices| Listener::new(voices, options.caller)),
            hearer,
            measurer: options.features.then(Measurer::new),
            findings: options.rules.map(Findings::new),
            partial_every: samples(options.partial_every),
            outbox: first.into_iter().flatten().collect(),
            done: 0,
            is_finished: false,
            has_ended: false,
            _holds: holds,
        })
    }

    /// Hands all sound to `tap` as well, as mono samples at 16 kHz, before it is heard: for whoever keeps it. It must not wait.
    pub fn set_tap(&mut self, tap: impl FnMut(&[f32]) + Send + 'static) {
        self.tap = Some(Box::new(tap));
    }

    /// Takes the next bytes in, cut anywhere; bare packets of Opus come one at a time. Never waits. Where the call is too long, it ends:
    /// that is told by [`next`](Self::next).
    ///
    /// # Errors
    /// Those of [`LiveAudio::push`](samovar_media::LiveAudio::push).
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), AudioError> {
        match self.intake.push(bytes) {
            Err(error) if error.kind() == AudioErrorKind::TooLong => self.fail(error),
            taken => taken?,
        }
        self.take_in();
        Ok(())
    }

    /// Ends the utterance here; where there was no sound since the last one, nothing happens.
    pub fn commit(&mut self) {
        self.marks.push(Mark::Commit(self.tape.end()));
    }

    /// Forgets the sound since the last utterance: it has no text. Where an utterance goes on, it is not told any further.
    pub fn clear(&mut self) {
        self.marks.push(Mark::Clear(self.tape.end()));
    }

    /// No more sound comes: [`next`](Self::next) gives what remains, and at last none.
    pub fn finish(&mut self) {
        if let Err(error) = self.intake.finish() {
            self.fail(error);
        }
    }

    /// Changes how the call is heard from the next window on.
    ///
    /// # Errors
    /// `Input` for a language that the model lacks or a prompt that is too long, as far as the model is there to tell; nothing is changed then.
    pub fn change(&mut self, change: TurnChange) -> Result<(), RunError> {
        let mut options = self.hearer.options().clone();
        options.prompt = change.prompt.unwrap_or(options.prompt);
        options.language = change.language.unwrap_or(options.language);
        self.hearer.set_options(options)?;
        self.partial_every = change.partial_every.map_or(self.partial_every, samples);
        let edges = change.turns.map(|turns| self.turns.change(&turns));
        self.tell_edges(edges.unwrap_or_default());
        Ok(())
    }

    /// The next event, waiting for it; none after [`CallEvent::Ended`]. Cancel-safe.
    pub async fn next(&mut self) -> Option<CallEvent> {
        loop {
            if let Some(event) = self.outbox.pop_front() {
                return Some(event);
            }
            if self.has_ended {
                return None;
            }
            self.work();
            if self.outbox.is_empty() {
                self.something().await;
            }
        }
    }

    /// How much of the call has come in, in seconds.
    pub fn heard_s(&self) -> f64 {
        seconds(self.tape.end())
    }

    /// How much sound waits to be worked through, in seconds: whoever reads a file to it waits while this is large. What belongs to an
    /// utterance that goes on is not meant: that waits for more.
    pub fn behind_s(&self) -> f64 {
        seconds(self.tape.end().saturating_sub(self.turns.worked_to()))
    }

    /// Whether more sound is wanted just now: whoever has it faster than it is spoken waits until it is. Where a model is still to come,
    /// somebody speaks on, and what is too old by then is lost.
    pub fn takes_in(&self) -> bool {
        self.intake.has_room() && (self.is_waiting() || self.behind_s() < AHEAD_S)
    }

    fn is_waiting(&self) -> bool {
        !self.hearer.is_ready() || self.listener.as_ref().is_some_and(Listener::is_waiting)
    }

    /// How much sound is held, in seconds: bounded by [`CallOptions::held_max`] and a window, however long the call is.
    pub fn held_s(&self) -> f64 {
        seconds(self.tape.end() - self.tape.start())
    }

    /// Another number whenever the call has got on: a piece of sound was decoded, listened to, heard or measured.
    pub const fn progress(&self) -> u64 {
        self.done
    }

    /// Waits until something that runs has come to an end.
    async fn something(&mut self) {
        let looks_again = self.intake.is_silent_worker();
        let ended = std::future::poll_fn(|context| {
            let ended = self.poll(context);
            self.done += u64::from(ended.is_ready());
            ended
        });
        if looks_again {
            drop(tokio::time::timeout(Intake::PERIOD, ended).await);
        } else {
            ended.await;
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(drained) = self.intake.poll_drained(context) {
            match drained {
                Drained::Sound(block) => self.record(&block),
                Drained::Damaged(error) => self.outbox.push_back(CallEvent::of_damage(&error)),
                Drained::Failed(error) => self.fail(error),
            }
            return Poll::Ready(());
        }
        if let Some(Poll::Ready((probabilities, error))) = self.listener.as_mut().map(|listener| listener.poll(context))
        {
            self.listened(&probabilities, error);
            return Poll::Ready(());
        }
        if let Poll::Ready(hearing) = self.hearer.poll(context) {
            self.heard(hearing);
            return Poll::Ready(());
        }
        if let Some(Poll::Ready(figures)) = self.measurer.as_mut().map(|measurer| measurer.poll(context)) {
            self.measured(figures);
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Starts whatever can be started.
    fn work(&mut self) {
        self.take_in();
        let is_over = self.intake.is_done(self.tape.has_room());
        self.pass_lost();
        self.listen(is_over);
        self.measure(is_over);
        if is_over && !self.is_finished && self.turns.heard() >= self.tape.end() {
            self.is_finished = true;
            let edges = self.turns.finish(self.tape.end());
            self.tell_edges(edges);
        }
        self.hear();
        self.let_go();
        if self.is_finished && self.turns.first().is_none() && self.measurer.as_ref().is_none_or(Measurer::is_done) {
            self.has_ended = true;
            self.tell_lost();
            self.outbox.push_back(CallEvent::Ended { heard_s: self.heard_s() });
        }
    }

    /// What the decoder has by now, as far as there is room for it while somebody listens.
    fn take_in(&mut self) {
        self.outbox.extend(self.intake.take_damage().map(|error| CallEvent::of_damage(&error)));
        while self.is_waiting() || self.tape.has_room() || !self.intake.is_coded() {
            match self.intake.pull() {
                Ok(Some(block)) => self.record(&block),
                Ok(None) => return,
                Err(error) => return self.fail(error),
            }
        }
    }

    fn record(&mut self, block: &[f32]) {
        self.tap.iter_mut().for_each(|tap| tap(block));
        self.tape.push(block, Instant::now());
    }

    /// The sound ends here, for it cannot be decoded.
    fn fail(&mut self, error: AudioError) {
        self.intake.stop();
        self.outbox.push_back(CallEvent::AudioFailed(error));
    }

    /// Sound that is gone is passed over by everybody.
    fn pass_lost(&mut self) {
        // What came at once is listened to first: silence need not be held.
        if !self.hearer.is_ready() && self.turns.heard() + LISTENED_MAX > self.tape.end() {
            self.tape.lose_beyond(self.held_max);
        }
        let start = self.tape.start();
        while self.listener.is_some() && self.turns.heard() < start {
            let edges = self.turns.hear(0.0);
            self.tell_edges(edges);
        }
        // What a window has that is with the model is not lost.
        while self.hearer.window().is_none_or(|window| window.is_partial) {
            let Some(lost) = self.turns.lose_before(start) else { break };
            let error =
                RunError::new(RunErrorKind::DeadlineExceeded, "too much sound waited, and this utterance was lost");
            self.outbox.push_back(CallEvent::Error { utterance: Some(lost.number), error });
        }
        if self.tape.lost() >= LOST_TOLD {
            self.tell_lost();
        }
    }

    fn tell_lost(&mut self) {
        if let Some(lost) = self.tape.take_lost() {
            self.outbox.push_back(CallEvent::Lost { from_s: seconds(lost.start), to_s: seconds(lost.end) });
        }
    }

    /// Has the next chunks listened to; the last one is filled up with silence.
    fn listen(&mut self, is_over: bool) {
        self.apply_marks();
        let (from, end) = (self.turns.heard(), self.tape.end());
        let Some(listener) = &mut self.listener else {
            let edges = self.turns.pass(end);
            return self.tell_edges(edges);
        };
        let chunk = VoiceModel::CHUNK_SAMPLES as u64;
        let whole = end.saturating_sub(from) / chunk * chunk;
        let is_rest = is_over && whole == 0 && from < end;
        if listener.is_busy() || (whole == 0 && !is_rest) {
            return;
        }
        let mut sound = self.tape.copy(from..from + whole.min(LISTENED_MAX).max(u64::from(is_rest) * chunk));
        sound.resize(sound.len().next_multiple_of(VoiceModel::CHUNK_SAMPLES), 0.0);
        match listener.passes_over(sound.len() / VoiceModel::CHUNK_SAMPLES) {
            Some(probabilities) => {
                self.listened(&probabilities, None);
                self.listen(is_over);
            }
            None => listener.start(sound),
        }
    }

    fn listened(&mut self, probabilities: &[f32], error: Option<RunError>) {
        for &probability in probabilities {
            self.apply_marks();
            let edges = self.turns.hear(probability);
            self.tell_edges(edges);
        }
        self.outbox.extend(error.map(|error| CallEvent::Error { utterance: None, error }));
    }

    /// What the owner ended up to where the call was listened to.
    fn apply_marks(&mut self) {
        let chunk = if self.listener.is_some() { VoiceModel::CHUNK_SAMPLES as u64 } else { 0 };
        while let Some(mark) = self.marks.first() {
            let (Mark::Commit(place) | Mark::Clear(place)) = mark;
            if self.listener.is_some() && self.turns.heard() + chunk <= place {
                return;
            }
            self.marks.pop();
            if self.listener.is_none() {
                let edges = self.turns.pass(place);
                self.tell_edges(edges);
            }
            let edges = match mark {
                Mark::Commit(place) => self.turns.commit(place),
                Mark::Clear(place) => {
                    self.turns.clear(place);
                    Vec::new()
                }
            };
            self.tell_edges(edges);
        }
    }

    fn tell_edges(&mut self, edges: Vec<TurnEdge>) {
        self.outbox.extend(edges.into_iter().map(|edge| match edge {
            TurnEdge::Started { utterance, at } => CallEvent::SpeechStarted { utterance, at_s: seconds(at) },
            TurnEdge::Stopped { utterance, at } => CallEvent::SpeechStopped { utterance, at_s: seconds(at) },
        }));
    }

    fn measure(&mut self, is_over: bool) {
        let Some(measurer) = self.measurer.as_mut().filter(|measurer| measurer.is_idle()) else { return };
        let (from, end) = (measurer.place(), self.tape.end());
        let to = end.min(from + MEASURED.1);
        if to - from < MEASURED.0 && !is_over {
            return;
        }
        // What was lost before it could be measured counts as silence, so that times stay right.
        let gone = self.tape.start().clamp(from, to) - from;
        let mut sound = vec![0.0; gone as usize];
        sound.extend(self.tape.copy(from + gone..to));
        measurer.start(sound, is_over && to == end);
    }

    fn measured(&mut self, figures: Vec<VoiceFigures>) {
        for figures in figures {
            let decision = self.findings.as_mut().and_then(|findings| findings.sounded(&figures));
            let at_s = figures.at_s;
            self.outbox.push_back(CallEvent::Features(figures));
            self.outbox.extend(decision.map(|decision| CallEvent::Triage { at_s, decision }));
        }
    }

    /// Tells the utterances that were heard, and has the next window heard.
    fn hear(&mut self) {
        let (heard, every) = (self.turns.heard().min(self.tape.end()), self.partial_every);
        while let Some(first) = self.turns.first() {
            let next = first.next(heard, every);
            let is_idle = match self.hearer.window() {
                None => true,
                // A final text does not wait for a partial, and nobody waits for what was cleared.
                Some(running) => running.is_partial && (first.is_closed() || running.utterance != first.number),
            };
            match next {
                _ if !is_idle => return,
                Next::Wait => return,
                Next::Complete => self.complete(),
                Next::Hear(_) if !self.hearer.is_ready() => return,
                Next::Hear(window) => {
                    let guess = first.guess();
                    let sound = self.tape.copy(window.range.clone());
                    self.tell_lost();
                    return self.hearer.start(window, sound, guess);
                }
            }
        }
        self.hearer.give_up();
    }

    fn heard(&mut self, hearing: Hearing) {
        match hearing {
            Hearing::Ready => {
                self.pass_lost();
                self.tell_lost();
                let behind_s = self.behind_s();
                self.outbox.push_back(CallEvent::ModelReady { behind_s });
            }
            Hearing::NotLoaded(error) => {
                self.outbox.extend(error.map(|error| CallEvent::Error { utterance: None, error }));
            }
            Hearing::Window(_, Err(error)) if is_absent(&error) => self.outbox.push_back(CallEvent::ModelWaiting),
            Hearing::Window(window, heard) => {
                let is_first = self.turns.first().is_some_and(|first| first.number == window.utterance);
                match heard {
                    _ if !is_first => {}
                    Ok(heard) if window.is_partial => self.tell_partial(&window, &heard),
                    Ok(heard) => self.turns.first().into_iter().for_each(|first| first.accept(&window, &heard.text)),
                    Err(_) if window.is_partial => {
                        self.turns.first().into_iter().for_each(|first| first.passed(&window));
                    }
                    Err(error) => {
                        let utterance = self.turns.fail(&window).map(|failed| failed.number);
                        self.outbox.push_back(CallEvent::Error { utterance, error });
                    }
                }
            }
        }
    }

    fn tell_partial(&mut self, window: &Window, heard: &Heard) {
        let Some(first) = self.turns.first() else { return };
        if heard.text.segments.is_empty() {
            return first.passed(window);
        }
        first.hypothesis(window, &heard.said, heard.text.language);
        let (start_s, end_s) = (seconds(first.from), seconds(window.range.end));
        let (text, stable) = (first.agreement.text().to_owned(), first.agreement.stable().to_owned());
        let (utterance, language, stable_bytes) = (first.number, first.guess(), stable.len());
        let stable_to_s = start_s + (end_s - start_s) * stable_bytes as f64 / text.len().max(1) as f64;
        let findings = self.findings.as_mut();
        let decision =
            findings.and_then(|findings| findings.saying(utterance, &stable, (start_s, stable_to_s), language));
        let latency = self.tape.age(window.range.end, Instant::now());
        self.outbox.push_back(CallEvent::Partial { utterance, start_s, end_s, text, stable_bytes, language, latency });
        self.outbox.extend(decision.map(|decision| CallEvent::Triage { at_s: end_s, decision }));
    }

    /// Tells the text of the first utterance.
    fn complete(&mut self) {
        self.hearer.give_up();
        let Some(done) = self.turns.done() else { return };
        let (number, end_s) = (done.number, seconds(done.to()));
        let findings = self.findings.as_mut();
        let decision =
            findings.and_then(|findings| findings.said(number, &done.heard().segments, done.heard().language));
        let latency = self.tape.age(done.to(), Instant::now());
        self.outbox.push_back(CallEvent::of_final(done, latency));
        self.outbox.extend(decision.map(|decision| CallEvent::Triage { at_s: end_s, decision }));
    }

    /// Sound that nobody needs any more.
    fn let_go(&mut self) {
        let measured = self.measurer.as_ref().map_or(u64::MAX, Measurer::place);
        let needed = self.turns.needed_from().min(measured);
        self.tape.discard_before(needed);
    }
}
