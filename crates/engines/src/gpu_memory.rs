//! How much memory a card has, as NVIDIA's management library (NVML) tells, and what a share of it comes to.
//!
//! NVML comes with the driver. CUDA numbers cards by speed unless `CUDA_DEVICE_ORDER=PCI_BUS_ID` is set, NVML by their place on the bus: on
//! a machine whose cards differ, set it. Nobody has run this on a card yet.

use nvml_wrapper::Nvml;
use samovar_engine_api::MemoryShare;
use std::ffi::OsStr;

/// The first is what drivers install, the second needs a development package.
const LIBRARIES: [&str; 2] = ["libnvidia-ml.so.1", "libnvidia-ml.so"];

/// The bytes that `share` is of the memory of card `index`; none, with a line in the log, where nobody tells how much it has.
pub(crate) fn limit_bytes(share: Option<MemoryShare>, index: u32) -> Option<usize> {
    let share = share?;
    match total_bytes(index) {
        Some(total_bytes) => usize::try_from(share.of(total_bytes)).ok(),
        None => {
            tracing::warn!(index, %share, "the memory of the card is not known: its share is not held to");
            None
        }
    }
}

fn total_bytes(index: u32) -> Option<u64> {
    let nvml = LIBRARIES.iter().find_map(|name| Nvml::builder().lib_path(OsStr::new(name)).init().ok())?;
    Some(nvml.device_by_index(index).ok()?.memory_info().ok()?.total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_share_or_a_card_there_is_no_limit() {
        assert_eq!(limit_bytes(None, 0), None);
        assert_eq!(limit_bytes(MemoryShare::from_fraction(0.5), u32::MAX), None);
    }
}
