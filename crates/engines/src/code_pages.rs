//! The pages of the program and its libraries: those that only a load needed are given back.
//!
//! To read a graph and compile it runs tens of megabytes of code once. They lie in the page cache; the process counts them as its own
//! until the system is short of memory. What goes on running comes back from there, page by page, without the disk.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "the loader's list and its pages have no other interface")
)]

/// Gives back the code and constants of everything that is loaded. Takes about a millisecond, and as much again of those who run next:
/// for when a model was loaded or freed, never for a request.
pub fn give_back_code() {
    #[cfg(target_os = "linux")]
    // SAFETY: the callback is ours, keeps nothing that it is given, and cannot unwind.
    unsafe {
        libc::dl_iterate_phdr(Some(linux::give_back_object), std::ptr::null_mut());
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use libc::{PF_W, PT_DYNAMIC, PT_LOAD};
    use std::ffi::{c_int, c_void};

    #[cfg(target_pointer_width = "64")]
    type ProgramHeader = libc::Elf64_Phdr;
    #[cfg(target_pointer_width = "32")]
    type ProgramHeader = libc::Elf32_Phdr;

    /// Keys of an object's dynamic section that end it, and that tell of code which the loader has changed.
    const DT_NULL: usize = 0;
    const DT_TEXTREL: usize = 22;
    const DT_FLAGS: usize = 30;
    const DF_TEXTREL: usize = 4;

    /// Called for each object while the loader's lock is held, so that none goes meanwhile.
    pub(super) unsafe extern "C" fn give_back_object(
        object: *mut libc::dl_phdr_info,
        _size: usize,
        _nothing: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader gives a valid object.
        let object = unsafe { &*object };
        if object.dlpi_phdr.is_null() {
            return 0;
        }
        // SAFETY: the loader gives as many headers as it tells, which stay as long as the object.
        let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
        let base = object.dlpi_addr as usize;
        // SAFETY: they are the object's own headers.
        if !unsafe { has_changed_code(base, headers) } {
            headers.iter().filter_map(|header| constant_pages(base, header)).for_each(|(from, length)| {
                // SAFETY: whole pages of one segment that nobody may write to and that the loader has not changed: each comes back from
                // the file as it was. A refusal changes nothing.
                unsafe { libc::madvise(from as *mut c_void, length, libc::MADV_DONTNEED) };
            });
        }
        0
    }

    /// The whole pages of a segment that nobody may write to. Pages that the loader fills in and then locks belong to one that may be
    /// written to.
    fn constant_pages(base: usize, header: &ProgramHeader) -> Option<(usize, usize)> {
        let is_constant = header.p_type == PT_LOAD && header.p_flags & PF_W == 0;
        let page = rustix::param::page_size();
        let begin = base.checked_add(header.p_vaddr as usize)?;
        // What is in the file: a page behind it is nobody's to give back.
        let end = begin.checked_add(header.p_filesz as usize)? / page * page;
        let begin = begin.next_multiple_of(page);
        (is_constant && begin < end).then(|| (begin, end - begin))
    }

    /// Whether the loader has written addresses into the object's code.
    ///
    /// # Safety
    /// `headers` are those of an object that is loaded at `base`.
    unsafe fn has_changed_code(base: usize, headers: &[ProgramHeader]) -> bool {
        let Some(dynamic) = headers.iter().find(|header| header.p_type == PT_DYNAMIC) else { return false };
        let entries = base.wrapping_add(dynamic.p_vaddr as usize) as *const [usize; 2];
        let count = dynamic.p_memsz as usize / size_of::<[usize; 2]>();
        // SAFETY: the section is in memory as long as the object, as many entries as the header tells, each a key and a value.
        let entries = unsafe { std::slice::from_raw_parts(entries, count) };
        let mut entries = entries.iter().take_while(|[key, _]| *key != DT_NULL);
        entries.any(|[key, value]| *key == DT_TEXTREL || (*key == DT_FLAGS && value & DF_TEXTREL != 0))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// KiB of the program's own code that are in memory.
    fn resident_kib() -> u64 {
        let program = std::env::current_exe().unwrap();
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let (mut is_code, mut kib) = (false, 0);
        for line in maps.lines() {
            if line.split(' ').next().is_some_and(|first| first.contains('-')) {
                is_code = line.contains(" r-xp ") && line.ends_with(program.to_str().unwrap());
            } else if let Some(size) = line.strip_prefix("Rss:").filter(|_| is_code) {
                kib += size.trim().trim_end_matches(" kB").parse::<u64>().unwrap();
            }
        }
        kib
    }

    #[test]
    fn code_that_nobody_runs_goes_and_what_is_run_comes_back() {
        // Everything of the code is in memory once it was read.
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let program = std::env::current_exe().unwrap();
        let code = maps.lines().find(|line| line.contains(" r-xp ") && line.ends_with(program.to_str().unwrap()));
        let (from, to) = code.unwrap().split_once(' ').unwrap().0.split_once('-').unwrap();
        let [from, to] = [from, to].map(|address| usize::from_str_radix(address, 16).unwrap());
        // SAFETY: the mapping is readable, and a program's code stays.
        let code = unsafe { std::slice::from_raw_parts(from as *const u8, to - from) };
        let sum = || code.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let (before, whole) = (sum(), resident_kib());
        give_back_code();
        let left = resident_kib();
        assert!(left < whole / 2, "{left} of {whole} KiB");
        assert_eq!(sum(), before);
    }
}
