//! What a person sees of a panic: one short message with the place, and how to get more.

use std::io::Write;
use std::panic::PanicHookInfo;

/// Replaces the standard message. With `RUST_BACKTRACE` set the standard one stays.
pub fn install() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(tell));
    }
}

fn tell(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let place = info.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
    let what = info.payload_as_str().unwrap_or("no message");
    let name = thread.name().unwrap_or("unnamed");
    // Nothing is left to do where even stderr is closed.
    let _ = writeln!(
        std::io::stderr(),
        "samovar: a fault in the program (thread {name}{place}): {what}\n  \
         cure: report it with the command that led here; RUST_BACKTRACE=1 tells more"
    );
}
