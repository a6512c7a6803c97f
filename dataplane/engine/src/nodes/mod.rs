//! Nodes of ours on a lane: a component of the SDK, and what stands in the place of an engine's
//! node.

pub(crate) mod batches;
pub(crate) mod component;
pub(crate) mod logs;
