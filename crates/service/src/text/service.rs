//! Vectors, ranks and likenesses of texts and pictures, by any model that is configured for them.

use super::embed::{EmbedAnswer, EmbedRequest, Embedded};
use super::encoder::{Encoder, Towers, pairing_error};
use super::finite::{embedding_is_finite, not_finite};
use super::limits::{count, too_many};
use super::rerank::{RankMethod, RerankAnswer, RerankRequest, ranked};
use super::similarity::{Scoring, SimilarityAnswer, SimilarityRequest};
use super::zero_shot::{LabelScore, ZeroShotAnswer, ZeroShotRequest};
use super::{Item, Pairs, Purpose, Ranked, TextLimits, TextObserver, scores};
use crate::ServiceError;
use crate::access::{Caller, Scope};
use crate::chosen_model::{in_time, named, only, open_by, wrong_family};
use samovar_models::{
    CaptionEncoder, CrossEncoder, EmbedOptions, FamilyKind, Heads, ImageEncoder, Scored, TextEmbedder, TextInput,
    Truncate,
};
use samovar_runtime::{Call, Class, ModelHandle, Registry};
use std::sync::Arc;
use std::time::Instant;

/// Vectors, ranks and likenesses of texts and pictures. One value per server; every wire asks it.
pub struct TextService {
    registry: Arc<Registry>,
    pairs: Pairs,
    limits: TextLimits,
    observer: Arc<dyn TextObserver>,
}

/// What gives documents their places.
enum Ranker {
    Cross(CrossEncoder),
    Vectors(TextEmbedder),
}

impl Ranker {
    fn name(&self) -> Arc<str> {
        match self {
            Self::Cross(encoder) => encoder.handle().name().into(),
            Self::Vectors(embedder) => embedder.handle().name().into(),
        }
    }
}

impl TextService {
    /// A service of the models of `registry`, and of `pairs` of them.
    pub fn new(registry: Arc<Registry>, pairs: Pairs, limits: TextLimits, observer: Arc<dyn TextObserver>) -> Self {
        Self { registry, pairs, limits, observer }
    }

    /// How much one request may bring.
    pub const fn limits(&self) -> &TextLimits {
        &self.limits
    }

    /// The pairs of towers.
    pub const fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    /// Vectors of texts and pictures.
    ///
    /// # Errors
    /// `forbidden`; `empty_input`, `too_many_items`, `text_too_large`, an option that the model has not (`Invalid`); `not_finite`; and whatever
    /// keeps the runtime from an answer.
    pub async fn embed(&self, caller: &Caller, request: EmbedRequest) -> Result<EmbedAnswer, ServiceError> {
        caller.require(Scope::Infer)?;
        self.limits.check_items(&request.items, "input")?;
        let deadline = request.deadline;
        let encoder = self.encoder(request.model.as_deref(), &request.items, deadline).await?;
        let model = encoder.name();
        let call = caller.call(request.class, deadline);
        let items = in_time(deadline, encoder.vectors(request, call)).await?;
        self.settle(&model, items.iter().all(embedding_is_finite), tokens(&items))?;
        Ok(EmbedAnswer { tokens: tokens(&items), model, items })
    }

    /// Documents in the order in which they answer a query: by a cross-encoder, or by their vectors.
    ///
    /// # Errors
    /// As [`TextService::embed`].
    pub async fn rerank(&self, caller: &Caller, request: RerankRequest) -> Result<RerankAnswer, ServiceError> {
        caller.require(Scope::Infer)?;
        self.limits.check_text(&request.query, "query")?;
        self.limits.check_texts(&request.documents, self.limits.documents_max, "documents")?;
        let (deadline, top_n) = (request.deadline, request.top_n);
        let call = call(caller, deadline);
        let ranker = self.ranker(request.model.as_deref(), deadline).await?;
        let model = ranker.name();
        let (method, scores, tokens) = match ranker {
            Ranker::Cross(encoder) => in_time(deadline, by_cross_encoder(&encoder, &request, call)).await?,
            Ranker::Vectors(embedder) => in_time(deadline, by_vectors(&embedder, request, call)).await?,
        };
        self.settle(&model, scores.iter().all(|score| score.is_finite()), tokens)?;
        Ok(RerankAnswer { ranked: ranked(&scores, top_n), model, method, tokens })
    }

