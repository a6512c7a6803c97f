//! The Go side of a distribution: generated modules, a builder file without
//! Rust in it, and stock ocb.

pub mod build;
pub mod distribution;
pub mod factory;
pub mod inputs;
pub mod modules;
pub mod ocb;
pub mod twins;
pub mod types;
