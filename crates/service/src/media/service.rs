//! Faces for whoever asks: found, brought upright, told apart.

use super::{FaceAnswer, FaceRequest, FoundFace};
use crate::ServiceError;
use crate::access::{Caller, Scope};
use crate::chosen_model::{in_time, named, only, open_by};
use samovar_media::{Frame, FramePool, ImageEncoding, MediaError, Picture, encode_image};
use samovar_models::{Face, FaceDetector, FaceEncoder, FaceOptions, Faces, FamilyKind, aligned_face, alignment};
use samovar_runtime::{Call, Class, Generation, ModelHandle, Registry, RunError, RunErrorKind};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// What there is to ask about pictures. Cheap to clone.
#[derive(Clone)]
pub struct MediaService {
    registry: Arc<Registry>,
    /// Pictures that are decoded, or faces that are compressed, on threads of their own at the same time.
    preparations: Arc<Semaphore>,
}

/// A face detector and an encoder for what it finds, both ready.
struct FaceModels {
    detector: FaceDetector,
    encoder: Option<FaceEncoder>,
}

impl MediaService {
    /// On the models of `registry`. At most `preparations_max` pictures are decoded or compressed at once; others wait within their
    /// deadline.
    pub fn new(registry: Arc<Registry>, preparations_max: usize) -> Self {
        Self { registry, preparations: Arc::new(Semaphore::new(preparations_max)) }
    }

    /// Finds the faces of one picture, and gives each a vector or a picture of its own where that is asked for.
    ///
    /// # Errors
    /// `forbidden`; `model_required` and `model_not_found`; `wrong_family`; `invalid_option`; what is wrong with the picture, by the
    /// code of the media error; and whatever keeps the runtime from a result.
    pub async fn faces(&self, caller: &Caller, request: FaceRequest) -> Result<FaceAnswer, ServiceError> {
        caller.require(Scope::Infer)?;
        let options = options(&request)?;
        let models = self.models(&request).await?;
        let deadline = request.deadline;
        in_time(deadline, self.found(caller, request, options, models)).await
    }

    async fn models(&self, request: &FaceRequest) -> Result<FaceModels, ServiceError> {
        let none = "no model that finds faces is configured";
        let detector = self.model(request.model.as_deref(), (FamilyKind::Yunet, none), request.deadline).await?;
        open_by(&detector, request.deadline).await?;
        let detector = FaceDetector::new(detector);
        detector.model()?;
        if !wants_vectors(request) {
            return Ok(FaceModels { detector, encoder: None });
        }
        let none = "no model that tells faces apart is configured";
        let wanted = (FamilyKind::FaceEmbedding, none);
        let encoder = self.model(request.embedding_model.as_deref(), wanted, request.deadline).await?;
        open_by(&encoder, request.deadline).await?;
        let encoder = FaceEncoder::new(encoder);
        encoder.model()?;
        Ok(FaceModels { detector, encoder: Some(encoder) })
    }

