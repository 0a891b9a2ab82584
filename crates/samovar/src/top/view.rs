//! What is shown, and what keys change of it. Knows no terminal.

use super::history::History;
use super::rates::Rates;
use super::reader::Look;
use super::reading::Reading;
use super::section::{Order, SectionName};
use crate::failure::CliError;
use std::time::Instant;

/// What is shown.
#[derive(Debug)]
pub struct View {
    /// Where the server is.
    pub url: String,
    /// The newest look that came.
    pub reading: Option<Reading>,
    /// Since the look before it.
    pub rates: Rates,
    /// Busy shares of the cores.
    pub busy: History,
    /// Since when no look has come, and why.
    pub problem: Option<(Instant, CliError)>,
    /// The table that has the screen; none where all share it.
    pub focus: Option<SectionName>,
    /// What goes first.
    pub order: Order,
    /// Whether looks that come are left aside.
    pub paused: bool,
    /// Whether the keys are told.
    pub help: bool,
    /// Rows that were scrolled past.
    pub scroll: usize,
    /// Whether it is over.
    pub ended: bool,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// End.
    End,
    /// One table, or all.
    Show(Option<SectionName>),
    /// The next table; after the last one all of them.
    Next,
    /// The next order.
    Sort,
    /// Stop or go on.
    Pause,
    /// Tell the keys, or do not.
    Help,
    /// So many rows down, or up.
    Scroll(isize),
}

impl View {
    /// Nothing seen yet.
    pub fn new(url: String) -> Self {
        Self {
            url,
            reading: None,
            rates: Rates::default(),
            busy: History::default(),
            problem: None,
            focus: None,
            order: Order::default(),
            paused: false,
            help: false,
            scroll: 0,
            ended: false,
        }
    }

    /// A look came.
    pub fn take(&mut self, look: Look, now: Instant) {
        match look {
            Err(error) => {
                let since = self.problem.take().map_or(now, |(since, _)| since);
                self.problem = Some((since, error));
            }
            Ok(_) if self.paused => self.problem = None,
            Ok(reading) => self.show(reading),
        }
    }

    fn show(&mut self, reading: Reading) {
        self.problem = None;
        self.rates = self.reading.as_ref().map(|before| Rates::between(before, &reading)).unwrap_or_default();
        if let Some(share) = reading.machine.machine.cpu_share {
            self.busy.add(share);
        }
        self.reading = Some(reading);
        self.keep_in_bounds();
    }

    /// A key was pressed.
    pub fn press(&mut self, action: Action) {
        match action {
            Action::End => self.ended = true,
            Action::Show(focus) => (self.focus, self.scroll) = (focus, 0),
            Action::Next => (self.focus, self.scroll) = (after(self.focus), 0),
            Action::Sort => self.order = self.order.next(),
            Action::Pause => self.paused = !self.paused,
            Action::Help => self.help = !self.help,
            Action::Scroll(rows) => {
                self.scroll = self.scroll.saturating_add_signed(rows);
                self.keep_in_bounds();
            }
        }
    }

    /// A table that became shorter, or has come to its end, is not scrolled past.
    fn keep_in_bounds(&mut self) {
        let rows = self.reading.as_ref().zip(self.focus).map_or(0, |(reading, focus)| match focus {
            SectionName::Models => reading.models.len(),
            SectionName::Streams => reading.streams.len(),
            SectionName::Jobs => reading.jobs.len(),
            SectionName::Pools => reading.machine.pools.len(),
        });
        self.scroll = self.scroll.min(rows.saturating_sub(1));
    }
}

fn after(focus: Option<SectionName>) -> Option<SectionName> {
    let next = focus.map_or(0, |focus| SectionName::ALL.iter().position(|&name| name == focus).map_or(0, |at| at + 1));
    SectionName::ALL.get(next).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::section::tests::readings;

    fn away() -> Look {
        Err(CliError::new("server_unreachable", "no server"))
    }

    #[test]
    fn a_server_that_is_away_leaves_what_was_seen_and_tells_since_when() {
        let (mut view, [before, now], start) = (View::new(String::new()), readings(), Instant::now());
        view.take(away(), start);
        assert!(view.reading.is_none() && view.problem.as_ref().is_some_and(|(since, _)| *since == start));
        view.take(Ok(before), start);
        assert!(view.problem.is_none() && view.rates.model("person").is_none());
        view.take(Ok(now), start);
        assert!(view.rates.model("person").is_some());
        view.take(away(), start);
        view.take(away(), start + std::time::Duration::from_secs(3));
        assert!(view.reading.is_some() && view.problem.as_ref().is_some_and(|(since, _)| *since == start));
    }

    #[test]
    fn keys_change_what_is_shown() {
        let (mut view, [before, now]) = (View::new(String::new()), readings());
        view.take(Ok(before), Instant::now());
        let shown = [0; 5].map(|_| {
            view.press(Action::Next);
            view.focus
        });
        let [models, streams, jobs, pools] = SectionName::ALL.map(Some);
        assert_eq!(shown, [models, streams, jobs, pools, None]);
        view.press(Action::Show(streams));
        view.press(Action::Scroll(9));
        assert_eq!(view.scroll, 2, "there are three streams");
        view.press(Action::Scroll(-9));
        assert_eq!(view.scroll, 0);
        view.press(Action::Pause);
        view.take(Ok(now), Instant::now());
        assert!(view.rates.model("person").is_none(), "what comes in a pause is left aside");
        view.press(Action::Sort);
        view.press(Action::Help);
        view.press(Action::End);
        assert!(view.order == Order::Busiest && view.help && view.ended);
    }
}
