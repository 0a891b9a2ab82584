//! Brings a stream's models back that were put away under it: a frame is a use of its models like any other, and uses load.

use samovar_runtime::{ModelHandle, RunErrorKind};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The loads of models that a stream needs again, by the place of the model in the stream: as many as it has models.
#[derive(Default)]
pub(crate) struct Reopening {
    openings: Vec<Option<Opening>>,
}

type Opening = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Reopening {
    /// Begins to load the model where it does not serve. What becomes of it is in its state; frames that come meanwhile are told as
    /// `NotReady`.
    pub(crate) fn look(&mut self, model: &ModelHandle) {
        self.look_at(0, model);
    }

    /// The same for each of several models, always in the same order.
    pub(crate) fn look_at_all<'a>(&mut self, models: impl IntoIterator<Item = &'a ModelHandle>) {
        models.into_iter().enumerate().for_each(|(place, model)| self.look_at(place, model));
    }

    /// Drives the loads until one ends; waits for ever where there is none. Safe to cancel.
    pub(crate) async fn ended(&mut self) {
        poll_fn(|context| self.poll_ended(context)).await;
    }

    fn look_at(&mut self, place: usize, model: &ModelHandle) {
        if self.openings.len() <= place {
            self.openings.resize_with(place + 1, || None);
        }
        let gone = model.generation().is_err_and(|error| matches!(error.kind(), RunErrorKind::NotReady { .. }));
        if gone && self.openings[place].is_none() {
            let model = model.clone();
            self.openings[place] = Some(Box::pin(async move { drop(model.open().await) }));
        }
    }

    fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let is_over = |opening: &mut Option<Opening>| {
            opening.as_mut().is_some_and(|opening| opening.as_mut().poll(context).is_ready())
        };
        match self.openings.iter_mut().position(is_over) {
            Some(place) => {
                self.openings[place] = None;
                Poll::Ready(())
            }
            None => Poll::Pending,
        }
    }
}
