//! Pure scheduling rules: who goes next on a device, what rides in one batch, what is refused and what is too late.
//!
//! Nothing in here sleeps, reads a clock, starts a thread or does I/O: the caller passes the time as a [`Moment`]
//! and acts on what it is told. That makes every rule testable in virtual time, and the same on every machine.
//!
//! The centre is [`DeviceQueue`]: one per device, where work of all classes and all models meets.
#![forbid(unsafe_code)]

mod backoff;
mod drain;
mod entry;
mod lane;
mod moment;
mod places;
mod policy;
mod queue;
mod share;
mod strands;
mod take;
mod turns;

pub use backoff::Backoff;
pub use entry::{BatchRule, ClientKey, Entry, LaneKey, StreamKey, Ticket};
pub use moment::Moment;
pub use policy::{Class, ClassPolicy, QueuePolicy, WhenFull};
pub use queue::{Admitted, DeviceQueue, Displaced, DisplacedReason, DropReason, Dropped, Refused, RefusedReason};
pub use take::{Batch, Next, Take, Taken};
