//! Integration tests of the media crate.

mod video;
