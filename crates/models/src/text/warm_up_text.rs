//! Representative texts for warm-up: rows filled with a sentence over and over.

use super::text_body::TextBody;
use super::text_ports::length_of;
use super::{Encoding, TokenLimit, Truncate};
use samovar_runtime::{InputRow, OutputRow, RowShapes, Scratch, TaskError, WarmUpRow};

/// A row's text, and what reads its outputs.
pub(crate) struct WarmUpText {
    body: TextBody,
    encoding: Encoding,
    read: Box<ReadRow>,
}

type ReadRow = dyn Fn(&Encoding, &OutputRow<'_>) -> Result<(), TaskError> + Send;

const SENTENCE: &str = "The samovar stands on the table, and everyone who sits there drinks tea from it. ";

impl WarmUpText {
    /// A text that fills rows of that lane; `read` reads its outputs as a real call would.
    pub(crate) fn new(body: &TextBody, lane: &RowShapes, read: Box<ReadRow>) -> Self {
        let length = length_of(lane);
        let limit = TokenLimit { tokens_max: length, truncate: Truncate::End };
        // Each repetition has several tokens in any language's vocabulary, one at the least.
        let text = SENTENCE.repeat(length.div_ceil(8));
        let encoding = body.tokenizer.encode(&text, None, limit).unwrap_or_default();
        Self { body: body.clone(), encoding, read }
    }
}

impl WarmUpRow for WarmUpText {
    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.body.write(&self.encoding, row)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        (self.read)(&self.encoding, row)
    }
}
