//! A live call on its way into the store: what is told of it is written down, as far as it is not to change.

use crate::calls::OpenCall;
use parking_lot::Mutex;
use samovar_calls::{CallEnd, Decided, Entry, Features, Segment};
use samovar_models::whisper::Language;
use samovar_pipelines::CallEvent;
use std::sync::Arc;

/// A live call on its way into the store; none of it is written where nothing is kept. Dropped before it was closed, the call counts as
/// interrupted.
#[derive(Default)]
pub(crate) struct CallRecord {
    call: Option<KeptCall>,
    language: Option<Language>,
    interrupted: bool,
}

/// Whose sound comes by itself; none when it was closed.
type KeptCall = Arc<Mutex<Option<OpenCall>>>;

impl CallRecord {
    /// Of that call; none: nothing is kept.
    pub(crate) fn new(call: Option<OpenCall>) -> Self {
        Self { call: call.map(|call| Arc::new(Mutex::new(Some(call)))), ..Self::default() }
    }

    /// What takes its sound; none where no sound is kept.
    pub(crate) fn tap(&self) -> Option<impl FnMut(&[f32]) + Send + use<>> {
        let call = self.call.clone()?;
        let keeps = call.lock().as_ref().is_some_and(OpenCall::keeps_audio);
        keeps.then_some(move |sound: &[f32]| call.lock().iter_mut().for_each(|call| call.hear(sound)))
    }

    /// The call's name; none where nothing is kept.
    pub(crate) fn id(&self) -> Option<String> {
        self.call.as_ref()?.lock().as_ref().map(|call| call.id().to_string())
    }

    /// Whether anything is kept.
    pub(crate) const fn is_kept(&self) -> bool {
        self.call.is_some()
    }

    /// Writes down what will not change any more. Never waits.
    pub(crate) fn write(&mut self, event: &CallEvent) {
        let Some(call) = &self.call else { return };
        if let CallEvent::Final { language, .. } = event {
            self.language = language.or(self.language);
        }
        let entries = entries(event);
        if let Some(call) = &*call.lock()
            && !entries.is_empty()
        {
            call.append(entries);
        }
    }

    /// The caller was cut off, or the server stops.
    pub(crate) const fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// The call is over, and was so long.
    pub(crate) fn close(&mut self, heard_s: f64) {
        if let Some(call) = self.call.take().and_then(|call| call.lock().take()) {
            call.end(CallEnd {
                duration_s: Some(heard_s),
                language: self.language.map(|language| language.code().to_owned()),
                audio: None,
                interrupted: self.interrupted,
            });
        }
    }
}

fn entries(event: &CallEvent) -> Vec<Entry> {
    match event {
        CallEvent::Final { segments, language, average_logprob, no_speech_prob, .. } => {
            let said = segments.iter().filter(|segment| !segment.text.trim().is_empty()).map(|segment| Segment {
                start_s: segment.start_s,
                end_s: segment.end_s,
                text: segment.text.trim().to_owned(),
                language: language.map(|language| language.code().to_owned()),
                average_logprob: Some(f64::from(*average_logprob)),
                no_speech_prob: Some(f64::from(*no_speech_prob)),
            });
            said.map(Entry::Segment).collect()
        }
        CallEvent::Features(figures) => vec![Entry::Features(Features::from(figures))],
        CallEvent::Triage { at_s, decision } => {
            vec![Entry::Decided(Decided { at_s: *at_s, decision: decision.clone() })]
        }
        _ => Vec::new(),
    }
}
