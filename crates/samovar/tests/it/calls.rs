//! `samovar calls` on a server that has heard the call that ships.

use crate::running::{Running, config};
use crate::support::shipped;
use serde_json::Value;

/// A server that hears, with these keys besides.
fn hearing(more: &str) -> Running {
    let head = format!("[server]\ndrain_delay_ms = 0\n[plans]\nfolder = \"plans\"\nbackground = false\n{more}");
    let path = shipped("models/starter-whisper/onnx/encoder_model.onnx");
    Running::configured(&config(&head, &[("whisper", format!("path = {path:?}"))]), &[])
}

/// Lets it hear the call, and tells the call's name.
fn hear(server: &Running, label: &str) -> String {
    let call = std::fs::read(shipped("samples/call.flac")).unwrap();
    let answer = server.request(&format!("POST /api/analyze?language=en&label={label}"), &call);
    let told: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    told["call_id"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

#[test]
fn calls_are_listed_searched_shown_and_deleted_from_the_command_line() {
    let server = hearing("[calls]\nfolder = \"calls\"\n");
    assert_eq!(server.command(&["calls", "list"]).stdout, "there are no such calls\n");
    let (first, second) = (hear(&server, "first"), hear(&server, "second"));
    let listed = server.command(&["calls", "list"]);
    let lines: Vec<&str> = listed.stdout.lines().map(str::trim).collect();
    assert!(lines.len() == 3 && lines[1].starts_with(&second) && lines[2].starts_with(&first), "{}", listed.stdout);
    assert!(lines[1].contains("P1") && lines[1].contains("Hello, I need help."), "{}", listed.stdout);

    let page = server.command(&["calls", "list", "--limit", "1", "--since", "1h", "--priority", "p1"]);
    assert!(page.stdout.contains(&second) && !page.stdout.contains(&first), "{}", page.stdout);
    let after = page.stderr.trim().rsplit(' ').next().unwrap();
    let page = server.command(&["calls", "list", "--after", after]);
    assert!(page.stdout.contains(&first) && !page.stdout.contains(&second), "{}", page.stdout);
    assert_eq!(server.command(&["calls", "list", "--category", "accident"]).stdout, "there are no such calls\n");

    assert_eq!(server.command(&["calls", "search", "MILL", "road"]).stdout.lines().count(), 3);
    assert_eq!(server.command(&["calls", "search", "kitchen garage"]).stdout, "there are no such calls\n");
    let nothing = server.command(&["calls", "search", "..."]);
    assert!(nothing.code == 1 && nothing.stderr.starts_with("error[bad_search]: "), "{}", nothing.stderr);

    let shown = server.command(&["calls", "show", &first]).stdout;
    for part in ["  first\nupload call of ", "ended", "15.0 s, en", "P1 medical\n", "\"not breathing\"", "distress 0."]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.lines().any(|line| line.starts_with("[00:0") && line.ends_with("Hello, I need help.")), "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("  0.") && line.contains(" of 0.")), "parts: {shown}");
    let json: Value = serde_json::from_str(&server.command(&["calls", "show", &first, "--json"]).stdout).unwrap();
    assert!(json["features"].as_array().unwrap().iter().any(|second| second["distress"]["parts"][0].is_object()));

    assert_eq!(server.command(&["calls", "delete", &first]).stdout, format!("{first}: deleted\n"));
    let gone = server.command(&["calls", "show", &first]);
    assert!(gone.code == 1 && gone.stderr.starts_with("error[call_not_found]: "), "{}", gone.stderr);
    let unasked = server.command(&["calls", "delete", &first, &second]);
    assert!(unasked.code == 2 && unasked.stderr.starts_with("error[confirmation_required]: "), "{}", unasked.stderr);
    assert_eq!(server.command(&["calls", "show", &second]).code, 0, "nothing was deleted");
    let some = server.command(&["calls", "delete", "--yes", &first, &second]);
    assert_eq!((some.code, some.stdout), (3, format!("{second}: deleted\n")));
    server.end();
}

#[test]
fn a_server_that_keeps_no_calls_says_what_turns_it_on() {
    let server = hearing("");
    for command in [&["calls", "list"][..], &["calls", "search", "fire"], &["calls", "delete", "6f96"]] {
        let refused = server.command(command);
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.starts_with("error[calls_disabled]: "), "{}", refused.stderr);
        assert!(refused.stderr.contains("`folder` in `[calls]`"), "{}", refused.stderr);
    }
    server.end();
}
