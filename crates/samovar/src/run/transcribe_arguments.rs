//! What may be typed after `samovar run transcribe`.

use crate::arguments::ModelChoices;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `samovar run transcribe`.
#[derive(Debug, Args)]
pub struct TranscribeArguments {
    /// Recordings and videos, folders, patterns such as "calls/**/*.flac"; `-` reads one recording from stdin
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// The model: a folder with a Whisper's files, its encoder, or a name from the configuration or the catalogue [default: `speech.model`,
    /// else the only Whisper that is configured, else starter-whisper]
    #[arg(long, short, value_name = "FOLDER|NAME")]
    pub model: Option<String>,
    /// A LoRA adapter in PEFT's format that is folded into the model [default: what the configuration says]
    #[arg(long, value_name = "FOLDER")]
    pub adapter: Option<PathBuf>,
    /// How the model runs.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Go into the folders of a folder too
    #[arg(long, short)]
    pub recursive: bool,
    /// How it is heard.
    #[command(flatten)]
    pub hearing: HearingArguments,
    /// Where transcripts go.
    #[command(flatten)]
    pub results: TranscriptArguments,
}

/// How recordings are heard.
#[derive(Debug, Args)]
#[command(next_help_heading = "Hearing")]
pub struct HearingArguments {
    /// What is spoken, as a code or in English: de, German [default: found out in the first 30 s]
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Write down in English whatever is spoken
    #[arg(long)]
    pub translate: bool,
    /// Text that might have come before: names, spelling and style follow it
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// Words to expect in all of the recording: Kowalski,Mill Road
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    pub hotwords: Vec<String>,
    /// Hear every window by itself: nothing that was misheard goes on into the next
    #[arg(long)]
    pub no_previous_text: bool,
    /// Tell the time of every word, in json, verbose_json and jsonl
    #[arg(long)]
    pub words: bool,
    /// Texts that are followed at once: 1 is fastest, 5 a little more exact
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub beams: u8,
    /// Hear only where somebody speaks, as a voice model tells it
    #[arg(long)]
    pub vad: bool,
    /// That model: an ONNX file, or a name [default: `speech.voice_model`, else the only one that is configured, else silero-vad of the
    /// catalogue]
    #[arg(long, value_name = "FILE|NAME", requires = "vad")]
    pub voice_model: Option<String>,
    /// Hear this channel alone, counted from 0 [default: the mean of all]
    #[arg(long, value_name = "N")]
    pub channel: Option<u16>,
}

/// Where transcripts go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub struct TranscriptArguments {
    /// Write the transcript to this file, or one file for each input to this folder (`/` at its end)
    #[arg(long, short, value_name = "OUT", alias = "out")]
    pub output: Option<PathBuf>,
    /// As what [default: by the end of OUT: .txt, .srt, .vtt, .json (verbose_json), .jsonl; else lines with their times]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<TranscriptFormat>,
    /// The same as --format srt
    #[arg(long, conflicts_with_all = ["format", "vtt"])]
    pub srt: bool,
    /// The same as --format vtt
    #[arg(long, conflicts_with = "format")]
    pub vtt: bool,
    /// Write one JSON object for each segment to stdout, as they come
    #[arg(long)]
    pub json: bool,
    /// Tell nothing but failures on stderr
    #[arg(long, short)]
    pub quiet: bool,
}

/// A format of transcripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TranscriptFormat {
    /// A line for each segment
    Text,
    /// The whole text, as OpenAI's API answers
    Json,
    /// Language, segments, words and figures, as OpenAI's API answers
    #[value(name = "verbose_json")]
    VerboseJson,
    /// Subtitles: SubRip
    Srt,
    /// Subtitles: WebVTT
    Vtt,
    /// One JSON object for each segment and line
    Jsonl,
}

impl TranscriptArguments {
    /// The format that was typed.
    pub fn typed_format(&self) -> Option<TranscriptFormat> {
        let short = [(self.srt, TranscriptFormat::Srt), (self.vtt, TranscriptFormat::Vtt)];
        self.format.or_else(|| short.into_iter().find_map(|(typed, format)| typed.then_some(format)))
    }
}

impl TranscriptFormat {
    /// The end of such a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Json | Self::VerboseJson => "json",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Jsonl => "jsonl",
        }
    }

    /// What a file of that name is expected to hold.
    pub fn by_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "txt" => Some(Self::Text),
            "json" => Some(Self::VerboseJson),
            "srt" => Some(Self::Srt),
            "vtt" => Some(Self::Vtt),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }

    /// Whether transcripts of several recordings may follow each other in one file.
    pub const fn holds_several(self) -> bool {
        matches!(self, Self::Jsonl)
    }
}

/// After `samovar run transcribe --help`.
pub const TRANSCRIBE_EXAMPLES: &str = "\
Examples:
  samovar run transcribe call.flac --model whisper-tiny
  samovar run transcribe film.mp4 --model models/whisper-small --language de -o film.srt
  samovar run transcribe calls/ --recursive --model whisper-tiny --vad -o texts/ --format verbose_json
  samovar run transcribe call.wav --channel 1 --words --json > words.jsonl
  curl -s https://example.org/call.mp3 | samovar run transcribe - --srt

The model that ships, starter-whisper, knows a closed set of English emergency phrases: pull a real one with
`samovar models pull whisper-tiny`. A file is there whole or not at all. One input that fails does not stop
the others; the exit code is 3 then, and also where a recording is damaged and only a part could be heard.";
