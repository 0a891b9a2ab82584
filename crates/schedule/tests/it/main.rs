//! The device queue as its users see it, in virtual time: its rules one by one, then properties over random histories.

mod device;
mod fairness;
mod greed;
mod history;
mod rules;
mod support;
