//! The CPU cores of a device, shared out to runs: a run with several threads gets them all at once or waits, so that models with
//! different plans never have more threads at work than there are cores.
//!
//! First come, first served: whoever needs many is not overtaken by those who need few. Nobody waits while holding cores
//! ([`CoresHeld::grow`] gives its own back first), so that there is no deadlock.

use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The cores of one device. Clones share them.
#[derive(Clone)]
pub(crate) struct Cores {
    shared: Arc<Shared>,
}

/// Cores that are given back on drop.
pub(crate) struct CoresHeld {
    shared: Arc<Shared>,
    count: usize,
}

struct Shared {
    total: usize,
    state: Mutex<State>,
    /// Signalled whenever the first in line may have become another one, or may go on.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// Who waits, and for how many. Bounded by the threads that take cores.
    line: BTreeMap<Place, usize>,
    places_given: u64,
}

/// A place in the line; the least goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    queue: Queue,
    number: u64,
}

/// Who has work in hand already goes before those who have come for some.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    Growing,
    New,
}

impl Cores {
    /// `total` cores, at least one.
    pub(crate) fn new(total: usize) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { total: total.max(1), state, changed }) }
    }

    /// How many there are.
    pub(crate) fn total(&self) -> usize {
        self.shared.total
    }

    /// Takes `count` cores, all at once; waits for its turn. More than there are means all of them.
    pub(crate) fn take(&self, count: usize) -> CoresHeld {
        let count = self.shared.clip(count);
        self.shared.wait(&mut self.shared.state.lock(), Queue::New, count);
        self.held(count)
    }

    /// Takes `count` cores if nobody waits and they are free.
    pub(crate) fn try_take(&self, count: usize) -> Option<CoresHeld> {
        let count = self.shared.clip(count);
        let mut state = self.shared.state.lock();
        if !state.line.is_empty() || state.taken + count > self.shared.total {
            return None;
        }
        state.taken += count;
        drop(state);
        Some(self.held(count))
    }

    /// Whether somebody waits.
    #[cfg(test)]
    pub(crate) fn has_line(&self) -> bool {
        !self.shared.state.lock().line.is_empty()
    }

    fn held(&self, count: usize) -> CoresHeld {
        CoresHeld { shared: Arc::clone(&self.shared), count }
    }
}

impl CoresHeld {
    /// Holds `count` cores instead if nobody waits and they are free; tells whether it does.
    pub(crate) fn try_grow(&mut self, count: usize) -> bool {
        let count = self.shared.clip(count);
        let mut state = self.shared.state.lock();
        if count <= self.count || !state.line.is_empty() || state.taken - self.count + count > self.shared.total {
            return false;
        }
        state.taken = state.taken - self.count + count;
        drop(state);
        self.count = count;
        true
    }

    /// Holds exactly `count` cores instead, if it need not wait for them; tells whether it does.
    pub(crate) fn fit(&mut self, count: usize) -> bool {
        let count = self.shared.clip(count);
        if count >= self.count {
            return count == self.count || self.try_grow(count);
        }
        self.shared.state.lock().taken -= self.count - count;
        self.count = count;
        self.shared.changed.notify_all();
        true
    }

    /// How many are held.
    #[cfg_attr(not(test), expect(dead_code, reason = "whoever asks for more than there are wants to know"))]
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Holds `count` cores instead; tells whether it waited for them. It goes before those who hold none: what has them waiting
    /// is one run of those who are at work.
    pub(crate) fn grow(&mut self, count: usize) -> bool {
        let count = self.shared.clip(count);
        if count <= self.count {
            return false;
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        state.taken -= std::mem::take(&mut self.count);
        shared.changed.notify_all();
        let waited = shared.wait(&mut state, Queue::Growing, count);
        self.count = count;
        waited
    }
}

impl Drop for CoresHeld {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.taken -= self.count;
        let somebody_waits = !state.line.is_empty();
        drop(state);
        if somebody_waits {
            self.shared.changed.notify_all();
        }
    }
}

impl Shared {
    fn clip(&self, count: usize) -> usize {
        count.clamp(1, self.total)
    }

