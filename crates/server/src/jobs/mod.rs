//! Recorded media that clients hand in: the queue, the worker inside the server, what is let in.

mod container;
mod counted_runner;
mod desk;
mod exports;
mod folder;
mod form;
mod free_space;
mod keeper;
mod orphans;
mod settings;
mod start;
mod upload;
mod upload_places;
mod watches;

pub use settings::JobSettings;

pub(crate) use desk::{JobDesk, NewJob};
pub(crate) use folder::{NewFolder, remove_later};
pub(crate) use form::{Form, FormField};
pub(crate) use start::start;
pub(crate) use upload_places::{UploadPlace, UploadPlaces};
pub(crate) use watches::{JobSeen, JobWatch};

use folder::settle;
