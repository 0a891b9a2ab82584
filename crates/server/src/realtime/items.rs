//! What is said as items of a conversation: one for each utterance, with text that is only ever added to.

use crate::error::ApiError;
use crate::wire::{OpenAiError, RealtimeEventBody, RealtimeItemPlace, RealtimeUsage, whole_text};
use samovar_models::whisper::Segment;
use std::collections::BTreeMap;

/// The items whose text is still to come. An utterance goes on while the one before is being transcribed, so these are few.
pub(super) struct Items {
    session: String,
    /// Whether its client speaks the older form.
    is_old: bool,
    open: BTreeMap<u64, Item>,
    /// The item that was committed last.
    previous: Option<String>,
}

#[derive(Default)]
struct Item {
    /// The text that was told.
    told: String,
    is_committed: bool,
}

impl Items {
    /// Of the session of that name.
    pub(super) fn new(session: &str, is_old: bool) -> Self {
        let session = session.trim_start_matches("sess_").to_owned();
        Self { session, is_old, open: BTreeMap::new(), previous: None }
    }

    /// From now on in the older form.
    pub(super) const fn speak_old(&mut self) {
        self.is_old = true;
    }

    /// The name of an utterance's item.
    pub(super) fn id(&self, utterance: u64) -> String {
        format!("item_{}_{utterance}", self.session)
    }

    /// What goes on is forgotten, and has no text.
    pub(super) fn clear(&mut self) {
        self.open.retain(|_, item| item.is_committed);
    }

    /// No more sound belongs to it.
    pub(super) fn commit(&mut self, utterance: u64) -> Vec<RealtimeEventBody> {
        let item_id = self.id(utterance);
        // What was cleared may have had a text on its way; no later one is committed before an earlier one.
        self.open.retain(|number, item| item.is_committed || *number >= utterance);
        let item = self.open.entry(utterance).or_default();
        if std::mem::replace(&mut item.is_committed, true) {
            return Vec::new();
        }
        let previous = self.previous.replace(item_id.clone());
        let place = || RealtimeItemPlace::new(item_id.clone(), previous.clone());
        let mut events =
            vec![RealtimeEventBody::Committed { previous_item_id: previous.clone(), item_id: item_id.clone() }];
        if self.is_old {
            events.push(RealtimeEventBody::ItemCreated(place()));
        } else {
            events.push(RealtimeEventBody::ItemAdded(place()));
            events.push(RealtimeEventBody::ItemDone(place()));
        }
        events
    }

    /// What is certain of its text by now.
    pub(super) fn stable(&mut self, utterance: u64, text: &str) -> Option<RealtimeEventBody> {
        let item_id = self.id(utterance);
        let item = self.open.entry(utterance).or_default();
        let more = text.trim_start().strip_prefix(&*item.told).filter(|more| !more.is_empty())?.to_owned();
        item.told.push_str(&more);
        Some(RealtimeEventBody::Delta { item_id, content_index: 0, delta: more })
    }

    /// Its whole text.
    pub(super) fn complete(&mut self, utterance: u64, segments: &[Segment], seconds: f64) -> Vec<RealtimeEventBody> {
        let transcript = whole_text(segments);
        let mut events = self.commit(utterance);
        events.extend(self.stable(utterance, &transcript));
        self.open.remove(&utterance);
        let usage = RealtimeUsage { kind: "duration", seconds };
        events.push(RealtimeEventBody::Completed { item_id: self.id(utterance), content_index: 0, transcript, usage });
        events
    }

    /// It has no text.
    pub(super) fn fail(&mut self, utterance: u64, error: &ApiError) -> Vec<RealtimeEventBody> {
        let mut events = self.commit(utterance);
        self.open.remove(&utterance);
        let error = OpenAiError::from(error).error;
        events.push(RealtimeEventBody::Failed { item_id: self.id(utterance), content_index: 0, error });
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn segment(text: &str) -> Segment {
        Segment {
            start_s: 0.0,
            end_s: 1.0,
            text: text.to_owned(),
            tokens: Vec::new(),
            logprobs: Vec::new(),
            words: Vec::new(),
        }
    }

    fn shown(events: &[RealtimeEventBody]) -> Vec<Value> {
        events.iter().map(|event| serde_json::to_value(event).unwrap()).collect()
    }

    #[test]
    fn text_is_only_ever_added_to() {
        let mut items = Items::new("sess_1", false);
        assert!(items.stable(0, "").is_none());
        let delta = |event: Option<RealtimeEventBody>| serde_json::to_value(event.unwrap()).unwrap()["delta"].clone();
        assert_eq!(delta(items.stable(0, " There is")), "There is");
        assert!(items.stable(0, "There is").is_none());
        assert_eq!(delta(items.stable(0, "There is a fire")), " a fire");
        assert!(items.stable(0, "Their").is_none(), "nothing is taken back");
        let events = shown(&items.complete(0, &[segment(" There is a fire"), segment(" in the kitchen.")], 1.5));
        let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        let transcription = "conversation.item.input_audio_transcription";
        assert_eq!(
            kinds,
            [
                "input_audio_buffer.committed",
                "conversation.item.added",
                "conversation.item.done",
                &format!("{transcription}.delta"),
                &format!("{transcription}.completed")
            ]
        );
        assert_eq!(events[3]["delta"], " in the kitchen.");
        assert_eq!(events[4]["transcript"], "There is a fire in the kitchen.");
        assert_eq!(items.open.len(), 0);
    }

    #[test]
    fn items_follow_one_another_and_are_committed_once() {
        let mut items = Items::new("sess_1", true);
        let first = shown(&items.commit(0));
        assert_eq!(
            (&first[0]["previous_item_id"], &first[1]["type"]),
            (&Value::Null, &"conversation.item.created".into())
        );
        assert!(items.commit(0).is_empty());
        assert_eq!(shown(&items.commit(1))[0]["previous_item_id"], items.id(0));
        assert_eq!(shown(&items.complete(0, &[], 1.0)).len(), 1, "committed before, and nothing was said");
    }
}
