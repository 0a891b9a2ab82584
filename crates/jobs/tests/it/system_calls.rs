//! Faults below SQLite: its own table of system calls is pointed at calls that count, and at the N-th die, tear or fail.
//!
//! Only for a process of its own: there is one table for the whole process, and nothing puts it back.
#![expect(unsafe_code, reason = "the table holds C functions")]

use rusqlite::ffi;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What happens at the N-th change of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the changes are counted.
    None,
    /// The process is killed before it.
    Kill,
    /// Half of it is written, then the process is killed.
    Tear,
    /// It fails with an error of input and output, once.
    Fail,
    /// It fails as on a full disk, and so do the next few.
    Full,
}

impl Fault {
    pub const ALL: [Self; 5] = [Self::None, Self::Kill, Self::Tear, Self::Fail, Self::Full];

    pub fn name(self) -> String {
        format!("{self:?}")
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == word)
    }
}

/// From here on SQLite's changes of files are counted, and the N-th (from 1) meets the fault.
pub fn install(fault: Fault, at: u64) {
    PLAN.set((fault, at)).expect("a process meets one fault");
    let calls: [(&CStr, ffi::sqlite3_syscall_ptr); 4] = [
        (c"write", pointer(write as *const ())),
        (c"pwrite", pointer(pwrite as *const ())),
        (c"pwrite64", pointer(pwrite as *const ())),
        (c"ftruncate", pointer(ftruncate as *const ())),
    ];
    for (name, call) in calls {
        set(name, call);
    }
    set(c"unlink", pointer(unlink as *const ()));
}

/// Changes so far.
pub fn count() -> u64 {
    COUNT.load(Ordering::SeqCst)
}

static PLAN: OnceLock<(Fault, u64)> = OnceLock::new();
static COUNT: AtomicU64 = AtomicU64::new(0);
/// Changes in a row that a full disk refuses.
const FULL_FOR: u64 = 4;

fn pointer(call: *const ()) -> ffi::sqlite3_syscall_ptr {
    // SAFETY: the table keeps every call as a pointer to a function without a type, and calls it with the type of its name.
    unsafe { std::mem::transmute::<*const (), ffi::sqlite3_syscall_ptr>(call) }
}

fn set(name: &CStr, call: ffi::sqlite3_syscall_ptr) {
    // SAFETY: the default file system is there for as long as the process, `name` ends with a nul, and `call` is never unloaded.
    let answer = unsafe {
        let system = ffi::sqlite3_vfs_find(std::ptr::null());
        (*system).xSetSystemCall.map(|set| set(system, name.as_ptr(), call))
    };
    assert_eq!(answer, Some(ffi::SQLITE_OK), "SQLite knows the call {name:?}");
}

/// What is to happen to this change: none, or the error number that it fails with.
fn meet<T>(torn: impl FnOnce() -> T) -> Option<c_int> {
    let number = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    let (fault, at) = PLAN.get().copied().unwrap_or((Fault::None, 0));
    match fault {
        Fault::Kill if number == at => die(),
        Fault::Tear if number == at => {
            torn();
            die()
        }
        Fault::Fail if number == at => Some(libc::EIO),
        Fault::Full if (at..at + FULL_FOR).contains(&number) => Some(libc::ENOSPC),
        _ => None,
    }
}

fn die() -> ! {
    // SAFETY: kills this very process, as the system would.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    std::process::abort()
}

fn refuse(error: c_int) -> c_int {
    // SAFETY: the place of this thread's error number.
    unsafe { *libc::__errno_location() = error };
    -1
}

extern "C" fn write(file: c_int, bytes: *const c_void, count: usize) -> isize {
    // SAFETY: SQLite hands a file of its own and `count` bytes that can be read.
    let write = |count| unsafe { libc::write(file, bytes, count) };
    meet(|| write(count / 2)).map_or_else(|| write(count), |error| refuse(error) as isize)
}

extern "C" fn pwrite(file: c_int, bytes: *const c_void, count: usize, place: i64) -> isize {
    // SAFETY: as for `write`.
    let write = |count| unsafe { libc::pwrite(file, bytes, count, place) };
    meet(|| write(count / 2)).map_or_else(|| write(count), |error| refuse(error) as isize)
}

extern "C" fn ftruncate(file: c_int, length: i64) -> c_int {
    // SAFETY: SQLite hands a file of its own.
    meet(|| ()).map_or_else(|| unsafe { libc::ftruncate(file, length) }, refuse)
}

extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: SQLite hands a path that ends with a nul.
    meet(|| ()).map_or_else(|| unsafe { libc::unlink(path) }, refuse)
}
