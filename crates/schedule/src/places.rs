//! Who holds the places of a class whose callers are refused when it is full, and who has to give one up.
//!
//! The longest queue is pushed out (Suter, Lakshman, Stiliadis, Choudhury 1998): whoever holds the most places loses its newest
//! to a newcomer that holds fewer. One client alone may fill the queue, and never fills it for the others.

use std::collections::{BTreeSet, HashMap};

use crate::{ClientKey, Ticket};

/// The places of every client of one class.
#[derive(Debug, Default)]
pub(crate) struct Places {
    held: HashMap<ClientKey, BTreeSet<Ticket>>,
    /// Clients by how many they hold.
    by_count: BTreeSet<(usize, ClientKey)>,
}

impl Places {
    pub(crate) fn take(&mut self, client: ClientKey, ticket: Ticket) {
        self.change(client, |tickets| tickets.insert(ticket));
    }

    pub(crate) fn give_back(&mut self, client: ClientKey, ticket: Ticket) {
        self.change(client, |tickets| tickets.remove(&ticket));
    }

    /// What makes room for `newcomer` where all places are taken: the newest of whoever holds the most, if that is more than it
    /// would hold itself.
    pub(crate) fn pushed_out_by(&self, newcomer: ClientKey) -> Option<Ticket> {
        let own = self.held.get(&newcomer).map_or(0, BTreeSet::len);
        let &(most, greediest) = self.by_count.last()?;
        self.held.get(&greediest).filter(|_| most > own + 1)?.last().copied()
    }

    fn change(&mut self, client: ClientKey, change: impl FnOnce(&mut BTreeSet<Ticket>) -> bool) {
        let tickets = self.held.entry(client).or_default();
        self.by_count.remove(&(tickets.len(), client));
        change(tickets);
        match tickets.len() {
            0 => drop(self.held.remove(&client)),
            count => drop(self.by_count.insert((count, client))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_the_greediest_makes_room_for_whoever_holds_less() {
        let (greedy, modest) = (ClientKey(1), ClientKey(2));
        let mut places = Places::default();
        assert_eq!(places.pushed_out_by(modest), None);
        (0..5).for_each(|number| places.take(greedy, Ticket(number)));
        assert_eq!(places.pushed_out_by(greedy), None, "nobody makes room for itself");
        for number in 5..7 {
            assert_eq!(places.pushed_out_by(modest), Some(Ticket(9 - number)));
            places.give_back(greedy, Ticket(9 - number));
            places.take(modest, Ticket(number));
        }
        assert_eq!(places.pushed_out_by(modest), None, "three and two are even");
        (0..7).for_each(|number| [greedy, modest].iter().for_each(|client| places.give_back(*client, Ticket(number))));
        assert!(places.held.is_empty() && places.by_count.is_empty());
    }
}
