//! Whose turn it is to operate on a model.

use crate::lifecycle::{Memory, Model};
use parking_lot::MutexGuard;
use std::ops::{Deref, DerefMut};

/// One operation's turn: no other one on the model goes on until it is dropped. A panic leaves no state behind that somebody would
/// wait for without end.
pub(crate) struct Turn<'a> {
    model: &'a Model,
    memory: MutexGuard<'a, Memory>,
}

impl<'a> Turn<'a> {
    pub(crate) const fn new(model: &'a Model, memory: MutexGuard<'a, Memory>) -> Self {
        Self { model, memory }
    }
}

impl Deref for Turn<'_> {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        &self.memory
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // While no other operation can begin, which would find a state that nobody ends.
        if std::thread::panicking() {
            self.model.give_up("an operation on the model ended in a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{ContractError, ModelSource, ModelSpec, ModelState, Registry, RegistryOptions};
    use std::sync::Arc;

    #[test]
    fn an_operation_that_panics_leaves_no_state_that_nobody_ends() {
        let binder = Arc::new(|_: &_| Err(ContractError("nothing is bound here".to_owned())));
        let spec = ModelSpec::new("m", ModelSource::file("m"), binder);
        let registry = Registry::start(RegistryOptions::new(Vec::new()), vec![spec]).unwrap();
        let model = registry.model("m").unwrap().model;
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _turn = model.begin_operation();
            model.state.send_replace(ModelState::Draining);
            panic!("as told");
        }));
        assert!(ended.is_err());
        // The next operation begins, and one that finds nothing to do keeps what it found.
        model.clear();
        assert_eq!(model.state.borrow().name(), "failed");
    }
}
