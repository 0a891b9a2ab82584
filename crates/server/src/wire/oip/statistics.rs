//! What models have done, as Triton's statistics in JSON.

use samovar_service::tensor::{BatchStatistics, ModelStatistics, Share};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

/// What models have done.
#[derive(Debug, Serialize)]
pub(crate) struct StatisticsBody {
    model_stats: Vec<ModelBody>,
}

#[derive(Debug, Serialize)]
struct ModelBody {
    name: String,
    version: String,
    /// Milliseconds since 1970; 0: never.
    last_inference: u64,
    inference_count: u64,
    execution_count: u64,
    inference_stats: InferenceBody,
    response_stats: BTreeMap<String, ShareBody>,
    batch_stats: Vec<BatchBody>,
    memory_usage: Vec<MemoryBody>,
}

#[derive(Debug, Serialize)]
struct InferenceBody {
    success: ShareBody,
    fail: ShareBody,
    queue: ShareBody,
    compute_input: ShareBody,
    compute_infer: ShareBody,
    compute_output: ShareBody,
    cache_hit: ShareBody,
    cache_miss: ShareBody,
}

#[derive(Debug, Serialize)]
struct BatchBody {
    batch_size: u64,
    compute_input: ShareBody,
    compute_infer: ShareBody,
    compute_output: ShareBody,
}

#[derive(Debug, Default, Serialize)]
struct ShareBody {
    count: u64,
    ns: u64,
}

#[derive(Debug, Serialize)]
struct MemoryBody {
    #[serde(rename = "type")]
    kind: &'static str,
    id: u32,
    byte_size: u64,
}

impl From<Vec<ModelStatistics>> for StatisticsBody {
    fn from(models: Vec<ModelStatistics>) -> Self {
        Self { model_stats: models.into_iter().map(ModelBody::from).collect() }
    }
}

impl From<ModelStatistics> for ModelBody {
    fn from(model: ModelStatistics) -> Self {
        let since = model.last_inference.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let memory = |byte_size| MemoryBody { kind: "CPU", id: 0, byte_size };
        Self {
            last_inference: since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            inference_count: model.inference_count,
            execution_count: model.execution_count,
            inference_stats: InferenceBody {
                success: model.success.into(),
                fail: model.fail.into(),
                queue: model.queue.into(),
                compute_input: model.compute_input.into(),
                compute_infer: model.compute_infer.into(),
                compute_output: model.compute_output.into(),
                cache_hit: ShareBody::default(),
                cache_miss: ShareBody::default(),
            },
            response_stats: BTreeMap::new(),
            batch_stats: model.batches.into_iter().map(BatchBody::from).collect(),
            memory_usage: Some(model.memory_bytes).filter(|&bytes| bytes > 0).map(memory).into_iter().collect(),
            name: model.name,
            version: model.version,
        }
    }
}

impl From<BatchStatistics> for BatchBody {
    fn from(batch: BatchStatistics) -> Self {
        Self {
            batch_size: batch.batch_size,
            compute_input: batch.compute_input.into(),
            compute_infer: batch.compute_infer.into(),
            compute_output: batch.compute_output.into(),
        }
    }
}

impl From<Share> for ShareBody {
    fn from(Share { count, total }: Share) -> Self {
        Self { count, ns: u64::try_from(total.as_nanos()).unwrap_or(u64::MAX) }
    }
}
