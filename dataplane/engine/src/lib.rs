//! The engine side of Strait: units of engine nodes that run on lanes.
//!
//! What it is: the only crate that names the OTAP Dataflow Engine. It knows which of the engine's
//! nodes there are and what their configurations may say ([`nodes`]), checks a unit's
//! specification ([`Unit`]), and runs it: one OS thread per lane ([`Lane`]), with our receiver and
//! exporter as the pipeline's ends on a link's rings.
//!
//! What it guarantees: every call ends exactly once; a node's error or panic is an answer to the
//! batch that it met, or ends the lane's epoch with every call in it; nothing waits without a
//! deadline.
//!
//! What it leaves to others: which units there are and who talks to them (strait-host), the rings
//! themselves (strait-ringbuf), what slots hold (strait-records).

pub mod adapter;
mod answers;
mod attribute;
mod config;
mod conversion;
mod difference;
mod exporter;
mod factory;
mod failure;
mod guard;
mod ids;
mod lane;
mod log_filter;
mod log_node;
mod moot;
pub mod nodes;
mod numbered;
mod payload;
mod plan;
mod port;
mod prompt;
mod pump;
mod receiver;
mod row_numbers;
mod tag;
mod wire;

pub use config::{
    EGRESS, Encoding, Fidelity, Finding, INGRESS, MAX_IN_FLIGHT, MAX_LANES, Planned, Signal,
    Topology, Unit,
};
pub use conversion::otlp_logs_to_records;
pub use factory::check_registrations;
pub use failure::{Class, Failure};
pub use lane::{Lane, LaneConfig};
pub use moot::is_moot;
pub use plan::Plan;
pub use port::{Counters, LaneStatus, Upcalls};

/// Version of the engine that this crate is built on.
pub const ENGINE_VERSION: &str = "0.62.0";
