//! A pose-sequence model bound to one file: how windows of poses enter it and how a score leaves it. Serves the family
//! `stg-nf`.

use crate::sequence_fit::SequenceFit;
use crate::warm_up_walk::WarmUpWalk;
use crate::{FamilyHints, FamilyKind, PoseWindow, WindowError};
use half::f16;
use samovar_engine_api::{ElementType, Signature};
use samovar_runtime::{ContractError, Family, InputRow, OutputRow, RowShape, RowShapes, Scratch, TaskError, WarmUpRow};

/// A pose-sequence model bound to one model's signature.
///
/// In: one window `[batch, 2 or 3, frames, joints]`: x, y and, where there is a third channel, a confidence, which is 1
/// throughout (a [`PoseWindow`] has no gaps and tells none); joints are OpenPose's 18 or COCO's 17. Out: one number for each
/// row, `[batch]` or `[batch, 1]`; for STG-NF bits per number, higher where the movement is more unusual.
#[derive(Clone, Debug)]
pub struct SequenceModel {
    fit: SequenceFit,
}

impl SequenceModel {
    /// Binds a pose-sequence model to `signature`.
    ///
    /// # Errors
    /// What was found, what is expected, and what to set.
    pub fn bind(signature: &Signature, _hints: &FamilyHints) -> Result<Self, ContractError> {
        Ok(Self { fit: SequenceFit::find(signature)? })
    }

    /// The family.
    pub const fn kind(&self) -> FamilyKind {
        FamilyKind::StgNf
    }

    /// Frames of a window.
    pub const fn window_frames(&self) -> usize {
        self.fit.frames
    }

    /// Values of one prepared window.
    pub const fn row_len(&self) -> usize {
        self.fit.channels * self.fit.frames * self.fit.joints.count()
    }

    /// Whether `window` can be scored: its length, its frame's size, and that every coordinate is a finite number.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self, window: &PoseWindow) -> Result<(), WindowError> {
        window.check(self.fit.frames)
    }

    /// Prepares `window` as STG-NF's own code does, into `[channels, frames, joints]`; see [`PoseWindow`] for the steps.
    ///
    /// # Errors
    /// A window that [`SequenceModel::check`] refuses, and one whose values leave what 32 bits hold.
    ///
    /// # Panics
    /// Where `row` has not [`SequenceModel::row_len`] elements.
    pub fn prepare(&self, window: &PoseWindow, row: &mut [f32]) -> Result<(), WindowError> {
        self.check(window)?;
        assert_eq!(row.len(), self.row_len(), "a row holds one window");
        let (positions, confidence) = row.split_at_mut(2 * self.fit.frames * self.fit.joints.count());
        window.normalised(self.fit.joints, positions)?;
        confidence.fill(1.0);
        Ok(())
    }

    pub(crate) fn rows(&self) -> RowShapes {
        RowShapes::new(vec![RowShape::Batched(vec![self.fit.channels, self.fit.frames, self.fit.joints.count()])])
    }

    pub(crate) fn write(
        &self,
        window: &PoseWindow,
        row: &mut InputRow<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), TaskError> {
        let unusable = |error: WindowError| TaskError::input(error.code(), error.to_string());
        match self.fit.element {
            ElementType::F16 => {
                let prepared = &mut scratch.of::<Prepared>().0;
                prepared.resize(self.row_len(), 0.0);
                self.prepare(window, prepared).map_err(unusable)?;
                let halves = row.slice::<f16>(0)?.iter_mut().zip(prepared);
                halves.for_each(|(half, value)| *half = f16::from_f32(*value));
                Ok(())
            }
            _ => self.prepare(window, row.slice(0)?).map_err(unusable),
        }
    }

    pub(crate) fn read(&self, row: &OutputRow<'_>) -> Result<f32, TaskError> {
        let output = row.tensor(self.fit.output)?;
        let score = match output.element() {
            ElementType::F16 => output.as_slice::<f16>()?.first().map(|score| score.to_f32()),
            _ => output.as_slice::<f32>()?.first().copied(),
        };
        let one = score.filter(|_| output.len() == 1);
        let score = one.ok_or_else(|| TaskError::internal("the model gave not one score for each window"))?;
        let sound = score.is_finite();
        sound.then_some(score).ok_or_else(|| TaskError::internal("the model gave a score that is not a number"))
    }
}

/// A window in 32 bits on its way to a model that takes 16.
#[derive(Default)]
struct Prepared(Vec<f32>);

impl Family for SequenceModel {
    fn name(&self) -> &'static str {
        self.kind().name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        vec![self.rows()]
    }

    fn batch_max(&self) -> usize {
        self.fit.batch_max
    }

    fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
        Box::new(WarmUpWalk::new(self.clone()))
    }
}
