//! Keys and values of the text in a runner's own inputs: room for a number of tokens in every row, and how many it holds.

use super::tensor_bytes::{gather_rows, read, write};
use samovar_engine_api::{EngineError, Runner};

/// Room grows by so many tokens: the graph's shapes change so seldom.
const GROWTH: usize = 64;

/// The caches of the text: inputs `[rows, heads, capacity, head width]`, of which nothing but what is new is ever written while rows
/// stay where they are.
#[derive(Debug)]
pub(super) struct TextCache {
    /// Inputs of the graph that is stepped, and the outputs with what is new, by layer, keys before values.
    pub(super) ports: Vec<(usize, usize)>,
    pub(super) heads: usize,
    pub(super) head_width: usize,
    /// Bytes of a head's numbers of one token.
    pub(super) place: usize,
    /// Tokens that a row can hold at most.
    pub(super) context: usize,
    /// Tokens that there is room for now.
    pub(super) capacity: usize,
    /// Tokens that each row holds.
    pub(super) lengths: Vec<usize>,
    pub(super) scratch: Vec<u8>,
}

impl TextCache {
    /// Forgets all rows, and the room beyond the first.
    pub(super) fn clear(&mut self) {
        self.lengths.clear();
        self.capacity = GROWTH.min(self.context);
    }

    /// Asks for the room of `rows` rows. Memory that nobody writes is not taken.
    pub(super) fn reserve(&self, runner: &mut dyn Runner, rows: usize) -> Result<(), EngineError> {
        self.ports.iter().try_for_each(|&(input, _)| runner.input(input, &self.shape(rows)).map(drop))
    }

    /// Adds empty rows. They are zeroed: what is masked out must still be numbers.
    pub(super) fn add(&mut self, runner: &mut dyn Runner, rows: usize) -> Result<(), EngineError> {
        let (from, to) = (self.lengths.len(), self.lengths.len() + rows);
        let row = self.row();
        for &(input, _) in &self.ports {
            write(runner.input(input, &self.shape(to))?)?[from * row..].fill(0);
        }
        self.lengths.resize(to, 0);
        Ok(())
    }

    /// Makes room for `tokens` tokens in every row.
    pub(super) fn grow(&mut self, runner: &mut dyn Runner, tokens: usize, rows_max: usize) -> Result<(), EngineError> {
        if tokens <= self.capacity {
            return Ok(());
        }
        let (old, rows) = (self.capacity * self.place, self.lengths.len());
        let old_shape = self.shape(rows);
        self.capacity = tokens.next_multiple_of(GROWTH).min(self.context);
        let new = self.capacity * self.place;
        for &(input, _) in &self.ports {
            self.scratch.clear();
            self.scratch.extend_from_slice(write(runner.input(input, &old_shape)?)?);
            drop(runner.input(input, &self.shape(rows_max))?);
            let bytes = write(runner.input(input, &self.shape(rows))?)?;
            for (to, from) in bytes.chunks_exact_mut(new).zip(self.scratch.chunks_exact(old)) {
                to[..old].copy_from_slice(from);
                to[old..].fill(0);
            }
        }
        Ok(())
    }

    /// Makes the next larger room for rows that hold nothing, up to that for `most` tokens; false where that is reached.
    pub(super) fn widen(&mut self, runner: &mut dyn Runner, most: usize, rows_max: usize) -> Result<bool, EngineError> {
        if self.capacity >= most {
            return Ok(false);
        }
        self.capacity = (self.capacity + 1).next_multiple_of(GROWTH).min(self.context);
        self.reserve(runner, rows_max).map(|()| true)
    }

    /// Lends every cache in the shape that it has now, so that the run sees it.
    pub(super) fn lend(&self, runner: &mut dyn Runner) -> Result<(), EngineError> {
        self.reserve(runner, self.lengths.len())
    }

    /// Appends what the last run gave: of `columns` columns the last `counts[row]` of each row.
    pub(super) fn append(
        &mut self,
        runner: &mut dyn Runner,
        columns: usize,
        counts: &[usize],
    ) -> Result<(), EngineError> {
        let (heads, place, shape) = (self.heads, self.place, self.shape(self.lengths.len()));
        for &(input, output) in &self.ports {
            self.scratch.clear();
            self.scratch.extend_from_slice(read(&runner.output(output)?)?);
            let bytes = write(runner.input(input, &shape)?)?;
            let places = bytes.chunks_exact_mut(self.capacity * place).zip(self.scratch.chunks_exact(columns * place));
            for (index, (to, from)) in places.enumerate() {
                let (held, count) = (self.lengths[index / heads], counts[index / heads]);
                to[held * place..(held + count) * place].copy_from_slice(&from[(columns - count) * place..]);
            }
        }
        self.lengths.iter_mut().zip(counts).for_each(|(length, count)| *length += count);
        Ok(())
    }

    /// Gives each row what the row in `sources` had.
    pub(super) fn gather(&mut self, runner: &mut dyn Runner, sources: &[usize]) -> Result<(), EngineError> {
        let shape = self.shape(self.lengths.len());
        let row = self.row();
        for &(input, _) in &self.ports {
            gather_rows(write(runner.input(input, &shape)?)?, row, sources, &mut self.scratch);
        }
        self.lengths = sources.iter().map(|&source| self.lengths[source]).collect();
        Ok(())
    }

    fn shape(&self, rows: usize) -> [usize; 4] {
        [rows, self.heads, self.capacity, self.head_width]
    }

    /// Bytes of a row.
    fn row(&self) -> usize {
        self.heads * self.capacity * self.place
    }
}
