//! Loads models on every engine present, twice without and three times with a folder for the compiled form: `load MODEL…`. Prints the
//! milliseconds of each step, what a load adds to the process, and how long all of them take together, as a server starts.
#![expect(clippy::unwrap_used, reason = "an example for the console: it may stop at the first error")]

use samovar_engine_api::{Dim, Engine, LoadOptions, LoadedModel, ModelFiles, Precision, RunnerOptions};
use samovar_engines::{Locations, OnnxFile, configure_heap, present, trim_heap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn main() {
    configure_heap();
    let files: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let engines = present(&Locations::from_environment());
    for path in &files {
        let (bytes, read_ms) = timed(|| OnnxFile::read(path).unwrap().size_bytes);
        println!("{}: {} kB, looked through in {read_ms:.2} ms", path.display(), bytes / 1000);
        for engine in &engines {
            for precision in engine.info().precisions {
                measure(engine.as_ref(), path, precision);
            }
        }
    }
    for engine in &engines {
        let folder = std::env::temp_dir().join(format!("samovar-load-{}", std::process::id()));
        let precision = *engine.info().precisions.last().unwrap();
        for what in ["compiled", "from the cache", "from the cache"] {
            let ((), ms) = timed(|| start(engine.as_ref(), &files, precision, &folder));
            println!(
                "{} {precision}: {} models {what}, loaded and run once, in {ms:.0} ms",
                engine.info().name,
                files.len()
            );
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// Loads all models, as many at a time as there are cores, and runs each once.
fn start(engine: &dyn Engine, paths: &[PathBuf], precision: Precision, folder: &Path) {
    let (next, cores) = (AtomicUsize::new(0), std::thread::available_parallelism().map_or(1, usize::from));
    let work = || {
        while let Some((index, path)) = paths.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            let folder = folder.join(index.to_string());
            std::fs::create_dir_all(&folder).unwrap();
            let files = ModelFiles { path: path.clone() };
            let options = options(engine, &files, precision, Some(folder));
            let model = engine.load(&files, &options).unwrap();
            run(model.as_ref(), &options);
        }
    };
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
}

fn options(engine: &dyn Engine, files: &ModelFiles, precision: Precision, cache: Option<PathBuf>) -> LoadOptions {
    let size = |dim: &Dim| dim.fixed().unwrap_or(1);
    let ports = engine.inspect(files).unwrap().inputs;
    let shapes = ports.iter().map(|port| port.dims.iter().map(size).collect()).collect();
    let slots = std::thread::available_parallelism().map_or(1, usize::from);
    LoadOptions { precision, shapes, slots, cache, ..LoadOptions::default() }
}

fn measure(engine: &dyn Engine, path: &Path, precision: Precision) {
    let files = ModelFiles { path: path.to_owned() };
    let folder = std::env::temp_dir().join(format!("samovar-load-{}", std::process::id()));
    for cached in [false, false, true, true, true] {
        std::fs::create_dir_all(&folder).unwrap();
        let options = options(engine, &files, precision, cached.then(|| folder.clone()));
        trim_heap();
        let before = resident_mb();
        let (model, load_ms) = timed(|| engine.load(&files, &options).unwrap());
        trim_heap();
        let loaded = resident_mb();
        let ((), first_ms) = timed(|| run(model.as_ref(), &options));
        let ((), second_ms) = timed(|| run(model.as_ref(), &options));
        println!(
            "  {} {precision}: load {load_ms:.1} ms{}, +{:.0} MB; runner and first run {first_ms:.1} ms, another {second_ms:.1} ms, \
             +{:.0} MB in all",
            engine.info().name,
            if model.compiled_from_cache() { " from the cache" } else { "" },
            loaded - before,
            resident_mb() - before,
        );
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn run(model: &dyn LoadedModel, options: &LoadOptions) {
    let mut runner = model.runner(&RunnerOptions::default()).unwrap();
    for (index, shape) in options.shapes.iter().enumerate() {
        runner.input(index, shape).unwrap();
    }
    runner.run().unwrap();
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let begin = Instant::now();
    let done = work();
    (done, begin.elapsed().as_secs_f64() * 1e3)
}

/// `statm` of proc(5): the second number is in pages of 4 kB.
fn resident_mb() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4096.0 / 1e6
}
