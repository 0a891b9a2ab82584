//! Forty changes of mode on one live stream: every frame is told of, in its place, and looked at by the model that the event names.

use crate::live::{Live, metric, not_started, post, wait_until};
use crate::running::Running;
use crate::support::{has_ffmpeg, real, street};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const MODES: [&str; 4] = ["fast", "balanced", "accurate", "sota"];
const SWITCHES: usize = 40;
/// Different pictures, sent in turn.
const PICTURES: usize = 6;
/// Between two frames of a camera.
const PACE: Duration = Duration::from_millis(10);

/// A camera that does not wait for answers: frames that newer ones overtook are told of in their place too.
#[test]
fn the_starter_tiers_on_the_starter_clip_at_a_pace_that_drops_frames() {
    let tiers = MODES.map(|mode| street().model.with_file_name(format!("starter-segment-{mode}.onnx")));
    if has_ffmpeg() {
        let server = serve(&tiers, "engine = \"rten\"");
        switch(&server, &pictures(&street().clip), 3);
        server.end();
    }
}

/// A client that waits for each answer: no frame is dropped, whatever happens to the mode meanwhile. By the best engine that is
/// installed: the built-in one takes a quarter of a second for each frame.
#[test]
fn the_espnetv2_tiers_on_vtest_with_every_frame_answered() {
    let files = ["0.5", "1.0", "1.5", "2.0"].map(|size| format!("espnetv2-seg/espnetv2_s{size}_pascal_384x384.onnx"));
    let tiers = files.each_ref().map(|file| real(file));
    let (Some(clip), [Some(fast), Some(balanced), Some(accurate), Some(sota)]) = (real("media/vtest.mp4"), tiers)
    else {
        return;
    };
    if has_ffmpeg() {
        let server = serve(&[fast, balanced, accurate, sota], "");
        switch(&server, &pictures(&clip), 1);
        assert_eq!(
            not_started(&server).1,
            0,
            "frames dropped for another reason than a machine that is busy for a second"
        );
        server.end();
    }
}

/// Frames of a clip, two a second, small, as JPEG.
fn pictures(clip: &Path) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let ffmpeg = std::env::var_os("SAMOVAR_FFMPEG").unwrap_or_else(|| "ffmpeg".into());
    let mut command = Command::new(ffmpeg);
    command.args(["-nostdin", "-v", "error", "-ss", "2", "-i"]).arg(clip).args(["-vf", "fps=2,scale=240:180"]);
    command.args(["-frames:v", &PICTURES.to_string(), "-q:v", "3"]).arg(folder.path().join("%02d.jpg"));
    assert!(command.status().unwrap().success());
    let file = |number: usize| std::fs::read(folder.path().join(format!("{number:02}.jpg"))).unwrap();
    (1..=PICTURES).map(file).collect()
}

/// A server of four modes, fastest first, each model loaded at its first use, with further keys in TOML.
fn serve(tiers: &[PathBuf; 4], keys: &str) -> Running {
    let mut config = "[server]\ndrain_delay_ms = 0\n[plans]\nfolder = \"plans\"\nbackground = false\n".to_owned();
    config += "[modes.segment]\n";
    for mode in MODES {
        writeln!(config, "{mode} = \"seg-{mode}\"").unwrap();
    }
    for (mode, tier) in MODES.into_iter().zip(tiers) {
        let path = tier.display().to_string();
        writeln!(config, "[models.seg-{mode}]\npath = {path:?}\npreload = false\n{keys}").unwrap();
    }
    let mut server = Running::configured(&config, &[]);
    server.wait_for("ready: ");
    server
}

/// Plays the pictures with at most so many frames that were not told of yet.
fn switch(server: &Running, pictures: &[Vec<u8>], ahead: usize) {
    let (live, ready) = Live::open(&server.address, "segment?mode=fast");
    let mut client = Client {
        live,
        pictures,
        ahead,
        dice: Dice(ahead as u64),
        sent: 0,
        told: 0,
        seen: Vec::new(),
        mode: MODES[0].to_owned(),
        asked: None,
        switches: 0,
        between: 0,
        labels: ready["labels"].clone(),
    };
    client.play();
    let Client { told, sent, seen, between, .. } = client;
    assert_eq!(told, sent, "each frame was told of");
    assert!(between > 0, "frames go on while a mode is made ready");
    let dropped = sent - seen.len();
    println!("{sent} frames, {dropped} dropped, {SWITCHES} switches; {between} results between wish and switch");
    let (late, other) = not_started(server);
    assert_eq!(dropped as u64, late + other, "as many as the server counts");
    compare(server, pictures, &seen);
    for mode in MODES {
        let count = |name: &str| metric(server, &format!("{name}{{model=\"seg-{mode}\"}}"));
        assert_eq!(count("samovar_loads_total"), 1, "{mode} stays warm");
        // A busy machine looks like a model that has become slow, and is warmed again for it.
        let due = || count("samovar_warmup_total") == 1 + count("samovar_drift_rewarms_total");
        wait_until("one warm-up of each mode", due);
    }
}

