//! How much of a recorded video is on its way at once.

use samovar_runtime::Generation;
use std::num::NonZeroU32;

/// How much of a recorded video is on its way at once. Memory is bounded by it, whatever the length of the video.
///
/// **Batches.** Rows share a run as the model was loaded for it: whoever loads a model for recordings gives `batch_size` as its
/// `batch_max` ([`ModelSpec::batch_max`](samovar_runtime::ModelSpec)), since engines compile for it, and the queue then fills a run with
/// what waits, of this video and of others. A run never waits for further frames unless the model has a `batch_delay`, so the end of a
/// video is not held back by rows that do not come. A frame's result does not depend on who shares its run. On a CPU a batch of pictures
/// takes longer per picture than one by one, so the default is what the model's plan has found best.
///
/// **Waiting.** A full queue keeps the decoder waiting, then its pipe, then its child. A pool that is smaller than the queue asks for makes
/// the queue as short as the pool allows: whoever wants a buffer waits until a result was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoBounds {
    /// Frames in one run of the model at most. None: what the model's plan has found best here, 1 on a CPU.
    pub batch_size: Option<usize>,
    /// Frames between the decoder and their results at most. None: enough that no slot waits.
    pub max_queue_size: Option<usize>,
    /// Frame buffers at most: when all are in use the decoder waits. None: enough for the queue.
    pub buffer_pool_size: Option<usize>,
}

/// Why bounds cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VideoBoundsError {
    /// The batch is none, or too large.
    #[error("a batch holds 1 to {} frames: give a batch size in these bounds", VideoBounds::BATCH_SIZE_MAX)]
    BatchSize,
    /// The model's graph takes fewer rows.
    #[error("the model takes at most {rows_max} frames in one run: give no larger batch size")]
    BatchAboveModel {
        /// Rows that its graph takes.
        rows_max: usize,
    },
    /// The queue is none, or too long.
    #[error("a queue holds 1 to {} frames: give a queue size in these bounds", VideoBounds::QUEUE_SIZE_MAX)]
    QueueSize,
    /// No batch would ever be full.
    #[error("the queue is shorter than a batch: give a queue size of at least {batch_size}")]
    QueueBelowBatch {
        /// Frames in a batch.
        batch_size: usize,
    },
    /// Fewer buffers than a single batch keeps in use.
    #[error("the pool is too small: one batch, the frames decoded ahead and the result in hand take {needed} buffers")]
    PoolTooSmall {
        /// Buffers at least.
        needed: usize,
    },
    /// The pool would be beyond any queue.
    #[error("a pool holds at most {} buffers: give a smaller pool", VideoBounds::POOL_SIZE_MAX)]
    PoolSize,
}

/// A buffer that the decoder fills.
const BEING_DECODED: usize = 1;
/// A frame that has its result, in the hands of whoever takes results.
const IN_HAND: usize = 1;
/// Batches on their way for each slot: one that runs, one that is ready when it ends.
const BATCHES_PER_SLOT: usize = 2;

impl VideoBounds {
    /// Frames in a batch at most.
    pub const BATCH_SIZE_MAX: usize = 64;
    /// Frames in a queue at most.
    pub const QUEUE_SIZE_MAX: usize = 1024;
    /// Buffers in a pool at most.
    pub const POOL_SIZE_MAX: usize = 2048;
    /// Frames that are decoded ahead, as [`VideoOptions::new`](samovar_media::VideoOptions::new) has it.
    pub const FRAMES_AHEAD: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);

    /// Whether the bounds can be used at all.
    ///
    /// # Errors
    /// The first that is wrong, and what to give.
    pub fn validate(&self) -> Result<(), VideoBoundsError> {
        let batch_size = self.batch_size.unwrap_or(1);
        if !(1..=Self::BATCH_SIZE_MAX).contains(&batch_size) {
            return Err(VideoBoundsError::BatchSize);
        }
        if self.max_queue_size.is_some_and(|frames| !(1..=Self::QUEUE_SIZE_MAX).contains(&frames)) {
            return Err(VideoBoundsError::QueueSize);
        }
        if self.max_queue_size.is_some_and(|frames| frames < batch_size) {
            return Err(VideoBoundsError::QueueBelowBatch { batch_size });
        }
        let needed = batch_size + held_beside(Self::FRAMES_AHEAD);
        match self.buffer_pool_size {
            Some(buffers) if buffers < needed => Err(VideoBoundsError::PoolTooSmall { needed }),
            Some(buffers) if buffers > Self::POOL_SIZE_MAX => Err(VideoBoundsError::PoolSize),
            _ => Ok(()),
        }
    }

    /// The same for a model whose graph takes so many rows in one run.
    ///
    /// # Errors
    /// As [`VideoBounds::validate`], and a batch that the graph does not take.
    pub fn validate_for(&self, rows_max: usize) -> Result<(), VideoBoundsError> {
        self.validate()?;
        match self.batch_size {
            Some(batch_size) if batch_size > rows_max => Err(VideoBoundsError::BatchAboveModel { rows_max }),
            _ => Ok(()),
        }
    }

    /// Frames in flight for a model with so many slots, each of which takes so many rows.
    pub fn in_flight(&self, slots: usize, rows: usize) -> usize {
        let rows = self.batch_size.unwrap_or(rows).max(1);
        let wanted = self.max_queue_size.unwrap_or_else(|| BATCHES_PER_SLOT.saturating_mul(slots.max(1) * rows));
        let afforded = self.buffer_pool_size.map(|buffers| buffers.saturating_sub(held_beside(Self::FRAMES_AHEAD)));
        wanted.min(afforded.unwrap_or(usize::MAX)).clamp(1, Self::QUEUE_SIZE_MAX)
    }

    /// The same for the model that serves.
    pub fn in_flight_of(&self, generation: &Generation) -> usize {
        self.in_flight(generation.slots, generation.batch_max())
    }

    /// Buffers that the decoder's pool needs where `held` more frames are kept by whoever takes results: never fewer than can be in use.
    pub fn buffers(&self, in_flight: usize, held: usize) -> usize {
        let needed = in_flight.saturating_add(held_beside(Self::FRAMES_AHEAD)).saturating_add(held);
        self.buffer_pool_size.unwrap_or(0).max(needed)
    }
}

