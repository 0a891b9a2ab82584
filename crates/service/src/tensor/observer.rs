//! Who is told what models give, and the look at it.

use samovar_models::TensorOutput;
use samovar_runtime::ElementType;

/// Who is told what models give. Called on the way of a request: it must be quick.
pub trait TensorObserver: Send + Sync {
    /// A request on `model` was answered with outputs in which something is not a number.
    fn nan(&self, model: &str);
}

impl TensorObserver for () {
    fn nan(&self, _model: &str) {}
}

/// Larger outputs are passed through unseen: looking at some MB would take as long as copying them.
const LOOKED_AT_BYTES: usize = 256 << 10;

/// Whether something in these is not a number, as far as they are looked at. Infinities are numbers here: masks are made of them.
pub(super) fn has_nan(outputs: &[TensorOutput]) -> bool {
    outputs.iter().filter(|output| output.data.len() <= LOOKED_AT_BYTES).any(|output| match output.element {
        ElementType::F32 => any(&output.data, |bytes| f32::from_le_bytes(bytes).is_nan()),
        ElementType::F64 => any(&output.data, |bytes| f64::from_le_bytes(bytes).is_nan()),
        ElementType::F16 => any(&output.data, |bytes| u16::from_le_bytes(bytes) & 0x7fff > 0x7c00),
        ElementType::Bf16 => any(&output.data, |bytes| u16::from_le_bytes(bytes) & 0x7fff > 0x7f80),
        _ => false,
    })
}

/// All are looked at, whatever the first ones are: without a way out the loop takes several at once.
fn any<const N: usize>(data: &[u8], is: impl Fn([u8; N]) -> bool) -> bool {
    let (elements, _) = data.as_chunks::<N>();
    elements.iter().fold(false, |found, element| found | is(*element))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(element: ElementType, data: Vec<u8>) -> [TensorOutput; 1] {
        [TensorOutput { element, shape: vec![1], data: data.into() }]
    }

    #[test]
    fn what_is_no_number_is_seen_and_infinity_is_one() {
        let floats = |last: f32| [0.0, f32::INFINITY, -1.5, last].into_iter().flat_map(f32::to_le_bytes).collect();
        assert!(has_nan(&output(ElementType::F32, floats(f32::NAN))));
        assert!(has_nan(&output(ElementType::F32, floats(-f32::NAN))));
        assert!(!has_nan(&output(ElementType::F32, floats(f32::MIN_POSITIVE))));
        assert!(has_nan(&output(ElementType::F64, f64::NAN.to_le_bytes().to_vec())));
        for (bits, nan) in [(0x7e00_u16, true), (0xfe01, true), (0x7c00, false), (0x3c00, false)] {
            assert_eq!(has_nan(&output(ElementType::F16, bits.to_le_bytes().to_vec())), nan, "{bits:x}");
        }
        assert!(!has_nan(&output(ElementType::I64, vec![0xff; 8])));
        let large = vec![0xff; LOOKED_AT_BYTES + 4];
        assert!(!has_nan(&output(ElementType::F32, large)), "passed through unseen");
    }
}
