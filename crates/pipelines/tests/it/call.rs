//! A live call from its bytes to its events: words, voices, figures and rules, however it is cut.

use crate::call_support::{
    CallHouse, finals, install_whisper, options, pcm16, play, rest, starter_call, text, word_errors,
};
use samovar_acoustics::VoiceAnalyser;
use samovar_media::{AudioLimits, ChannelChoice, FfmpegProgram, LiveCoding, LiveFormat, PcmEncoding};
use samovar_models::whisper::Language;
use samovar_pipelines::{CallEvent, CallOptions, CallStream, TurnChange, Turns};
use samovar_triage::{CurrentRules, Decision, Priority, RuleBook};
use std::sync::Arc;
use std::time::Duration;

/// Long enough for a window of the starter model.
const UNHURRIED: Duration = Duration::from_millis(40);
const AT_ONCE: Duration = Duration::ZERO;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_told_while_it_goes_on() {
    let Some(house) = CallHouse::warm().await else { return };
    let (truth, sound) = starter_call();
    let rules = Some(Arc::new(CurrentRules::new(RuleBook::shipped())));
    let mut call = house.call(CallOptions { rules, ..options(1) });
    let bytes = pcm16(&sound);
    let mut told = play(&mut call, bytes.chunks(3_200), UNHURRIED).await;
    told.extend(rest(&mut call).await);
    assert!(
        matches!(told.last(), Some(CallEvent::Ended { heard_s }) if (heard_s - 15.0).abs() < 1e-9),
        "{:?}",
        told.last()
    );
    let truth_text = truth["text"].as_str().unwrap();
    assert!(word_errors(&text(&told), truth_text) <= 0.05, "{:?}", finals(&told));
    assert_speech(&told, truth["segments"].as_array().unwrap());
    assert_partials(&told);
    assert_features(&told, &sound);
    assert_triage(&told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_it_is_cut_the_finals_are_the_same() {
    let Some(house) = CallHouse::warm().await else { return };
    let bytes = pcm16(&starter_call().1);
    let mut wanted = None;
    let cuts: [&dyn Fn(usize) -> usize; 5] =
        [&|_| bytes.len(), &|_| 641, &|_| 3_201, &|piece| 2 * (piece % 1_000) + 1, &|piece| 1 + piece * 7_919 % 6_400];
    for (key, cut) in cuts.iter().enumerate() {
        let (mut pieces, mut left) = (Vec::new(), &bytes[..]);
        while !left.is_empty() {
            let (piece, others) = left.split_at(cut(pieces.len()).min(left.len()));
            pieces.push(piece);
            left = others;
        }
        // In some of them partials come between, in others none has time to.
        let pause = if key % 2 == 0 { AT_ONCE } else { Duration::from_millis(1) };
        let mut call = house.call(options(key as u64));
        let mut told = play(&mut call, pieces, pause).await;
        told.extend(rest(&mut call).await);
        let found = finals(&told);
        assert_eq!(&found, wanted.get_or_insert_with(|| found.clone()), "cut {key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_calls_at_once_hear_what_each_hears_alone_and_share_steps() {
    let Some(house) = CallHouse::warm().await else { return };
    let bytes = pcm16(&starter_call().1);
    let part = |caller: usize| bytes[caller % 4 * 64_000..].to_vec();
    let hear = async |caller: usize| {
        let quiet = CallOptions { partial_every: Duration::ZERO, features: false, ..options(caller as u64) };
        let mut call = house.call(quiet);
        let mut told = play(&mut call, [part(caller).as_slice()], AT_ONCE).await;
        told.extend(rest(&mut call).await);
        finals(&told)
    };
    let before = house.transcriber().counts().unwrap();
    let mut alone = Vec::new();
    for caller in 0..8 {
        alone.push(hear(caller).await);
    }
    let between = house.transcriber().counts().unwrap();
    let together = futures_util::future::join_all((0..8).map(hear)).await;
    let after = house.transcriber().counts().unwrap();
    assert_eq!(together, alone);
    assert!(alone.iter().all(|finals| finals.len() >= 3), "{alone:?}");
    let (steps_alone, steps_together) = (between.steps - before.steps, after.steps - between.steps);
    println!("{steps_alone} steps alone, {steps_together} together");
    assert!(steps_together * 10 < steps_alone * 9, "{steps_alone} {steps_together}");
    assert_eq!(after.windows - between.windows, between.windows - before.windows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_owner_says_where_an_utterance_ends() {
    let Some(house) = CallHouse::warm().await else { return };
    let (truth, sound) = starter_call();
    let bytes = pcm16(&sound);
    let mut call = house.call(CallOptions { turns: Turns::Manual, ..options(1) });
    let mut told = Vec::new();
    for (from_s, to_s) in [(0, 7), (7, 7), (7, 15)] {
        told.extend(play(&mut call, bytes[from_s * 32_000..to_s * 32_000].chunks(3_200), AT_ONCE).await);
        call.commit();
    }
    // Nobody speaks here: it is not heard.
    call.push(&vec![0; 96_000]).unwrap();
    call.commit();
    call.push(&bytes[..64_000]).unwrap();
    call.clear();
    told.extend(rest(&mut call).await);
    let found = finals(&told);
    assert_eq!(found.iter().map(|one| one.0).collect::<Vec<_>>(), [0, 1, 2], "{found:?}");
    assert_eq!((found[0].3, found[1].2, found[1].3, found[2].1.as_str()), (7.0, 7.0, 15.0, ""));
    let both = format!("{} {}", found[0].1, found[1].1);
    assert!(word_errors(&both, truth["text"].as_str().unwrap()) <= 0.05, "{both}");
    assert!(!told.iter().any(|event| matches!(event, CallEvent::SpeechStarted { .. })));
    assert!(matches!(told.last(), Some(CallEvent::Ended { heard_s }) if *heard_s == 20.0), "{:?}", told.last());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_voice_model_the_call_is_heard_in_windows() {
    let house = CallHouse::without_voices().await;
    let (truth, sound) = starter_call();
    let once = truth["text"].as_str().unwrap();
    let mut call = house.call(options(1));
    // The starter model knows windows of one call.
    let bytes = pcm16(&[&sound[..], &vec![0.0; 480_000 - sound.len()], &sound].concat());
    let mut told = play(&mut call, bytes.chunks(6_400), Duration::from_millis(2)).await;
    told.extend(rest(&mut call).await);
    assert_eq!(told.iter().filter(|event| matches!(event, CallEvent::NoVoiceModel)).count(), 1);
    assert!(word_errors(&text(&told), &[once, once].join(" ")) <= 0.05, "{:?}", finals(&told));
    assert_eq!(finals(&told).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_comes_before_its_model_is_held_and_caught_up() {
    let Some((told, failed)) = before_its_model(Duration::from_secs(60)).await else { return };
    let behind = told.iter().find_map(|event| match event {
        CallEvent::ModelReady { behind_s } => Some(*behind_s),
        _ => None,
    });
    assert!(behind.unwrap() > 14.0, "{behind:?}");
    assert!(failed.is_empty() && !told.iter().any(|event| matches!(event, CallEvent::Lost { .. })), "{failed:?}");
    let truth = starter_call().0;
    assert!(word_errors(&text(&told), truth["text"].as_str().unwrap()) <= 0.05, "{:?}", finals(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_longer_than_it_may_is_lost_and_told() {
    let Some((told, failed)) = before_its_model(Duration::from_secs(6)).await else { return };
    let lost = told.iter().find_map(|event| match event {
        CallEvent::Lost { from_s, to_s } => Some((*from_s, *to_s)),
        _ => None,
    });
    let (from_s, to_s) = lost.unwrap();
    assert!(from_s < 0.5 && (to_s - 9.0).abs() < 0.1, "{from_s} {to_s}");
    let numbers: Vec<u64> = finals(&told).iter().map(|one| one.0).collect();
    assert_eq!((failed, numbers), (vec![0, 1, 2, 3], vec![4, 5]), "each utterance is told once");
    assert!(text(&told).ends_with("Please hurry."), "{:?}", finals(&told));
}

/// Plays the call while the model's files are not there; they come once all of it was listened to. What was told, and which utterances
/// have no text.
async fn before_its_model(held_max: Duration) -> Option<(Vec<CallEvent>, Vec<u64>)> {
    let folder = tempfile::tempdir().unwrap();
    let house = CallHouse::to_come(folder.path()).await?;
    let mut call = house.call(CallOptions { held_max, ..options(1) });
    let mut told = play(&mut call, [pcm16(&starter_call().1).as_slice()], AT_ONCE).await;
    let count = |told: &[CallEvent], wanted: fn(&CallEvent) -> bool| told.iter().filter(|event| wanted(event)).count();
    while count(&told, |event| matches!(event, CallEvent::SpeechStopped { .. })) < 6
        || count(&told, |event| matches!(event, CallEvent::Features(_))) < 14
    {
        told.extend(call.next().await);
    }
    assert!(matches!(told[0], CallEvent::ModelWaiting));
    assert_eq!(count(&told, |event| matches!(event, CallEvent::ModelReady { .. } | CallEvent::Final { .. })), 0);
    install_whisper(folder.path());
    told.extend(rest(&mut call).await);
    assert_eq!(count(&told, |event| matches!(event, CallEvent::ModelWaiting)), 1);
    let failed = told.iter().filter_map(|event| match event {
        CallEvent::Error { utterance, .. } => *utterance,
        _ => None,
    });
    let failed = failed.collect();
    Some((told, failed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_leaves_the_batch() {
    let Some(house) = CallHouse::warm().await else { return };
    let (truth, sound) = starter_call();
    let bytes = pcm16(&sound);
    for key in 0..8 {
        let mut call = house.call(options(key));
        let mut told = play(&mut call, bytes[..96_000].chunks(6_400), AT_ONCE).await;
        while !told.iter().any(|event| matches!(event, CallEvent::Partial { .. })) {
            told.extend(tokio::time::timeout(Duration::from_secs(20), call.next()).await.unwrap());
        }
    }
    let mut call = house.call(options(9));
    let mut told = play(&mut call, [bytes.as_slice()], AT_ONCE).await;
    told.extend(rest(&mut call).await);
    assert!(word_errors(&text(&told), truth["text"].as_str().unwrap()) <= 0.05);
    drop(call);
    // Nothing of the calls keeps the model: it can be unloaded at once.
    house.registry.unload("whisper").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_heard_costs_its_utterance_and_the_call_goes_on() {
    let Some(house) = CallHouse::warm().await else { return };
    let (_, sound) = starter_call();
    let japanese = Language::parse("ja");
    let mut wrong = options(1);
    wrong.decode.language = japanese;
    let mut call = house.call(wrong);
    let bytes = pcm16(&sound);
    let mut told = play(&mut call, bytes[..224_000].chunks(6_400), UNHURRIED).await;
    let failures = |told: &[CallEvent]| -> Vec<_> {
        let failure = |event: &CallEvent| match event {
            CallEvent::Error { utterance, error } => Some((*utterance, error.kind().code())),
            _ => None,
        };
        told.iter().filter_map(failure).collect()
    };
    while failures(&told).len() < 2 {
        told.extend(tokio::time::timeout(Duration::from_secs(20), call.next()).await.expect("both are told"));
    }
    let failed = failures(&told);
    assert_eq!(failed[..2], [(Some(0), "unknown_language"), (Some(1), "unknown_language")], "{failed:?}");
    let again = TurnChange { language: Some(japanese), ..TurnChange::default() };
    assert_eq!(call.change(again).unwrap_err().kind().code(), "unknown_language");
    call.change(TurnChange { language: Some(Some(Language::ENGLISH)), ..TurnChange::default() }).unwrap();
    told = play(&mut call, bytes[224_000..].chunks(6_400), UNHURRIED).await;
    told.extend(rest(&mut call).await);
    assert!(text(&told).ends_with("Please hurry."), "{:?}", finals(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_s_recording_is_heard_as_it_comes() {
    let Some(house) = CallHouse::warm().await else { return };
    let Some(program) = ffmpeg() else { return };
    let (truth, _) = starter_call();
    let bytes = webm(&program, 1);
    let sound = LiveFormat::Coded { coding: LiveCoding::WebM, program: program.clone() };
    let limits = AudioLimits::default();
    let mut call = CallStream::new(house.models(), options(1), sound, ChannelChoice::default(), &limits).unwrap();
    let mut told = play(&mut call, bytes.chunks(777), Duration::from_millis(5)).await;
    told.extend(rest(&mut call).await);
    assert!(word_errors(&text(&told), truth["text"].as_str().unwrap()) <= 0.05, "{:?}", finals(&told));
    assert!(matches!(told.last(), Some(CallEvent::Ended { heard_s }) if (heard_s - 15.0).abs() < 0.1));
    // What is no WebM ends the call, and says why.
    let sound = LiveFormat::Coded { coding: LiveCoding::WebM, program };
    let mut call = CallStream::new(house.models(), options(2), sound, ChannelChoice::default(), &limits).unwrap();
    let mut told = play(&mut call, [[7_u8; 4_000].as_slice()], AT_ONCE).await;
    told.extend(rest(&mut call).await);
    assert!(told.iter().any(|event| matches!(event, CallEvent::AudioFailed(_))), "{told:?}");
    assert!(matches!(told.last(), Some(CallEvent::Ended { .. })));
}

/// Three minutes that are there at once are heard to the end, however soon they are decoded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_that_is_sent_at_once_is_heard_whole() {
    let Some(house) = CallHouse::warm().await else { return };
    let Some(program) = ffmpeg() else { return };
    let (truth, _) = starter_call();
    let bytes = webm(&program, 12);
    let sound = LiveFormat::Coded { coding: LiveCoding::WebM, program };
    let quiet = CallOptions { partial_every: Duration::ZERO, features: false, ..options(1) };
    let limits = AudioLimits::default();
    let mut call = CallStream::new(house.models(), quiet, sound, ChannelChoice::default(), &limits).unwrap();
    let mut told = Vec::new();
    for piece in bytes.chunks(65_536) {
        while !call.takes_in() {
            told.extend(tokio::time::timeout(UNHURRIED, call.next()).await.ok().flatten());
        }
        call.push(piece).unwrap();
    }
    told.extend(rest(&mut call).await);
    assert!(!told.iter().any(|event| matches!(event, CallEvent::Lost { .. })), "{:?}", finals(&told));
    assert!(matches!(told.last(), Some(CallEvent::Ended { heard_s }) if (heard_s - 180.0).abs() < 0.5));
    let truth = [truth["text"].as_str().unwrap()].repeat(12).join(" ");
    assert!(word_errors(&text(&told), &truth) <= 0.05, "{:?}", finals(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_too_long_ends_with_what_was_said() {
    let Some(house) = CallHouse::warm().await else { return };
    let (_, sound) = starter_call();
    let limits = AudioLimits { duration: Duration::from_secs(4), ..AudioLimits::default() };
    let format = LiveFormat::Pcm { encoding: PcmEncoding::S16, rate_hz: 16_000, channels: 1 };
    let mut call = CallStream::new(house.models(), options(1), format, ChannelChoice::default(), &limits).unwrap();
    let mut told = play(&mut call, pcm16(&sound).chunks(6_400), AT_ONCE).await;
    told.extend(rest(&mut call).await);
    let failed = told.iter().filter(|event| matches!(event, CallEvent::AudioFailed(_))).count();
    assert_eq!((failed, finals(&told).is_empty()), (1, false), "{told:?}");
    assert!(matches!(told.last(), Some(CallEvent::Ended { heard_s }) if *heard_s <= 4.0));
}

/// Sound that nobody can listen to is heard as if it were all speech, and the call comes to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voice_model_that_fails_costs_no_word() {
    let house = CallHouse::with_broken_voices().await;
    let (truth, sound) = starter_call();
    let mut call = house.call(options(1));
    let bytes = pcm16(&sound);
    let mut told = play(&mut call, bytes.chunks(6_400), AT_ONCE).await;
    assert!(call.takes_in());
    told.extend(rest(&mut call).await);
    let errors = told.iter().filter(|event| matches!(event, CallEvent::Error { .. })).count();
    assert_eq!(errors, 1, "it is told once");
    assert!(word_errors(&text(&told), truth["text"].as_str().unwrap()) <= 0.05, "{:?}", finals(&told));
}

/// Ten minutes with a call in every second one: what is held does not grow, and each is heard as the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_long_call_holds_does_not_grow() {
    let Some(house) = CallHouse::warm().await else { return };
    let (truth, sound) = starter_call();
    let mut call = house.call(CallOptions { partial_every: Duration::ZERO, ..options(1) });
    let (mut told, mut held_s) = (Vec::new(), 0.0_f64);
    let minutes = [sound.clone(), vec![0.0; 120 * 16_000 - sound.len()]].concat();
    for _ in 0..5 {
        for piece in pcm16(&minutes).chunks(32_000) {
            call.push(piece).unwrap();
            held_s = held_s.max(call.held_s());
            while call.behind_s() > 0.1 {
                told.extend(tokio::time::timeout(UNHURRIED, call.next()).await.ok().flatten());
            }
        }
    }
    told.extend(rest(&mut call).await);
    println!("{held_s} s held at most");
    assert!(held_s < 8.0, "{held_s}");
    let texts: Vec<_> = finals(&told).into_iter().map(|one| one.1).collect();
    assert_eq!(texts.len(), 30);
    assert!(texts.chunks(6).all(|call| word_errors(&call.join(" "), truth["text"].as_str().unwrap()) <= 0.05));
}

/// Speech begins and ends within 300 ms of the truth, in order.
fn assert_speech(told: &[CallEvent], truth: &[serde_json::Value]) {
    let edges: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            CallEvent::SpeechStarted { utterance, at_s } => Some((*utterance, "start", *at_s)),
            CallEvent::SpeechStopped { utterance, at_s } => Some((*utterance, "end", *at_s)),
            _ => None,
        })
        .collect();
    assert_eq!(edges.len(), 2 * truth.len(), "{edges:?}");
    for (pair, (number, truth)) in edges.chunks(2).zip(truth.iter().enumerate()) {
        for (edge, wanted) in pair.iter().zip(["start", "end"]) {
            assert_eq!((edge.0, edge.1), (number as u64, wanted));
            assert!((edge.2 - truth[wanted].as_f64().unwrap()).abs() < 0.3, "{edge:?} {truth}");
        }
    }
}

/// Partials grow, what is stable stays, and it begins the final text.
fn assert_partials(told: &[CallEvent]) {
    let (mut partials, mut stable_bytes_most, mut last) = (0, 0, (u64::MAX, String::new(), 0.0));
    for event in told {
        match event {
            CallEvent::Partial { utterance, text, stable_bytes, end_s, .. } => {
                if *utterance != last.0 {
                    last = (*utterance, String::new(), 0.0);
                }
                let stable = &text[..*stable_bytes];
                assert!(stable.starts_with(&last.1) && *end_s > last.2, "{last:?} {text:?} {stable_bytes}");
                last = (*utterance, stable.to_owned(), *end_s);
                (partials, stable_bytes_most) = (partials + 1, stable_bytes_most.max(*stable_bytes));
            }
            CallEvent::Final { utterance, is_revised, segments, .. } if *utterance == last.0 => {
                let text: String = segments.iter().map(|segment| segment.text.as_str()).collect();
                assert_eq!(!is_revised, text.trim().starts_with(&last.1), "{text:?} {last:?}");
            }
            _ => {}
        }
    }
    println!("{partials} partials, {stable_bytes_most} bytes stable at most");
    assert!(partials >= 4 && stable_bytes_most >= 8, "{partials} {stable_bytes_most}");
}

/// The same figures as the analyser gives for the whole.
fn assert_features(told: &[CallEvent], sound: &[f32]) {
    let mut analyser = VoiceAnalyser::new();
    let heard: Vec<f32> = sound.iter().map(|sample| (sample * 32_768.0).round() / 32_768.0).collect();
    let mut wanted = analyser.push(&heard);
    wanted.extend(analyser.finish());
    let found: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            CallEvent::Features(figures) => Some(figures.clone()),
            _ => None,
        })
        .collect();
    assert!(found.len() >= 15);
    assert_eq!(found, wanted);
}

/// A fire is told before anybody says that somebody does not breathe; then that is the worst, with its words and their time.
fn assert_triage(told: &[CallEvent]) {
    let decided: Vec<&Decision> = told
        .iter()
        .filter_map(|event| match event {
            CallEvent::Triage { decision, .. } => Some(decision),
            _ => None,
        })
        .collect();
    let fire = decided.iter().find(|decision| decision.priority == Priority::P2).unwrap();
    assert_eq!(fire.category, "fire");
    let last = decided.last().unwrap();
    assert_eq!((last.priority, last.category.as_str()), (Priority::P1, "medical"));
    let reason = &last.reasons[0];
    assert_eq!(reason.quote.as_deref(), Some("not breathing"));
    assert!((7.4..8.8).contains(&reason.start_s) && (8.0..9.2).contains(&reason.end_s), "{reason:?}");
    assert!(decided.len() < 10, "only on change: {decided:?}");
    let early = told.iter().find_map(|event| match event {
        CallEvent::Triage { at_s, decision } if decision.priority == Priority::P1 => Some(*at_s),
        _ => None,
    });
    println!("P1 known with what was heard by {early:?} s");
}

fn ffmpeg() -> Option<FfmpegProgram> {
    let program = FfmpegProgram::find().ok();
    if program.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "there is no ffmpeg");
        println!("skipped: there is no ffmpeg");
    }
    program
}

/// The starter's call, so many times, as a browser would record it.
fn webm(program: &FfmpegProgram, times: usize) -> Vec<u8> {
    let input = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/samples/call.flac");
    let mut command = std::process::Command::new(program.path());
    command.args(["-v", "error", "-stream_loop", &(times - 1).to_string(), "-i"]).arg(input);
    let output = command.args(["-c:a", "libopus", "-b:a", "48k", "-f", "webm", "pipe:1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
