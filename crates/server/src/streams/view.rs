//! The newest picture of a stream with what was found in it, for whoever looks. Costs nothing while nobody does.

use axum::extract::ws::Utf8Bytes;
use samovar_media::Picture;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// One picture, and what was found in it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// As it came: still compressed, or a decoded frame of a video.
    pub(crate) picture: Picture,
    /// The result about this very picture, a JSON object.
    pub(crate) result: Utf8Bytes,
}

/// The newest picture of one stream.
#[derive(Debug, Default)]
pub(super) struct View {
    newest: watch::Sender<Option<Arc<Shown>>>,
}

/// Somebody who looks at one stream.
#[derive(Debug)]
pub(crate) struct StreamViewer {
    newest: watch::Receiver<Option<Arc<Shown>>>,
    _place: OwnedSemaphorePermit,
}

impl View {
    /// Whether anybody looks.
    pub(super) fn is_watched(&self) -> bool {
        self.newest.receiver_count() > 0
    }

    /// Shows a picture in place of the last one, where anybody looks. Never waits.
    pub(super) fn show(&self, shown: impl FnOnce() -> Shown) {
        if self.is_watched() {
            self.newest.send_replace(Some(Arc::new(shown())));
        } else if self.newest.borrow().is_some() {
            // The last viewer has gone, and the picture need not stay.
            self.newest.send_replace(None);
        }
    }

    /// One more viewer, who holds a place.
    pub(super) fn look(&self, place: OwnedSemaphorePermit) -> StreamViewer {
        let mut newest = self.newest.subscribe();
        newest.mark_changed();
        StreamViewer { newest, _place: place }
    }
}

impl StreamViewer {
    /// Waits for a picture that this viewer has not seen and gives the newest; none when the stream has ended. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Option<Arc<Shown>> {
        loop {
            self.newest.changed().await.ok()?;
            if let Some(shown) = &*self.newest.borrow_and_update() {
                return Some(Arc::clone(shown));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_media::{Frame, FramePool, PixelFormat};
    use std::time::Duration;
    use tokio::sync::Semaphore;

    fn shown(result: &'static str) -> Shown {
        let pixels = FramePool::new(0).take(PixelFormat::Rgb8.size_bytes(2, 2));
        let picture = Frame::new(2, 2, PixelFormat::Rgb8, Duration::ZERO, pixels).into();
        Shown { picture, result: Utf8Bytes::from_static(result) }
    }

    #[tokio::test]
    async fn a_viewer_sees_the_newest_and_nothing_is_kept_for_nobody() {
        let (view, places) = (View::default(), Arc::new(Semaphore::new(1)));
        view.show(|| panic!("nobody looks"));
        let mut viewer = view.look(Arc::clone(&places).try_acquire_owned().unwrap());
        for result in ["1", "2", "3"] {
            view.show(|| shown(result));
        }
        assert_eq!(viewer.next().await.unwrap().result, "3");
        drop(viewer);
        assert_eq!(places.available_permits(), 1);
        view.show(|| panic!("nobody looks any more"));
        let mut late = view.look(places.try_acquire_owned().unwrap());
        view.show(|| shown("5"));
        assert_eq!(late.next().await.unwrap().result, "5");
        drop(view);
        assert!(late.next().await.is_none());
    }
}
