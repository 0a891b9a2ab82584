//! A tensor in memory of our own: the inputs that engines without input memory of theirs lend, and converted outputs.
//!
//! One vector per tensor, which grows to the largest shape asked for and is used again for every smaller one, so that a
//! runner's pages are touched once.

use half::{bf16, f16};
use samovar_engine_api::{ElementType, TensorMut, TensorRef};

macro_rules! host_tensor {
    ($($variant:ident, $rust:ty, $zero:expr);* $(;)?) => {
        /// Elements of one type and the shape that they have now.
        #[derive(Clone, Debug)]
        pub(crate) struct HostTensor {
            shape: Vec<usize>,
            data: HostData,
        }

        /// The elements, by type.
        #[derive(Clone, Debug)]
        pub(crate) enum HostData { $($variant(Vec<$rust>),)* }

        impl HostTensor {
            /// A tensor without elements.
            pub(crate) fn empty(element: ElementType) -> Self {
                let data = match element { $(ElementType::$variant => HostData::$variant(Vec::new()),)* };
                Self { shape: vec![0], data }
            }

            /// Gives the tensor a shape. Elements keep their values where the shape stays; new ones are zero.
            pub(crate) fn reshape(&mut self, shape: &[usize]) {
                if self.shape == shape {
                    return;
                }
                let count = shape.iter().product();
                self.shape = shape.to_vec();
                match &mut self.data { $(HostData::$variant(data) => data.resize(count, $zero),)* }
            }

            /// The elements, to be read.
            pub(crate) fn view(&self) -> TensorRef<'_> {
                match &self.data { $(HostData::$variant(data) => TensorRef::from((&self.shape[..], &data[..])),)* }
            }

            /// The elements, to be written.
            pub(crate) fn view_mut(&mut self) -> TensorMut<'_> {
                match &mut self.data { $(HostData::$variant(data) => TensorMut::from((&self.shape[..], &mut data[..])),)* }
            }
        }
    };
}

host_tensor! {
    Bool, bool, false;
    U8, u8, 0;
    I8, i8, 0;
    U16, u16, 0;
    I16, i16, 0;
    U32, u32, 0;
    I32, i32, 0;
    U64, u64, 0;
    I64, i64, 0;
    F16, f16, f16::ZERO;
    Bf16, bf16, bf16::ZERO;
    F32, f32, 0.0;
    F64, f64, 0.0;
}

impl HostTensor {
    /// The sizes of the axes.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, by type.
    pub(crate) fn data(&self) -> &HostData {
        &self.data
    }

    /// The elements, by type, to be written.
    pub(crate) fn data_mut(&mut self) -> &mut HostData {
        &mut self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_shape_uses_the_same_memory() {
        let mut tensor = HostTensor::empty(ElementType::F32);
        tensor.reshape(&[4, 8]);
        let large = tensor.view().as_slice::<f32>().unwrap().as_ptr();
        tensor.reshape(&[2, 8]);
        assert_eq!(tensor.view().as_slice::<f32>().unwrap().as_ptr(), large);
        tensor.reshape(&[4, 8]);
        assert_eq!(tensor.view().as_slice::<f32>().unwrap().as_ptr(), large);
    }

    #[test]
    fn the_same_shape_keeps_its_content() {
        let mut tensor = HostTensor::empty(ElementType::I64);
        tensor.reshape(&[2]);
        tensor.view_mut().into_slice::<i64>().unwrap().copy_from_slice(&[5, 6]);
        tensor.reshape(&[2]);
        assert_eq!(tensor.view().as_slice::<i64>().unwrap(), [5, 6]);
    }
}
