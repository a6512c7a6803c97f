//! The peer side of Strait: units, their lanes and links, and beside them the extensions of
//! strait-extension, behind the control channel.
//!
//! What it is: the implementation of [`strait_control::Peer`] and the macro [`export!`], which
//! makes the one symbol of a native library. A unit is created from its specification, started on
//! the links that the host made, and shut down; lanes are strait-engine's.
//!
//! What it guarantees: describe, default_config, decode, validate and create are pure; a start that
//! fails leaves nothing behind; a shutdown works without a start, and twice.
//!
//! ```
//! use std::time::Instant;
//! use strait_control::{OpKind, Operation, Peer};
//! use strait_host::HostPeer;
//!
//! let peer = HostPeer::new(&[]); // with components, such as `mask_cards::factory()`
//! let what_is_counted = Operation {
//!     id: 1,
//!     handle: 7,
//!     kind: OpKind::Counters,
//!     deadline: Instant::now(),
//!     payload: Vec::new(),
//! };
//! assert!(peer.inline(what_is_counted).is_ok());
//! ```

mod links;
mod operations;
mod peer;
mod to_host;
mod units;

pub use peer::HostPeer;

/// Used by [`export!`]; not part of the interface.
#[doc(hidden)]
pub mod private {
    pub use strait_component::DynFactory;
    pub use strait_control::export_entry;
    pub use strait_control::memory::CountingAllocator;
}

/// Defines the library's entry symbol, `strait_entry`, for these components of any kind, and its
/// allocator, which counts.
///
/// A library without components of its own, only the engine's nodes; a component is one more
/// expression, such as `mask_cards::factory()`:
///
/// ```
/// strait_host::export! {}
/// ```
#[macro_export]
macro_rules! export {
    ($($factory:expr),* $(,)?) => {
        #[global_allocator]
        static ALLOCATOR: $crate::private::CountingAllocator = $crate::private::CountingAllocator;

        $crate::private::export_entry!(|| {
            let factories: &[&'static dyn $crate::private::DynFactory] = &[$($factory),*];
            ::std::boxed::Box::new($crate::HostPeer::new(factories))
        });
    };
}

/// The README's example is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
