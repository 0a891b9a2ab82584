//! Calls that were heard: what was said, how it sounded and how urgent it was, kept, searched and deleted.
#![forbid(unsafe_code)]
