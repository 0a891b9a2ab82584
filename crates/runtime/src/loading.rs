//! Which loads go on at the same time: as many as there are cores, and of large models no more than so many bytes.
//!
//! A load takes several times its weights before it is through: the file as it is read, the graph that is compiled from it, and what
//! is compiled. Five large models at once would need that five times; one after the other they need it once.

use crate::cores::{Cores, CoresHeld};

/// Bytes of model files, data beside them included, that are loaded at the same time. A model that is larger is loaded alone.
const BYTES_MAX: u64 = 1 << 30;

/// The places of loads in progress: first come, first served, so that small models never keep a large one waiting for ever.
pub(crate) struct Loading {
    places: Cores,
}

impl Loading {
    /// As many places as there are `cores`.
    pub(crate) fn new(cores: usize) -> Self {
        Self { places: Cores::new(cores) }
    }

    /// Waits until a model of so many bytes may be loaded; it may until what this gives is dropped.
    pub(crate) fn begin(&self, size_bytes: u64) -> CoresHeld {
        self.places.take(places(size_bytes, self.places.total()))
    }
}

/// The share of all places that so many bytes are of [`BYTES_MAX`]; one at least.
fn places(size_bytes: u64, total: usize) -> usize {
    let share = u128::from(size_bytes) * total as u128;
    let places = share.div_ceil(u128::from(BYTES_MAX));
    usize::try_from(places).unwrap_or(total).clamp(1, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_models_take_a_place_each_and_large_ones_as_many_as_they_are_large() {
        const MIB: u64 = 1 << 20;
        let of_two = [0, 100 * MIB, 512 * MIB, 513 * MIB, 1024 * MIB, u64::MAX].map(|bytes| places(bytes, 2));
        assert_eq!(of_two, [1, 1, 1, 2, 2, 2]);
        let of_sixteen = [0, 12 * MIB, 90 * MIB, 600 * MIB, 5000 * MIB].map(|bytes| places(bytes, 16));
        assert_eq!(of_sixteen, [1, 1, 2, 10, 16]);
        assert_eq!(places(u64::MAX, 1), 1);
    }
}
