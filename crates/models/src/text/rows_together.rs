//! The rows of one request: queued together, the long ones first, and collected in the request's order.

use samovar_runtime::{Call, Pending, PinnedModel, RowShapes, RunError, Task};
use std::collections::VecDeque;

/// One row: what it does, and its shapes.
pub(crate) struct RowOf<T> {
    pub(crate) rows: RowShapes,
    pub(crate) task: T,
}

/// Rows of one request that are in the queue at the same time: enough for full runs on every slot, and a share of the queue that leaves
/// room for others.
const ROWS_IN_FLIGHT: usize = 64;

/// Runs all rows on the generation that is held. The first error ends the request, and what has not started of it is taken out of the
/// queue, as it is when the future is dropped.
pub(crate) async fn run_together<T: Task>(
    pinned: &PinnedModel,
    rows: Vec<RowOf<T>>,
    call: Call,
) -> Result<Vec<T::Output>, RunError> {
    let mut outputs: Vec<Option<T::Output>> = std::iter::repeat_with(|| None).take(rows.len()).collect();
    let mut in_flight: VecDeque<(usize, Pending<T::Output>)> = VecDeque::new();
    for (index, row) in by_shape(rows) {
        if in_flight.len() >= ROWS_IN_FLIGHT {
            collect_one(&mut in_flight, &mut outputs).await?;
        }
        let pinned = pinned.share();
        // Where the queue is full the request is refused; once it has begun it waits for its next places.
        let pending = if in_flight.is_empty() && outputs.iter().all(Option::is_none) {
            pinned.submit(row.task, row.rows, call)?
        } else {
            pinned.submit_waiting(row.task, row.rows, call).await?
        };
        in_flight.push_back((index, pending));
    }
    while !in_flight.is_empty() {
        collect_one(&mut in_flight, &mut outputs).await?;
    }
    Ok(outputs.into_iter().flatten().collect())
}

/// The rows with their places in the request, equal shapes together, so that runs are full.
fn by_shape<T>(rows: Vec<RowOf<T>>) -> Vec<(usize, RowOf<T>)> {
    let mut rows: Vec<(usize, RowOf<T>)> = rows.into_iter().enumerate().collect();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(super::text_ports::length_of(&row.rows)));
    rows
}

async fn collect_one<O>(
    in_flight: &mut VecDeque<(usize, Pending<O>)>,
    outputs: &mut [Option<O>],
) -> Result<(), RunError> {
    if let Some((index, pending)) = in_flight.pop_front() {
        outputs[index] = Some(pending.await?.output);
    }
    Ok(())
}
