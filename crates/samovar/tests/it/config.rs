//! `samovar config` and the configuration's way into every command.

use crate::support::{Ended, run, samovar};

#[test]
fn the_example_that_is_printed_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samovar.toml");
    std::fs::write(&path, run(["config", "example"]).stdout).unwrap();
    let ended = run(["config", "check", path.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.ends_with("no mistakes, models: 1\n"), "{}", ended.stdout);
}

#[test]
fn mistakes_have_file_line_and_column_in_every_command() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("samovar.toml"), "[server]\nlissten = 1\n\n[device]\nslots = 0\n").unwrap();
    for command in [["config", "check"], ["serve", "--insecure"], ["models", "--json"]] {
        let ended = Ended::from(samovar().current_dir(folder.path()).args(command).output().unwrap()).without_panic();
        let expected = "error[config_invalid]:\n\
            samovar.toml:2:1: `server.lissten`: no such key; did you mean `listen`?\n\
            samovar.toml:5:9: `device.slots`: 0 is out of range; it must be from 1 to 1024\n  \
            cure: `samovar config example` shows every key\n";
        assert_eq!((ended.code, ended.stderr.as_str()), (2, expected), "{command:?}");
    }
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let ended = run(["models", "--config", "absent.toml"]).without_panic();
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.starts_with("error[config_unreadable]: the configuration absent.toml cannot be read"));
}

#[test]
fn the_schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(&run(["config", "schema"]).stdout).unwrap();
    assert!(schema["properties"]["server"]["properties"]["listen"].is_object());
}
