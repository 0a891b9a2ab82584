//! Figures as short text: bars, sizes, times.

/// `[####----]` of `width` characters for a share of 0 to 1.
pub fn bar(share: f64, width: usize) -> String {
    let inner = width.saturating_sub(2);
    let full = (share.clamp(0.0, 1.0) * inner as f64).round() as usize;
    format!("[{}{}]", "#".repeat(full), "-".repeat(inner - full))
}

/// `41%`.
pub fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// `181 MB`, `1.5 GB`.
pub fn size(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 99.95e9 => format!("{:.0} GB", b / 1e9),
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b => format!("{:.0} MB", b / 1e6),
    }
}

/// `45s`, `12m 05s`, `3h 20m`, `2d 4h`.
pub fn time(seconds: f64) -> String {
    match seconds.max(0.0) as u64 {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3_600 => format!("{}m {:02}s", s / 60, s % 60),
        s @ 3_600..86_400 => format!("{}h {:02}m", s / 3_600, s / 60 % 60),
        s => format!("{}d {}h", s / 86_400, s / 3_600 % 24),
    }
}

/// `20.5`, or `-` for what is not known.
pub fn ms(ms: Option<f64>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"))
}

/// Text from elsewhere without what could steer a terminal, and no longer than that.
pub fn clean(text: &str, length_max: usize) -> String {
    let plain: String = text.chars().filter(|character| !character.is_control()).take(length_max + 1).collect();
    if plain.chars().count() <= length_max {
        return plain;
    }
    plain.chars().take(length_max.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!([0.0, 0.5, 1.0, 7.0].map(|share| bar(share, 6)), ["[----]", "[##--]", "[####]", "[####]"]);
        assert_eq!((bar(0.5, 0), percent(0.414)), ("[]".to_owned(), "41%".to_owned()));
        assert_eq!(
            [999_000, 181_400_000, 1_540_000_000, 149_000_000_000].map(size),
            ["1 MB", "181 MB", "1.5 GB", "149 GB"]
        );
        assert_eq!([5.9, 725.0, 12_000.0, 187_300.0].map(time), ["5s", "12m 05s", "3h 20m", "2d 4h"]);
        assert_eq!((ms(Some(20.51)), ms(None)), ("20.5".to_owned(), "-".to_owned()));
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\n\u{9b}c", 20), "a[2Jbc");
        assert_eq!(clean("0123456789", 10), "0123456789");
        assert_eq!(clean("0123456789x", 10), "012345678…");
    }
}
