//! Runs a model on every engine present, on all cores: `throughput MODEL [SECONDS]`. Prints runs per second,
//! per CPU-second, and the time to load.
#![expect(clippy::unwrap_used, reason = "an example for the console: it may stop at the first error")]

use samovar_engine_api::{Dim, Engine, LoadOptions, ModelFiles, Precision, RunnerOptions};
use samovar_engines::{Locations, present};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const LENDS: u32 = 10_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a model file");
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(4.0);
    for engine in present(&Locations::from_environment()) {
        for precision in engine.info().precisions {
            for fixed in [false, true] {
                measure(engine.as_ref(), &path, precision, fixed, Duration::from_secs_f64(seconds));
            }
        }
    }
}

fn measure(engine: &dyn Engine, path: &str, precision: Precision, fixed: bool, time: Duration) {
    let files = ModelFiles { path: path.into() };
    let signature = engine.inspect(&files).unwrap();
    let size = |dim: &Dim| dim.fixed().unwrap_or(1);
    let shapes: Vec<Vec<usize>> = signature.inputs.iter().map(|port| port.dims.iter().map(size).collect()).collect();
    let slots = std::thread::available_parallelism().map_or(1, usize::from);
    let options = LoadOptions {
        precision,
        slots,
        shapes: if fixed { shapes.clone() } else { Vec::new() },
        ..LoadOptions::default()
    };
    let begin = Instant::now();
    let model = engine.load(&files, &options).unwrap();
    let load_ms = begin.elapsed().as_secs_f64() * 1e3;
    let cpu_begin = cpu_seconds();
    let (runs, begin) = (AtomicU64::new(0), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..slots {
            let mut runner = model.runner(&RunnerOptions::default()).unwrap();
            let (runs, shapes) = (&runs, &shapes);
            scope.spawn(move || {
                for (index, shape) in shapes.iter().enumerate() {
                    if let Ok(input) = runner.input(index, shape).unwrap().into_slice::<f32>() {
                        input.iter_mut().enumerate().for_each(|(i, value)| *value = (i % 255) as f32 / 255.0);
                    }
                }
                while begin.elapsed() < time {
                    runner.run().unwrap();
                    runs.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (elapsed, cpu) = (begin.elapsed(), cpu_seconds() - cpu_begin);
    let mut runner = model.runner(&RunnerOptions::default()).unwrap();
    runner.input(0, &shapes[0]).unwrap();
    let lending = Instant::now();
    (0..LENDS).for_each(|_| drop(runner.input(0, &shapes[0]).unwrap()));
    let lend_ns = lending.elapsed().as_nanos() / u128::from(LENDS);
    let runs = runs.into_inner() as f64;
    let (rate, rate_per_cpu) = (runs / elapsed.as_secs_f64(), runs / cpu);
    let info = engine.info();
    println!(
        "{} {} {precision} fixed={fixed}: {rate:.1} /s, {rate_per_cpu:.1} per CPU-second",
        info.name, info.version
    );
    println!("  load {load_ms:.0} ms, lending an input {lend_ns} ns");
}

/// CPU time of this process: what a busy machine leaves comparable. Ticks of 10 ms, fields 14 and 15 of proc(5).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}
