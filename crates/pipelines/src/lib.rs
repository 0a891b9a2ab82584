//! Pipelines: models and per-stream state put together.
