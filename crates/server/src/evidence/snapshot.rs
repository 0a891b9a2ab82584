//! The annotated picture of an anomaly: box, number, score and skeleton of whoever it is about.

use samovar_media::{Canvas, FramePool, ImageEncoding, MediaError, Picture, encode_image};
use samovar_models::COCO_LIMBS;
use samovar_pipelines::ScenePerson;

const QUALITY: u8 = 90;
/// Whoever is unusual stands out from whatever else is drawn in other places.
const RED: [u8; 3] = [230, 30, 30];
/// A key point that is less certain is not drawn.
const VISIBLE_MIN: f32 = 0.3;

/// The picture as JPEG, with the person marked.
///
/// # Errors
/// The picture cannot be decoded.
pub(super) fn snapshot(picture: &Picture, person: &ScenePerson) -> Result<Vec<u8>, MediaError> {
    let pool = FramePool::new(0);
    let frame = picture.frame(&pool)?;
    let mut canvas = Canvas::new(&frame, &pool);
    let points: Vec<_> = person.keypoints.iter().map(|point| [point.x, point.y, point.score]).collect();
    if !points.is_empty() {
        canvas.draw_pose(&points, &COCO_LIMBS, RED, VISIBLE_MIN);
    }
    let sides = [person.bbox.x1, person.bbox.y1, person.bbox.x2, person.bbox.y2];
    canvas.draw_colored_box(sides, &label(person), RED);
    encode_image(canvas.frame(), ImageEncoding::Jpeg { quality: QUALITY }, &pool)
}

fn label(person: &ScenePerson) -> String {
    match person.anomaly_score {
        Some(score) => format!("{} {score:.1}", person.track),
        None => person.track.to_string(),
    }
}
