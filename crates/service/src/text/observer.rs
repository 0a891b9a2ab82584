//! Who is told what requests for texts come to.

/// Who is told what requests for texts come to. Called on the way of a request: it must be quick.
pub trait TextObserver: Send + Sync {
    /// `count` tokens went through `model`.
    fn tokens(&self, model: &str, count: usize);

    /// `model` gave numbers that are none, and the request got an error.
    fn not_finite(&self, model: &str);
}

impl TextObserver for () {
    fn tokens(&self, _model: &str, _count: usize) {}

    fn not_finite(&self, _model: &str) {}
}
