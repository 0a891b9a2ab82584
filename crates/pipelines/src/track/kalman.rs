//! The filter that smooths a box and tells where it will be: a constant speed of centre, aspect and height.
//!
//! The model and its noises are those of DeepSORT (Wojke et al., ICIP 2017) that ByteTrack took over. Its matrices tie each of the
//! four numbers to its own speed alone, so that four filters of two states give the same as one of eight.

use samovar_models::BoundingBox;

/// Noise of a place and of a speed, as shares of the box's height.
const PLACE: f64 = 1.0 / 20.0;
const SPEED: f64 = 1.0 / 160.0;
/// Noises of the aspect: of its prediction, of its speed and of its measurement.
const ASPECT: f64 = 1e-2;
const ASPECT_SPEED: f64 = 1e-5;
const ASPECT_MEASURED: f64 = 1e-1;

/// Where a box is, how fast it moves and changes, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BoxFilter {
    x: Axis,
    y: Axis,
    aspect: Axis,
    height: Axis,
}

/// One number, its speed per frame and the covariance of both.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    value: f64,
    speed: f64,
    value_variance: f64,
    covariance: f64,
    speed_variance: f64,
}

impl BoxFilter {
    /// A box that has been seen once.
    pub(super) fn new(bbox: &BoundingBox) -> Self {
        let [x, y, aspect, height] = measured(bbox);
        let (place, speed) = (2.0 * PLACE * height, 10.0 * SPEED * height);
        Self {
            x: Axis::new(x, place, speed),
            y: Axis::new(y, place, speed),
            aspect: Axis::new(aspect, ASPECT, ASPECT_SPEED),
            height: Axis::new(height, place, speed),
        }
    }

    /// One frame on.
    pub(super) fn predict(&mut self) {
        let (place, speed) = (PLACE * self.height.value, SPEED * self.height.value);
        self.x.predict(place, speed);
        self.y.predict(place, speed);
        self.aspect.predict(ASPECT, ASPECT_SPEED);
        self.height.predict(place, speed);
    }

    /// The height stops changing: whoever is out of sight must not grow or shrink away.
    pub(super) const fn hold_height(&mut self) {
        self.height.speed = 0.0;
    }

    /// The box has been seen there.
    pub(super) fn correct(&mut self, bbox: &BoundingBox) {
        let [x, y, aspect, height] = measured(bbox);
        let place = PLACE * self.height.value;
        self.x.correct(x, place);
        self.y.correct(y, place);
        self.aspect.correct(aspect, ASPECT_MEASURED);
        self.height.correct(height, place);
    }

    /// Where the box is, as far as is known.
    pub(super) fn bbox(&self) -> BoundingBox {
        let (x, y, height) = (self.x.value, self.y.value, self.height.value);
        let width = self.aspect.value * height;
        let (left, top) = (x - width / 2.0, y - height / 2.0);
        [left as f32, top as f32, (left + width) as f32, (top + height) as f32].into()
    }
}

impl Axis {
    const fn new(value: f64, deviation: f64, speed_deviation: f64) -> Self {
        Self {
            value,
            speed: 0.0,
            value_variance: deviation * deviation,
            covariance: 0.0,
            speed_variance: speed_deviation * speed_deviation,
        }
    }

    fn predict(&mut self, deviation: f64, speed_deviation: f64) {
        self.value += self.speed;
        self.value_variance += 2.0 * self.covariance + self.speed_variance + deviation * deviation;
        self.covariance += self.speed_variance;
        self.speed_variance += speed_deviation * speed_deviation;
    }

    fn correct(&mut self, measured: f64, deviation: f64) {
        let innovation_variance = self.value_variance + deviation * deviation;
        let gain = self.value_variance / innovation_variance;
        let speed_gain = self.covariance / innovation_variance;
        let innovation = measured - self.value;
        self.value += gain * innovation;
        self.speed += speed_gain * innovation;
        self.value_variance -= gain * self.value_variance;
        self.speed_variance -= speed_gain * self.covariance;
        self.covariance -= gain * self.covariance;
    }
}

/// Centre, aspect (width over height) and height.
fn measured(bbox: &BoundingBox) -> [f64; 4] {
    let [x1, y1, x2, y2] = [bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(f64::from);
    let (width, height) = (x2 - x1, y2 - y1);
    [x1 + width / 2.0, y1 + height / 2.0, width / height, height]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> BoundingBox {
        [x, 50.0, x + 20.0, 90.0].into()
    }

    #[test]
    fn a_box_seen_once_is_where_it_was_seen() {
        assert_eq!(BoxFilter::new(&at(10.0)).bbox(), at(10.0));
    }

    #[test]
    fn a_steady_walk_is_learned_and_carried_on() {
        let mut filter = BoxFilter::new(&at(0.0));
        for frame in 1..40 {
            filter.predict();
            filter.correct(&at(frame as f32 * 3.0));
        }
        (0..10).for_each(|_| filter.predict());
        let (told, right) = (filter.bbox(), at(49.0 * 3.0));
        assert!((told.x1 - right.x1).abs() < 0.5 && (told.y2 - right.y2).abs() < 1e-3, "{told:?} is not {right:?}");
    }

    #[test]
    fn each_step_into_the_dark_is_less_sure() {
        let mut filter = BoxFilter::new(&at(0.0));
        let mut before = filter.x.value_variance;
        for _ in 0..10 {
            filter.predict();
            assert!(filter.x.value_variance > before);
            before = filter.x.value_variance;
        }
    }
}
