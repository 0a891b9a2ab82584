//! The device queue as its users see it, in virtual time: its rules one by one, then properties over random histories.

mod fairness;
mod history;
mod rules;
mod support;
