//! Jobs over kills, signals, dead decoders, full disks and lost workers: every job ends, once, and goes on where it was.

use crate::jobs_place::{
    JobsPlace, body, children, decoder, frames, hand_in, hand_in_any, is_at, is_done, job, signal, video, wait_for,
};
use crate::running::Running;
use crate::support::{Ended, has_ffmpeg, samovar, street};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn jobs_are_handed_in_followed_and_fetched_from_the_command_line() {
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("roots = [\".\"]");
    let server = place.start();
    let clip = place.folder.path().join("street.mp4");
    std::fs::copy(street().clip, &clip).unwrap();
    let clip = clip.display().to_string();
    let out = place.folder.path().join("found.csv").display().to_string();
    let told = server.command(&["jobs", "submit", &clip, "--every", "3", "--thumbnails", "2", "--wait", "-o", &out]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("street.mp4: done, 80 frames"), "{}", told.stderr);
    assert!(std::fs::read_to_string(&out).unwrap().lines().count() > 80, "a line for each object");
    let named = server.command(&["jobs", "submit", &clip, "--on-server", "--frames-max", "5", "--json"]);
    let named: Value = serde_json::from_str(&named.stdout).unwrap();
    let id = named["jobs"][0]["id"].as_str().unwrap();
    assert_eq!(server.command(&["jobs", "watch", id]).code, 0);
    let shown: Value = serde_json::from_str(&server.command(&["jobs", "show", id]).stdout).unwrap();
    assert_eq!((&shown["task"]["input"], &shown["result"]["frames"]), (&"path".into(), &5.into()), "{shown}");
    assert!(shown["result"]["performance"]["machine"]["samples"].as_u64() >= Some(2), "{shown}");
    assert_eq!(server.command(&["jobs", "result", id]).stdout.lines().count(), 5);
    let listed = server.command(&["jobs", "list", "--state", "done"]).stdout;
    assert!(listed.contains(id) && listed.lines().count() == 3, "{listed}");
    let again = server.command(&["jobs", "retry", id]);
    assert!(again.code == 1 && again.stderr.starts_with("error[job_state]: "), "{}", again.stderr);
    let several = server.command(&["jobs", "delete", id, "another"]);
    assert!(
        several.code == 2 && several.stderr.starts_with("error[confirmation_required]: 2 jobs "),
        "{}",
        several.stderr
    );
    assert_eq!(server.command(&["jobs", "delete", id]).stdout, format!("{id}: deleted\n"));
    let gone = server.command(&["jobs", "show", id]);
    assert!(gone.stderr.starts_with("error[job_not_found]: "), "{}", gone.stderr);
    let outside = server.command(&["jobs", "submit", "/etc/passwd", "--on-server"]);
    assert!(outside.stderr.starts_with("error[input_not_allowed]: "), "{}", outside.stderr);
    let large = place.folder.path().join("large.mp4");
    std::fs::write(&large, vec![0; 16 << 20]).unwrap();
    let refused = server.command(&["jobs", "submit", &large.display().to_string(), "--model", "nosuch"]);
    assert!(refused.stderr.starts_with("error[model_not_found]: "), "told before the bytes go: {}", refused.stderr);
    server.end();
}

#[test]
fn what_cannot_succeed_is_given_up_at_once_and_damage_is_told() {
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("");
    let server = place.start();
    let mut clip = std::fs::read(street().clip).unwrap();
    let head_only = hand_in(&server, "head", &clip[..64]);
    let failed = wait_for(&server, &head_only, "its end", |job| job["state"] == "failed");
    assert_eq!((&failed["failure"]["code"], &failed["attempts"]), (&"unsupported_media".into(), &1.into()), "{failed}");
    let class = body(&hand_in_any(&server, "class", &clip, "&classes=hippopotamus"));
    assert_eq!(class["code"], "unknown_class", "{class}");
    clip.truncate(clip.len() / 2);
    let cut = hand_in(&server, "cut", &clip);
    let ended = wait_for(&server, &cut, "its end", |job| job["ended"].is_string());
    assert!(is_done(&ended) || ended["failure"]["code"] == "corrupt_media", "{ended}");
    server.end();
}

#[test]
fn jobs_outlive_kills_of_the_server() {
    if has_ffmpeg() {
        kills(&Kills { kills: 5, jobs: 4, seconds: 6, seed: 7 });
    }
}

/// The whole of it, some minutes: `cargo nextest run -p samovar --run-ignored only fifty_kills --no-capture`.
#[test]
#[ignore = "takes minutes; prints figures"]
fn fifty_kills_and_twenty_jobs() {
    if has_ffmpeg() {
        kills(&Kills { kills: 50, jobs: 20, seconds: 15, seed: 42 });
    }
}

