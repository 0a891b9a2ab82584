//! A batch on the graphs as they were exported: all rows begin together, with prompts of one length, and every step moves what the text's
//! caches hold.

use super::graphs::DecoderPorts;
use super::hidden::Hidden;
use super::parts::shape_error;
use super::plain_ports::{PlainPorts, StepPorts};
use super::run_forms::{RunForm, RunForms};
use super::tensor_bytes::{gather_rows, read, write};
use super::{BatchLimits, EncodedWindow, Fed, Graphs};
use crate::floats::floats;
use half::f16;
use half::slice::HalfFloatSliceExt;
use samovar_engine_api::{ElementType, EngineError, Runner, TensorRef};
use std::sync::Arc;

/// Windows, each with `beams` rows, side by side.
pub(super) struct Plain {
    graphs: Arc<Graphs>,
    /// None where one graph is both.
    prompt: Option<Box<dyn Runner>>,
    step: Box<dyn Runner>,
    limits: BatchLimits,
    /// Windows whose prompt has not been run.
    waiting: Vec<EncodedWindow>,
    rows: usize,
    /// Tokens that every row holds.
    length: usize,
    /// Rows that share logits: the beams of a window after its prompt.
    rows_together: usize,
    /// Logits of the last token, by row, copied.
    logits: Vec<f32>,
    starts: Vec<Option<Vec<f32>>>,
    scratch: Vec<u8>,
    forms: RunForms,
}

impl Plain {
    /// Runners of the decoder's graph or graphs.
    pub(super) fn new(
        graphs: Arc<Graphs>,
        prompt: Option<Box<dyn Runner>>,
        step: Box<dyn Runner>,
        limits: BatchLimits,
    ) -> Self {
        Self {
            graphs,
            prompt,
            step,
            limits,
            waiting: Vec::new(),
            rows: 0,
            length: 0,
            rows_together: 1,
            logits: Vec::new(),
            starts: Vec::new(),
            scratch: Vec::new(),
            forms: RunForms::default(),
        }
    }

    pub(super) fn forms(&self) -> u64 {
        self.forms.count()
    }

