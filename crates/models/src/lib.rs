//! Model families: preprocessing, postprocessing and typed results.