    /// How alike each item of one list is to each of another.
    ///
    /// # Errors
    /// As [`TextService::embed`]; `pairing_unknown` and `towers_differ` where more than the cosine is asked for.
    pub async fn similarity(
        &self,
        caller: &Caller,
        request: SimilarityRequest,
    ) -> Result<SimilarityAnswer, ServiceError> {
        caller.require(Scope::Infer)?;
        let SimilarityRequest { model, left, right, scoring, deadline } = request;
        self.limits.check_sizes(&left, "left")?;
        let columns = if right.is_empty() { left.len() } else { right.len() };
        if !right.is_empty() {
            self.limits.check_sizes(&right, "right")?;
        }
        if left.len() * columns > self.limits.scores_max {
            return Err(too_many(left.len() * columns, self.limits.scores_max, "right", "scores"));
        }
        let rows = left.len();
        let items: Vec<Item> = left.into_iter().chain(right).collect();
        let encoder = self.encoder(model.as_deref(), &items, deadline).await?;
        let name = encoder.name();
        let vectors = in_time(deadline, encoder.vectors(plain(items, deadline), call(caller, deadline))).await?;
        let tokens = tokens(&vectors);
        self.settle(&name, vectors.iter().all(embedding_is_finite), tokens)?;
        let pairing = match (&encoder, scoring) {
            (_, Scoring::Cosine) => None,
            (Encoder::Towers(towers), _) => Some(towers.pairing()?),
            (Encoder::Text(_), _) => return Err(only_cosines()),
        };
        // A large table takes its time, and would hold up every other request of its thread.
        let table = tokio::task::spawn_blocking(move || scores::table(&vectors, rows, (scoring, pairing), deadline));
        let scores = table.await.map_err(|_| scores::lost())??;
        Ok(SimilarityAnswer { model: name, scores, tokens })
    }

    /// Which of some labels fits a picture.
    ///
    /// # Errors
    /// As [`TextService::similarity`].
    pub async fn zero_shot(&self, caller: &Caller, request: ZeroShotRequest) -> Result<ZeroShotAnswer, ServiceError> {
        caller.require(Scope::Infer)?;
        count(request.labels.len(), self.limits.labels_max, "labels", "labels")?;
        check_template(&request.template)?;
        let ZeroShotRequest { model, picture, labels, template, activation, deadline } = request;
        let encoder = self.pair(model.as_deref(), deadline).await?;
        let mut pairing = encoder.pairing()?;
        pairing.activation = activation.unwrap_or(pairing.activation);
        let sentences = labels.iter().map(|label| Item::Text(template.replace("{}", label)));
        let items: Vec<Item> = std::iter::once(Item::Picture(picture)).chain(sentences).collect();
        self.limits.check_sizes(&items[1..], "template")?;
        let vectors = in_time(deadline, encoder.embeddings(items, call(caller, deadline))).await?;
        let (vectors, tokens): (Vec<_>, Vec<usize>) = vectors.into_iter().unzip();
        let scores = pairing.zero_shot(&vectors[0], &vectors[1..]).map_err(pairing_error)?;
        self.settle(&encoder.name, scores.iter().all(|score| score.is_finite()), tokens.iter().sum())?;
        let label =
            |place: Ranked| LabelScore { index: place.index, label: labels[place.index].clone(), score: place.score };
        let labels = ranked(&scores, None).into_iter().map(label).collect();
        Ok(ZeroShotAnswer { model: encoder.name, activation: pairing.activation, labels })
    }

    /// Tells what a request came to, and refuses numbers that are none.
    fn settle(&self, model: &str, finite: bool, tokens: usize) -> Result<(), ServiceError> {
        self.observer.tokens(model, tokens);
        if finite {
            return Ok(());
        }
        self.observer.not_finite(model);
        tracing::error!(model, "a model gave numbers that are none");
        Err(not_finite())
    }

