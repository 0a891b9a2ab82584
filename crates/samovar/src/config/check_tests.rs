//! Mistakes in a configuration and what is said about each: the whole message, as a person reads it.

use super::check::check;

/// What is said about a text, one line for each mistake.
fn said(text: &str) -> String {
    let problems = check(text).unwrap_err();
    problems.iter().map(|problem| format!("{}: {problem}", problem.place)).collect::<Vec<_>>().join("\n")
}

/// A text and what is said about it.
const MISTAKES: &[(&str, &str)] = &[
    ("[sever]\nlisten = \"127.0.0.1:1\"", "1:2: `sever`: no such key; did you mean `server`?"),
    ("[server]\nlisten_on = \"127.0.0.1:1\"", "2:1: `server.listen_on`: no such key; did you mean `listen`?"),
    ("listen = \"127.0.0.1:1\"", "1:1: `listen`: no such key here; did you mean `server.listen`?"),
    ("[server]\nengine = \"rten\"", "2:1: `server.engine`: no such key here; did you mean `models.NAME.engine`?"),
    (
        "[device]\ncolour = 1",
        "2:1: `device.colour`: no such key; `[device]` has `gpu_memory_fraction`, `slots`, `threads`",
    ),
    (
        "[kitchen]",
        "1:2: `kitchen`: no such section; there are `anomaly`, `calls`, `device`, `evidence`, `faces`, `jobs`, `keys`, `media`, \
         `memory`, `models`, `modes`, `mqtt`, `pairs`, `plans`, `queue`, `server`, `source_additions`, `sources`, \
         `speech`, `telemetry`, `triage`, `video`, `webhooks`",
    ),
    (
        "[device]\nslots = \"2\"",
        "2:9: `device.slots`: expected a whole number, found the text \"2\"; leave the quotes out",
    ),
    ("[device]\nslots = 1.5", "2:9: `device.slots`: expected a whole number, found the number 1.5"),
    ("[device]\nslots = 0", "2:9: `device.slots`: 0 is out of range; it must be from 1 to 1024"),
    ("[device]\nthreads = -4", "2:11: `device.threads`: -4 is out of range; it must be from 1 to 1024"),
    ("[queue]\njob_share = 5000", "2:13: `queue.job_share`: 5000 is out of range; it must be from 0 to 1000"),
    (
        "[server]\ninsecure = \"true\"",
        "2:12: `server.insecure`: expected true or false, found the text \"true\"; leave the quotes out",
    ),
    ("[server]\ninsecure = 1", "2:12: `server.insecure`: expected true or false, found the number 1"),
    ("server = 8080", "1:10: `server`: expected a table, found the number 8080"),
    (
        "[server]\nlisten = \"localhost\"",
        "2:10: `server.listen`: not an address; write it like \"127.0.0.1:8080\" or \"[::1]:8080\"",
    ),
    ("[server]\nlisten = 8080", "2:10: `server.listen`: expected a text in quotes, found the number 8080"),
    (
        "[server]\nlisten = \"0.0.0.0:80\"",
        "2:10: `server.listen`: 0.0.0.0 can be reached from other machines and nobody is asked who they are; \
         add a key (`samovar keys new NAME`), listen on 127.0.0.1 behind a proxy, or set `server.insecure = true` to accept that",
    ),
    ("[server]\nallowed_origins = \"x\"", "2:19: `server.allowed_origins`: expected a list, found the text \"x\""),
    (
        "[server]\nallowed_origins = [1]",
        "2:20: `server.allowed_origins`: expected a text in quotes, found the number 1",
    ),
    ("[models.a]\nfamily = \"yolo\"", "1:1: `models.a.path`: missing; add `path = \"…\"`"),
    (
        "[models.a]\npath = \"a\"\nengine = \"openvno\"",
        "3:10: `models.a.engine`: no such value \"openvno\"; did you mean \"openvino\"?",
    ),
    (
        "[models.a]\npath = \"a\"\nprecision = \"int4\"",
        "3:13: `models.a.precision`: no such value \"int4\"; it may be `auto`, `f32`, `bf16`, `f16`",
    ),
    (
        "[models.a]\npath = \"a\"\nfamily = \"yolov8\"",
        "3:10: `models.a.family`: no such value \"yolov8\"; did you mean \"yolo\"?",
    ),
    (
        "[models.a]\npath = \"a\"\nsha256 = \"abc\"",
        "3:10: `models.a.sha256`: not a sha256; it has 64 hexadecimal digits, as `sha256sum FILE` prints them",
    ),
    ("[models.a]\npath = \"\"", "2:8: `models.a.path`: empty; give the ONNX file"),
    (
        "[models.a]\npath = \"a\"\ntolerance = 3.0",
        "3:13: `models.a.tolerance`: 3 is out of range; it must be from 0 to 1",
    ),
    (
        "[models.a]\npath = \"a\"\ninput_size = \"640\"",
        "3:14: `models.a.input_size`: not a size; write width and height in pixels like \"640x384\"",
    ),
    (
        "[models.\"a b\"]\npath = \"a\"",
        "1:1: `models.a b`: not a model name; a model name begins with a letter or digit, has at most 64 letters, \
         digits, `-`, `_` or `.`, and is not `clear`",
    ),
    (
        "[server]\ndefault_model = \"b\"\n[models.a]\npath = \"a\"",
        "2:17: `server.default_model`: no model is called `b`; there are `a`",
    ),
    (
        "[memory]\nlimit = \"8GB\"",
        "2:9: `memory.limit`: not an amount of memory; write it like \"8GiB\", \"512MiB\" or \"65536KiB\"",
    ),
    ("[memory]\nlimit = 8", "2:9: `memory.limit`: expected a text in quotes, found the number 8"),
    ("[memory]\nlimit = \"1MiB\"", "2:9: `memory.limit`: too small for any model; write at least \"16MiB\""),
    ("[plans]\nfolder = \"\"", "2:10: `plans.folder`: empty; give a folder, or leave it out for Samovar's own"),
    (
        "[models.clear]\npath = \"a\"",
        "1:1: `models.clear`: not a model name; a model name begins with a letter or digit, has at most 64 letters, digits, \
         `-`, `_` or `.`, and is not `clear`",
    ),
    ("[plans]\nbudget = 1", "2:1: `plans.budget`: no such key; did you mean `budget_s`?"),
    (
        "[server]\non_preload_failure = \"lasy\"",
        "2:22: `server.on_preload_failure`: no such value \"lasy\"; did you mean \"lazy\"?",
    ),
    (
        "[modes.segment]\nfast = \"seg-fsat\"\n[models.seg-fast]\npath = \"a\"",
        "2:8: `modes.segment.fast`: no model is called `seg-fsat`; did you mean `seg-fast`?",
    ),
    ("[modes.segment]\nfast = \"a\"", "2:8: `modes.segment.fast`: no model is called `a`; add `[models.a]`"),
    ("[modes.segment]\nfastest = \"a\"", "2:1: `modes.segment.fastest`: no such key; did you mean `fast`?"),
    ("[modes.detect]\nfast = \"a\"", "1:8: `modes.detect`: no such key; `[modes]` has `segment`"),
    (
        "[models.a]\npath = \"a\"\nversions = \"latst\"",
        "3:12: `models.a.versions`: no such value \"latst\"; did you mean \"latest\"?",
    ),
    (
        "[models.a]\npath = \"a\"\nversions = true",
        "3:12: `models.a.versions`: expected \"latest\" or a whole number, found true",
    ),
    (
        "[models.a]\npath = \"a\"\nversions = 3\nversions_keep = 2",
        "4:17: `models.a.versions_keep`: lets older versions be tried, but `versions` names one",
    ),
    (
        "[anomaly]\npose = \"psoe\"\n[models.pose]\npath = \"a\"",
        "2:8: `anomaly.pose`: no model is called `psoe`; did you mean `pose`?",
    ),
    ("[anomaly]\nscore_strat = 1", "2:1: `anomaly.score_strat`: no such key; did you mean `score_start`?"),
    (
        "[anomaly]\nscore_start = 2\nscore_end = 2.5",
        "3:13: `anomaly.score_end`: `score_end` is 2.5; it must not be above `score_start`, 2",
    ),
    (
        "[anomaly]\nzones = [{ name = \"door\", corners = [[0, 0], [1, 1]] }]",
        "2:9: `anomaly.zones`: `zones.corners` of `door` has 2 corners; it must have 3 to 64",
    ),
    (
        "[anomaly]\nzones = [{ name = \"door\", corners = [[0, 0], [1, 1], [2, 0]] }]",
        "2:9: `anomaly.zones`: `zones.corners` of `door` has 2; corners are shares from 0 to 1",
    ),
    ("[anomaly]\nzones = [{ name = \"door\" }]", "2:10: `anomaly.zones.corners`: missing; add `corners = …`"),
    (
        "[anomaly]\nschedule = { spans = [\"mon 8-17\"] }",
        "2:12: `anomaly.schedule`: `schedule`: \"mon 8-17\" are no times of a week; write them like \"mon-fri 22:00-06:00\"",
    ),
    (
        "[anomaly]\nscore_end = 2.0\n[sources.a]\naddress = \"rtsp://a/b\"\nanomaly = { score_start = 1.0 }",
        "5:11: `sources.a.anomaly.score_end`: `score_end` is 2; it must not be above `score_start`, 1",
    ),
    (
        "[sources.a]\naddress = \"ftp://a/b\"",
        "2:11: `sources.a.address`: addresses of this scheme are not read; use rtsp://, http://, https://, a file or \
         /dev/videoN",
    ),
    ("[sources.a]\nfps_max = 5", "1:1: `sources.a.address`: missing; add `address = \"…\"`"),
    (
        "[sources.a]\naddress = \"rtsp://a/b\"\npipeline = \"anomly\"",
        "3:12: `sources.a.pipeline`: no such value \"anomly\"; did you mean \"anomaly\"?",
    ),
    (
        "[sources.a]\naddress = \"rtsp://a/b\"\nsinks = [\"mqtt\"]",
        "3:9: `sources.a.sinks`: there is no broker; set `mqtt.address`",
    ),
    (
        "[sources.a]\naddress = \"rtsp://a/b\"\nsinks = [\"rom\"]\n[webhooks.room]\nurl = \"http://x/\"\nsecret_env = \"X\"",
        "3:9: `sources.a.sinks`: no sink is called `rom`; did you mean `room`?",
    ),
    (
        "[sources.a]\naddress = \"rtsp://a/b\"\nevidence = true",
        "3:12: `sources.a.evidence`: there is no folder for it; set `evidence.folder`",
    ),
    (
        "[sources.a]\naddress = \"rtsp://a/b\"\nmodel = \"x\"",
        "3:9: `sources.a.model`: is for `pipeline = \"detect\"`; what anomaly streams use stands in `[anomaly]`",
    ),
    ("fps_max = 1", "1:1: `fps_max`: no such key here; did you mean `sources.NAME.fps_max`?"),
    (
        "[webhooks.a]\nurl = \"http://x/\"",
        "1:1: `webhooks.a.secret_file`: nobody could tell these requests from others'; set `secret_file` or `secret_env`",
    ),
    (
        "[webhooks.a]\nurl = \"alerts.example\"\nsecret_env = \"X\"",
        "2:7: `webhooks.a.url`: not an address; write it like \"https://alerts.example/samovar\"",
    ),
    ("[mqtt]\naddress = \"broker\"", "2:11: `mqtt.address`: not host and port; write it like \"broker.local:1883\""),
    (
        "[mqtt]\ntopic = \"a/#\"",
        "2:9: `mqtt.topic`: not the beginning of a topic; leave `+`, `#` and a `/` at its end out",
    ),
    (
        "[mqtt]\nevents = [\"anomaly.begun\"]",
        "2:11: `mqtt.events`: no such value \"anomaly.begun\"; did you mean \"anomaly.ended\"?",
    ),
    (
        "[evidence]\nbytes_max = \"10GB\"",
        "2:13: `evidence.bytes_max`: not an amount of bytes; write it like \"10GiB\" or \"512MiB\"",
    ),
    (
        "[source_additions]\nschemes = [\"ftp\"]\nhosts = [\"a\"]",
        "2:11: `source_additions.schemes`: `ftp` is no kind of address; there are `rtsp`, `http`, `https`",
    ),
    ("[jobs]\nfolder = \"\"", "2:10: `jobs.folder`: empty; give a folder, or leave it out for Samovar's own"),
    (
        "[jobs]\nupload_bytes_max = \"4GB\"",
        "2:20: `jobs.upload_bytes_max`: not an amount of bytes; write it like \"4GiB\" or \"512MiB\"",
    ),
    (
        "[jobs]\nschemes = [\"rtsp\"]\nhosts = [\"a\"]",
        "2:11: `jobs.schemes`: `rtsp` is no kind of address; there are `http`, `https`",
    ),
    (
        "[jobs]\nschemes = [\"https\"]",
        "1:1: `jobs.hosts`: empty, so no address could be added; list the hosts, or leave `schemes` out",
    ),
    (
        "[jobs]\nbackoff_ms = 9000\nbackoff_max_s = 5",
        "3:17: `jobs.backoff_max_s`: less than the first wait, `backoff_ms`",
    ),
    ("[models]\na = \"a.onnx\"", "2:5: `models.a`: expected a table, found the text \"a.onnx\""),
];

