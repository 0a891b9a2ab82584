//! `[keys]`, `[server.tls]` and `[telemetry]` in ready form, and what may be wrong with them.

use super::rules::Broken;
use super::schema::{Config, KeySection, ScopeName};
use samovar_service::access::{CallerBounds, KEY_NAME_RULE, KeyDigest, KeySpec, Rate, Scope, is_key_name};
use std::time::{Duration, SystemTime};
use toml::value::{Datetime, Offset};

/// Every broken rule.
pub fn broken(config: &Config) -> Vec<Broken> {
    let keys = config.keys.iter().filter_map(|(name, section)| {
        let (key, message) = key_spec(name, section).err()?;
        let path = ["keys", name, key].into_iter().filter(|part| !part.is_empty()).map(str::to_owned);
        Some((path.collect(), message))
    });
    keys.chain(tls_rule(config)).chain(telemetry_rule(config)).chain(grpc_rule(config)).collect()
}

/// One address cannot be opened twice; port 0 takes a free one each time.
fn grpc_rule(config: &Config) -> Option<Broken> {
    let listen = config.server.listen;
    let message =
        || format!("{listen} is `listen` already, which takes gRPC as well; leave it out, or take another port");
    let twice = config.server.grpc_listen == Some(listen) && listen.port() != 0;
    twice.then(|| (vec!["server".to_owned(), "grpc_listen".to_owned()], message()))
}

/// A key in ready form.
///
/// # Errors
/// Which of its values is wrong (none: the name), and in what.
pub fn key_spec(name: &str, section: &KeySection) -> Result<KeySpec, (&'static str, String)> {
    if !is_key_name(name) {
        return Err(("", format!("not the name of a key; {KEY_NAME_RULE}")));
    }
    let digest = KeyDigest::parse(&section.sha256).map_err(|error| ("sha256", error.to_string()))?;
    Ok(KeySpec {
        scopes: section.scopes.iter().copied().map(scope).collect(),
        rate: rate(section)?,
        concurrent_max: section.concurrent_max,
        bounds: CallerBounds { body_bytes_max: section.body_bytes_max, items_max: section.items_max },
        expires: section.expires.as_deref().map(moment).transpose().map_err(|message| ("expires", message))?,
        ..KeySpec::new(name, digest)
    })
}

const fn scope(name: ScopeName) -> Scope {
    match name {
        ScopeName::Infer => Scope::Infer,
        ScopeName::Jobs => Scope::Jobs,
        ScopeName::Admin => Scope::Admin,
        ScopeName::Metrics => Scope::Metrics,
    }
}

fn rate(section: &KeySection) -> Result<Option<Rate>, (&'static str, String)> {
    let Some(per_s) = section.rate_per_s else {
        let lonely = || ("burst", "says how many at once, but `rate_per_s` is not set".to_owned());
        return if section.burst.is_some() { Err(lonely()) } else { Ok(None) };
    };
    // Bounds were checked.
    let burst = section.burst.unwrap_or(per_s.ceil().clamp(1.0, 1e6) as u32);
    Rate::new(per_s, burst).map(Some).ok_or_else(|| ("rate_per_s", "not a rate".to_owned()))
}

/// A day or a moment as the wall clock has it; without an offset it is meant in UTC.
fn moment(text: &str) -> Result<SystemTime, String> {
    let wrong = || {
        format!("not a day or a moment; write it like \"2027-01-31\" or \"2027-01-31T18:00:00Z\" (found \"{text}\")")
    };
    let parsed: Datetime = text.parse().map_err(|_| wrong())?;
    let date = parsed.date.ok_or_else(wrong)?;
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let second = |time: toml::value::Time| {
        i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + time.second.map_or(0, i64::from)
    };
    let offset_min = match parsed.offset {
        Some(Offset::Custom { minutes }) => i64::from(minutes),
        Some(Offset::Z) | None => 0,
    };
    let seconds = days * 86_400 + parsed.time.map_or(0, second) - offset_min * 60;
    let seconds = u64::try_from(seconds).map_err(|_| wrong())?;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Days from 1970-01-01 in the Gregorian calendar. The year begins in March, so that the leap day is its last.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    const MARCH_0000_TO_1970: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - MARCH_0000_TO_1970
}

