//! The metrics page: its two forms, its names, and that all that is known stands there from the start.

use crate::client::{get, post, raw};
use crate::house::{House, options, repository};
use crate::pictures::png;
use crate::promql::Page;
use crate::promtool::Promtool;
use crate::socket::Socket;
use crate::sources::street;
use crate::street::ffmpeg;
use samovar_jobs::{JobPolicy, SqliteQueue};
use samovar_media::{FramePool, PoolPurpose};
use samovar_monitor::{GpuSample, MachineSample};
use samovar_runtime::{Drift, Event, MemoryStats, Observer};
use samovar_server::{
    EvidenceSettings, JobSettings, Metrics, Moment, PageFormat, ServerLimits, ServerOptions, WebhookSettings,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn promtool_takes_the_page_of_a_server_that_works() {
    let Some(promtool) = Promtool::find() else { return };
    let house = House::fake(ServerLimits::default()).await;
    assert_eq!(post(house.address, "/v1/detect", &png(8, 8, 1)).await.status, 200);
    drop(Socket::ready(house.address, "").await);
    let page = get(house.address, "/metrics").await.text();
    promtool.accepts(&repository(), &["check", "metrics"], &page);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scraper_chooses_the_form() {
    let house = House::fake(ServerLimits::default()).await;
    let classic = get(house.address, "/metrics").await;
    assert_eq!(classic.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(classic.text().contains("# TYPE samovar_warmup_total counter\n") && !classic.text().contains("# EOF"));
    let head = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    let accept = "accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n\r\n";
    let open = raw(house.address, format!("{head}{accept}").as_bytes()).await;
    assert_eq!(open.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(open.text().contains("# TYPE samovar_warmup counter\n") && open.text().ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_stands_at_zero_from_the_start() {
    let house = House::fake_with(options(), false).await;
    let page = get(house.address, "/metrics").await.text();
    let names = [
        "samovar_warmup_total{model=\"fake\"}",
        "samovar_warmup_skipped_total{model=\"fake\"}",
        "samovar_warmup_duration_seconds_count{model=\"fake\"}",
        "samovar_stream_open_seconds_count{warm=\"true\"}",
        "samovar_stream_open_seconds_count{warm=\"false\"}",
        "samovar_load_failures_total{model=\"fake\",code=\"model_file_damaged\"}",
        "samovar_evictions_total{model=\"fake\"}",
        "samovar_drift_rewarms_total{model=\"fake\"}",
        "samovar_swaps_total{model=\"fake\"}",
        "samovar_plan_measurements_total{model=\"fake\"}",
        "samovar_plan_used_total{model=\"fake\",stored=\"true\"}",
        "samovar_plan_mismatch_total{model=\"fake\"}",
        "samovar_dropped_total{model=\"fake\",class=\"live\",reason=\"displaced\"}",
        "samovar_run_failures_total{model=\"fake\"}",
        "samovar_panics_total",
        "samovar_model_generation{model=\"fake\"}",
    ];
    for name in names {
        assert!(page.contains(&format!("\n{name} 0")), "{name} is not at zero");
    }
    assert!(page.contains("\nsamovar_pool_misses_total{pool=\"picture\"} "), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pools_count_stands_on_the_page() {
    let house = House::fake(ServerLimits::default()).await;
    let counts = async |pool: &str| {
        let count = async |what| house.metric(&format!("samovar_pool_{what}_total{{pool=\"{pool}\"}}")).await;
        (count("takes").await, count("misses").await)
    };
    let before = counts("picture").await;
    assert_eq!(post(house.address, "/v1/detect", &png(8, 8, 1)).await.status, 200);
    let after = counts("picture").await;
    assert!(after.0 > before.0 && after.1 == before.1, "a slot's pool suffices: {before:?}, then {after:?}");
    let (before, pool) = (counts("video").await, FramePool::counted(PoolPurpose::Video, 1));
    let _out = (pool.take(8), pool.take(8));
    let after = counts("video").await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (2.0, 1.0));
}

#[test]
fn each_event_of_a_models_life_is_counted_once() {
    let metrics = Metrics::new();
    metrics.know(["a", "b"]);
    let (model, took) = ("a", Duration::from_millis(1500));
    let drift = Drift { rows: 1, median: took, settled: took / 2 };
    let events = [
        (Event::WarmedUp { model, took, runs: 3 }, "samovar_warmup_total{model=\"a\"}"),
        (Event::WarmUpSkipped { model }, "samovar_warmup_skipped_total{model=\"a\"}"),
        (Event::Swapped { model }, "samovar_swaps_total{model=\"a\"}"),
        (Event::Evicted { model }, "samovar_evictions_total{model=\"a\"}"),
        (Event::DriftRewarm { model, drift }, "samovar_drift_rewarms_total{model=\"a\"}"),
        (Event::PlanMeasured { model, took }, "samovar_plan_measurements_total{model=\"a\"}"),
        (Event::PlanUsed { model, stored: true }, "samovar_plan_used_total{model=\"a\",stored=\"true\"}"),
        (Event::PlanMismatch { model }, "samovar_plan_mismatch_total{model=\"a\"}"),
    ];
    for (event, name) in events {
        let before = values(&metrics);
        metrics.observe(&event);
        let after = values(&metrics);
        assert_eq!((before[name], after[name]), (0.0, 1.0), "{name}");
        let others = |values: &BTreeMap<String, f64>| {
            values
                .iter()
                .filter(|(other, _)| other.contains("_total") && *other != name)
                .map(|(_, value)| *value)
                .sum::<f64>()
        };
        assert_eq!(others(&before), others(&after), "{name} alone is counted");
    }
    let values = values(&metrics);
    assert_eq!(values["samovar_warmup_duration_seconds_sum{model=\"a\"}"], 1.5);
    assert_eq!(values["samovar_plan_measurement_seconds_sum{model=\"a\"}"], 1.5);
}

fn values(metrics: &Metrics) -> BTreeMap<String, f64> {
    let memory = MemoryStats { limit_bytes: Some(8 << 30), held_bytes: 5 };
    let moment = Moment { ready: true, memory, ..Moment::default() };
    let page = metrics.page(&moment, PageFormat::Classic);
    assert!(page.contains("samovar_memory_limit_bytes 8589934592\n") && page.contains("samovar_memory_held_bytes 5\n"));
    assert!(page.contains("samovar_ready 1\n"));
    let lines = page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    // The pools are counted for the whole process, in which other tests run.
    let mine = lines.filter(|(name, _)| !name.starts_with("samovar_pool"));
    mine.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

/// A server whose page has every metric: sources, sinks, evidence and jobs have labels where there are some. None without ffmpeg.
pub(crate) async fn full_house(folder: &Path) -> Option<House> {
    let ffmpeg = ffmpeg()?;
    let queue = SqliteQueue::open(&folder.join("jobs.sqlite"), JobPolicy::default()).unwrap();
    let given = ServerOptions {
        ffmpeg: Some(ffmpeg),
        sources: vec![street("yard")],
        webhooks: vec![WebhookSettings::new("hook", "http://127.0.0.1:9/")],
        evidence: Some(EvidenceSettings::new(folder.join("evidence"))),
        jobs: Some(JobSettings::new(Arc::new(queue), folder.join("work"))),
        ..options()
    };
    Some(House::fake_with(given, true).await)
}

/// The page of a full house, with what is there only where a GPU is.
pub(crate) async fn full_page(house: &House) -> Page {
    Page::parse(&format!("{}{}", get(house.address, "/metrics").await.text(), gpu_lines()))
}

/// What a page says of a GPU that is half busy.
fn gpu_lines() -> String {
    let gpu =
        GpuSample { index: 1, name: "G".to_owned(), share: 0.5, memory_used_bytes: 3 << 30, memory_bytes: 80 << 30 };
    let machine = MachineSample { gpus: vec![gpu], ..MachineSample::default() };
    let page = Metrics::new().page(&Moment { machine, ..Moment::default() }, PageFormat::Classic);
    let lines = page.lines().filter(|line| line.contains("samovar_gpu_"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_gpu_has_its_number_as_its_label() {
    let lines = gpu_lines();
    for line in [
        "samovar_gpu_busy_ratio{gpu=\"1\"} 0.5\n",
        "samovar_gpu_memory_used_bytes{gpu=\"1\"} 3221225472\n",
        "samovar_gpu_memory_bytes{gpu=\"1\"} 85899345920\n",
    ] {
        assert!(lines.contains(line), "{lines}");
    }
    assert!(!Metrics::new().page(&Moment::default(), PageFormat::Classic).contains("samovar_gpu_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manual_lists_every_metric_with_its_type_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    let Some(house) = full_house(folder.path()).await else { return };
    get(house.address, "/health").await;
    let page = full_page(&house).await;
    let manual = std::fs::read_to_string(repository().join("docs/operations.md")).unwrap();
    let rows = manual.lines().filter(|line| line.starts_with("| `samovar_"));
    let listed: BTreeMap<String, String> = rows.map(row).collect();
    let families = page.families.iter().map(|(family, kind)| {
        let labels: Vec<_> = page.labels_of(family).into_iter().collect();
        (family.clone(), format!("{kind} | {}", labels.join(", ")))
    });
    assert_eq!(listed, families.collect());
}

/// `| name | type | labels | meaning |`, the labels in the order of the alphabet.
fn row(line: &str) -> (String, String) {
    let cells: Vec<_> = line.split('|').map(|cell| cell.trim().replace('`', "")).collect();
    let mut labels: Vec<_> = cells[3].split(", ").filter(|label| *label != "–").collect();
    labels.sort_unstable();
    assert!(!cells[4].is_empty(), "{line}");
    (cells[1].clone(), format!("{} | {}", cells[2], labels.join(", ")))
}
