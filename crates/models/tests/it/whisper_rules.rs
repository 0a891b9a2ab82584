//! Speech without a network: front end, rules, searches, tokens, words and windows as transformers and openai-whisper have them
//! (`tools/reference/whisper_rules.py`).

use crate::files::{shared, starter};
use crate::voices::samples;
use samovar_models::whisper::{
    Checkpoint, DecodeOptions, Decoded, HeadWeights, Heard, Language, LogMel, LogitRules, LongForm, PromptOptions,
    Quality, RowDecoding, RowOptions, SpeechTokenizer, Step, Verdict, WindowSpan, WindowText, compression_ratio,
};
use samovar_models::whisper::{Fallback, Timestamps};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

#[test]
fn the_front_end_is_transformers() {
    let cases = fixture("front_ends");
    let mut furthest = 0.0_f32;
    for case in list(&cases["made"]) {
        let sound = sound(number(&case["seed"]), case["seconds"].as_f64().unwrap());
        furthest = furthest.max(off_by(case, &sound));
    }
    if let Some(folder) = shared() {
        let sound = samples(&folder.join("media/jfk.wav"));
        furthest = list(&cases["jfk"]).iter().map(|case| off_by(case, &sound)).fold(furthest, f32::max);
    }
    println!("log-mel within {furthest:.1e}");
    assert!(furthest <= 1e-4, "{furthest}");
}

#[test]
fn greedy_and_beams_choose_the_tokens_of_transformers() {
    let checkpoint = starter_checkpoint();
    for case in list(&fixture("searches")) {
        let prompt = tokens(&case["prompt"]);
        let options = RowOptions {
            temperature: 0.0,
            beams: number(&case["beams"]) as usize,
            tokens_max: number(&case["tokens_max"]) as usize,
            seed: 0,
        };
        let rules = LogitRules::new(&checkpoint, case["timestamps"].as_bool().unwrap());
        let found = search(RowDecoding::new(Arc::new(rules), options), &prompt);
        assert_eq!(found.tokens, tokens(&case["tokens"]), "{case}");
        let average = case["average_logprob"].as_f64().unwrap() as f32;
        assert!((found.average_logprob - average).abs() < 1e-4, "{case}: {}", found.average_logprob);
        assert_eq!(found.logprobs.len(), found.tokens.len());
        assert!((found.tokens.len()..=found.tokens.len() + 1).contains(&found.rows.len()));
    }
}

#[test]
fn draws_repeat_with_their_seed_and_follow_the_rules() {
    let checkpoint = starter_checkpoint();
    let rules = Arc::new(LogitRules::new(&checkpoint, true));
    let drawn = |seed| {
        let options = RowOptions { temperature: 1.0, beams: 5, tokens_max: 60, seed };
        let decoding = RowDecoding::new(Arc::clone(&rules), options);
        assert_eq!(decoding.rows_max(), 1);
        search(decoding, &[601, 602, 607])
    };
    assert_eq!(drawn(1), drawn(1));
    let texts: Vec<Vec<u32>> = (0..20).map(|seed| drawn(seed).tokens).collect();
    assert!(texts.iter().any(|text| *text != texts[0]));
    for text in texts.iter().filter(|text| !text.is_empty()) {
        assert!(checkpoint.special.is_timestamp(text[0]) && text[0] <= 612 + 50, "{text:?}");
        assert!(text.iter().all(|token| !checkpoint.suppressed.contains(token)), "{text:?}");
        let times: Vec<u32> = text.iter().copied().filter(|token| checkpoint.special.is_timestamp(*token)).collect();
        assert!(times.is_sorted(), "{text:?}");
    }
}

