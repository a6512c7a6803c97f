//! Nodes of ours on a lane: the components of the SDK, a node for each kind, what stands in the
//! place of an engine's node, and ways out of a graph.

pub(crate) mod answers;
mod attempts;
pub(crate) mod batches;
pub(crate) mod bridge;
pub(crate) mod component;
pub(crate) mod connector;
mod destination;
pub(crate) mod door;
pub(crate) mod drain;
mod entrance;
pub(crate) mod exporter;
mod exports;
pub(crate) mod logs;
mod made;
pub(crate) mod receiver;
pub(crate) mod sending;
mod spans;
mod store;
pub(crate) mod waiting;
pub(crate) mod way_out;
