//! Embeddings, scores and similarity of texts and pictures.

mod embed;
mod encoder;
mod finite;
mod item;
mod limits;
mod model_facts;
mod observer;
mod pairs;
mod rerank;
mod scores;
mod service;
mod similarity;
mod zero_shot;

pub use embed::{EmbedAnswer, EmbedRequest, Embedded, Purpose};
pub use item::Item;
pub use limits::TextLimits;
pub use model_facts::{Tower, VectorFacts};
pub use observer::TextObserver;
pub use pairs::{Pair, Pairs};
pub use rerank::{RankMethod, Ranked, RerankAnswer, RerankRequest};
pub use service::TextService;
pub use similarity::{Scoring, SimilarityAnswer, SimilarityRequest};
pub use zero_shot::{LabelScore, ZeroShotAnswer, ZeroShotRequest};
