//! Fair turns between the streams of one class.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng 1996): each stream carries a *start*, its service so far divided by its
//! weight; serving an entry moves the start on by one turn, and a stream that is new starts at the *virtual time*, the
//! least start of all streams with work. The least start goes first.
//!
//! A live stream has one entry at most, so it is idle from the moment at which that starts to its next frame. It may come back
//! as far as [`CREDIT_TURNS`] behind the virtual time: were it to come back at the virtual time itself, it would lose at each of
//! its turns what it had not used yet, and a stream of twice the weight would get hardly more than the others. Longer idleness
//! earns nothing.
//!
//! Deadlines are honoured inside that frame, as in EEVDF (Stoica, Abdel-Wahab 1995): among the streams that are at most
//! [`LEAD_TURNS`] ahead of the virtual time, the one whose oldest entry has the earliest deadline goes first. So a
//! deadline moves a stream forward by a few turns and can never buy more than its share.
//!
//! **Bound.** While two streams both have work in one lane, their service divided by weight differs by at most
//! `LEAD_TURNS + 1/weight` turns from where it stood (`1/weight` where no deadlines are set), and by `CREDIT_TURNS` more
//! where one of them had just come back. Streams of different
//! lanes may differ by one further batch, because a batch is filled from one lane.
//!
//! A stream is remembered after its last entry only until the virtual time is `CREDIT_TURNS` ahead of it, and at most
//! [`REMEMBERED_MAX`] such streams are: memory is bounded by the entries waiting and that constant.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU16;

use crate::{LaneKey, Moment, StreamKey, Ticket};

/// Turns of weight 1 by which a deadline may bring a stream forward.
pub(crate) const LEAD_TURNS: u32 = 4;
/// Turns of weight 1 by which a stream may lag behind when it comes back from idleness.
const CREDIT_TURNS: u32 = 1;
/// Idle streams whose start is kept.
const REMEMBERED_MAX: usize = 4096;
/// One turn of a stream of weight 1, in units of virtual time. Divided by a 16-bit weight it stays exact to 0.002 %.
const TURN: u128 = 1 << 32;

/// Where a stream stands in a lane: what compares least goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Within the lead: by deadline, then start, then who has been here longest.
    Early { deadline: Moment, start: u128, joined: Ticket, stream: StreamKey },
    /// Too far ahead of its share: by start.
    Later { start: u128, joined: Ticket, stream: StreamKey },
}

/// The streams of one class: those with work, and those idle ones that are ahead of their share.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// The least start of the streams with work; never goes back.
    virtual_time: u128,
    streams: HashMap<StreamKey, Stream>,
    /// Streams with work, by start.
    backlog: BTreeSet<(u128, StreamKey)>,
    /// Streams without work that are not further behind the virtual time than they may come back, by start.
    idle: BTreeSet<(u128, StreamKey)>,
    /// For each lane with work, the places of its streams.
    lanes: BTreeMap<LaneKey, BTreeSet<Place>>,
}

#[derive(Debug)]
struct Stream {
    start: u128,
    /// The ticket with which the stream last came back from idleness: settles ties, the longest here first.
    joined: Ticket,
    /// Only lanes in which the stream has work.
    flows: BTreeMap<LaneKey, Flow>,
}

#[derive(Debug)]
struct Flow {
    /// Tickets in order of admission, each with its deadline.
    waiting: BTreeMap<Ticket, Moment>,
    /// The place the lane's set holds for this flow.
    place: Place,
}

impl Turns {
    /// Adds an entry; `deadline` is [`Moment::NEVER`] where there is none.
    pub(crate) fn insert(&mut self, stream: StreamKey, lane: LaneKey, ticket: Ticket, deadline: Moment) {
        let new = Stream { start: self.virtual_time, joined: ticket, flows: BTreeMap::new() };
        let mut state = self.lift(stream).unwrap_or(new);
        if state.flows.is_empty() {
            state.start = state.start.max(self.credit_start());
            state.joined = ticket;
        }
        let place = Place::Later { start: state.start, joined: state.joined, stream };
        let flow = state.flows.entry(lane).or_insert_with(|| Flow { waiting: BTreeMap::new(), place });
        flow.waiting.insert(ticket, deadline);
        self.put(stream, state);
    }

