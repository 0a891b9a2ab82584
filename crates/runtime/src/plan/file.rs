//! The file of a plan: JSON with a version of its schema. The only place that knows how a plan is written down.

use super::sample::{Sample, SampledOutput};
use super::{Candidate, Figures, Plan, PlanKey, Tried};
use crate::Optimize;
use samovar_engine_api::Precision;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// Counts up with every change that older or newer programs would read wrongly.
const SCHEMA: u32 = 2;

#[derive(Serialize, Deserialize)]
struct PlanFile {
    schema: u32,
    model: String,
    key: String,
    optimize: String,
    candidate: CandidateFile,
    figures: FiguresFile,
    measured_at_s: u64,
    took_ns: u64,
    why: String,
    engines: Vec<(String, String)>,
    tried: Vec<TriedFile>,
    sample: Vec<OutputFile>,
    /// Of the model's parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts_sample: Vec<OutputFile>,
}

#[derive(Serialize, Deserialize)]
struct CandidateFile {
    engine: String,
    engine_version: String,
    precision: String,
    threads: usize,
    slots: usize,
    batch: usize,
}

#[derive(Serialize, Deserialize)]
struct FiguresFile {
    rows_per_s: f64,
    latency_ns: u64,
    memory_bytes: u64,
    precision_error: f32,
}

#[derive(Serialize, Deserialize)]
struct TriedFile {
    candidate: CandidateFile,
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<FiguresFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct OutputFile {
    shape: Vec<usize>,
    rms: f32,
    values: Vec<f32>,
}

/// The text of a plan's file.
pub(super) fn text(plan: &Plan) -> String {
    let file = PlanFile {
        schema: SCHEMA,
        model: plan.model.clone(),
        key: plan.key.as_str().to_owned(),
        optimize: plan.optimize.name().to_owned(),
        candidate: candidate_file(&plan.candidate()),
        figures: figures_file(&figures_of(plan)),
        measured_at_s: plan.measured_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
        took_ns: nanoseconds(plan.took),
        why: plan.why.clone(),
        engines: plan.engines.clone(),
        tried: plan.tried.iter().map(tried_file).collect(),
        sample: plan.sample.outputs.iter().map(output_file).collect(),
        parts_sample: plan.sample.parts.iter().map(output_file).collect(),
    };
    serde_json::to_string_pretty(&file).expect("a plan is made of texts and numbers")
}

/// The plan in a file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<Plan, String> {
    let file: PlanFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if file.schema != SCHEMA {
        return Err(format!("it has schema {}, {SCHEMA} is known here", file.schema));
    }
    let candidate = candidate(file.candidate)?;
    let figures = figures(&file.figures);
    Ok(Plan {
        model: file.model,
        key: PlanKey::parse(&file.key).ok_or("its key is not spelled right")?,
        engine: candidate.engine,
        engine_version: candidate.engine_version,
        precision: candidate.precision,
        threads: candidate.threads,
        slots: candidate.slots,
        batch: candidate.batch,
        optimize: known(&[Optimize::Throughput, Optimize::Latency], |o| o.name(), &file.optimize)?,
        rows_per_s: figures.rows_per_s,
        latency: figures.latency,
        memory_bytes: figures.memory_bytes,
        precision_error: figures.precision_error,
        measured_at: SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(file.measured_at_s))
            .ok_or("its time is beyond all times")?,
        took: Duration::from_nanos(file.took_ns),
        tried: file.tried.into_iter().map(tried).collect::<Result<_, _>>()?,
        why: file.why,
        engines: file.engines,
        sample: Sample {
            outputs: file.sample.into_iter().map(output).collect(),
            parts: file.parts_sample.into_iter().map(output).collect(),
        },
    })
}

fn candidate(file: CandidateFile) -> Result<Candidate, String> {
    if file.threads == 0 || file.slots == 0 || file.batch == 0 {
        return Err("it counts threads, slots or rows from zero".to_owned());
    }
    let precision = known(&[Precision::F32, Precision::Bf16, Precision::F16], |p| p.name(), &file.precision)?;
    let CandidateFile { engine, engine_version, threads, slots, batch, .. } = file;
    Ok(Candidate { engine, engine_version, precision, threads, slots, batch })
}

fn candidate_file(candidate: &Candidate) -> CandidateFile {
    let Candidate { engine, engine_version, precision, threads, slots, batch } = candidate.clone();
    CandidateFile { engine, engine_version, precision: precision.name().to_owned(), threads, slots, batch }
}