    /// A prompt and a step of 1 to `windows` windows. Further steps are as large as the text has become: no two of them are alike.
    pub(super) fn warm_up(&mut self, windows: usize, prompt: &[u32]) -> Result<(), EngineError> {
        let hidden = vec![0.0; self.graphs.shape.positions * self.graphs.shape.width()];
        for windows in 1..=windows {
            self.clear();
            (0..windows).try_for_each(|_| self.add(&EncodedWindow { hidden: Hidden::F32(hidden.clone()) }))?;
            let mut prompts = vec![Fed::default(); self.rows];
            prompts.iter_mut().step_by(self.limits.beams).for_each(|fed| *fed = Fed { tokens: prompt, start: Some(0) });
            self.feed(&prompts)?;
            let tokens = prompt.get(..1).unwrap_or(&[0]);
            self.feed(&vec![Fed::new(tokens); self.rows])?;
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    pub(super) fn clear(&mut self) {
        (self.rows, self.length) = (0, 0);
        self.waiting.clear();
        self.starts.clear();
    }

    pub(super) fn add(&mut self, window: &EncodedWindow) -> Result<(), EngineError> {
        if self.length > 0 {
            return Err(shape_error("rows of this decoder's form begin together: none can join between steps"));
        }
        self.waiting.push(window.clone());
        self.rows += self.limits.beams;
        Ok(())
    }

    pub(super) fn feed(&mut self, fed: &[Fed<'_>]) -> Result<(), EngineError> {
        self.starts = vec![None; self.rows];
        if self.length == 0 {
            return self.begin(fed);
        }
        if fed.iter().any(|fed| fed.tokens.len() > 1) {
            return Err(shape_error("rows of this decoder's form take one token at a step"));
        }
        self.one_step(fed)
    }

    pub(super) fn logits(&self, row: usize) -> Result<&[f32], EngineError> {
        let size = self.graphs.shape.vocabulary;
        let from = row / self.rows_together * size;
        self.logits.get(from..from + size).ok_or_else(|| shape_error(format!("row {row} has no logits")))
    }

    pub(super) fn start_logits(&self, row: usize) -> Option<&[f32]> {
        self.starts.get(row)?.as_deref()
    }

    pub(super) fn keep(&mut self, sources: &[usize]) -> Result<(), EngineError> {
        let graphs = Arc::clone(&self.graphs);
        let (ports, beams, rows) = (&ports(&graphs)?.step, self.limits.beams, self.rows);
        let text = self.cache_shape(rows, self.length);
        self.gather(&ports.text, text, sources)?;
        // Rows of one window hear the same.
        let same = |(to, &from): (usize, &usize)| if to / beams == from / beams { to } else { from };
        let sources: Vec<usize> = sources.iter().enumerate().map(same).collect();
        let sound = self.cache_shape(rows, graphs.shape.positions);
        self.gather(&ports.sound, sound, &sources)?;
        self.rows = sources.len();
        Ok(())
    }

    fn gather(&mut self, inputs: &[usize], shape: [usize; 4], sources: &[usize]) -> Result<(), EngineError> {
        for &input in inputs {
            let bytes = write(self.step.input(input, &shape)?)?;
            let row = bytes.len() / shape[0].max(1);
            gather_rows(bytes, row, sources, &mut self.scratch);
        }
        Ok(())
    }

    /// Runs the prompts, one row for each window, and gives every beam of a window its caches.
    fn begin(&mut self, fed: &[Fed<'_>]) -> Result<(), EngineError> {
        let graphs = Arc::clone(&self.graphs);
        let (ports, beams) = (ports(&graphs)?, self.limits.beams);
        let prompts: Vec<Fed<'_>> = fed.iter().copied().step_by(beams).collect();
        let tokens = prompts.first().map_or(0, |fed| fed.tokens.len());
        if tokens == 0 || prompts.iter().any(|fed| fed.tokens.len() != tokens) {
            return Err(shape_error("rows of this decoder's form begin with prompts of one length"));
        }
        self.write_prompts(ports, &prompts, tokens)?;
        self.forms.note(RunForm { rows: prompts.len(), columns: tokens, capacity: 0, asked: tokens });
        self.prompt_runner().run()?;
        let shape = &graphs.shape;
        self.take(&ports.prompt.text, &ports.step.text, self.cache_shape(prompts.len(), tokens))?;
        self.take(&ports.prompt.sound, &ports.step.sound, self.cache_shape(prompts.len(), shape.positions))?;
        self.length = tokens;
        self.rows_together = beams;
        let output = self.prompt.as_ref().unwrap_or(&self.step).output(ports.prompt.logits)?;
        let all = floats(&output)?;
        self.logits = last_of_each(&all, tokens, shape.vocabulary);
        for (window, start) in prompts.iter().enumerate().filter_map(|(window, fed)| Some((window, fed.start?))) {
            let from = (window * tokens + start) * shape.vocabulary;
            self.starts[window * beams] = all.get(from..from + shape.vocabulary).map(<[f32]>::to_vec);
        }
        self.waiting.clear();
        Ok(())
    }

    fn write_prompts(&mut self, ports: &PlainPorts, prompts: &[Fed<'_>], tokens: usize) -> Result<(), EngineError> {
        let (rows, shape) = (prompts.len(), self.graphs.shape.clone());
        if ports.is_merged {
            self.write_empty_past(&ports.step, rows)?;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let runner = self.prompt.as_mut().unwrap_or(&mut self.step);
        let ids = runner.input(ports.prompt.tokens, &[rows, tokens])?.into_slice::<i64>()?;
        let all = prompts.iter().flat_map(|fed| fed.tokens);
        ids.iter_mut().zip(all).for_each(|(to, &token)| *to = i64::from(token));
        let encoded = runner.input(ports.prompt.encoded, &[rows, shape.positions, shape.width()])?;
        let size = shape.positions * shape.width();
        if ports.prompt.encoded_element == ElementType::F16 {
            let places = encoded.into_slice::<f16>()?.chunks_exact_mut(size);
            places.zip(&waiting).for_each(|(to, window)| to.convert_from_f32_slice(&window.hidden.floats()));
        } else {
            let places = encoded.into_slice::<f32>()?.chunks_exact_mut(size);
            places.zip(&waiting).for_each(|(to, window)| window.hidden.write(to));
        }
        Ok(())
    }

    /// A merged graph wants past keys and values even where it does not read them.
    fn write_empty_past(&mut self, ports: &StepPorts, rows: usize) -> Result<(), EngineError> {
        for (inputs, places) in [(&ports.text, 1), (&ports.sound, ports.sound_positions.unwrap_or(1))] {
            let shape = self.cache_shape(rows, places);
            for &input in inputs {
                write(self.step.input(input, &shape)?)?.fill(0);
            }
        }
        self.write_branch(ports, false, 0)
    }

    fn write_branch(&mut self, ports: &StepPorts, is_step: bool, position: usize) -> Result<(), EngineError> {
        if let Some(branch) = ports.branch {
            self.step.input(branch, &[1])?.into_slice::<bool>()?.fill(is_step);
        }
        if let Some(input) = ports.cache_position {
            self.step.input(input, &[1])?.into_slice::<i64>()?.fill(i64::try_from(position).unwrap_or(0));
        }
        Ok(())
    }

    fn prompt_runner(&mut self) -> &mut dyn Runner {
        &mut **self.prompt.as_mut().unwrap_or(&mut self.step)
    }

    /// Copies outputs of the prompt's graph, a row for each window, into inputs of the step's, a row for each beam.
    fn take(&mut self, outputs: &[usize], inputs: &[usize], from: [usize; 4]) -> Result<(), EngineError> {
        let beams = self.limits.beams;
        let [windows, heads, places, width] = from;
        for (&output, &input) in outputs.iter().zip(inputs) {
            self.scratch.clear();
            let made = self.prompt.as_ref().unwrap_or(&self.step).output(output)?;
            self.scratch.extend_from_slice(read(&made)?);
            let bytes = write(self.step.input(input, &[windows * beams, heads, places, width])?)?;
            let row = bytes.len() / (windows * beams).max(1);
            if self.scratch.len() != row * windows {
                return Err(shape_error("the decoder gives keys and values of another size"));
            }
            let rows = bytes.chunks_exact_mut(row).enumerate();
            rows.for_each(|(index, to)| to.copy_from_slice(&self.scratch[index / beams * row..][..row]));
        }
        Ok(())
    }

    fn one_step(&mut self, fed: &[Fed<'_>]) -> Result<(), EngineError> {
        let graphs = Arc::clone(&self.graphs);
        let (ports, shape) = (&ports(&graphs)?.step, &graphs.shape);
        let ids = self.step.input(ports.tokens, &[fed.len(), 1])?.into_slice::<i64>()?;
        // A row that waits is given something: what comes of it is replaced when it goes on.
        ids.iter_mut().zip(fed).for_each(|(to, fed)| *to = fed.tokens.first().map_or(0, |&token| i64::from(token)));
        for (inputs, places) in [(&ports.text, self.length), (&ports.sound, shape.positions)] {
            let sizes = self.cache_shape(fed.len(), places);
            inputs.iter().try_for_each(|&input| self.step.input(input, &sizes).map(drop))?;
        }
        if let Some(encoded) = ports.encoded {
            drop(self.step.input(encoded, &[fed.len(), shape.positions, shape.width()])?);
        }
        self.write_branch(ports, true, self.length)?;
        self.forms.note(RunForm { rows: fed.len(), columns: 1, capacity: self.length, asked: 1 });
        self.step.run()?;
        self.length += 1;
        let grown = self.cache_shape(fed.len(), self.length);
        for (&output, &input) in ports.grown.iter().zip(&ports.text) {
            self.scratch.clear();
            self.scratch.extend_from_slice(read(&self.step.output(output)?)?);
            write(self.step.input(input, &grown)?)?.copy_from_slice(&self.scratch);
        }
        self.rows_together = 1;
        let output: TensorRef<'_> = self.step.output(ports.logits)?;
        self.logits.clear();
        self.logits.extend_from_slice(&floats(&output)?);
        Ok(())
    }

    fn cache_shape(&self, rows: usize, places: usize) -> [usize; 4] {
        let shape = &self.graphs.shape;
        [rows, shape.heads, places, shape.head_width]
    }
}

fn ports(graphs: &Graphs) -> Result<&PlainPorts, EngineError> {
    match &graphs.decoder {
        DecoderPorts::Plain(ports) => Ok(ports),
        DecoderPorts::Stepped(_) => Err(shape_error("the decoder has another form")),
    }
}

/// Of logits `[rows, tokens, vocabulary]` those of each row's last token.
fn last_of_each(all: &[f32], tokens: usize, vocabulary: usize) -> Vec<f32> {
    let rows = all.chunks_exact((tokens * vocabulary).max(1));
    rows.flat_map(|row| row[(tokens - 1) * vocabulary..].iter().copied()).collect()
}
