//! `/embed`, `/embed_sparse`, `/rerank`, `/similarity` and `/info`: as clients of Text Embeddings Inference ask.
//!
//! That server has one model. Here it is the only one that can be meant, or that of `?model=`. The work is that of `/v1/…`.

use super::embeddings::{ModelQuery, read};
use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::json_body::{json_answer, json_body};
use crate::wire::{TeiEmbedBody, TeiError, TeiInfo, TeiRank, TeiRerankBody, TeiSimilarityBody, TeiSparseValue};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use axum::{Extension, Json};
use samovar_models::Heads;
use samovar_runtime::{Generation, ModelStatus, Precision};
use samovar_service::access::Caller;
use samovar_service::text::{EmbedAnswer, EmbedRequest, Item, RerankRequest, Scoring, SimilarityRequest, VectorFacts};
use std::sync::Arc;

type Asked = Result<Query<ModelQuery>, QueryRejection>;

/// The vector of each text.
#[utoipa::path(
    post, path = "/embed", tag = "texts", params(ModelQuery), request_body = TeiEmbedBody,
    responses(
        (status = 200, description = "A vector for each text", body = Vec<Vec<f32>>),
        (status = "4XX", body = TeiError),
        (status = "5XX", body = TeiError),
    ),
)]
pub(crate) async fn embed(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let answer = vectors(&app, &caller, query, request, Heads::DENSE).await?;
    let vectors: Vec<Vec<f32>> = answer.items.into_iter().filter_map(|item| item.dense).collect();
    let numbers = vectors.iter().map(Vec::len).sum();
    json_answer(vectors, numbers).await
}

/// The lexical weights of each text, of models that have them: BGE-M3.
#[utoipa::path(
    post, path = "/embed_sparse", tag = "texts", params(ModelQuery), request_body = TeiEmbedBody,
    responses(
        (status = 200, description = "Tokens with their weights, for each text", body = Vec<Vec<TeiSparseValue>>),
        (status = "4XX", body = TeiError),
        (status = "5XX", body = TeiError),
    ),
)]
pub(crate) async fn embed_sparse(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let sparse = Heads { dense: false, sparse: true, multi_vector: false };
    let answer = vectors(&app, &caller, query, request, sparse).await?;
    let value = |(index, value)| TeiSparseValue { index, value };
    let weights = |sparse: Vec<(u32, f32)>| sparse.into_iter().map(value).collect();
    let weights: Vec<Vec<TeiSparseValue>> =
        answer.items.into_iter().filter_map(|item| item.sparse).map(weights).collect();
    let numbers = weights.iter().map(Vec::len).sum();
    json_answer(weights, numbers).await
}

async fn vectors(
    app: &App,
    caller: &Caller,
    query: Asked,
    request: Request,
    heads: Heads,
) -> Result<EmbedAnswer, ApiError> {
    let model = read(query)?.model;
    let body: TeiEmbedBody = json_body(request).await?;
    caller.require_items(body.inputs.count())?;
    let truncate = body.truncate();
    let items = body.inputs.items("inputs", app.options.limits.image)?;
    let request = EmbedRequest {
        prompt: body.prompt_name,
        dimensions: body.dimensions,
        normalize: heads.dense.then(|| body.normalize.unwrap_or(true)),
        truncate,
        heads,
        ..EmbedRequest::new(model, items, app.deadline(None))
    };
    Ok(app.texts.embed(caller, request).await?)
}

/// Texts in the order in which they answer a query, the best first.
#[utoipa::path(
    post, path = "/rerank", tag = "texts", params(ModelQuery), request_body = TeiRerankBody,
    responses(
        (status = 200, description = "The best first", body = Vec<TeiRank>),
        (status = "4XX", body = TeiError),
        (status = "5XX", body = TeiError),
    ),
)]
pub(crate) async fn rerank(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let model = read(query)?.model;
    let body: TeiRerankBody = json_body(request).await?;
    caller.require_items(body.texts.len())?;
    let told = body.return_text.then(|| body.texts.clone());
    let request = RerankRequest {
        model,
        truncate: body.truncate(),
        query: body.query,
        documents: body.texts,
        top_n: None,
        raw_scores: body.raw_scores,
        weights: None,
        deadline: app.deadline(None),
    };
    let answer = app.texts.rerank(&caller, request).await?;
    let ranked = answer.ranked.len();
    json_answer(TeiRank::list(&answer, told.as_deref()), ranked).await
}