#[test]
fn every_mistake_is_told_with_its_place_and_what_would_be_right() {
    let wrong: Vec<String> = MISTAKES
        .iter()
        .filter(|(text, expected)| said(text) != *expected)
        .map(|(text, expected)| format!("{text}\n  said:     {}\n  expected: {expected}", said(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn hosts_of_added_sources_are_names_addresses_and_networks() {
    let told = |host: &str| said(&format!("[source_additions]\nschemes = [\"rtsp\"]\nhosts = [\"{host}\"]"));
    for host in ["", "*", "a.*", "*.", "http://cam", "cam:554", "10.0.0.0/33", "cam/8", "a..b", "u@cam", "[::1]", "a b"]
    {
        assert!(told(host).contains("`source_additions.hosts`: `"), "{host}: {}", told(host));
    }
    for host in ["camera.local", "*.cameras.example", "192.0.2.7", "10.1.0.0/16", "::1", "fd00::/8", "cam_1"] {
        assert!(check(&format!("[source_additions]\nschemes = [\"rtsp\"]\nhosts = [\"{host}\"]")).is_ok(), "{host}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_text() {
    let text = "[queue]\njob_share = -1\n[device]\nslots = 0\nthread = 1\n";
    let lines: Vec<String> = said(text).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("2:13:") && lines[1].starts_with("4:9:") && lines[2].starts_with("5:1:"), "{lines:?}");
}

#[test]
fn mistakes_in_the_syntax_have_a_place() {
    for text in ["[server", "a = ", "a = 1\na = 2", "[models.a]\npath = \"x", "\u{0}"] {
        let problems = check(text).unwrap_err();
        assert!(!problems.is_empty() && problems[0].place.line >= 1, "{text:?}");
    }
}

/// A text with bytes cut off or changed gives mistakes or a configuration, never a panic.
#[test]
fn no_damage_to_the_example_panics() {
    let example = super::EXAMPLE;
    for at in (0..example.len()).filter(|at| example.is_char_boundary(*at)) {
        let _ = check(&example[..at]);
    }
    for (at, _) in example.char_indices().step_by(3) {
        for put in ["=", "\"", "[", "\n", "9999999999999999999", "é"] {
            let _ = check(&format!("{}{put}{}", &example[..at], &example[at..]));
        }
    }
}
