//! Foul weather that another attempt mends.

use crate::hub_server::{COMMIT, ServedFile, Wrong};
use crate::support::{FILE, Here, PLACE, content, sha256, wanted};
use samovar_hub::{Event, HubErrorKind};
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn a_dropped_connection_goes_on_where_it_stopped() {
    let here = Here::with(&content(300_000));
    here.server.wrong([Wrong::Drop(120_000)]);
    let (pulled, told) = here.pull_telling();
    let pulled = pulled.unwrap();
    assert!(fs::read(pulled.path).unwrap() == content(300_000));
    let ranges: Vec<_> = here.server.gets().into_iter().map(|seen| seen.headers.get("range").cloned()).collect();
    assert_eq!(ranges, [None, Some("bytes=120000-".to_owned())]);
    assert_eq!((here.server.served_bytes(), pulled.fetched_bytes), (300_000, 300_000), "no byte came twice");
    assert_eq!(told.iter().filter(|told| told.starts_with("retry")).count(), 1, "{told:?}");
    assert!(told.contains(&"Begin { size_bytes: Some(300000), kept_bytes: 120000 }".to_owned()), "{told:?}");
}

#[test]
fn the_next_process_goes_on_where_the_last_one_stopped() {
    let mut here = Here::with(&content(300_000));
    here.limits.attempts = 1;
    here.server.wrong([Wrong::Drop(200_000)]);
    let error = here.pull().unwrap_err();
    assert_eq!(error.kind(), HubErrorKind::Network);
    assert_eq!(here.blobs(), [format!("{}.incomplete", sha256(&content(300_000)))]);
    assert!(!here.repo("snapshots").exists(), "nothing is shown before it is whole");
    let pulled = here.pull().unwrap();
    assert_eq!((pulled.fetched_bytes, here.server.served_bytes()), (100_000, 300_000));
    assert_eq!(here.blobs(), [sha256(&content(300_000))]);
}

#[test]
fn a_partial_that_is_whole_is_only_checked() {
    let here = Here::with(&content(10_000));
    put_partial(&here, &content(10_000));
    assert_eq!(here.pull().unwrap().fetched_bytes, 0);
    assert!(here.server.gets().is_empty());
}

#[test]
fn a_damaged_partial_is_noticed_and_begun_anew() {
    for damaged in [vec![7; 4_000], vec![7; 10_000], vec![7; 20_000]] {
        let here = Here::with(&content(10_000));
        put_partial(&here, &damaged);
        assert!(fs::read(here.pull().unwrap().path).unwrap() == content(10_000), "{} bytes", damaged.len());
    }
}

#[test]
fn a_content_of_another_size_is_fetched_anew() {
    let here = Here::with(&content(10_000));
    let path = here.pull().unwrap().path;
    fs::write(here.repo("blobs").join(sha256(&content(10_000))), "cut off").unwrap();
    here.pull().unwrap();
    assert!(fs::read(path).unwrap() == content(10_000));
}

#[test]
fn a_server_that_knows_no_parts_sends_all_of_it() {
    let here = Here::with(&content(10_000));
    put_partial(&here, &content(10_000)[..4_000]);
    here.server.wrong([Wrong::Whole]);
    assert!(fs::read(here.pull().unwrap().path).unwrap() == content(10_000));
    assert_eq!(here.server.served_bytes(), 10_000);
}

#[test]
fn a_part_that_is_refused_is_followed_by_the_whole() {
    let here = Here::with(&content(10_000));
    put_partial(&here, &content(10_000)[..4_000]);
    here.server.wrong([Wrong::Status(416, "Content-Range: bytes */3")]);
    assert!(fs::read(here.pull().unwrap().path).unwrap() == content(10_000));
    let ranges: Vec<bool> =
        here.server.gets().iter().filter(|seen| seen.is_store).map(|seen| seen.headers.contains_key("range")).collect();
    assert_eq!(ranges, [true, false]);
}

#[test]
fn another_part_than_was_asked_for_is_not_taken() {
    let here = Here::with(&content(10_000));
    put_partial(&here, &content(10_000)[..4_000]);
    here.server.wrong([Wrong::OtherPart]);
    assert_eq!(here.pull().unwrap_err().kind(), HubErrorKind::Protocol);
    assert_eq!(here.pull().unwrap().fetched_bytes, 6_000, "what was here is still good");
}

#[test]
fn a_server_that_falls_silent_is_left() {
    let here = Here::impatient(&content(10_000));
    here.server.wrong([Wrong::Stall(2_500)]);
    let (pulled, told) = here.pull_telling();
    assert!(fs::read(pulled.unwrap().path).unwrap() == content(10_000));
    assert!(told.contains(&"retry: the server fell silent".to_owned()), "{told:?}");
    assert_eq!(here.server.served_bytes(), 10_000, "it goes on where the silence began");
}

