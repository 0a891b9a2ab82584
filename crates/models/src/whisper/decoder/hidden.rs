//! The hidden states of a window, no wider than the decoder reads them: they are kept as long as the window is heard.

use crate::floats::floats;
use half::bf16;
use half::slice::HalfFloatSliceExt;
use samovar_engine_api::{ElementType, EngineError, TensorRef};
use std::borrow::Cow;

/// Numbers of the encoder's output, `[positions, width]`.
#[derive(Clone, Debug)]
pub(in crate::whisper) enum Hidden {
    F32(Vec<f32>),
    /// Where the decoder rounds them to this before anything else.
    Bf16(Vec<bf16>),
}

impl Hidden {
    /// The numbers of `row`, kept as `element` where that is bf16.
    ///
    /// # Errors
    /// Elements of a type that no encoder gives.
    pub(in crate::whisper) fn of(row: &TensorRef<'_>, element: ElementType) -> Result<Self, EngineError> {
        let numbers = floats(row)?;
        if element != ElementType::Bf16 {
            return Ok(Self::F32(numbers.into_owned()));
        }
        let mut narrow = vec![bf16::ZERO; numbers.len()];
        narrow.convert_from_f32_slice(&numbers);
        Ok(Self::Bf16(narrow))
    }

    pub(in crate::whisper) fn is_finite(&self) -> bool {
        match self {
            Self::F32(numbers) => numbers.iter().all(|number| number.is_finite()),
            Self::Bf16(numbers) => numbers.iter().all(|number| number.is_finite()),
        }
    }

    pub(in crate::whisper) fn floats(&self) -> Cow<'_, [f32]> {
        match self {
            Self::F32(numbers) => Cow::Borrowed(numbers),
            Self::Bf16(numbers) => Cow::Owned(numbers.to_f32_vec()),
        }
    }

    /// Writes them to `to`, which has room for as many.
    pub(in crate::whisper) fn write(&self, to: &mut [f32]) {
        match self {
            Self::F32(numbers) => to.copy_from_slice(numbers),
            Self::Bf16(numbers) => numbers.convert_to_f32_slice(to),
        }
    }
}

impl FromIterator<f32> for Hidden {
    fn from_iter<I: IntoIterator<Item = f32>>(numbers: I) -> Self {
        Self::F32(numbers.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_in_16_bits_is_what_the_decoder_would_round_it_to() {
        let numbers: Vec<f32> = (0..1_000).map(|at| (at as f32 * 0.37).sin() * 3.0).collect();
        let row = TensorRef::from((&[10, 100][..], &numbers[..]));
        let [wide, narrow] = [ElementType::F32, ElementType::Bf16].map(|element| Hidden::of(&row, element).unwrap());
        assert_eq!(*wide.floats(), numbers);
        let rounded: Vec<f32> = numbers.iter().map(|&number| bf16::from_f32(number).to_f32()).collect();
        let mut written = vec![0.0; numbers.len()];
        narrow.write(&mut written);
        assert_eq!((&*narrow.floats(), &written), (&rounded[..], &rounded));
        assert!(wide.is_finite() && narrow.is_finite());
        assert!(!Hidden::from_iter([1.0, f32::NAN]).is_finite());
    }
}
