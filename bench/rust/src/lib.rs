//! The Rust side of `bench/`: the other end of rings, the node that batches are sent to, the rivals
//! that live in Rust, and the yardsticks (a cache line's round trip, memcpy).
//!
//! Everything is called from one Go program through the functions below, so that all rivals run in
//! one process and take turns. A function that can fail gives a null handle or a negative number,
//! and its reason to `strait_bench_error`; nothing unwinds into Go.
#![allow(
    unsafe_code,
    reason = "the interface is C's; each use names what Go upholds"
)]

mod decode;
mod lane;
mod line;
mod offer;
mod peer;
mod rival;

use std::cell::RefCell;
use std::fmt::Display;
use std::panic::{catch_unwind, AssertUnwindSafe};

thread_local! {
    static ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `f`; its error or panic is kept for `strait_bench_error`, and `failed` is given.
fn guard<T, E: Display>(failed: T, f: impl FnOnce() -> Result<T, E>) -> T {
    let reason = match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => return value,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "a panic; its text is on stderr".to_owned(),
    };
    ERROR.with(|kept| *kept.borrow_mut() = reason);
    failed
}

/// Copies the reason of this thread's last failure into `buffer`; gives its length, cut to `len`.
///
/// # Safety
/// `buffer` points to `len` writable bytes.
#[no_mangle]
pub unsafe extern "C" fn strait_bench_error(buffer: *mut u8, len: usize) -> usize {
    ERROR.with(|kept| {
        let text = kept.borrow();
        let n = text.len().min(len);
        // SAFETY: the caller's buffer has `len` bytes, and Rust's String is another allocation.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer, n) };
        n
    })
}

/// Bytes that Go lends for one call.
///
/// # Safety
/// `bytes` points to `len` bytes that stay unchanged as long as the result is used.
unsafe fn lent<'a>(bytes: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(bytes, len) }
}
