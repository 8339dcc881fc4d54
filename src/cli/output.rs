//! What commands print. `println!` and its kin of the standard library panic when nobody reads any
//! more (`keyward audit show | head`): here they mean the macros below, which do not. A command
//! whose output nobody reads does the rest of its work and ends as it would have.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use super::Failure;

/// Why standard output takes no more.
static BROKEN: OnceLock<ErrorKind> = OnceLock::new();

macro_rules! print {
    ($($text:tt)*) => { $crate::cli::output::put(format_args!($($text)*)) };
}
macro_rules! println {
    () => { print!("\n") };
    ($($text:tt)*) => { print!("{}\n", format_args!($($text)*)) };
}
macro_rules! eprint {
    ($($text:tt)*) => { $crate::cli::output::tell(format_args!($($text)*)) };
}
macro_rules! eprintln {
    () => { eprint!("\n") };
    ($($text:tt)*) => { eprint!("{}\n", format_args!($($text)*)) };
}

/// Writes to standard output, as long as it takes anything.
pub(super) fn put(text: Arguments<'_>) {
    if BROKEN.get().is_none()
        && let Err(error) = io::stdout().lock().write_fmt(text)
    {
        let _ = BROKEN.set(error.kind());
    }
}

/// Writes to standard error. Where that takes nothing, there is nobody left to tell.
pub(super) fn tell(text: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// Ends a command's output.
///
/// # Errors
/// When not all of it could be written, for example to a full disk. That its reader had enough is none.
pub(super) fn end() -> Result<(), Failure> {
    let flushed = io::stdout().lock().flush().map_err(|error| error.kind());
    match BROKEN.get().copied().map_or(flushed, Err) {
        Ok(()) | Err(ErrorKind::BrokenPipe) => Ok(()),
        Err(kind) => Err(Failure::io("standard output")(kind.into())),
    }
}
