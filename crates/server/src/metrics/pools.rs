//! What the media pools count for themselves, read when the page is asked for.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::{MetricType, counter::ConstCounter};
use prometheus_client::registry::Registry;
use samovar_media::{PoolPurpose, PoolTotals};
use std::fmt;

#[derive(Debug)]
pub(super) struct Pools;

impl Pools {
    pub(super) fn register(into: &mut Registry) {
        into.register_collector(Box::new(Self));
    }
}

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        family(&mut encoder, "samovar_pool_takes", "Frame buffers taken.", |totals| totals.takes)?;
        family(&mut encoder, "samovar_pool_misses", "Frame buffers taken beyond their pool's capacity.", |totals| {
            totals.misses
        })
    }
}

fn family(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: impl Fn(PoolTotals) -> u64,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    PoolPurpose::ALL.into_iter().try_for_each(|purpose| {
        let labels = [("pool", purpose.name())];
        ConstCounter::new(value(purpose.totals())).encode(family.encode_family(&labels)?)
    })
}
