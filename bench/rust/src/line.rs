//! L: what it takes one cache line to go to the other core and back.

use crate::guard;
use rustix::thread::{sched_setaffinity, CpuSet};
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;

/// A word with its line, and the neighbour that is fetched with it, to itself.
#[repr(align(128))]
struct Line(AtomicU64);

/// Binds the calling thread to one CPU; a negative number leaves it free.
pub(crate) fn pin(cpu: i32) -> Result<(), String> {
    let Ok(cpu) = usize::try_from(cpu) else {
        return Ok(());
    };
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).map_err(|error| format!("cannot run on CPU {cpu}: {error}"))
}

/// Sends one line to a thread on `cpu` and back, `rounds` times; the caller stays where it is.
/// Gives the nanoseconds from the first answer on: the other thread's start does not count.
#[no_mangle]
pub(crate) extern "C" fn strait_bench_line(rounds: u64, cpu: i32) -> i64 {
    guard(-1, || {
        let line = Arc::new(Line(AtomicU64::new(0)));
        let theirs = Arc::clone(&line);
        let other = std::thread::spawn(move || {
            let pinned = pin(cpu);
            for round in 0..=rounds {
                // Acquire and Release only give the turns an order, as a ring's publish does.
                while theirs.0.load(Ordering::Acquire) != 2 * round + 1 {
                    spin_loop();
                }
                theirs.0.store(2 * round + 2, Ordering::Release);
            }
            pinned
        });
        let mut start = Instant::now();
        for round in 0..=rounds {
            line.0.store(2 * round + 1, Ordering::Release);
            while line.0.load(Ordering::Acquire) != 2 * round + 2 {
                spin_loop();
            }
            if round == 0 {
                start = Instant::now();
            }
        }
        let took = start.elapsed().as_nanos() as i64;
        other
            .join()
            .map_err(|_| "the other thread panicked".to_owned())?
            .map(|()| took)
    })
}
