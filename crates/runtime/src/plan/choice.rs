//! Which of the measured ways wins, and the sentence that says why.

use super::{Candidate, Figures, Tried};
use crate::Optimize;

/// A way that was measured, in the order of preference: the simplest first.
pub(crate) type Measured<'a> = (&'a Candidate, Figures);

/// How much better another way must be than a simpler one to be taken: less is noise, and not worth a surprise.
pub(crate) const BETTER_BY: f64 = 1.05;

/// Index of the winner: the first that is at most 5 % behind the best.
pub(crate) fn choose(optimize: Optimize, measured: &[Figures]) -> Option<usize> {
    let best = measured.iter().map(|figures| score(optimize, figures)).max_by(f64::total_cmp)?;
    let near: Vec<usize> = (0..measured.len()).filter(|&i| score(optimize, &measured[i]) * BETTER_BY > best).collect();
    let first = *near.first()?;
    Some(match optimize {
        Optimize::Throughput => first,
        // Ties are decided by rows a second, and ties of those by simplicity again.
        Optimize::Latency => {
            let rows = |index: usize| measured[index].rows_per_s;
            let most = near.iter().map(|&index| rows(index)).max_by(f64::total_cmp)?;
            near.into_iter().find(|&index| rows(index) * BETTER_BY > most).unwrap_or(first)
        }
    })
}

/// What is compared: larger is better.
pub(crate) fn score(optimize: Optimize, figures: &Figures) -> f64 {
    match optimize {
        Optimize::Throughput => figures.rows_per_s,
        Optimize::Latency => 1.0 / figures.latency.as_secs_f64().max(1e-9),
    }
}

/// Why the winner won, with figures.
pub(crate) fn reason(optimize: Optimize, measured: &[Measured<'_>], winner: usize) -> String {
    let (won, figures) = &measured[winner];
    let said = format!("{won} gives {}", figure(optimize, figures));
    let Some((second, theirs)) = next_best(optimize, measured, winner) else {
        return format!("{said}; nothing else could be measured here");
    };
    let ratio = score(optimize, figures) / score(optimize, &theirs);
    let than = format!("{second} with {}", figure(optimize, &theirs));
    if ratio >= BETTER_BY {
        format!("{said}, {ratio:.2} × as good as {than}")
    } else if ratio * BETTER_BY > 1.0 {
        let taken = match optimize {
            Optimize::Throughput => "the simpler",
            Optimize::Latency => "the one with more rows a second, or the simpler,",
        };
        format!("{said}; {than} is within 5 %, and of such {taken} is taken")
    } else {
        format!("{said}; in turns with it {than} did not keep up")
    }
}

/// The best of the others: another engine, precision or number of threads, or where there is none another batch.
fn next_best<'a>(optimize: Optimize, measured: &[Measured<'a>], winner: usize) -> Option<Measured<'a>> {
    let (won, _) = measured[winner];
    let others = measured.iter().enumerate().filter(|(index, _)| *index != winner).map(|(_, other)| *other);
    others.max_by(|a, b| {
        let rank = |(way, figures): &Measured<'_>| {
            (Candidate { batch: won.batch, ..(*way).clone() } != *won, score(optimize, figures))
        };
        let ((a_differs, a), (b_differs, b)) = (rank(a), rank(b));
        a_differs.cmp(&b_differs).then(a.total_cmp(&b))
    })
}

fn figure(optimize: Optimize, figures: &Figures) -> String {
    let latency_ms = figures.latency.as_secs_f64() * 1e3;
    match optimize {
        Optimize::Throughput => format!("{:.1} rows/s", figures.rows_per_s),
        Optimize::Latency => format!("{latency_ms:.1} ms a run ({:.1} rows/s)", figures.rows_per_s),
    }
}

/// The measured ways that are not far behind the best, the best first; of equals the simpler.
pub(super) fn leaders(optimize: Optimize, tried: &[Tried], share: f64) -> Vec<(Candidate, Figures)> {
    let measured = tried.iter().filter_map(|tried| Some((tried.candidate.clone(), tried.outcome.clone().ok()?)));
    let mut measured: Vec<(Candidate, Figures)> = measured.collect();
    measured.sort_by(|a, b| score(optimize, &b.1).total_cmp(&score(optimize, &a.1)));
    let best = measured.first().map_or(0.0, |(_, figures)| score(optimize, figures));
    measured.retain(|(_, figures)| score(optimize, figures) >= best * share);
    measured
}

/// Why each way that could not be measured could not.
pub(super) fn reasons(tried: &[Tried]) -> String {
    let reasons =
        tried.iter().filter_map(|tried| Some(format!("{}: {}", tried.candidate, tried.outcome.as_ref().err()?)));
    format!("no way to run it could be measured ({})", reasons.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_engine_api::Precision;
    use std::time::Duration;

    fn candidate(engine: &str) -> Candidate {
        let (engine, engine_version) = (engine.to_owned(), String::new());
        Candidate { engine, engine_version, precision: Precision::F32, threads: 1, slots: 1, batch: 1 }
    }

    fn winner(optimize: Optimize, figures: &[(f64, u64)]) -> Option<usize> {
        let figures = figures.iter().map(|&(rows_per_s, latency_ms)| Figures {
            rows_per_s,
            latency: Duration::from_millis(latency_ms),
            ..Figures::default()
        });
        choose(optimize, &figures.collect::<Vec<_>>())
    }

    #[test]
    fn the_best_wins_unless_a_simpler_one_is_nearly_as_good() {
        assert_eq!(winner(Optimize::Throughput, &[]), None);
        assert_eq!(winner(Optimize::Throughput, &[(100.0, 9), (104.0, 9)]), Some(0));
        assert_eq!(winner(Optimize::Throughput, &[(100.0, 9), (105.0, 9)]), Some(1));
        assert_eq!(winner(Optimize::Throughput, &[(60.0, 9), (97.0, 9), (100.0, 9)]), Some(1));
    }

    #[test]
    fn the_shortest_run_wins_and_ties_go_by_rows() {
        assert_eq!(winner(Optimize::Latency, &[(100.0, 20), (60.0, 10)]), Some(1));
        assert_eq!(winner(Optimize::Latency, &[(60.0, 20), (80.0, 20), (20.0, 40)]), Some(1));
        assert_eq!(winner(Optimize::Latency, &[(80.0, 20), (80.0, 20)]), Some(0));
    }

    #[test]
    fn the_reason_names_the_figures() {
        let (one, two) = (candidate("one"), candidate("two"));
        let figures = |rows_per_s| Figures { rows_per_s, ..Figures::default() };
        let measured = [(&one, figures(100.0)), (&two, figures(50.0))];
        let said = reason(Optimize::Throughput, &measured, 0);
        assert_eq!(
            said,
            "one f32, 1 × 1 threads, batch 1 gives 100.0 rows/s, 2.00 × as good as two f32, 1 × 1 threads, batch 1 with 50.0 rows/s"
        );
        assert!(reason(Optimize::Throughput, &measured[..1], 0).ends_with("nothing else could be measured here"));
    }
}