impl VideoBoundsError {
    /// The stable machine code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BatchSize => "batch_size_out_of_bounds",
            Self::BatchAboveModel { .. } => "batch_size_above_model",
            Self::QueueSize => "max_queue_size_out_of_bounds",
            Self::QueueBelowBatch { .. } => "max_queue_size_below_batch",
            Self::PoolTooSmall { .. } => "buffer_pool_size_too_small",
            Self::PoolSize => "buffer_pool_size_out_of_bounds",
        }
    }
}

/// Buffers in use besides those in flight.
fn held_beside(frames_ahead: NonZeroU32) -> usize {
    frames_ahead.get() as usize + BEING_DECODED + IN_HAND
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(batch: usize, queue: Option<usize>, pool: Option<usize>) -> VideoBounds {
        VideoBounds { batch_size: Some(batch), max_queue_size: queue, buffer_pool_size: pool }
    }

    #[test]
    fn bounds_that_cannot_work_are_refused_with_what_to_give() {
        let code = |bounds: VideoBounds| bounds.validate().map_err(|error| error.code());
        assert_eq!(code(VideoBounds::default()), Ok(()));
        assert_eq!(code(bounds(64, Some(1024), Some(2048))), Ok(()));
        assert_eq!(code(bounds(0, None, None)), Err("batch_size_out_of_bounds"));
        assert_eq!(code(bounds(65, None, None)), Err("batch_size_out_of_bounds"));
        assert_eq!(code(bounds(1, Some(0), None)), Err("max_queue_size_out_of_bounds"));
        assert_eq!(code(bounds(1, Some(1025), None)), Err("max_queue_size_out_of_bounds"));
        assert_eq!(code(bounds(8, Some(7), None)), Err("max_queue_size_below_batch"));
        assert_eq!(bounds(2, None, Some(7)).validate(), Err(VideoBoundsError::PoolTooSmall { needed: 8 }));
        assert_eq!(code(bounds(2, None, Some(8))), Ok(()));
        assert_eq!(code(bounds(1, None, Some(4096))), Err("buffer_pool_size_out_of_bounds"));
        assert_eq!(bounds(4, None, None).validate_for(1), Err(VideoBoundsError::BatchAboveModel { rows_max: 1 }));
    }

    #[test]
    fn the_queue_fills_every_slot_twice_unless_the_pool_is_too_small_for_it() {
        assert_eq!(VideoBounds::default().in_flight(2, 1), 4);
        assert_eq!(VideoBounds::default().in_flight(0, 0), 2);
        assert_eq!(bounds(8, None, None).in_flight(2, 1), 32);
        assert_eq!(bounds(8, Some(8), None).in_flight(2, 1), 8);
        assert_eq!(bounds(2, Some(64), Some(8)).in_flight(2, 1), 2, "the pool bounds the queue");
        assert_eq!(VideoBounds::default().buffers(4, 2), 12);
        assert_eq!(bounds(2, Some(64), Some(100)).buffers(64, 0), 100);
    }

    #[test]
    fn frames_ahead_are_those_of_the_decoder() {
        let program = samovar_media::FfmpegProgram::find();
        let Ok(program) = program else { return };
        assert_eq!(samovar_media::VideoOptions::new(program).frames_ahead, VideoBounds::FRAMES_AHEAD);
    }
}
