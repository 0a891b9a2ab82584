//! The family `whisper`: bound from the encoder's graph and the checkpoint's folder; the decoder's graphs are its parts.

use super::adaptation::Adaptation;
use super::decoder::EncoderPorts;
use super::decoder_files::DecoderFiles;
use super::desk::Desk;
use super::{
    BatchLimits, Checkpoint, DecodeOptions, DecoderBatch, DecoderShape, EncodedWindow, Fed, GraphForm, Graphs, LogMel,
    LogMelScratch, SpeechError, SpeechTokenizer, StepCounts, StepGraphs, Timestamps,
};
use crate::FamilyHints;
use half::f16;
use half::slice::HalfFloatSliceExt;
use parking_lot::Mutex;
use samovar_engine_api::{ElementType, ModelFiles, Precision, Signature};
use samovar_runtime::{
    AdapterError, ContractError, Family, InputRow, OutputRow, PartRunners, PartSource, RowShape, RowShapes, Scratch,
    TaskError, WarmUpRow,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// A Whisper, bound. Whoever transcribes with one generation of the model shares its decoder batches, which lie in here.
pub struct WhisperModel {
    signature: Signature,
    encoder: EncoderPorts,
    checkpoint: Checkpoint,
    tokenizer: SpeechTokenizer,
    log_mel: LogMel,
    files: DecoderFiles,
    adaptation: Option<Adaptation>,
    /// What the parts were bound to last.
    graphs: Mutex<Option<Arc<Graphs>>>,
    /// By the number of beams.
    desks: Mutex<BTreeMap<usize, Arc<Desk>>>,
    batch_max: usize,
}

/// Room to work in, of the front end that a thread used last.
#[derive(Default)]
struct FrontEndScratch {
    mels: usize,
    log_mel: OnceLock<LogMelScratch>,
    /// The spectrogram, where the graph takes 16 bits.
    wide: Vec<f32>,
}

/// Windows in one run of the encoder at most, where its batch axis is open.
const WINDOWS_MAX: usize = 8;
/// Threads of a run where nothing else is measured.
const THREADS_MAX: usize = 8;
/// Windows that decode together at most.
const DECODING_MAX: usize = 16;
/// What the caches of a batch may take.
const CACHE_BYTES_MAX: usize = 1 << 30;
/// Tokens after the prompt that tell whether a precision agrees with f32.
const TRIAL_STEPS: usize = 4;

impl WhisperModel {
    /// Binds the encoder, `input_features` `[batch, mels, 3000]` to `last_hidden_state` `[batch, 1500, width]`, to the folder that the
    /// hints name as assets.
    ///
    /// # Errors
    /// What was found in the graph or in the folder, what is expected, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        let folder = hints.assets.as_ref().ok_or_else(no_folder)?;
        let checkpoint = Checkpoint::read(folder)?;
        let encoder = EncoderPorts::bind(signature, &checkpoint)?;
        if signature.inputs.len() != 1 {
            return Err(ContractError(format!(
                "the encoder has {} inputs; `input_features` alone is expected",
                signature.inputs.len()
            )));
        }
        let batch = signature.inputs[0].dims.first().and_then(samovar_engine_api::Dim::fixed);
        Ok(Self {
            tokenizer: SpeechTokenizer::load(folder, &checkpoint)?,
            log_mel: LogMel::of(&checkpoint),
            files: DecoderFiles::find(folder)?,
            adaptation: hints.adapter.clone().map(Adaptation::new),
            signature: signature.clone(),
            encoder,
            checkpoint,
            graphs: Mutex::new(None),
            desks: Mutex::default(),
            batch_max: batch.unwrap_or(WINDOWS_MAX),
        })
    }

    /// What the folder says.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The tokenizer.
    pub const fn tokenizer(&self) -> &SpeechTokenizer {
        &self.tokenizer
    }

    /// The form that the decoder runs in; none before it is loaded.
    pub fn form(&self) -> Option<GraphForm> {
        self.graphs.lock().as_ref().map(|graphs| graphs.form())
    }

    /// Whether the model, in the form that it runs in, has what is asked for.
    ///
    /// # Errors
    /// What it has not, or the first value that is out of bounds.
    pub fn permits(&self, options: &DecodeOptions) -> Result<(), SpeechError> {
        self.checkpoint.permits(options)?;
        if options.timestamps == Timestamps::Word && self.form() != Some(GraphForm::Stepped) {
            return Err(SpeechError::NoWords);
        }
        Ok(())
    }

    /// What the batches have done so far.
    pub(super) fn counts(&self) -> StepCounts {
        let desks = self.desks.lock();
        desks.values().map(|desk| desk.counts()).fold(StepCounts::default(), |sum, counts| StepCounts {
            steps: sum.steps + counts.steps,
            windows: sum.windows + counts.windows,
            forms: sum.forms + counts.forms,
        })
    }

    /// The shape of a window's row.
    pub(super) fn rows(&self) -> RowShapes {
        RowShapes::new(vec![RowShape::Batched(vec![self.checkpoint.mels, self.checkpoint.frames()])])
    }

    /// The batch that windows with so many beams share.
    pub(super) fn desk(&self, beams: usize) -> Option<Arc<Desk>> {
        let graphs = Arc::clone(self.graphs.lock().as_ref()?);
        let mut desks = self.desks.lock();
        let desk = desks.entry(beams).or_insert_with(|| {
            let limits = limits(&graphs, beams);
            Arc::new(Desk::new(graphs, limits))
        });
        Some(Arc::clone(desk))
    }

    /// Writes the spectrogram of a window.
    pub(super) fn write(
        &self,
        samples: &[f32],
        row: &mut InputRow<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), TaskError> {
        let scratch = scratch.of::<FrontEndScratch>();
        if scratch.mels != self.checkpoint.mels {
            *scratch = FrontEndScratch { mels: self.checkpoint.mels, ..FrontEndScratch::default() };
        }
        scratch.log_mel.get_or_init(|| self.log_mel.scratch());
        let Some(room) = scratch.log_mel.get_mut() else { return Err(TaskError::internal("no room to work in")) };
        if self.encoder.element == ElementType::F16 {
            scratch.wide.resize(self.log_mel.len(), 0.0);
            self.log_mel.write(samples, &mut scratch.wide, room);
            row.slice::<f16>(self.encoder.input)?.convert_from_f32_slice(&scratch.wide);
        } else {
            self.log_mel.write(samples, row.slice::<f32>(self.encoder.input)?, room);
        }
        Ok(())
    }

    /// Reads what the encoder made of a window.
    pub(super) fn read(&self, row: &OutputRow<'_>) -> Result<EncodedWindow, TaskError> {
        let element = self.graphs.lock().as_ref().map_or(ElementType::F32, |graphs| graphs.hidden_element());
        let window = EncodedWindow::of(&row.tensor(self.encoder.output)?, element)?;
        if window.hidden.is_finite() {
            return Ok(window);
        }
        Err(TaskError::internal("the encoder gave a value that is not a number"))
    }

    /// A prompt and some tokens on made-up sound.
    fn trial(&self, batch: &mut DecoderBatch) -> Result<Vec<f32>, TaskError> {
        let special = &self.checkpoint.special;
        let prompt = [special.start, special.transcribe, special.no_timestamps];
        let width = self.checkpoint.width;
        let hidden = (0..self.checkpoint.positions * width).map(|at| (at as f32 * 0.37).sin()).collect();
        batch.begin(&[EncodedWindow { hidden }], &[Fed { tokens: &prompt, start: Some(0) }])?;
        let mut figures = batch.logits(0)?.to_vec();
        let text = special.end.saturating_sub(1).max(1);
        for step in 0..TRIAL_STEPS {
            batch.step(&[(step as u32 * 97 + 11) % text])?;
            figures.extend_from_slice(batch.logits(0)?);
        }
        if figures.iter().all(|value| value.is_finite()) {
            return Ok(figures);
        }
        Err(TaskError::internal("the decoder gave a value that is not a number"))
    }
}

