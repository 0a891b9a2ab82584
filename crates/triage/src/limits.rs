//! How much a file of rules may hold, and how much of a call is looked at.

/// Bytes of a file.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Rules of one book.
pub const RULES_MAX: usize = 2_000;
/// Patterns of one book.
pub const PATTERNS_MAX: usize = 20_000;
/// Words of one pattern.
pub const PATTERN_WORDS_MAX: usize = 16;
/// Words between two of a pattern, between those of a rule's groups, and before a match that may turn it round.
pub const DISTANCE_MAX: usize = 50;
/// Words of a call that are looked at: the newest. Some two hours of quick talk.
pub const WORDS_MAX: usize = 20_000;
/// Times that one rule is quoted in a decision: the first ones.
pub const QUOTES_MAX: usize = 3;
