//! What a load came to, as JSON and as text.

use super::level::{Level, LevelPlan};
use serde::Serialize;
use std::collections::BTreeMap;

/// One level.
#[derive(Clone, Debug, Serialize)]
pub struct LevelFigures {
    /// `max`, or requests a second.
    pub rate: String,
    pub connections: u32,
    /// Answers with a status below 400.
    pub answered: usize,
    pub answered_per_second: f64,
    /// Texts, pictures or tensors.
    pub items_per_second: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    /// By status; `lost` for requests without an answer.
    pub failures: BTreeMap<String, u64>,
    /// Requests whose turn had come before a connection was free: many of them ask for more connections.
    pub waited: u64,
}

impl LevelFigures {
    /// What a level came to.
    pub fn new(plan: &LevelPlan, level: Level) -> Self {
        let Level { tally, seconds } = level;
        let mut latencies = tally.latencies_us;
        latencies.sort_unstable();
        let at = |share: f64| {
            let rank = (share * latencies.len() as f64).ceil() as usize;
            latencies.get(rank.saturating_sub(1)).map_or(0.0, |us| f64::from(*us) / 1e3)
        };
        Self {
            rate: plan.rate.to_string(),
            connections: plan.connections,
            answered: latencies.len(),
            answered_per_second: latencies.len() as f64 / seconds.max(1e-9),
            items_per_second: tally.items as f64 / seconds.max(1e-9),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: at(1.0),
            failures: tally.failures,
            waited: tally.waited,
        }
    }
}

/// Every level in a table.
pub fn text(levels: &[LevelFigures]) -> String {
    let head = format!(
        "{:>9} {:>6} {:>10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}  failures\n",
        "rate", "conns", "answers/s", "items/s", "p50 ms", "p90", "p99", "p99.9", "max"
    );
    head + &levels.iter().map(row).collect::<String>()
}

fn row(level: &LevelFigures) -> String {
    let failures: Vec<String> = level.failures.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    let failures = if failures.is_empty() { "none".to_owned() } else { failures.join(", ") };
    let waited =
        if level.waited == 0 { String::new() } else { format!("; {} had to wait for a connection", level.waited) };
    format!(
        "{:>9} {:>6} {:>10.1} {:>10.1} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.3}  {failures}{waited}\n",
        level.rate,
        level.connections,
        level.answered_per_second,
        level.items_per_second,
        level.p50_ms,
        level.p90_ms,
        level.p99_ms,
        level.p999_ms,
        level.max_ms
    )
}

#[cfg(test)]
mod tests {
    use super::super::arguments::Rate;
    use super::super::tally::Tally;
    use super::*;
    use std::time::Duration;

    #[test]
    fn percentiles_are_those_of_all_answers() {
        let plan = LevelPlan {
            address: "127.0.0.1:1".parse().unwrap(),
            from: None,
            requests: Vec::new().into(),
            rate: Rate::PerSecond(50.0),
            connections: 2,
            duration: Duration::from_secs(2),
            warm_up: Duration::ZERO,
        };
        let mut tally = Tally { items: 200, ..Tally::default() };
        tally.merge(Tally { latencies_us: (1..=100).map(|ms| ms * 1_000).collect(), ..Tally::default() });
        tally.fail("429".to_owned());
        let figures = LevelFigures::new(&plan, Level { tally, seconds: 2.0 });
        assert_eq!((figures.p50_ms, figures.p99_ms, figures.max_ms), (50.0, 99.0, 100.0));
        assert_eq!((figures.answered_per_second, figures.items_per_second), (50.0, 100.0));
        assert!(text(&[figures]).contains("429: 1"));
    }
}
