//! The lines above the tables: the server, its machine, its work.

use super::bar::{clean, size, time};
use super::rates::Rates;
use super::reading::{Class, Gpu, Machine};

/// A line above the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderLine {
    /// What it is about, in at most four letters.
    pub label: String,
    /// A share of 0 to 1 that is shown as a bar.
    pub share: Option<f64>,
    /// The rest.
    pub text: String,
}

/// GPUs that have a line.
const GPUS_MAX: usize = 8;

/// The lines, the most important first.
pub fn lines(machine: &Machine, rates: &Rates) -> Vec<HeaderLine> {
    let mut lines = vec![cpu(machine), memory(machine)];
    lines.extend(machine.gpus.iter().take(GPUS_MAX).map(gpu));
    lines.push(line("work", None, work(machine, rates)));
    if !machine.disk_free_bytes.is_empty() {
        let room = machine.disk_free_bytes.iter().map(|(folder, &bytes)| format!("{} for {folder}", size(bytes)));
        lines.push(line("disk", None, format!("room of {}", room.collect::<Vec<_>>().join(", "))));
    }
    lines
}

/// Who it is: `samovar 0.1.0, ready, up 3m 05s`.
pub fn title(machine: &Machine) -> String {
    let Machine { version, status, up_s, .. } = machine;
    format!("samovar {}, {}, up {}", clean(version, 20), clean(status, 20), time(*up_s))
}

fn line(label: &str, share: Option<f64>, text: String) -> HeaderLine {
    HeaderLine { label: label.to_owned(), share, text }
}

fn cpu(Machine { machine, process, children, .. }: &Machine) -> HeaderLine {
    let cores = |busy: Option<f64>| busy.map_or_else(|| "-".to_owned(), |busy| format!("{busy:.2}"));
    let all = machine.cpu_share.map(|share| share * machine.cores as f64);
    let text = format!(
        "{} of {} cores: this process {}, its children {}; {} threads, {} open files",
        cores(all),
        machine.cores,
        cores(process.cores_busy),
        cores(children.cores_busy),
        process.threads,
        process.open_files
    );
    line("cpu", Some(machine.cpu_share.unwrap_or(0.0)), text)
}

fn memory(Machine { machine, process, children, children_count, .. }: &Machine) -> HeaderLine {
    let used = machine.memory_bytes.saturating_sub(machine.memory_available_bytes);
    let text = format!(
        "{} of {}: this process {} (most {}), {children_count} children {}",
        size(used),
        size(machine.memory_bytes),
        size(process.resident_bytes),
        size(process.resident_max_bytes),
        size(children.resident_bytes)
    );
    line("mem", Some(used as f64 / machine.memory_bytes.max(1) as f64), text)
}

fn gpu(gpu: &Gpu) -> HeaderLine {
    let memory = format!("{} of {}: {}", size(gpu.memory_used_bytes), size(gpu.memory_bytes), clean(&gpu.name, 40));
    line(&format!("gpu{}", gpu.index), Some(gpu.share), memory)
}

fn work(machine: &Machine, rates: &Rates) -> String {
    let classes: Vec<_> = machine.classes.iter().filter_map(|class| class_text(class, rates)).collect();
    let classes = if classes.is_empty() { "idle".to_owned() } else { classes.join("; ") };
    format!("{} slots; {classes}", machine.slots)
}

/// `live 20.0 rows/s, 1 waits; queue 0.1 + prepare 1.0 + infer 20.0 + finish 0.1 ms`; none where nothing goes on.
fn class_text(class: &Class, rates: &Rates) -> Option<String> {
    let rate = rates.class(&class.class).filter(|rate| rate.rows_per_s > 0.0);
    if rate.is_none() && class.waiting == 0 {
        return None;
    }
    let waiting = format!("{} waiting", class.waiting);
    let Some(rate) = rate else { return Some(format!("{} {waiting}", class.class)) };
    let stages: Vec<_> = rate.stages_ms.iter().map(|(stage, ms)| format!("{stage} {ms:.1}")).collect();
    Some(format!("{} {:.1}/s, {waiting} ({} ms)", class.class, rate.rows_per_s, stages.join(" + ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::section::tests::readings;

    #[test]
    fn the_machine_is_told_in_a_few_lines() {
        let [before, now] = readings();
        let lines = lines(&now.machine, &Rates::between(&before, &now));
        let told: Vec<String> = lines.iter().map(|line| format!("{}: {}", line.label, line.text)).collect();
        assert_eq!(
            told,
            [
                "cpu: 1.50 of 2 cores: this process 1.25, its children 1.25; 12 threads, 40 open files",
                "mem: 4.0 GB of 16.0 GB: this process 181 MB (most 190 MB), 3 children 181 MB",
                "gpu0: 12.0 GB of 150 GB: NVIDIA H200",
                "work: 2 slots; live 20.0/s, 1 waiting (queue 0.0 + prepare 0.0 + infer 20.0 + finish 0.0 ms); \
             interactive 1 waiting; job 1 waiting",
                "disk: room of 50.0 GB for jobs",
            ]
        );
        assert_eq!([0, 1, 2].map(|at| lines[at].share), [Some(0.75), Some(0.25), Some(0.5)]);
        assert_eq!(title(&now.machine), "samovar 0.1.0, ready, up 12s");
    }
}
