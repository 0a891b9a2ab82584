//! The section about recorded videos.

use samovar_pipelines::VideoBounds;
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU32;

/// How recorded videos are worked through, by `run detect` and by jobs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VideoSection {
    /// Frames in one run of the model at most. Default: what the model's plan has found best here, 1 on a CPU.
    #[schemars(range(min = 1, max = 64))]
    pub batch_size: Option<usize>,
    /// Every N-th frame only, unless the command or the job says otherwise.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub frame_skip_factor: NonZeroU32,
    /// Frames of a video between decoder and results at most. Default: twice the slots times the batch.
    #[schemars(range(min = 1, max = 1_024))]
    pub max_queue_size: Option<usize>,
    /// Frame buffers of a video at most: the decoder waits when all are in use. Default: enough for the queue.
    #[schemars(range(min = 7, max = 2_048))]
    pub buffer_pool_size: Option<usize>,
    /// Videos at the same time. Default: as many as slots.
    #[schemars(range(min = 1, max = 256))]
    pub videos_at_once: Option<usize>,
}

impl VideoSection {
    /// How much of a video is on its way at once.
    pub const fn bounds(&self) -> VideoBounds {
        VideoBounds {
            batch_size: self.batch_size,
            max_queue_size: self.max_queue_size,
            buffer_pool_size: self.buffer_pool_size,
        }
    }
}

impl Default for VideoSection {
    fn default() -> Self {
        Self {
            batch_size: None,
            frame_skip_factor: NonZeroU32::MIN,
            max_queue_size: None,
            buffer_pool_size: None,
            videos_at_once: None,
        }
    }
}
