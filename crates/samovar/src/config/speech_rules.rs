//! Rules over what is configured of speech, kept calls and triage.

use super::rules::{Broken, no_such_model, parse_bytes};
use super::schema::Config;

/// Every broken rule of `[speech]`, `[calls]` and `[triage]`.
pub fn broken(config: &Config) -> Vec<Broken> {
    let mut broken: Vec<Broken> = models(config).collect();
    let mut tell = |table: &str, key: &str, message: &str| {
        broken.push((vec![table.to_owned(), key.to_owned()], message.to_owned()));
    };
    let (speech, calls) = (&config.speech, &config.calls);
    let amounts = [
        ("speech", "upload_bytes_max", &speech.upload_bytes_max, true),
        ("speech", "uploads_bytes_max", speech.uploads_bytes_max.as_ref().unwrap_or(&speech.upload_bytes_max), true),
        ("calls", "audio_bytes_max", &calls.audio_bytes_max, true),
        ("calls", "bytes_max", &calls.bytes_max, true),
        ("calls", "free_bytes_min", &calls.free_bytes_min, false),
    ];
    for (table, key, text, is_some) in amounts {
        match parse_bytes(text) {
            None => tell(table, key, NO_AMOUNT),
            Some(0) if is_some => tell(table, key, NO_AMOUNT),
            Some(_) => {}
        }
    }
    let all = speech.uploads_bytes_max.as_deref().and_then(parse_bytes);
    if all.is_some_and(|all| parse_bytes(&speech.upload_bytes_max).is_some_and(|one| all > 0 && all < one)) {
        tell("speech", "uploads_bytes_max", "less than `upload_bytes_max`: no recording of that size could come");
    }
    if calls.folder.as_ref().is_some_and(|folder| folder.as_os_str().is_empty()) {
        tell("calls", "folder", "empty; give a folder, or leave it out to keep nothing");
    }
    if calls.folder.is_none() && calls.audio != Default::default() {
        tell("calls", "audio", "is for calls that are kept, and there is no `folder` to keep them in");
    }
    if config.triage.rules.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
        tell("triage", "rules", "empty; give a file of rules, or leave it out for those that Samovar brings");
    }
    broken
}

/// A name is checked where models are configured; else it may be one that the command line adds.
fn models(config: &Config) -> impl Iterator<Item = Broken> {
    let named = [("model", &config.speech.model), ("voice_model", &config.speech.voice_model)];
    let named = named.into_iter().filter_map(|(key, name)| Some((key, name.as_deref()?)));
    let unknown = named.filter(|(_, name)| !config.models.is_empty() && !config.models.contains_key(*name));
    unknown.map(|(key, name)| (vec!["speech".to_owned(), key.to_owned()], no_such_model(name, config)))
}

const NO_AMOUNT: &str = "not an amount of bytes; write it like \"1GiB\" or \"100MiB\"";

#[cfg(test)]
mod tests {
    use crate::config::check;

    #[test]
    fn mistakes_are_told_with_what_may_have_been_meant() {
        let head = "[models.whisper]\npath = \"a.onnx\"\n";
        assert!(
            check(&format!("{head}[speech]\nmodel = \"whisper\"\n[calls]\nfolder = \"c\"\naudio = \"keep\"\n")).is_ok()
        );
        for (text, expected) in [
            ("[speech]\nmodel = \"wisper\"\n", "did you mean `whisper`?"),
            ("[speech]\nvoice_modle = \"x\"\n", "did you mean `voice_model`?"),
            ("[speech]\nupload_bytes_max = \"0MiB\"\n", "write it like \"1GiB\" or \"100MiB\""),
            ("[speech]\nuploads_bytes_max = \"64MiB\"\n", "no recording of that size could come"),
            ("[speech]\nuploads_max = 0\n", "1"),
            ("[calls]\naudio = \"keep\"\n", "no `folder` to keep them in"),
            ("[calls]\nfolder = \"c\"\naudio = \"keeep\"\n", "did you mean \"keep\"?"),
            ("[calls]\nfolder = \"\"\n", "leave it out to keep nothing"),
            ("[calls]\nkeep_days = 0\n", "1"),
            ("[triage]\nrules = \"\"\n", "those that Samovar brings"),
            ("[triag]\nrules = \"a\"\n", "did you mean `triage`?"),
        ] {
            let problems = check(&format!("{head}{text}")).unwrap_err();
            assert!(problems[0].to_string().contains(expected), "{text}: {problems:?}");
        }
    }
}
