//! A task in the queue: its type hidden, its caller's channel attached, its generation kept alive.

use crate::generation::{Generation, InUse};
use crate::stint::{CarriedStint, stint_rows};
use crate::{Class, Completed, InputRow, OutputRow, RowShapes, RunError, Scratch, Stint, Task, TaskError, Timings};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use tokio::sync::oneshot;

/// One task in the queue or in a slot.
pub(crate) struct Work {
    pub(crate) class: Class,
    pub(crate) rows: RowShapes,
    in_use: InUse,
    body: Box<dyn Body>,
}

/// A task or a stint of any output type.
pub(crate) trait Body: Send {
    fn write(&mut self, _row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        Err(no_row())
    }

    fn read(&mut self, _row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        Err(no_row())
    }

    fn run_stint(&mut self, _scratch: &mut Scratch) -> Result<(), TaskError> {
        Err(TaskError::internal("a row is no stint"))
    }

    fn is_stint(&self) -> bool {
        false
    }

    fn settle(self: Box<Self>, result: Result<Timings, RunError>, generation: &Arc<Generation>);
    fn is_wanted(&self) -> bool;

    fn is_light(&self) -> bool {
        false
    }
}

fn no_row() -> TaskError {
    TaskError::internal("a stint is no row")
}

/// What a caller gets in the end.
pub(crate) type Outcome<T> = Result<Completed<T>, RunError>;

struct Carried<T: Task> {
    task: T,
    /// Set by `read`, sent by `settle`.
    output: Option<T::Output>,
    sender: oneshot::Sender<Outcome<T::Output>>,
}

impl Work {
    pub(crate) fn new<T: Task>(
        task: T,
        rows: RowShapes,
        class: Class,
        in_use: InUse,
    ) -> (Self, oneshot::Receiver<Outcome<T::Output>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { class, rows, in_use, body: Box::new(Carried { task, output: None, sender }) }, receiver)
    }

    pub(crate) fn of_stint<S: Stint>(
        stint: S,
        class: Class,
        in_use: InUse,
    ) -> (Self, oneshot::Receiver<Outcome<S::Output>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { class, rows: stint_rows(), in_use, body: Box::new(CarriedStint::new(stint, sender)) }, receiver)
    }

    /// Whether it brings its own runners and is no row.
    pub(crate) fn is_stint(&self) -> bool {
        self.body.is_stint()
    }

    pub(crate) fn run_stint(&mut self, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.body.run_stint(scratch)
    }

    pub(crate) fn generation(&self) -> &Arc<Generation> {
        &self.in_use.0
    }

    pub(crate) fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.body.write(row, scratch)
    }

    pub(crate) fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.body.read(row, scratch)
    }

    /// Whether somebody still waits for the result.
    pub(crate) fn is_wanted(&self) -> bool {
        self.body.is_wanted()
    }

    /// Whether all of it but the run takes next to no time: see [`Task::is_light`].
    pub(crate) fn is_light(&self) -> bool {
        self.body.is_light()
    }

    /// Sends the outcome; a caller who has gone hears nothing. A task that panics when it goes takes nobody with it.
    pub(crate) fn settle(self, result: Result<Timings, RunError>) {
        let Self { in_use, body, .. } = self;
        let generation = Arc::clone(&in_use.0);
        // Whoever has its answer finds the model as unused as it is.
        drop(in_use);
        if catch_unwind(AssertUnwindSafe(|| body.settle(result, &generation))).is_err() {
            tracing::error!(model = %generation.name, "a task panicked when it was let go");
        }
    }
}

impl<T: Task> Body for Carried<T> {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.task.write(row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.output = Some(self.task.read(row, scratch)?);
        Ok(())
    }

    fn settle(self: Box<Self>, result: Result<Timings, RunError>, generation: &Arc<Generation>) {
        let Self { task, output, sender } = *self;
        hand_over(task, output, sender, result, generation);
    }

    fn is_wanted(&self) -> bool {
        !self.sender.is_closed()
    }

    fn is_light(&self) -> bool {
        self.task.is_light()
    }
}

/// Lets go what was done and then tells its caller what came of it.
pub(crate) fn hand_over<W, T>(
    work: W,
    output: Option<T>,
    sender: oneshot::Sender<Outcome<T>>,
    result: Result<Timings, RunError>,
    generation: &Arc<Generation>,
) {
    // Whoever has its answer finds what the task held, such as a frame's buffer, given back.
    let gone = catch_unwind(AssertUnwindSafe(|| drop(work)));
    let result = result.and_then(|timings| match output {
        Some(output) => Ok(Completed { output, timings, generation: Arc::clone(generation) }),
        None => Err(RunError::internal("the work ended without a result")),
    });
    // A caller who has gone is no failure: its receiver was dropped.
    drop(sender.send(result));
    if let Err(panic) = gone {
        resume_unwind(panic);
    }
}
