//! Texts to tokens: in place where that is quicker than to hand them over, else on a thread that may take its time.

use super::{Encoding, TextError};
use samovar_runtime::{RunError, RunErrorKind};
use tokio::sync::Semaphore;

/// Texts of so many bytes together are tokenized in place: about a tenth of a millisecond, as long as handing them over may take.
const IN_PLACE_BYTES: usize = 2048;

/// Requests that are tokenized at the same time, on threads beside the slots': more would only take the cores from the runs.
static ELSEWHERE: Semaphore = Semaphore::const_new(2);

/// The tokens of every text, in order; `bytes` is how long they are together.
pub(crate) async fn tokenized<T: Send + 'static>(
    texts: Vec<T>,
    bytes: usize,
    encode: impl Fn(&T) -> Result<Encoding, TextError> + Send + 'static,
) -> Result<Vec<Encoding>, RunError> {
    let all = move || texts.iter().map(encode).collect::<Result<Vec<_>, TextError>>();
    if bytes <= IN_PLACE_BYTES {
        return Ok(all()?);
    }
    let turn = ELSEWHERE.acquire().await.map_err(|_| lost())?;
    let tokenized = tokio::task::spawn_blocking(all).await.map_err(|_| lost())?;
    drop(turn);
    Ok(tokenized?)
}

fn lost() -> RunError {
    RunError::new(RunErrorKind::Internal, "the texts could not be tokenized; the server's log says why")
}
