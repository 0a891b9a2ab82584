//! What a store of calls can do, whatever it is made of.

use crate::{Call, CallDetail, CallEnd, CallError, CallFilter, CallId, CallTime, Entry, NewCall};
use std::pin::Pin;
use std::time::Duration;

/// What a store answers with, later.
pub type CallFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// What a store of calls can do. An `owner` of `None` may see all calls.
pub trait CallStore: Send + Sync {
    /// Keeps a new call.
    fn begin(&self, call: NewCall, now: CallTime) -> CallFuture<'_, Call>;

    /// Writes down what was heard, all of it or nothing. Errors: `Unknown`, `Ended`, `TooLong`.
    fn append(&self, id: CallId, entries: Vec<Entry>) -> CallFuture<'_, ()>;

    /// Ends a call. Ending it twice is no error, and changes nothing.
    fn end(&self, id: CallId, end: CallEnd, now: CallTime) -> CallFuture<'_, Call>;

    /// A call alone. Errors: `Unknown`.
    fn find(&self, id: CallId, owner: Option<&str>) -> CallFuture<'_, Call>;

    /// A call and everything that was kept of it. Errors: `Unknown`.
    fn get(&self, id: CallId, owner: Option<&str>) -> CallFuture<'_, CallDetail>;

    /// The newest calls that fit, and what to ask with for more ([`CallFilter::after`]). Errors: `Search`.
    fn list(&self, filter: CallFilter) -> CallFuture<'_, (Vec<Call>, Option<u64>)>;

    /// Forgets a call, and answers with it, so that its audio can be removed. Errors: `Unknown`.
    fn delete(&self, id: CallId, owner: Option<&str>) -> CallFuture<'_, Call>;

    /// Forgets calls that ended longer ago than `keep`, at most some hundreds in one go, and answers with them, so that their audio
    /// can be removed. Fewer than before are left as long as the answer is not empty.
    fn sweep(&self, keep: Duration, now: CallTime) -> CallFuture<'_, Vec<Call>>;

    /// Marks the calls that were open when the last process ended as interrupted: asked once, at start. Answers with how many.
    fn interrupt_open(&self, now: CallTime) -> CallFuture<'_, u64>;
}
