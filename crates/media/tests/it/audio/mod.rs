//! Recordings and live audio: what is decoded, resampled, refused.

mod decode;
mod hostile;
mod live;
mod made;
mod resample;
mod wav;
