//! The store of calls, on a real file.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use samovar_calls::{
    AudioKept, CallEnd, CallErrorKind, CallFilter, CallId, CallOrigin, CallState, CallStore, CallTime, Decided,
    Distress, DistressPart, Entry, Features, NewCall, Segment, SqliteCalls, StoreLimits,
};
use samovar_triage::{Decision, Priority};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("calls.sqlite")
    }

    fn open(&self) -> SqliteCalls {
        SqliteCalls::open(&self.file(), StoreLimits::default()).unwrap()
    }
}

fn new_call(owner: &str) -> NewCall {
    NewCall { id: CallId::random(), owner: owner.to_owned(), origin: CallOrigin::Live, label: None }
}

fn segment(text: &str) -> Entry {
    Entry::Segment(Segment {
        start_s: 1.0,
        end_s: 2.5,
        text: text.to_owned(),
        language: Some("en".to_owned()),
        average_logprob: Some(-0.25),
        no_speech_prob: None,
    })
}

/// A second with one figure, of which the whole score is made.
fn sounded(pitch_hz: f64) -> Features {
    let part = DistressPart {
        figure: "pitch_hz".to_owned(),
        value: pitch_hz,
        usual: Some(180.0),
        contribution: 0.1,
        weight: 0.2,
    };
    Features {
        at_s: 0.0,
        duration_s: 1.0,
        values: BTreeMap::from([("pitch_hz".to_owned(), pitch_hz), ("distress".to_owned(), 0.1)]),
        distress: Some(Distress { score: 0.1, parts: vec![part] }),
    }
}

fn decided(priority: Priority, category: &str) -> Entry {
    let decision = Decision { priority, category: category.to_owned(), reasons: Vec::new(), negated: Vec::new() };
    Entry::Decided(Decided { at_s: 3.0, decision })
}

fn all() -> CallFilter {
    CallFilter { limit: 100, ..CallFilter::default() }
}

fn searched(text: &str) -> CallFilter {
    CallFilter { text: Some(text.to_owned()), ..all() }
}

#[tokio::test]
async fn what_was_heard_is_found_again_after_a_restart() {
    let place = Place::new();
    let calls = place.open();
    let call = calls.begin(new_call("a"), CallTime(1_000)).await.unwrap();
    let features = sounded(212.5);
    let entries = vec![segment("There is a fire."), Entry::Features(features.clone()), decided(Priority::P2, "fire")];
    calls.append(call.id, entries).await.unwrap();
    let audio = AudioKept { file: "x.wav".to_owned(), bytes: 7 };
    let end =
        CallEnd { duration_s: Some(9.5), language: Some("en".to_owned()), audio: Some(audio), interrupted: false };
    calls.end(call.id, end.clone(), CallTime(11_000)).await.unwrap();
    calls.end(call.id, CallEnd { duration_s: Some(1.0), ..end }, CallTime(12_000)).await.unwrap();
    drop(calls);
    let detail = place.open().get(call.id, Some("a")).await.unwrap();
    assert_eq!(detail.call.ended, Some(CallTime(11_000)), "the first end stays");
    assert_eq!((detail.call.state, detail.call.duration_s), (CallState::Ended, Some(9.5)));
    assert_eq!((detail.call.priority, detail.call.category.as_deref()), (Some(Priority::P2), Some("fire")));
    assert_eq!(detail.segments[0].text, "There is a fire.");
    assert_eq!(detail.features, [features]);
    assert_eq!(detail.decisions.len(), 1);
    assert_eq!(detail.call.audio.unwrap().file, "x.wav");
}

