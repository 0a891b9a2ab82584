//! `samovar run embed` on the small model of the families' own tests, and on MiniLM.

use crate::support::{Ended, real, samovar};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/text").join(path).canonicalize().unwrap()
}

/// What the reference says about the small model.
fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("expected.json")).unwrap()).unwrap()
}

/// Runs it on the small model, with what it reads over stdin.
fn embed(arguments: &[&str], stdin: &[u8]) -> Ended {
    let mut command = samovar();
    command.args(["run", "embed", "--engine", "rten", "--precision", "f32", "--model"]).arg(fixture("bert/model.onnx"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut pipe, stdin) = (child.stdin.take().unwrap(), stdin.to_vec());
    // A command that ends early does not read on.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
    let ended = Ended::from(child.wait_with_output().unwrap()).without_panic();
    writer.join().unwrap();
    ended
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn difference(a: &Value, b: &Value) -> f32 {
    let (a, b) = (floats(a), floats(b));
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn typed_texts_have_the_vectors_of_the_reference() {
    let expected = expected();
    let texts = [0, 1, 3, 4, 5, 6].map(|at| (at, expected["texts"][at].as_str().unwrap()));
    let typed: Vec<&str> = texts.iter().map(|(_, text)| *text).collect();
    let ended = embed(&[&["--json", "--truncate", "end"], &typed[..]].concat(), b"");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines = ended.lines();
    assert_eq!(lines.len(), texts.len());
    for (index, (line, (at, text))) in lines.iter().zip(texts).enumerate() {
        assert_eq!((&line["index"], &line["text"], &line["line"]), (&index.into(), &text.into(), &Value::Null));
        // The model takes 32; one of the texts has more.
        assert_eq!(line["tokens"], expected["bert"]["ids"][at].as_array().unwrap().len().min(32));
        let off = difference(&line["embedding"], &expected["bert"]["vectors"][at]);
        assert!(off < 1e-4, "{text}: {off}");
    }
    for (more, reference) in
        [(["--dimensions", "8"], "eight"), (["--prompt", "query"], "query"), (["--input-type", "query"], "query")]
    {
        let lines = embed(&[&[typed[0], "--json", "--no-text"], &more[..]].concat(), b"").lines();
        assert!(difference(&lines[0]["embedding"], &expected["bert"][reference][0]) < 1e-4, "{more:?}");
        assert_eq!(lines[0].get("text"), None);
    }
    let length = |normalize: &str| {
        let lines = embed(&[typed[0], "--json", "--normalize", normalize], b"").lines();
        floats(&lines[0]["embedding"]).iter().map(|number| number * number).sum::<f32>()
    };
    assert!((length("true") - 1.0).abs() < 1e-5 && (length("false") - 1.0).abs() > 1e-3);
    let shown = embed(&[typed[0]], b"");
    assert!(
        shown.stdout.starts_with("The samovar is hot.: ") && shown.stdout.contains(" numbers ["),
        "{}",
        shown.stdout
    );
    assert!(shown.stderr.contains("1 text in ") && shown.stderr.ends_with(" tokens\n"), "{}", shown.stderr);
}

#[test]
fn lines_keep_their_places_and_bad_ones_do_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("lines.txt"), folder.path().join("vectors.jsonl"));
    let bad = [
        (3, Vec::new(), "empty_input"),
        (700, b"\xff".to_vec(), "text_unreadable"),
        (701, "hot ".repeat(2_000).into_bytes(), "text_too_long"),
    ];
    let line = |number: usize| {
        let bad = bad.iter().find(|(place, _, _)| *place == number);
        bad.map_or_else(|| format!("samovar {}", number % 97).into_bytes(), |(_, text, _)| text.clone())
    };
    let content: Vec<u8> = (1..=1_500).flat_map(|number| [line(number), b"\n".to_vec()].concat()).collect();
    std::fs::write(&file, &content).unwrap();
    let (name, absent) = (file.to_str().unwrap(), "no such file");
    let ended = embed(&[name, absent, "-o", out.to_str().unwrap()], b"");
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("1498 texts in ") && ended.stderr.ends_with("; 3 failed\n"), "{}", ended.stderr);
    let written = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1_501);
    for (index, line) in lines[..1_500].iter().enumerate() {
        assert_eq!((&line["index"], &line["line"], &line["input"]), (&index.into(), &(index + 1).into(), &name.into()));
        let code = bad.iter().find(|(place, _, _)| *place == index + 1).map(|(_, _, code)| *code);
        assert_eq!(line["error"]["code"].as_str(), code, "{line}");
        assert_eq!(line["embedding"].is_array(), code.is_none());
    }
    for (place, _, code) in &bad {
        assert!(ended.stderr.contains(&format!("{name}: line {place}: error[{code}]: ")), "{}", ended.stderr);
    }
    assert_eq!((&lines[1_500]["text"], &lines[1_500]["input"]), (&absent.into(), &Value::Null), "no file is a text");
    // Where a line stands in its batch says nothing about its vector.
    assert!(difference(&lines[9]["embedding"], &lines[106]["embedding"]) < 1e-5, "the same text");
    let piped = embed(&["-", "--json", "--quiet"], &content).lines();
    assert_eq!(
        (piped.len(), &piped[699]["error"]["code"], &piped[0]["input"]),
        (1_500, &"text_unreadable".into(), &"-".into())
    );
    assert!(difference(&piped[1_499]["embedding"], &lines[1_499]["embedding"]) < 1e-5);
    let cut = embed(&["-", "--json", "--truncate", "end"], &line(701));
    assert_eq!((cut.code, cut.lines()[0]["embedding"].is_array()), (0, true), "{}", cut.stderr);
    let none = embed(&["-"], b"\n\n");
    assert_eq!((none.code, none.stdout.as_str()), (1, ""), "{}", none.stderr);
}

