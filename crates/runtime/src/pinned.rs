//! A hold on one generation: what is made for it is run by it.

use crate::device::Device;
use crate::event::Event;
use crate::generation::{Generation, InUse};
use crate::stint::stint_rows;
use crate::unqueued::Unqueued;
use crate::work::Work;
use crate::{Call, DropReason, Pending, RowShapes, RunError, Stint, Task};
use samovar_engine_api::Runner;
use samovar_schedule::{Entry, RefusedReason};
use std::sync::Arc;

/// A hold on the generation that served when it was taken. A swap or an unload waits for it: submit at once, or drop it.
pub struct PinnedModel {
    pub(crate) in_use: InUse,
    pub(crate) device: Arc<Device>,
}

impl PinnedModel {
    /// The generation that is held.
    pub const fn generation(&self) -> &Arc<Generation> {
        &self.in_use.0
    }

    /// One more hold on the same generation: for a request of several rows, which all run on it whatever is swapped in between.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { in_use: self.in_use.again(), device: Arc::clone(&self.device) }
    }

    /// Queues `task`, whose rows have these shapes. Returns at once; await the result.
    ///
    /// # Errors
    /// `QueueFull`, `DeadlineExceeded` or `ShuttingDown`.
    pub fn submit<T: Task>(self, task: T, rows: RowShapes, call: Call) -> Result<Pending<T::Output>, RunError> {
        let entry = self.entry(&rows, call);
        let Self { in_use, device } = self;
        let (work, receiver) = Work::new(task, rows, call.class, in_use);
        match device.push(entry, work) {
            Ok(ticket) => Ok(Pending::new(receiver, Arc::downgrade(&device), ticket)),
            Err(unqueued) => Err(refuse(&device, &unqueued)),
        }
    }

    /// Queues a stint, which takes one turn of a slot. Returns at once; await the result.
    ///
    /// # Errors
    /// `QueueFull`, `DeadlineExceeded` or `ShuttingDown`.
    pub fn submit_stint<S: Stint>(self, stint: S, call: Call) -> Result<Pending<S::Output>, RunError> {
        let entry = self.entry(&stint_rows(), call);
        let Self { in_use, device } = self;
        let (work, receiver) = Work::of_stint(stint, call.class, in_use);
        match device.push(entry, work) {
            Ok(ticket) => Ok(Pending::new(receiver, Arc::downgrade(&device), ticket)),
            Err(unqueued) => Err(refuse(&device, &unqueued)),
        }
    }

    /// A runner of the model's part `index`, in the order of [`Family::parts`](crate::Family::parts). It shares the part's weights: drop it
    /// when [`Family::release`](crate::Family::release) tells.
    ///
    /// # Errors
    /// `Internal` where there is no such part, the model was freed, or the engine makes none.
    pub fn part_runner(&self, index: usize) -> Result<Box<dyn Runner>, RunError> {
        let generation = self.generation();
        generation.part_runner(index).map_err(|error| {
            tracing::error!(model = %generation.name, index, %error, "no runner for a part of the model");
            RunError::internal("the model cannot run at present")
        })
    }

    /// Queues `task` and waits for a place as long as it takes: for producers of jobs.
    ///
    /// # Errors
    /// `DeadlineExceeded` or `ShuttingDown`.
    pub async fn submit_waiting<T: Task>(
        self,
        task: T,
        rows: RowShapes,
        call: Call,
    ) -> Result<Pending<T::Output>, RunError> {
        let entry = self.entry(&rows, call);
        let Self { in_use, device } = self;
        let (mut work, receiver) = Work::new(task, rows, call.class, in_use);
        loop {
            let room = device.room();
            tokio::pin!(room);
            room.as_mut().enable();
            match device.push(entry, work) {
                Ok(ticket) => return Ok(Pending::new(receiver, Arc::downgrade(&device), ticket)),
                Err(Unqueued { work: refused, reason: RefusedReason::WouldWait | RefusedReason::Full { .. } }) => {
                    work = refused;
                    room.await;
                }
                Err(unqueued) => return Err(refuse(&device, &unqueued)),
            }
        }
    }

    fn entry(&self, rows: &RowShapes, call: Call) -> Entry {
        let generation = self.generation();
        let (lane, batch) = generation.lane(rows);
        Entry {
            class: call.class,
            client: call.client,
            stream: call.stream,
            lane,
            batch,
            deadline: call.deadline.map(|at| self.device.clock.at(at)),
            weight: call.weight,
            cost: generation.cost_of(rows),
            follow_up: call.follow_up,
        }
    }
}

fn refuse(device: &Device, unqueued: &Unqueued) -> RunError {
    let (model, class) = (&unqueued.work.generation().name, unqueued.work.class);
    device.observer.observe(&Event::Dropped { model, class, reason: DropReason::Refused });
    unqueued.error()
}