/// Frames a second of videos here: few, since programs that are tested compute slowly.
const RATE: u64 = 10;

/// How often a server is killed, and over what.
struct Kills {
    kills: usize,
    jobs: usize,
    /// Of each video.
    seconds: u64,
    seed: u64,
}

/// Kills a server again and again, at random moments from its first breath on, and lets its jobs end at last.
fn kills(how: &Kills) {
    let place = JobsPlace::new("attempts_max = 100\njobs_at_once = 2");
    let clip = video(place.folder.path(), "clip.mp4", (how.seconds, RATE, "320x240"));
    let unharmed = (0..3).map(|_| {
        let begun = Instant::now();
        let server = place.start();
        let ready_s = begun.elapsed().as_secs_f64();
        server.end();
        ready_s
    });
    let unharmed_s = median(unharmed.collect());
    let first = place.start();
    place.note_results();
    let ids: Vec<String> = (0..how.jobs).map(|number| hand_in(&first, &format!("clip-{number}"), &clip)).collect();
    let mut random = Random(how.seed);
    let mut server = Some(first);
    let mut ready_s = Vec::new();
    for _ in 0..how.kills {
        if let Some(running) = server.take() {
            kill(running);
        }
        place.assert_intact();
        let begun = Instant::now();
        let mut next = Running::at(&place.config);
        // A quarter is killed while it starts, the others while they work.
        if random.below(4) == 0 {
            std::thread::sleep(Duration::from_millis(random.below(200)));
        } else {
            next.wait_for("ready: 1 of 1");
            ready_s.push(begun.elapsed().as_secs_f64());
            std::thread::sleep(Duration::from_millis(random.below(4_000)));
        }
        server = Some(next);
    }
    let server = server.unwrap();
    let attempts: u64 =
        ids.iter().map(|id| wait_for(&server, id, "its end", is_done)["attempts"].as_u64().unwrap()).sum();
    let whole: Vec<u64> = (0..how.seconds * RATE).collect();
    for id in &ids {
        assert_eq!(frames(&server, id), whole, "{id}: every frame once, in order");
        let journals = std::fs::read_dir(place.job(id)).unwrap().filter(is_journal).count();
        assert_eq!(journals, 1, "of earlier attempts nothing is left");
    }
    assert_eq!(place.noted().into_values().collect::<Vec<_>>(), vec![1; how.jobs], "each result is recorded once");
    place.assert_intact();
    let most_s = ready_s.iter().copied().fold(0.0, f64::max);
    println!(
        "{} kills, {} jobs of {} frames: all done, {attempts} attempts, each result once, the file intact each time, no decoder left; \
         start to ready {unharmed_s:.2} s without jobs, {:.2} s (at most {most_s:.2} s) after a kill",
        how.kills,
        how.jobs,
        whole.len(),
        median(ready_s)
    );
    server.end();
}

fn is_journal(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
    entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("journal-")
}