#[tokio::test]
async fn words_are_found_whatever_their_case_and_accents_and_nothing_can_be_asked_but_words() {
    let place = Place::new();
    let calls = place.open();
    let first = calls.begin(new_call("a"), CallTime(1)).await.unwrap();
    let second = calls.begin(new_call("a"), CallTime(2)).await.unwrap();
    calls.append(first.id, vec![segment("Es brennt in der Küche!")]).await.unwrap();
    calls.append(second.id, vec![segment("My father is not breathing.")]).await.unwrap();
    let ids = async |text: &str| -> Vec<CallId> {
        calls.list(searched(text)).await.unwrap().0.iter().map(|call| call.id).collect()
    };
    assert_eq!(ids("kuche").await, [first.id]);
    assert_eq!(ids("FATHER breath").await, [second.id], "the last may be a beginning");
    assert_eq!(ids("fath breathing").await, []);
    assert_eq!(ids("text:\" OR NEAR(* -brennt").await, [], "words, not a language");
    assert_eq!(calls.list(searched(" *\"' ")).await.unwrap_err().kind(), CallErrorKind::Search);
}

#[tokio::test]
async fn lists_are_filtered_and_go_on_where_they_ended() {
    let place = Place::new();
    let calls = place.open();
    let urgent = [Priority::P1, Priority::P4, Priority::P2, Priority::P5];
    for (index, priority) in (0_u64..).zip(urgent) {
        let call = calls.begin(new_call("a"), CallTime(index)).await.unwrap();
        calls.append(call.id, vec![decided(priority, "fire")]).await.unwrap();
    }
    calls.begin(new_call("b"), CallTime(9)).await.unwrap();
    let owned = CallFilter { owner: Some("a".to_owned()), limit: 3, ..CallFilter::default() };
    let (page, next) = calls.list(owned.clone()).await.unwrap();
    assert_eq!(page.iter().map(|call| call.began.0).collect::<Vec<_>>(), [3, 2, 1], "the newest first");
    let (page, next) = calls.list(CallFilter { after: next, ..owned.clone() }).await.unwrap();
    assert_eq!((page.len(), next), (1, None));
    let filter = CallFilter { priority: Some(Priority::P2), ..owned.clone() };
    assert_eq!(calls.list(filter).await.unwrap().0.len(), 2);
    let filter = CallFilter { since: Some(CallTime(2)), ..owned };
    assert_eq!(calls.list(filter).await.unwrap().0.len(), 2);
    assert_eq!(calls.list(all()).await.unwrap().0.len(), 5);
}

#[tokio::test]
async fn nobody_sees_or_deletes_anothers_call() {
    let place = Place::new();
    let calls = place.open();
    let call = calls.begin(new_call("a"), CallTime(1)).await.unwrap();
    assert_eq!(calls.get(call.id, Some("b")).await.unwrap_err().kind(), CallErrorKind::Unknown);
    assert_eq!(calls.find(call.id, Some("b")).await.unwrap_err().kind(), CallErrorKind::Unknown);
    assert_eq!(calls.find(call.id, Some("a")).await.unwrap(), call);
    assert_eq!(calls.delete(call.id, Some("b")).await.unwrap_err().kind(), CallErrorKind::Unknown);
    assert!(calls.get(call.id, None).await.is_ok());
    assert!(calls.delete(call.id, Some("a")).await.is_ok());
    assert_eq!(calls.append(call.id, vec![segment("x")]).await.unwrap_err().kind(), CallErrorKind::Unknown);
}

#[tokio::test]
async fn what_is_deleted_is_in_no_file_any_more() {
    let place = Place::new();
    let calls = place.open();
    let call = calls.begin(new_call("a"), CallTime(1)).await.unwrap();
    calls.append(call.id, vec![segment("the word marmalade was said"), segment("and marmalade again")]).await.unwrap();
    let other = calls.begin(new_call("a"), CallTime(2)).await.unwrap();
    calls.append(other.id, vec![segment("something else")]).await.unwrap();
    calls.delete(call.id, None).await.unwrap();
    assert!(calls.list(searched("marmalade")).await.unwrap().0.is_empty());
    assert_eq!(calls.list(searched("something")).await.unwrap().0.len(), 1);
    // While it is open: the write-ahead log has no word of it either.
    let files = fs::read_dir(place.folder.path()).unwrap();
    for file in files.map(|file| file.unwrap().path()) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"marmalade"), "{}", file.display());
    }
}