/// How alike each of some sentences is to one: the cosine of their vectors.
#[utoipa::path(
    post, path = "/similarity", tag = "texts", params(ModelQuery), request_body = TeiSimilarityBody,
    responses(
        (status = 200, description = "A number for each sentence", body = Vec<f32>),
        (status = "4XX", body = TeiError),
        (status = "5XX", body = TeiError),
    ),
)]
pub(crate) async fn similarity(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    query: Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let model = read(query)?.model;
    let TeiSimilarityBody { inputs } = json_body(request).await?;
    caller.require_items(1 + inputs.sentences.len())?;
    if inputs.sentences.is_empty() {
        return Err(ApiError::new(Refusal::Body, "there are no sentences to compare with").about("inputs"));
    }
    let request = SimilarityRequest {
        model,
        left: vec![Item::Text(inputs.source_sentence)],
        right: inputs.sentences.into_iter().map(Item::Text).collect(),
        scoring: Scoring::Cosine,
        deadline: app.deadline(None),
    };
    let scores = app.texts.similarity(&caller, request).await?.scores.pop().unwrap_or_default();
    let numbers = scores.len();
    json_answer(scores, numbers).await
}

/// What the model is.
#[utoipa::path(
    get, path = "/info", tag = "texts", params(ModelQuery),
    responses((status = 200, body = TeiInfo), (status = "4XX", body = TeiError), (status = "5XX", body = TeiError)),
)]
pub(crate) async fn info(State(app): State<Arc<App>>, query: Asked) -> Result<Json<TeiInfo>, ApiError> {
    let asked = read(query)?.model;
    let generation = match asked {
        Some(name) => app.model(&name)?.generation()?,
        None => only_of_texts(&app.registry.list())?,
    };
    let facts = VectorFacts::of(&*generation.family).filter(|facts| facts.tower.is_none());
    let facts = facts.ok_or_else(|| ApiError::new(Refusal::Query, "the model is none of texts alone"))?;
    Ok(Json(TeiInfo {
        model_id: generation.name.to_string(),
        model_sha: None,
        model_dtype: dtype(generation.precision),
        model_type: TeiInfo::model_type(&facts),
        max_concurrent_requests: app.options.limits.http2_streams_max,
        max_input_length: facts.tokens_max.unwrap_or(0),
        max_client_batch_size: app.texts.limits().items_max,
        auto_truncate: false,
        version: env!("CARGO_PKG_VERSION"),
    }))
}

/// The only model of texts that serves; vectors before ranks.
fn only_of_texts(models: &[ModelStatus]) -> Result<Arc<Generation>, ApiError> {
    let of_family = |family: &'static str| {
        let serving = models.iter().filter_map(|model| model.state.generation());
        serving.filter(move |generation| generation.family.name() == family)
    };
    let mut found = of_family("text-embedding").chain(of_family("cross-encoder"));
    let (first, second) = (found.next(), found.next());
    match (first, second) {
        (Some(first), None) => Ok(Arc::clone(first)),
        (Some(first), Some(second)) if first.family.name() != second.family.name() => Ok(Arc::clone(first)),
        (None, _) => Err(ApiError::new(Refusal::ModelRequired, "no model of texts serves")),
        _ => Err(ApiError::new(Refusal::ModelRequired, "there are several models and the request names none")),
    }
}

const fn dtype(precision: Precision) -> &'static str {
    match precision {
        Precision::F32 => "float32",
        Precision::Bf16 => "bfloat16",
        Precision::F16 => "float16",
    }
}
