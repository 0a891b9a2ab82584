//! The desk on stores that are slow, full or away.

use super::settings::CallSettings;
use super::writer::CallWriter;
use super::{CallDesk, sweeper};
use crate::Metrics;
use samovar_calls::{
    Call, CallDetail, CallEnd, CallError, CallErrorKind, CallFilter, CallFuture, CallId, CallOrigin, CallState,
    CallStore, CallTime, Entry, NewCall, Segment, SqliteCalls, StoreLimits,
};
use samovar_service::access::Caller;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A real store whose disk can be stopped, or be full.
struct Disk {
    store: SqliteCalls,
    is_full: AtomicBool,
    is_stopped: AtomicBool,
    goes_on: Notify,
    writes: AtomicUsize,
}

impl Disk {
    fn new(folder: &Path) -> Arc<Self> {
        let store = SqliteCalls::open(&folder.join("calls.sqlite"), StoreLimits::default()).unwrap();
        let (is_full, is_stopped) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { store, is_full, is_stopped, goes_on: Notify::new(), writes: AtomicUsize::new(0) })
    }

    fn stop(&self, stopped: bool) {
        self.is_stopped.store(stopped, Ordering::SeqCst);
        self.goes_on.notify_waiters();
    }

    async fn pass(&self) -> Result<(), CallError> {
        loop {
            let goes_on = self.goes_on.notified();
            tokio::pin!(goes_on);
            goes_on.as_mut().enable();
            if !self.is_stopped.load(Ordering::SeqCst) {
                break;
            }
            goes_on.await;
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        let full = self.is_full.load(Ordering::SeqCst);
        if full { Err(CallError::new(CallErrorKind::StorageFull)) } else { Ok(()) }
    }
}

impl CallStore for Disk {
    fn begin(&self, call: NewCall, now: CallTime) -> CallFuture<'_, Call> {
        Box::pin(async move {
            self.pass().await?;
            self.store.begin(call, now).await
        })
    }

    fn append(&self, id: CallId, entries: Vec<Entry>) -> CallFuture<'_, ()> {
        Box::pin(async move {
            self.pass().await?;
            self.store.append(id, entries).await
        })
    }

    fn end(&self, id: CallId, end: CallEnd, now: CallTime) -> CallFuture<'_, Call> {
        Box::pin(async move {
            self.pass().await?;
            self.store.end(id, end, now).await
        })
    }

    fn find(&self, id: CallId, owner: Option<&str>) -> CallFuture<'_, Call> {
        self.store.find(id, owner)
    }

    fn get(&self, id: CallId, owner: Option<&str>) -> CallFuture<'_, CallDetail> {
        self.store.get(id, owner)
    }

    fn list(&self, filter: CallFilter) -> CallFuture<'_, (Vec<Call>, Option<u64>)> {
        self.store.list(filter)
    }

    fn delete(&self, id: CallId, owner: Option<&str>) -> CallFuture<'_, Call> {
        self.store.delete(id, owner)
    }

    fn sweep(&self, keep: Duration, now: CallTime) -> CallFuture<'_, Vec<Call>> {
        self.store.sweep(keep, now)
    }

    fn interrupt_open(&self, now: CallTime) -> CallFuture<'_, u64> {
        self.store.interrupt_open(now)
    }
}

/// A desk with its writer.
struct Office {
    disk: Arc<Disk>,
    desk: Arc<CallDesk>,
    writer: JoinHandle<()>,
    folder: TempDir,
}