/// Kills a server, and sees its decoders go with it.
fn kill(mut server: Running) {
    let decoders = children(server.child.id());
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let begun = Instant::now();
    while decoders.iter().any(|(child, name)| is_there(*child, name)) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{decoders:?} were left behind");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process of that number and name runs.
fn is_there(pid: u32, name: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.contains(&format!("({name})")) && !stat.contains(") Z")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The same numbers for the same seed (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn a_dead_decoder_costs_an_attempt_and_three_of_them_the_job() {
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("jobs_at_once = 1");
    let clip = video(place.folder.path(), "clip.mp4", (20, RATE, "320x240"));
    let server = place.start();
    let pid = server.child.id();
    let hurt = hand_in(&server, "hurt", &clip);
    wait_for(&server, &hurt, "work", is_at(1));
    signal(decoder(pid), "KILL");
    let healed = wait_for(&server, &hurt, "its end", is_done);
    assert!(healed["attempts"] == 2 && frames(&server, &hurt).len() == 200, "{healed}");
    let killer = hand_in(&server, "killer", &clip);
    for attempt in 1..=3_u64 {
        wait_for(&server, &killer, "an attempt", |job| job["attempts"] == attempt && is_at(1)(job));
        signal(decoder(pid), "KILL");
        wait_for(&server, &killer, "its failure", |job| job["failure"].is_object() && job["state"] != "running");
    }
    let given_up = wait_for(&server, &killer, "its end", |job| job["state"] == "failed");
    assert_eq!(
        (&given_up["failure"]["code"], &given_up["attempts"]),
        (&"decoder_failed".into(), &3.into()),
        "{given_up}"
    );
    let again = body(&server.request(&format!("POST /v1/jobs/{killer}/retry"), b""));
    assert_eq!(again["state"], "queued", "{again}");
    wait_for(&server, &killer, "its end", is_done);
    assert_eq!(frames(&server, &killer).len(), 200);
    server.end();
}

#[test]
#[ignore = "waits ten seconds for a decoder that hangs"]
fn a_decoder_that_hangs_costs_an_attempt() {
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("jobs_at_once = 1");
    let clip = video(place.folder.path(), "clip.mp4", (20, RATE, "320x240"));
    let server = place.start();
    let id = hand_in(&server, "clip", &clip);
    wait_for(&server, &id, "work", is_at(1));
    let begun = Instant::now();
    signal(decoder(server.child.id()), "STOP");
    wait_for(&server, &id, "its next attempt", |job| job["attempts"] == 2);
    println!("the hang was cut after {:.1} s", begun.elapsed().as_secs_f64());
    let done = wait_for(&server, &id, "its end", is_done);
    assert!(frames(&server, &id).len() == 200, "{done}");
    server.end();
}

#[test]
fn a_job_of_ten_hours_is_cancelled_at_once() {
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("");
    let clip = video(place.folder.path(), "long.mp4", (36_000, 1, "64x48"));
    let server = place.start();
    let id = hand_in(&server, "long", &clip);
    let running = wait_for(&server, &id, "work", is_at(10));
    assert_eq!(running["progress"]["total"], 36_000, "{running}");
    let begun = Instant::now();
    server.request(&format!("POST /v1/jobs/{id}/cancel"), b"");
    wait_for(&server, &id, "its end", |job| job["state"] == "cancelled");
    println!("cancelled after {:.2} s", begun.elapsed().as_secs_f64());
    assert_eq!(children(server.child.id()), [], "its decoder is gone");
    server.end();
}

#[test]
fn a_server_that_is_told_to_end_gives_its_jobs_back_and_the_next_goes_on() {
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("");
    let clip = video(place.folder.path(), "clip.mp4", (60, RATE, "320x240"));
    let mut server = place.start();
    let id = hand_in(&server, "clip", &clip);
    let before = wait_for(&server, &id, "work", is_at(60))["progress"]["done"].as_u64().unwrap();
    let decoders = children(server.child.id());
    assert!(!decoders.is_empty());
    server.signal("TERM");
    server.wait_for("all finished");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    for (child, name) in decoders {
        assert!(!Path::new(&format!("/proc/{child}")).exists(), "{name} was left behind");
    }
    let state: i64 = place.queue().query_row("SELECT state FROM jobs", [], |row| row.get(0)).unwrap();
    assert_eq!(state, 0, "it waits");
    let server = place.start();
    let after = wait_for(&server, &id, "work", |job| job["state"] != "queued");
    let goes_on = |job: &Value| job["progress"]["done"].as_u64().unwrap() >= before;
    wait_for(&server, &id, "going on", goes_on);
    // A machine that is busy enough may lose this attempt's lease; what was given back is not among them.
    assert_eq!(after["attempts"], 1, "what was given back does not count: {after}");
    wait_for(&server, &id, "its end", is_done);
    assert_eq!(frames(&server, &id), (0..600).collect::<Vec<_>>());
    server.end();
}

#[test]
fn workers_outside_take_over_from_one_that_was_killed() {
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("worker = false");
    let clip = video(place.folder.path(), "clip.mp4", (30, RATE, "320x240"));
    let server = place.start();
    place.note_results();
    let id = hand_in(&server, "clip", &clip);
    assert_eq!(job(&server, &id)["state"], "queued");
    let mut first = worker(&place, &[]);
    let journal = place.job(&id).join("journal-1.jsonl");
    let written = |_: &Value| std::fs::read_to_string(&journal).is_ok_and(|journal| journal.lines().count() > 10);
    wait_for(&server, &id, "a journal", written);
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let drained = samovar().args(["worker", "--drain", "--json", "--config"]).arg(&place.config).output().unwrap();
    let drained = Ended::from(drained).without_panic();
    assert_eq!(drained.code, 0, "{}", drained.stderr);
    let [begun, done] = drained.lines().try_into().unwrap();
    assert_eq!((&begun["event"], &begun["attempt"], &begun["job"]), (&"begun".into(), &2.into(), &id.as_str().into()));
    assert_eq!((&done["event"], &done["frames"]), (&"done".into(), &300.into()));
    assert!(done["frames_before"].as_u64() > Some(0), "it began anew: {done}");
    let done = wait_for(&server, &id, "its end", is_done);
    assert_eq!((frames(&server, &id), &done["attempts"]), ((0..300).collect::<Vec<_>>(), &2.into()));
    assert_eq!(place.noted().into_values().collect::<Vec<_>>(), [1]);
    server.end();
}

#[test]
fn a_job_that_its_workers_die_of_is_given_up_and_the_next_is_not() {
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("worker = false\nattempts_max = 2");
    let clip = video(place.folder.path(), "clip.mp4", (20, RATE, "320x240"));
    let server = place.start();
    let deadly = hand_in(&server, "deadly", &clip);
    for attempt in 1..=2_u64 {
        let mut worker = worker(&place, &["--jobs", "1"]);
        wait_for(&server, &deadly, "an attempt", |job| job["attempts"] == attempt && is_at(1)(job));
        worker.0.kill().unwrap();
        worker.0.wait().unwrap();
    }
    let next = hand_in(&server, "next", &clip);
    let drained = samovar().args(["worker", "--once", "--config"]).arg(&place.config).output().unwrap();
    assert_eq!(Ended::from(drained).without_panic().code, 0);
    let given_up = job(&server, &deadly);
    assert_eq!((&given_up["state"], &given_up["attempts"]), (&"failed".into(), &2.into()), "{given_up}");
    assert!(is_done(&job(&server, &next)));
    server.end();
}

#[test]
fn a_worker_that_is_told_to_end_gives_its_job_back() {
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("worker = false");
    let clip = video(place.folder.path(), "clip.mp4", (20, RATE, "320x240"));
    let server = place.start();
    let id = hand_in(&server, "clip", &clip);
    let mut worker = worker(&place, &["--jobs", "1"]);
    wait_for(&server, &id, "work", is_at(1));
    signal(worker.0.id(), "TERM");
    assert_eq!(worker.0.wait().unwrap().code(), Some(0));
    let back = job(&server, &id);
    assert_eq!((&back["state"], &back["attempts"]), (&"queued".into(), &0.into()), "{back}");
    server.end();
}

/// A worker process; killed when a test fails before its end.
struct WorkerProcess(Child);

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn worker(place: &JobsPlace, arguments: &[&str]) -> WorkerProcess {
    let mut command = samovar();
    command.args(["worker", "--config"]).arg(&place.config).args(arguments).stderr(Stdio::piped());
    let mut worker = WorkerProcess(command.spawn().unwrap());
    let mut lines = BufReader::new(worker.0.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("works on "));
    // Whatever else it says is read, so that it does not wait for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    worker
}

#[test]
fn a_full_disk_refuses_jobs_and_nothing_else() {
    let disk = tempfile::tempdir().unwrap();
    let Some(_disk) = Tmpfs::mount(disk.path(), "6m") else { return };
    if !has_ffmpeg() {
        return;
    }
    let place = JobsPlace::new("");
    let config = std::fs::read_to_string(&place.config).unwrap();
    let folder = format!("folder = {:?}", disk.path().join("jobs").display().to_string());
    std::fs::write(&place.config, config.replace("folder = \"jobs\"", &folder)).unwrap();
    let clip = video(place.folder.path(), "clip.mp4", (8, RATE, "160x120"));
    let server = place.start();
    let accepted = hand_in(&server, "accepted", &clip);
    std::fs::write(disk.path().join("ballast"), vec![1; 16 << 20]).unwrap_err();
    let refused = hand_in_any(&server, "refused", &clip, "");
    assert!(refused.starts_with("HTTP/1.1 503") && body(&refused)["code"] == "storage_full", "{refused}");
    let picture = std::fs::read(street().picture).unwrap();
    for head in ["GET /health/ready", "GET /health/live", "GET /v1/jobs", "GET /metrics"] {
        assert!(server.request(head, b"").starts_with("HTTP/1.1 200"), "{head}");
    }
    assert!(server.request("POST /v1/detect", &picture).starts_with("HTTP/1.1 200"));
    let begun = Instant::now();
    std::fs::remove_file(disk.path().join("ballast")).unwrap();
    let later = loop {
        let answer = hand_in_any(&server, "later", &clip, "");
        if answer.starts_with("HTTP/1.1 202") {
            break body(&answer)["id"].as_str().unwrap().to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{answer}");
        std::thread::sleep(Duration::from_millis(50));
    };
    println!("taken again {:.2} s after there was space", begun.elapsed().as_secs_f64());
    for id in [accepted, later] {
        wait_for(&server, &id, "its end", is_done);
        assert_eq!(frames(&server, &id).len(), 80);
    }
    server.end();
}

/// A small disk; unmounted when it is dropped.
struct Tmpfs(std::path::PathBuf);

impl Tmpfs {
    /// None, with a word about it, where this user may mount nothing.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!("skipped: no disk can be mounted here");
        None
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
