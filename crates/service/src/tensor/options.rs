//! What a tensor service is set up with.

use super::{LogControl, TensorObserver};
use crate::shared_memory::SharedMemory;
use std::sync::Arc;
use std::time::Duration;

/// What a tensor service is set up with.
#[derive(Clone)]
pub struct TensorOptions {
    /// From a request's arrival to its result; a request may lower it.
    pub request_time: Duration,
    /// Tensors of one request, those that go in and those that are wanted counted apart.
    pub tensors_max: usize,
    /// Regions of shared memory that requests may name.
    pub shared_memory: Arc<SharedMemory>,
    /// Hears of log levels that somebody sets; without it they are refused.
    pub log: Option<LogControl>,
    /// Hears of what models gave.
    pub observer: Arc<dyn TensorObserver>,
}

impl Default for TensorOptions {
    fn default() -> Self {
        let (request_time, shared_memory) = (Duration::from_secs(30), Arc::default());
        Self { request_time, tensors_max: 64, shared_memory, log: None, observer: Arc::new(()) }
    }
}