    /// Removes an entry; `served` carries the weight of one that starts, and is `None` for one that leaves unserved.
    pub(crate) fn remove(&mut self, stream: StreamKey, lane: LaneKey, ticket: Ticket, served: Option<NonZeroU16>) {
        let Some(mut state) = self.lift(stream) else { return };
        if let Some(flow) = state.flows.get_mut(&lane) {
            flow.waiting.remove(&ticket);
            if flow.waiting.is_empty() {
                state.flows.remove(&lane);
            }
        }
        if let Some(weight) = served {
            state.start += TURN / u128::from(weight.get());
        }
        self.put(stream, state);
    }

    /// The place of the stream whose turn it is in `lane`, and the entry it would start.
    pub(crate) fn head(&mut self, lane: LaneKey) -> Option<(Place, Ticket)> {
        self.bring_forward(lane);
        let place = *self.lanes.get(&lane)?.first()?;
        let ticket = self.oldest(place.stream(), lane)?;
        Some((place, ticket))
    }

    /// The lanes in which this class has work.
    pub(crate) fn lanes(&self) -> Vec<LaneKey> {
        self.lanes.keys().copied().collect()
    }

    /// The oldest entry of `stream` in `lane`.
    pub(crate) fn oldest(&self, stream: StreamKey, lane: LaneKey) -> Option<Ticket> {
        self.flow(stream, lane)?.waiting.keys().next().copied()
    }

    /// How many entries of `stream` wait in `lane`.
    pub(crate) fn depth(&self, stream: StreamKey, lane: LaneKey) -> usize {
        self.flow(stream, lane).map_or(0, |flow| flow.waiting.len())
    }

    fn flow(&self, stream: StreamKey, lane: LaneKey) -> Option<&Flow> {
        self.streams.get(&stream)?.flows.get(&lane)
    }

    /// Takes a stream out of every order, to be changed and put back.
    fn lift(&mut self, key: StreamKey) -> Option<Stream> {
        let state = self.streams.remove(&key)?;
        self.backlog.remove(&(state.start, key));
        self.idle.remove(&(state.start, key));
        for (lane, flow) in &state.flows {
            if let Entry::Occupied(mut places) = self.lanes.entry(*lane) {
                places.get_mut().remove(&flow.place);
                if places.get().is_empty() {
                    places.remove();
                }
            }
        }
        Some(state)
    }

    fn put(&mut self, key: StreamKey, mut state: Stream) {
        let lead_end = self.lead_end();
        for (lane, flow) in &mut state.flows {
            flow.place = place(key, state.start, state.joined, flow.waiting.values().next().copied(), lead_end);
            self.lanes.entry(*lane).or_default().insert(flow.place);
        }
        let order = if state.flows.is_empty() { &mut self.idle } else { &mut self.backlog };
        order.insert((state.start, key));
        self.streams.insert(key, state);
        self.advance();
    }

    /// Moves the virtual time on and forgets the idle streams that it has reached.
    fn advance(&mut self) {
        let least = self.backlog.first().or(self.idle.last()).map_or(0, |&(start, _)| start);
        self.virtual_time = self.virtual_time.max(least);
        while let Some(&(start, key)) = self.idle.first() {
            // Where nobody has work nobody is owed anything.
            let owed = !self.backlog.is_empty() && start > self.credit_start();
            if owed && self.idle.len() <= REMEMBERED_MAX {
                break;
            }
            self.idle.pop_first();
            self.streams.remove(&key);
        }
    }

    /// Lets the streams of `lane` that the virtual time has caught up with compete by deadline.
    fn bring_forward(&mut self, lane: LaneKey) {
        let lead_end = self.lead_end();
        let Some(places) = self.lanes.get_mut(&lane) else { return };
        let first_later = Place::Later { start: 0, joined: Ticket(0), stream: StreamKey(0) };
        while let Some(&was @ Place::Later { start, joined, stream }) = places.range(first_later..).next() {
            let flow = self.streams.get_mut(&stream).and_then(|state| state.flows.get_mut(&lane));
            let Some(flow) = flow.filter(|_| start <= lead_end) else { return };
            flow.place = place(stream, start, joined, flow.waiting.values().next().copied(), lead_end);
            places.remove(&was);
            places.insert(flow.place);
        }
    }

