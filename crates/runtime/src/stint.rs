//! A turn of a slot for work that brings its own runners: some steps of a decoder, and whatever else is no row of a batch.

use crate::generation::Generation;
use crate::work::{Body, Outcome, hand_over};
use crate::{RowShape, RowShapes, RunError, Scratch, TaskError, Timings};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Work that a slot's own thread does in one turn, on runners of its own ([`PinnedModel::part_runner`](crate::PinnedModel::part_runner)).
///
/// It waits in the queue like any other work and is never part of a batch. Keep it short: live frames of other models come in between two
/// turns, not within one. A panic costs this stint alone.
pub trait Stint: Send + 'static {
    /// What the caller gets.
    type Output: Send + 'static;

    /// Does the work.
    ///
    /// # Errors
    /// Whatever keeps it from a result.
    fn run(&mut self, scratch: &mut Scratch) -> Result<Self::Output, TaskError>;
}

/// A stint in the queue with its caller's channel.
pub(crate) struct CarriedStint<S: Stint> {
    stint: S,
    /// Set by `run_stint`, sent by `settle`.
    output: Option<S::Output>,
    sender: oneshot::Sender<Outcome<S::Output>>,
}

impl<S: Stint> CarriedStint<S> {
    pub(crate) const fn new(stint: S, sender: oneshot::Sender<Outcome<S::Output>>) -> Self {
        Self { stint, output: None, sender }
    }
}

impl<S: Stint> Body for CarriedStint<S> {
    fn run_stint(&mut self, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.output = Some(self.stint.run(scratch)?);
        Ok(())
    }

    fn is_stint(&self) -> bool {
        true
    }

    fn settle(self: Box<Self>, result: Result<Timings, RunError>, generation: &Arc<Generation>) {
        let Self { stint, output, sender } = *self;
        hand_over(stint, output, sender, result, generation);
    }

    fn is_wanted(&self) -> bool {
        !self.sender.is_closed()
    }
}

/// What stints wait and are counted under: the shape of work that shares no run. No task has an input without an axis in it.
pub(crate) fn stint_rows() -> RowShapes {
    RowShapes::new(vec![RowShape::Whole(Vec::new())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::event::Silent;
    use crate::fixture::{Nothing, generation, rows};
    use crate::{Call, Class, Clock, DeviceOptions, PinnedModel, RunErrorKind, StreamKey};
    use samovar_engines::{FakeModel, Gate};
    use samovar_schedule::BatchRule;
    use std::time::Duration;

    struct Says(&'static str);

    impl Stint for Says {
        type Output = String;

        fn run(&mut self, _scratch: &mut Scratch) -> Result<String, TaskError> {
            match self.0 {
                "panic" => std::panic::resume_unwind(Box::new("as told")),
                "fail" => Err(TaskError::input("told", "as told")),
                _ => Ok(std::thread::current().name().unwrap_or_default().to_owned()),
            }
        }
    }

    struct House {
        device: Arc<Device>,
        generation: Arc<Generation>,
        model: FakeModel,
        hand: crate::ManualClock,
    }

    impl House {
        fn new() -> Self {
            let (clock, hand) = Clock::manual();
            let options = DeviceOptions { slots: 1, threads: 1, ..DeviceOptions::default() };
            let device = Device::start(options, clock, Arc::new(Silent));
            let model = FakeModel::rows(1);
            Self { device, generation: generation(&model, 1, BatchRule::SINGLE), model, hand }
        }

        fn pin(&self) -> PinnedModel {
            PinnedModel { in_use: self.generation.enter().unwrap(), device: Arc::clone(&self.device) }
        }

        fn stint(&self, says: &'static str, call: Call) -> crate::Pending<String> {
            self.pin().submit_stint(Says(says), call).unwrap()
        }
    }

    const CALL: Call = Call::new(Class::Interactive, StreamKey(1));

    #[test]
    fn a_stint_runs_on_a_slots_thread_and_what_goes_wrong_in_it_costs_it_alone() {
        let house = House::new();
        let completed = house.stint("", CALL).wait().unwrap();
        assert_eq!((completed.output.as_str(), completed.timings.batch_rows), ("slot-0", 1));
        assert_eq!(house.stint("panic", CALL).wait().unwrap_err().kind(), RunErrorKind::Internal);
        assert_eq!(house.stint("fail", CALL).wait().unwrap_err().kind(), RunErrorKind::Input { code: "told" });
        assert!(house.stint("", CALL).wait().is_ok());
        house.pin().submit(Nothing, rows(), CALL).unwrap().wait().unwrap();
        house.device.close();
        assert_eq!(house.generation.uses(), 0);
    }

    #[test]
    fn a_stint_that_is_late_or_whose_caller_has_gone_is_not_started() {
        let house = House::new();
        let gate = Gate::closed();
        house.model.hold_runs(&gate);
        let plug = house.pin().submit(Nothing, rows(), CALL).unwrap();
        gate.wait_for(1);
        let late = house.stint("", CALL.within(Duration::from_secs(5)));
        drop(house.stint("panic", CALL));
        let in_time = house.stint("", CALL);
        house.hand.advance(Duration::from_secs(6));
        gate.open();
        plug.wait().unwrap();
        assert_eq!(late.wait().unwrap_err().kind(), RunErrorKind::DeadlineExceeded);
        assert!(in_time.wait().is_ok());
        house.device.close();
    }
}
