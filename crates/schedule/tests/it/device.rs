//! A device in virtual time: slots, and clients that ask by so many connections at a rate that does not depend on the answers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use samovar_schedule::{
    Batch, BatchRule, Class, ClientKey, DeviceQueue, Entry, LaneKey, Moment, Next, QueuePolicy, StreamKey, Ticket,
};

use crate::support::{at, entry};

/// What one row of a request takes of a slot, and with what it may share a run.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub lane: u64,
    pub cost: Duration,
    pub size_max: usize,
}

/// A client: what it asks, how often, and how many of its requests may be open.
#[derive(Clone, Debug)]
pub struct Asking {
    pub rows: Vec<Row>,
    pub per_s: f64,
    pub connections: usize,
}

/// What became of one client.
#[derive(Clone, Debug, Default)]
pub struct Got {
    pub answered: usize,
    pub refused: usize,
    pub waits: Vec<Duration>,
    pub core_time: Duration,
}

/// What became of all, and how long slots stood idle while something waited.
#[derive(Debug)]
pub struct Outcome {
    pub clients: Vec<Got>,
    pub idle: Duration,
}

/// Lets those clients ask for `seconds` of a device with the queue's default limits.
pub fn outcome(clients: &[Asking], slots: usize, seconds: u64) -> Outcome {
    let mut device = Virtual::new(clients, slots, at(seconds * 1_000));
    while device.step() {}
    Outcome { clients: device.got, idle: device.idle }
}

/// One request of a client.
#[derive(Debug)]
struct Request {
    client: usize,
    connection: usize,
    due: Moment,
    /// Rows that have not run yet.
    left: usize,
    waiting: Vec<Ticket>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Ended { request: usize },
    SlotFree,
    Look,
    Due { client: usize, number: u64 },
}

struct Virtual<'a> {
    asking: &'a [Asking],
    got: Vec<Got>,
    queue: DeviceQueue<usize>,
    events: BinaryHeap<Reverse<(Moment, Happens)>>,
    requests: Vec<Request>,
    free_connections: Vec<Vec<usize>>,
    /// Due, and no connection is free.
    held: Vec<VecDeque<Moment>>,
    free_slots: usize,
    now: Moment,
    end: Moment,
    idle: Duration,
}

impl<'a> Virtual<'a> {
    fn new(asking: &'a [Asking], slots: usize, end: Moment) -> Self {
        let first = (0..asking.len()).map(|client| Reverse((Moment::ZERO, Happens::Due { client, number: 0 })));
        Self {
            asking,
            got: vec![Got::default(); asking.len()],
            queue: DeviceQueue::new(QueuePolicy::default()),
            events: first.collect(),
            requests: Vec::new(),
            free_connections: asking.iter().map(|client| (0..client.connections).collect()).collect(),
            held: vec![VecDeque::new(); asking.len()],
            free_slots: slots,
            now: Moment::ZERO,
            end,
            idle: Duration::ZERO,
        }
    }

    /// The next event; false at the end.
    fn step(&mut self) -> bool {
        let Some(Reverse((moment, happens))) = self.events.pop().filter(|Reverse((moment, _))| *moment < self.end)
        else {
            return false;
        };
        if self.free_slots > 0 && !self.queue.is_empty() {
            self.idle += moment.saturating_since(self.now);
        }
        self.now = moment;
        match happens {
            Happens::Due { client, number } => self.due(client, number),
            Happens::Ended { request } => self.row_ended(request),
            Happens::SlotFree => self.free_slots += 1,
            Happens::Look => {}
        }
        let now = self.now;
        if self.events.peek().is_none_or(|Reverse((next, _))| *next > now) {
            self.serve();
        }
        true
    }

    fn due(&mut self, client: usize, number: u64) {
        self.held[client].push_back(self.now);
        let next = Duration::from_secs_f64((number + 1) as f64 / self.asking[client].per_s);
        self.events.push(Reverse((Moment::from_duration(next), Happens::Due { client, number: number + 1 })));
        self.send(client);
    }

    fn send(&mut self, client: usize) {
        while let (Some(&due), Some(&connection)) = (self.held[client].front(), self.free_connections[client].last()) {
            self.held[client].pop_front();
            self.free_connections[client].pop();
            let left = self.asking[client].rows.len();
            self.requests.push(Request { client, connection, due, left, waiting: Vec::new() });
            self.push_rows(self.requests.len() - 1);
        }
    }

    fn push_rows(&mut self, request: usize) {
        let Request { client, connection, .. } = self.requests[request];
        for row in self.asking[client].rows.clone() {
            let waiting = Entry {
                client: ClientKey(client as u64),
                stream: StreamKey((client * 10_000 + connection) as u64),
                lane: LaneKey(row.lane),
                batch: BatchRule { size_max: row.size_max, delay_max: Duration::ZERO },
                deadline: Some(self.now + Duration::from_secs(30)),
                cost: row.cost,
                ..entry(Class::Interactive, 0, 0)
            };
            match self.queue.push(self.now, waiting, request) {
                Ok(admitted) => {
                    self.requests[request].waiting.push(admitted.ticket);
                    if let Some(displaced) = admitted.displaced {
                        self.refuse(displaced.item);
                    }
                }
                Err(_) => return self.refuse(request),
            }
        }
    }

    /// One row was not taken: the request ends, and the connection is free for the next.
    fn refuse(&mut self, request: usize) {
        if self.requests[request].left == usize::MAX {
            return;
        }
        let waiting = std::mem::take(&mut self.requests[request].waiting);
        waiting.into_iter().for_each(|ticket| _ = self.queue.cancel(ticket));
        let Request { client, connection, .. } = self.requests[request];
        self.got[client].refused += 1;
        self.requests[request].left = usize::MAX;
        self.free_connections[client].push(connection);
        // Whoever is refused asks again when its next request is due.
    }

    fn row_ended(&mut self, request: usize) {
        let Request { client, connection, due, left, .. } = self.requests[request];
        if left == usize::MAX {
            return;
        }
        self.requests[request].left -= 1;
        if left == 1 {
            self.got[client].answered += 1;
            self.got[client].waits.push(self.now.saturating_since(due));
            self.free_connections[client].push(connection);
            self.send(client);
        }
    }

    fn serve(&mut self) {
        while self.free_slots > 0 {
            let take = self.queue.take(self.now, true);
            // Whoever sends more than its share may have work that is given up.
            take.expired.into_iter().for_each(|late| self.refuse(late.item));
            match take.next {
                Next::Batch(batch) => self.run(batch),
                Next::WaitUntil(moment) => return self.events.push(Reverse((moment, Happens::Look))),
                Next::Empty => return,
            }
        }
    }

    fn run(&mut self, batch: Batch<usize>) {
        self.free_slots -= 1;
        let mut took = Duration::ZERO;
        for row in &batch.items {
            let client = self.requests[row.item].client;
            let rows = &self.asking[client].rows;
            let cost = rows.iter().find(|row| row.lane == batch.lane.0).map_or(Duration::ZERO, |row| row.cost);
            self.got[client].core_time += cost;
            took += cost;
        }
        let ends = self.now + took;
        self.events.push(Reverse((ends, Happens::SlotFree)));
        for row in batch.items {
            self.requests[row.item].waiting.retain(|ticket| *ticket != row.ticket);
            self.events.push(Reverse((ends, Happens::Ended { request: row.item })));
        }
    }
}
