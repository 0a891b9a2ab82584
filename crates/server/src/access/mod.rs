//! Who may ask what, over HTTP and what travels by it: the key of a request, the scope that its address needs, and the refusal.

mod credential;
mod layer;
mod need;

pub(crate) use credential::{REALTIME_SUBPROTOCOL, SUBPROTOCOL};
pub(crate) use layer::{AskedBy, admit};
