//! Views of tensors that live in an engine's own memory: read ([`TensorRef`]) and write ([`TensorMut`]).
//!
//! Inputs are lent by a runner and written in place, outputs are read in place, so no tensor is copied on the way
//! through. Layout is always dense and row-major.

use crate::{ElementType, EngineError, EngineErrorKind};
use half::{bf16, f16};

/// A Rust type that can be the element of a tensor.
pub trait Element: Copy + private::Sealed + 'static {
    /// The tensor element type that this Rust type stands for.
    const TYPE: ElementType;
    /// The slice inside `data`, if `data` holds this type.
    fn of<'a>(data: &TensorRef<'a>) -> Option<&'a [Self]>;
    /// The mutable slice inside `data`, if `data` holds this type.
    fn of_mut<'a>(data: TensorMut<'a>) -> Option<&'a mut [Self]>;
}

macro_rules! views {
    ($($variant:ident, $rust:ty, $element:ident);* $(;)?) => {
        /// A tensor to read: one dense, row-major slice and its shape.
        #[derive(Clone, Debug)]
        pub struct TensorRef<'a> { shape: Vec<usize>, data: DataRef<'a> }

        /// A tensor to write: one dense, row-major slice and its shape.
        #[derive(Debug)]
        pub struct TensorMut<'a> { shape: Vec<usize>, data: DataMut<'a> }

        #[derive(Clone, Debug)]
        enum DataRef<'a> { $($variant(&'a [$rust]),)* }

        #[derive(Debug)]
        enum DataMut<'a> { $($variant(&'a mut [$rust]),)* }

        impl TensorRef<'_> {
            /// The type of the elements.
            pub fn element(&self) -> ElementType { match self.data { $(DataRef::$variant(_) => ElementType::$element,)* } }
            /// How many elements the slice holds.
            pub fn len(&self) -> usize { match &self.data { $(DataRef::$variant(s) => s.len(),)* } }
        }

        impl TensorMut<'_> {
            /// The type of the elements.
            pub fn element(&self) -> ElementType { match self.data { $(DataMut::$variant(_) => ElementType::$element,)* } }
            /// How many elements the slice holds.
            pub fn len(&self) -> usize { match &self.data { $(DataMut::$variant(s) => s.len(),)* } }
        }

        impl<'a> TensorRef<'a> {
            /// Row `index` of the first axis, as a tensor without that axis.
            ///
            /// # Errors
            /// `Shape` where there is no first axis or no such row.
            pub fn row(&self, index: usize) -> Result<TensorRef<'a>, EngineError> {
                let (shape, range) = row_of(&self.shape, index)?;
                Ok(match self.data { $(DataRef::$variant(s) => TensorRef { shape, data: DataRef::$variant(&s[range]) },)* })
            }
        }

        impl<'a> TensorMut<'a> {
            /// Row `index` of the first axis, as a tensor without that axis.
            ///
            /// # Errors
            /// `Shape` where there is no first axis or no such row.
            pub fn into_row(self, index: usize) -> Result<TensorMut<'a>, EngineError> {
                let (shape, range) = row_of(&self.shape, index)?;
                Ok(match self.data { $(DataMut::$variant(s) => TensorMut { shape, data: DataMut::$variant(&mut s[range]) },)* })
            }
        }

        $(impl private::Sealed for $rust {}
        impl Element for $rust {
            const TYPE: ElementType = ElementType::$element;
            fn of<'a>(tensor: &TensorRef<'a>) -> Option<&'a [Self]> {
                match tensor.data { DataRef::$variant(s) => Some(s), _ => None }
            }
            fn of_mut<'a>(tensor: TensorMut<'a>) -> Option<&'a mut [Self]> {
                match tensor.data { DataMut::$variant(s) => Some(s), _ => None }
            }
        }
        impl<'a> From<(&[usize], &'a [$rust])> for TensorRef<'a> {
            fn from((shape, data): (&[usize], &'a [$rust])) -> Self {
                debug_assert_eq!(shape.iter().product::<usize>(), data.len());
                Self { shape: shape.to_vec(), data: DataRef::$variant(data) }
            }
        }
        impl<'a> From<(&[usize], &'a mut [$rust])> for TensorMut<'a> {
            fn from((shape, data): (&[usize], &'a mut [$rust])) -> Self {
                debug_assert_eq!(shape.iter().product::<usize>(), data.len());
                Self { shape: shape.to_vec(), data: DataMut::$variant(data) }
            }
        })*
    };
}

