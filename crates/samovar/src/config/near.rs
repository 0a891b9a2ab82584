//! Suggestions: the known word that was probably meant, and lists of words.

/// The known word that `word` is probably a slip of.
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    const ALIKE: f64 = 0.8;
    let alike = known.iter().map(|&other| (strsim::jaro_winkler(&word.to_lowercase(), other), other));
    alike.filter(|(likeness, _)| *likeness >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
}

/// Words as a list in a sentence.
pub fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
