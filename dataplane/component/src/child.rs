//! Child processes of a component.
//!
//! The threads of Strait block all signals but the faults, because a signal that reaches one of
//! them would end the Collector, and a child process begins with the mask of the thread that starts
//! it: a SIGTERM would not end it.
#![allow(unsafe_code)] // what runs between fork and exec is not checked by the compiler

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Lets the child process take signals as a program usually does. For every [`Command`] of a
/// component (tokio's has `as_std_mut`):
///
/// ```
/// use std::process::Command;
/// use strait_component::child::takes_signals;
///
/// let status = takes_signals(Command::new("true").arg("-")).status()?;
/// assert!(status.success());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn takes_signals(command: &mut Command) -> &mut Command {
    let unblock = || {
        let mut none = std::mem::MaybeUninit::uninit();
        // SAFETY: `sigemptyset` initializes the set before it is read; the old mask is not asked
        // for.
        let result = unsafe {
            libc::sigemptyset(none.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
        };
        match result {
            0 => Ok(()),
            errno => Err(std::io::Error::from_raw_os_error(errno)),
        }
    };
    // SAFETY: between fork and exec only functions that are safe in a signal handler may run; these
    // two are, and nothing here allocates or locks.
    unsafe { command.pre_exec(unblock) }
}
