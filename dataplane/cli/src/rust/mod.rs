//! The Rust side of a distribution: one generated workspace, compiled to one
//! static library, prelinked to one object.

pub mod agreement;
pub mod compile;
pub mod component;
pub mod describe;
pub mod engine;
pub mod estimate;
pub mod freshness;
pub mod graph;
pub mod import;
mod inherit;
pub mod metadata;
pub mod prelink;
pub mod umbrella;
pub mod workspace;
