//! Recordings through the service: what is heard in which pieces, what is refused, who waits, who leaves.

use crate::made::wav16;
use crate::speech::{bytes, call, real, request, samples, service, starter, word_errors};
use samovar_media::{AudioInput, AudioLimits, AudioOptions};
use samovar_models::whisper::{
    DecodeOptions, Language, ReaderSource, RecordingEnd, SampleSource, Timestamps, Transcriber, WindowText,
};
use samovar_models::{SpeechOptions, VoiceDetector};
use samovar_runtime::{Call, Class, RunError, StreamKey};
use samovar_service::ServiceError;
use samovar_service::access::{Caller, Scope, Scopes};
use samovar_service::speech::{
    Chunking, SpeechService, SpeechSettings, TranscribeRequest, Transcript, TranscriptEvent, TranscriptSegment,
    language, subtitles,
};
use std::time::{Duration, Instant};

async fn transcribe(service: &SpeechService, request: TranscribeRequest) -> Result<Transcript, ServiceError> {
    service.transcribe(&Caller::local(), request, |_| ()).await
}

#[tokio::test]
async fn the_call_is_heard_word_for_word_and_told_piece_by_piece() {
    let service = service(SpeechSettings { recordings_max: 1, ..SpeechSettings::default() });
    let (audio, truth) = call();
    let (mut told, mut opened, mut until_s) = (Vec::<TranscriptSegment>::new(), None, Vec::new());
    let watch = |event: TranscriptEvent<'_>| match event {
        TranscriptEvent::Opened(info) => opened = info.duration_s,
        TranscriptEvent::Segment(segment) => told.push(segment.clone()),
        TranscriptEvent::HeardUntil(seconds) => until_s.push(seconds),
    };
    let heard = service.transcribe_watched(&Caller::local(), request(audio.clone()), watch).await.unwrap();
    assert_eq!(heard.text(), truth["text"].as_str().unwrap());
    assert_eq!((heard.duration_s, opened, heard.failure.is_none()), (15.0, Some(15.0), true));
    assert_eq!((heard.language, &*heard.model, heard.translated), (Some(Language::ENGLISH), "whisper", false));
    assert_eq!(told, heard.segments, "each was told when it was final");
    assert!(until_s.windows(2).all(|pair| pair[0] < pair[1]) && until_s.last() <= Some(&15.0), "{until_s:?}");
    for (place, (segment, wanted)) in told.iter().zip(truth["segments"].as_array().unwrap()).enumerate() {
        assert_eq!((segment.id, segment.text.trim()), (place as u64, wanted["text"].as_str().unwrap()));
        assert!((segment.start_s - wanted["start"].as_f64().unwrap()).abs() < 0.3, "{segment:?}");
        assert!((segment.end_s - wanted["end"].as_f64().unwrap()).abs() < 0.3, "{segment:?}");
        assert_eq!(segment.tokens.len(), segment.logprobs.len());
        assert!(segment.average_logprob > -0.5 && segment.no_speech_prob < 0.6 && segment.words.is_empty());
    }
    let srt = subtitles::srt(&heard);
    assert!(srt.starts_with("1\n00:00:00,") && srt.contains("\nThere is a fire in the kitchen.\n\n3\n"), "{srt}");

    let worded = DecodeOptions { timestamps: Timestamps::Word, ..DecodeOptions::default() };
    let words = transcribe(&service, TranscribeRequest { options: worded, ..request(audio) }).await.unwrap();
    let spoken: String = words.words().map(|word| word.text.as_str()).collect();
    assert_eq!(spoken.trim(), truth["text"].as_str().unwrap());
}

