//! One engine in one precision, measured in this process: the inner half of `samovar bench engine`.

use super::bench::{self, BenchEngineArguments, Figures};
use super::memory;
use crate::failure::{CliError, Exit};
use crate::stdout;
use samovar_engine_api::{Engine, EngineError, LoadOptions, LoadedModel, Runner, RunnerOptions};
use std::time::{Duration, Instant};

/// Runs of which the median is taken.
const SINGLE_RUNS: usize = 15;
const MANY_RUNNERS: usize = 4;

/// Measures `pair` (`openvino/bf16`) and prints the figures as JSON.
///
/// # Errors
/// What the engine says.
pub fn run(arguments: &BenchEngineArguments, pair: &str) -> Result<Exit, CliError> {
    let unknown = || {
        CliError::new("unknown_engine", format!("no engine and precision here are called `{pair}`")).exit(Exit::Usage)
    };
    let (name, precision) = pair.split_once('/').ok_or_else(unknown)?;
    let engine = bench::engines(arguments).into_iter().find(|engine| engine.info().name == name).ok_or_else(unknown)?;
    let precision = engine.info().precisions.into_iter().find(|known| known.name() == precision).ok_or_else(unknown)?;
    let figures = Measurement::new(arguments, engine.as_ref(), precision).map_err(|error| failure(&error))?;
    stdout::print_json(&figures.figures(arguments).map_err(|error| failure(&error))?)?;
    Ok(Exit::Ok)
}

struct Measurement<'a> {
    engine: &'a dyn Engine,
    options: LoadOptions,
    shapes: Vec<Vec<usize>>,
}

impl<'a> Measurement<'a> {
    fn new(
        arguments: &BenchEngineArguments,
        engine: &'a dyn Engine,
        precision: samovar_engine_api::Precision,
    ) -> Result<Self, EngineError> {
        let signature = engine.inspect(&bench::files(arguments))?;
        let shapes: Vec<Vec<usize>> = signature.inputs.iter().map(|port| bench::shape(port, arguments.axis)).collect();
        let slots =
            arguments.slots.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1);
        let fixed = if arguments.dynamic { Vec::new() } else { shapes.clone() };
        Ok(Self { engine, options: LoadOptions { precision, slots, shapes: fixed, ..LoadOptions::default() }, shapes })
    }

    fn figures(&self, arguments: &BenchEngineArguments) -> Result<Figures, EngineError> {
        let before = resident();
        let begin = Instant::now();
        let model = self.engine.load(&bench::files(arguments), &self.options)?;
        let load_ms = ms(begin);
        let mut first = self.runner(model.as_ref())?;
        let begin = Instant::now();
        first.run()?;
        let first_run_ms = ms(begin);
        let run_ms_p50 = median_run(first.as_mut())?;
        let one = resident().saturating_sub(before);
        let mut more = (1..MANY_RUNNERS).map(|_| self.runner(model.as_ref())).collect::<Result<Vec<_>, _>>()?;
        for runner in &mut more {
            runner.run()?;
        }
        let four = resident().saturating_sub(before);
        drop((first, more));
        let info = self.engine.info();
        Ok(Figures {
            engine: info.name.to_owned(),
            version: info.version,
            precision: self.options.precision.to_string(),
            slots: self.options.slots,
            load_ms,
            first_run_ms,
            run_ms_p50,
            runs_per_second: self
                .throughput(model.as_ref(), Duration::from_secs_f64(arguments.seconds.clamp(0.1, 600.0)))?,
            memory_1_runner_bytes: one,
            memory_4_runners_bytes: four,
            file_bytes: model.weights_bytes(),
        })
    }

    /// A runner whose inputs are written: floating point with a ramp from 0 to 1, whole numbers with 1, which every model takes.
    fn runner(&self, model: &dyn LoadedModel) -> Result<Box<dyn Runner>, EngineError> {
        let mut runner = model.runner(&RunnerOptions { threads: self.options.threads })?;
        for (index, shape) in self.shapes.iter().enumerate() {
            if let Ok(values) = runner.input(index, shape)?.into_slice::<f32>() {
                values.iter_mut().enumerate().for_each(|(at, value)| *value = (at % 256) as f32 / 255.0);
            } else if let Ok(values) = runner.input(index, shape)?.into_slice::<i64>() {
                values.fill(1);
            }
        }
        Ok(runner)
    }

    fn throughput(&self, model: &dyn LoadedModel, time: Duration) -> Result<f64, EngineError> {
        let runners = (0..self.options.slots).map(|_| self.runner(model)).collect::<Result<Vec<_>, _>>()?;
        let begin = Instant::now();
        let count = std::thread::scope(|scope| {
            let work = |mut runner: Box<dyn Runner>| {
                move || {
                    let mut count = 0_u64;
                    while begin.elapsed() < time {
                        runner.run()?;
                        count += 1;
                    }
                    Ok(count)
                }
            };
            let threads: Vec<_> = runners.into_iter().map(|runner| scope.spawn(work(runner))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err(panicked())))
                .sum::<Result<u64, EngineError>>()
        })?;
        Ok(count as f64 / begin.elapsed().as_secs_f64())
    }
}

fn median_run(runner: &mut dyn Runner) -> Result<f64, EngineError> {
    let mut times = Vec::with_capacity(SINGLE_RUNS);
    for _ in 0..SINGLE_RUNS {
        let begin = Instant::now();
        runner.run()?;
        times.push(ms(begin));
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(times[SINGLE_RUNS / 2])
}

/// Zero where the kernel does not tell; the figures then show no memory.
fn resident() -> u64 {
    memory::of_this_process().map_or(0, |memory| memory.rss_bytes)
}

fn ms(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}

fn panicked() -> EngineError {
    EngineError::new(samovar_engine_api::EngineErrorKind::Run, "a run panicked")
}

fn failure(error: &EngineError) -> CliError {
    CliError::new("engine_failed", error.to_string())
}
