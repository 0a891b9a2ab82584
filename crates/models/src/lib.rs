//! Model families: what goes into a model's row, what comes out of it, and the typed result.
//!
//! A family is recognised from a signature ([`recognise`]) and bound to it once, at load; after that a task writes a
//! picture straight into its row and reads the row's outputs in place. Nothing here names a wire, a stream or an engine.

#![forbid(unsafe_code)]

mod appearance;
mod appearance_encoder;
mod appearance_model;
mod appearance_task;
mod bound_family;
mod candidate;
mod class_argmax;
mod class_map;
mod detect_options;
mod detect_task;
mod detection;
mod detection_list;
mod detection_model;
mod detector;
mod face;
mod family_kind;
mod floats;
mod grid;
mod head;
mod head_fit;
mod image_text;
mod keypoint_head;
mod labels;
mod logits;
mod logits_fit;
pub mod lora;
mod names_text;
mod nms;
mod normalisation;
mod onnx;
mod outline;
mod picture_input;
mod picture_port;
mod pose;
mod pose_estimator;
mod pose_task;
mod pose_window;
mod recognise;
mod sampling;
mod score_smoothing;
mod score_task;
mod segment_options;
mod segment_task;
mod segmentation_model;
mod segmenter;
mod sequence_fit;
mod sequence_model;
mod sequence_scorer;
mod simplify;
mod tensor;
mod tensor_rows;
mod text;
mod text_hints;
mod vector_output;
mod voice;
mod warm_up_picture;
mod warm_up_walk;
pub mod whisper;

pub use appearance::Appearance;
pub use appearance_encoder::AppearanceEncoder;
pub use appearance_model::AppearanceModel;
pub use class_map::{CORNERS_MAX, ClassMap, Polygon, Run};
pub use detect_options::{DETECTIONS_MAX, DetectOptions, OptionsError};
pub use detection::{BoundingBox, Detection, Detections};
pub use detection_list::{DetectionList, DetectionPool};
pub use detection_model::DetectionModel;
pub use detector::Detector;
pub use face::{
    FACES_MAX, Face, FaceDetector, FaceEmbeddingModel, FaceEncoder, FaceModel, FaceOptions, Faces, Landmarks,
    aligned_face, alignment,
};
pub use family_kind::FamilyKind;
pub use image_text::{
    Activation, CaptionEncoder, Embedding, ImageEncoder, ImageTower, Pairing, PairingError, TextTower,
    TowerArchitecture,
};
pub use labels::Labels;
pub use pose::{COCO_KEYPOINTS, COCO_LIMBS, Keypoint, PersonPose, Poses};
pub use pose_estimator::PoseEstimator;
pub use pose_window::{PoseWindow, WindowError};
pub use recognise::{FamilyHints, binder, recognise};
pub use score_smoothing::smooth_scores;
pub use segment_options::{MapSize, SegmentOptions};
pub use segmentation_model::SegmentationModel;
pub use segmenter::Segmenter;
pub use sequence_model::SequenceModel;
pub use sequence_scorer::SequenceScorer;
pub use tensor::{TensorInput, TensorModel, TensorOutput, TensorSource, TensorTask};
pub use text::{
    CrossEncoder, CrossEncoderModel, EmbedOptions, Encoding, Heads, HybridScore, HybridWeights, Scored, TextEmbedder,
    TextEmbedding, TextEmbeddingModel, TextError, TextInput, TextTokenizer, TokenLimit, Truncate, hybrid_score,
};
pub use text_hints::{Pooling, TextHints};
pub use voice::{
    SpeechEdge, SpeechOptions, SpeechSegment, SpeechTracker, VoiceDetector, VoiceModel, VoiceState, speech_segments,
};