#[tokio::test]
async fn every_chunking_hears_the_call() {
    if real("silero-vad").is_none() {
        return;
    }
    let service = service(SpeechSettings::default());
    let (audio, truth) = call();
    let said = truth["text"].as_str().unwrap();
    let chunkings = [
        Chunking::Windows,
        Chunking::Speech(SpeechOptions::default()),
        Chunking::Speech(SpeechOptions { silence_min_ms: 400, padding_ms: 200, ..SpeechOptions::default() }),
        Chunking::Speech(SpeechOptions { silence_min_ms: 2_000, padding_ms: 400, ..SpeechOptions::default() }),
    ];
    for chunking in chunkings {
        let asked = TranscribeRequest { chunking, ..request(audio.clone()) };
        let heard = transcribe(&service, asked).await.unwrap();
        let errors = word_errors(&heard.text(), said);
        println!("{chunking:?}: {errors:.3} {}", heard.text());
        assert!(errors <= 0.05, "{chunking:?}: {errors} {}", heard.text());
        assert!(heard.segments.windows(2).all(|pair| pair[0].end_s <= pair[1].start_s + 0.05));
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_told_by_its_code_and_field() {
    let service = service(SpeechSettings::default());
    let quiet = || bytes(wav16(16_000, 1, &[0.0; 16_000]));
    let german = DecodeOptions { language: Some(language("de").unwrap()), ..DecodeOptions::default() };
    let japanese = DecodeOptions { language: Some(language("Japanese").unwrap()), ..DecodeOptions::default() };
    let named = |model: &str| Some(model.to_owned());
    let refused = [
        (TranscribeRequest { model: named("nobody"), ..request(quiet()) }, "model_not_found", Some("model")),
        (TranscribeRequest { options: japanese, ..request(quiet()) }, "unknown_language", Some("language")),
        (
            TranscribeRequest { options: DecodeOptions { beams: 0, ..DecodeOptions::default() }, ..request(quiet()) },
            "invalid_option",
            None,
        ),
        (
            TranscribeRequest { channels: samovar_media::ChannelChoice::Separate, ..request(quiet()) },
            "invalid_option",
            Some("channels"),
        ),
        (
            TranscribeRequest { channels: samovar_media::ChannelChoice::One(1), ..request(quiet()) },
            "audio_channel_absent",
            Some("file"),
        ),
        (TranscribeRequest { deadline: Instant::now(), ..request(quiet()) }, "model_not_ready", None),
    ];
    for (request, code, field) in refused.into_iter().rev() {
        let error = transcribe(&service, request).await.unwrap_err();
        assert_eq!((error.kind().code(), error.field()), (code, field), "{error}");
    }
    assert!(transcribe(&service, TranscribeRequest { options: german, ..request(quiet()) }).await.is_ok());
    assert_eq!(language("klingon").unwrap_err().field(), Some("language"));
    let mut only_jobs = Caller::local();
    only_jobs.scopes = Scopes::default().with(Scope::Jobs);
    let error = service.transcribe(&only_jobs, request(quiet()), |_| ()).await.unwrap_err();
    assert_eq!(error.kind().code(), "forbidden");
    if real("silero-vad").is_some() {
        let error = transcribe(&service, TranscribeRequest { model: named("voices"), ..request(quiet()) }).await;
        assert_eq!(error.unwrap_err().kind().code(), "wrong_family");
        let unnamed = TranscribeRequest { model: None, ..request(quiet()) };
        assert!(transcribe(&service, unnamed).await.is_ok(), "there is one Whisper and it is known by now");
    }
}

#[tokio::test]
async fn more_recordings_than_places_wait_for_each_other() {
    let service = service(SpeechSettings { recordings_max: 2, ..SpeechSettings::default() });
    let (audio, truth) = call();
    let all = (0..5).map(|_| transcribe(&service, request(audio.clone())));
    for heard in futures_util::future::join_all(all).await {
        assert_eq!(heard.unwrap().text(), truth["text"].as_str().unwrap());
    }
}

/// Whoever drops the future ends the thread that decodes, and gives its place back.
#[tokio::test]
async fn who_leaves_takes_the_decoding_thread_along() {
    let service = service(SpeechSettings { recordings_max: 1, ..SpeechSettings::default() });
    let long = samples().repeat(20);
    let asked = request(bytes(wav16(16_000, 1, &long)));
    let caller = Caller::local();
    {
        let heard = service.transcribe(&caller, asked, |_| ());
        tokio::select! {
            ended = heard => panic!("it ended: {ended:?}"),
            () = until(|| threads("audio-reader") > 0) => {}
        }
    }
    until(|| threads("audio-reader") == 0).await;
    let (audio, _) = call();
    assert!(transcribe(&service, request(audio)).await.is_ok(), "its place is free");
}

/// Ten hours, of which nothing but a block or two is ever there.
#[tokio::test]
async fn ten_hours_are_read_with_two_blocks_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("night.wav");
    let length: u32 = 10 * 3_600 * 16_000;
    std::fs::write(&path, crate::made::header(16_000, 1, 8, length)).unwrap();
    // Sparse: it takes no room on the disk.
    std::fs::File::options().write(true).open(&path).unwrap().set_len(u64::from(length) + 44).unwrap();
    let opened = ReaderSource::open(AudioInput::File(path), &AudioOptions::default(), &AudioLimits::default()).await;
    let (info, mut source) = opened.unwrap();
    assert_eq!(info.duration_s, Some(36_000.0));
    let (mut read, mut largest, mut most) = (0, 0, 0);
    while let Some(block) = source.next_block().await.unwrap() {
        (read, largest) = (read + block.len(), largest.max(block.len()));
        most = most.max(source.held());
    }
    assert_eq!((read, source.failure().is_none()), (length as usize, true));
    assert!(largest < 2 * 16_000 && most <= ReaderSource::BLOCKS_AHEAD * largest, "{largest} {most}");
}

/// How far the reading is ahead of the hearing, whichever way a recording is heard.
#[tokio::test]
async fn a_recording_is_held_by_the_window_and_not_as_a_whole() {
    let service = service(SpeechSettings::default());
    let transcriber = service.transcriber_named("whisper").unwrap();
    transcriber.handle().open().await.unwrap();
    let (sound, quiet) = (samples(), vec![0.0; 16_000 * 45]);
    let long = [&quiet[..], &sound, &quiet, &sound, &quiet].concat();
    let most = windows(&transcriber, &long).await;
    assert!(most <= (2 * 30 + 1) * 16_000, "{most}");
    let Some(detector) = service.voice_detector(&transcriber, Instant::now() + Duration::from_secs(600)).await.unwrap()
    else {
        return;
    };
    detector.handle().open().await.unwrap();
    let (end, most) = spoken(&transcriber, &detector, &long).await;
    assert_eq!(end.samples, long.len() as u64);
    assert!(most <= (2 * 30 + 2) * 16_000, "{most}");
}

async fn windows(transcriber: &Transcriber, sound: &[f32]) -> u64 {
    let mut source = Counted::of(sound);
    let given = std::sync::Arc::clone(&source.given);
    let mut most = 0;
    let heard =
        |text: WindowText| most = most.max(given.load(std::sync::atomic::Ordering::Relaxed) - text.span.first_sample);
    let end = transcriber.recording(&mut source, &DecodeOptions::default(), background(), heard).await.unwrap();
    assert_eq!(end.samples, sound.len() as u64);
    most
}

async fn spoken(transcriber: &Transcriber, detector: &VoiceDetector, sound: &[f32]) -> (RecordingEnd, u64) {
    let mut source = Counted::of(sound);
    let given = std::sync::Arc::clone(&source.given);
    let mut most = 0;
    let heard =
        |text: WindowText| most = most.max(given.load(std::sync::atomic::Ordering::Relaxed) - text.span.first_sample);
    let (options, voices) = (DecodeOptions::default(), SpeechOptions::default());
    let voices = samovar_models::whisper::Voices { detector, options: &voices };
    let end = transcriber.spoken(&mut source, voices, (&options, background()), heard).await.unwrap();
    (end, most)
}

fn background() -> Call {
    Call::new(Class::Job, StreamKey(1))
}

/// A source of blocks of a second that counts what it gave.
struct Counted<'a> {
    blocks: std::slice::Chunks<'a, f32>,
    given: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl<'a> Counted<'a> {
    fn of(sound: &'a [f32]) -> Self {
        Self { blocks: sound.chunks(16_000), given: std::sync::Arc::default() }
    }
}

impl SampleSource for Counted<'_> {
    async fn next_block(&mut self) -> Result<Option<Vec<f32>>, RunError> {
        let block = self.blocks.next();
        let count = block.map_or(0, <[f32]>::len) as u64;
        self.given.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
        Ok(block.map(<[f32]>::to_vec))
    }
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come about");
}

/// Threads of this process of that name.
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let named =
        |path: std::path::PathBuf| std::fs::read_to_string(path.join("comm")).is_ok_and(|found| found.trim() == name);
    tasks.filter(|task| named(task.as_ref().unwrap().path())).count()
}

#[test]
fn the_sample_ships() {
    assert!(starter("samples/call.flac").is_file());
}