impl Family for WhisperModel {
    fn name(&self) -> &'static str {
        crate::FamilyKind::Whisper.name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        vec![self.rows()]
    }

    fn batch_max(&self) -> usize {
        self.batch_max
    }

    /// All, up to where more hardly help: a caller waits for its window, and the layers are large enough that threads hardly wait for each
    /// other. Runs beside each other would each have room for the scores of 1,500 places by 1,500, and leave the decoder's steps, of which
    /// one goes on at a time, a core.
    fn threads_on_cpu(&self, cores: usize) -> usize {
        cores.min(THREADS_MAX)
    }

    fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
        Box::new(WarmUpWindow { input: self.encoder.input, output: self.encoder.output })
    }

    fn part_files(&self) -> Vec<PathBuf> {
        let adapter = self.adaptation.iter().flat_map(Adaptation::files);
        self.files.all().into_iter().chain(adapter).collect()
    }

    fn first_graph(&self, files: &ModelFiles) -> Result<Option<Vec<u8>>, AdapterError> {
        self.adaptation.as_ref().map_or(Ok(None), |adaptation| adaptation.encoder(&files.path))
    }

    /// The graphs that windows may join and leave at any step, where the export can be edited; else the export's own.
    fn parts(&self, precision: Precision) -> Result<Vec<PartSource>, AdapterError> {
        // An engine that computes in 16 bits would make such copies of f32 caches at every step.
        let cache = if precision == Precision::Bf16 { ElementType::Bf16 } else { ElementType::F32 };
        let shape = DecoderShape::of(&self.checkpoint, cache);
        let adapted = self.adaptation.as_ref().map(|adaptation| adaptation.decoder(&self.files, &shape)).transpose()?;
        if let Some(parts) = adapted.flatten() {
            return Ok(parts);
        }
        match StepGraphs::of(self.files.whole(), &shape) {
            Ok(graphs) => Ok(vec![PartSource::Made(graphs.cross), PartSource::Made(graphs.step)]),
            // Where the file itself is at fault, the engine says so.
            Err(reason) => {
                tracing::info!(%reason, "the decoder runs as it was exported: windows share a batch only if they begin together");
                Ok(self.files.all().into_iter().map(PartSource::File).collect())
            }
        }
    }

    fn bind_parts(&self, signatures: &[Signature]) -> Result<(), ContractError> {
        let graphs = Graphs::bind(&self.signature, signatures, &self.checkpoint)?;
        *self.graphs.lock() = Some(Arc::new(graphs));
        Ok(())
    }

    fn try_parts(&self, runner: PartRunners<'_>, _scratch: &mut Scratch) -> Result<Vec<f32>, TaskError> {
        let graphs = self.graphs.lock().clone().ok_or_else(|| TaskError::internal("the decoder is not bound"))?;
        let runners = (0..graphs.form().parts()).map(runner).collect::<Result<Vec<_>, _>>()?;
        let mut batch = DecoderBatch::new(&graphs, runners, BatchLimits { windows: 1, beams: 1 })?;
        self.trial(&mut batch)
    }

    /// Greedy decoding is what most callers ask for: its batch is there before the first of them.
    fn prepare(&self, runner: PartRunners<'_>) -> Result<(), TaskError> {
        let bound = self.graphs.lock().clone();
        let (Some(graphs), Some(desk)) = (bound, self.desk(1)) else { return Ok(()) };
        let runners = (0..graphs.form().parts()).map(runner).collect::<Result<Vec<_>, _>>()?;
        let prompt = self.tokenizer.usual_prompt();
        Ok(desk.prepare(runners, &prompt.tokens)?)
    }

    fn release(&self) {
        std::mem::take(&mut *self.desks.lock()).values().for_each(|desk| desk.close());
    }
}

