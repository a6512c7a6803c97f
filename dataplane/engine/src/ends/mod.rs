//! The ends of a lane's pipeline: where batches enter the engine, and where they leave it.

pub(crate) mod codec;
mod context;
pub(crate) mod egress;
pub(crate) mod ingress;
