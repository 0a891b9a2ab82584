"""Live streams, jobs, events and models of a Samovar server.

`Samovar` blocks, `AsyncSamovar` is awaited; both offer the same. Embeddings are for OpenAI's client, tensors for Triton's.
"""

from .client import AsyncSamovar, Samovar
from .errors import (
    ApiError,
    Conflict,
    ConnectionFailed,
    InvalidRequest,
    JobEnded,
    NotAllowed,
    NotFound,
    Overloaded,
    SamovarError,
    ServerFault,
    StreamClosed,
    TimedOut,
    Unavailable,
    UnexpectedAnswer,
)
from .events import FeedEvent, OpenStream
from .health import Health, ModelHealth
from .jobs import AtUrl, Job, JobEvent, JobFailure, JobOptions, JobPage, JobProgress, JobResult, OnServer
from .models import Generation, LoadFailure, Model, WarmedModel, WarmUp, Work
from .pictures import Picture
from .retry import NEVER, Retry
from .speech import HeardSegment, HeardTimings, HeardWord, Incomplete, Recording, Transcript
from .still import Face, Faces, Found, Landmarks, Seen
from .stream_events import (
    AnomalyEvent,
    AnomalyReady,
    AnomalyResult,
    AnomalyStreamEvent,
    Area,
    Box,
    DetectEvent,
    Detection,
    DetectReady,
    DetectResult,
    Dropped,
    ImageSize,
    Mode,
    ModeChanged,
    ModeChanging,
    OptionsInForce,
    Person,
    Problem,
    Reconnected,
    SegmentEvent,
    SegmentReady,
    SegmentResult,
    StreamModel,
    Timings,
)
from .streams_async import AsyncLiveStream
from .streams_sync import LiveStream
from .text import Ranked, Ranking, Similarities
from .version import __version__

__all__ = [
    "NEVER", "AnomalyEvent", "AnomalyReady", "AnomalyResult", "AnomalyStreamEvent", "ApiError", "Area", "AsyncLiveStream",
    "AsyncSamovar", "AtUrl", "Box", "Conflict", "ConnectionFailed", "DetectEvent", "DetectReady", "DetectResult", "Detection",
    "Dropped", "Face", "Faces", "FeedEvent", "Found", "Generation", "Health", "HeardSegment", "HeardTimings", "HeardWord",
    "ImageSize", "Incomplete", "InvalidRequest", "Job", "JobEnded", "JobEvent",
    "JobFailure", "JobOptions", "JobPage", "JobProgress", "JobResult", "Landmarks", "LiveStream", "LoadFailure", "Mode", "ModeChanged",
    "ModeChanging", "Model", "ModelHealth", "NotAllowed", "NotFound", "OnServer", "OpenStream", "OptionsInForce", "Overloaded",
    "Person", "Picture", "Problem", "Ranked", "Ranking", "Reconnected", "Recording", "Retry", "Samovar", "SamovarError", "Seen",
    "SegmentEvent", "SegmentReady", "SegmentResult", "ServerFault", "Similarities", "StreamClosed", "StreamModel", "TimedOut",
    "Timings", "Transcript", "Unavailable", "UnexpectedAnswer", "WarmUp", "WarmedModel", "Work", "__version__",
]  # fmt: skip