impl Office {
    fn open(change: impl FnOnce(&mut CallSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings =
            CallSettings { free_bytes_min: 0, keep_audio: true, ..CallSettings::new(folder.path().join("calls")) };
        change(&mut settings);
        let disk = Disk::new(folder.path());
        let desk = Arc::new(CallDesk::on_store(&settings, Arc::clone(&disk) as _, &Arc::new(Metrics::new())).unwrap());
        let (writing, writes) = (Arc::clone(&desk), desk.writes.lock().take().unwrap());
        let writer = tokio::spawn(async move { CallWriter::new(&writing).write_all(writes).await });
        Self { disk, desk, writer, folder }
    }

    /// Closes as a server does, and waits for what is still to be written.
    async fn close(self) -> (Arc<CallDesk>, TempDir) {
        self.desk.queue.close();
        self.writer.await.unwrap();
        (self.desk, self.folder)
    }
}

fn said(text: &str) -> Vec<Entry> {
    vec![Entry::Segment(Segment {
        start_s: 0.0,
        end_s: 1.0,
        text: text.to_owned(),
        language: None,
        average_logprob: None,
        no_speech_prob: None,
    })]
}

#[tokio::test]
async fn what_was_told_is_there_at_the_end_with_its_sound() {
    let office = Office::open(|_| {});
    let mut call = office.desk.begin(&Caller::local(), CallOrigin::Live, Some("case 1".to_owned())).await.unwrap();
    let id = call.id();
    call.append(said("There is a fire."));
    for _ in 0..25 {
        call.hear(&[0.5; 1_600]);
    }
    call.end(CallEnd { duration_s: Some(2.5), ..CallEnd::default() });
    let (desk, _folder) = office.close().await;
    let detail = desk.get(&Caller::local(), id).await.unwrap();
    assert_eq!((detail.call.state, detail.call.label.as_deref()), (CallState::Ended, Some("case 1")));
    assert_eq!(detail.segments[0].text, "There is a fire.");
    let file = desk.audio(&Caller::local(), id).await.unwrap().unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 44 + 2 * 40_000);
    assert_eq!(detail.call.audio.unwrap().bytes, 44 + 2 * 40_000);
    desk.delete(&Caller::local(), id).await.unwrap();
    assert!(!file.exists());
    assert_eq!(desk.get(&Caller::local(), id).await.unwrap_err().kind(), CallErrorKind::Unknown);
    assert!(desk.begin(&Caller::local(), CallOrigin::Live, None).await.is_err(), "the server closes");
}

