//! Memory that a slot's thread keeps between tasks, one value per type, so that steady work allocates nothing.

use std::any::{Any, TypeId};
use std::collections::HashMap;

/// One reusable value of each type that tasks ask for. Bounded by the number of types in the program.
#[derive(Default)]
pub struct Scratch {
    values: HashMap<TypeId, Box<dyn Any + Send>>,
}

impl Scratch {
    /// This thread's value of type `T`, made on first use.
    pub fn of<T: Default + Send + 'static>(&mut self) -> &mut T {
        self.values
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::<T>::default())
            .downcast_mut()
            .expect("a value is kept under its own type")
    }
}
