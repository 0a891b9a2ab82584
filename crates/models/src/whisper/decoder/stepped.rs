//! A batch on the graphs that are made of an export: rows join and leave at any step, and caches stay where they are.

use super::graph::DecoderShape;
use super::parts::shape_error;
use super::run_forms::{RunForm, RunForms, columns};
use super::stepped_ports::SteppedPorts;
use super::tensor_bytes::{read, write};
use super::text_cache::TextCache;
use super::{Attentions, BatchLimits, EncodedWindow, Fed, Graphs};
use crate::floats::floats;
use crate::whisper::decoder::graphs::DecoderPorts;
use half::bf16;
use half::slice::HalfFloatSliceExt;
use samovar_engine_api::{ElementType, EngineError, Runner, TensorMut};
use std::sync::Arc;

/// Tokens of all rows that one run takes at most, so that a long prompt does not hold the others up for long.
const RUN_TOKENS_MAX: usize = 512;

/// Places of the text's caches that runs of several windows are warmed with: most windows have fewer tokens.
const WARM_PLACES: usize = 128;

/// Added to the scores of what a token may not see. Finite, since a token that stands for nothing may see nothing else.
const NEVER: f32 = -1e9;

/// Windows, each with `beams` rows, side by side.
pub(super) struct Stepped {
    graphs: Arc<Graphs>,
    cross: Box<dyn Runner>,
    step: Box<dyn Runner>,
    limits: BatchLimits,
    windows: usize,
    text: TextCache,
    last: LastRun,
    /// Logits that were asked for besides the last ones, by row.
    starts: Vec<Option<Vec<f32>>>,
    forms: RunForms,
}

/// What the last run was.
#[derive(Debug, Default)]
struct LastRun {
    /// Columns of tokens.
    columns: usize,
    /// Columns that logits were asked for.
    asked: Vec<usize>,
    /// Tokens of each row.
    counts: Vec<usize>,
}

