//! What makes vectors of items: a model of texts, or the towers for pictures and for texts.

use super::Item;
use super::embed::{EmbedRequest, Embedded};
use crate::ServiceError;
use crate::chosen_model::wrong_family;
use futures_util::future::try_join_all;
use samovar_media::Picture;
use samovar_models::{
    CaptionEncoder, EmbedOptions, Embedding, Heads, ImageEncoder, Pairing, TextEmbedder, TextEmbedding, TextInput,
};
use samovar_runtime::Call;
use std::sync::Arc;

/// What makes vectors of items.
pub(super) enum Encoder {
    /// A model of texts.
    Text(TextEmbedder),
    /// Towers for pictures, for texts or for both.
    Towers(Towers),
}

/// The towers of a pair, or one alone.
pub(super) struct Towers {
    pub(super) name: Arc<str>,
    pub(super) image: Option<ImageEncoder>,
    pub(super) text: Option<CaptionEncoder>,
}

impl Encoder {
    /// The name that is told: the model's or the pair's.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::Text(embedder) => embedder.handle().name().into(),
            Self::Towers(towers) => Arc::clone(&towers.name),
        }
    }

    /// Vectors of the request's items, in their order.
    pub(super) async fn vectors(&self, request: EmbedRequest, call: Call) -> Result<Vec<Embedded>, ServiceError> {
        match self {
            Self::Text(embedder) => of_texts(embedder, request, call).await,
            Self::Towers(towers) => towers.vectors(request, call).await,
        }
    }
}

async fn of_texts(embedder: &TextEmbedder, request: EmbedRequest, call: Call) -> Result<Vec<Embedded>, ServiceError> {
    let model = embedder.model()?;
    let options = EmbedOptions {
        prompt: request.prompt.or_else(|| request.purpose.and_then(|purpose| purpose.prompt_of(&model))),
        dimensions: request.dimensions,
        normalize: request.normalize,
        truncate: request.truncate,
        heads: request.heads,
    };
    let generation = embedder.handle().generation()?;
    let texts = request.items.into_iter().map(|item| match item {
        Item::Text(text) => Ok(TextInput::Text(text)),
        Item::Tokens(tokens) => Ok(TextInput::Tokens(tokens)),
        Item::Picture(_) => Err(wrong_family(&generation, "takes texts and no pictures")),
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    Ok(embedder.embed(texts, &options, call).await?)
}

impl Towers {
    async fn vectors(&self, request: EmbedRequest, call: Call) -> Result<Vec<Embedded>, ServiceError> {
        refuse_options(&request)?;
        let normalize = request.normalize.unwrap_or(true);
        let vectors = self.embeddings(request.items, call).await?;
        let embedded = |(vector, tokens): (Embedding, usize)| {
            let vector = if normalize { vector.unit() } else { vector };
            TextEmbedding { dense: Some(vector.0), sparse: None, multi_vector: None, tokens }
        };
        Ok(vectors.into_iter().map(embedded).collect())
    }

    /// Vectors as the towers give them, in the order of the items, each with the tokens that it took.
    pub(super) async fn embeddings(
        &self,
        items: Vec<Item>,
        call: Call,
    ) -> Result<Vec<(Embedding, usize)>, ServiceError> {
        let (mut texts, mut pictures, mut is_text) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            is_text.push(!matches!(item, Item::Picture(_)));
            match item {
                Item::Text(text) => texts.push(text),
                Item::Picture(picture) => pictures.push(picture),
                Item::Tokens(_) => return Err(no_tokens()),
            }
        }
        let (texts, pictures) = tokio::try_join!(self.of_texts(texts, call), self.of_pictures(pictures, call))?;
        let (mut texts, mut pictures) = (texts.into_iter(), pictures.into_iter());
        let ordered = is_text.into_iter().map(|text| if text { texts.next() } else { pictures.next() });
        Ok(ordered.flatten().collect())
    }

    async fn of_texts(&self, texts: Vec<String>, call: Call) -> Result<Vec<(Embedding, usize)>, ServiceError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let encoder = self.text.as_ref().ok_or_else(|| no_tower("takes pictures and no texts"))?;
        let embeddings = encoder.encode(texts, call).await?;
        Ok(embeddings.into_iter().map(|embedding| (embedding, 0)).collect())
    }

    async fn of_pictures(&self, pictures: Vec<Picture>, call: Call) -> Result<Vec<(Embedding, usize)>, ServiceError> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        let encoder = self.image.as_ref().ok_or_else(|| no_tower("takes texts and no pictures"))?;
        // A picture waits for its place in the queue: one request must not need more places than there are.
        let encoded = pictures.into_iter().map(async |picture| encoder.encode_waiting(picture, call).await?.await);
        let completed = try_join_all(encoded).await?;
        Ok(completed.into_iter().map(|completed| (completed.output, 0)).collect())
    }

    /// The scale and the bias that the towers were trained with.
    ///
    /// # Errors
    /// `pairing_unknown`, `towers_differ`.
    pub(super) fn pairing(&self) -> Result<Pairing, ServiceError> {
        let image = self.image.as_ref().map(ImageEncoder::model).transpose()?;
        let text = self.text.as_ref().map(CaptionEncoder::model).transpose()?;
        let pairing =
            Pairing::of_towers(image.and_then(|tower| tower.pairing()), text.and_then(|tower| tower.pairing()));
        pairing.map_err(pairing_error)
    }
}

/// What holds for a pairing that cannot be.
pub(super) fn pairing_error(error: samovar_models::PairingError) -> ServiceError {
    ServiceError::invalid(error.code(), error.to_string()).about("model")
}

/// Towers have one head and no prompts, and were not trained to be cut.
fn refuse_options(request: &EmbedRequest) -> Result<(), ServiceError> {
    let lacking = [
        (request.prompt.is_some(), "prompt_name", "has no prompts"),
        (request.dimensions.is_some(), "dimensions", "was not trained so that its vectors could be cut"),
        (request.heads != Heads::default(), "return_sparse", "gives one dense vector and nothing else"),
    ];
    match lacking.into_iter().find(|(asked, ..)| *asked) {
        Some((_, field, lacks)) => {
            Err(ServiceError::invalid("invalid_option", format!("the model {lacks}")).about(field))
        }
        None => Ok(()),
    }
}

fn no_tower(what: &str) -> ServiceError {
    ServiceError::invalid("wrong_family", format!("the model {what}; name a pair that has both towers")).about("model")
}

fn no_tokens() -> ServiceError {
    ServiceError::invalid("invalid_option", "the model takes texts and pictures, but no tokens").about("input")
}
