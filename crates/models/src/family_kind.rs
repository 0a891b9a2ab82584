//! The families by name: the words of the configuration, the API and the metrics.

/// What goes into a model and comes out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FamilyKind {
    /// Ultralytics' detectors: v8 and v11 (no objectness), v5 (with it).
    Yolo,
    /// Megvii's YOLOX, exported undecoded.
    Yolox,
    /// Ultralytics' pose models: a box, a score and key points for each person.
    YoloPose,
    /// A class for every pixel: logits `[batch, classes, height, width]`.
    Segmentation,
    /// STG-NF and whatever else takes a window of poses and gives one number: how unusual the movement is.
    StgNf,
    /// How a person looks: a vector for each crop `[batch, 3, height, width]`.
    ReIdentification,
    /// Texts as vectors: encoders such as BERT and XLM-RoBERTa, with a tokenizer beside them.
    TextEmbedding,
    /// How well a text answers another: both go in together, a score comes out.
    CrossEncoder,
    /// One tower of CLIP or SigLIP: pictures or texts as vectors that can be compared with each other.
    ImageTextEmbedding,
    /// OpenCV's YuNet: faces with five landmarks.
    Yunet,
    /// Who a face is, as a vector: ArcFace's layout, `[batch, 3, 112, 112]`.
    FaceEmbedding,
    /// Silero's voice activity detector: state goes in and out with each chunk of samples.
    SileroVad,
    /// Speech to text: OpenAI's Whisper, bound by its encoder.
    Whisper,
    /// Any graph: tensors in, tensors out.
    Tensor,
}

impl FamilyKind {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Self; 14] = [
        Self::Yolo,
        Self::Yolox,
        Self::YoloPose,
        Self::Segmentation,
        Self::StgNf,
        Self::ReIdentification,
        Self::TextEmbedding,
        Self::CrossEncoder,
        Self::ImageTextEmbedding,
        Self::Yunet,
        Self::FaceEmbedding,
        Self::SileroVad,
        Self::Whisper,
        Self::Tensor,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yolo => "yolo",
            Self::Yolox => "yolox",
            Self::YoloPose => "yolo-pose",
            Self::Segmentation => "segmentation",
            Self::StgNf => "stg-nf",
            Self::ReIdentification => "re-identification",
            Self::TextEmbedding => "text-embedding",
            Self::CrossEncoder => "cross-encoder",
            Self::ImageTextEmbedding => "image-text-embedding",
            Self::Yunet => "yunet",
            Self::FaceEmbedding => "face-embedding",
            Self::SileroVad => "silero-vad",
            Self::Whisper => "whisper",
            Self::Tensor => "tensor",
        }
    }

    /// The family of that word.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl std::fmt::Display for FamilyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_its_family() {
        for kind in FamilyKind::ALL {
            assert_eq!(FamilyKind::parse(kind.name()), Some(kind));
        }
        assert_eq!(FamilyKind::parse("YOLO"), None);
    }
}
