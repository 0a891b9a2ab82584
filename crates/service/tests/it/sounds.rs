//! Recordings of every make: right results or typed errors.

use crate::made::{faster, halved, header, muffled, noise, stereo, wav16};
use crate::speech::{bytes, call, request, samples, service, starter, word_errors};
use samovar_media::{AudioInput, ChannelChoice};
use samovar_service::ServiceError;
use samovar_service::access::Caller;
use samovar_service::speech::{SpeechService, SpeechSettings, TranscribeRequest, Transcript};

async fn hear(service: &SpeechService, request: TranscribeRequest) -> Result<Transcript, ServiceError> {
    service.transcribe(&Caller::local(), request, |_| ()).await
}

#[tokio::test]
async fn any_rate_layout_and_level_gives_the_same_words() {
    let service = service(SpeechSettings::default());
    let (_, truth) = call();
    let (said, sound) = (truth["text"].as_str().unwrap(), samples());
    let other = noise(sound.len(), 0.3);
    let loud: Vec<f32> = sound.iter().map(|sample| (sample * 12.0).clamp(-1.0, 1.0)).collect();
    let made = [
        ("16 kHz", wav16(16_000, 1, &sound), ChannelChoice::Mean, 0.0),
        ("192 kHz", wav16(192_000, 1, &faster(&sound, 12)), ChannelChoice::Mean, 0.05),
        ("48 kHz stereo", wav16(48_000, 2, &stereo(&faster(&sound, 3), &faster(&sound, 3))), ChannelChoice::Mean, 0.05),
        ("left", wav16(16_000, 2, &stereo(&sound, &other)), ChannelChoice::One(0), 0.0),
        ("right", wav16(16_000, 2, &stereo(&other, &sound)), ChannelChoice::One(1), 0.0),
        ("clipped", wav16(16_000, 1, &loud), ChannelChoice::Mean, 0.3),
    ];
    for (name, wav, channels, errors_max) in made {
        let heard = hear(&service, TranscribeRequest { channels, ..request(bytes(wav)) }).await.unwrap();
        let errors = word_errors(&heard.text(), said);
        println!("{name}: {errors:.3} {}", heard.text());
        assert!(errors <= errors_max, "{name}: {errors} {}", heard.text());
        assert!((heard.duration_s - 15.0).abs() < 0.01 && heard.failure.is_none(), "{name}: {heard:?}");
    }
}

/// The small model hears little without the upper half of the band; what counts is that the rate of a telephone takes nothing more away.
#[tokio::test]
async fn the_rate_of_a_telephone_costs_no_word_that_its_band_does_not_cost() {
    let service = service(SpeechSettings::default());
    let muffled = muffled(&samples());
    let wide = hear(&service, request(bytes(wav16(16_000, 1, &muffled)))).await.unwrap();
    let narrow = hear(&service, request(bytes(wav16(8_000, 1, &halved(&muffled))))).await.unwrap();
    println!("16 kHz: {}\n 8 kHz: {}", wide.text(), narrow.text());
    assert!((narrow.duration_s - 15.0).abs() < 0.01 && !narrow.segments.is_empty());
    assert!(word_errors(&narrow.text(), &wide.text()) <= 0.15);
}

#[tokio::test]
async fn silence_and_noise_are_heard_without_a_fault() {
    let service = service(SpeechSettings::default());
    let hum: Vec<f32> = (0..80_000).map(|at| (at as f32 * 0.0393).sin() * 0.3).collect();
    let sounds = [vec![0.0; 160_000], noise(80_000, 0.2), noise(80_000, 1.0), hum, vec![1.0; 40_000], vec![0.0; 100]];
    for sound in sounds {
        let heard = hear(&service, request(bytes(wav16(16_000, 1, &sound)))).await.unwrap();
        println!("{} samples: {:?}", sound.len(), heard.text());
        assert!((heard.duration_s - sound.len() as f64 / 16_000.0).abs() < 1e-9);
        assert!(heard.segments.iter().all(|segment| segment.end_s <= heard.duration_s + 0.021), "{heard:?}");
    }
}

#[tokio::test]
async fn what_is_no_recording_is_refused_and_what_is_cut_off_is_heard_as_far_as_it_goes() {
    let service = service(SpeechSettings::default());
    let sound = samples();
    let flac = std::fs::read(starter("samples/call.flac")).unwrap();
    let refused = [
        (Vec::new(), "audio_empty"),
        (wav16(16_000, 1, &[]), "audio_empty"),
        (header(16_000, 1, 16, u32::MAX), "audio_empty"),
        (header(16_000, 1, 16, u32::MAX)[..20].to_vec(), "audio_damaged"),
        (flac[..60].to_vec(), "audio_damaged"),
        (wav16(500_000, 1, &[0.0; 1_000]), "audio_layout"),
        (wav16(16_000, 9, &[0.0; 900]), "audio_layout"),
        // Nothing that is read in this process, and no program for the rest.
        (b"no recording at all, but a text of some length".repeat(30), "decoder_missing"),
    ];
    for (wav, code) in refused {
        let error = hear(&service, request(bytes(wav))).await.unwrap_err();
        assert_eq!((error.kind().code(), error.field()), (code, Some("file")), "{error}");
    }
    let absent = hear(&service, request(AudioInput::File("absent.wav".into()))).await.unwrap_err();
    assert_eq!(absent.kind().code(), "audio_unreadable");

    let pcm = &wav16(16_000, 1, &sound)[44..];
    let cut = [
        ("a WAV that claims 4 GB", [&header(16_000, 1, 16, u32::MAX - 1)[..], pcm].concat(), true),
        ("a stream that claims all", [&header(16_000, 1, 16, u32::MAX)[..], pcm].concat(), false),
        ("half a FLAC", flac[..flac.len() / 2].to_vec(), true),
    ];
    for (name, wav, is_damaged) in cut {
        let heard = hear(&service, request(bytes(wav))).await.unwrap();
        assert!(heard.text().starts_with("Hello, I need help. There is a fire in the kitchen."), "{name}: {heard:?}");
        let code = heard.failure.map(|error| error.kind().code());
        assert_eq!(code, is_damaged.then_some("audio_damaged"), "{name}");
    }
}

#[tokio::test]
async fn what_a_file_is_called_plays_no_part() {
    let service = service(SpeechSettings::default());
    let folder = tempfile::tempdir().unwrap();
    let (_, truth) = call();
    for name in ["call.mp3", "call.wav", "call.txt"] {
        let path = folder.path().join(name);
        std::fs::copy(starter("samples/call.flac"), &path).unwrap();
        let heard = hear(&service, request(AudioInput::File(path))).await.unwrap();
        assert_eq!(heard.text(), truth["text"].as_str().unwrap());
    }
}
