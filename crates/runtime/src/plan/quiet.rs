//! Finds the moments for a measurement: when the device is idle, with what has to be held, and again after a disturbance.

use super::session::{Conditions, Interrupt};
use super::{TuneFailure, TuneFailureKind};
use crate::lifecycle::Model;
use crate::load::LoadOrder;
use std::cell::Cell;
use std::time::Duration;

/// The moments of one measurement.
pub(crate) struct Quiet<'a> {
    model: &'a Model,
    order: LoadOrder<'a>,
    conditions: Conditions<'a>,
    waited: Cell<Duration>,
    looks: Cell<u32>,
}

/// How often a candidate that was disturbed is measured again.
const DISTURBED_MAX: usize = 20;
/// An idle device is idle at so many looks in a row, this far apart.
const QUIET_LOOKS: u32 = 3;
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Looks in all: after ten minutes of waiting a busy device is left alone.
const LOOKS_MAX: u32 = 60_000;

impl<'a> Quiet<'a> {
    pub(crate) fn new(model: &'a Model, order: LoadOrder<'a>, conditions: Conditions<'a>) -> Self {
        Self { model, order, conditions, waited: Cell::default(), looks: Cell::default() }
    }

    /// Spent waiting for an idle device so far.
    pub(crate) fn waited(&self) -> Duration {
        self.waited.get()
    }

    /// Does `work` while nothing else goes on, again where it was disturbed. What has to be held while a candidate is in memory is
    /// held from the beginning to the end of each try. The inner failure is the work's own.
    pub(crate) fn undisturbed<T>(
        &self,
        is_over: impl Fn() -> bool,
        work: impl Fn() -> Result<T, Interrupt>,
    ) -> Result<Result<T, String>, TuneFailure> {
        for _ in 0..DISTURBED_MAX {
            self.wait_until_idle()?;
            let _seat = self.model.take_seat(&self.order, self.conditions.yields)?;
            match self.conditions.check(None).and_then(|()| work()) {
                Ok(done) => return Ok(Ok(done)),
                Err(Interrupt::Refused(reason)) => return Ok(Err(reason)),
                Err(Interrupt::Stopped) => return Err(TuneFailure::stopped()),
                Err(Interrupt::Disturbed) if is_over() => break,
                Err(Interrupt::Disturbed) => {}
            }
        }
        Err(busy())
    }

    /// Waits until the device has had nothing to do for a moment.
    fn wait_until_idle(&self) -> Result<(), TuneFailure> {
        let (device, began) = (self.order.device, self.order.device.clock.now());
        let mut quiet = 0;
        let mut before = device.activity();
        while self.conditions.yields && quiet < QUIET_LOOKS {
            if (self.conditions.stopped)() {
                return Err(TuneFailure::stopped());
            }
            self.looks.set(self.looks.get() + 1);
            if self.looks.get() > LOOKS_MAX {
                return Err(busy());
            }
            std::thread::sleep(LOOK_EVERY);
            let now = device.activity();
            quiet = if now.busy || now.runs != before.runs { 0 } else { quiet + 1 };
            before = now;
        }
        self.waited.set(self.waited.get() + device.clock.since(began));
        Ok(())
    }
}

fn busy() -> TuneFailure {
    TuneFailure::new(TuneFailureKind::Busy, "the device was never idle for long enough")
}