/// Holds every mask against the one that its mode gives for the same picture by HTTP.
fn compare(server: &Running, pictures: &[Vec<u8>], seen: &[Seen]) {
    let by_http = |picture: usize, mode: &str| {
        let answer = post(server, &format!("/v1/segment?mode={mode}"), &pictures[picture]);
        assert_eq!((&answer["mode"], &answer["model"]), (&mode.into(), &format!("seg-{mode}").into()));
        answer["mask"].clone()
    };
    let mut masks: HashMap<(usize, &str), Value> = HashMap::new();
    for Seen { frame, mode, mask } in seen {
        let picture = frame % pictures.len();
        let expected = masks.entry((picture, mode)).or_insert_with(|| by_http(picture, mode));
        assert!(mask == expected, "frame {frame} in {mode} has another mask than by HTTP");
    }
    let all = MODES.map(|mode| by_http(0, mode));
    let told_apart = (0..4).all(|one| (0..one).all(|other| all[one] != all[other]));
    assert!(told_apart, "the modes cannot be told apart by these pictures");
}

/// What came of a frame that was looked at.
struct Seen {
    frame: usize,
    mode: String,
    mask: Value,
}

/// A client that sends pictures and asks for other modes meanwhile.
struct Client<'a> {
    live: Live,
    pictures: &'a [Vec<u8>],
    /// Frames that may be under way.
    ahead: usize,
    dice: Dice,
    /// Frames that were sent.
    sent: usize,
    /// Frames that were told of.
    told: usize,
    seen: Vec<Seen>,
    mode: String,
    /// A mode that was asked for and has not begun.
    asked: Option<String>,
    switches: usize,
    /// Results between a wish and its switch.
    between: usize,
    labels: Value,
}

impl Client<'_> {
    /// Until all switches are done and a few frames have come after the last.
    fn play(&mut self) {
        let mut frames_max = usize::MAX;
        while self.told < frames_max {
            while self.sent < frames_max && self.sent - self.told < self.ahead {
                self.ask_perhaps();
                self.live.frame(&self.pictures[self.sent % self.pictures.len()]);
                self.sent += 1;
                self.ask_perhaps();
                if self.ahead > 1 {
                    std::thread::sleep(PACE);
                }
            }
            self.hear();
            if self.switches == SWITCHES && frames_max == usize::MAX {
                frames_max = self.sent + 3;
            }
        }
        assert_eq!(self.asked, None);
    }

    /// Asks for another mode now and then, when the last wish has come true.
    fn ask_perhaps(&mut self) {
        if self.switches == SWITCHES || self.asked.is_some() || self.dice.throw(2) > 0 {
            return;
        }
        let others: Vec<_> = MODES.into_iter().filter(|mode| *mode != self.mode).collect();
        let mode = others[self.dice.throw(others.len())];
        self.live.ask(mode);
        self.asked = Some(mode.to_owned());
    }

    fn hear(&mut self) {
        let event = self.live.event();
        match event["type"].as_str().unwrap() {
            "mode_changing" => self.is_from_to(&event),
            "mode_changed" => {
                self.is_from_to(&event);
                assert_eq!(
                    (&event["model"], &event["labels"]),
                    (&format!("seg-{}", event["mode"].as_str().unwrap()).into(), &self.labels)
                );
                self.mode = self.asked.take().unwrap();
                self.switches += 1;
            }
            "result" => {
                assert_eq!((&event["frame"], &event["mode"]), (&json!(self.told), &json!(self.mode)));
                assert_eq!(event["model"], format!("seg-{}", self.mode));
                self.between += usize::from(self.asked.is_some());
                self.seen.push(Seen { frame: self.told, mode: self.mode.clone(), mask: event["mask"].clone() });
                self.told += 1;
            }
            "dropped" => {
                assert_eq!((&event["frame"], &event["reason"]), (&json!(self.told), &"overloaded".into()));
                self.told += event["count"].as_u64().unwrap() as usize;
            }
            _ => panic!("{event}"),
        }
    }

    #[track_caller]
    fn is_from_to(&self, event: &Value) {
        assert_eq!((&event["from"], &event["mode"]), (&json!(self.mode), &json!(self.asked)), "{event}");
    }
}

/// Numbers by chance, the same in every run: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }
}
