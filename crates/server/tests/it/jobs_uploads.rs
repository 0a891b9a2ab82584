//! Videos on their way in: too large, too slow, cut off, none at all, too many, and no room for them.

use crate::client::{PATIENCE, get, post, raw, read_to_end};
use crate::house::options;
use crate::jobs_house::{JobsHouse, form, refused, video};
use crate::pictures::png;
use samovar_jobs::{JobPolicy, JobQueue, JobTime};
use samovar_server::{JobSettings, ServerLimits, ServerOptions};
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const SHORT: Duration = Duration::from_millis(300);

async fn with(place: &Path, change: impl FnOnce(&mut JobSettings)) -> JobsHouse {
    let limits = ServerLimits { body_idle_time: SHORT, body_bytes_max: 64 << 10, ..ServerLimits::default() };
    JobsHouse::with(place, JobPolicy::default(), ServerOptions { limits, ..options() }, change).await
}

/// Nothing is left of what was refused, and the next one is taken.
async fn goes_on(jobs: &JobsHouse) {
    jobs.until_folders(&[]).await;
    assert_eq!(jobs.queue.counts(JobTime::now()).await.unwrap().queued, 0);
    let id = jobs.submit().await;
    assert_eq!(jobs.delete(&format!("/v1/jobs/{id}")).await.status, 204);
    jobs.until_folders(&[]).await;
}

/// Sends a head and the beginning of a body.
async fn begin(jobs: &JobsHouse, head: &str, first: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(jobs.house.address).await.unwrap();
    let head = format!("POST /v1/jobs HTTP/1.1\r\nhost: a\r\n{head}\r\n");
    socket.write_all(&[head.as_bytes(), first].concat()).await.unwrap();
    socket
}

async fn until_some_folder(jobs: &JobsHouse) {
    while jobs.folders().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_has_a_limit_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    let jobs = with(place.path(), |settings| settings.upload_bytes_max = 300_000).await;
    assert_eq!(jobs.post("/v1/jobs", "", &video(300_000)).await.status, 202, "more than other bodies may have");
    refused(&post(jobs.house.address, "/v1/detect", &video(100_000)).await, 413, "body_too_large");
    let id = jobs.folders().remove(0);
    assert_eq!(jobs.delete(&format!("/v1/jobs/{id}")).await.status, 204);
    refused(&jobs.post("/v1/jobs", "", &video(300_001)).await, 413, "body_too_large");
    refused(&jobs.post("/v1/jobs", "", &video(900_000)).await, 413, "body_too_large");
    let chunk = video(300_001);
    let head = format!("transfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n", chunk.len());
    let request = [b"POST /v1/jobs HTTP/1.1\r\nhost: a\r\n", head.as_bytes(), &chunk, b"\r\n0\r\n\r\n"].concat();
    refused(&raw(jobs.house.address, &request).await, 413, "body_too_large");
    let (head, body) = form(&[("file", "a.mp4", &chunk)]);
    refused(&jobs.post("/v1/jobs", &head, &body).await, 413, "body_too_large");
    goes_on(&jobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_too_slow_or_goes_away_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let jobs = with(place.path(), |_| {}).await;
    let mut silent = begin(&jobs, "content-length: 100000\r\n", &video(1_000)).await;
    let answer = String::from_utf8(read_to_end(&mut silent).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("body_too_slow"), "{answer}");
    jobs.until_folders(&[]).await;
    let gone = begin(&jobs, "content-length: 100000\r\n", &video(1_000)).await;
    until_some_folder(&jobs).await;
    drop(gone);
    goes_on(&jobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_video_is_refused_before_all_of_it_has_come() {
    let place = tempfile::tempdir().unwrap();
    let jobs = with(place.path(), |_| {}).await;
    let mut picture = png(64, 64, 1);
    picture.resize(1_000, 0);
    let mut socket = begin(&jobs, "content-length: 1000000\r\nconnection: close\r\n", &picture).await;
    let answer = String::from_utf8(read_to_end(&mut socket).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 415 ") && answer.contains("unsupported_media"), "{answer}");
    for body in [&b"#EXTM3U\n"[..], b"ffconcat version 1.0\nfile /etc/passwd", b"v=0\r\n", b"PK\x03\x04zip", &[0; 10]] {
        refused(&jobs.post("/v1/jobs", "", body).await, 415, "unsupported_media");
        let (head, form) = form(&[("job", "", b"{}"), ("file", "a.mp4", body)]);
        refused(&jobs.post("/v1/jobs", &head, &form).await, 415, "unsupported_media");
    }
    goes_on(&jobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_come_in_at_once_and_no_more() {
    let place = tempfile::tempdir().unwrap();
    let jobs = with(place.path(), |settings| settings.uploads_per_client_max = 1).await;
    let first = begin(&jobs, "content-length: 100000\r\n", &video(1_000)).await;
    until_some_folder(&jobs).await;
    refused(&jobs.post("/v1/jobs", "", &video(500)).await, 503, "too_many_uploads");
    drop(first);
    goes_on(&jobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_takes_nothing_and_everything_else_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let videos = tempfile::tempdir().unwrap();
    let file = videos.path().join("walk.mp4");
    std::fs::write(&file, video(100)).unwrap();
    let jobs = with(place.path(), |settings| {
        settings.free_bytes_min = 1 << 60;
        settings.additions.roots = vec![videos.path().to_owned()];
    })
    .await;
    refused(&jobs.post("/v1/jobs", "", &video(500)).await, 503, "storage_full");
    let named = serde_json::json!({"input": {"path": file}}).to_string();
    refused(&jobs.post("/v1/jobs", "", named.as_bytes()).await, 503, "storage_full");
    jobs.until_folders(&[]).await;
    assert_eq!(post(jobs.house.address, "/v1/detect", &png(8, 8, 1)).await.status, 200);
    assert_eq!(jobs.get("/v1/jobs").await.status, 200);
    assert_eq!(get(jobs.house.address, "/health/ready").await.status, 200);
    assert_eq!(jobs.house.metric("samovar_jobs_refused_total{code=\"storage_full\"}").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_cuts_what_is_still_coming() {
    let place = tempfile::tempdir().unwrap();
    let options = ServerOptions { grace: SHORT, ..options() };
    let mut jobs = JobsHouse::with(place.path(), JobPolicy::default(), options, |_| {}).await;
    let _slow = begin(&jobs, "content-length: 100000\r\n", &video(1_000)).await;
    until_some_folder(&jobs).await;
    jobs.house.shutdown.drain();
    tokio::time::timeout(PATIENCE, &mut jobs.house.served).await.unwrap().unwrap();
    jobs.until_folders(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_form_passes_and_one_whose_heads_never_end_does_not() {
    let place = tempfile::tempdir().unwrap();
    let jobs = with(place.path(), |_| {}).await;
    let sent = video(24 << 20);
    let (head, body) = form(&[("file", "a.mp4", &sent), ("job", "", b"{}")]);
    let answer = jobs.post("/v1/jobs", &head, &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = jobs.folders().remove(0);
    assert!(std::fs::read(jobs.work.join(&id).join("upload")).unwrap() == sent);
    assert_eq!(jobs.delete(&format!("/v1/jobs/{id}")).await.status, 204);
    // Little more than is taken, so that what is still on its way when it is refused does not keep the answer away.
    let endless = vec![b'a'; (1 << 20) + (256 << 10)];
    let endless = [&b"--b\r\ncontent-disposition: form-data; name=\"file\"\r\nx: "[..], &endless].concat();
    refused(&jobs.post("/v1/jobs", &head, &endless).await, 413, "body_too_large");
    goes_on(&jobs).await;
}
