//! Tables of the view: what is told, apart from how it is drawn.

use super::rates::Rates;
use super::reading::{JobCounts, Machine, Reading};
use super::rows;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionName {
    /// What is loaded.
    Models,
    /// What is live.
    Streams,
    /// What is recorded.
    Jobs,
    /// What buffers are out.
    Pools,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// What it is about.
    pub title: &'static str,
    /// Behind the title: sums.
    pub note: String,
    /// Headings.
    pub columns: &'static [Column],
    /// In the order that the server tells.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// Whether it holds numbers, which stand under each other.
    pub number: bool,
}

/// A line of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// A text for each column.
    pub cells: Vec<String>,
    /// How much it does: greater is more.
    pub load: f64,
    /// How long one waits for it: greater is worse.
    pub slowness: f64,
    /// How it is.
    pub mood: Mood,
}

/// How something is, at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// As it should be.
    Well,
    /// Nothing to tell.
    #[default]
    Plain,
    /// On its way, or worth a look.
    Busy,
    /// Failed.
    Bad,
}

/// What goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As the server tells.
    #[default]
    Told,
    /// What does most.
    Busiest,
    /// What takes longest.
    Slowest,
}

impl SectionName {
    /// Every table, in its place.
    pub const ALL: [Self; 4] = [Self::Models, Self::Streams, Self::Jobs, Self::Pools];

    /// Its table.
    pub fn section(self, reading: &Reading, rates: &Rates, order: Order) -> Section {
        let mut section = match self {
            Self::Models => models(reading, rates),
            Self::Streams => streams(reading),
            Self::Jobs => jobs(reading, rates),
            Self::Pools => pools(&reading.machine),
        };
        match order {
            Order::Told => {}
            Order::Busiest => section.rows.sort_by(|one, other| other.load.total_cmp(&one.load)),
            Order::Slowest => section.rows.sort_by(|one, other| other.slowness.total_cmp(&one.slowness)),
        }
        section
    }
}

impl Order {
    /// The next one, round and round.
    pub const fn next(self) -> Self {
        match self {
            Self::Told => Self::Busiest,
            Self::Busiest => Self::Slowest,
            Self::Slowest => Self::Told,
        }
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Told => "as told",
            Self::Busiest => "busiest first",
            Self::Slowest => "slowest first",
        }
    }
}

const fn word(name: &'static str) -> Column {
    Column { name, number: false }
}

const fn number(name: &'static str) -> Column {
    Column { name, number: true }
}

fn models(reading: &Reading, rates: &Rates) -> Section {
    const COLUMNS: [Column; 11] = [
        word("model"),
        word("state"),
        word("engine"),
        word("precision"),
        number("busy"),
        number("runs/s"),
        number("rows/s"),
        number("queue ms"),
        number("p50 ms"),
        number("p99 ms"),
        number("memory"),
    ];
    let rows: Vec<Row> = reading.models.iter().map(|model| rows::model(model, rates.model(&model.id))).collect();
    let ready = reading.models.iter().filter(|model| model.state == "ready").count();
    Section { title: "Models", note: format!("{ready} of {} ready", rows.len()), columns: &COLUMNS, rows }
}

fn streams(reading: &Reading) -> Section {
    const COLUMNS: [Column; 11] = [
        word("stream"),
        word("kind"),
        word("state"),
        number("fps in"),
        number("fps"),
        number("p50 ms"),
        number("p99 ms"),
        number("dropped"),
        number("events"),
        number("open"),
        word("models"),
    ];
    // Not `sum`: that of nothing is -0.0.
    let sum = |of: fn(&super::reading::StreamFigures) -> f64| {
        reading.streams.iter().fold(0.0, |sum, stream| sum + of(&stream.figures))
    };
    let note =
        format!("{}, {:.1} frames/s in, {:.1} looked at", reading.streams.len(), sum(|it| it.fps_in), sum(|it| it.fps));
    Section { title: "Streams", note, columns: &COLUMNS, rows: reading.streams.iter().map(rows::stream).collect() }
}

