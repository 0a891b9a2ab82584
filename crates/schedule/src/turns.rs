//! Fair turns between the clients of one class.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng 1996): each client carries a *start*, its service so far divided by its
//! weight; serving an entry moves the start on by what the entry costs, and a client that is new starts at the *virtual time*, the
//! least start of all clients with work. The least start goes first. Which of a client's streams it is that goes, `strands.rs` says.
//!
//! The cost of a request or of a job's frame is the time of a core that its like took of late, so that a client which sends many small
//! things gets as much of the device as one that sends few large ones. A live frame costs one turn, whatever it takes: cameras
//! have a right to frames.
//!
//! A live stream has one entry at most, so it is idle from the moment at which that starts to its next frame, and so is a client that
//! asks for one thing after the other. It may come back as far as [`CREDIT_TURNS`] behind the virtual time: were it to come back
//! at the virtual time itself, it would lose at each of its turns what it had not used yet, and a stream of twice the weight would
//! get hardly more than the others. Longer idleness earns nothing.
//!
//! Deadlines are honoured inside that frame, as in EEVDF (Stoica, Abdel-Wahab 1995): among the clients that are at most
//! [`LEAD_TURNS`] ahead of the virtual time, the one whose next entry has the earliest deadline goes first. So a
//! deadline moves a client forward by a few turns and can never buy more than its share.
//!
//! **Bound.** While two clients both have work in one lane, their service divided by weight differs by at most
//! `LEAD_TURNS` and the dearest entry divided by its weight from where it stood (that entry alone where no deadlines are set), and by
//! `CREDIT_TURNS` more where one of them had just come back. Clients of different
//! lanes may differ by one further batch, because a batch is filled from one lane.
//!
//! A client is remembered after its last entry only until the virtual time is `CREDIT_TURNS` ahead of it, and at most
//! [`REMEMBERED_MAX`] such clients are: memory is bounded by the entries waiting and that constant.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::strands::{Spot, Strands};
use crate::{Class, ClientKey, Entry, LaneKey, Moment, Ticket};

/// Turns of weight 1 by which a deadline may bring a client forward.
pub(crate) const LEAD_TURNS: u32 = 4;
/// Turns of weight 1 by which a client may lag behind when it comes back from idleness.
const CREDIT_TURNS: u32 = 1;
/// Idle clients whose start is kept.
const REMEMBERED_MAX: usize = 4096;
/// One turn of a client of weight 1, in units of virtual time. Divided by a 16-bit weight it stays exact to 0.002 %.
const TURN: u128 = 1 << 32;
/// Whatever is told: everything costs something, and nothing so much that its client would not be heard again.
const COST_MIN: Duration = Duration::from_micros(1);
const COST_MAX: Duration = Duration::from_secs(60);

/// Where a client stands in a lane: what compares least goes first. Of the lanes of one client, the one whose head has waited for
/// its stream's turn the longest: short texts that keep coming do not keep the client's longer ones waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Within the lead: by deadline, then start, then who has been here longest.
    Early { deadline: Moment, start: u128, joined: Ticket, client: ClientKey, head: Spot },
    /// Too far ahead of its share: by start.
    Later { start: u128, joined: Ticket, client: ClientKey, head: Spot },
}

/// The clients of one class: those with work, and those idle ones that are ahead of their share.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// The least start of the clients with work; never goes back.
    virtual_time: u128,
    clients: HashMap<ClientKey, Client>,
    /// Clients with work, by start.
    backlog: BTreeSet<(u128, ClientKey)>,
    /// Clients without work that are not further behind the virtual time than they may come back, by start.
    idle: BTreeSet<(u128, ClientKey)>,
    /// For each lane with work, the places of its clients.
    lanes: BTreeMap<LaneKey, BTreeSet<Place>>,
}

#[derive(Debug)]
struct Client {
    start: u128,
    /// The ticket with which the client last came back from idleness: settles ties, the longest here first.
    joined: Ticket,
    /// Only lanes in which the client has work.
    flows: BTreeMap<LaneKey, Flow>,
    strands: Strands,
}

#[derive(Debug)]
struct Flow {
    /// Entries in the order in which they go, each with its deadline.
    waiting: BTreeMap<Spot, Moment>,
    /// The place the lane's set holds for this flow.
    place: Place,
}

