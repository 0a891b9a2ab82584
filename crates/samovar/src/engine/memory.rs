//! The memory of this process, from the kernel.

use std::io;

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All resident pages.
    pub rss_bytes: u64,
    /// Resident pages, those shared with other processes by their share.
    pub pss_bytes: u64,
}

/// Reads `/proc/self/smaps_rollup`.
///
/// # Errors
/// Where the kernel does not tell.
pub fn of_this_process() -> io::Result<Memory> {
    parse(&std::fs::read_to_string("/proc/self/smaps_rollup")?)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the kernel tells memory in another form"))
}

fn parse(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some(Memory { rss_bytes: field("Rss:")?, pss_bytes: field("Pss:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        let memory = of_this_process().unwrap();
        assert!(memory.rss_bytes > 1 << 20 && memory.pss_bytes <= memory.rss_bytes);
        assert_eq!(parse("Rss:     12 kB\nPss:      8 kB\n"), Some(Memory { rss_bytes: 12_288, pss_bytes: 8_192 }));
        assert_eq!(parse("Rss: many"), None);
    }
}
