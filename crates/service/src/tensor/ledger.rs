//! What each model has done for tensor requests, counted.

use super::metadata::version;
use super::statistics::{BatchStatistics, ModelStatistics, Share};
use parking_lot::Mutex;
use samovar_runtime::{Generation, Timings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What each model has done. Each has a lock of its own, held for a few additions.
pub(super) struct Ledger(BTreeMap<String, Mutex<Account>>);

/// What one model has done.
#[derive(Default)]
struct Account {
    totals: ModelStatistics,
    /// By rows of a request and requests that shared its run. Bounded by [`KINDS_MAX`].
    runs: BTreeMap<(u64, u64), Runs>,
}

/// Requests whose runs were of one kind.
#[derive(Default)]
struct Runs {
    requests: u64,
    input: Duration,
    infer: Duration,
    output: Duration,
}

/// Kinds of runs that are told apart; what comes beyond is in the totals alone.
const KINDS_MAX: usize = 256;

impl Ledger {
    pub(super) fn of(models: impl Iterator<Item = String>) -> Self {
        Self(models.map(|model| (model, Mutex::default())).collect())
    }

    /// A request of `rows` rows has its answer after `took`.
    pub(super) fn succeeded(&self, model: &str, rows: u64, timings: &Timings, took: Duration) {
        let Some(account) = self.0.get(model) else { return };
        let mut account = account.lock();
        let totals = &mut account.totals;
        totals.last_inference = Some(SystemTime::now());
        totals.inference_count = totals.inference_count.saturating_add(rows);
        totals.success.add(took);
        totals.queue.add(timings.queued);
        totals.compute_input.add(timings.wrote);
        totals.compute_infer.add(timings.ran);
        totals.compute_output.add(timings.read);
        account.ran(rows, timings);
    }

    /// A request ends without an answer after `took`.
    pub(super) fn failed(&self, model: &str, took: Duration) {
        if let Some(account) = self.0.get(model) {
            account.lock().totals.fail.add(took);
        }
    }

    pub(super) fn statistics(&self, model: &str, generation: Option<&Arc<Generation>>) -> ModelStatistics {
        let mut statistics = self.0.get(model).map(|account| account.lock().statistics()).unwrap_or_default();
        model.clone_into(&mut statistics.name);
        statistics.version = generation.map_or_else(|| "1".to_owned(), |generation| version(generation));
        statistics.memory_bytes = generation.map_or(0, |generation| generation.figures().memory_bytes);
        statistics
    }
}

impl Account {
    fn ran(&mut self, rows: u64, timings: &Timings) {
        let kind = (rows, timings.batch_rows.max(1) as u64);
        if self.runs.len() >= KINDS_MAX && !self.runs.contains_key(&kind) {
            return;
        }
        let runs = self.runs.entry(kind).or_default();
        runs.requests += 1;
        runs.input += timings.wrote;
        runs.infer += timings.ran;
        runs.output += timings.read;
    }

    fn statistics(&self) -> ModelStatistics {
        let mut batches: BTreeMap<u64, BatchStatistics> = BTreeMap::new();
        for (&(rows, sharing), runs) in &self.runs {
            let size = rows.saturating_mul(sharing);
            let batch =
                batches.entry(size).or_insert(BatchStatistics { batch_size: size, ..BatchStatistics::default() });
            runs.add_to(batch, sharing);
        }
        let told: u64 = self.runs.values().map(|runs| runs.requests).sum();
        let untold = self.totals.success.count.saturating_sub(told);
        let runs: u64 = batches.values().map(|batch| batch.compute_infer.count).sum();
        ModelStatistics {
            execution_count: runs + untold,
            batches: batches.into_values().collect(),
            ..self.totals.clone()
        }
    }
}

impl Runs {
    /// Requests that shared a run each saw the whole of it.
    fn add_to(&self, batch: &mut BatchStatistics, sharing: u64) {
        let runs = self.requests.div_ceil(sharing);
        let divisor = u32::try_from(sharing).unwrap_or(u32::MAX).max(1);
        let shares = [
            (&mut batch.compute_input, self.input),
            (&mut batch.compute_infer, self.infer / divisor),
            (&mut batch.compute_output, self.output),
        ];
        for (share, total) in shares {
            *share = Share { count: share.count + runs, total: share.total + total };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_share_a_run_count_it_once() {
        let ledger = Ledger::of(["m".to_owned()].into_iter());
        let ms = Duration::from_millis;
        let timings = |batch_rows| Timings { queued: ms(1), wrote: ms(1), ran: ms(12), read: ms(1), batch_rows };
        (0..4).for_each(|_| ledger.succeeded("m", 1, &timings(4), ms(20)));
        ledger.succeeded("m", 4, &timings(1), ms(20));
        ledger.failed("m", ms(3));
        let told = ledger.statistics("m", None);
        assert_eq!((told.inference_count, told.execution_count, told.version.as_str()), (8, 2, "1"));
        assert_eq!((told.success, told.fail), (Share { count: 5, total: ms(100) }, Share { count: 1, total: ms(3) }));
        let [batch] = told.batches.as_slice() else { panic!("{:?}", told.batches) };
        assert_eq!((batch.batch_size, batch.compute_infer), (4, Share { count: 2, total: ms(24) }));
    }

    #[test]
    fn sizes_without_end_are_counted_without_growing() {
        let ledger = Ledger::of(["m".to_owned()].into_iter());
        let timings = Timings { batch_rows: 1, ..Timings::default() };
        ledger.succeeded("m", u64::MAX, &timings, Duration::ZERO);
        (1..10_000).for_each(|rows| ledger.succeeded("m", rows, &timings, Duration::ZERO));
        let told = ledger.statistics("m", None);
        assert_eq!((told.batches.len(), told.execution_count), (KINDS_MAX, 10_000));
    }
}
