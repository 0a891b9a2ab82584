//! Rows of the slots' input tensors, counted: each slot's runner lends one batch of them, and a picture holds its row from when it is
//! written until its result is read.

use samovar_media::{PoolMeter, PoolPurpose};
use samovar_runtime::{InputRow, Scratch};
use std::sync::Arc;

/// A row of a slot's input tensor that is in use; none before it is written.
#[derive(Debug, Default)]
pub(crate) struct TensorRow(Option<Arc<PoolMeter>>);

/// What a slot's runners lend: grows with the largest batch that the slot has seen.
#[derive(Default)]
struct Lent {
    meter: Option<Arc<PoolMeter>>,
    rows: usize,
}

impl TensorRow {
    /// The row is about to be written; a second time where another row of the batch could not be.
    pub(crate) fn take(&mut self, row: &InputRow<'_>, scratch: &mut Scratch) {
        if self.0.is_some() {
            return;
        }
        let lent = scratch.of::<Lent>();
        if row.rows() > lent.rows {
            (lent.meter, lent.rows) = (Some(Arc::new(PoolMeter::new(PoolPurpose::Tensor, row.rows()))), row.rows());
        }
        if let Some(meter) = &lent.meter {
            meter.take(false);
            self.0 = Some(Arc::clone(meter));
        }
    }

    /// The row was read.
    pub(crate) fn give(&mut self) {
        if let Some(meter) = self.0.take() {
            meter.give();
        }
    }
}

impl Drop for TensorRow {
    fn drop(&mut self) {
        self.give();
    }
}
