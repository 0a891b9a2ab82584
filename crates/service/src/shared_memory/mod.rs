//! Regions of system shared memory that callers have registered.
