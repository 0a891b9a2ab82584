//! What no further attempt mends: told at once, with nothing wrong left behind.

use crate::hub_server::{ServedFile, Wrong};
use crate::support::{Here, PLACE, content, sha256, wanted};
use samovar_hub::{FilePath, HubErrorKind, Token, Wanted};
use std::fs::{self, File};
use std::time::Duration;

#[test]
fn a_wrong_content_is_removed() {
    let here = Here::with(&content(10_000));
    here.server.wrong([Wrong::Turned]);
    let error = here.pull().unwrap_err();
    assert_eq!(error.kind(), HubErrorKind::WrongHash);
    assert_eq!(here.server.gets().len(), 1, "another attempt would bring the same");
    assert!(here.blobs().is_empty() && !here.repo("snapshots").exists());
    here.pull().unwrap();
}

#[test]
fn what_is_missing_is_named() {
    let here = Here::with(&[]);
    let absent = Wanted { file: FilePath::new("absent.onnx").unwrap(), ..wanted() };
    let error = here.hub().pull(&absent, &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), HubErrorKind::NotFound);
    assert_eq!(error.to_string(), "org/name@main:absent.onnx: the repository has no such file");
    for (code, end) in [
        ("X-Error-Code: RepoNotFound", "the Hub has no such repository"),
        ("X-Error-Code: RevisionNotFound", "the repository has no such revision"),
        ("", "the Hub has nothing there"),
    ] {
        here.server.wrong_heads([(404, code)]);
        let error = here.pull().unwrap_err();
        assert!(error.kind() == HubErrorKind::NotFound && error.to_string().ends_with(end), "{error}");
    }
    assert_eq!(here.server.seen().len(), 4, "nothing is asked twice");
}

#[test]
fn a_gated_file_needs_a_token() {
    let mut here = Here::with(&[]);
    here.server.put(PLACE, ServedFile { is_gated: true, ..ServedFile::large(content(1_000)) });
    let error = here.pull().unwrap_err();
    assert_eq!(error.kind(), HubErrorKind::Denied);
    assert!(error.to_string().contains("gated") && error.kind().cure().contains("HF_TOKEN"), "{error}");
    here.token = Token::new("secret");
    here.server.wrong_heads([(403, "X-Error-Code: GatedRepo")]);
    let error = here.pull().unwrap_err();
    assert!(error.kind() == HubErrorKind::Denied && error.to_string().contains("has not been let in"), "{error}");
    assert!(!error.to_string().contains("secret"));
    here.pull().unwrap();
}

#[test]
fn a_server_that_is_no_hub_is_told_from_one() {
    let here = Here::with(&[]);
    for (status, header) in [
        (200, "ETag: \"abc\""),
        (200, "X-Repo-Commit: 0123456789abcdef0123456789abcdef01234567"),
        (200, "X-Repo-Commit: ../../../etc\r\nETag: \"abc\""),
        (200, "X-Repo-Commit: 0123456789abcdef0123456789abcdef01234567\r\nETag: \"../../../../escaped\""),
        (
            302,
            "Location: /x\r\nX-Linked-Etag: \"no-checksum\"\r\nX-Repo-Commit: 0123456789abcdef0123456789abcdef01234567",
        ),
        (302, ""),
        (302, "Location: ftp://somewhere/x"),
        (418, ""),
    ] {
        here.server.wrong_heads([(status, header)]);
        assert_eq!(here.pull().unwrap_err().kind(), HubErrorKind::Protocol, "{status} {header}");
    }
    assert!(!here.cache().folder().exists(), "nothing was written");
}

#[test]
fn redirects_end() {
    let here = Here::with(&[]);
    let same = "Location: /org/name/resolve/main/onnx/model.onnx";
    here.server.wrong_heads([(307, same); 9]);
    assert_eq!(here.pull().unwrap_err().kind(), HubErrorKind::Protocol);
    assert_eq!(here.server.seen().len(), 6);
}

#[test]
fn a_redirect_of_the_hub_itself_is_followed() {
    let here = Here::with(&content(1_000));
    here.server.wrong_heads([(307, "Location: /org/name/resolve/main/onnx/model.onnx")]);
    here.pull().unwrap();
}

#[test]
fn more_than_was_said_is_refused() {
    let here = Here::with(&content(10_000));
    here.server.wrong([Wrong::TooMuch]);
    assert_eq!(here.pull().unwrap_err().kind(), HubErrorKind::TooLarge);
}

#[test]
fn a_file_beyond_the_limit_or_the_disk_is_not_begun() {
    let mut here = Here::with(&[]);
    here.server.put(PLACE, ServedFile { declared_bytes: 1 << 50, ..ServedFile::large(content(1_000)) });
    assert_eq!(here.pull().unwrap_err().kind(), HubErrorKind::TooLarge);
    here.limits.file_bytes_max = u64::MAX;
    let error = here.pull().unwrap_err();
    assert_eq!(error.kind(), HubErrorKind::DiskFull);
    assert!(error.to_string().starts_with("1073741824 MiB are to come"), "{error}");
    assert!(here.server.gets().is_empty());
}

#[test]
fn another_process_is_not_waited_for_without_end() {
    let mut here = Here::with(&content(1_000));
    here.limits.lock = Duration::from_millis(50);
    let folder = here.cache().folder().join(".locks/models--org--name");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join(format!("{}.lock", sha256(&content(1_000))))).unwrap();
    lock.lock().unwrap();
    let (result, told) = here.pull_telling();
    assert_eq!(result.unwrap_err().kind(), HubErrorKind::Locked);
    assert_eq!(told, ["Waiting"]);
    drop(lock);
    here.pull().unwrap();
}

#[test]
fn a_server_that_is_not_there_is_told_after_the_attempts() {
    let here = Here::with(&[]);
    let settings = samovar_hub::HubSettings {
        endpoint: here.server.endpoint(),
        token: None,
        cache: here.cache(),
        is_offline: false,
        certificates: None,
        limits: here.limits,
    };
    drop(here.server);
    let hub = samovar_hub::Hub::new(&settings).unwrap();
    let mut retries = 0;
    let error = hub.pull(&wanted(), &mut |_| retries += 1).unwrap_err();
    assert_eq!((error.kind(), retries), (HubErrorKind::Network, 2), "{error}");
}