    /// The model or the pair of that name, ready; none: the only model of texts, else, and where there are pictures, the only pair or
    /// the only tower.
    async fn encoder(&self, name: Option<&str>, items: &[Item], deadline: Instant) -> Result<Encoder, ServiceError> {
        let pictures = items.iter().any(|item| matches!(item, Item::Picture(_)));
        let handle = match name {
            Some(name) if self.pairs.contains_key(name) => {
                return self.towers(name, deadline).await.map(Encoder::Towers);
            }
            Some(name) => named(&self.registry, name)?,
            None => match self.unnamed(pictures, deadline).await {
                Ok(handle) => handle,
                Err(_) if self.pairs.len() == 1 => return self.pair(None, deadline).await.map(Encoder::Towers),
                Err(error) => return Err(error),
            },
        };
        let generation = open_by(&handle, deadline).await?;
        match generation.family.name() {
            family if family == FamilyKind::TextEmbedding.name() => Ok(Encoder::Text(TextEmbedder::new(handle))),
            family if family == FamilyKind::ImageTextEmbedding.name() => {
                let image = Some(ImageEncoder::new(handle.clone())).filter(|encoder| encoder.model().is_ok());
                let text = Some(CaptionEncoder::new(handle)).filter(|encoder| encoder.model().is_ok());
                Ok(Encoder::Towers(Towers { name: Arc::clone(&generation.name), image, text }))
            }
            _ => Err(wrong_family(&generation, "makes no vectors of texts")),
        }
    }

    async fn unnamed(&self, pictures: bool, deadline: Instant) -> Result<ModelHandle, ServiceError> {
        if pictures && !self.pairs.is_empty() {
            return Err(no_pair("there are several pairs of towers and the request names none"));
        }
        let family = if pictures { FamilyKind::ImageTextEmbedding } else { FamilyKind::TextEmbedding };
        only(&self.registry, &[family], "no model that makes vectors of that is configured", deadline).await
    }

    /// The pair of that name, ready; none: the only one.
    async fn pair(&self, name: Option<&str>, deadline: Instant) -> Result<Towers, ServiceError> {
        match name {
            Some(name) if self.pairs.contains_key(name) => self.towers(name, deadline).await,
            Some(name) => {
                let generation = open_by(&named(&self.registry, name)?, deadline).await?;
                Err(wrong_family(&generation, "is no pair of towers; configure one in `[pairs]`"))
            }
            None if self.pairs.len() == 1 => {
                let name = self.pairs.keys().next().expect("there is one");
                self.towers(name, deadline).await
            }
            None if self.pairs.is_empty() => Err(no_pair("no pair of towers is configured")),
            None => Err(no_pair("there are several pairs of towers and the request names none")),
        }
    }

    async fn towers(&self, name: &str, deadline: Instant) -> Result<Towers, ServiceError> {
        let pair = &self.pairs[name];
        let image = pair.image.as_deref().map(|model| named(&self.registry, model)).transpose()?;
        let text = pair.text.as_deref().map(|model| named(&self.registry, model)).transpose()?;
        for handle in image.iter().chain(&text) {
            open_by(handle, deadline).await?;
        }
        Ok(Towers { name: name.into(), image: image.map(ImageEncoder::new), text: text.map(CaptionEncoder::new) })
    }

    /// What gives documents their places: the model of that name; none: the only cross-encoder, else the only model of texts.
    async fn ranker(&self, name: Option<&str>, deadline: Instant) -> Result<Ranker, ServiceError> {
        const NONE: &str = "no model that could put texts in order is configured";
        let handle = match name {
            Some(name) if self.pairs.contains_key(name) => return Err(ranks_nothing()),
            Some(name) => named(&self.registry, name)?,
            None => match only(&self.registry, &[FamilyKind::CrossEncoder], NONE, deadline).await {
                Ok(encoder) => encoder,
                Err(_) => only(&self.registry, &[FamilyKind::TextEmbedding], NONE, deadline).await?,
            },
        };
        let generation = open_by(&handle, deadline).await?;
        match generation.family.name() {
            family if family == FamilyKind::CrossEncoder.name() => Ok(Ranker::Cross(CrossEncoder::new(handle))),
            family if family == FamilyKind::TextEmbedding.name() => Ok(Ranker::Vectors(TextEmbedder::new(handle))),
            _ => Err(wrong_family(&generation, "puts no texts in order")),
        }
    }
}