#[test]
fn silence_does_not_last_for_ever() {
    let here = Here::impatient(&content(10_000));
    here.server.wrong([Wrong::Stall(10), Wrong::Stall(10), Wrong::Stall(10)]);
    let error = here.pull().unwrap_err();
    assert_eq!(error.kind(), HubErrorKind::Network);
    assert!(error.to_string().ends_with("fell silent (attempt 3 of 3)"), "{error}");
}

#[test]
fn a_file_that_changes_meanwhile_is_begun_anew() {
    let here = Here::with(&content(10_000));
    here.server.wrong([Wrong::Drop(4_000)]);
    let mut changed = ServedFile::large(content(8_000));
    changed.commit = COMMIT.replace('0', "f");
    let mut changed = Some(changed);
    let hub = here.hub();
    let pulled = hub.pull(&wanted(), &mut |event| {
        if let Event::Retry { .. } = event {
            changed.take().into_iter().for_each(|file| here.server.put(PLACE, file));
        }
    });
    let path = pulled.unwrap().path;
    assert!(fs::read(&path).unwrap() == content(8_000));
    assert_eq!(path, here.repo("snapshots").join(COMMIT.replace('0', "f")).join(FILE));
}

#[test]
fn a_small_file_that_changes_between_question_and_answer_is_noticed() {
    let here = Here::with(&[]);
    // Tags that are no checksums: only comparing them can tell.
    here.server.put(PLACE, ServedFile::small(content(10_000), "first"));
    here.server.wrong([Wrong::Drop(4_000)]);
    let hub = here.hub();
    let pulled = hub.pull(&wanted(), &mut |event| {
        if let Event::Retry { .. } = event {
            here.server.put(PLACE, ServedFile::small(content(9_000), "second"));
        }
    });
    assert!(fs::read(pulled.unwrap().path).unwrap() == content(9_000));
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    let here = Here::with(&content(1_000));
    here.server.wrong_heads([(429, "Retry-After: 0"), (503, "Retry-After: 0")]);
    here.server.wrong([Wrong::Status(503, "Retry-After: 0"), Wrong::Status(500, "")]);
    let mut here = here;
    here.limits.attempts = 5;
    let (pulled, told) = here.pull_telling();
    pulled.unwrap();
    assert_eq!(told.iter().filter(|told| told.starts_with("retry: the server answers")).count(), 4, "{told:?}");

    here.server.put(PLACE, ServedFile::large(content(2_000)));
    here.server.wrong_heads([(429, "Retry-After: 86400")]);
    let error = here.pull().unwrap_err();
    assert_eq!(error.kind(), HubErrorKind::Busy);
    assert!(error.to_string().ends_with("it says to come again in 86400 s"), "{error}");
}

#[test]
fn a_link_to_the_store_that_has_run_out_is_renewed() {
    let here = Here::with(&content(1_000));
    here.server.wrong([Wrong::Status(403, "")]);
    here.pull().unwrap();
    let heads = here.server.seen().iter().filter(|seen| seen.method == "HEAD").count();
    assert_eq!(heads, 2);
}

#[test]
fn who_asks_to_stop_need_not_wait_for_a_silent_server() {
    let mut here = Here::with(&content(10_000));
    here.limits.silence = Duration::from_secs(60);
    here.server.wrong([Wrong::Stall(2_500)]);
    let hub = here.hub();
    let cancel = hub.cancel();
    let begin = Instant::now();
    let error = std::thread::scope(|scope| {
        let pull = scope.spawn(|| hub.pull(&wanted(), &mut |_| {}));
        here.server.wait_for_bytes(2_500);
        wait_until(|| partial_bytes(&here) == 2_500);
        cancel.stop();
        pull.join().unwrap().unwrap_err()
    });
    assert_eq!(error.kind(), HubErrorKind::Cancelled);
    assert!(begin.elapsed() < Duration::from_secs(30), "the silence was not sat out");
    assert_eq!(here.pull().unwrap().fetched_bytes, 7_500);
}

fn put_partial(here: &Here, content: &[u8]) {
    fs::create_dir_all(here.repo("blobs")).unwrap();
    fs::write(here.repo("blobs").join(format!("{}.incomplete", sha256(&crate::support::content(10_000)))), content)
        .unwrap();
}

fn partial_bytes(here: &Here) -> u64 {
    let path = here.repo("blobs").join(format!("{}.incomplete", sha256(&content(10_000))));
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn wait_until(done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(5));
    }
}
