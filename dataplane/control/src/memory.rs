//! What this library has allocated, and a soft limit on it.
//!
//! A library installs [`CountingAllocator`] as its global allocator (strait-host's `export!` does).
//! It counts into one of a few dozen counters, by thread, so that threads do not meet on one cache
//! line. Each MiB that a counter passes, and each large block, compares the sum with the limit; the
//! first time it is above, a waiting thread reports a fatal status, so that the Collector can stop
//! in order.
//!
//! What it does not do: refuse an allocation. Rust ends the process when one fails, so this can
//! warn of steady growth but not of one request for more than there is; that needs a limit of the
//! system's.
#![allow(unsafe_code)] // an allocator is unsafe by nature

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;

use crate::host::{self, StatusCode};
use crate::{Class, OperationError};

const COUNTERS: usize = 64;
/// A counter looks at the sum each time it passes this many bytes.
const STEP: u32 = 20;
const NO_LIMIT: i64 = i64::MAX;

#[repr(align(128))] // two cache lines: processors fetch them in pairs
struct Counter(AtomicI64);

static ALLOCATED: [Counter; COUNTERS] = [const { Counter(AtomicI64::new(0)) }; COUNTERS];
static LIMIT: AtomicI64 = AtomicI64::new(NO_LIMIT);
static EXCEEDED: AtomicBool = AtomicBool::new(false);
static WATCHER: OnceLock<Thread> = OnceLock::new();
/// Whose status tells of the limit.
static REPORTER: Mutex<Option<Reporter>> = Mutex::new(None);

struct Reporter {
    handle: u64,
    limit: i64,
}

thread_local! {
    /// Which counter is this thread's, plus one; 0 = not chosen yet. Const and without a
    /// destructor: reading it never allocates.
    static MINE: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

// SAFETY: every call is the system allocator's, with its arguments and its result; counting neither
// allocates nor panics.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, passed on.
        let block = unsafe { System.alloc(layout) };
        if !block.is_null() {
            count(layout.size() as i64);
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, passed on.
        let block = unsafe { System.alloc_zeroed(layout) };
        if !block.is_null() {
            count(layout.size() as i64);
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(block, layout) };
        count(-(layout.size() as i64));
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise, passed on.
        let moved = unsafe { System.realloc(block, layout, size) };
        if !moved.is_null() {
            count(size as i64 - layout.size() as i64);
        }
        moved
    }
}

/// Adds to this thread's counter. Relaxed everywhere: each counter is a sum, and nothing else is
/// read by its value.
#[inline]
fn count(bytes: i64) {
    let counter = &ALLOCATED[mine()].0;
    let before = counter.fetch_add(bytes, Ordering::Relaxed);
    if bytes > 0 && before >> STEP != (before + bytes) >> STEP {
        look();
    }
}

#[inline]
fn mine() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // A thread whose locals are gone already uses the first.
    MINE.try_with(|mine| {
        if mine.get() == 0 {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % COUNTERS + 1);
        }
        mine.get() - 1
    })
    .unwrap_or(0)
}

/// Wakes the watcher when the limit is passed, once. Runs inside the allocator: nothing here
/// allocates or locks.
#[cold]
fn look() {
    let limit = LIMIT.load(Ordering::Relaxed);
    if limit == NO_LIMIT || sum() <= limit || EXCEEDED.swap(true, Ordering::Relaxed) {
        return;
    }
    if let Some(watcher) = WATCHER.get() {
        watcher.unpark();
    }
}

fn sum() -> i64 {
    ALLOCATED.iter().map(|c| c.0.load(Ordering::Relaxed)).sum()
}

/// How many bytes are allocated now; 0 in a library that does not count.
#[must_use]
pub fn allocated() -> u64 {
    u64::try_from(sum()).unwrap_or(0)
}

/// Sets the limit, in bytes; the component with this handle reports a fatal status when it is
/// passed. 0 takes it away. The latest call counts.
///
/// # Errors
/// The thread that reports cannot be started.
pub fn set_limit(handle: u64, bytes: u64) -> Result<(), OperationError> {
    let limit = match i64::try_from(bytes) {
        Ok(0) | Err(_) => NO_LIMIT,
        Ok(bytes) => bytes,
    };
    if limit != NO_LIMIT {
        watch()?;
    }
    let reporter = (limit != NO_LIMIT).then_some(Reporter { handle, limit });
    *REPORTER.lock().unwrap_or_else(PoisonError::into_inner) = reporter;
    EXCEEDED.store(false, Ordering::Relaxed);
    LIMIT.store(limit, Ordering::Relaxed);
    look(); // it may be above already
    Ok(())
}

/// Starts the watcher, once.
fn watch() -> Result<(), OperationError> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if WATCHER.get().is_some() {
        return Ok(());
    }
    let started = std::thread::Builder::new()
        .name("strait-memory".to_owned())
        .spawn(|| loop {
            std::thread::park();
            if EXCEEDED.load(Ordering::Relaxed) {
                report();
            }
        });
    let thread = started.map_err(|e| {
        let message = format!("cannot start a thread to watch the memory limit: {e}");
        OperationError::new(Class::Unavailable, message)
    })?;
    let _ = WATCHER.set(thread.thread().clone());
    Ok(())
}

/// Tells of the limit, once for each time that it was set.
fn report() {
    const MIB: i64 = 1 << 20;
    let reporter = REPORTER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(Reporter { handle, limit }) = reporter {
        let message = format!(
            "the Rust components of this Collector have allocated {} MiB, \
             more than memory_limit_mib: {}",
            sum() / MIB,
            limit / MIB
        );
        host::status(handle, StatusCode::FatalError, &message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: what is allocated is counted by size, whichever way, and nothing stays when it is
    // freed, also by another thread; the limit is seen when the sum passes it. One test: the
    // counters are the process's.
    #[test]
    fn allocations_are_counted_and_limited() {
        const MIB: usize = 1 << 20;
        let layout = |size| Layout::from_size_align(size, 8).unwrap();
        assert_eq!(allocated(), 0);
        // SAFETY: layouts are not empty; each block is freed once, with the layout that it has
        // then.
        let block = unsafe { CountingAllocator.alloc(layout(3 * MIB)) };
        assert_eq!(allocated(), 3 * MIB as u64);
        // SAFETY: as above.
        let block = unsafe { CountingAllocator.realloc(block, layout(3 * MIB), 5 * MIB) };
        assert_eq!(allocated(), 5 * MIB as u64);

        set_limit(1, 6 * MIB as u64).unwrap();
        assert!(!EXCEEDED.load(Ordering::Relaxed));
        // SAFETY: as above.
        let more = unsafe { CountingAllocator.alloc_zeroed(layout(2 * MIB)) };
        assert!(EXCEEDED.load(Ordering::Relaxed));
        set_limit(1, 0).unwrap();
        assert!(!EXCEEDED.load(Ordering::Relaxed));

        let (block, more) = (block as usize, more as usize);
        std::thread::spawn(move || {
            // SAFETY: as above; nobody else has the blocks.
            unsafe {
                CountingAllocator.dealloc(block as *mut u8, layout(5 * MIB));
                CountingAllocator.dealloc(more as *mut u8, layout(2 * MIB));
            }
        })
        .join()
        .unwrap();
        assert_eq!(allocated(), 0);
    }
}
