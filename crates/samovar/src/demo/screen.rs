//! Where the status goes: a table drawn anew in place on a terminal, a line now and then elsewhere, or JSON.

use super::status::Status;
use super::summary::Summary;
use super::{setup::Plan, table};
use crate::failure::CliError;
use crate::redraw::Redraw;
use crate::stdout;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::net::SocketAddr;

/// Where the status goes.
pub struct Screen {
    form: Form,
    table: Redraw,
    /// How often something was to be shown.
    shown: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Table,
    Lines,
}

/// Where there is no terminal, every so many are shown.
const LINE_EVERY: u64 = 5;

impl Screen {
    /// As asked for, else as stdout allows.
    pub fn new(json: bool) -> Self {
        let form = match (json, std::io::stdout().is_terminal()) {
            (true, _) => Form::Json,
            (false, true) => Form::Table,
            (false, false) => Form::Lines,
        };
        Self { form, table: Redraw::default(), shown: 0 }
    }

    /// Tells what begins, and where it can be looked at.
    ///
    /// # Errors
    /// Where stdout cannot be written to, as everywhere here.
    pub fn begin(&self, plan: &Plan, address: SocketAddr) -> Result<(), CliError> {
        let page = format!("http://{address}/");
        let (clip, streams) = (&plan.clip, plan.streams);
        if self.form == Form::Json {
            return event("started", json!({ "url": format!("http://{address}"), "page": page, "streams": streams }));
        }
        stdout::print(&format!(
            "{} × {}, {}×{}, {:.1} fps, on {}\nto look at: {page}\n\n",
            crate::run::plural(u64::from(streams), "live stream"),
            plan.clip_name,
            clip.width,
            clip.height,
            clip.frames_per_second,
            plan.looking.models().join(" and "),
        ))
    }

    /// Shows how things are; to be called every second.
    ///
    /// # Errors
    /// As [`Screen::begin`].
    pub fn show(&mut self, status: &Status) -> Result<(), CliError> {
        self.shown += 1;
        match self.form {
            Form::Json => event("status", serde_json::to_value(status).unwrap_or_default()),
            Form::Table => stdout::print(&self.table.over(&table::table(status))),
            Form::Lines if self.shown.is_multiple_of(LINE_EVERY) => stdout::print(&table::line(status)),
            Form::Lines => Ok(()),
        }
    }

    /// Tells how it was.
    ///
    /// # Errors
    /// As [`Screen::begin`].
    pub fn end(&self, summary: &Summary) -> Result<(), CliError> {
        match self.form {
            Form::Json => event("summary", serde_json::to_value(summary).unwrap_or_default()),
            Form::Lines if self.shown < LINE_EVERY => stdout::print(&summary.text()),
            Form::Table | Form::Lines => stdout::print(&format!("\n{}", summary.text())),
        }
    }
}

/// One line of JSON.
fn event(kind: &str, mut fields: Value) -> Result<(), CliError> {
    fields["type"] = kind.into();
    stdout::print(&format!("{fields}\n"))
}
