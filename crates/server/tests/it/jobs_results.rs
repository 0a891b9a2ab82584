//! What comes of jobs: results in every format, files besides, and events on the way there.

use crate::client::{PATIENCE, get, raw};
use crate::jobs_house::{JobsHouse, finish, refused};
use samovar_jobs::{Attempted, JobFailure, JobQueue, JobTime};
use samovar_recorded::WorkFolder;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn results_come_in_every_format() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let path = format!("/v1/jobs/{}", jobs.submit().await);
    refused(&jobs.get(&format!("{path}/result")).await, 409, "job_state");
    refused(&jobs.get(&format!("{path}/files/report.html")).await, 409, "job_state");
    jobs.complete(&jobs.claim().await).await;
    let job = jobs.get(&path).await.json();
    println!("{job}");
    assert_eq!((&job["state"], &job["result"]["frames"]), (&"done".into(), &10.into()));
    for (format, media_type, name, magic) in [
        ("jsonl", "application/x-ndjson", "walk.jsonl", &b"{"[..]),
        ("csv", "text/csv; charset=utf-8", "walk.csv", b""),
        ("parquet", "application/vnd.apache.parquet", "walk.parquet", b"PAR1"),
        ("coco", "application/json", "walk.json", b"{"),
        ("mot", "text/plain; charset=utf-8", "walk.txt", b""),
    ] {
        let link = job["result"]["formats"][format].as_str().unwrap();
        for link in [link, &format!("{link}&track=true")] {
            let answer = jobs.get(link).await;
            assert_eq!(answer.status, 200, "{link}: {}", String::from_utf8_lossy(&answer.body));
            assert_eq!(answer.header("content-type"), Some(media_type));
            let disposition = format!("attachment; filename=\"{name}\"");
            assert_eq!(answer.header("content-disposition"), Some(disposition.as_str()));
            assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
            assert!(!answer.body.is_empty() && answer.body.starts_with(magic), "{link}");
            assert_eq!(jobs.get(link).await.body, answer.body, "the second time it is read from the file");
        }
    }
    let lines = jobs.get(&format!("{path}/result")).await.text();
    assert_eq!(lines.lines().count(), 10, "{lines}");
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["detections"][0]["label"], "dog", "{first}");
    refused(&jobs.get(&format!("{path}/result?format=xml")).await, 400, "invalid_option");
    refused(&jobs.get(&format!("{path}/result?formats=csv")).await, 400, "invalid_query");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_written_besides_is_told_with_the_result() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let id = jobs.submit().await;
    let lease = jobs.claim().await;
    let result = finish(&WorkFolder::new(&jobs.work, &id.to_string()), lease.key.token);
    let mut result: Value = serde_json::from_str(&result).unwrap();
    result["outputs_failed"] = serde_json::json!({"annotated": "output_failed"});
    jobs.queue.complete(lease.key, result.to_string(), JobTime::now()).await.unwrap();
    let job = jobs.get(&format!("/v1/jobs/{id}")).await.json();
    assert_eq!(
        (&job["state"], &job["result"]["outputs_failed"]["annotated"]),
        (&"done".into(), &"output_failed".into())
    );
    assert!(job["result"]["files"]["report.html"].is_string(), "{job}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_for_a_result_at_once_all_get_it() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let path = format!("/v1/jobs/{}/result?format=csv", jobs.submit().await);
    jobs.complete(&jobs.claim().await).await;
    let address = jobs.house.address;
    let asked: Vec<_> = (0..16).map(|_| (address, path.clone())).collect();
    let asked: Vec<_> = asked.into_iter().map(|(at, path)| tokio::spawn(async move { get(at, &path).await })).collect();
    let mut bodies = Vec::new();
    for answer in asked {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let left = std::fs::read_dir(jobs.work.join(jobs.folders().remove(0))).unwrap();
    assert!(left.map(|entry| entry.unwrap().path()).all(|path| path.extension().is_none_or(|end| end != "part")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_files_that_the_result_names_are_given_out() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let path = format!("/v1/jobs/{}", jobs.submit().await);
    jobs.complete(&jobs.claim().await).await;
    let report = jobs.get(&format!("{path}/files/report.html")).await;
    assert_eq!((report.status, report.header("content-type")), (200, Some("text/html")));
    let policy = report.header("content-security-policy").unwrap();
    assert!(policy.starts_with("sandbox; default-src 'none'"), "{policy}");
    assert_eq!(report.header("x-content-type-options"), Some("nosniff"));
    let range = format!(
        "GET {path}/files/thumbnail-1.jpg HTTP/1.1\r\nhost: a\r\nrange: bytes=1-2\r\nconnection: close\r\n\r\n"
    );
    let range = raw(jobs.house.address, range.as_bytes()).await;
    assert_eq!((range.status, range.body.as_slice()), (206, &b"\xd8\xff"[..]));
    for name in [
        "upload",
        "journal-1.jsonl",
        "annotated.mp4",
        "thumbnail-2.jpg",
        "Report.html",
        "report.html%00",
        "report.html/",
    ] {
        let answer = jobs.get(&format!("{path}/files/{name}")).await;
        assert_eq!(answer.status, 404, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_leads_out_of_the_folder() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let id = jobs.submit().await;
    jobs.complete(&jobs.claim().await).await;
    let mut tried = 0;
    for steps in 1..=4 {
        for step in [
            "..%2f",
            "%2e%2e%2f",
            "..%5c",
            "%2e%2e%5c",
            "..%252f",
            "....%2f%2f",
            "..%c0%af",
            "%ef%bc%8e%ef%bc%8e%2f",
            ".%2f..%2f",
            "%00..%2f",
        ] {
            for target in ["jobs.sqlite", "etc%2fpasswd", "work", "report.html.", "%5c%5chost%5cshare"] {
                let name = format!("{}{target}", step.repeat(steps));
                for path in [format!("/v1/jobs/{name}"), format!("/v1/jobs/{id}/files/{name}")] {
                    let answer = jobs.get(&path).await;
                    assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
                    tried += 1;
                }
            }
        }
    }
    for name in
        [id.to_string().to_uppercase(), format!("{id}%20"), format!("+{}", &id.to_string()[1..]), format!("{id}%00")]
    {
        refused(&jobs.get(&format!("/v1/jobs/{name}")).await, 404, "job_not_found");
        refused(&jobs.get(&format!("/v1/jobs/{name}/result")).await, 404, "job_not_found");
    }
    println!("{tried} spellings");
    assert_eq!(jobs.get(&format!("/v1/jobs/{id}/files/report.html")).await.status, 200);
}

/// Reads Server-Sent Events.
struct Events {
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// Closed, it would say that the client has gone.
    _write: OwnedWriteHalf,
}

impl Events {
    async fn of(address: SocketAddr, path: &str) -> Self {
        let (read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
        let request = format!("GET {path}/events HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        write.write_all(request.as_bytes()).await.unwrap();
        Self { lines: BufReader::new(read).lines(), _write: write }
    }

    /// The next event; none at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        let mut name = String::new();
        loop {
            let line = timeout(PATIENCE, self.lines.next_line()).await.expect("something comes").ok()??;
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut name);
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(data).unwrap()));
            }
        }
    }

    async fn expect(&mut self, wanted: &str) -> Value {
        let (name, data) = self.next().await.expect("an event comes");
        assert_eq!(name, wanted, "{data}");
        data
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_how_far_it_is_and_end_with_the_job() {
    let place = tempfile::tempdir().unwrap();
    let jobs = JobsHouse::open(place.path()).await;
    let path = format!("/v1/jobs/{}", jobs.submit().await);
    let mut events = Events::of(jobs.house.address, &path).await;
    let mut second = Events::of(jobs.house.address, &path).await;
    assert_eq!(events.expect("state").await["state"], "queued");
    let lease = jobs.claim().await;
    assert_eq!(events.expect("state").await["state"], "running");
    jobs.renew(&lease, 3, 10).await;
    let progress = events.expect("progress").await;
    assert_eq!((&progress["done"], &progress["share"]), (&3.into(), &0.3.into()));
    jobs.queue
        .fail(
            lease.key,
            JobFailure { code: "decoder_failed".to_owned(), message: "it died".to_owned() },
            Attempted::Retry,
            JobTime::now(),
        )
        .await
        .unwrap();
    let again = events.expect("state").await;
    assert_eq!((&again["state"], &again["failure"]["code"]), (&"queued".into(), &"decoder_failed".into()));
    assert!(again["retry_at"].is_string(), "{again}");
    jobs.post(&format!("{path}/cancel"), "", b"").await;
    jobs.post(&format!("{path}/retry"), "", b"").await;
    let lease = jobs.claim().await;
    jobs.complete(&lease).await;
    let end = loop {
        let (name, data) = events.next().await.unwrap();
        if name == "end" {
            break data;
        }
    };
    // Somebody may have looked at the moment in which it was cancelled.
    assert!(["done", "cancelled"].contains(&end["state"].as_str().unwrap()), "{end}");
    assert!(events.next().await.is_none(), "it is over");
    while second.next().await.is_some() {}
    let mut late = Events::of(jobs.house.address, &path).await;
    assert_eq!(late.expect("end").await["result"]["frames"], 10);
    assert!(late.next().await.is_none());
    refused(&jobs.get("/v1/jobs/none/events").await, 404, "job_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_ends_those_who_follow() {
    let place = tempfile::tempdir().unwrap();
    let mut jobs = JobsHouse::open(place.path()).await;
    let path = format!("/v1/jobs/{}", jobs.submit().await);
    let mut events = Events::of(jobs.house.address, &path).await;
    events.expect("state").await;
    jobs.house.shutdown.drain();
    assert!(events.next().await.is_none());
    timeout(PATIENCE, &mut jobs.house.served).await.unwrap().unwrap();
}