    /// Waits until the caller is first in line and `count` cores are free, and takes them. Tells whether it slept. The wait
    /// ends with the runs that go on.
    fn wait(&self, state: &mut parking_lot::MutexGuard<'_, State>, queue: Queue, count: usize) -> bool {
        let place = Place { queue, number: state.places_given };
        state.places_given += 1;
        state.line.insert(place, count);
        let mut slept = false;
        while state.line.first_key_value().is_some_and(|(first, _)| *first != place) || state.taken + count > self.total
        {
            slept = true;
            self.changed.wait(state);
        }
        state.line.remove(&place);
        state.taken += count;
        if !state.line.is_empty() {
            self.changed.notify_all();
        }
        slept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    const SOON: Duration = Duration::from_secs(15);

    impl Cores {
        fn waiting(&self) -> usize {
            self.shared.state.lock().line.len()
        }

        fn wait_for_line(&self, length: usize) {
            while self.waiting() < length {
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn cores_are_taken_all_at_once_and_given_back() {
        let cores = Cores::new(4);
        let held = cores.take(3);
        assert!(cores.try_take(2).is_none());
        let last = cores.try_take(1).unwrap();
        assert!(cores.try_take(1).is_none());
        drop((held, last));
        assert_eq!(cores.take(99).count(), cores.total(), "more than there are means all of them");
        assert_eq!(Cores::new(0).take(0).count(), 1);
    }

    #[test]
    fn a_run_grows_only_where_it_need_not_wait() {
        let cores = Cores::new(3);
        let (mut one, other) = (cores.take(1), cores.take(1));
        assert!(!one.try_grow(3) && one.count() == 1, "the other holds a core");
        drop(other);
        assert!(one.try_grow(99) && one.count() == 3);
        assert!(cores.try_take(1).is_none());
        assert!(!one.try_grow(2), "it has more");
        drop(one);
        assert!(cores.try_take(3).is_some());
    }

    #[test]
    fn a_run_that_needs_fewer_gives_the_others_back() {
        let cores = Cores::new(2);
        let mut held = cores.take(2);
        assert!(held.fit(1) && held.count() == 1);
        let other = cores.try_take(1).unwrap();
        assert!(!held.fit(2) && held.count() == 1, "it would wait");
        drop(other);
        assert!(held.fit(2) && held.fit(2) && cores.try_take(1).is_none());
    }

    #[test]
    fn who_needs_all_is_not_overtaken_by_who_needs_one() {
        let cores = Cores::new(2);
        let (one, other) = (cores.take(1), cores.take(1));
        let (told, order) = channel();
        let mut threads = Vec::new();
        for (place, count) in [(1, 2), (2, 1), (3, 2)] {
            let (mine, told) = (cores.clone(), told.clone());
            threads.push(std::thread::spawn(move || {
                let held = mine.take(count);
                told.send(count * 10 + place).unwrap();
                drop(held);
            }));
            cores.wait_for_line(place);
        }
        drop(one);
        assert!(cores.try_take(1).is_none(), "one core is free, and kept for the first in line");
        drop(other);
        let served: Vec<usize> = (0..3).map(|_| order.recv_timeout(SOON).unwrap()).collect();
        assert_eq!(served, [21, 12, 23]);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn who_grows_goes_before_who_has_come_later_and_holds_nothing_meanwhile() {
        let cores = Cores::new(2);
        let (mut growing, busy) = (cores.take(1), cores.take(1));
        let newcomer = std::thread::spawn({
            let cores = cores.clone();
            move || cores.take(2).count()
        });
        cores.wait_for_line(1);
        let (told, grown) = channel();
        let grower = std::thread::spawn(move || {
            let waited = growing.grow(2);
            told.send((waited, growing.count())).unwrap();
        });
        cores.wait_for_line(2);
        drop(busy);
        assert_eq!(grown.recv_timeout(SOON), Ok((true, 2)));
        grower.join().unwrap();
        assert_eq!(newcomer.join().unwrap(), 2);
        assert_eq!(cores.shared.state.lock().taken, 0);
    }

    #[test]
    fn mixes_of_narrow_and_wide_never_exceed_the_total_and_never_stand_still() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let cores = Cores::new(4);
        let (in_use, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8_usize {
                let (cores, in_use, most) = (&cores, &in_use, &most);
                scope.spawn(move || {
                    for round in 0..200 {
                        let mut held = cores.take(1);
                        if (thread + round) % 3 == 0 {
                            held.grow([1, 2, 4][round % 3]);
                        }
                        let now = in_use.fetch_add(held.count(), Ordering::SeqCst) + held.count();
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        in_use.fetch_sub(held.count(), Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((most.load(Ordering::SeqCst), cores.waiting()), (4, 0));
    }
}
