//! A window's tokens cut into segments at their timestamps: the reference's seek rule.

use super::SpecialTokens;
use std::ops::Range;

/// What the timestamps of a window say.
#[derive(Debug, PartialEq)]
pub(super) struct TimestampCut {
    pub(super) pieces: Vec<Piece>,
    /// Frames of 10 ms from the window's beginning to where the next one begins.
    pub(super) advance_frames: usize,
    /// Whether the last segment ended with a single timestamp: nothing is said behind it.
    pub(super) is_closed: bool,
}

/// A segment of the window.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    /// Seconds from the window's beginning.
    pub(super) start_s: f64,
    pub(super) end_s: f64,
    pub(super) tokens: Range<usize>,
}

/// Cuts the tokens of a window with so many frames of sound, as `openai-whisper`'s `transcribe` does.
///
/// Two timestamps that follow each other end a segment and begin the next. What comes behind the last pair was cut off by the window's end: it is
/// left out, and the next window begins there.
pub(super) fn cut(tokens: &[u32], special: &SpecialTokens, frames: usize) -> TimestampCut {
    let is_timestamp = |index: usize| special.is_timestamp(tokens[index]);
    let length = tokens.len();
    let is_closed = length >= 2 && is_timestamp(length - 1) && !is_timestamp(length - 2);
    let mut ends: Vec<usize> = (1..length).filter(|&index| is_timestamp(index - 1) && is_timestamp(index)).collect();
    if ends.is_empty() {
        return TimestampCut { pieces: vec![whole(tokens, special, frames)], advance_frames: frames, is_closed };
    }
    ends.extend(is_closed.then_some(length));
    let seconds = |index: usize| f64::from(special.timestamp_steps(tokens[index])) * SpecialTokens::TIMESTAMP_STEP_S;
    let mut first = 0;
    let pieces = ends.iter().map(|&end| {
        let piece = Piece { start_s: seconds(first), end_s: seconds(end - 1), tokens: first..end };
        first = end;
        piece
    });
    let pieces: Vec<Piece> = pieces.collect();
    let last = tokens[first - 1];
    let advance_frames = if is_closed { frames } else { 2 * special.timestamp_steps(last) as usize };
    TimestampCut { pieces, advance_frames, is_closed }
}

/// The window as one segment, to its last timestamp if it has one.
fn whole(tokens: &[u32], special: &SpecialTokens, frames: usize) -> Piece {
    let last = tokens.iter().rev().copied().find(|&token| special.is_timestamp(token));
    let end_s = match last.map(|token| special.timestamp_steps(token)) {
        Some(steps) if steps > 0 => f64::from(steps) * SpecialTokens::TIMESTAMP_STEP_S,
        _ => frames as f64 * super::window_span::FRAME_S,
    };
    Piece { start_s: 0.0, end_s, tokens: 0..tokens.len() }
}
