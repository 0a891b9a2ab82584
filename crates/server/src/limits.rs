//! The one table of limits at the edge: what a client may send, how fast, how much and how long.
//!
//! Every limit has a safe default. A request may lower a limit (`timeout_ms`), never raise it.

use samovar_media::ImageLimits;
use std::time::Duration;

/// Limits on connections, requests and streams.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Open connections, streams included. One more is answered with 503 and closed.
    pub connections_max: usize,
    /// Open connections of one client address.
    pub connections_per_client_max: usize,
    /// From the connection, or from the first byte of a head, to the head's end.
    pub header_time: Duration,
    /// Fields in a request head.
    pub headers_max: usize,
    /// Bytes of a request head; in HTTP/2, of its header list.
    pub header_bytes_max: usize,
    /// A kept connection without a request is closed after this.
    pub idle_time: Duration,
    /// Bytes of a request body, declared or counted.
    pub body_bytes_max: usize,
    /// Bytes of all request bodies that are held at once, declared or counted; videos for jobs go to the disk and are not among them.
    /// One connection has a quarter of it at most, or two bodies.
    pub bodies_bytes_max: usize,
    /// Longest wait for the next bytes of a body. The rate is looked at whenever the client was waited for as long all together.
    pub body_idle_time: Duration,
    /// Slowest body, in bytes per second that the client was waited for: what came fast before buys no time.
    pub body_rate_min_bytes: u64,
    /// Bytes of an answer with a mask.
    pub answer_bytes_max: usize,
    /// A client that takes nothing of its answer for this long is cut.
    pub write_stall_time: Duration,
    /// From a request's arrival to its result. `timeout_ms` lowers it.
    pub request_time: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub http2_streams_max: u32,
    /// Requests at once on one gRPC stream. Further ones wait, unread.
    pub grpc_stream_requests_max: usize,
    /// Streams that a client may reset before they were looked at, on one HTTP/2 connection.
    pub http2_pending_resets_max: usize,
    /// Streams that the server had to reset, on one HTTP/2 connection.
    pub http2_local_resets_max: usize,
    /// Bytes that the system keeps for a connection's output.
    pub socket_send_bytes: u32,
    /// Pictures that are annotated at the same time.
    pub annotations_max: usize,
    /// Sources, configured and added.
    pub sources_max: usize,
    /// Limits on one picture, read from its header before it is decoded.
    pub image: ImageLimits,
    /// Limits on recordings that are sent to be heard.
    pub audio: AudioUploadLimits,
    /// From a recording's arrival to its transcript. `timeout_ms` lowers it.
    pub recording_time: Duration,
    /// Limits on live streams.
    pub stream: StreamLimits,
}

/// Limits on recordings that are sent to be heard. The first MiB of each is kept in memory, what is longer in a temporary file.
#[derive(Clone, Copy, Debug)]
pub struct AudioUploadLimits {
    /// Bytes of one.
    pub bytes_max: u64,
    /// Bytes of all that are on their way in or being heard.
    pub held_bytes_max: u64,
    /// How many may be on their way in or being heard.
    pub uploads_max: usize,
    /// The same of one client.
    pub uploads_per_client_max: usize,
}

/// Limits on one live stream, and on how many there are.
#[derive(Clone, Debug)]
pub struct StreamLimits {
    /// Open streams. One more is answered with 503.
    pub streams_max: usize,
    /// Streams of H.264 at once: each has a decoder in a process of its own.
    pub decoders_max: usize,
    /// Readers of events (Server-Sent Events) at once, of all streams together.
    pub readers_max: usize,
    /// Viewers of pictures at once, of all streams together.
    pub viewers_max: usize,
    /// Bytes of one message and of one frame of it: one picture. A stream keeps the buffer of its last picture for the next one.
    pub message_bytes_max: usize,
    /// Messages that are read of one stream in a second, frames and controls and pings alike; after a rest twice as many at once. Whoever
    /// sends more is read more slowly.
    pub messages_per_s_max: u32,
    /// Bytes of one control message.
    pub control_bytes_max: usize,
    /// Bytes that are read at once. Held by every stream, idle or not.
    pub read_buffer_bytes: usize,
    /// Bytes of events that wait to be sent, the one being sent included.
    pub write_buffer_bytes_max: usize,
    /// Events that wait to be sent. Further ones push out the oldest result.
    pub events_max: usize,
    /// Results pushed out without a byte taken, after which the client counts as not reading (close 1008).
    pub events_lost_max: u64,
    /// How long a client may take nothing while events wait (close 1008).
    pub stall_time: Duration,
    /// Silence after which the client is asked for a sign of life.
    pub ping_time: Duration,
    /// How long it may take to give one.
    pub pong_time: Duration,
    /// How long a closing stream waits for the client's own close.
    pub close_time: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: 2_000,
            connections_per_client_max: 100,
            header_time: Duration::from_secs(10),
            headers_max: 100,
            header_bytes_max: 16 << 10,
            idle_time: Duration::from_secs(60),
            body_bytes_max: 16 << 20,
            bodies_bytes_max: 512 << 20,
            body_idle_time: Duration::from_secs(10),
            body_rate_min_bytes: 1 << 10,
            answer_bytes_max: 16 << 20,
            write_stall_time: Duration::from_secs(30),
            request_time: Duration::from_secs(30),
            http2_streams_max: 200,
            grpc_stream_requests_max: 16,
            http2_pending_resets_max: 20,
            http2_local_resets_max: 1_024,
            socket_send_bytes: 256 << 10,
            annotations_max: 2,
            sources_max: 200,
            image: ImageLimits::default(),
            audio: AudioUploadLimits::default(),
            recording_time: Duration::from_secs(600),
            stream: StreamLimits::default(),
        }
    }
}

impl Default for AudioUploadLimits {
    fn default() -> Self {
        Self { bytes_max: 100 << 20, held_bytes_max: 2 << 30, uploads_max: 256, uploads_per_client_max: 64 }
    }
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            streams_max: 1_000,
            decoders_max: 64,
            readers_max: 128,
            viewers_max: 32,
            message_bytes_max: 8 << 20,
            messages_per_s_max: 1_000,
            control_bytes_max: 64 << 10,
            read_buffer_bytes: 8 << 10,
            write_buffer_bytes_max: 1 << 20,
            events_max: 64,
            events_lost_max: 256,
            stall_time: Duration::from_secs(20),
            ping_time: Duration::from_secs(20),
            pong_time: Duration::from_secs(20),
            close_time: Duration::from_secs(2),
        }
    }
}