#[test]
fn what_holds_for_all_texts_is_told_once_and_at_once() {
    let refused = embed(&["a", "b", "--json", "--prompt", "nosuch"], b"");
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.starts_with("error[unknown_prompt]: "), "{}", refused.stderr);
    let wide = embed(&["a", "--dimensions", "9999"], b"");
    assert!(wide.code == 1 && wide.stderr.starts_with("error[invalid_dimensions]: "), "{}", wide.stderr);
    let unnamed = Ended::from(samovar().args(["run", "embed", "a"]).output().unwrap());
    assert!(unnamed.code == 2 && unnamed.stderr.starts_with("error[no_model]: "), "{}", unnamed.stderr);
    let folder = embed(&["/"], b"");
    assert!(folder.code == 2 && folder.stderr.starts_with("error[no_input]: "), "{}", folder.stderr);
}

#[test]
fn mini_lm_is_as_its_card_says_and_the_only_model_of_texts_is_meant() {
    let (Some(model), Some(voices)) = (real("minilm/model.onnx"), real("silero-vad/silero_vad_16k_op15.onnx")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[models.words]\npath = {model:?}\npooling = \"mean\"\nnormalize = true\n[models.voices]\npath = {voices:?}\n"
    );
    std::fs::write(folder.path().join("samovar.toml"), &config).unwrap();
    let texts =
        ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"];
    let run = |more: &[&str]| {
        let mut command = samovar();
        command.current_dir(&folder).args(["run", "embed", "--engine", "rten", "--precision", "f32", "--json"]);
        Ended::from(command.args(texts).args(more).output().unwrap()).without_panic()
    };
    let ended = run(&[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let vectors: Vec<Vec<f32>> = ended.lines().iter().map(|line| floats(&line["embedding"])).collect();
    let cosine = |at: usize| vectors[0].iter().zip(&vectors[at]).map(|(a, b)| a * b).sum::<f32>();
    for (at, expected) in [(1, 0.695), (2, 0.943), (3, 0.257)] {
        assert!((cosine(at) - expected).abs() < 1e-3, "{} and not {expected}", cosine(at));
    }
    let wrong = run(&["--model", "voices"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("error[wrong_family]: "), "{}", wrong.stderr);
    std::fs::write(folder.path().join("samovar.toml"), config.clone() + &config.replace("[models.", "[models.other-"))
        .unwrap();
    let several = run(&[]);
    assert!(
        several.code == 2
            && several.stderr.contains("error[model_required]: ")
            && several.stderr.contains("other-words, words"),
        "{}",
        several.stderr
    );
}