impl Turns {
    /// Adds an entry; `deadline` is [`Moment::NEVER`] where it has none to be heeded. The spot is what takes it out again.
    pub(crate) fn insert(&mut self, entry: &Entry, ticket: Ticket, deadline: Moment) -> Spot {
        let Entry { client, lane, stream, .. } = *entry;
        let mut state = self.lift(client).unwrap_or_else(|| Client::new(self.virtual_time, ticket));
        if state.flows.is_empty() {
            state.start = state.start.max(self.credit_start());
            state.joined = ticket;
        }
        let spot = state.strands.join(stream, ticket, cost(entry));
        let place = Place::Later { start: state.start, joined: state.joined, client, head: spot };
        let flow = state.flows.entry(lane).or_insert_with(|| Flow { waiting: BTreeMap::new(), place });
        flow.waiting.insert(spot, deadline);
        self.put(client, state);
        spot
    }

    /// Removes an entry; one that is `served` has had its turn.
    pub(crate) fn remove(&mut self, entry: &Entry, spot: Spot, served: bool) {
        let Some(mut state) = self.lift(entry.client) else { return };
        if let Some(flow) = state.flows.get_mut(&entry.lane) {
            flow.waiting.remove(&spot);
            if flow.waiting.is_empty() {
                state.flows.remove(&entry.lane);
            }
        }
        state.strands.leave(entry.stream, spot, served);
        if served {
            state.start += cost(entry) / u128::from(entry.weight.get());
        }
        self.put(entry.client, state);
    }

    /// The place of the client whose turn it is in `lane`, and the entry it would start.
    pub(crate) fn head(&mut self, lane: LaneKey) -> Option<(Place, Ticket)> {
        self.bring_forward(lane);
        let place = *self.lanes.get(&lane)?.first()?;
        let (spot, _) = self.flow(place.client(), lane)?.waiting.first_key_value()?;
        Some((place, spot.ticket))
    }

    /// The lanes in which this class has work.
    pub(crate) fn lanes(&self) -> Vec<LaneKey> {
        self.lanes.keys().copied().collect()
    }

    /// The oldest entry that a client has in `lane`, where all its work comes by one stream.
    pub(crate) fn oldest(&self, client: ClientKey, lane: LaneKey) -> Option<Ticket> {
        self.flow(client, lane)?.waiting.keys().next().map(|spot| spot.ticket)
    }

    /// How many entries of `client` wait in `lane`.
    pub(crate) fn depth(&self, client: ClientKey, lane: LaneKey) -> usize {
        self.flow(client, lane).map_or(0, |flow| flow.waiting.len())
    }

    fn flow(&self, client: ClientKey, lane: LaneKey) -> Option<&Flow> {
        self.clients.get(&client)?.flows.get(&lane)
    }

    /// Takes a client out of every order, to be changed and put back.
    fn lift(&mut self, key: ClientKey) -> Option<Client> {
        let state = self.clients.remove(&key)?;
        self.backlog.remove(&(state.start, key));
        self.idle.remove(&(state.start, key));
        for (lane, flow) in &state.flows {
            if let Slot::Occupied(mut places) = self.lanes.entry(*lane) {
                places.get_mut().remove(&flow.place);
                if places.get().is_empty() {
                    places.remove();
                }
            }
        }
        Some(state)
    }

    fn put(&mut self, key: ClientKey, mut state: Client) {
        let lead_end = self.lead_end();
        for (lane, flow) in &mut state.flows {
            flow.place = place(key, (state.start, state.joined), flow, lead_end);
            self.lanes.entry(*lane).or_default().insert(flow.place);
        }
        let order = if state.flows.is_empty() { &mut self.idle } else { &mut self.backlog };
        order.insert((state.start, key));
        self.clients.insert(key, state);
        self.advance();
    }

    /// Moves the virtual time on and forgets the idle clients that it has reached.
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
            self.clients.remove(&key);
        }
    }

    /// Lets the clients of `lane` that the virtual time has caught up with compete by deadline.
    fn bring_forward(&mut self, lane: LaneKey) {
        let lead_end = self.lead_end();
        let Some(places) = self.lanes.get_mut(&lane) else { return };
        let first_later = Place::Later { start: 0, joined: Ticket(0), client: ClientKey(0), head: Spot::FIRST };
        while let Some(&was @ Place::Later { start, joined, client, .. }) = places.range(first_later..).next() {
            let flow = self.clients.get_mut(&client).and_then(|state| state.flows.get_mut(&lane));
            let Some(flow) = flow.filter(|_| start <= lead_end) else { return };
            flow.place = place(client, (start, joined), flow, lead_end);
            places.remove(&was);
            places.insert(flow.place);
        }
    }

    /// The least start with which a client comes back from idleness.
    const fn credit_start(&self) -> u128 {
        self.virtual_time.saturating_sub(CREDIT_TURNS as u128 * TURN)
    }

    fn lead_end(&self) -> u128 {
        self.virtual_time + u128::from(LEAD_TURNS) * TURN
    }
}

