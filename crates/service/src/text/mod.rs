//! Embeddings, scores and similarity of texts and pictures.