#[tokio::test]
async fn a_call_that_is_cut_off_or_forgotten_about_ends_as_interrupted() {
    let office = Office::open(|_| {});
    let call = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await.unwrap();
    let id = call.id();
    drop(call);
    let (desk, _folder) = office.close().await;
    assert_eq!(desk.get(&Caller::local(), id).await.unwrap().call.state, CallState::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_holds_nobody_up_and_costs_what_does_not_fit() {
    let office = Office::open(|settings| settings.waiting_max = 4);
    let call = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await.unwrap();
    office.disk.stop(true);
    // None of this waits: the test's clock stands still.
    let before = tokio::time::Instant::now();
    (0..20).for_each(|number| call.append(said(&format!("number {number}"))));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(office.desk.fault(), Some(CallErrorKind::Storage));
    // Another call begins all the same, later than anybody waits: it is told that it is not kept.
    let refused = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await;
    assert_eq!(refused.err().map(CallError::kind), Some(CallErrorKind::Storage));
    office.disk.stop(false);
    let id = call.id();
    // The queue empties before the call ends.
    while office.disk.writes.load(Ordering::SeqCst) < 5 {
        tokio::task::yield_now().await;
    }
    call.end(CallEnd::default());
    let (desk, _folder) = office.close().await;
    let detail = desk.get(&Caller::local(), id).await.unwrap();
    assert!((4..=5).contains(&detail.segments.len()), "{}", detail.segments.len());
    assert_eq!(detail.segments[0].text, "number 0");
    assert_eq!((detail.call.state, desk.fault()), (CallState::Ended, None), "all is well again");
}

#[tokio::test]
async fn sound_that_found_no_room_is_silence_of_the_same_length() {
    const SECOND: usize = 16_000;
    let office = Office::open(|settings| settings.waiting_max = 4);
    let mut call = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await.unwrap();
    let id = call.id();
    let queue = office.desk.queue.sender().unwrap();
    let empty = async || {
        while queue.capacity() < queue.max_capacity() {
            tokio::task::yield_now().await;
        }
    };
    let speak = |call: &mut super::OpenCall, seconds: std::ops::Range<usize>| {
        seconds.for_each(|second| call.hear(&[(second + 1) as f32 / 100.0; SECOND]));
    };
    office.disk.stop(true);
    call.append(said("the writer waits for the disk with this"));
    empty().await;
    speak(&mut call, 0..10);
    office.disk.stop(false);
    empty().await;
    speak(&mut call, 10..12);
    empty().await;
    // The last ones are lost as well, and the end comes all the same.
    office.disk.stop(true);
    call.append(said("and with this"));
    empty().await;
    speak(&mut call, 12..20);
    call.hear(&[0.5; SECOND / 2]);
    call.end(CallEnd::default());
    office.disk.stop(false);
    drop(queue);
    // Whoever closes waits for the end, which waited for room itself.
    while office.desk.get(&Caller::local(), id).await.unwrap().call.state == CallState::Open {
        tokio::task::yield_now().await;
    }
    let (desk, _folder) = office.close().await;
    let file = std::fs::read(desk.audio(&Caller::local(), id).await.unwrap().unwrap()).unwrap();
    assert_eq!(file.len(), 44 + 2 * (20 * SECOND + SECOND / 2));
    let samples: Vec<i16> = file[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let level = |second: usize| ((second + 1) as f32 / 100.0 * 32_767.0).round() as i16;
    let kept: Vec<usize> = (0..20)
        .filter(|second| {
            let sound = &samples[second * SECOND..(second + 1) * SECOND];
            let all = |level: i16| sound.iter().all(|sample| *sample == level);
            assert!(all(level(*second)) || all(0), "second {second} is at its time");
            all(level(*second))
        })
        .collect();
    assert_eq!(kept, [0, 1, 2, 3, 10, 11, 12, 13, 14, 15]);
    assert!(samples[20 * SECOND..].iter().all(|sample| *sample == 16_384), "the last half second waited for room");
}

#[tokio::test]
async fn a_full_disk_is_told_until_it_is_not_full_any_more() {
    let office = Office::open(|_| {});
    let call = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await.unwrap();
    office.disk.is_full.store(true, Ordering::SeqCst);
    let lost = call.append_waiting(said("lost")).await;
    assert_eq!(lost.unwrap_err().kind(), CallErrorKind::StorageFull);
    assert_eq!(office.desk.fault(), Some(CallErrorKind::StorageFull));
    let none = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await;
    assert_eq!(none.err().map(CallError::kind), Some(CallErrorKind::StorageFull));
    office.disk.is_full.store(false, Ordering::SeqCst);
    call.append_waiting(said("kept")).await.unwrap();
    assert_eq!(office.desk.fault(), None);
}

#[tokio::test]
async fn old_calls_go_with_their_sound_and_so_does_sound_without_a_call() {
    let office = Office::open(|settings| settings.keep = Duration::from_secs(60));
    let mut call = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await.unwrap();
    let id = call.id();
    call.hear(&[0.5; 20_000]);
    call.end_waiting(CallEnd::default()).await.unwrap();
    let file = office.desk.audio(&Caller::local(), id).await.unwrap().unwrap();
    let orphan = file.with_file_name(format!("{}.wav", CallId::random()));
    let other = file.with_file_name("notes.txt");
    std::fs::write(&orphan, [0; 100]).unwrap();
    std::fs::write(&other, "not ours").unwrap();
    sweeper::remove_orphans(&office.desk).await;
    assert!(file.exists() && !orphan.exists() && other.exists());
    sweeper::sweep(&office.desk, CallTime::now()).await;
    assert!(file.exists(), "its time is not over");
    sweeper::sweep(&office.desk, CallTime(CallTime::now().0 + 61_000)).await;
    assert!(!file.exists() && office.desk.get(&Caller::local(), id).await.is_err());
}

#[tokio::test]
async fn a_call_that_is_deleted_while_it_goes_on_leaves_nothing() {
    let office = Office::open(|_| {});
    let mut call = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await.unwrap();
    let id = call.id();
    call.hear(&[0.5; 20_000]);
    call.append_waiting(said("something")).await.unwrap();
    office.desk.delete(&Caller::local(), id).await.unwrap();
    call.append(said("and more"));
    call.hear(&[0.5; 20_000]);
    call.end(CallEnd::default());
    let (desk, _folder) = office.close().await;
    assert_eq!(desk.audio.list(10).unwrap(), []);
    assert!(desk.get(&Caller::local(), id).await.is_err());
    assert_eq!(desk.fault(), None, "that is no loss");
}

#[tokio::test]
async fn a_call_ends_although_the_queue_is_full_or_the_disk_refuses_it() {
    let office = Office::open(|settings| settings.waiting_max = 4);
    let call = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await.unwrap();
    office.disk.stop(true);
    (0..20).for_each(|number| call.append(said(&format!("number {number}"))));
    let full = call.id();
    call.end(CallEnd::default());
    office.disk.stop(false);
    let other = loop {
        match office.desk.begin(&Caller::local(), CallOrigin::Live, None).await {
            Ok(call) => break call,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let refused = other.id();
    office.disk.is_full.store(true, Ordering::SeqCst);
    assert!(other.end_waiting(CallEnd::default()).await.is_err());
    office.disk.is_full.store(false, Ordering::SeqCst);
    let (desk, _folder) = office.close().await;
    for id in [full, refused] {
        assert_eq!(desk.get(&Caller::local(), id).await.unwrap().call.state, CallState::Ended);
    }
}

#[tokio::test]
async fn sound_that_was_kept_before_there_was_no_room_is_told() {
    let office = Office::open(|settings| settings.audio_bytes_max = 70_000);
    let mut call = office.desk.begin(&Caller::local(), CallOrigin::Live, None).await.unwrap();
    for _ in 0..4 {
        call.hear_waiting(&[0.5; 16_000]).await;
    }
    let kept = call.end_waiting(CallEnd::default()).await.unwrap();
    assert_eq!(kept.audio.map(|audio| audio.bytes), Some(44 + 64_000));
}
