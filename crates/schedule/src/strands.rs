//! The order of one client's work among the streams that it came by: they share the client's turns evenly.
//!
//! Start-time fair queueing once more, inside a client: an entry's *start* is where its stream stood when it came, and moves the
//! stream on by its cost. The least start goes first, so that a connection with a thousand rows does not keep another
//! connection of the same client waiting for all of them.

use std::collections::HashMap;

use crate::{StreamKey, Ticket};

/// Where an entry stands among those of its client: what compares least goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    start: u128,
    pub(crate) ticket: Ticket,
}

impl Spot {
    /// Before all others.
    pub(crate) const FIRST: Self = Self { start: 0, ticket: Ticket(0) };
}

/// The streams of one client that have work.
#[derive(Debug, Default)]
pub(crate) struct Strands {
    /// The greatest start that has been served.
    time: u128,
    strands: HashMap<StreamKey, Strand>,
}

#[derive(Debug, Default)]
struct Strand {
    /// Where its next entry starts.
    next: u128,
    waiting: usize,
}

impl Strands {
    /// The spot of one more entry.
    pub(crate) fn join(&mut self, stream: StreamKey, ticket: Ticket, cost: u128) -> Spot {
        let strand = self.strands.entry(stream).or_default();
        let start = strand.next.max(self.time);
        strand.next = start + cost;
        strand.waiting += 1;
        Spot { start, ticket }
    }

    /// An entry has left. A stream is forgotten with its last one: it is ahead of the others by that one's cost at most.
    pub(crate) fn leave(&mut self, stream: StreamKey, spot: Spot, served: bool) {
        if served {
            self.time = self.time.max(spot.start);
        }
        if let Some(strand) = self.strands.get_mut(&stream) {
            strand.waiting -= 1;
            if strand.waiting == 0 {
                self.strands.remove(&stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_with_much_work_does_not_keep_another_waiting() {
        let mut strands = Strands::default();
        let much: Vec<Spot> = (0..10).map(|number| strands.join(StreamKey(1), Ticket(number), 5)).collect();
        much[..3].iter().for_each(|spot| strands.leave(StreamKey(1), *spot, true));
        let other = strands.join(StreamKey(2), Ticket(10), 5);
        assert!(much[2] < other && other < much[3], "it stands where the client is");
        assert!(much.is_sorted());
    }

    #[test]
    fn streams_are_forgotten_with_their_last_entry() {
        let mut strands = Strands::default();
        let spots: Vec<Spot> = (0..4).map(|number| strands.join(StreamKey(number), Ticket(number), 1)).collect();
        for (number, spot) in (0..).zip(spots) {
            strands.leave(StreamKey(number), spot, number % 2 == 0);
        }
        assert!(strands.strands.is_empty());
    }
}
