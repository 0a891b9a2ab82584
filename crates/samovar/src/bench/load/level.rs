//! One level of load: connections that begin requests when they are due, whatever the answers do.
//!
//! A request that is due while every connection still waits is timed from when it was due, not from when it could be sent: else a
//! server that stalls would be asked less, and its stall would not be seen (coordinated omission).

use super::arguments::Rate;
use super::client::HttpClient;
use super::request::PreparedRequest;
use super::tally::Tally;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// What one level is to do.
#[derive(Clone, Debug)]
pub struct LevelPlan {
    pub address: SocketAddr,
    /// The address of this machine that its connections come from; none: whichever the system takes.
    pub from: Option<IpAddr>,
    /// Sent in turn.
    pub requests: Arc<[PreparedRequest]>,
    pub rate: Rate,
    pub connections: u32,
    pub duration: Duration,
    pub warm_up: Duration,
}

/// What one level came to.
#[derive(Clone, Debug, Default)]
pub struct Level {
    pub tally: Tally,
    pub seconds: f64,
}

impl LevelPlan {
    /// Runs the level to its end.
    pub async fn run(&self) -> Level {
        let turns = Arc::new(Turns { next: AtomicU64::new(0), began: Instant::now() + LEAD });
        let mut connections: JoinSet<Tally> =
            (0..self.connections).map(|_| connection(self.clone(), Arc::clone(&turns))).collect();
        let mut tally = Tally::default();
        while let Some(own) = connections.join_next().await {
            tally.merge(own.unwrap_or_default());
        }
        Level { tally, seconds: self.duration.as_secs_f64() }
    }

    fn counted_from(&self, began: Instant) -> Instant {
        began + self.warm_up
    }

    fn ends(&self, began: Instant) -> Instant {
        began + self.warm_up + self.duration
    }
}

/// Between the making of the connections and the first request.
const LEAD: Duration = Duration::from_millis(20);

/// Which request is next, and when it is due.
struct Turns {
    next: AtomicU64,
    began: Instant,
}

impl Turns {
    fn take(&self, rate: Rate) -> (u64, Instant) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match rate {
            Rate::Max => (number, self.began),
            Rate::PerSecond(rate) => (number, self.began + Duration::from_secs_f64(number as f64 / rate)),
        }
    }
}

async fn connection(plan: LevelPlan, turns: Arc<Turns>) -> Tally {
    let mut tally = Tally::default();
    let mut client = HttpClient::new(plan.address).from(plan.from);
    let (counted_from, ends) = (plan.counted_from(turns.began), plan.ends(turns.began));
    loop {
        let (number, due) = turns.take(plan.rate);
        let began = wait_for(due, plan.rate).await;
        if began >= ends || due >= ends {
            return tally;
        }
        let request = &plan.requests[number as usize % plan.requests.len()];
        let outcome = client.send(&request.bytes).await;
        let ended = Instant::now();
        if ended < counted_from || ended > ends {
            continue;
        }
        tally.waited += u64::from(plan.rate != Rate::Max && began == due);
        match outcome {
            Ok(answer) if answer.status < 400 => {
                let took = ended.saturating_duration_since(began).as_micros();
                tally.latencies_us.push(u32::try_from(took).unwrap_or(u32::MAX));
                tally.items += request.items;
            }
            Ok(answer) => tally.fail(answer.status.to_string()),
            Err(_) => tally.fail("lost".to_owned()),
        }
    }
}

/// From when on the request counts: from when it was due where that has passed, else from now, so that a late timer of this
/// program is not told as the server's.
async fn wait_for(due: Instant, rate: Rate) -> Instant {
    let now = Instant::now();
    match rate {
        Rate::Max if now >= due => now,
        _ if now >= due => due,
        _ => {
            sleep_until(due.into()).await;
            Instant::now()
        }
    }
}
