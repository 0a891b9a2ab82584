//! What models have done, as messages.

use super::messages::inference::{
    InferBatchStatistics, InferStatistics, MemoryUsage, ModelStatistics as StatisticsMessage, ModelStatisticsResponse,
    StatisticDuration,
};
use samovar_service::tensor::{BatchStatistics, ModelStatistics, Share};
use std::time::UNIX_EPOCH;

impl From<Vec<ModelStatistics>> for ModelStatisticsResponse {
    fn from(models: Vec<ModelStatistics>) -> Self {
        Self { model_stats: models.into_iter().map(StatisticsMessage::from).collect() }
    }
}

impl From<ModelStatistics> for StatisticsMessage {
    fn from(model: ModelStatistics) -> Self {
        let last = model.last_inference.and_then(|last| last.duration_since(UNIX_EPOCH).ok());
        let memory = MemoryUsage { r#type: "CPU".to_owned(), id: 0, byte_size: model.memory_bytes };
        Self {
            last_inference: last.map_or(0, |last| u64::try_from(last.as_millis()).unwrap_or(u64::MAX)),
            inference_count: model.inference_count,
            execution_count: model.execution_count,
            inference_stats: Some(shares(&model)),
            batch_stats: model.batches.into_iter().map(InferBatchStatistics::from).collect(),
            memory_usage: if model.memory_bytes > 0 { vec![memory] } else { Vec::new() },
            name: model.name,
            version: model.version,
            ..Self::default()
        }
    }
}

/// There is no cache of answers, so nothing is counted of one.
fn shares(model: &ModelStatistics) -> InferStatistics {
    let none = Some(StatisticDuration::default());
    InferStatistics {
        success: told(model.success),
        fail: told(model.fail),
        queue: told(model.queue),
        compute_input: told(model.compute_input),
        compute_infer: told(model.compute_infer),
        compute_output: told(model.compute_output),
        cache_hit: none,
        cache_miss: none,
    }
}

impl From<BatchStatistics> for InferBatchStatistics {
    fn from(batch: BatchStatistics) -> Self {
        Self {
            batch_size: batch.batch_size,
            compute_input: told(batch.compute_input),
            compute_infer: told(batch.compute_infer),
            compute_output: told(batch.compute_output),
        }
    }
}

fn told(share: Share) -> Option<StatisticDuration> {
    let ns = u64::try_from(share.total.as_nanos()).unwrap_or(u64::MAX);
    Some(StatisticDuration { count: share.count, ns })
}
