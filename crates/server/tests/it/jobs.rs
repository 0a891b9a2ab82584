//! Jobs from being handed in to being forgotten.

use crate::house::{House, options};
use crate::jobs_house::{JobsHouse, form, id, refused, video};
use samovar_jobs::{JobId, JobPolicy, JobQueue, JobState, JobTime};
use samovar_media::UrlScheme;
use samovar_server::{JobSettings, ServerLimits, SourceAdditions};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Jobs may name files of this folder, and one host.
fn open_to(folder: &Path) -> impl FnOnce(&mut JobSettings) {
    let roots = vec![folder.to_owned()];
    |settings| {
        let hosts = vec!["203.0.113.0/24".to_owned()];
        settings.additions = SourceAdditions { schemes: vec![UrlScheme::Http], hosts, roots };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_comes_in_three_ways_and_is_answered_when_it_is_stored() {
    let place = tempfile::tempdir().unwrap();
    let videos = tempfile::tempdir().unwrap();
    std::fs::write(videos.path().join("walk.mp4"), video(100)).unwrap();
    let jobs = JobsHouse::with(place.path(), JobPolicy::default(), options(), open_to(videos.path())).await;
    let options = json!({"model": "fake", "score_min": 0.5, "classes": ["dog", 0], "frames": {"every": 5}});
    let sent = video(300_000);

    let named = json!({"input": {"path": videos.path().join("walk.mp4")}, "priority": 9});
    let named = jobs.post("/v1/jobs", "content-type: application/json\r\n", &merged(&options, &named)).await;
    let address = json!({"input": {"url": "http://user:secret@203.0.113.7/a/walk.mp4?token=secret"}});
    let address = jobs.post("/v1/jobs", "", &merged(&options, &address)).await;
    let (head, body) = form(&[("job", "", options.to_string().as_bytes()), ("file", "C:\\videos\\walk.mp4", &sent)]);
    let formed = jobs.post("/v1/jobs", &head, &body).await;
    let path = "/v1/jobs?model=fake&score_min=0.5&classes=dog,0&every=5&name=walk.mp4";
    let raw = jobs.post(path, "content-type: application/x-www-form-urlencoded\r\n", &sent).await;

    for (answer, input) in [(&named, "path"), (&address, "url"), (&formed, "upload"), (&raw, "upload")] {
        assert_eq!(answer.status, 202, "{}", answer.text());
        let job = answer.json();
        assert_eq!(answer.header("location"), Some(format!("/v1/jobs/{}", id(answer)).as_str()));
        assert_eq!((&job["state"], &job["task"]["input"]), (&"queued".into(), &input.into()), "{job}");
        let task = &job["task"];
        assert_eq!((&task["name"], &task["model"]), (&"walk.mp4".into(), &"fake".into()), "{task}");
        assert_eq!((&task["classes"], &task["frames"]["every"]), (&json!(["dog", "0"]), &5.into()), "{task}");
        let text = answer.text();
        assert!(!text.contains(videos.path().to_str().unwrap()) && !text.contains("secret"), "{text}");
        assert!(jobs.job(id(answer)).await.payload.contains("\"score_min\":0.5"));
    }
    assert_eq!((&named.json()["priority"], &raw.json()["priority"]), (&9.into(), &5.into()));
    for answer in [&formed, &raw] {
        let stored = std::fs::read(jobs.work.join(id(answer).to_string()).join("upload")).unwrap();
        assert!(stored == sent, "{} bytes are there", stored.len());
    }
    for (input, count) in [("upload", 2.0), ("path", 1.0), ("url", 1.0)] {
        assert_eq!(jobs.house.metric(&format!("samovar_jobs_accepted_total{{input=\"{input}\"}}")).await, count);
    }
    assert_eq!(jobs.house.metric("samovar_job_upload_bytes_total").await, 600_000.0);
    assert_eq!(jobs.house.metric("samovar_jobs{state=\"queued\"}").await, 4.0);
}

fn merged(one: &Value, other: &Value) -> Vec<u8> {
    let mut both = one.as_object().unwrap().clone();
    both.extend(other.as_object().unwrap().clone());
    Value::Object(both).to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_before_anything_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let videos = tempfile::tempdir().unwrap();
    let secret = place.path().join("secret.mp4");
    std::fs::write(&secret, video(100)).unwrap();
    std::os::unix::fs::symlink(&secret, videos.path().join("link.mp4")).unwrap();
    let jobs = JobsHouse::with(place.path(), JobPolicy::default(), options(), open_to(videos.path())).await;
    for (query, status, code) in [
        ("?model=nobody", 404, "model_not_found"),
        ("?models=fake", 400, "invalid_query"),
        ("?every=0", 400, "invalid_query"),
        ("?score_min=2", 400, "invalid_option"),
        ("?fps=0", 400, "invalid_option"),
        ("?start_s=5&end_s=4", 400, "invalid_option"),
        ("?frames_max=0", 400, "invalid_option"),
        ("?priority=10", 400, "invalid_option"),
        ("?thumbnails=101", 400, "invalid_option"),
        ("?name=a%2Fb", 400, "invalid_option"),
        ("?classes=unicorn", 400, "unknown_class"),
        ("?classes=99", 400, "unknown_class"),
    ] {
        refused(&jobs.post(&format!("/v1/jobs{query}"), "", &video(500)).await, status, code);
    }
    let path = |name: &str| json!({"input": {"path": videos.path().join(name)}});
    let outside = jobs.post("/v1/jobs", "", path("link.mp4").to_string().as_bytes()).await;
    let absent = jobs.post("/v1/jobs", "", path("absent.mp4").to_string().as_bytes()).await;
    refused(&outside, 403, "input_not_allowed");
    assert_eq!(outside.text(), absent.text(), "nobody learns what exists outside");
    for (body, status, code) in [
        (path(""), 403, "input_not_allowed"),
        (path("../secret.mp4"), 403, "input_not_allowed"),
        (json!({"input": {"path": "walk.mp4"}}), 403, "input_not_allowed"),
        (json!({"input": {"path": "/dev/zero"}}), 403, "input_not_allowed"),
        (json!({"input": {"url": "http://127.0.0.1/a.mp4"}}), 403, "input_not_allowed"),
        (json!({"input": {"url": "rtsp://203.0.113.7/live"}}), 403, "input_not_allowed"),
        (json!({"input": {"url": "http://203.0.113.7/live.m3u8"}}), 403, "input_not_allowed"),
        (json!({"input": {"url": "ftp://203.0.113.7/a.mp4"}}), 400, "invalid_option"),
        (json!({"input": {"both": 1}}), 400, "invalid_body"),
        (json!({"model": "fake"}), 400, "invalid_body"),
        (json!({"kind": "transcribe"}), 400, "invalid_body"),
        (json!({"inputs": {}}), 400, "invalid_body"),
        (json!({"input": {"path": "x".repeat(70_000)}}), 400, "invalid_body"),
    ] {
        refused(&jobs.post("/v1/jobs", "", body.to_string().as_bytes()).await, status, code);
    }
    for (fields, code) in [
        (vec![("job", "", &b"{}"[..])], "invalid_body"),
        (vec![("file", "a.mp4", &b""[..])], "invalid_body"),
        (vec![("other", "", &b"x"[..])], "invalid_body"),
        (vec![("file", "a.mp4", &video(500)[..]), ("file", "b.mp4", &video(500)[..])], "invalid_body"),
        (vec![("file", "a.mp4", &video(500)[..]), ("job", "", &br#"{"input":{"path":"/x"}}"#[..])], "invalid_body"),
        (vec![("job", "", &b"{"[..]), ("file", "a.mp4", &video(500)[..])], "invalid_body"),
    ] {
        let (head, body) = form(&fields);
        refused(&jobs.post("/v1/jobs", &head, &body).await, 400, code);
    }
    refused(&jobs.post("/v1/jobs?model=fake", "", b"{}").await, 400, "invalid_query");
    refused(&jobs.post("/v1/jobs", "idempotency-key: a b\r\n", &video(500)).await, 400, "invalid_option");
    refused(&jobs.post("/v1/jobs", "", b"").await, 400, "invalid_body");
    jobs.until_folders(&[]).await;
    assert_eq!(jobs.queue.counts(JobTime::now()).await.unwrap().queued, 0);
    assert!(jobs.house.metric("samovar_jobs_refused_total{code=\"input_not_allowed\"}").await >= 8.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_jobs_says_so_and_describes_them() {
    let house = House::fake(ServerLimits::default()).await;
    let api = crate::client::get(house.address, "/openapi.json").await.json();
    for (path, methods) in [
        ("/v1/jobs", &["get", "post"][..]),
        ("/v1/jobs/{id}", &["get", "delete"]),
        ("/v1/jobs/{id}/events", &["get"]),
        ("/v1/jobs/{id}/result", &["get"]),
        ("/v1/jobs/{id}/files/{name}", &["get"]),
        ("/v1/jobs/{id}/cancel", &["post"]),
        ("/v1/jobs/{id}/retry", &["post"]),
    ] {
        assert!(methods.iter().all(|method| api["paths"][path][method].is_object()), "{path}");
    }
    for form in ["JobRequest", "JobBody", "JobList", "JobResultBody", "JobFramesBody"] {
        assert!(api["components"]["schemas"][form].is_object(), "{form}");
    }
    refused(&crate::client::post(house.address, "/v1/jobs", b"{}").await, 404, "jobs_disabled");
    refused(&crate::client::get(house.address, "/v1/jobs").await, 404, "jobs_disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_job() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let key = "idempotency-key: order-7\r\n";
    let first = jobs.post("/v1/jobs", key, &video(1_000)).await;
    let again = jobs.post("/v1/jobs", key, &video(1_000)).await;
    assert_eq!((first.status, again.status), (202, 200));
    assert_eq!(id(&first), id(&again));
    refused(&jobs.post("/v1/jobs?every=2", key, &video(1_000)).await, 409, "idempotency_conflict");
    refused(&jobs.post("/v1/jobs", key, &video(1_001)).await, 409, "idempotency_conflict");
    let (head, body) = form(&[("file", "video", &video(1_000))]);
    assert_eq!(
        id(&jobs.post("/v1/jobs", &format!("{key}{head}"), &body).await),
        id(&first),
        "the same video in another shape"
    );
    jobs.until_folders(&[id(&first).to_string()]).await;
    assert_eq!(jobs.house.metric("samovar_jobs_accepted_total{input=\"upload\"}").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_takes_so_many_places_and_no_more() {
    let place = tempfile::tempdir().unwrap();
    let policy = JobPolicy { owner_jobs_max: 2, jobs_max: 3, ..JobPolicy::default() };
    let jobs = JobsHouse::with(place.path(), policy, options(), |_| {}).await;
    let first = jobs.submit().await;
    jobs.submit().await;
    refused(&jobs.post("/v1/jobs", "", &video(500)).await, 429, "job_queue_full");
    assert_eq!(jobs.house.metric("samovar_jobs_refused_total{code=\"job_queue_full\"}").await, 1.0);
    jobs.post(&format!("/v1/jobs/{first}/cancel"), "", b"").await;
    let third = jobs.submit().await;
    refused(&jobs.post(&format!("/v1/jobs/{first}/retry"), "", b"").await, 429, "job_queue_full");
    assert_eq!(jobs.job(third).await.owner, "127.0.0.1");
    assert_eq!(jobs.folders().len(), 3, "what was refused left nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_told_before_the_video_is_sent_and_a_known_key_needs_no_place() {
    let place = tempfile::tempdir().unwrap();
    let policy = JobPolicy { owner_jobs_max: 1, ..JobPolicy::default() };
    let jobs = JobsHouse::with(place.path(), policy, options(), |_| {}).await;
    let key = "idempotency-key: order-7\r\n";
    let first = jobs.post("/v1/jobs", key, &video(1_000)).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let address = jobs.house.address;
    for shape in ["video/mp4", "multipart/form-data; boundary=b"] {
        let head = format!(
            "POST /v1/jobs HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: {shape}\r\n\
             content-length: 1000000\r\n\r\n"
        );
        refused(&crate::client::raw(address, head.as_bytes()).await, 429, "job_queue_full");
    }
    let again = jobs.post("/v1/jobs", key, &video(1_000)).await;
    assert_eq!((again.status, id(&again)), (200, id(&first)));
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_left_out_as_configured_where_a_job_does_not_say() {
    let place = tempfile::tempdir().unwrap();
    let seven = |settings: &mut JobSettings| settings.every = 7.try_into().unwrap();
    let jobs = JobsHouse::with(place.path(), JobPolicy::default(), options(), seven).await;
    for (query, every) in [("", 7), ("?fps=2", 7), ("?every=2", 2), ("?every=1", 1)] {
        let job = jobs.post(&format!("/v1/jobs{query}"), "", &video(500)).await.json();
        assert_eq!(job["task"]["frames"]["every"], every, "{query}: {job}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_worker_inside_ends_leases_and_forgets_what_is_old() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let (held, old) = (jobs.submit().await, jobs.submit().await);
    let lease = jobs.queue.claim("dead", JobTime(1_000)).await.unwrap().unwrap();
    assert_eq!(lease.job.id, held);
    jobs.queue.cancel(old, JobTime(1_000)).await.unwrap();
    jobs.until_folders(&[held.to_string()]).await;
    jobs.house.until("samovar_job_worker_events_total{event=\"expired\"}", |count| count == 1.0).await;
    let job = jobs.job(held).await;
    assert_eq!((job.state, job.failure.unwrap().code.as_str()), (JobState::Queued, "worker_lost"));
    assert_eq!(jobs.house.metric("samovar_job_worker_events_total{event=\"forgotten\"}").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_could_not_remove_of_a_finished_job_goes_later() {
    let place = tempfile::tempdir().unwrap();
    let (done, waits);
    {
        let mut jobs = JobsHouse::open(place.path()).await;
        done = jobs.submit().await;
        jobs.complete(&jobs.claim().await).await;
        waits = jobs.submit().await;
        jobs.house.shutdown.drain();
        (&mut jobs.house.served).await.unwrap();
    }
    let two_hours_ago = SystemTime::now() - Duration::from_secs(7_200);
    let file = |id: JobId, name: &str| place.path().join("work").join(id.to_string()).join(name);
    std::fs::write(file(done, "0af3.part"), "half of an export").unwrap();
    for id in [done, waits] {
        for entry in file(id, "").read_dir().unwrap() {
            File::open(entry.unwrap().path()).unwrap().set_modified(two_hours_ago).unwrap();
        }
        File::open(file(id, "")).unwrap().set_modified(two_hours_ago).unwrap();
    }
    let jobs = JobsHouse::open(place.path()).await;
    while file(done, "upload").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(jobs.get(&format!("/v1/jobs/{done}/result?format=csv")).await.status, 200);
    assert!(!file(done, "0af3.part").exists());
    assert!(file(done, "report.html").exists() && file(waits, "upload").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_back_page_by_page() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(jobs.submit().await.to_string());
    }
    ids.reverse();
    jobs.claim().await;
    let page = async |query: &str| {
        let list = jobs.get(&format!("/v1/jobs{query}")).await.json();
        let names = list["data"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), list["has_more"].as_bool().unwrap())
    };
    assert_eq!(page("").await, (ids.clone(), false));
    assert_eq!(page("?limit=2").await, (ids[..2].to_vec(), true));
    assert_eq!(page(&format!("?limit=3&before={}", ids[1])).await, (ids[2..].to_vec(), false));
    assert_eq!(page("?state=running").await.0, ids[4..]);
    assert_eq!(page("?state=done").await.0, Vec::<String>::new());
    for (query, status, code) in [
        ("?limit=0", 400, "invalid_option"),
        ("?limit=201", 400, "invalid_option"),
        ("?state=lost", 400, "invalid_option"),
        ("?limits=1", 400, "invalid_query"),
        ("?before=..", 404, "job_not_found"),
    ] {
        refused(&jobs.get(&format!("/v1/jobs{query}")).await, status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_cancelled_tried_again_and_forgotten() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let waiting = format!("/v1/jobs/{}", jobs.submit().await);
    refused(&jobs.post(&format!("{waiting}/retry"), "", b"").await, 409, "job_state");
    let cancelled = jobs.post(&format!("{waiting}/cancel"), "", b"").await;
    assert_eq!((cancelled.status, &cancelled.json()["state"]), (200, &"cancelled".into()));
    assert_eq!(jobs.post(&format!("{waiting}/cancel"), "", b"").await.status, 200, "cancelled twice is cancelled");
    let again = jobs.post(&format!("{waiting}/retry"), "", b"").await;
    assert_eq!((again.status, &again.json()["state"]), (202, &"queued".into()));

    let lease = jobs.claim().await;
    let asked = jobs.delete(&waiting).await;
    assert_eq!((asked.status, &asked.json()["cancel_asked"]), (202, &true.into()));
    jobs.queue.cancelled(lease.key, JobTime::now()).await.unwrap();
    assert_eq!(jobs.delete(&waiting).await.status, 204);
    refused(&jobs.get(&waiting).await, 404, "job_not_found");
    refused(&jobs.delete(&waiting).await, 404, "job_not_found");
    jobs.until_folders(&[]).await;

    let second = format!("/v1/jobs/{}", jobs.submit().await);
    assert_eq!(jobs.delete(&second).await.status, 204, "what only waits goes at once");
    jobs.until_folders(&[]).await;

    let third = jobs.submit().await;
    let lease = jobs.claim().await;
    jobs.complete(&lease).await;
    refused(&jobs.post(&format!("/v1/jobs/{third}/cancel"), "", b"").await, 409, "job_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_again_has_every_job_and_result() {
    let place = tempfile::tempdir().unwrap();
    let (done, waits);
    {
        let mut jobs = JobsHouse::open(place.path()).await;
        done = jobs.submit().await;
        jobs.complete(&jobs.claim().await).await;
        waits = jobs.submit().await;
        jobs.house.shutdown.drain();
        (&mut jobs.house.served).await.unwrap();
    }
    let jobs = JobsHouse::open(place.path()).await;
    assert_eq!(jobs.get(&format!("/v1/jobs/{waits}")).await.json()["state"], "queued");
    let result = jobs.get(&format!("/v1/jobs/{done}/result?format=jsonl")).await;
    assert_eq!(result.status, 200, "{}", result.text());
    assert_eq!(jobs.job(done).await.state, JobState::Done);
    assert!(jobs.work.join(waits.to_string()).join("upload").is_file());
}
