//! What may be typed after `samovar calls`.

use super::ServerArguments;
use super::confirm::ConfirmArguments;
use clap::{Args, Subcommand};
use samovar_triage::Priority;
use std::time::Duration;

/// `samovar calls`.
#[derive(Clone, Debug, Subcommand)]
pub enum CallsCommand {
    /// List calls, the newest first
    #[command(after_help = LIST_EXAMPLES)]
    List(CallsListArguments),
    /// List calls in which these words were said, the newest first
    #[command(after_help = SEARCH_EXAMPLES)]
    Search(CallsSearchArguments),
    /// Tell what was said in a call, how urgent it is and why, and what its voice sounded like
    #[command(
        after_help = "Examples:\n  samovar calls show 6f9619ff8b86d011b42d00c04fc964ff\n  samovar calls show ID --json"
    )]
    Show(CallArguments),
    /// Forget calls: their words, figures, decisions and sound
    #[command(
        after_help = "Examples:\n  samovar calls delete 6f9619ff8b86d011b42d00c04fc964ff\n  samovar calls delete ID ID ID --yes"
    )]
    Delete(CallNamesArguments),
}

/// `samovar calls list`.
#[derive(Clone, Debug, Args)]
pub struct CallsListArguments {
    /// Which calls.
    #[command(flatten)]
    pub filter: CallsFilterArguments,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar calls search`.
#[derive(Clone, Debug, Args)]
pub struct CallsSearchArguments {
    /// Words that were all said; the last may be the beginning of one
    #[arg(required = true, value_name = "TEXT")]
    pub text: Vec<String>,
    /// Which calls.
    #[command(flatten)]
    pub filter: CallsFilterArguments,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// Which calls are listed.
#[derive(Clone, Debug, Args)]
pub struct CallsFilterArguments {
    /// Only those that are at least as urgent, P1 to P5
    #[arg(long, value_name = "P", value_parser = priority)]
    pub priority: Option<Priority>,
    /// Only those about this: fire, medical, violence, accident, or what else the rules name
    #[arg(long, value_name = "NAME")]
    pub category: Option<String>,
    /// Only those that began within this time: 90s, 30m, 24h, 7d
    #[arg(long, value_name = "TIME", value_parser = ago)]
    pub since: Option<Duration>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Only those behind an earlier list, which tells this number at its end
    #[arg(long, value_name = "N")]
    pub after: Option<u64>,
}

/// `samovar calls show`.
#[derive(Clone, Debug, Args)]
pub struct CallArguments {
    /// The call, as `list` tells it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `samovar calls delete`.
#[derive(Clone, Debug, Args)]
pub struct CallNamesArguments {
    /// The calls, as `list` tells them
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// Whether to ask.
    #[command(flatten)]
    pub confirm: ConfirmArguments,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

fn priority(text: &str) -> Result<Priority, String> {
    Priority::parse(&text.to_ascii_uppercase()).ok_or_else(|| "it is P1, P2, P3, P4 or P5".to_owned())
}

/// A number and its unit.
fn ago(text: &str) -> Result<Duration, String> {
    let wrong = || "write a whole number and s, m, h or d, as in 24h".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

/// After `samovar calls --help`.
pub const CALLS_EXAMPLES: &str = "\
Examples:
  samovar calls list --priority P2 --since 24h
  samovar calls search mill road
  samovar calls show ID
  samovar calls delete ID

Calls are kept where `[calls]` of the server's configuration has a `folder`. A key sees its own calls, one with
the scope `admin` besides everybody's.";

const LIST_EXAMPLES: &str = "\
Examples:
  samovar calls list
  samovar calls list --priority P1 --category fire --since 7d
  samovar calls list --limit 1000 --json";

const SEARCH_EXAMPLES: &str = "\
Examples:
  samovar calls search kitchen
  samovar calls search mill road --since 24h

Case and accents do not count.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        assert_eq!(["90s", "30m", "24h", "7d"].map(|text| ago(text).unwrap().as_secs()), [90, 1_800, 86_400, 604_800]);
        for wrong in ["", "d", "7", "1.5h", "-1d", "7 d", "3€"] {
            assert!(ago(wrong).is_err(), "{wrong}");
        }
    }
}