#[test]
fn the_rules_of_timestamps_leave_what_they_leave_in_transformers() {
    let checkpoint = Checkpoint { suppressed: Vec::new(), suppressed_first: Vec::new(), ..starter_checkpoint() };
    let rules = LogitRules::new(&checkpoint, true);
    for case in list(&fixture("rules")) {
        let tokens = tokens(&case["tokens"]);
        let mut logits = hashed(&[&[1], tokens.as_slice()].concat());
        rules.apply(&mut logits, &tokens);
        let allowed = logits.iter().enumerate().filter(|(_, logit)| logit.is_finite()).map(|(token, _)| token as u64);
        let (count, sum) = allowed.fold((0, 0), |(count, sum), token| (count + 1, sum + token));
        assert_eq!((count, sum), (number(&case["allowed"]), number(&case["sum"])), "{tokens:?}");
    }
}

#[test]
fn texts_tokens_and_words_are_those_of_the_references() {
    let Some(tokenizer) = multilingual() else { return };
    for case in list(&fixture("words")) {
        let (text, ids) = (case["text"].as_str().unwrap(), tokens(&case["tokens"]));
        assert_eq!(tokenizer.text(&ids), text);
        for (from, broken) in list(&case["broken"]).iter().enumerate() {
            assert_eq!(tokenizer.text(&ids[from..]), broken.as_str().unwrap());
        }
        if text.starts_with(' ') && text.trim() == &text[1..] {
            assert_eq!(tokenizer.encode("prompt", text).unwrap(), ids);
        }
        let language = Language::parse(case["language"].as_str().unwrap()).unwrap();
        let found: Vec<(String, u64)> =
            tokenizer.words(&ids, language).into_iter().map(|word| (word.text, word.tokens.len() as u64)).collect();
        let wanted: Vec<(String, u64)> =
            list(&case["words"]).iter().map(|word| (word[0].as_str().unwrap().to_owned(), number(&word[1]))).collect();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn prompts_are_those_of_transformers() {
    let Some(tokenizer) = multilingual() else { return };
    let base = PromptOptions {
        language: Language::ENGLISH,
        translate: false,
        with_timestamps: false,
        hotwords: &[],
        previous: &[],
    };
    for case in list(&fixture("prompts")) {
        let options = PromptOptions {
            language: Language::parse(case["language"].as_str().unwrap()).unwrap(),
            translate: case["translate"].as_bool().unwrap(),
            with_timestamps: case["timestamps"].as_bool().unwrap(),
            ..base
        };
        let prompt = tokenizer.prompt(&options).unwrap();
        assert_eq!((prompt.tokens, prompt.start), (tokens(&case["tokens"]), 0));
    }
    let said = tokenizer.encode("prompt", " Mill Road, Ambulance ").unwrap();
    let with = tokenizer.prompt(&PromptOptions { previous: &said, ..base }).unwrap();
    assert_eq!(with.tokens[..with.start], tokens(&fixture("prompt")));
    let long: Vec<u32> = (0..900).map(|at| at % 500).collect();
    let full = tokenizer.prompt(&PromptOptions { previous: &long, hotwords: &said, ..base }).unwrap();
    assert_eq!((full.start, full.tokens[full.start]), (224, tokenizer.special().start));
    assert_eq!((&full.tokens[1..=said.len()], full.tokens[223]), (said.as_slice(), long[899]));
    // A caller's text steers nothing.
    let sly = tokenizer.encode("prompt", "<|endoftext|> yes <|0.00|><|translate|>").unwrap();
    assert!(sly.iter().all(|&token| tokenizer.special().is_text(token)), "{sly:?}");
}

#[test]
fn a_text_that_repeats_itself_shrinks_as_with_zlib() {
    for case in list(&fixture("compressions")) {
        let (found, wanted) =
            (compression_ratio(case["text"].as_str().unwrap()), case["ratio"].as_f64().unwrap() as f32);
        // Another compressor than the reference's: a few bytes more or less.
        let bytes = |ratio: f32| case["text"].as_str().unwrap().len() as f32 / ratio;
        assert!((bytes(found) - bytes(wanted)).abs() <= 4.0, "{case}: {found}");
        let verdict = |ratio| {
            let quality = Quality { average_logprob: -0.1, no_speech_prob: 0.0, compression_ratio: ratio };
            Fallback::new(&starter_checkpoint(), &DecodeOptions::default()).verdict(0, &quality)
        };
        assert_eq!(verdict(found), verdict(wanted), "{case}");
        assert_eq!(verdict(found) == Verdict::Accepted, wanted < 2.4, "{case}");
    }
}

#[test]
fn tokens_sound_where_the_references_hear_them() {
    for case in list(&fixture("alignments")) {
        let of = |key: &str| number(&case[key]) as usize;
        let weights = attention(of("seed") as u32, (of("rows"), of("heads"), of("places")));
        let found = weights.starts(of("skipped"), of("used"), of("width"));
        let wanted: Vec<usize> = list(&case["starts"]).iter().map(|place| number(place) as usize).collect();
        assert_eq!(found, wanted, "{case}");
    }
}

#[test]
fn words_sound_where_openai_whisper_hears_them() {
    let Some(tokenizer) = multilingual() else { return };
    // The file names heads of a larger model.
    let tokenizer = with_heads(&tokenizer);
    for case in list(&fixture("word_times")) {
        let span = WindowSpan { first_sample: 1_234 * 160, samples: number(&case["frames"]) as usize * 160 };
        let mut text = window_text(tokens(&case["tokens"]), 0.0, span, &tokenizer);
        let spoken = text.tokens.iter().filter(|token| tokenizer.special().is_text(**token)).count();
        let given = attention(number(&case["seed"]) as u32, (spoken + 1, 2, 1_500));
        let weights = spread(&given, &text.tokens, &tokenizer);
        text.add_words(&tokenizer, &weights, case["spoken_until_s"].as_f64().unwrap()).unwrap();
        assert_eq!(text.segments.len(), list(&case["segments"]).len(), "{case}");
        for (segment, wanted) in text.segments.iter().zip(list(&case["segments"])) {
            near(segment.start_s, &wanted["start_s"], case);
            near(segment.end_s, &wanted["end_s"], case);
            let spelled: Vec<&str> = segment.words.iter().map(|word| word.text.as_str()).collect();
            assert_eq!(
                spelled,
                list(&wanted["words"]).iter().map(|word| word[0].as_str().unwrap()).collect::<Vec<_>>()
            );
            for (word, wanted) in segment.words.iter().zip(list(&wanted["words"])) {
                near(word.start_s, &wanted[1], case);
                near(word.end_s, &wanted[2], case);
                assert!((word.probability - 0.5).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn a_recording_is_walked_through_as_openai_whisper_walks() {
    let Some(tokenizer) = multilingual() else { return };
    for case in list(&fixture("recordings")) {
        let samples = number(&case["samples"]);
        let conditions = case["conditions"].as_bool().unwrap();
        let options = DecodeOptions {
            condition_on_previous_text: conditions,
            timestamps: Timestamps::Segment,
            temperatures: vec![0.0],
            ..DecodeOptions::default()
        };
        let fallback = Fallback::new(tokenizer.checkpoint(), &options);
        let mut long_form = LongForm::new(tokenizer.checkpoint(), &options, &tokens(&case["prompt"]));
        let (mut windows, mut found) = (list(&case["windows"]).iter(), Vec::new());
        while let Some(span) = long_form.span(samples.saturating_sub(long_form.next_sample()) as usize) {
            let window = windows.next().expect("no more windows than in the reference");
            assert_eq!(long_form.previous().len() as u64, number(&window["previous"]), "{span:?}");
            assert!(long_form.previous().ends_with(&tokens(&window["previous_end"])), "{span:?}");
            let mut text = judged(window, span, &fallback, &tokenizer);
            long_form.accept(&mut text);
            found.extend(
                text.segments.iter().map(|segment| segment_row(span, segment.start_s, segment.end_s, &segment.text)),
            );
        }
        assert!(windows.next().is_none(), "as many windows as in the reference");
        let wanted: Vec<_> = list(&case["segments"])
            .iter()
            .map(|row| {
                (
                    number(&row[0]),
                    hundredths(row[1].as_f64().unwrap()),
                    hundredths(row[2].as_f64().unwrap()),
                    row[3].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(found, wanted);
    }
}

#[test]
fn whatever_tokens_come_a_recording_ends() {
    let folder = starter("models/starter-whisper");
    let tokenizer = SpeechTokenizer::load(&folder, &starter_checkpoint()).unwrap();
    let mut numbers = Numbers(11);
    for _ in 0..60 {
        let mut long_form = LongForm::new(tokenizer.checkpoint(), &DecodeOptions::default(), &[]);
        let samples = u64::from(numbers.below(1_000_000));
        let mut windows = 0;
        while let Some(span) = long_form.span(samples.saturating_sub(long_form.next_sample()) as usize) {
            let token = |numbers: &mut Numbers| {
                let kind = numbers.below(4) as usize;
                numbers.below([600, 612, 2_113, 3_000][kind]).max(numbers.below(2) * 612)
            };
            let text: Vec<u32> = (0..numbers.below(12)).map(|_| token(&mut numbers)).collect();
            let mut text = window_text(text, 0.0, span, &tokenizer);
            let weights = attention(numbers.below(99), (text.tokens.len() + 1, 1, 30));
            text.add_words(&tokenizer, &weights, long_form.spoken_until_s()).unwrap();
            long_form.accept(&mut text);
            assert!(long_form.previous().len() <= tokenizer.checkpoint().previous_max());
            assert!(text.segments.iter().flat_map(|segment| &segment.words).all(|word| word.start_s.is_finite()));
            windows += 1;
        }
        assert!(windows <= samples / 160);
    }
}

#[test]
fn what_a_model_has_not_is_refused_before_it_runs() {
    let checkpoint = starter_checkpoint();
    let german = DecodeOptions { language: Language::parse("de"), translate: true, ..DecodeOptions::default() };
    assert_eq!(checkpoint.permits(&german), Ok(()));
    let welsh = DecodeOptions { language: Language::parse("cy"), ..german.clone() };
    assert_eq!(checkpoint.permits(&welsh).unwrap_err().code(), "unknown_language");
    let english = Checkpoint { is_multilingual: false, languages: Vec::new(), ..checkpoint.clone() };
    assert_eq!(english.permits(&german).unwrap_err().code(), "unsupported_task");
    let spoken = DecodeOptions { translate: false, ..german.clone() };
    assert_eq!(english.permits(&spoken).unwrap_err().code(), "unknown_language");
    let words = DecodeOptions { timestamps: Timestamps::Word, ..DecodeOptions::default() };
    assert_eq!((checkpoint.permits(&words), english.permits(&words)), (Ok(()), Ok(())));
    let without_heads = Checkpoint { alignment_heads: Vec::new(), ..checkpoint };
    assert_eq!(without_heads.permits(&words).unwrap_err().code(), "unsupported_timestamps");
}

#[test]
fn checkpoints_that_ship_are_read() {
    let starter = starter_checkpoint();
    assert_eq!(
        (starter.special.no_timestamps, starter.special.timestamp_first, starter.vocabulary_size),
        (611, 612, 2113)
    );
    let codes: Vec<&str> = starter.languages.iter().map(|(language, _)| language.code()).collect();
    assert_eq!((codes, starter.alignment_heads), (vec!["en", "de", "fr", "es"], vec![(1, 0)]));
    let folder = self::starter("models/starter-whisper");
    let tokenizer = SpeechTokenizer::load(&folder, &starter_checkpoint()).unwrap();
    let ids = tokenizer.encode("prompt", "Please send an ambulance to 14 Mill Road.").unwrap();
    assert_eq!(tokenizer.text(&ids), " Please send an ambulance to 14 Mill Road.");
    let Some(shared) = shared() else { return };
    let mini = Checkpoint::read(&shared.join("whisper-mini")).unwrap();
    assert_eq!((mini.languages.len(), mini.special.previous, mini.alignment_heads.len()), (99, 50_361, 0));
    let error = SpeechTokenizer::load(&folder, &mini).unwrap_err();
    assert!(error.0.contains("is of another model"), "{error}");
    assert!(Checkpoint::read(&shared.join("media")).unwrap_err().0.contains("`config.json` is missing"));
}

/// A linear congruential generator (Numerical Recipes): the reference script has the same.
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % most
    }
}

fn sound(seed: u64, seconds: f64) -> Vec<f32> {
    let mut numbers = Numbers(seed as u32);
    let sample = |at: u64| {
        let loud = 1_u32 << (at / 8_000 % 13);
        let wave = if at / (20 + seed) % 2 == 1 { 1.0 } else { -1.0 };
        (loud as f32 * wave + numbers.below(2 * loud + 1) as f32 - loud as f32) / 32_768.0
    };
    (0..(seconds * 16_000.0) as u64).map(sample).collect()
}

fn off_by(case: &Value, sound: &[f32]) -> f32 {
    let front = LogMel::new(number(&case["mels"]) as usize, 3_000);
    let mut out = vec![f32::NAN; front.len()];
    front.write(sound, &mut out, &mut front.scratch());
    let off = |value: &Value| {
        let place = number(&value[0]) as usize * 3_000 + number(&value[1]) as usize;
        (out[place] - value[2].as_f64().unwrap() as f32).abs()
    };
    list(&case["values"]).iter().map(off).fold(0.0, f32::max)
}

/// Logits out of a hash of the tokens so far.
fn hashed(tokens: &[u32]) -> Vec<f32> {
    let state = tokens.iter().fold(2_166_136_261_u32, |state, token| (state ^ token).wrapping_mul(16_777_619));
    let logit = |id: u32| {
        let mixed = (state ^ id.wrapping_mul(2_654_435_761)).wrapping_mul(747_796_405);
        let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(2_246_822_519);
        let logit = (mixed >> 8) as f32 * (8.0 / 16_777_216.0) - 4.0;
        let logit = if id == 600 { logit + tokens.len() as f32 * 0.25 } else { logit };
        if id >= 612 { logit + ((state % 5) as f32 - 2.0) } else { logit }
    };
    (0..2_113).map(logit).collect()
}

/// Runs a decoding over the hash, each row with the tokens of the rows that it came from.
fn search(mut decoding: RowDecoding, prompt: &[u32]) -> Decoded {
    let mut rows = vec![prompt.to_vec()];
    let mut scratch = Vec::new();
    loop {
        assert_eq!(decoding.rows(), rows.len());
        let logits: Vec<Vec<f32>> = rows.iter().map(|row| hashed(row)).collect();
        let logits: Vec<&[f32]> = logits.iter().map(Vec::as_slice).collect();
        match decoding.advance(&logits, &mut scratch) {
            Step::Done => return decoding.finish(),
            Step::Next { tokens, sources } => {
                let next =
                    sources.iter().zip(tokens).map(|(source, token)| [rows[*source].as_slice(), &[*token]].concat());
                rows = next.collect();
            }
        }
    }
}

/// Noise with a ridge that walks through the places.
fn attention(seed: u32, (rows, heads, places): (usize, usize, usize)) -> HeadWeights {
    let mut numbers = Numbers(seed);
    let mut values: Vec<u32> = (0..rows * heads * places).map(|_| numbers.below(200)).collect();
    let mut at = 0;
    for row in 0..rows {
        let length = 1 + numbers.below((2 * places / rows) as u32) as usize;
        for head in values[row * heads * places..][..heads * places].chunks_exact_mut(places) {
            head.iter_mut().skip(at).take(length).for_each(|value| *value += 600);
        }
        at = (at + length).min(places - 1);
    }
    let mut weights = HeadWeights::new(heads, places);
    let values: Vec<f32> = values.into_iter().map(|value| value as f32 / 1_000.0).collect();
    values.chunks_exact(heads * places).for_each(|row| weights.push(row));
    weights
}

/// The rows of the text's tokens and the end among rows of timestamps, which must not matter.
fn spread(given: &HeadWeights, tokens: &[u32], tokenizer: &SpeechTokenizer) -> HeadWeights {
    let mut next = 0;
    let last = given.rows() - 1;
    let rows = tokens.iter().map(|token| {
        let is_text = tokenizer.special().is_text(*token);
        next += usize::from(is_text);
        if is_text { next - 1 } else { last }
    });
    given.only(rows.chain([last]).collect::<Vec<_>>())
}

/// The same tokenizer for a model that has alignment heads.
fn with_heads(tokenizer: &SpeechTokenizer) -> SpeechTokenizer {
    let checkpoint = Checkpoint { alignment_heads: vec![(0, 0), (1, 1)], ..tokenizer.checkpoint().clone() };
    SpeechTokenizer::load(&shared().unwrap().join("whisper-mini"), &checkpoint).unwrap()
}

fn window_text(tokens: Vec<u32>, temperature: f32, span: WindowSpan, tokenizer: &SpeechTokenizer) -> WindowText {
    let quality = Quality { average_logprob: 0.5_f32.ln(), no_speech_prob: 0.0, compression_ratio: 1.0 };
    let decoded = Decoded {
        logprobs: vec![0.5_f32.ln(); tokens.len()],
        rows: vec![0; tokens.len() + 1],
        tokens,
        average_logprob: quality.average_logprob,
        temperature,
    };
    WindowText::new(decoded, span, Heard { language: Language::ENGLISH, quality }, tokenizer)
}

/// A window of the script, or silence where the rules say so.
fn judged(window: &Value, span: WindowSpan, fallback: &Fallback, tokenizer: &SpeechTokenizer) -> WindowText {
    let float = |key: &str| window[key].as_f64().unwrap() as f32;
    let quality = Quality {
        average_logprob: float("average_logprob"),
        no_speech_prob: float("no_speech_prob"),
        compression_ratio: 1.0,
    };
    let text = window_text(tokens(&window["tokens"]), float("temperature"), span, tokenizer);
    if fallback.verdict(0, &quality) == Verdict::Accepted {
        return text;
    }
    let decoded = Decoded {
        tokens: text.tokens,
        logprobs: text.logprobs,
        rows: Vec::new(),
        average_logprob: quality.average_logprob,
        temperature: text.temperature,
    };
    WindowText::silent(&decoded, span, Heard { language: Language::ENGLISH, quality })
}

fn segment_row(span: WindowSpan, start_s: f64, end_s: f64, text: &str) -> (u64, i64, i64, String) {
    (span.first_sample / 160, hundredths(start_s), hundredths(end_s), text.to_owned())
}

fn hundredths(time_s: f64) -> i64 {
    (time_s * 100.0).round() as i64
}

fn near(found: f64, wanted: &Value, case: &Value) {
    assert!((found - wanted.as_f64().unwrap()).abs() < 0.006, "{found} and {wanted} in {case}");
}

fn starter_checkpoint() -> Checkpoint {
    Checkpoint::read(&starter("models/starter-whisper")).unwrap()
}

fn multilingual() -> Option<SpeechTokenizer> {
    let folder = shared()?.join("whisper-mini");
    let checkpoint = Checkpoint::read(&folder).unwrap();
    Some(SpeechTokenizer::load(&folder, &checkpoint).unwrap())
}

fn fixture(part: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/whisper/rules.json");
    let mut all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    all[part].take()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn tokens(value: &Value) -> Vec<u32> {
    list(value).iter().map(|token| number(token) as u32).collect()
}
