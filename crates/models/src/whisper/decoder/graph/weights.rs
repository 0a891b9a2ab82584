//! The weights of a Whisper decoder by their part in it, whatever their names in the file.

use super::proto::Tensor;
use crate::lora::Place;

/// A stored matrix; `turned` where its rows are what comes out (`[out, in]`), as the checkpoint has it, and not what goes in.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) tensor: Tensor,
    pub(super) turned: bool,
}

impl Matrix {
    /// Turns one that is stored `[in, out]` round. OpenVINO packs `[out, in]` from where it lies; of the other it makes a copy that it
    /// keeps beside what it packs.
    pub(super) fn turn(&mut self) {
        let (Some(bytes), &[rows, columns], false) = (&self.tensor.raw_data, &*self.tensor.dims, self.turned) else {
            return;
        };
        let [height, width] = [rows, columns].map(|size| usize::try_from(size).unwrap_or(0));
        if let Some(size) = bytes.len().checked_div(height * width) {
            self.tensor.raw_data = Some(turned(bytes, size, width).into());
            (self.tensor.dims, self.turned) = (vec![columns, rows], true);
        }
    }
}

/// A matrix of `width` columns, turned round; its numbers have `size` bytes. Tile by tile, so that what is read stays at hand until all of
/// it was used.
fn turned(bytes: &[u8], size: usize, width: usize) -> Vec<u8> {
    const TILE: usize = 32;
    let height = bytes.len() / (size * width);
    let mut result = vec![0; bytes.len()];
    for (top, left) in (0..height).step_by(TILE).flat_map(|top| (0..width).step_by(TILE).map(move |left| (top, left))) {
        for row in top..height.min(top + TILE) {
            for column in left..width.min(left + TILE) {
                let (from, to) = ((row * width + column) * size, (column * height + row) * size);
                result[to..to + size].copy_from_slice(&bytes[from..from + size]);
            }
        }
    }
    result
}

/// `x · matrix + bias`.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub(super) matrix: Matrix,
    pub(super) bias: Option<Tensor>,
}

/// A layer normalisation.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) scale: Tensor,
    pub(super) shift: Tensor,
}

/// One attention and the normalisation before it.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    pub(super) norm: Norm,
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) out: Linear,
}

/// One layer: attention to the text, attention to the sound, two linear layers.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) own: Attention,
    pub(super) cross: Attention,
    pub(super) norm: Norm,
    pub(super) grow: Linear,
    pub(super) shrink: Linear,
}

/// A whole decoder.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    /// `[vocabulary, width]`.
    pub(super) tokens: Tensor,
    /// `[context, width]`.
    pub(super) positions: Tensor,
    pub(super) layers: Vec<Layer>,
    pub(super) norm: Norm,
    /// To the logits; none where it is the table of tokens once more.
    pub(super) projection: Option<Linear>,
}

impl Weights {
    /// The stored matrices by the paths of their modules in a checkpoint.
    pub(super) fn places(&self) -> Vec<Place> {
        let layers = self.layers.iter().enumerate().flat_map(|(index, layer)| layer.places(&format!("layers.{index}")));
        let projection = self.projection.iter().map(|linear| linear.place("proj_out".to_owned()));
        layers.chain(projection).collect()
    }

    /// All of its linear layers.
    pub(super) fn linears(&mut self) -> impl Iterator<Item = &mut Linear> {
        self.layers.iter_mut().flat_map(Layer::linears).chain(&mut self.projection)
    }
}

impl Layer {
    fn linears(&mut self) -> [&mut Linear; 10] {
        let Self { own, cross, grow, shrink, .. } = self;
        let Attention { query, key, value, out, .. } = own;
        let Attention { query: cross_query, key: cross_key, value: cross_value, out: cross_out, .. } = cross;
        [query, key, value, out, cross_query, cross_key, cross_value, cross_out, grow, shrink]
    }

    fn places(&self, path: &str) -> Vec<Place> {
        let attention = |name: &str, attention: &Attention| {
            let parts = [
                ("q_proj", &attention.query),
                ("k_proj", &attention.key),
                ("v_proj", &attention.value),
                ("out_proj", &attention.out),
            ];
            parts.map(|(part, linear)| linear.place(format!("{path}.{name}.{part}")))
        };
        let ends =
            [("fc1", &self.grow), ("fc2", &self.shrink)].map(|(name, linear)| linear.place(format!("{path}.{name}")));
        let attentions = [attention("self_attn", &self.own), attention("encoder_attn", &self.cross)];
        attentions.into_iter().flatten().chain(ends).collect()
    }
}

impl Linear {
    fn place(&self, path: String) -> Place {
        Place { path, tensor: self.matrix.tensor.name.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_turned_once() {
        let (height, width) = (35, 70);
        let numbers: Vec<u8> = (0..height * width).flat_map(|at: u16| at.to_le_bytes()).collect();
        let tensor =
            Tensor { dims: vec![35, 70], data_type: 10, raw_data: Some(numbers.clone().into()), ..Tensor::default() };
        let mut matrix = Matrix { tensor, turned: false };
        matrix.turn();
        matrix.turn();
        assert_eq!((matrix.turned, &*matrix.tensor.dims), (true, &[70, 35][..]));
        let there = matrix.tensor.raw_data.unwrap();
        assert_eq!(there[2 * 35..][..2], 1_u16.to_le_bytes(), "the second column's first number begins the second row");
        assert_eq!(turned(&there, 2, 35), numbers);
    }
}