    /// The least start with which a stream comes back from idleness.
    const fn credit_start(&self) -> u128 {
        self.virtual_time.saturating_sub(CREDIT_TURNS as u128 * TURN)
    }

    fn lead_end(&self) -> u128 {
        self.virtual_time + u128::from(LEAD_TURNS) * TURN
    }
}

impl Place {
    fn stream(self) -> StreamKey {
        match self {
            Self::Early { stream, .. } | Self::Later { stream, .. } => stream,
        }
    }
}

fn place(stream: StreamKey, start: u128, joined: Ticket, deadline: Option<Moment>, lead_end: u128) -> Place {
    if start <= lead_end {
        Place::Early { deadline: deadline.unwrap_or(Moment::NEVER), start, joined, stream }
    } else {
        Place::Later { start, joined, stream }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: LaneKey = LaneKey(1);
    const EVEN: NonZeroU16 = NonZeroU16::MIN;

    /// Two streams with `count` entries each; the deadlines of the second are the earlier ones.
    fn two_streams(count: u64, with_deadlines: bool) -> Turns {
        let mut turns = Turns::default();
        for number in 0..count {
            let deadline = |moment| if with_deadlines { Moment(moment) } else { Moment::NEVER };
            turns.insert(StreamKey(1), LANE, Ticket(number * 2), deadline(1_000_000 + number));
            turns.insert(StreamKey(2), LANE, Ticket(number * 2 + 1), deadline(number));
        }
        turns
    }

    fn serve(turns: &mut Turns, weight: NonZeroU16) -> StreamKey {
        let (place, ticket) = turns.head(LANE).expect("there is work");
        turns.remove(place.stream(), LANE, ticket, Some(weight));
        place.stream()
    }

    #[test]
    fn equal_streams_alternate() {
        let mut turns = two_streams(6, false);
        let served: Vec<u64> = (0..8).map(|_| serve(&mut turns, EVEN).0).collect();
        assert_eq!(served, [1, 2, 1, 2, 1, 2, 1, 2]);
    }

    #[test]
    fn a_deadline_leads_by_a_few_turns_and_no_more() {
        let mut turns = two_streams(40, true);
        let served: Vec<u64> = (0..12).map(|_| serve(&mut turns, EVEN).0).collect();
        assert_eq!(served, [2, 2, 2, 2, 2, 1, 2, 1, 2, 1, 2, 1]);
    }

    #[test]
    fn a_stream_ahead_of_its_share_is_not_forgotten_too_early() {
        let mut turns = Turns::default();
        turns.insert(StreamKey(1), LANE, Ticket(0), Moment::NEVER);
        turns.insert(StreamKey(2), LANE, Ticket(1), Moment::NEVER);
        turns.insert(StreamKey(2), LANE, Ticket(2), Moment::NEVER);
        assert_eq!(serve(&mut turns, EVEN), StreamKey(1));
        turns.insert(StreamKey(1), LANE, Ticket(3), Moment::NEVER);
        assert_eq!(serve(&mut turns, EVEN), StreamKey(2), "the first has had its turn");
    }

    #[test]
    fn nothing_is_remembered_once_all_are_idle() {
        let mut turns = two_streams(3, true);
        for _ in 0..6 {
            serve(&mut turns, EVEN);
        }
        assert!(turns.head(LANE).is_none());
        assert!(turns.streams.is_empty() && turns.lanes.is_empty());
        assert!(turns.idle.is_empty() && turns.backlog.is_empty());
    }

    #[test]
    fn remembers_a_bounded_number_of_idle_streams() {
        let mut turns = Turns::default();
        turns.insert(StreamKey(0), LANE, Ticket(0), Moment::NEVER);
        for number in 1..=(REMEMBERED_MAX as u64 * 2) {
            turns.insert(StreamKey(number), LANE, Ticket(number), Moment(number));
            turns.remove(StreamKey(number), LANE, Ticket(number), Some(EVEN));
        }
        assert!(turns.streams.len() <= REMEMBERED_MAX + 1);
    }
}