views! {
    Bool, bool, Bool;
    U8, u8, U8;
    I8, i8, I8;
    U16, u16, U16;
    I16, i16, I16;
    U32, u32, U32;
    I32, i32, I32;
    U64, u64, U64;
    I64, i64, I64;
    F16, f16, F16;
    Bf16, bf16, Bf16;
    F32, f32, F32;
    F64, f64, F64;
}

impl<'a> TensorRef<'a> {
    /// The sizes of the axes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the tensor has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as `T`.
    ///
    /// # Errors
    /// `ElementType` where the tensor holds another type.
    pub fn as_slice<T: Element>(&self) -> Result<&'a [T], EngineError> {
        T::of(self).ok_or_else(|| wrong_type(T::TYPE, self.element()))
    }
}

impl<'a> TensorMut<'a> {
    /// The sizes of the axes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the tensor has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as `T`, to be written.
    ///
    /// # Errors
    /// `ElementType` where the tensor holds another type.
    pub fn into_slice<T: Element>(self) -> Result<&'a mut [T], EngineError> {
        let found = self.element();
        T::of_mut(self).ok_or_else(|| wrong_type(T::TYPE, found))
    }
}

fn wrong_type(wanted: ElementType, found: ElementType) -> EngineError {
    EngineError::new(EngineErrorKind::ElementType, format!("the tensor holds {found}, {wanted} was asked for"))
}

fn row_of(shape: &[usize], index: usize) -> Result<(Vec<usize>, std::ops::Range<usize>), EngineError> {
    let (&rows, rest) = shape
        .split_first()
        .ok_or_else(|| EngineError::new(EngineErrorKind::Shape, "a scalar has no rows".to_owned()))?;
    if index >= rows {
        return Err(EngineError::new(EngineErrorKind::Shape, format!("row {index} of a tensor with {rows} rows")));
    }
    let size: usize = rest.iter().product();
    Ok((rest.to_vec(), index * size..(index + 1) * size))
}

mod private {
    pub trait Sealed {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_the_slice_behind_its_index() {
        let data = [0_f32, 1.0, 2.0, 3.0, 4.0, 5.0];
        let tensor = TensorRef::from((&[2, 3][..], &data[..]));
        let row = tensor.row(1).unwrap();
        assert_eq!(row.shape(), [3]);
        assert_eq!(row.as_slice::<f32>().unwrap(), [3.0, 4.0, 5.0]);
        assert_eq!(tensor.row(2).unwrap_err().kind(), EngineErrorKind::Shape);
    }

    #[test]
    fn the_element_type_is_checked() {
        let data = [1_i64];
        let tensor = TensorRef::from((&[1][..], &data[..]));
        assert_eq!(tensor.as_slice::<f32>().unwrap_err().kind(), EngineErrorKind::ElementType);
        assert_eq!(tensor.as_slice::<i64>().unwrap(), [1]);
    }

    #[test]
    fn a_mutable_row_writes_through() {
        let mut data = [0_u8; 4];
        let tensor = TensorMut::from((&[2, 2][..], &mut data[..]));
        tensor.into_row(1).unwrap().into_slice::<u8>().unwrap().copy_from_slice(&[7, 8]);
        assert_eq!(data, [0, 0, 7, 8]);
    }
}
