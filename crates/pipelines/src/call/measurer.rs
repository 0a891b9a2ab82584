//! What the voice sounds like, measured beside everything else.

use samovar_acoustics::{VoiceAnalyser, VoiceFigures};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::JoinHandle;

/// Measures one call. One piece is being measured at a time, on a thread for such work.
pub(super) struct Measurer {
    state: State,
    /// Up to where sound was handed over.
    place: u64,
}

enum State {
    Idle(Box<VoiceAnalyser>),
    Busy(JoinHandle<Measured>),
    /// The end was measured.
    Done,
}

/// The analyser is gone where the call has ended.
type Measured = (Option<Box<VoiceAnalyser>>, Vec<VoiceFigures>);

/// Samples that are measured at once, at least and at most: a tenth of a second and two.
pub(super) const MEASURED: (u64, u64) = (1_600, 32_000);

impl Measurer {
    pub(super) fn new() -> Self {
        Self { state: State::Idle(Box::default()), place: 0 }
    }

    /// Up to where sound was handed over.
    pub(super) const fn place(&self) -> u64 {
        self.place
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_))
    }

    /// Whether the end was measured.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Measures what follows; `is_last`: and ends with it.
    pub(super) fn start(&mut self, sound: Vec<f32>, is_last: bool) {
        let State::Idle(mut analyser) = std::mem::replace(&mut self.state, State::Done) else { return };
        self.place += sound.len() as u64;
        self.state = State::Busy(tokio::task::spawn_blocking(move || {
            let mut figures = analyser.push(&sound);
            if !is_last {
                return (Some(analyser), figures);
            }
            figures.extend(analyser.finish());
            (None, figures)
        }));
    }

    /// The figures of the piece.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Vec<VoiceFigures>> {
        let State::Busy(run) = &mut self.state else { return Poll::Pending };
        let Poll::Ready(measured) = Pin::new(run).poll(context) else { return Poll::Pending };
        // A measurement that panicked, or whose event loop ends, is the last.
        let (analyser, figures) = measured.unwrap_or_default();
        self.state = analyser.map_or(State::Done, State::Idle);
        Poll::Ready(figures)
    }
}
