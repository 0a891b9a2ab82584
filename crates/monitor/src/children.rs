//! The children of this process: decoders and encoders.

use crate::process::ProcessFigures;
use std::path::Path;

/// All living children together, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Children {
    /// Their figures added up; what has ended and was not waited for counts with its CPU time alone.
    pub(crate) sum: ProcessFigures,
    /// How many live.
    pub(crate) count: usize,
}

impl Children {
    /// Children of process `parent`, from the process table at `table` (`/proc`).
    pub(crate) fn of(parent: u32, table: &Path) -> Self {
        let mut children = Self::default();
        let figures = |id: u32| ProcessFigures::of(&table.join(id.to_string()));
        // A process that came with the number of one that has gone in between is nobody's child here.
        let own = |figures: &ProcessFigures| figures.parent == parent;
        listed(parent, table).into_iter().filter_map(figures).filter(own).for_each(|child| children.add(&child));
        children
    }

    fn add(&mut self, child: &ProcessFigures) {
        self.sum.cpu_s += child.cpu_s + child.reaped_cpu_s;
        if child.ended {
            return;
        }
        self.count += 1;
        self.sum.resident_bytes += child.resident_bytes;
        self.sum.resident_max_bytes += child.resident_max_bytes;
        self.sum.threads += child.threads;
    }
}

/// The numbers of those that may be children: as each thread's list tells, else of every process there is.
fn listed(parent: u32, table: &Path) -> Vec<u32> {
    let lists = numbers_in(&table.join(parent.to_string()).join("task"));
    let list = |task: &u32| std::fs::read_to_string(table.join(format!("{parent}/task/{task}/children"))).ok();
    let told: Vec<String> = lists.iter().filter_map(list).collect();
    if told.is_empty() {
        // Kernels without CONFIG_PROC_CHILDREN have no such lists.
        return numbers_in(table);
    }
    told.iter().flat_map(|list| list.split_ascii_whitespace()).filter_map(|word| word.parse().ok()).collect()
}

/// Names in a folder that are numbers.
fn numbers_in(folder: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(table: &Path, id: u32, parent: u32, state: char) {
        let folder = table.join(id.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let stat = format!("{id} (x) {state} {parent} 1 1 0 -1 0 0 0 0 0 100 0 50 0 20 0 2 0 0 0 0");
        std::fs::write(folder.join("stat"), stat).unwrap();
        let status = if state == 'Z' { "" } else { "VmHWM: 4 kB\nVmRSS: 2 kB\n" };
        std::fs::write(folder.join("status"), status).unwrap();
    }

    fn table() -> tempfile::TempDir {
        let table = tempfile::tempdir().unwrap();
        for (id, parent, state) in [(10, 1, 'S'), (11, 10, 'S'), (12, 10, 'R'), (13, 10, 'Z'), (14, 11, 'S')] {
            write(table.path(), id, parent, state);
        }
        table
    }

    fn check(table: &Path) {
        let children = Children::of(10, table);
        assert_eq!((children.count, children.sum.threads), (2, 4));
        assert_eq!((children.sum.resident_bytes, children.sum.resident_max_bytes), (4096, 8192));
        assert_eq!(children.sum.cpu_s, 4.5, "that of the ended child too");
    }

    #[test]
    fn children_are_found_without_lists() {
        check(table().path());
    }

    #[test]
    fn children_are_found_by_the_lists_of_threads() {
        let table = table();
        for (task, list) in [(10, "11 13 "), (15, "12 14 99 ")] {
            let folder = table.path().join(format!("10/task/{task}"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("children"), list).unwrap();
        }
        check(table.path());
    }
}
