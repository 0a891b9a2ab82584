//! How many recordings are heard at once, and whose turn it is when a place is free.
//!
//! Whoever has the fewest recordings heard goes first, and of those the one that has waited for its turn the longest; of its own
//! recordings, the one that came first. Where too many wait, the newest of whoever has the most gives way to a client that has fewer: one
//! client alone may have all places, and never keeps the others from theirs.

use crate::ServiceError;
use parking_lot::Mutex;
use samovar_runtime::{ClientKey, RunError, RunErrorKind};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

/// Requests that wait for a place, for each place.
const WAITING_FOR_EACH: usize = 16;

/// Places for recordings. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Room>);

#[derive(Debug)]
struct Room {
    /// Those who wait and those who have a place.
    present_max: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// While there are any nobody waits.
    free: usize,
    present: usize,
    /// The number of the next one that waits.
    next: u64,
    /// Clients that have a place or wait for one.
    clients: HashMap<ClientKey, Client>,
    /// Those who wait, in the order of their turns.
    turns: VecDeque<ClientKey>,
}

#[derive(Debug, Default)]
struct Client {
    /// Places that it has.
    heard: usize,
    /// Its recordings that wait, oldest first.
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
}

/// A place at which a recording is heard, until it is dropped.
#[derive(Debug)]
pub struct Place {
    room: Arc<Room>,
    client: ClientKey,
}

/// Recordings of requests at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceCounts {
    /// Those that have a place.
    pub heard: usize,
    /// Those that wait for one.
    pub waiting: usize,
}

/// A recording that waits. Dropped, it waits no more.
struct Waiting {
    room: Arc<Room>,
    client: ClientKey,
    number: u64,
    granted: oneshot::Receiver<Place>,
}

enum Entered {
    Heard(Place),
    Waits(Waiting),
}

impl Places {
    pub(super) fn new(places: usize) -> Self {
        let free = places.max(1);
        let state = State { free, present: 0, next: 0, clients: HashMap::default(), turns: VecDeque::default() };
        let present_max = free.saturating_mul(1 + WAITING_FOR_EACH);
        Self(Arc::new(Room { present_max, state: Mutex::new(state) }))
    }

    /// Waits for a place until `deadline`.
    ///
    /// # Errors
    /// `queue_full`: at once where too many wait; when another client, which has fewer here, needs the room; else at the deadline.
    pub(super) async fn take(&self, client: ClientKey, deadline: Instant) -> Result<Place, ServiceError> {
        match self.0.enter(client).ok_or_else(full)? {
            Entered::Heard(place) => Ok(place),
            Entered::Waits(mut waiting) => {
                let granted = timeout_at(deadline.into(), &mut waiting.granted).await;
                granted.map_err(|_| full())?.map_err(|_| full())
            }
        }
    }
}

impl Places {
    /// How many recordings are heard, and how many wait for that.
    pub(super) fn counts(&self) -> PlaceCounts {
        let state = self.0.state.lock();
        let heard = state.clients.values().map(|client| client.heard).sum();
        PlaceCounts { heard, waiting: state.present - heard }
    }
}

impl Room {
    fn enter(self: &Arc<Self>, client: ClientKey) -> Option<Entered> {
        let mut state = self.state.lock();
        if state.present >= self.present_max && !state.push_out_for(client) {
            return None;
        }
        state.present += 1;
        let room = Arc::clone(self);
        if state.free > 0 {
            state.free -= 1;
            state.client(client).heard += 1;
            return Some(Entered::Heard(Place { room, client }));
        }
        let (sender, granted) = oneshot::channel();
        let number = state.wait(client, sender);
        Some(Entered::Waits(Waiting { room, client, number, granted }))
    }

    fn leave(self: &Arc<Self>, client: ClientKey) {
        let mut state = self.state.lock();
        state.client(client).heard -= 1;
        state.present -= 1;
        state.forget_idle(client);
        let next = state.take_turn();
        match next {
            None => state.free += 1,
            Some((client, sender)) => {
                state.client(client).heard += 1;
                drop(state);
                // One that has just gone away gives the place back as it drops it.
                drop(sender.send(Place { room: Arc::clone(self), client }));
            }
        }
    }

    fn give_up(&self, client: ClientKey, number: u64) {
        let mut state = self.state.lock();
        let waiting = &mut state.client(client).waiting;
        let before = waiting.len();
        waiting.retain(|(other, _)| *other != number);
        state.present -= before - state.client(client).waiting.len();
        state.forget_idle(client);
    }
}

impl State {
    fn client(&mut self, client: ClientKey) -> &mut Client {
        self.clients.entry(client).or_default()
    }

    fn wait(&mut self, client: ClientKey, sender: oneshot::Sender<Place>) -> u64 {
        let number = self.next;
        self.next += 1;
        let line = &mut self.client(client).waiting;
        line.push_back((number, sender));
        if line.len() == 1 {
            self.turns.push_back(client);
        }
        number
    }

    /// Whose turn it is, which is over with that.
    fn take_turn(&mut self) -> Option<(ClientKey, oneshot::Sender<Place>)> {
        let heard = |client: &ClientKey| self.clients.get(client).map_or(0, |client| client.heard);
        let (turn, _) = self.turns.iter().enumerate().min_by_key(|(_, client)| heard(client))?;
        let client = self.turns.remove(turn)?;
        let line = &mut self.client(client).waiting;
        let (_, sender) = line.pop_front()?;
        if !line.is_empty() {
            self.turns.push_back(client);
        }
        Some((client, sender))
    }