/// As many windows as their caches have room, at least one.
fn limits(graphs: &Graphs, beams: usize) -> BatchLimits {
    let (sound, text) = graphs.cache_bytes();
    let window = if graphs.form() == GraphForm::Stepped { sound + beams * text } else { beams * (sound + text) };
    BatchLimits { windows: (CACHE_BYTES_MAX / window.max(1)).clamp(1, DECODING_MAX.div_ceil(beams)), beams }
}

/// A made-up spectrogram.
struct WarmUpWindow {
    input: usize,
    output: usize,
}

impl WarmUpRow for WarmUpWindow {
    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        let value = |at: usize| ((at % 7_919) as f32 * 0.013).sin() * 0.5;
        let tensor = row.tensor(self.input)?;
        if tensor.element() == ElementType::F16 {
            let numbers = tensor.into_slice::<f16>()?.iter_mut().enumerate();
            numbers.for_each(|(at, to)| *to = f16::from_f32(value(at)));
        } else {
            tensor.into_slice::<f32>()?.iter_mut().enumerate().for_each(|(at, to)| *to = value(at));
        }
        Ok(())
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        let window = EncodedWindow::of(&row.tensor(self.output)?, ElementType::F32)?;
        if window.hidden.is_finite() {
            return Ok(());
        }
        Err(TaskError::internal("the encoder gave a value that is not a number"))
    }
}

fn no_folder() -> ContractError {
    ContractError(
        "a `whisper` needs the folder of its checkpoint (`config.json`, `tokenizer.json`): name it as `assets`"
            .to_owned(),
    )
}