fn jobs(reading: &Reading, rates: &Rates) -> Section {
    const COLUMNS: [Column; 9] = [
        word("job"),
        word("video"),
        word("model"),
        word("state"),
        word("progress"),
        number("frames"),
        number("frames/s"),
        number("left"),
        number("attempts"),
    ];
    let note = reading.machine.jobs.map_or_else(|| "not taken here".to_owned(), job_note);
    let rows = reading.jobs.iter().map(|job| rows::job(job, rates.job(&job.id))).collect();
    Section { title: "Jobs", note, columns: &COLUMNS, rows }
}

fn job_note(counts: JobCounts) -> String {
    let JobCounts { queued, running, done, failed, cancelled, oldest_queued_s } = counts;
    let oldest = if queued > 0 { format!(" (for {})", super::bar::time(oldest_queued_s)) } else { String::new() };
    format!("{running} running, {queued} waiting{oldest}, {done} done, {failed} given up, {cancelled} cancelled")
}

fn pools(machine: &Machine) -> Section {
    const COLUMNS: [Column; 8] = [
        word("pool"),
        word("in use"),
        number("out"),
        number("most"),
        number("capacity"),
        number("takes"),
        number("misses"),
        number("waits"),
    ];
    let misses: u64 = machine.pools.iter().map(|pool| pool.misses).sum();
    let rows = machine.pools.iter().map(rows::pool).collect();
    Section { title: "Pools", note: format!("{misses} misses"), columns: &COLUMNS, rows }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn machine(up_s: f64, rows: u64, infer_s: f64) -> Value {
        let class = |class: &str, rows: u64, infer_s: f64| json!({ "class": class, "waiting": 1, "rows": rows, "stages_s": { "queue": 0.0, "prepare": 0.0, "infer": infer_s, "finish": 0.0 } });
        let process = json!({ "cores_busy": 1.25, "resident_bytes": 181_000_000, "resident_max_bytes": 190_000_000, "threads": 12, "open_files": 40 });
        json!({
            "version": "0.1.0", "status": "ready", "up_s": up_s, "slots": 2,
            "machine": { "cores": 2, "cpu_share": 0.75, "memory_bytes": 16_000_000_000_u64, "memory_available_bytes": 12_000_000_000_u64 },
            "process": process, "children": process, "children_count": 3,
            "gpus": [{ "index": 0, "name": "NVIDIA H200", "share": 0.5, "memory_used_bytes": 12_000_000_000_u64, "memory_bytes": 150_000_000_000_u64 }],
            "classes": [class("live", rows, infer_s), class("interactive", 0, 0.0), class("job", 0, 0.0)],
            "jobs": { "queued": 1, "running": 1, "done": 5, "failed": 1, "cancelled": 0, "oldest_queued_s": 65.0 },
            "pools": [{ "pool": "video", "capacity": 8, "in_use": 4, "in_use_max": 8, "takes": 900, "misses": 0, "waits": 17 }],
            "disk_free_bytes": { "jobs": 50_000_000_000_u64 },
        })
    }

    fn reading(up_s: f64, runs: u64, done: u64) -> Reading {
        let models = json!({ "data": [
            { "id": "person", "state": "ready", "serving": { "engine": "openvino", "precision": "bf16", "memory_bytes": 121_000_000 },
              "work": { "runs": runs, "rows": runs * 2, "queue_ms": 1.5, "inference_p50_ms": 20.0, "inference_p99_ms": 31.0, "busy_s": runs as f64 / 20.0 } },
            { "id": "face", "state": "failed", "failure": { "code": "model_file_damaged" },
              "work": { "runs": 0, "rows": 0, "queue_ms": 0.0, "inference_p50_ms": null, "inference_p99_ms": null, "busy_s": 0.0 } },
        ] });
        let stream = |number: u32| {
            json!({
                "id": format!("{number:032x}"), "kind": "detect", "state": "live", "source": null, "models": ["person"],
                "figures": { "open_s": 70.0, "fps_in": 12.0, "fps": 11.5, "latency_p50_ms": 25.0, "latency_p99_ms": f64::from(number) * 10.0,
                    "dropped": { "overloaded": number, "not_ready": 0 }, "events": 0 },
            })
        };
        let streams = json!({ "data": [stream(1), stream(2), stream(3)] });
        let jobs = json!({ "data": [
            { "id": "j1", "state": "running", "attempts": 1, "task": { "name": "walk.mp4", "model": "person" }, "failure": null,
              "progress": { "done": done, "total": 300, "share": done as f64 / 300.0 } },
            { "id": "j2", "state": "failed", "attempts": 5, "task": { "name": "bad\u{1b}[2J.mp4", "model": "person" },
              "failure": { "code": "corrupt_media" }, "progress": { "done": 0, "total": null, "share": null } },
        ] });
        let machine = machine(up_s, runs * 2, runs as f64 * 0.04);
        Reading::new(machine, models, streams, vec![jobs]).unwrap()
    }

    /// Two looks, two seconds apart: 20 runs of 2 rows, 60 frames of a job.
    pub fn readings() -> [Reading; 2] {
        [reading(10.0, 100, 60), reading(12.0, 120, 120)]
    }

    fn cells(section: &Section, row: usize) -> String {
        section.rows[row].cells.join("|")
    }

    #[test]
    fn each_table_tells_what_is_known() {
        let [before, now] = readings();
        let rates = Rates::between(&before, &now);
        let section = |name: SectionName| name.section(&now, &rates, Order::Told);
        let models = section(SectionName::Models);
        assert_eq!(cells(&models, 0), "person|ready|openvino|bf16|25%|10.0|20.0|1.5|20.0|31.0|121 MB");
        assert_eq!(cells(&models, 1), "face|failed: model_file_damaged|-|-|0%|0.0|0.0|0.0|-|-|-");
        assert_eq!(
            cells(&section(SectionName::Streams), 1),
            "00000000|detect|live|12.0|11.5|25.0|20.0|2|0|1m 10s|person"
        );
        let jobs = section(SectionName::Jobs);
        assert_eq!(cells(&jobs, 0), "j1|walk.mp4|person|running|[####------]|120/300|30.0|6s|1");
        assert_eq!(cells(&jobs, 1), "j2|bad[2J.mp4|person|failed: corrupt_media||0|-|-|5");
        assert_eq!(jobs.note, "1 running, 1 waiting (for 1m 05s), 5 done, 1 given up, 0 cancelled");
        assert_eq!(cells(&section(SectionName::Pools), 0), "video|[#####-----]|4|8|8|900|0|17");
        for name in SectionName::ALL {
            let section = section(name);
            assert!(section.rows.iter().all(|row| row.cells.len() == section.columns.len()), "{}", section.title);
        }
        let mut quiet = now;
        quiet.streams.clear();
        let streams = SectionName::Streams.section(&quiet, &rates, Order::Told);
        assert_eq!(streams.note, "0, 0.0 frames/s in, 0.0 looked at");
    }

    #[test]
    fn the_order_can_be_chosen() {
        let [before, now] = readings();
        let rates = Rates::between(&before, &now);
        let slowest = SectionName::Streams.section(&now, &rates, Order::Slowest);
        assert_eq!(slowest.rows.iter().map(|row| row.cells[6].as_str()).collect::<Vec<_>>(), ["30.0", "20.0", "10.0"]);
        let busiest = SectionName::Models.section(&now, &rates, Order::Busiest);
        assert_eq!(busiest.rows[0].cells[0], "person");
        assert_eq!(Order::Told.next().next().next(), Order::Told);
    }
}
