//! The file descriptors that the two sides give each other, by name (protocol section 8).
//!
//! Whoever carries them may do so by name, or in a list: both ways are made from one table each, so
//! that no order is written twice. What they mean is left to [`accept`](super::accept) and
//! [`HostPending`](super::HostPending).

use std::os::fd::{AsRawFd, RawFd};

/// A structure of descriptors, from the list of their names in the protocol's order.
macro_rules! fds {
    ($(#[$doc:meta])* $name:ident, $count:literal: $($(#[$of:meta])* $field:ident,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        #[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
        pub struct $name<F> {
            $($(#[$of])* pub $field: F,)*
        }

        impl<F> $name<F> {
            /// The same, each descriptor put through `f`.
            ///
            /// # Errors
            /// The first error of `f`.
            pub fn try_map<G, E>(
                self,
                mut f: impl FnMut(F) -> Result<G, E>,
            ) -> Result<$name<G>, E> {
                Ok($name {
                    $($field: f(self.$field)?,)*
                })
            }

            /// Their numbers; the descriptors stay with `self`.
            #[must_use]
            pub fn raw(&self) -> $name<RawFd>
            where
                F: AsRawFd,
            {
                $name {
                    $($field: self.$field.as_raw_fd(),)*
                }
            }
        }

        impl<F> From<[F; $count]> for $name<F> {
            fn from([$($field),*]: [F; $count]) -> Self {
                Self { $($field),* }
            }
        }

        impl<F> From<$name<F>> for [F; $count] {
            fn from(fds: $name<F>) -> Self {
                [$(fds.$field),*]
            }
        }
    };
}

fds! {
    /// What a host gives to its peer, in the protocol's order.
    HostFds, 7:
    /// Producer object of `h2p`.
    h2p_producer,
    /// Consumer object of `p2h`.
    p2h_consumer,
    /// The host's counters.
    host_counters,
    /// Data doorbell of `h2p`.
    h2p_data,
    /// Space doorbell of `h2p`.
    h2p_space,
    /// Data doorbell of `p2h`.
    p2h_data,
    /// Space doorbell of `p2h`.
    p2h_space,
}

fds! {
    /// What a peer answers with, in the protocol's order.
    PeerFds, 3:
    /// Consumer object of `h2p`.
    h2p_consumer,
    /// Producer object of `p2h`.
    p2h_producer,
    /// The peer's counters.
    peer_counters,
}
