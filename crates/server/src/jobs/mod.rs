//! Recorded media that clients hand in: the queue, the worker inside the server, what is let in.

mod settings;

pub use settings::JobSettings;
