//! Faces brought upright: the five points of a face onto the places where ArcFace's training had them.

use super::Landmarks;
use samovar_media::{AlignedCrop, Frame, FramePool, Similarity, aligned_rgb};

/// Where ArcFace's training pictures of 112×112 pixels have the five points, in the order of [`Landmarks`]: `arcface_dst` of
/// InsightFace.
const TEMPLATE: Landmarks =
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)];

/// How a face lies in an upright square of `side` pixels, a multiple of 112, or of 128 with 8 more pixels of 128 on either side, as
/// InsightFace's `norm_crop` has both: the similarity that fits best by least squares (Umeyama 1991). None where the points tell no
/// direction, one is no number, or the side is neither.
pub fn alignment(landmarks: &Landmarks, side: u32) -> Option<AlignedCrop> {
    let template = template(side)?;
    AlignedCrop::new(&Similarity::between(landmarks, &template)?, (side, side))
}

/// An upright square of `side` pixels with the face of these landmarks, as RGB: for people to look at, and for models elsewhere. Black
/// where it leaves the picture. None as for [`alignment`].
pub fn aligned_face(frame: &Frame, landmarks: &Landmarks, side: u32, pool: &FramePool) -> Option<Frame> {
    alignment(landmarks, side).map(|crop| aligned_rgb(frame, &crop, pool))
}

/// Whether faces can be brought to squares of `side` pixels.
pub(crate) fn is_face_side(side: u32) -> bool {
    template(side).is_some()
}

fn template(side: u32) -> Option<Landmarks> {
    let (of, margin) = match side {
        0 => return None,
        side if side.is_multiple_of(112) => (112.0, 0.0),
        side if side.is_multiple_of(128) => (128.0, 8.0),
        _ => return None,
    };
    let scale = side as f32 / of;
    Some(TEMPLATE.map(|(x, y)| ((x + margin) * scale, y * scale)))
}
