//! The life of models: registry, load, warm-up, device slots and the queue they serve.
