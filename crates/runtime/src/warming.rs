//! How a slot warms a model up, one run at a time, and makes a runner that serves warm.

use crate::device::InstallError;
use crate::event::Event;
use crate::generation::Generation;
use crate::lone::LoneChoice;
use crate::slot::Slot;
use crate::warm_up::{WarmUp, WarmUpFigures, warm_once};
use crate::{FailureKind, RowShapes, Scratch};
use samovar_engine_api::{EngineError, EngineErrorKind, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// A warm-up in progress in one slot.
pub(crate) struct Warming {
    generation: Arc<Generation>,
    warm_up: WarmUp,
    done: SyncSender<Result<WarmUpFigures, InstallError>>,
}

impl Slot {
    pub(crate) fn begin_warm_up(
        &mut self,
        generation: Arc<Generation>,
        done: SyncSender<Result<WarmUpFigures, InstallError>>,
    ) {
        let warm_up = WarmUp::new(&generation);
        self.warming = Some(Warming { generation, warm_up, done });
    }

    /// One run of the warm-up in progress, if there is one.
    pub(crate) fn warm_one_run(&mut self) {
        let Some(mut warming) = self.warming.take() else { return };
        if warming.generation.is_retired() {
            // The load has failed in another slot or was given up: nobody waits for the rest.
            return;
        }
        let Some(runner) = self.kit.runners.get_mut(&warming.generation.key) else {
            report(&warming.done, Err(install_error("the model was removed while it warmed up".to_owned())));
            return;
        };
        let at_work = self.device.begin_run(warming.generation.threads);
        let (scratch, clock) = (&mut self.kit.scratch, &self.device.clock);
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            warming.warm_up.step(&warming.generation, runner.as_mut(), scratch, clock)
        }));
        self.device.note_warm_up_run();
        match stepped {
            Ok(Ok(None)) => self.warming = Some(warming),
            Ok(Ok(Some(figures))) => {
                drop(at_work);
                self.measure_lone(&warming.generation);
                report(&warming.done, Ok(figures));
            }
            Ok(Err(error)) => self.end_warm_up(&warming, error.to_string()),
            Err(_) => {
                self.device.observer.observe(&Event::Panicked { model: &warming.generation.name });
                self.kit.scratch = Scratch::default();
                self.end_warm_up(&warming, "the warm-up ended in a panic".to_owned());
            }
        }
    }

    /// Measures lone runs, with all their cores in hand. What fails there costs them alone.
    fn measure_lone(&mut self, generation: &Generation) {
        let Some(threads) = generation.lone_threads else { return };
        let Some(mut runner) = self.kit.runners.remove(&generation.key) else { return };
        let _at_work = self.device.begin_run(threads);
        let (scratch, clock) = (&mut self.kit.scratch, &self.device.clock);
        let measure = || LoneChoice::measure(generation, runner.as_mut(), scratch, clock);
        match catch_unwind(AssertUnwindSafe(measure)) {
            Ok(Ok(choice)) => {
                tracing::debug!(model = %generation.name, ?choice, "lone runs were measured");
                generation.set_lone(choice);
                self.kit.runners.insert(generation.key, runner);
            }
            Ok(Err(error)) => tracing::warn!(model = %generation.name, %error, "lone runs cannot be measured"),
            Err(_) => {
                self.kit.scratch = Scratch::default();
                self.device.observer.observe(&Event::Panicked { model: &generation.name });
            }
        }
    }

    /// A failed run may leave its runner in any state: where the generation serves, the next batch makes another.
    fn end_warm_up(&mut self, warming: &Warming, reason: String) {
        drop(self.kit.runners.remove(&warming.generation.key));
        report(&warming.done, Err(install_error(reason)));
    }

    /// A new runner that has run representative input.
    pub(crate) fn warm_runner(
        &mut self,
        generation: &Generation,
        shapes: &RowShapes,
    ) -> Result<Box<dyn Runner>, EngineError> {
        let mut runner = new_runner(generation)?;
        let (scratch, clock) = (&mut self.kit.scratch, &self.device.clock);
        let warm = || warm_once(generation, shapes, runner.as_mut(), scratch, clock);
        match catch_unwind(AssertUnwindSafe(warm)) {
            Ok(Ok(())) => Ok(runner),
            Ok(Err(error)) => Err(EngineError::new(EngineErrorKind::Run, error.to_string())),
            Err(_) => {
                self.kit.scratch = Scratch::default();
                self.device.observer.observe(&Event::Panicked { model: &generation.name });
                Err(EngineError::new(EngineErrorKind::Run, "the warm-up of a new runner ended in a panic"))
            }
        }
    }
}

pub(crate) fn report(
    done: &SyncSender<Result<WarmUpFigures, InstallError>>,
    outcome: Result<WarmUpFigures, InstallError>,
) {
    // The loader waits with room for every slot's answer; where it has given up, nobody needs the answer.
    drop(done.try_send(outcome));
}

pub(crate) fn install_error(reason: String) -> InstallError {
    InstallError { kind: FailureKind::WarmUp, reason }
}

pub(crate) fn new_runner(generation: &Generation) -> Result<Box<dyn Runner>, EngineError> {
    catch_unwind(AssertUnwindSafe(|| generation.runner()))
        .unwrap_or_else(|_| Err(EngineError::new(EngineErrorKind::Run, "the engine panicked while it made a runner")))
}