fn tls_rule(config: &Config) -> Option<Broken> {
    let tls = &config.server.tls;
    let (key, message) = match (&tls.certificate, &tls.key, &tls.client_ca) {
        (Some(_), None, _) => ("certificate", "needs its private key; set `key`, too"),
        (None, Some(_), _) => ("key", "belongs to a certificate; set `certificate`, too"),
        (None, None, Some(_)) => ("client_ca", "needs `certificate` and `key` of the server, too"),
        _ => return None,
    };
    Some((["server", "tls", key].map(str::to_owned).to_vec(), message.to_owned()))
}

fn telemetry_rule(config: &Config) -> Option<Broken> {
    let endpoint = config.telemetry.otlp_endpoint.as_deref()?;
    let message = "not an address; write it like \"http://127.0.0.1:4317\"".to_owned();
    let is_one = endpoint.strip_prefix("http://").is_some_and(|host| !host.is_empty());
    (!is_one).then(|| (["telemetry", "otlp_endpoint"].map(str::to_owned).to_vec(), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check;

    #[test]
    fn moments_are_those_of_the_calendar() {
        let at = |text: &str| moment(text).unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert_eq!((at("1970-01-01"), at("1970-01-02T00:00:01Z")), (0, 86_401));
        assert_eq!((at("2000-03-01"), at("2024-02-29"), at("2027-01-31")), (951_868_800, 1_709_164_800, 1_801_353_600));
        assert_eq!(at("2027-01-31T18:00:00+02:00"), 1_801_353_600 + 16 * 3_600);
        for wrong in ["", "soon", "18:00:00", "2027-13-01", "1969-12-31", "31.1.2027"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn grpc_has_an_address_of_its_own_or_none() {
        let text = |listen: &str, grpc: &str| format!("[server]\nlisten = \"{listen}\"\ngrpc_listen = \"{grpc}\"\n");
        assert!(check(&text("127.0.0.1:8080", "127.0.0.1:8001")).is_ok());
        assert!(check(&text("127.0.0.1:0", "127.0.0.1:0")).is_ok());
        let problems = check(&text("127.0.0.1:8080", "127.0.0.1:8080")).unwrap_err();
        assert!(problems[0].to_string().contains("`listen` already"), "{}", problems[0]);
    }

    #[test]
    fn keys_are_read_and_mistakes_are_named() {
        let sha = "a".repeat(64);
        let good = format!(
            "[keys.site]\nsha256 = \"{sha}\"\nscopes = [\"infer\", \"jobs\"]\nrate_per_s = 2.5\nconcurrent_max = 4\nexpires = \"2027-01-31\"\n"
        );
        let config = check(&good).unwrap();
        let spec = key_spec("site", &config.keys["site"]).unwrap();
        assert!(spec.scopes.has(Scope::Jobs) && !spec.scopes.has(Scope::Admin) && spec.expires.is_some());
        assert_eq!((spec.rate, spec.concurrent_max), (Rate::new(2.5, 3), Some(4)));
        for (text, key) in [
            ("[keys.site]\nsha256 = \"short\"\n".to_owned(), "keys.site.sha256"),
            (format!("[keys.\"10.0.0.1\"]\nsha256 = \"{sha}\"\n"), "keys."),
            (format!("[keys.site]\nsha256 = \"{sha}\"\nburst = 3\n"), "keys.site.burst"),
            (format!("[keys.site]\nsha256 = \"{sha}\"\nexpires = \"soon\"\n"), "keys.site.expires"),
            (format!("[keys.site]\nsha256 = \"{sha}\"\nscopes = [\"all\"]\n"), "keys.site.scopes"),
            ("[server.tls]\ncertificate = \"a.pem\"\n".to_owned(), "server.tls.certificate"),
            ("[telemetry]\notlp_endpoint = \"localhost\"\n".to_owned(), "telemetry.otlp_endpoint"),
        ] {
            let problems = check(&text).unwrap_err();
            assert!(problems.iter().any(|problem| problem.to_string().contains(key)), "{text}: {problems:?}");
            assert!(!problems.iter().any(|problem| problem.to_string().contains(&sha)), "digests are not echoed");
        }
    }
}
