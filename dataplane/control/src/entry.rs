//! Binding: the two sides exchange their tables of functions, once per process.
//!
//! The exported C symbol is made where the library is put together, by
//! [`export_entry!`](crate::export_entry); it calls [`entry`] and returns its answer. Nothing here
//! refers to a Go symbol, so the same code serves a static library and a plugin that is loaded at
//! run time.
#![allow(unsafe_code)] // the tables cross as raw pointers

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::idl::calls::{binding::HOST, HostTable, PeerTable, ABI, PEER_TABLE};
use crate::signals::Blocked;
use crate::Peer;

/// Bound; `out` is filled.
pub const ENTRY_OK: u32 = 0;
/// The host was built from another interface (its hash differs). Nothing was touched.
pub const ENTRY_OTHER_IDL: u32 = 1;
/// A table is missing or has another size. Nothing was touched.
pub const ENTRY_OTHER_TABLES: u32 = 2;
/// This library is bound already. Nothing was touched.
pub const ENTRY_BOUND_TWICE: u32 = 3;
/// The peer's constructor panicked. Binding may be tried again.
pub const ENTRY_PEER_FAILED: u32 = 4;

static PEER: OnceLock<Box<dyn Peer>> = OnceLock::new();

/// The bound peer. The host has no table to call before there is one.
pub(crate) fn peer() -> Option<&'static dyn Peer> {
    PEER.get().map(Box::as_ref)
}

/// Binds host and peer, or says why not, with one of the `ENTRY_` numbers.
///
/// `make_peer` runs on the host's thread, before anything else can call; like
/// [`Peer::inline`] it must not block, start a thread or open anything. It is not run when the call
/// fails for another reason.
///
/// # Safety
/// Where the hash and both sizes are ours, `host` points to a table of that layout whose functions
/// stay callable until the process ends, and `out` to memory that may be written as one. Otherwise
/// nothing is read or written.
pub unsafe fn entry(
    abi: u64,
    host: *const HostTable,
    host_size: usize,
    out: *mut PeerTable,
    out_size: usize,
    make_peer: impl FnOnce() -> Box<dyn Peer>,
) -> u32 {
    if abi != ABI {
        return ENTRY_OTHER_IDL;
    }
    let sizes_match = host_size == size_of::<HostTable>() && out_size == size_of::<PeerTable>();
    if host.is_null() || out.is_null() || !sizes_match {
        return ENTRY_OTHER_TABLES;
    }
    static BINDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BINDING.lock().unwrap_or_else(PoisonError::into_inner);
    if PEER.get().is_some() {
        return ENTRY_BOUND_TWICE;
    }
    let _blocked = Blocked::new(); // also a constructor's thread takes no signals
    let Ok(peer) = catch_unwind(AssertUnwindSafe(make_peer)) else {
        return ENTRY_PEER_FAILED;
    };
    // SAFETY: the caller's promise, for a host of our hash and sizes.
    let _ = HOST.set(unsafe { *host });
    let _ = PEER.set(peer);
    // SAFETY: the same promise, for `out`.
    unsafe { out.write(PEER_TABLE) };
    ENTRY_OK
}

/// Defines the one symbol that a host needs, `strait_entry`, for the peer that this constructor
/// makes.
///
/// ```
/// use strait_control::{Failure, BoxFuture, OpResult, Operation, Peer};
///
/// struct Echo;
///
/// impl Peer for Echo {
///     fn inline(&self, operation: Operation) -> OpResult {
///         Ok(operation.payload)
///     }
///     fn spawn(&self, operation: Operation) -> BoxFuture<OpResult> {
///         Box::pin(std::future::ready(Ok(operation.payload)))
///     }
///     fn batch_cancel(&self, _: u64) {}
///     fn batch_failed(&self, _: u64, _: Failure) {}
/// }
///
/// strait_control::export_entry!(|| Box::new(Echo));
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_entry {
    ($make_peer:expr) => {
        /// Binds the host's functions and gives it ours; 0 when that worked.
        ///
        /// # Safety
        /// As `strait_control::entry` says.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn strait_entry(
            abi: u64,
            host: *const $crate::HostTable,
            host_size: usize,
            out: *mut $crate::PeerTable,
            out_size: usize,
        ) -> u32 {
            // SAFETY: the caller's promise, passed on.
            unsafe { $crate::entry(abi, host, host_size, out, out_size, $make_peer) }
        }
    };
}

/// Whether there is a host to call.
pub(crate) fn is_bound() -> bool {
    HOST.get().is_some()
}
