//! Pictures and tensor rows against reference files and hostile input.

mod decode;
mod fixture;
mod geometry;
mod hostile;
mod resizing;
mod rows;
