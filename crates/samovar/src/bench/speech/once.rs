//! One measurement in a process of its own: a Whisper, windows of made-up sound, figures as JSON on stdout.

use super::arguments::SpeechOnceArguments;
use crate::bench::statistics::{median, percentile};
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::{here, model_choice, stdout};
use futures_util::future::{join, join_all, select};
use samovar_models::whisper::{DecodeOptions, Language, Timestamps, Transcriber};
use samovar_runtime::{Call, Class, StreamKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::time::{Interval, MissedTickBehavior};

/// What one measurement gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Once {
    /// As the program tells it.
    pub engine: String,
    pub precision: String,
    pub load_s: f64,
    /// The first window after the load, and the tenth.
    pub first_s: f64,
    pub tenth_s: f64,
    /// Seconds for each window, by how many are decoded at once.
    pub window_s: BTreeMap<usize, f64>,
    /// Resident at most, at any time: the load included.
    pub peak_bytes: u64,
    /// Runs whose sizes were met first by a window and not by the warm-up; none where the program cannot tell.
    pub new_forms: Option<u64>,
    pub calls: Option<Calls>,
}

/// What a caller waits for the text of a piece of speech, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Calls {
    /// Nobody else is there.
    pub alone_s: f64,
    /// The second of two callers whose pieces come at the same moment.
    pub second_s: f64,
    /// A piece every half second, as partial texts of a live call come, beside another caller's.
    pub beside_call_s: f64,
    /// The slowest of eight.
    pub eighth_s: f64,
    /// The same beside a recording.
    pub beside_upload_s: f64,
}

/// Samples of a window, and of a caller's piece of speech.
const WINDOW: usize = 480_000;
const PIECE: usize = 80_000;
/// Measurements of each kind.
const TURNS: usize = 5;
/// How often a live call is heard for a partial text, and how often the other one: not in step with it.
const EVERY: Duration = Duration::from_millis(500);
const OTHER_EVERY: Duration = Duration::from_millis(430);

/// Runs the hidden command.
///
/// # Errors
/// The model, or what hearing came to.
pub fn speech_once(arguments: &SpeechOnceArguments, config: Option<&std::path::Path>) -> Result<Exit, CliError> {
    let mut file = ConfigFile::find(config)?;
    file.config.plans.folder = Some(arguments.plans.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let figures = runtime.block_on(measure(arguments, &file))?;
    stdout::print_json(&figures)?;
    Ok(Exit::Ok)
}

async fn measure(arguments: &SpeechOnceArguments, file: &ConfigFile) -> Result<Once, CliError> {
    let began = Instant::now();
    let graph = arguments.model.join("onnx/encoder_model.onnx");
    let named = model_choice::file_or_name(&graph.to_string_lossy(), &file.config, &arguments.choices)?;
    let registry = here::registry(&file.config, vec![model_choice::spec(&named)?], None)?;
    let generation = registry.load(&named.0).await??;
    let load_s = began.elapsed().as_secs_f64();
    let hearing = Hearing { transcriber: Transcriber::new(registry.model(&named.0)?), steps: arguments.steps };
    let mut alone = Vec::new();
    for _ in 0..10 {
        alone.push(hearing.window(0, Class::Interactive, WINDOW).await?);
    }
    let mut window_s = BTreeMap::new();
    for &callers in &arguments.callers {
        window_s.insert(callers, hearing.at_once(callers).await?);
    }
    let peak_bytes = peak_bytes();
    let calls = if arguments.calls { Some(hearing.calls().await?) } else { None };
    Ok(Once {
        engine: generation.engine.to_owned(),
        precision: generation.precision.to_string(),
        load_s,
        first_s: alone[0],
        tenth_s: alone[9],
        window_s,
        peak_bytes,
        new_forms: Some(hearing.transcriber.counts()?.forms),
        calls,
    })
}

struct Hearing {
    transcriber: Transcriber,
    steps: usize,
}

impl Hearing {
    /// Seconds until the text of a window was there.
    async fn window(&self, caller: u64, class: Class, samples: usize) -> Result<f64, CliError> {
        let options = DecodeOptions {
            language: Some(Language::ENGLISH),
            timestamps: Timestamps::None,
            temperatures: vec![0.0],
            tokens_max: Some(self.steps),
            no_speech_threshold: None,
            logprob_threshold: None,
            compression_ratio_max: None,
            ..DecodeOptions::default()
        };
        let sound: Vec<f32> = (0..samples).map(|at| ((at as u64 * (caller + 3)) as f32 * 0.0137).sin() * 0.3).collect();
        let call = Call::new(class, StreamKey(caller));
        let began = Instant::now();
        let text = self.transcriber.window(sound, &options, &[], call).await?;
        let took = began.elapsed().as_secs_f64();
        if text.tokens.len() == self.steps {
            return Ok(took);
        }
        let message = format!("a text ended after {} tokens: not all windows are the same work", text.tokens.len());
        Err(CliError::new("bench_failed", message).cure("take random weights: --shape tiny"))
    }

    /// Seconds for each window of so many at once, the median of some turns.
    async fn at_once(&self, callers: usize) -> Result<f64, CliError> {
        let mut turns = Vec::new();
        for _ in 0..TURNS {
            let began = Instant::now();
            let all = (0..callers as u64).map(|caller| self.window(caller, Class::Interactive, WINDOW));
            join_all(all).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            turns.push(began.elapsed().as_secs_f64() / callers.max(1) as f64);
        }
        Ok(median(&turns))
    }

    async fn calls(&self) -> Result<Calls, CliError> {
        let (mut alone, mut second, mut eighth) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            alone.push(self.piece(0).await?);
            let (one, other) = join(self.piece(0), self.piece(1)).await;
            second.push(one?.max(other?));
            let all = join_all((0..8).map(|caller| self.piece(caller))).await;
            eighth.push(percentile(&all.into_iter().collect::<Result<Vec<_>, _>>()?, 1.0));
        }
        Ok(Calls {
            alone_s: median(&alone),
            second_s: median(&second),
            eighth_s: median(&eighth),
            beside_call_s: self.beside(self.other_call()).await?,
            beside_upload_s: self.beside(self.upload()).await?,
        })
    }

    async fn piece(&self, caller: u64) -> Result<f64, CliError> {
        self.window(caller, Class::Interactive, PIECE).await
    }

    /// A recording goes on as long as the caller speaks: window after window, as jobs do.
    async fn upload(&self) -> CliError {
        loop {
            if let Err(error) = self.window(99, Class::Job, WINDOW).await {
                return error;
            }
        }
    }

    /// Another caller goes on speaking.
    async fn other_call(&self) -> CliError {
        let mut ticks = ticks(OTHER_EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = self.piece(1).await {
                return error;
            }
        }
    }

    /// The median of a live call's pieces beside work that goes on as long.
    async fn beside(&self, other: impl Future<Output = CliError>) -> Result<f64, CliError> {
        let call = async {
            let (mut ticks, mut turns) = (ticks(EVERY), Vec::new());
            for _ in 0..4 * TURNS {
                ticks.tick().await;
                turns.push(self.piece(0).await?);
            }
            Ok(median(&turns))
        };
        match select(pin!(other), pin!(call)).await {
            futures_util::future::Either::Left((error, _)) => Err(error),
            futures_util::future::Either::Right((median, _)) => median,
        }
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    line.unwrap_or(0_u64) * 1_024
}