/// One place for the label, in few words: each label makes a sentence of its own out of it.
fn check_template(template: &str) -> Result<(), ServiceError> {
    if template.len() <= ZeroShotRequest::TEMPLATE_BYTES_MAX && template.matches("{}").count() == 1 {
        return Ok(());
    }
    let message = format!(
        "the template is a sentence of at most {} bytes with one `{{}}` for the label, like \"a photo of a {{}}\"",
        ZeroShotRequest::TEMPLATE_BYTES_MAX
    );
    Err(ServiceError::invalid("invalid_option", message).about("template"))
}

type Places = (RankMethod, Vec<f32>, usize);

async fn by_cross_encoder(encoder: &CrossEncoder, request: &RerankRequest, call: Call) -> Result<Places, ServiceError> {
    let scored = encoder.scores(&request.query, &request.documents, request.truncate, call).await?;
    let score = |scored: &Scored| if request.raw_scores { scored.logit } else { scored.score };
    let tokens = scored.iter().map(|scored| scored.tokens).sum();
    Ok((RankMethod::CrossEncoder, scored.iter().map(score).collect(), tokens))
}

async fn by_vectors(embedder: &TextEmbedder, request: RerankRequest, call: Call) -> Result<Places, ServiceError> {
    let model = embedder.model()?;
    let heads = model.heads();
    let hybrid = heads.sparse && heads.multi_vector;
    if request.weights.is_some() && !hybrid {
        let message = "the model has one head, so that there is nothing to weigh";
        return Err(ServiceError::invalid("invalid_option", message).about("weights"));
    }
    request.weights.map_or(Ok(()), scores::check_weights)?;
    let heads = if hybrid { heads } else { Heads::DENSE };
    let options = |purpose: Purpose| EmbedOptions {
        prompt: purpose.prompt_of(&model),
        dimensions: None,
        normalize: Some(true),
        truncate: request.truncate,
        heads,
    };
    let documents: Vec<TextInput> = request.documents.into_iter().map(TextInput::Text).collect();
    let query = vec![TextInput::Text(request.query)];
    let (asked, answering) = (options(Purpose::Query), options(Purpose::Document));
    let (query, documents) =
        tokio::try_join!(embedder.embed(query, &asked, call), embedder.embed(documents, &answering, call))?;
    let tokens = tokens(&query) + tokens(&documents);
    let (weights, deadline) = (request.weights.unwrap_or_default(), request.deadline);
    let method = if hybrid { RankMethod::Hybrid } else { RankMethod::Cosine };
    let scored = tokio::task::spawn_blocking(move || scores::of_documents(&query[0], &documents, weights, deadline));
    Ok((method, scored.await.map_err(|_| scores::lost())??, tokens))
}

fn tokens(items: &[Embedded]) -> usize {
    items.iter().map(|item| item.tokens).sum()
}

/// A request of one caller takes that caller's turns.
fn call(caller: &Caller, deadline: Instant) -> Call {
    caller.call(Class::Interactive, deadline)
}

/// The vectors that likenesses are made of.
fn plain(items: Vec<Item>, deadline: Instant) -> EmbedRequest {
    EmbedRequest { normalize: Some(true), truncate: Truncate::End, ..EmbedRequest::new(None, items, deadline) }
}

fn ranks_nothing() -> ServiceError {
    let message = "the name is that of a pair of towers, which puts no texts in order; POST /v1/similarity compares texts and \
                   pictures with it, and a cross-encoder or a model of texts ranks";
    ServiceError::invalid("wrong_family", message).about("model")
}

fn only_cosines() -> ServiceError {
    let message = "the model was trained for cosines alone; logits and probabilities are for pairs of towers";
    ServiceError::invalid("invalid_option", message).about("scoring")
}

fn no_pair(message: &'static str) -> ServiceError {
    ServiceError::invalid("model_required", message).about("model")
}