const fn figures(file: &FiguresFile) -> Figures {
    Figures {
        rows_per_s: file.rows_per_s,
        latency: Duration::from_nanos(file.latency_ns),
        memory_bytes: file.memory_bytes,
        precision_error: file.precision_error,
    }
}

fn figures_file(figures: &Figures) -> FiguresFile {
    let Figures { rows_per_s, latency, memory_bytes, precision_error } = *figures;
    FiguresFile { rows_per_s, latency_ns: nanoseconds(latency), memory_bytes, precision_error }
}

const fn figures_of(plan: &Plan) -> Figures {
    let Plan { rows_per_s, latency, memory_bytes, precision_error, .. } = *plan;
    Figures { rows_per_s, latency, memory_bytes, precision_error }
}

fn tried(file: TriedFile) -> Result<Tried, String> {
    let outcome = match (&file.figures, file.reason) {
        (Some(found), _) => Ok(figures(found)),
        (None, reason) => Err(reason.unwrap_or_default()),
    };
    Ok(Tried { candidate: candidate(file.candidate)?, outcome })
}

fn tried_file(tried: &Tried) -> TriedFile {
    let (figures, reason) = match &tried.outcome {
        Ok(figures) => (Some(figures_file(figures)), None),
        Err(reason) => (None, Some(reason.clone())),
    };
    TriedFile { candidate: candidate_file(&tried.candidate), figures, reason }
}

fn output(file: OutputFile) -> SampledOutput {
    SampledOutput { shape: file.shape, rms: file.rms, values: file.values }
}

fn output_file(output: &SampledOutput) -> OutputFile {
    OutputFile { shape: output.shape.clone(), rms: output.rms, values: output.values.clone() }
}

/// The value that is called `name`.
fn known<T: Copy>(all: &[T], name_of: impl Fn(T) -> &'static str, name: &str) -> Result<T, String> {
    all.iter().copied().find(|&value| name_of(value) == name).ok_or_else(|| format!("`{name}` is not known here"))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A plan with something in every field.
    pub(in crate::plan) fn plan(key: PlanKey) -> Plan {
        let candidate = Candidate {
            engine: "fast".into(),
            engine_version: "2.1".into(),
            precision: Precision::Bf16,
            threads: 1,
            slots: 2,
            batch: 4,
        };
        let figures = Figures {
            rows_per_s: 77.3,
            latency: Duration::from_micros(26_100),
            memory_bytes: 121 << 20,
            precision_error: 0.011,
        };
        let lost = Tried { candidate: Candidate { batch: 8, ..candidate.clone() }, outcome: Err("it failed".into()) };
        Plan {
            model: "person".into(),
            key,
            engine: candidate.engine.clone(),
            engine_version: candidate.engine_version.clone(),
            precision: candidate.precision,
            threads: candidate.threads,
            slots: candidate.slots,
            batch: candidate.batch,
            optimize: Optimize::Throughput,
            rows_per_s: figures.rows_per_s,
            latency: figures.latency,
            memory_bytes: figures.memory_bytes,
            precision_error: figures.precision_error,
            measured_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
            took: Duration::from_millis(7_300),
            tried: vec![Tried { candidate, outcome: Ok(figures) }, lost],
            why: "it is the fastest".into(),
            engines: vec![("fast".into(), "2.1".into()), ("slow".into(), "1".into())],
            sample: Sample {
                outputs: vec![SampledOutput { shape: vec![1, 3], rms: 0.7, values: vec![0.1, -1e-30, 3.4e38] }],
                parts: vec![SampledOutput { shape: vec![2], rms: 1.5, values: vec![1.0, 2.0] }],
            },
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = plan(PlanKey::parse(&"0f".repeat(32)).unwrap());
        assert_eq!(parse(&text(&written)), Ok(written));
    }

    #[test]
    fn figures_that_make_no_sense_are_refused() {
        let text = text(&plan(PlanKey::parse(&"0f".repeat(32)).unwrap()));
        for (sense, nonsense) in [
            ("\"slots\": 2", "\"slots\": 0"),
            ("bf16", "bf17"),
            ("throughput", "speed"),
            ("\"key\": \"0f", "\"key\": \"/f"),
        ] {
            assert!(text.contains(sense));
            assert!(parse(&text.replace(sense, nonsense)).is_err(), "{nonsense}");
        }
    }
}
