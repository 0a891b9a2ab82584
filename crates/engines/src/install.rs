//! Installs and removes engine libraries and the `ffmpeg` program: pinned Python wheels, checked by sha256, unpacked into Samovar's
//! own folder. Nothing of Python is kept or needed afterwards.

mod error;
mod folder;
mod package;
mod pip;
mod unpack;

pub use error::{InstallError, InstallErrorKind};
pub use folder::{Installed, Step, install, installed, remove};
pub use package::{PACKAGES, Package, package};
