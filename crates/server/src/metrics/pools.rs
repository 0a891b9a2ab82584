//! What the pools count for themselves, read when the page is asked for.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType::{Counter, Gauge};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use samovar_media::{PoolPurpose, PoolTotals};
use std::fmt;

#[derive(Debug)]
pub(super) struct Pools;

/// A figure of all pools of one purpose.
type Figure = fn(PoolTotals) -> u64;

const COUNTS: [(&str, &str, Figure); 3] = [
    ("samovar_pool_takes", "Buffers taken", |totals| totals.takes),
    ("samovar_pool_misses", "Buffers taken beyond their pool's capacity", |totals| totals.misses),
    ("samovar_pool_waits", "Takes that waited for a buffer to come back", |totals| totals.waits),
];

const LEVELS: [(&str, &str, Figure); 3] = [
    ("samovar_pool_capacity", "Buffers that the pools have room for", |totals| totals.capacity),
    ("samovar_pool_in_use", "Buffers that are out", |totals| totals.in_use),
    ("samovar_pool_in_use_max", "The most that were ever out at once", |totals| totals.in_use_max),
];

impl Pools {
    pub(super) fn register(into: &mut Registry) {
        into.register_collector(Box::new(Self));
    }
}

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, figure) in COUNTS {
            let mut family = encoder.encode_descriptor(name, help, None, Counter)?;
            for purpose in PoolPurpose::ALL {
                let labels = [("pool", purpose.name())];
                ConstCounter::new(figure(purpose.totals())).encode(family.encode_family(&labels)?)?;
            }
        }
        for (name, help, figure) in LEVELS {
            let mut family = encoder.encode_descriptor(name, help, None, Gauge)?;
            for purpose in PoolPurpose::ALL {
                let labels = [("pool", purpose.name())];
                ConstGauge::new(figure(purpose.totals())).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
