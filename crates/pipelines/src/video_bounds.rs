//! How much of a recorded video is on its way at once.

/// How much of a recorded video is on its way at once. Memory is bounded by it, whatever the length of the video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoBounds {
    /// Frames in one run of the model at most. None: what the model's plan has found best here, 1 on a CPU.
    pub batch_size: Option<usize>,
    /// Frames between the decoder and their results at most. None: enough that no slot waits.
    pub max_queue_size: Option<usize>,
    /// Frame buffers at most: when all are in use the decoder waits. None: enough for the queue.
    pub buffer_pool_size: Option<usize>,
}

impl VideoBounds {
    /// Frames in flight for a model with so many slots, each of which takes so many rows.
    pub fn in_flight(&self, slots: usize, rows: usize) -> usize {
        self.max_queue_size.unwrap_or_else(|| 2 * slots.max(1) * self.batch_size.unwrap_or(rows).max(1)).max(1)
    }
}
