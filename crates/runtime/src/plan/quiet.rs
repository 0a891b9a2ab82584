//! Finds the moments at which a measurement that nobody asked for may do something: when the device has just become idle, and at any
//! time while it is calm.
//!
//! A stream leaves its longest gap right after a run. Whoever begins there is through before the next frame, or delays it by the rest
//! of one run.

use super::session::Conditions;
use super::{TuneFailure, TuneFailureKind};
use crate::device::Activity;
use crate::lifecycle::Model;
use std::cell::Cell;
use std::time::Duration;

/// The moments of one measurement.
pub(crate) struct Quiet<'a> {
    model: &'a Model,
    conditions: Conditions<'a>,
    /// What the device was at when it was last looked at, and for how many looks in a row nothing had come.
    seen: Cell<(Activity, u32)>,
    waited: Cell<Duration>,
}

const LOOK_EVERY: Duration = Duration::from_millis(1);
/// A device that has had nothing to do for so many looks, which is a second, is calm.
const CALM_LOOKS: u32 = 1000;
/// The longest that all waiting for an idle device may take.
const WAIT_MAX: Duration = Duration::from_secs(600);

impl<'a> Quiet<'a> {
    pub(crate) fn new(model: &'a Model, conditions: Conditions<'a>) -> Self {
        let seen = Cell::new((conditions.device.activity(), 0));
        Self { model, conditions, seen, waited: Cell::default() }
    }

    /// Spent waiting for an idle device so far.
    pub(crate) fn waited(&self) -> Duration {
        self.waited.get()
    }

    /// Returns when something may be done.
    ///
    /// # Errors
    /// `Busy` when all waiting together was too long; `Stopped`.
    pub(crate) fn moment(&self) -> Result<(), TuneFailure> {
        let clock = &self.conditions.device.clock;
        let (began, before) = (clock.now(), self.waited.get());
        self.go_on()?;
        // What has ended since the last call may have ended long ago.
        self.look();
        let mut found = !self.conditions.yields || self.is_calm();
        while !found {
            std::thread::sleep(LOOK_EVERY);
            self.waited.set(before + clock.since(began));
            self.go_on()?;
            found = self.look() || self.is_calm();
        }
        Ok(())
    }

    fn is_calm(&self) -> bool {
        self.seen.get().1 > CALM_LOOKS
    }

    /// Looks at the device once; whether it was at work since the last look, and is not now.
    fn look(&self) -> bool {
        let (before, calm) = self.seen.get();
        let now = self.conditions.device.activity();
        let came = now.busy || now.runs != before.runs;
        let calm = if came { 0 } else { calm.saturating_add(1) };
        self.seen.set((now, calm));
        !now.busy && (before.busy || came)
    }

    fn go_on(&self) -> Result<(), TuneFailure> {
        if (self.conditions.stopped)() {
            return Err(TuneFailure::stopped());
        }
        if self.conditions.yields && self.model.serving().is_none() {
            return Err(TuneFailure::new(TuneFailureKind::Stopped, "the model was unloaded while it was measured"));
        }
        if self.waited.get() >= WAIT_MAX { Err(busy()) } else { Ok(()) }
    }
}

pub(crate) fn busy() -> TuneFailure {
    TuneFailure::new(TuneFailureKind::Busy, "the device was never idle for long enough")
}