impl Stepped {
    /// Runners of the two graphs.
    pub(super) fn new(graphs: Arc<Graphs>, cross: Box<dyn Runner>, step: Box<dyn Runner>, limits: BatchLimits) -> Self {
        let shape = &graphs.shape;
        let ports = match &graphs.decoder {
            DecoderPorts::Stepped(ports) => ports.text.iter().copied().zip(ports.new.iter().copied()).collect(),
            DecoderPorts::Plain(_) => Vec::new(),
        };
        let mut text = TextCache {
            ports,
            heads: shape.heads,
            head_width: shape.head_width,
            place: shape.head_width * shape.cache.size_bytes(),
            context: shape.context,
            capacity: 0,
            lengths: Vec::new(),
            scratch: Vec::new(),
        };
        text.clear();
        Self {
            graphs,
            cross,
            step,
            limits,
            windows: 0,
            text,
            last: LastRun::default(),
            starts: Vec::new(),
            forms: RunForms::default(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.text.lengths.len()
    }

    pub(super) fn forms(&self) -> u64 {
        self.forms.count()
    }

    /// Runs without meaning: prompts and steps of 1 to `windows` windows. Nothing is written to the caches, so that those which nobody
    /// uses yet take no memory: pages that are only read are all the same one.
    pub(super) fn warm_up(&mut self, windows: usize, prompt: usize) -> Result<(), EngineError> {
        let graphs = Arc::clone(&self.graphs);
        let ports = ports(&graphs)?;
        let hidden = self.cross.input(ports.encoded, &[1, graphs.shape.positions, graphs.shape.width()])?;
        hidden.into_slice::<f32>()?.fill(0.0);
        self.cross.run()?;
        let tokens = vec![0; prompt.max(1)];
        for windows in 1..=windows {
            self.clear();
            self.reserve(ports)?;
            (self.windows, self.text.lengths) = (windows, vec![0; windows * self.limits.beams]);
            let mut prompts = vec![Fed::default(); self.rows()];
            prompts
                .iter_mut()
                .step_by(self.limits.beams)
                .for_each(|fed| *fed = Fed { tokens: &tokens, start: Some(0) });
            self.try_run(ports, &prompts)?;
            let steps = vec![Fed::new(&tokens[..1]); self.rows()];
            let longest = if windows == 1 { self.text.context } else { WARM_PLACES.min(self.text.context) };
            while {
                self.try_run(ports, &steps)?;
                self.text.widen(&mut *self.step, longest, self.limits.rows())?
            } {}
        }
        Ok(())
    }

    pub(super) fn length(&self, row: usize) -> usize {
        self.text.lengths.get(row).copied().unwrap_or(0)
    }

    pub(super) fn clear(&mut self) {
        self.windows = 0;
        self.text.clear();
        self.starts.clear();
    }

    /// Makes the window's caches in the place behind the last.
    pub(super) fn add(&mut self, window: &EncodedWindow) -> Result<(), EngineError> {
        let graphs = Arc::clone(&self.graphs);
        let (ports, shape) = (ports(&graphs)?, &graphs.shape);
        if self.windows == 0 {
            self.reserve(ports)?;
        }
        let hidden = self.cross.input(ports.encoded, &[1, shape.positions, shape.width()])?;
        window.hidden.write(hidden.into_slice::<f32>()?);
        self.cross.run()?;
        for (index, (&input, &output)) in ports.sound.iter().zip(&ports.made).enumerate() {
            let all = self.sound_shape(index, self.windows + 1);
            let made = self.cross.output(output)?;
            let made = read(&made)?;
            let cache = write(self.step.input(input, &all)?)?;
            let place = cache.chunks_exact_mut(made.len().max(1)).nth(self.windows);
            place.ok_or_else(|| shape_error("a window's caches have another size"))?.copy_from_slice(made);
        }
        self.text.add(&mut *self.step, self.limits.beams)?;
        self.starts.resize_with(self.text.lengths.len(), || None);
        self.windows += 1;
        Ok(())
    }

    /// Runs the rows' tokens: in one run unless some row has very many.
    pub(super) fn feed(&mut self, fed: &[Fed<'_>]) -> Result<(), EngineError> {
        let longest = fed.iter().map(|fed| fed.tokens.len()).max().unwrap_or(0);
        let most = run_tokens_max(fed.len());
        self.starts.fill(None);
        for behind in (0..longest.div_ceil(most)).rev().map(|runs| runs * most) {
            let parts: Vec<Fed<'_>> = fed.iter().map(|fed| part(fed, behind, most)).collect();
            self.run(&parts)?;
        }
        Ok(())
    }

    pub(super) fn logits(&self, row: usize) -> Result<&[f32], EngineError> {
        self.logits_at(row, self.last.asked.len().saturating_sub(1))
    }

    pub(super) fn start_logits(&self, row: usize) -> Option<&[f32]> {
        self.starts.get(row)?.as_deref()
    }

    /// `sources` has whole windows in it, whose rows come from one window.
    pub(super) fn keep(&mut self, sources: &[usize]) -> Result<(), EngineError> {
        let graphs = Arc::clone(&self.graphs);
        let beams = self.limits.beams;
        let windows: Vec<usize> = sources.chunks(beams).map(|rows| rows[0] / beams).collect();
        for (to, &from) in windows.iter().enumerate().filter(|(to, from)| to != *from) {
            if windows[to + 1..].contains(&to) {
                return Err(shape_error(
                    "windows change places; a window may only move into the place of one that left",
                ));
            }
            self.move_window(ports(&graphs)?, from, to)?;
        }
        self.text.gather(&mut *self.step, sources)?;
        self.starts = vec![None; sources.len()];
        self.windows = windows.len();
        Ok(())
    }

    pub(super) fn attentions(&mut self, row: usize) -> Result<Attentions, EngineError> {
        let graphs = Arc::clone(&self.graphs);
        let (ports, shape) = (ports(&graphs)?, &graphs.shape);
        let queries = self.queries(row, ports, shape)?;
        let (heads, positions) = (shape.alignment_heads.len(), shape.positions);
        let tokens = self.last.counts.get(row).copied().unwrap_or(0);
        let mut weights = vec![0.0; heads * tokens * positions];
        let sizes = self.sound_shape(0, self.windows);
        let window = row / self.limits.beams;
        for (index, &(layer, head)) in shape.alignment_heads.iter().enumerate() {
            let size = positions * shape.head_width;
            let cache = self.step.input(ports.sound[2 * layer], &sizes)?;
            let keys = head_floats(cache, (window * shape.heads + head) * size, size)?;
            let places = weights[index * tokens * positions..].chunks_exact_mut(positions.max(1)).take(tokens);
            let queries = queries[index * tokens * shape.head_width..].chunks_exact(shape.head_width);
            places.zip(queries).for_each(|(weights, query)| attend(query, &keys, weights));
        }
        Ok(Attentions { heads, tokens, positions, weights })
    }

    /// The row's queries `[alignment heads, tokens, head width]` of the last run.
    fn queries(&self, row: usize, ports: &SteppedPorts, shape: &DecoderShape) -> Result<Vec<f32>, EngineError> {
        let missing = || {
            let message = "the graph gives no attentions: no alignment heads are known for this model";
            EngineError::new(samovar_engine_api::EngineErrorKind::Unsupported, message)
        };
        let output = self.step.output(ports.queries.ok_or_else(missing)?)?;
        let all = floats(&output)?;
        let (columns, count) = (self.last.columns, self.last.counts.get(row).copied().unwrap_or(0));
        let (heads, beams, width) = (shape.alignment_heads.len(), self.limits.beams, shape.head_width);
        let (window, beam) = (row / beams, row % beams);
        let of_head = |head: usize| {
            let end = (((window * heads + head) * beams + beam) + 1) * columns * width;
            all.get(end - count * width..end).unwrap_or(&[])
        };
        Ok((0..heads).flat_map(|head| of_head(head).iter().copied()).collect())
    }

    fn reserve(&mut self, ports: &SteppedPorts) -> Result<(), EngineError> {
        self.lend_sound(ports, self.limits.windows)?;
        self.text.clear();
        self.text.reserve(&mut *self.step, self.limits.rows())
    }

    /// Lends the caches of so many windows, so that the run sees them.
    fn lend_sound(&mut self, ports: &SteppedPorts, windows: usize) -> Result<(), EngineError> {
        let mut all = ports.sound.iter().enumerate();
        all.try_for_each(|(index, &input)| {
            let shape = self.sound_shape(index, windows);
            self.step.input(input, &shape).map(drop)
        })
    }

    fn sound_shape(&self, index: usize, windows: usize) -> [usize; 4] {
        let [heads, places, numbers] = self.graphs.shape.sound_axes(index);
        [windows, heads, places, numbers]
    }

    fn move_window(&mut self, ports: &SteppedPorts, from: usize, to: usize) -> Result<(), EngineError> {
        for (index, &input) in ports.sound.iter().enumerate() {
            let all = self.sound_shape(index, self.windows);
            let bytes = write(self.step.input(input, &all)?)?;
            let window = bytes.len() / self.windows;
            bytes.copy_within(from * window..(from + 1) * window, to * window);
        }
        Ok(())
    }

    fn run(&mut self, parts: &[Fed<'_>]) -> Result<(), EngineError> {
        let graphs = Arc::clone(&self.graphs);
        let ports = ports(&graphs)?;
        let held = self.text.lengths.iter().zip(parts).map(|(length, part)| length + part.tokens.len());
        self.text.grow(&mut *self.step, held.max().unwrap_or(0), self.limits.rows())?;
        self.last = self.try_run(ports, parts)?;
        self.text.append(&mut *self.step, self.last.columns, &self.last.counts)?;
        self.keep_starts(parts)
    }

    /// A run that leaves the caches as they are.
    fn try_run(&mut self, ports: &SteppedPorts, parts: &[Fed<'_>]) -> Result<LastRun, EngineError> {
        let counts: Vec<usize> = parts.iter().map(|part| part.tokens.len()).collect();
        let columns = columns(counts.iter().copied().max().unwrap_or(0), run_tokens_max(parts.len()));
        self.lend_sound(ports, self.windows)?;
        self.text.lend(&mut *self.step)?;
        self.write_tokens(ports, parts, columns)?;
        self.write_mask(ports, parts, columns)?;
        let asked = asked_columns(parts, columns);
        let list = self.step.input(ports.logit_columns, &[asked.len()])?.into_slice::<i64>()?;
        list.iter_mut().zip(&asked).for_each(|(to, &column)| *to = as_i64(column));
        self.forms.note(RunForm { rows: parts.len(), columns, capacity: self.text.capacity, asked: asked.len() });
        self.step.run()?;
        Ok(LastRun { columns, asked, counts })
    }

    /// Tokens stand at the right; what is before them stands for nothing.
    fn write_tokens(&mut self, ports: &SteppedPorts, parts: &[Fed<'_>], columns: usize) -> Result<(), EngineError> {
        let shape = [parts.len(), columns];
        let rows = self.step.input(ports.tokens, &shape)?.into_slice::<i64>()?;
        for (row, part) in rows.chunks_exact_mut(columns).zip(parts) {
            let (before, tokens) = row.split_at_mut(columns - part.tokens.len());
            before.fill(0);
            tokens.iter_mut().zip(part.tokens).for_each(|(to, &token)| *to = i64::from(token));
        }
        let rows = self.step.input(ports.positions, &shape)?.into_slice::<i64>()?;
        for ((row, part), &length) in rows.chunks_exact_mut(columns).zip(parts).zip(&self.text.lengths) {
            let (before, tokens) = row.split_at_mut(columns - part.tokens.len());
            before.fill(0);
            tokens.iter_mut().enumerate().for_each(|(index, to)| *to = as_i64(length + index));
        }
        Ok(())
    }

    /// A token sees what its row holds, the new ones before it, and itself.
    fn write_mask(&mut self, ports: &SteppedPorts, parts: &[Fed<'_>], columns: usize) -> Result<(), EngineError> {
        let capacity = self.text.capacity;
        let seen = capacity + columns;
        let mask = self.step.input(ports.mask, &[parts.len(), 1, columns, seen])?.into_slice::<f32>()?;
        mask.fill(NEVER);
        for (row, (part, &length)) in mask.chunks_exact_mut(columns * seen).zip(parts.iter().zip(&self.text.lengths)) {
            let first = columns - part.tokens.len();
            for (column, line) in row.chunks_exact_mut(seen).enumerate() {
                line[capacity + column] = 0.0;
                if column >= first {
                    line[..length].fill(0.0);
                    line[capacity + first..=capacity + column].fill(0.0);
                }
            }
        }
        Ok(())
    }

    fn keep_starts(&mut self, parts: &[Fed<'_>]) -> Result<(), EngineError> {
        for (row, part) in parts.iter().enumerate() {
            let Some(start) = part.start else { continue };
            let column = self.last.columns - part.tokens.len() + start;
            let place = self.last.asked.iter().position(|&asked| asked == column).unwrap_or(0);
            self.starts[row] = Some(self.logits_at(row, place)?.to_vec());
        }
        Ok(())
    }

    fn logits_at(&self, row: usize, place: usize) -> Result<&[f32], EngineError> {
        let (ports, size) = (ports(&self.graphs)?, self.graphs.shape.vocabulary);
        let all = self.step.output(ports.logits)?.as_slice::<f32>()?;
        let from = (row * self.last.asked.len() + place) * size;
        all.get(from..from + size).ok_or_else(|| shape_error(format!("row {row} has no logits")))
    }
}

/// Tokens of one row that a run of so many rows takes.
fn run_tokens_max(rows: usize) -> usize {
    (RUN_TOKENS_MAX / rows.max(1)).max(16)
}

fn ports(graphs: &Graphs) -> Result<&SteppedPorts, EngineError> {
    match &graphs.decoder {
        DecoderPorts::Stepped(ports) => Ok(ports),
        DecoderPorts::Plain(_) => Err(shape_error("the decoder has another form")),
    }
}

/// What of `fed` a run takes behind which `behind` more tokens follow.
fn part<'a>(fed: &Fed<'a>, behind: usize, most: usize) -> Fed<'a> {
    let end = fed.tokens.len().saturating_sub(behind);
    let from = end.saturating_sub(most);
    let start = fed.start.filter(|start| (from..end).contains(start)).map(|start| start - from);
    Fed { tokens: &fed.tokens[from..end], start }
}

/// In order, the last one last.
fn asked_columns(parts: &[Fed<'_>], columns: usize) -> Vec<usize> {
    let starts = parts.iter().filter_map(|part| Some(columns - part.tokens.len() + part.start?));
    let mut asked: Vec<usize> = starts.chain([columns - 1]).collect();
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// One head's numbers as f32.
fn head_floats(cache: TensorMut<'_>, from: usize, size: usize) -> Result<Vec<f32>, EngineError> {
    let range = from..from + size;
    Ok(match cache.element() {
        ElementType::Bf16 => cache.into_slice::<bf16>()?[range].to_f32_vec(),
        ElementType::F16 => cache.into_slice::<half::f16>()?[range].to_f32_vec(),
        _ => cache.into_slice::<f32>()?[range].to_vec(),
    })
}

/// The softmax of a query over keys `[positions, head width]`.
fn attend(query: &[f32], keys: &[f32], weights: &mut [f32]) {
    let scores = keys.chunks_exact(query.len()).map(|key| key.iter().zip(query).map(|(key, query)| key * query).sum());
    weights.iter_mut().zip(scores).for_each(|(weight, score)| *weight = score);
    let highest = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    weights.iter_mut().for_each(|weight| *weight = (*weight - highest).exp());
    let sum: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
}

fn as_i64(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