    /// Whether the newest that waits, of whoever has the most here, gave way to a client that has fewer.
    fn push_out_for(&mut self, newcomer: ClientKey) -> bool {
        let present = |client: &Client| client.heard + client.waiting.len();
        let own = self.clients.get(&newcomer).map_or(0, present);
        let waiting = self.clients.iter().filter(|(_, client)| !client.waiting.is_empty());
        let Some((&greediest, most)) =
            waiting.map(|(key, client)| (key, present(client))).max_by_key(|(_, most)| *most)
        else {
            return false;
        };
        if most <= own + 1 {
            return false;
        }
        // Whoever waits hears of it by the end of its sender.
        self.client(greediest).waiting.pop_back();
        self.present -= 1;
        self.forget_idle(greediest);
        true
    }

    /// Keeps no more than there is to know.
    fn forget_idle(&mut self, key: ClientKey) {
        let Some(client) = self.clients.get(&key) else { return };
        if client.waiting.is_empty() {
            self.turns.retain(|other| *other != key);
            if client.heard == 0 {
                self.clients.remove(&key);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.leave(self.client);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.room.give_up(self.client, self.number);
    }
}

fn full() -> ServiceError {
    let kind = RunErrorKind::QueueFull { retry_after: Duration::from_secs(5) };
    RunError::new(kind, "as many recordings are heard as may be at once; ask again later").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::JoinHandle;

    const GREEDY: ClientKey = ClientKey(1);
    const MODEST: ClientKey = ClientKey(2);
    const THIRD: ClientKey = ClientKey(3);

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(3_600)
    }

    fn is_empty(places: &Places, count: usize) -> bool {
        let state = places.0.state.lock();
        (state.free, state.present) == (count, 0) && state.clients.is_empty() && state.turns.is_empty()
    }

    /// One that waits for a place, and gives it back with a word in the book.
    async fn waits(places: &Places, client: ClientKey, book: &Arc<Mutex<Vec<u64>>>) -> JoinHandle<bool> {
        let (places, book) = (places.clone(), Arc::clone(book));
        let waiting = tokio::spawn(async move {
            let taken = places.take(client, soon()).await;
            taken.as_ref().iter().for_each(|_| book.lock().push(client.0));
            taken.is_ok()
        });
        tokio::task::yield_now().await;
        waiting
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_waits_until_its_deadline_and_leaves_nothing_behind() {
        let places = Places::new(1);
        let first = places.take(GREEDY, soon()).await.unwrap();
        let late = places.take(GREEDY, Instant::now()).await.unwrap_err();
        assert_eq!(late.kind().code(), "queue_full");
        let (taken, ()) = tokio::join!(places.take(MODEST, soon()), async { drop(first) });
        let book = Arc::default();
        let mut waiting = Vec::new();
        for _ in 0..WAITING_FOR_EACH {
            waiting.push(waits(&places, GREEDY, &book).await);
        }
        assert_eq!(places.take(GREEDY, soon()).await.unwrap_err().kind().code(), "queue_full");
        waiting.iter().for_each(JoinHandle::abort);
        for one in waiting {
            assert!(one.await.unwrap_err().is_cancelled());
        }
        drop(taken);
        assert!(places.take(GREEDY, soon()).await.is_ok());
        assert!(is_empty(&places, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn clients_take_turns_however_many_recordings_one_has_waiting() {
        let places = Places::new(1);
        let (book, first) = (Arc::default(), places.take(GREEDY, soon()).await.unwrap());
        let mut waiting = Vec::new();
        for client in [GREEDY, GREEDY, GREEDY, GREEDY, MODEST, MODEST, THIRD] {
            waiting.push(waits(&places, client, &book).await);
        }
        drop(first);
        for one in waiting {
            assert!(one.await.unwrap());
        }
        assert_eq!(*book.lock(), [1, 2, 3, 1, 2, 1, 1]);
        assert!(is_empty(&places, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_fewer_places_gets_those_that_come_free_until_all_have_as_many() {
        let places = Places::new(4);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(places.take(GREEDY, soon()).await.unwrap());
        }
        let taken: Arc<Mutex<Vec<Place>>> = Arc::default();
        let mut waiting = Vec::new();
        for client in [GREEDY, GREEDY, MODEST, MODEST, MODEST] {
            let (places, taken) = (places.clone(), Arc::clone(&taken));
            waiting.push(tokio::spawn(async move {
                let place = places.take(client, soon()).await.unwrap();
                taken.lock().push(place);
            }));
            tokio::task::yield_now().await;
        }
        let mut order = Vec::new();
        while let Some(place) = held.pop() {
            drop(place);
            while taken.lock().len() == order.len() {
                tokio::task::yield_now().await;
            }
            order.extend(taken.lock().last().map(|place| place.client.0));
        }
        assert_eq!(order, [2, 2, 1, 1], "two for each; the turn is then the one that waited longer");
        waiting.iter().for_each(JoinHandle::abort);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_house_of_one_client_has_room_for_another() {
        let places = Places::new(1);
        let (book, first) = (Arc::default(), places.take(GREEDY, soon()).await.unwrap());
        let mut waiting = Vec::new();
        for _ in 0..WAITING_FOR_EACH {
            waiting.push(waits(&places, GREEDY, &book).await);
        }
        let modest = waits(&places, MODEST, &book).await;
        let newest = waiting.pop().unwrap();
        assert!(!newest.await.unwrap(), "the newest of the greediest gave way");
        assert_eq!(places.take(GREEDY, soon()).await.unwrap_err().kind().code(), "queue_full");
        drop(first);
        assert!(modest.await.unwrap());
        for one in waiting {
            assert!(one.await.unwrap());
        }
        assert_eq!(book.lock()[..3], [1, 2, 1]);
        assert!(is_empty(&places, 1));
    }
}
