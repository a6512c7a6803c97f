//! What a component of Strait says of itself, in the words of the Collector.
//!
//! What it is: [`Kind`], [`Signal`] and [`Stability`], each a table of names that is there once for
//! everyone who reads or writes them (the SDK, the engine's units, the host, the command),
//! [`Flow`], which is a signal or the way from one to another, and the [`Description`] that is made
//! of them.
//!
//! ```
//! use strait_description::{Description, Kind, Stability, package};
//!
//! let described = Description::processor("mask_cards", package!()).logs(Stability::Alpha);
//! assert_eq!(described.kind, Kind::Processor);
//! assert_eq!(described.kind.section(), "processors");
//! assert!(described.kind.has_in() && described.kind.has_out());
//! ```
//!
//! It leaves to others what a component does (strait-component), and whether the two places in
//! which a crate describes itself agree (the command).

mod by_name;
mod description;
mod flow;
mod kind;
mod signal;
mod stability;

pub use description::{Description, Package};
pub use flow::Flow;
pub use kind::Kind;
pub use signal::Signal;
pub use stability::Stability;
