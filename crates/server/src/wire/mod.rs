//! The JSON forms: what is sent and received, apart from the inner types.

mod analysis;
mod anomaly;
mod anomaly_options;
mod asr;
mod call;
mod call_event;
mod clock;
mod detection;
mod distress;
mod embedding;
mod event;
mod evidence;
mod face;
mod health;
mod item;
mod job;
mod job_request;
mod machine;
mod model;
mod notice;
pub(crate) mod oip;
mod openai_error;
mod person;
mod pose;
mod problem;
mod realtime_control;
mod realtime_event;
mod realtime_session;
mod rerank;
mod seed_embedding;
mod segment_event;
mod segmentation;
mod similarity;
mod source;
mod stream;
mod tei;
mod transcript;
mod transcript_event;
mod transcript_form;

pub(crate) use analysis::{AcousticsBody, AnalysisBody, AnalysisTimings, AnalysisTranscript, DegradedBody, PeakBody};
pub(crate) use anomaly::{
    AnomalyControl, AnomalyMessageBody, AnomalyReadyBody, EvidenceLinks, SceneEventBody, SceneFrameBody,
    StreamModelBody,
};
pub(crate) use anomaly_options::{AnomalyControlOptions, AnomalyOptionsBody};
pub(crate) use asr::{AsrAnswer, AsrTimings};
pub(crate) use call::{CallBody, CallDetailBody, CallList};
pub(crate) use call_event::{CallControl, CallEventBody, CallOptionsBody, CallReadyBody, whole_text};
pub(crate) use clock::rfc3339;
pub(crate) use detection::{DetectAnswer, TimingsBody};
pub(crate) use distress::DistressBody;
pub(crate) use embedding::{EmbeddingAnswer, EmbeddingRequest, numbers};
pub(crate) use event::{ClassName, Control, OptionsBody, StreamEventBody};
pub(crate) use evidence::{EvidenceBody, EvidenceList};
pub(crate) use face::FaceAnswerBody;
pub(crate) use health::{CallHealth, HealthBody, ModelHealth, ProbeBody, TriageHealth, UnreadyModel, WaitingBody};
pub(crate) use item::{ImageBytes, ItemsBody};
pub(crate) use job::{JobBody, JobList, JobProgressBody};
pub(crate) use job_request::{JobInputBody, JobQuery, JobRequest, JobVideo};
pub(crate) use machine::{ClassBody, HardwareBody, JobCountsBody, MachineBody};
pub(crate) use model::{
    ModelBody, ModelDetail, ModelList, ReloadRequest, VersionName, VersionWord, WarmUpAnswer, WarmUpOutcome,
    WarmUpRequest,
};
pub(crate) use notice::{StreamNotice, StreamProblem};
pub(crate) use openai_error::OpenAiError;
pub(crate) use pose::PoseAnswer;
pub(crate) use problem::Problem;
pub(crate) use realtime_control::RealtimeControl;
pub(crate) use realtime_event::{
    RealtimeErrorBody, RealtimeEvent, RealtimeEventBody, RealtimeItemPlace, RealtimeUsage,
};
pub(crate) use realtime_session::{
    FlatSessionBody, NestedAudioBody, NestedInputBody, NestedSessionBody, OldRealtimeSessionUpdate, RealtimeFormat,
    RealtimeInputUpdate, RealtimeSessionBody, RealtimeSessionUpdate, RealtimeTranscription, RealtimeTurns,
};
pub(crate) use rerank::{DocumentBody, RerankAnswerBody, RerankBody};
pub(crate) use seed_embedding::{PictureBody, TextBody, VectorAnswer};
pub(crate) use segment_event::{ModeBody, ModeChange, SegmentControl, SegmentEventBody, SegmentOptionsBody};
pub(crate) use segmentation::{MapSizeName, MaskForm, MaskRequest, SegmentAnswer, mask_too_large, palette_png};
pub(crate) use similarity::{SimilarityAnswerBody, SimilarityBody, ZeroShotAnswerBody, ZeroShotBody};
pub(crate) use source::{PipelineName, SourceBody, SourceList, SourceRequest};
pub(crate) use stream::{StreamBody, StreamList};
pub(crate) use tei::{TeiEmbedBody, TeiError, TeiInfo, TeiRank, TeiRerankBody, TeiSimilarityBody, TeiSparseValue};
pub(crate) use transcript::{LogprobBody, TranscriptionBody, VerboseTranscriptionBody, transcript_numbers};
pub(crate) use transcript_event::TranscriptEventBody;
pub(crate) use transcript_form::{Granularities, TranscriptForm, TranscriptFormBody, TranscriptFormat};

use std::time::Duration;

/// Milliseconds with three decimals: a microsecond is the finest that means anything here.
pub(crate) fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
