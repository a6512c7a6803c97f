//! Which signals reach the threads of this library: the faults that a thread raises itself, no
//! other.
//!
//! Go handles signals for the process, on the threads that it made. On any other it gives a signal
//! that nobody asked for the system's default: a SIGPIPE, raised in a Rust thread by its own write
//! to a socket that its other side has closed, ends the Collector. Blocked, the write fails with
//! EPIPE, and a signal to the process goes to one of Go's threads.
//!
//! A thread begins with the mask of the thread that starts it. So the mask is set in the starting
//! thread, around the start: set by the new thread (tokio's `on_thread_start`), it would come after
//! that thread's first instructions, and every way to start a thread would need it. Whatever a
//! thread of this library starts inherits it in turn: lanes, extensions, tokio's threads for
//! blocking work, and those of components and of C libraries. What is left are the doors by which
//! threads of Go's come in and may start one: binding, and the start of an operation. They alone
//! use [`Blocked`].
//!
//! Left to others: a child process inherits the mask too (`strait_component::child` undoes it
//! there).
#![allow(unsafe_code)] // the masks of threads are C's

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Raised by what a thread itself does; blocked, they would end the process without Go's report.
const FAULTS: [libc::c_int; 6] = [
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGTRAP,
];

/// While it lives, this thread and those that it starts take no signal but the faults. Dropped, it
/// gives this thread the mask back that it had.
pub(crate) struct Blocked {
    before: libc::sigset_t,
    /// The mask is this thread's: not `Send`.
    _of_thread: PhantomData<*const ()>,
}

impl Blocked {
    pub(crate) fn new() -> Self {
        Self {
            before: set_mask(Some(&all_but_faults())),
            _of_thread: PhantomData,
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        set_mask(Some(&self.before));
    }
}

/// Calls into Go with `call`, and leaves this thread's mask as it was. With a thread's first call
/// Go makes it one that it knows, for good, and unblocks some signals on it; later ones change
/// nothing.
pub(crate) fn unchanged(call: impl FnOnce()) {
    thread_local! {
        static KNOWN: Cell<bool> = const { Cell::new(false) };
    }
    // Gone with the thread's locals: a late log line, whose thread ends.
    if KNOWN.try_with(|known| known.replace(true)).unwrap_or(true) {
        return call();
    }
    let before = set_mask(None);
    call();
    set_mask(Some(&before));
}

fn all_but_faults() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigfillset` initializes the set that it is given; the signals are numbers that
    // exist. The C library leaves out the two that it needs for itself.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for fault in FAULTS {
            libc::sigdelset(set.as_mut_ptr(), fault);
        }
        set.assume_init()
    }
}

/// Sets this thread's mask, if one is given, and returns the one before.
fn set_mask(mask: Option<&libc::sigset_t>) -> libc::sigset_t {
    let mut before = MaybeUninit::uninit();
    let mask = mask.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `mask` is null or a set that is initialized, `before` takes one. It fails only for an
    // unknown first argument, so `before` is initialized after it.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, mask, before.as_mut_ptr());
        before.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signals that this thread blocks.
    fn blocked() -> Vec<libc::c_int> {
        let mask = set_mask(None);
        (1..=64)
            // SAFETY: the set is initialized, the signals are in range.
            .filter(|signal| unsafe { libc::sigismember(&raw const mask, *signal) } == 1)
            .collect()
    }

    fn expected() -> Vec<libc::c_int> {
        let left_out = |signal: &libc::c_int| {
            // 32 and 33 are the C library's.
            !FAULTS.contains(signal) && ![32, 33, libc::SIGKILL, libc::SIGSTOP].contains(signal)
        };
        (1..=64).filter(left_out).collect()
    }

    // Guarantees: a thread that is started meanwhile, and what that one starts later, takes the
    // faults and nothing else; the starting thread is as before.
    #[test]
    fn threads_take_the_faults_only() {
        let before = blocked();
        let guard = Blocked::new();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let own = blocked();
            wait.recv().unwrap();
            (own, std::thread::spawn(blocked).join().unwrap())
        });
        drop(guard);
        assert_eq!(blocked(), before);
        go.send(()).unwrap();
        assert_eq!(thread.join().unwrap(), (expected(), expected()));
    }

    // Guarantees: what the first call into Go makes of a thread's mask is undone.
    #[test]
    fn a_call_leaves_the_mask() {
        let run = || {
            let _guard = Blocked::new();
            unchanged(|| {
                let mut none = MaybeUninit::uninit();
                // SAFETY: `sigemptyset` initializes the set.
                let none = unsafe {
                    libc::sigemptyset(none.as_mut_ptr());
                    none.assume_init()
                };
                set_mask(Some(&none));
            });
            blocked()
        };
        assert_eq!(std::thread::spawn(run).join().unwrap(), expected());
    }
}