impl Client {
    fn new(start: u128, joined: Ticket) -> Self {
        Self { start, joined, flows: BTreeMap::new(), strands: Strands::default() }
    }
}

impl Place {
    fn client(self) -> ClientKey {
        match self {
            Self::Early { client, .. } | Self::Later { client, .. } => client,
        }
    }
}

/// What an entry takes of its client's turns, in units of virtual time.
fn cost(entry: &Entry) -> u128 {
    match entry.class {
        Class::Live => TURN,
        Class::Interactive | Class::Job => {
            entry.cost.clamp(COST_MIN, COST_MAX).as_nanos() * TURN / Entry::TURN.as_nanos()
        }
    }
}

/// Where a client that came back with ticket `joined` stands with the work of `flow`.
fn place(client: ClientKey, (start, joined): (u128, Ticket), flow: &Flow, lead_end: u128) -> Place {
    let (head, deadline) =
        flow.waiting.first_key_value().map_or((Spot::FIRST, Moment::NEVER), |(spot, at)| (*spot, *at));
    if start <= lead_end {
        Place::Early { deadline, start, joined, client, head }
    } else {
        Place::Later { start, joined, client, head }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchRule, StreamKey};
    use std::num::NonZeroU16;

    const LANE: LaneKey = LaneKey(1);

    fn of(client: u64) -> Entry {
        Entry {
            class: Class::Interactive,
            client: ClientKey(client),
            stream: StreamKey(client),
            lane: LANE,
            batch: BatchRule::SINGLE,
            deadline: None,
            weight: NonZeroU16::MIN,
            cost: Entry::TURN,
            follow_up: false,
        }
    }

    /// Two clients with `count` entries each; the deadlines of the second are the earlier ones.
    fn two_clients(count: u64, with_deadlines: bool) -> Turns {
        let mut turns = Turns::default();
        for number in 0..count {
            let deadline = |moment| if with_deadlines { Moment(moment) } else { Moment::NEVER };
            turns.insert(&of(1), Ticket(number * 2), deadline(1_000_000 + number));
            turns.insert(&of(2), Ticket(number * 2 + 1), deadline(number));
        }
        turns
    }

    fn serve(turns: &mut Turns) -> ClientKey {
        let (place, _) = turns.head(LANE).expect("there is work");
        let client = place.client();
        let (spot, _) = turns.flow(client, LANE).and_then(|flow| flow.waiting.first_key_value()).expect("it has work");
        turns.remove(&of(client.0), *spot, true);
        client
    }

    #[test]
    fn equal_clients_alternate() {
        let mut turns = two_clients(6, false);
        let served: Vec<u64> = (0..8).map(|_| serve(&mut turns).0).collect();
        assert_eq!(served, [1, 2, 1, 2, 1, 2, 1, 2]);
    }

    #[test]
    fn a_deadline_leads_by_a_few_turns_and_no_more() {
        let mut turns = two_clients(40, true);
        let served: Vec<u64> = (0..12).map(|_| serve(&mut turns).0).collect();
        assert_eq!(served, [2, 2, 2, 2, 2, 1, 2, 1, 2, 1, 2, 1]);
    }

    #[test]
    fn a_client_ahead_of_its_share_is_not_forgotten_too_early() {
        let mut turns = Turns::default();
        turns.insert(&of(1), Ticket(0), Moment::NEVER);
        turns.insert(&of(2), Ticket(1), Moment::NEVER);
        turns.insert(&of(2), Ticket(2), Moment::NEVER);
        assert_eq!(serve(&mut turns), ClientKey(1));
        turns.insert(&of(1), Ticket(3), Moment::NEVER);
        assert_eq!(serve(&mut turns), ClientKey(2), "the first has had its turn");
    }

    #[test]
    fn nothing_is_remembered_once_all_are_idle() {
        let mut turns = two_clients(3, true);
        for _ in 0..6 {
            serve(&mut turns);
        }
        assert!(turns.head(LANE).is_none());
        assert!(turns.clients.is_empty() && turns.lanes.is_empty());
        assert!(turns.idle.is_empty() && turns.backlog.is_empty());
    }

    #[test]
    fn remembers_a_bounded_number_of_idle_clients() {
        let mut turns = Turns::default();
        turns.insert(&of(0), Ticket(0), Moment::NEVER);
        for number in 1..=(REMEMBERED_MAX as u64 * 2) {
            let spot = turns.insert(&of(number), Ticket(number), Moment(number));
            turns.remove(&of(number), spot, true);
        }
        assert!(turns.clients.len() <= REMEMBERED_MAX + 1);
    }
}
