//! Pure scheduling rules: classes, fair turns, batches, admission and deadlines. Time is an argument.
