//! A server that hears: the Whisper that ships, the voice model where it is at hand, and sounds to send it.

use crate::client::{Answer, PATIENCE};
use crate::house::{House, fake_detector, options, repository, shared};
use samovar_engines::Rten;
use samovar_models::{FamilyHints, binder};
use samovar_runtime::{ModelSource, ModelSpec, Precision, PrecisionChoice};
use samovar_server::ServerOptions;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The model called `whisper`, and `voices` where it is at hand.
pub(crate) async fn hearing(options: ServerOptions) -> House {
    House::start(options, Arc::new(Rten), specs(), fake_detector()).await
}

/// The same, as everybody has it.
pub(crate) async fn ears() -> House {
    hearing(options()).await
}

pub(crate) fn has_voices() -> bool {
    shared().is_some()
}

pub(crate) fn specs() -> Vec<ModelSpec> {
    let folder = repository().join("starter/models/starter-whisper");
    let hints = FamilyHints { assets: Some(folder.clone()), ..FamilyHints::default() };
    let whisper = ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        batch_delay: Duration::ZERO,
        companions: hints.companions(),
        ..ModelSpec::new("whisper", ModelSource::file(folder.join("onnx/encoder_model.onnx")), binder(hints))
    };
    let voices = shared().map(|folder| {
        let file = folder.join("silero-vad/silero_vad_16k_op15.onnx");
        ModelSpec::new("voices", ModelSource::file(file), binder(FamilyHints::default()))
    });
    std::iter::once(whisper).chain(voices).collect()
}

/// The call that ships: 15 s of six sentences, as FLAC.
pub(crate) fn call() -> Vec<u8> {
    std::fs::read(starter("samples/call.flac")).unwrap()
}

/// What is said in it, and when.
pub(crate) fn call_truth() -> Value {
    serde_json::from_slice(&std::fs::read(starter("samples/call.json")).unwrap()).unwrap()
}

/// Its samples at 16 kHz.
pub(crate) fn call_samples() -> Vec<f32> {
    use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader};
    let input = AudioInput::Bytes(call().into());
    let mut reader = AudioReader::open(input, &AudioOptions::default(), &AudioLimits::default()).unwrap();
    reader.read_to_end(480_000).unwrap()
}

fn starter(path: &str) -> PathBuf {
    repository().join("starter").join(path)
}

/// A sentence of the closed set as espeak-ng says it; none, with a line that says so, where that program is absent.
pub(crate) fn said(sentence: &str, voice: &str) -> Option<Vec<u8>> {
    let spoken = Command::new("espeak-ng").args(["-v", voice, "-s", "165", "--stdout", sentence]).output();
    let Ok(spoken) = spoken else {
        println!("skipped: espeak-ng is absent");
        return None;
    };
    assert!(spoken.status.success(), "{}", String::from_utf8_lossy(&spoken.stderr));
    Some(spoken.stdout)
}

/// A WAV of 16-bit samples, interleaved.
pub(crate) fn wav(rate_hz: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let data = samples.iter().flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes());
    let data: Vec<u8> = data.collect();
    [&wav_head(rate_hz, channels, data.len() as u32)[..], &data].concat()
}

/// The head of a WAV that claims so many bytes of samples.
pub(crate) fn wav_head(rate_hz: u32, channels: u16, data_bytes: u32) -> Vec<u8> {
    let frame = u32::from(channels) * 2;
    let mut head = b"RIFF".to_vec();
    head.extend(data_bytes.saturating_add(36).to_le_bytes());
    head.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    head.extend(channels.to_le_bytes());
    head.extend(rate_hz.to_le_bytes());
    head.extend((rate_hz * frame).to_le_bytes());
    head.extend((frame as u16).to_le_bytes());
    head.extend(16_u16.to_le_bytes());
    head.extend(b"data");
    head.extend(data_bytes.to_le_bytes());
    head
}

