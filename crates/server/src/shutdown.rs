//! How a running server is told to end: with the delay that balancers need, or without it.

use tokio_util::sync::CancellationToken;

/// Tells a running server to end. Clones tell the same server.
#[derive(Clone, Debug)]
pub struct Shutdown {
    now: CancellationToken,
    /// A child of `now`, so that skipping the delay asks as well.
    asked: CancellationToken,
}

impl Default for Shutdown {
    fn default() -> Self {
        let now = CancellationToken::new();
        Self { asked: now.child_token(), now }
    }
}

impl Shutdown {
    /// Ends the server after the drain delay, during which it takes requests as before while readiness has turned.
    pub fn drain(&self) {
        self.asked.cancel();
    }

    /// Ends the server without the delay, or ends the delay: nobody sends traffic here that has to look elsewhere first.
    /// What was accepted is still finished.
    pub fn drain_now(&self) {
        self.now.cancel();
    }

    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    pub(crate) async fn asked_now(&self) {
        self.now.cancelled().await;
    }
}