#[tokio::test]
async fn retention_forgets_what_ended_long_ago_and_nothing_else() {
    let place = Place::new();
    let calls = place.open();
    let hour = Duration::from_secs(3600);
    let old = calls.begin(new_call("a"), CallTime(0)).await.unwrap();
    calls.end(old.id, CallEnd::default(), CallTime(1)).await.unwrap();
    let young = calls.begin(new_call("a"), CallTime(0)).await.unwrap();
    calls.end(young.id, CallEnd::default(), CallTime(3_600_000)).await.unwrap();
    let open = calls.begin(new_call("a"), CallTime(0)).await.unwrap();
    let swept = calls.sweep(hour, CallTime(3_600_002)).await.unwrap();
    assert_eq!(swept.iter().map(|call| call.id).collect::<Vec<_>>(), [old.id]);
    assert!(calls.sweep(hour, CallTime(3_600_002)).await.unwrap().is_empty());
    assert!(calls.get(young.id, None).await.is_ok() && calls.get(open.id, None).await.is_ok());
}

#[tokio::test]
async fn calls_that_were_open_when_the_process_ended_are_interrupted() {
    let place = Place::new();
    let calls = place.open();
    let call = calls.begin(new_call("a"), CallTime(5)).await.unwrap();
    calls.append(call.id, vec![segment("half a sen")]).await.unwrap();
    drop(calls);
    let calls = place.open();
    assert_eq!(calls.interrupt_open(CallTime(9)).await.unwrap(), 1);
    let detail = calls.get(call.id, None).await.unwrap();
    assert_eq!((detail.call.state, detail.segments.len()), (CallState::Interrupted, 1));
    assert_eq!(calls.append(call.id, vec![segment("x")]).await.unwrap_err().kind(), CallErrorKind::Ended);
}

#[tokio::test]
async fn a_call_has_an_end_to_what_is_kept_of_it_and_a_file_too() {
    let place = Place::new();
    let limits = StoreLimits { entries_max: 3, bytes_max: 1 << 20, ..StoreLimits::default() };
    let calls = SqliteCalls::open(&place.file(), limits).unwrap();
    let call = calls.begin(new_call("a"), CallTime(5)).await.unwrap();
    calls.append(call.id, vec![segment("a"), segment("b")]).await.unwrap();
    let two_more = vec![segment("c"), segment("d")];
    assert_eq!(calls.append(call.id, two_more).await.unwrap_err().kind(), CallErrorKind::TooLong);
    assert_eq!(calls.get(call.id, None).await.unwrap().segments.len(), 2, "all of it or nothing");
    let mut last = Ok(());
    for _ in 0..100 {
        let call = calls.begin(new_call("a"), CallTime(5)).await;
        let Ok(call) = call else { break };
        last = calls.append(call.id, vec![segment(&"long ".repeat(10_000))]).await;
        if last.is_err() {
            break;
        }
    }
    assert_eq!(last.unwrap_err().kind(), CallErrorKind::StorageFull);
    assert!(calls.delete(call.id, None).await.is_ok(), "room can be made");
}

#[tokio::test]
async fn figures_that_are_no_numbers_are_kept_as_none() {
    let place = Place::new();
    let calls = place.open();
    let call = calls.begin(new_call("a"), CallTime(5)).await.unwrap();
    let mut features = sounded(f64::NAN);
    let distress = features.distress.as_mut().unwrap();
    (distress.score, distress.parts[0].usual) = (f64::NAN, Some(f64::INFINITY));
    let entry = Entry::Features(features);
    let segment = Segment { start_s: f64::NAN, end_s: f64::INFINITY, ..said() };
    calls.append(call.id, vec![entry, Entry::Segment(segment)]).await.unwrap();
    let detail = calls.get(call.id, None).await.unwrap();
    let [found] = detail.features.try_into().unwrap();
    assert_eq!(found.values.keys().collect::<Vec<_>>(), ["distress"]);
    let [part] = found.distress.unwrap().parts.try_into().unwrap();
    assert_eq!((part.value, part.usual, part.contribution), (0.0, None, 0.1));
    assert!(detail.segments[0].start_s.abs() < f64::EPSILON);
}

