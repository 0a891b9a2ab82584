//! The view on a real terminal, which is given back as it was however this ends.

use super::draw::draw;
use super::keys;
use super::reader::Reader;
use super::view::View;
use crate::failure::{CliError, Exit};
use crate::stdout::write_error;
use ratatui::crossterm::event::{self, Event};
use std::io;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Longest wait for a key: a look that came is shown after it at the latest.
const KEY_WAIT: Duration = Duration::from_millis(100);

/// Shows the view until a key or a signal ends it.
///
/// # Errors
/// Where the terminal cannot be drawn on.
pub fn show(view: &mut View, reader: &Reader, ended: &CancellationToken) -> Result<Exit, CliError> {
    // From here on a panic gives the terminal back before it is told.
    let mut terminal = ratatui::try_init().map_err(|error| write_error("the terminal", &error))?;
    let _restore = Restore;
    while !view.ended && !ended.is_cancelled() {
        while let Some(look) = reader.news() {
            view.take(look, Instant::now());
        }
        let drawn = terminal.draw(|frame| draw(frame, view, Instant::now())).map(|_| ());
        drawn.and_then(|()| hear(view)).map_err(|error| write_error("the terminal", &error))?;
    }
    Ok(Exit::Ok)
}

/// What was pressed within the wait. A changed size only asks to be drawn anew.
fn hear(view: &mut View) -> io::Result<()> {
    let mut wait = KEY_WAIT;
    while event::poll(wait)? {
        if let Event::Key(key) = event::read()?
            && let Some(action) = keys::action(key)
        {
            view.press(action);
        }
        wait = Duration::ZERO;
    }
    Ok(())
}

struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