/// The call so many times, with the pauses that whole windows leave: half a minute each.
pub(crate) fn long_call(times: usize) -> Vec<u8> {
    let once = [&call_samples()[..], &[0.0; 240_000]].concat();
    wav(16_000, 1, &once.repeat(times))
}

/// A form with these fields and the recording: its type and its body.
pub(crate) fn form(fields: &[(&str, &str)], recording: Option<&[u8]>) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    if let Some(recording) = recording {
        let head = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"call.mp3\"\r\ncontent-type: audio/mpeg\r\n\r\n";
        body.extend_from_slice(&[head.as_bytes(), recording, b"\r\n"].concat());
    }
    body.extend_from_slice(b"--edge--\r\n");
    ("content-type: multipart/form-data; boundary=edge\r\n".to_owned(), body)
}

/// Sends a form.
pub(crate) async fn ask(house: &House, path: &str, fields: &[(&str, &str)], recording: &[u8]) -> Answer {
    let (head, body) = form(fields, Some(recording));
    crate::client::post_with(house.address, path, &head, &body).await
}

/// The answer of a form that must have one.
pub(crate) async fn asked(house: &House, path: &str, fields: &[(&str, &str)], recording: &[u8]) -> Answer {
    let answer = ask(house, path, fields, recording).await;
    assert_eq!(answer.status, 200, "{path} {fields:?}: {}", String::from_utf8_lossy(&answer.body));
    answer
}

/// A form on its way: nothing of the answer has been read.
pub(crate) async fn begun(house: &House, path: &str, fields: &[(&str, &str)], recording: &[u8]) -> TcpStream {
    let (head, body) = form(fields, Some(recording));
    let mut socket = TcpStream::connect(house.address).await.unwrap();
    let start = format!("POST {path} HTTP/1.1\r\nhost: a\r\n{head}content-length: {}\r\n\r\n", body.len());
    socket.write_all(&[start.as_bytes(), &body].concat()).await.unwrap();
    socket
}

/// An answer in Server-Sent Events, read one after the other.
pub(crate) struct Events {
    reader: BufReader<TcpStream>,
    pub(crate) head: String,
    /// What has come of the present piece of the body.
    text: String,
}

impl Events {
    pub(crate) async fn open(socket: TcpStream) -> Self {
        let (mut reader, mut head) = (BufReader::new(socket), String::new());
        while !head.ends_with("\r\n\r\n") {
            let read = timeout(PATIENCE, reader.read_line(&mut head)).await.expect("the server answers").unwrap();
            assert!(read > 0, "{head}");
        }
        Self { reader, head, text: String::new() }
    }

    /// The next event; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.strip_prefix("data: ").map(|data| serde_json::from_str(data).unwrap());
                self.text = rest.to_owned();
                match data {
                    Some(data) => return Some(data),
                    None => continue,
                }
            }
            let chunk = self.chunk().await?;
            self.text += &chunk;
        }
    }

    /// All that are left.
    pub(crate) async fn rest(mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }

    async fn chunk(&mut self) -> Option<String> {
        let mut size = String::new();
        timeout(PATIENCE, self.reader.read_line(&mut size)).await.expect("the server goes on").unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).await.unwrap();
        chunk.truncate(size);
        (size > 0).then(|| String::from_utf8(chunk).unwrap())
    }
}

/// Words that are wrong, missing or too many, for each that was said; without case and punctuation.
pub(crate) fn word_errors(heard: &str, said: &str) -> f64 {
    let (heard, said) = (words(heard), words(said));
    let mut row: Vec<usize> = (0..=said.len()).collect();
    for (line, word) in heard.iter().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], line + 1);
        for (at, other) in said.iter().enumerate() {
            let replaced = corner + usize::from(word != other);
            corner = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(row[at + 1] + 1);
        }
    }
    row[said.len()] as f64 / said.len() as f64
}

/// Without case and punctuation.
pub(crate) fn words(text: &str) -> Vec<String> {
    let letters: String = text.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).collect();
    letters.to_lowercase().split_whitespace().map(str::to_owned).collect()
}