/// What was written before the parts of the score were: such files are read as they are, and written on.
#[tokio::test]
async fn seconds_that_were_kept_without_the_parts_of_their_score_are_read_and_new_ones_have_them() {
    let place = Place::new();
    let calls = place.open();
    let call = calls.begin(new_call("a"), CallTime(5)).await.unwrap();
    let body = r#"{"at_s":3.0,"duration_s":3.0,"values":{"distress":0.25,"pitch_hz":301.5}}"#;
    let file = rusqlite::Connection::open(place.file()).unwrap();
    let sql = "INSERT INTO entries (call, kind, body) SELECT seq, 1, ? FROM calls";
    assert_eq!(file.execute(sql, [body]).unwrap(), 1);
    drop((calls, file));
    let calls = place.open();
    calls.append(call.id, vec![Entry::Features(sounded(212.5))]).await.unwrap();
    let [old, new] = calls.get(call.id, None).await.unwrap().features.try_into().unwrap();
    assert_eq!((old.at_s, old.values["distress"], old.distress), (3.0, 0.25, None));
    assert_eq!(new, sounded(212.5));
}

#[tokio::test]
async fn lists_tell_how_a_call_begins_and_no_more() {
    let place = Place::new();
    let calls = place.open();
    let call = calls.begin(new_call("a"), CallTime(1)).await.unwrap();
    assert_eq!(calls.list(all()).await.unwrap().0[0].opening, None);
    let said = ["Hello.", "Es brennt in der Küche!", &"long ".repeat(100)].map(segment);
    calls.append(call.id, said.into()).await.unwrap();
    let opening = calls.list(all()).await.unwrap().0[0].opening.clone().unwrap();
    assert!(opening.starts_with("Hello. Es brennt in der Küche! long long"), "{opening}");
    assert_eq!(opening.chars().count(), 160);
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let place = Place::new();
    fs::write(place.file(), b"not a database, but somebody's only copy of something").unwrap();
    let refused = SqliteCalls::open(&place.file(), StoreLimits::default()).err().unwrap();
    assert_eq!(refused.kind(), CallErrorKind::Corrupt);
    assert!(fs::read(place.file()).unwrap().starts_with(b"not a database"));
}

fn said() -> Segment {
    match segment("x") {
        Entry::Segment(segment) => segment,
        _ => unreachable!("it is one"),
    }
}

/// One thread waits for a file that somebody else has locked, however many ask.
#[test]
fn who_waits_for_the_file_takes_no_thread_from_others() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let limits = StoreLimits { busy_max: Duration::from_secs(20), ..StoreLimits::default() };
        let calls = SqliteCalls::open(&place.file(), limits).unwrap();
        let locking = rusqlite::Connection::open(place.file()).unwrap();
        locking.execute_batch("BEGIN IMMEDIATE").unwrap();
        let ask = |_| {
            let calls = calls.clone();
            tokio::spawn(async move { calls.delete(CallId::random(), None).await })
        };
        let asked: Vec<_> = (0..8).map(ask).collect();
        tokio::task::yield_now().await;
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        assert!(!asked.iter().any(tokio::task::JoinHandle::is_finished));
        locking.execute_batch("ROLLBACK").unwrap();
        for answer in asked {
            assert_eq!(answer.await.unwrap().unwrap_err().kind(), CallErrorKind::Unknown);
        }
    });
}
