//! From `[jobs]` to what the queue, the worker and the server take.

use crate::config::{Config, parse_bytes};
use crate::here;
use samovar_jobs::{JobPolicy, WorkerOptions};
use samovar_media::{UrlScheme, VideoLimits};
use samovar_server::SourceAdditions;
use std::time::Duration;

/// An idle worker that nobody wakes looks for a job this often.
const POLL: Duration = Duration::from_secs(1);
/// A job that is told to end has so long to write down how far it is.
const GRACE: Duration = Duration::from_secs(5);
/// Several at once let one decode, draw or write while another computes; further ones take memory and bring nothing, since a few keep
/// every slot busy.
const DEFAULT_JOBS_AT_ONCE_MAX: usize = 4;

/// The bounds of the queue as configured.
pub fn job_policy(config: &Config) -> JobPolicy {
    let jobs = &config.jobs;
    JobPolicy {
        jobs_max: jobs.jobs_max,
        owner_jobs_max: jobs.jobs_per_client_max,
        attempts_max: jobs.attempts_max,
        lease: Duration::from_secs(jobs.lease_s),
        backoff_first: Duration::from_millis(jobs.backoff_ms),
        backoff_max: Duration::from_secs(jobs.backoff_max_s),
        retention: Duration::from_secs(jobs.retention_days * 24 * 3600),
        finished_max: jobs.finished_max,
    }
}

/// A worker of this process as configured.
pub fn worker_options(config: &Config) -> WorkerOptions {
    let slots = here::device_options(config).slots;
    WorkerOptions {
        name: format!("{}-{}", host_name(), std::process::id()),
        jobs_at_once: config.jobs.jobs_at_once.unwrap_or_else(|| slots.clamp(1, DEFAULT_JOBS_AT_ONCE_MAX)),
        poll: POLL,
        heartbeat: Duration::from_secs(config.jobs.lease_s) / 3,
        grace: GRACE,
    }
}

/// Paths and addresses that jobs may name; none, unless configured.
pub fn job_additions(config: &Config) -> SourceAdditions {
    let jobs = &config.jobs;
    let schemes = jobs.schemes.iter().filter_map(|scheme| UrlScheme::of(&format!("{scheme}://"))).collect();
    SourceAdditions { schemes, hosts: jobs.hosts.clone(), roots: jobs.roots.clone() }
}

/// Bytes of one video that is sent along, and bytes that must stay free.
pub fn byte_limits(config: &Config) -> (u64, u64) {
    // Both were checked with the configuration.
    let bytes = |text: &str| parse_bytes(text).unwrap_or(0);
    (bytes(&config.jobs.upload_bytes_max), bytes(&config.jobs.free_bytes_min))
}

/// What a video of a job may be.
pub fn video_limits(config: &Config) -> VideoLimits {
    VideoLimits { duration: Duration::from_secs(config.jobs.duration_max_s), ..VideoLimits::default() }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check;

    #[test]
    fn what_is_not_configured_is_as_the_queue_has_it() {
        assert_eq!(job_policy(&Config::default()), JobPolicy::default());
        assert_eq!(byte_limits(&Config::default()), (4 << 30, 256 << 20));
    }

    #[test]
    fn a_worker_keeps_its_leases_alive_and_takes_as_many_jobs_as_it_is_told() {
        let options = |text: &str| worker_options(&check(text).unwrap());
        assert_eq!(options("[device]\nslots = 1").jobs_at_once, 1);
        assert_eq!(options("[device]\nslots = 64").jobs_at_once, 4);
        let told = options("[device]\nslots = 64\n[jobs]\njobs_at_once = 9\nlease_s = 3");
        assert_eq!((told.jobs_at_once, told.heartbeat), (9, Duration::from_secs(1)));
    }
}
