//! The component SDK of Strait: what the author of a Rust component uses.
//!
//! A component is a crate with two things in it: a [`Processor`], which gets one
//! [`Batch`] at a time and edits it in place, and a [`Factory`], which says what
//! the component is called, reads its configuration and creates processors. The
//! crate offers them through one function, `factory()`. This is a complete one:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use strait_component::prelude::*;
//!
//! /// Drops logs below a severity.
//! struct Floor(i32);
//!
//! impl Processor for Floor {
//!     fn process(&mut self, batch: &mut Batch) -> Result<(), ProcessError> {
//!         batch.retain(|log| log.severity_number() >= self.0)?;
//!         Ok(())
//!     }
//! }
//!
//! #[derive(Default, Deserialize, Serialize, JsonSchema)]
//! pub struct Config {
//!     /// Logs below it are dropped.
//!     min_severity: i32,
//! }
//!
//! struct FloorFactory;
//!
//! impl Factory for FloorFactory {
//!     type Config = Config;
//!
//!     fn describe(&self) -> Description {
//!         Description::processor("severity_floor", package!()).logs(Stability::Alpha)
//!     }
//!
//!     fn access(&self, _: &Config) -> Access {
//!         Access::new().read(Columns::SEVERITY_NUMBER).filter()
//!     }
//!
//!     fn create(&self, config: Config, _: &Context) -> Result<Box<dyn Processor>, CreateError> {
//!         Ok(Box::new(Floor(config.min_severity)))
//!     }
//! }
//!
//! pub fn factory() -> &'static dyn DynFactory {
//!     &FloorFactory
//! }
//! # use serde_json::json;
//! # assert!(factory().validate(&json!({"min_severity": 9})).is_ok());
//! # let errors = factory().validate(&json!({"min_sevrity": 9})).unwrap_err();
//! # assert_eq!(errors[0].path, "min_sevrity");
//! ```
//!
//! What the SDK promises:
//!
//! - A processor belongs to one thread. There is one instance per lane, made on
//!   demand, so `process` needs no lock and takes `&mut self`.
//! - Columns are read the same whichever way they are encoded: plain, or with a
//!   dictionary of 8- or 16-bit keys, absent or null.
//! - An edit touches only what it changes: every array that stays equal stays the
//!   same array, at the same address. The host sends back the difference alone.
//! - A configuration is read by confmap's rules, as that of a Go component is: defaults,
//!   `null`, expanded values, unknown keys, with every mistake and its path in one
//!   message, and with no attribute to remember on the type.
//!
//! It knows Arrow record batches and nothing of the engine or of the Collector;
//! an adapter in `strait-engine` runs a [`DynFactory`] as an engine node.
//!
//! This first form carries logs. Traces and metrics come with their encoders.
//!
//! An [extension] has no data: it serves the Collector and its components.

mod access;
mod attributes;
mod batch;
mod changes;
pub mod child;
mod column;
mod columns;
pub mod config;
mod edit;
mod errors;
pub mod extension;
mod factory;
mod filter;
mod logs;
mod nested;
mod payload;
mod processor;
mod schema;
pub mod testing;
mod text;
mod value;

pub use access::{Access, Keys};
pub use attributes::{Attribute, Attributes};
pub use batch::Batch;
pub use columns::{Columns, TableColumn};
pub use config::{ByteSize, Configuration, Decoded, Duration, Findings, Secret, Validate, Values};
pub use errors::{BatchError, ConfigError, CreateError, ProcessError};
pub use factory::{DynFactory, DynProcessorFactory, Factory};
pub use logs::{Log, Logs};
pub use payload::{AttributeTable, Payload};
pub use processor::{Context, Processor};
pub use schemars;
pub use strait_description::{Description, Kind, Package, Signal, Stability, package};
pub use value::Value;

/// Everything that a component usually needs.
pub mod prelude {
    pub use schemars::{self, JsonSchema};

    pub use crate::{
        Access, AttributeTable, Batch, BatchError, ByteSize, Columns, ConfigError, Context,
        CreateError, Description, Duration, DynFactory, Factory, Findings, Keys, ProcessError,
        Processor, Secret, Stability, Validate, package,
    };
}

/// The README's example is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
