//! Fair weather: what arrives, where it lies, what is asked for and what is not.

use crate::hub_server::{COMMIT, ServedFile, Wrong};
use crate::support::{FILE, Here, content, sha256, wanted};
use samovar_hub::{FilePath, HubErrorKind, Revision, Token, Wanted};
use sha1::{Digest, Sha1};
use std::fs;
use std::path::Path;

#[test]
fn a_file_comes_from_the_store_and_lies_as_the_hub_lays_it() {
    let content = content(300_000);
    let mut here = Here::with(&content);
    here.token = Token::new("secret");
    let pulled = here.pull().unwrap();
    assert_eq!((pulled.size_bytes, pulled.fetched_bytes), (300_000, 300_000));
    assert_eq!(pulled.path, here.repo("snapshots").join(COMMIT).join(FILE));
    assert!(fs::read(&pulled.path).unwrap() == content);
    assert_eq!(fs::read_link(&pulled.path).unwrap(), Path::new("../../../blobs").join(sha256(&content)));
    assert_eq!(fs::read_to_string(here.repo("refs/main")).unwrap(), COMMIT);
    assert_eq!(here.blobs(), [sha256(&content)]);
    assert!(here.cache().folder().join(".locks/models--org--name").join(format!("{}.lock", sha256(&content))).exists());
}

#[test]
fn the_token_goes_to_the_hub_and_not_to_the_store() {
    let mut here = Here::with(&content(1_000));
    here.token = Token::new("secret");
    here.pull().unwrap();
    let seen = here.server.seen();
    let told = |is_store| {
        seen.iter().filter(move |seen| seen.is_store == is_store).map(|seen| seen.headers.get("authorization"))
    };
    assert!(told(false).count() > 0 && told(false).all(|token| token.is_some_and(|token| token == "Bearer secret")));
    assert!(told(true).count() > 0 && told(true).all(|token| token.is_none()));
}

#[test]
fn what_is_here_is_not_fetched_again() {
    let here = Here::with(&content(50_000));
    let first = here.pull().unwrap();
    let again = here.pull().unwrap();
    assert_eq!((again.path, again.fetched_bytes), (first.path, 0));
    assert_eq!((here.server.gets().len(), here.server.served_bytes()), (1, 50_000));
}

#[test]
fn a_commit_is_not_even_asked_about_again() {
    let here = Here::with(&content(1_000));
    here.pull().unwrap();
    let asked = here.server.seen().len();
    let commit = Wanted { revision: Revision::new(COMMIT).unwrap(), ..wanted() };
    assert_eq!(here.hub().pull(&commit, &mut |_| {}).unwrap().fetched_bytes, 0);
    assert_eq!(here.server.seen().len(), asked);
}

#[test]
fn one_content_of_two_paths_is_fetched_once() {
    let here = Here::with(&content(1_000));
    here.server.put("org/name/main/copy.onnx", ServedFile::large(content(1_000)));
    here.pull().unwrap();
    let copy = Wanted { file: FilePath::new("copy.onnx").unwrap(), ..wanted() };
    let copy = here.hub().pull(&copy, &mut |_| {}).unwrap();
    assert_eq!(
        (copy.fetched_bytes, fs::read_link(&copy.path).unwrap()),
        (0, Path::new("../../blobs").join(sha256(&content(1_000))))
    );
}

#[test]
fn a_small_file_is_held_against_what_git_calls_it() {
    let here = Here::with(&[]);
    let text = b"{\"a\": 1}\n".to_vec();
    let name: String =
        Sha1::digest([b"blob 9\0".as_slice(), &text].concat()).iter().map(|byte| format!("{byte:02x}")).collect();
    here.server.put("org/name/main/config.json", ServedFile::small(text.clone(), &name));
    let config = Wanted { file: FilePath::new("config.json").unwrap(), ..wanted() };
    assert_eq!(fs::read(here.hub().pull(&config, &mut |_| {}).unwrap().path).unwrap(), text);

    here.server.put("org/name/main/other.json", ServedFile::small(text, &name.replace(|c| c != 'a', "b")));
    let other = Wanted { file: FilePath::new("other.json").unwrap(), ..wanted() };
    assert_eq!(here.hub().pull(&other, &mut |_| {}).unwrap_err().kind(), HubErrorKind::WrongHash);
}

#[test]
fn a_pin_is_held_and_a_broken_one_fetches_nothing() {
    let here = Here::with(&content(1_000));
    let pinned = |sha256: String| Wanted { sha256: Some(sha256), ..wanted() };
    let error = here.hub().pull(&pinned(sha256(b"another")), &mut |_| {}).unwrap_err();
    assert_eq!((error.kind(), here.server.gets().len()), (HubErrorKind::WrongHash, 0));
    here.hub().pull(&pinned(sha256(&content(1_000))), &mut |_| {}).unwrap();
}

#[test]
fn two_at_once_fetch_once() {
    let here = Here::with(&content(200_000));
    // The content comes only when the other one has asked as well, so that both are under way.
    here.server.wrong([Wrong::AfterHeads(2)]);
    let paths: Vec<_> = std::thread::scope(|scope| {
        let pulls = [0, 1].map(|_| scope.spawn(|| here.pull().unwrap()));
        pulls.into_iter().map(|pull| pull.join().unwrap()).collect()
    });
    assert_eq!(paths[0].path, paths[1].path);
    assert_eq!((here.server.gets().len(), here.server.served_bytes()), (1, 200_000));
    assert_eq!(paths.iter().map(|pulled| pulled.fetched_bytes).sum::<u64>(), 200_000);
}

#[test]
fn offline_only_the_cache_is_asked() {
    let mut here = Here::with(&content(1_000));
    here.is_offline = true;
    let error = here.pull().unwrap_err();
    assert_eq!(error.kind(), HubErrorKind::Offline);
    assert!(
        error.to_string().contains("HF_HUB_OFFLINE") && error.to_string().contains("org/name@main:onnx/model.onnx")
    );
    assert_eq!(
        here.hub().files(&wanted().repo, &Revision::main(), &mut |_| {}).unwrap_err().kind(),
        HubErrorKind::Offline
    );
    assert!(here.server.seen().is_empty());

    here.is_offline = false;
    let path = here.pull().unwrap().path;
    here.is_offline = true;
    let asked = here.server.seen().len();
    assert_eq!(here.pull().unwrap().path, path);
    assert_eq!(here.server.seen().len(), asked);
}

#[test]
fn the_files_of_a_repository_are_told() {
    let here = Here::with(&[]);
    here.server.put("org/name/main/config.json", ServedFile::large(vec![]));
    let files = here.hub().files(&wanted().repo, &Revision::main(), &mut |_| {}).unwrap();
    assert_eq!(files, ["config.json", "onnx/model.onnx"]);
    let error = here.hub().files(&wanted().repo, &Revision::new("v9").unwrap(), &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), HubErrorKind::NotFound);
}

#[test]
fn an_empty_file_is_a_file() {
    let here = Here::with(&[]);
    assert_eq!(fs::read(here.pull().unwrap().path).unwrap(), b"");
}
