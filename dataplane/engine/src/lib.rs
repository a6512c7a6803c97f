//! The engine side of Strait: units of engine nodes that run on lanes.
//!
//! What it is: the only crate that names the OTAP Dataflow Engine. It knows which of the engine's
//! nodes there are and what their configurations may say ([`catalog`]), checks a unit's
//! specification ([`Unit`]), and runs it: one OS thread per lane ([`Lane`]), with our own
//! ends of the pipeline on a link's rings.
//!
//! ```
//! use serde_json::json;
//! use strait_component::Kind;
//! use strait_engine::catalog;
//!
//! let attribute = catalog::find(Kind::Processor, "attribute").expect("a node of the engine's");
//! let mut findings = Vec::new();
//! let config = json!({"actions": [{"action": "delete", "keys": "password"}]});
//! catalog::check(&mut findings, "nodes::0::attribute", attribute.keys, &config);
//! assert_eq!(findings[0].path, "nodes::0::attribute::actions::0::keys");
//! assert!(findings[0].message.contains("did you mean `key`?"));
//! ```
//!
//! What it guarantees: every call ends exactly once; a node's error or panic is an answer to the
//! batch that it met, or ends the lane's epoch with every call in it; nothing waits without a
//! deadline.
//!
//! Its modules lie in layers, and each uses only those below it:
//!
//! ```text
//! lane         a thread: pipelines one after the other, each built and run; reads the ring
//! ends         where batches enter the engine and leave it
//! guard        around every engine node: errors and panics become answers
//! nodes        nodes of ours: one for each kind of the SDK's components, and logs
//! ambient      the lane of this thread, for nodes that bare functions make
//! calls        what is in flight, from the ring to the answer
//! link         one lane's rings
//! difference   the way back for a host that kept the original
//! plan         what of a batch a unit reads and writes
//! unit         the specification, checked
//! bridge       from one unit to others, in Rust
//! catalog      the engine's nodes: keys, rules, what takes their place
//! components, finding, id_set
//! ```
//!
//! What it leaves to others: which units there are and who talks to them (strait-host), the rings
//! themselves (strait-ringbuf), what slots hold (strait-records).

mod ambient;
mod bridge;
mod calls;
pub mod catalog;
pub mod components;
mod conversion;
mod difference;
mod ends;
mod finding;
mod guard;
mod id_set;
mod lane;
mod link;
mod nodes;
mod plan;
mod sending;
mod unit;

pub use bridge::Door;
pub use calls::{Counters, LaneStatus, Upcalls};
pub use catalog::check_registrations;
pub use conversion::otlp_logs_to_records;
pub use finding::Finding;
pub use lane::engine_log::is_own_metrics_complaint;
pub use lane::{Lane, LaneConfig};
pub use plan::{EdgeReport, Plan, Report, Table};
pub use sending::{Exported, Failed, QueueLevel};
pub use strait_failure::{Class, Failure};
pub use unit::{
    Direction, EGRESS, Edge, Encoding, Fidelity, INGRESS, MAX_IN_FLIGHT, MAX_LANES, Planned,
    Topology, Unit, UnitMember,
};

/// Version of the engine that this crate is built on.
pub const ENGINE_VERSION: &str = "0.63.0";

/// The README's example is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
