//! One measurement of one server: so many connections that ask as fast as they get answers.

use crate::bench::load::{Level, LevelFigures, LevelPlan, PreparedRequest, Rate};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// What is asked of whichever server is measured.
#[derive(Clone, Debug)]
pub struct Workload {
    pub name: &'static str,
    pub requests: Arc<[PreparedRequest]>,
    pub connections: u32,
    /// The address of this machine that it asks from; none: whichever the system takes.
    pub from: Option<IpAddr>,
    pub rate: Rate,
}

impl Workload {
    /// As fast as the answers come.
    pub fn closed(name: &'static str, requests: Vec<PreparedRequest>, connections: u32) -> Self {
        Self { name, requests: requests.into(), connections, from: None, rate: Rate::Max }
    }

    /// Measures it once.
    pub async fn measure(&self, address: SocketAddr, duration: Duration) -> LevelFigures {
        let plan = self.plan(address, duration);
        let level: Level = plan.run().await;
        LevelFigures::new(&plan, level)
    }

    fn plan(&self, address: SocketAddr, duration: Duration) -> LevelPlan {
        LevelPlan {
            address,
            from: self.from,
            requests: Arc::clone(&self.requests),
            rate: self.rate,
            connections: self.connections,
            duration,
            warm_up: WARM_UP,
        }
    }
}

/// Not counted: connections are opened, and queues fill.
const WARM_UP: Duration = Duration::from_millis(500);
