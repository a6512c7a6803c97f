//! A Rust library that a Go component brings along, as one around a WebAssembly runtime does: a
//! static library, with a standard library of its own.

use std::panic::catch_unwind;
use std::process::Command;

/// Panics, and says whether that was caught here.
#[unsafe(no_mangle)]
pub extern "C" fn foreign_catches() -> bool {
    catch_unwind(|| panic!("foreign was told to panic")).is_err()
}

/// Starts a program. What the standard library tries first for that is in new C libraries only.
#[unsafe(no_mangle)]
pub extern "C" fn foreign_starts() -> bool {
    Command::new("true").status().is_ok_and(|s| s.success())
}
