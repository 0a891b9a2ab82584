//! What may be typed after `samovar top`.

use clap::Args;
use std::time::Duration;

/// `samovar top`.
#[derive(Clone, Debug, Args)]
pub struct TopArguments {
    /// The running server [default: where the configuration lets it listen, http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Seconds from one look to the next, 0.2 to 60
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub interval: Duration,
    /// Print one table and end
    #[arg(long)]
    pub once: bool,
    /// Print what the server tells as JSON, one object a line at each look
    #[arg(long)]
    pub json: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is wanted".to_owned())?;
    let allowed = (0.2..=60.0).contains(&seconds);
    allowed.then(|| Duration::from_secs_f64(seconds)).ok_or_else(|| "0.2 to 60 seconds are possible".to_owned())
}

/// After `samovar top --help`.
pub const TOP_EXAMPLES: &str = "\
Examples:
  samovar top                                      the server on this machine
  samovar top --url http://camera-server:8080 --interval 5
  samovar top --once | grep person
  samovar top --json | jq .machine.process.cores_busy

Keys: q ends, 1 to 4 show models, streams, jobs or pools alone, 0 all of them, tab the next,
s sorts, p pauses, arrows scroll, ? tells them.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_bounds() {
        assert_eq!(interval("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "61", "nan", "x"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