    async fn model(
        &self,
        name: Option<&str>,
        (family, none): (FamilyKind, &'static str),
        deadline: Instant,
    ) -> Result<ModelHandle, ServiceError> {
        match name {
            Some(name) => named(&self.registry, name),
            None => only(&self.registry, &[family], none, deadline).await,
        }
    }

    async fn found(
        &self,
        caller: &Caller,
        request: FaceRequest,
        options: FaceOptions,
        models: FaceModels,
    ) -> Result<FaceAnswer, ServiceError> {
        let call = caller.call(Class::Interactive, request.deadline);
        // Decoded once for everything that is done with it; for the detector alone, by the slot that takes it.
        let prepared = wants_vectors(&request) || request.crops.is_some();
        let picture = if prepared { self.decoded(request.picture).await? } else { request.picture };
        let found = models.detector.detect(picture.clone(), options, call)?.await?;
        let Faces { width, height, items, not_finite } = found.output;
        let (vectors, encoder) = match &models.encoder {
            Some(encoder) => vectors(encoder, &picture, &items, call).await?,
            None => (Vec::new(), None),
        };
        let crops = match request.crops {
            Some(encoding) => self.crops(picture, items.clone(), encoding).await?,
            None => Vec::new(),
        };
        let (mut vectors, mut crops) = (vectors.into_iter(), crops.into_iter());
        let faces = items.into_iter().map(|face| {
            let (embedding, crop) = (vectors.next().flatten(), crops.next().flatten());
            FoundFace { face, embedding, crop }
        });
        let faces = faces.collect();
        let (generation, timings) = (found.generation, found.timings);
        Ok(FaceAnswer { generation, timings, width, height, faces, not_finite, encoder })
    }

    /// The picture as a frame, decoded on a thread that may be blocked.
    async fn decoded(&self, picture: Picture) -> Result<Picture, ServiceError> {
        self.aside(move || picture.frame(&FramePool::new(0)).map(Picture::decoded).map_err(|error| unusable(&error)))
            .await
    }

    async fn crops(
        &self,
        picture: Picture,
        faces: Vec<Face>,
        encoding: ImageEncoding,
    ) -> Result<Vec<Option<Vec<u8>>>, ServiceError> {
        self.aside(move || {
            let pool = FramePool::new(2);
            let frame = picture.frame(&pool).map_err(|error| unusable(&error))?;
            faces.iter().map(|face| crop(&frame, face, encoding, &pool)).collect()
        })
        .await
    }

    /// Runs `work` on a thread that may be blocked; as many at once as there are places.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let place = Arc::clone(&self.preparations).acquire_owned().await.map_err(|_| internal())?;
        let work = move || {
            // Held by the work and not by who waits for it: who gives up does not make it end.
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| internal())?
    }
}

const fn wants_vectors(request: &FaceRequest) -> bool {
    request.embeddings || request.embedding_model.is_some()
}

fn options(request: &FaceRequest) -> Result<FaceOptions, ServiceError> {
    let default = FaceOptions::default();
    let prepared = wants_vectors(request) || request.crops.is_some();
    let most = if prepared { FaceRequest::PREPARED_MAX } else { usize::MAX };
    let options = FaceOptions {
        score_min: request.score_min.unwrap_or(default.score_min),
        iou_max: request.iou_max.unwrap_or(default.iou_max),
        faces_max: request.faces_max.unwrap_or(default.faces_max.min(most)),
    };
    options.validate().map_err(|error| ServiceError::invalid(error.code(), error.to_string()))?;
    if options.faces_max > most {
        let message =
            format!("`faces_max` is {}; with vectors or crops it must be from 1 to {most}", options.faces_max);
        return Err(ServiceError::invalid("invalid_option", message));
    }
    Ok(options)
}

/// A vector for each face; none for one whose points tell no direction. All are queued at once, so that they may share runs.
async fn vectors(
    encoder: &FaceEncoder,
    picture: &Picture,
    faces: &[Face],
    call: Call,
) -> Result<(Vec<Option<Vec<f32>>>, Option<Arc<Generation>>), ServiceError> {
    let mut generation = Some(encoder.handle().generation()?);
    let usable = |face: &Face| alignment(&face.landmarks, FaceRequest::CROP_SIDE).is_some();
    let queue = |face: &Face| usable(face).then(|| encoder.encode(picture.clone(), &face.landmarks, call)).transpose();
    let pending = faces.iter().map(queue).collect::<Result<Vec<_>, _>>()?;
    let mut vectors = Vec::with_capacity(pending.len());
    for pending in pending {
        let Some(pending) = pending else {
            vectors.push(None);
            continue;
        };
        let completed = pending.await?;
        generation = Some(completed.generation);
        vectors.push(Some(completed.output.0));
    }
    Ok((vectors, generation))
}

fn crop(
    frame: &Frame,
    face: &Face,
    encoding: ImageEncoding,
    pool: &FramePool,
) -> Result<Option<Vec<u8>>, ServiceError> {
    let upright = aligned_face(frame, &face.landmarks, FaceRequest::CROP_SIDE, pool);
    upright.map(|upright| encode_image(&upright, encoding, pool)).transpose().map_err(|error| unusable(&error))
}

/// As the slots tell it, where they decode.
fn unusable(error: &MediaError) -> ServiceError {
    RunError::new(RunErrorKind::Input { code: error.kind().code() }, error.to_string()).into()
}

fn internal() -> ServiceError {
    RunError::new(RunErrorKind::Internal, "the picture could not be prepared").into()
}
