//! The component SDK of Strait: what the author of a Rust component uses.
//!
//! A component is a crate with two things in it: what it does with data, by its kind, and a
//! factory, which says what the component is called, reads its configuration and creates instances.
//!
//! | it is | what it does | its factory |
//! |---|---|---|
//! | a processor | [`Processor`]: edits one [`Batch`] at a time in place | [`ProcessorFactory`] |
//! | an exporter | [`Exporter`]: delivers batches; async | [`ExporterFactory`] |
//! | a receiver | [`Receiver`]: brings batches in until stopped; async | [`ReceiverFactory`] |
//! | a connector | [`Connector`]: makes batches of batches | [`ConnectorFactory`] |
//! | an [extension] | [`extension::Extension`]: has no data | [`extension::ExtensionFactory`] |
//!
//! The crate offers it through one function, `factory()`. This is a complete processor; the other
//! traits have a complete component on their pages, offered with [`AsExporter`], [`AsReceiver`],
//! [`AsConnector`] or [`AsExtension`](extension::AsExtension):
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use strait_component::prelude::*;
//!
//! /// Drops logs below a severity.
//! struct Floor(i32);
//!
//! impl Processor for Floor {
//!     fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
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
//! impl ProcessorFactory for FloorFactory {
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
//!     fn create(&self, config: Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
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
//! # What authors do most
//!
#![doc = include_str!("../jobs.md")]
//!
//! # What the SDK promises
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
//! - What a batch carries beside its data is its [`Context`]: how long the caller waits and whether
//!   it still does, the client, the span. What a component says of a batch is an [`Error`], which
//!   reaches the sender with its class, codes, delay and counts.
//! - Every kind has its [`Collector`] in [`Settings`]: statuses, [metrics and spans](telemetry) of
//!   the component's own, and for what is asynchronous also storage, authenticators, and what
//!   extensions there are.
//!
//! It knows Arrow record batches and nothing of the engine or of the Collector;
//! an adapter in `strait-engine` runs a [`DynFactory`] as an engine node.
//!
//! Logs are records; traces and metrics are OTLP bytes ([`Batch::otlp`]) until their records come.
//! [`LogsBuilder`] and [`MetricsBuilder`] make batches from nothing, as receivers and connectors
//! do.

mod access;
mod any;
mod append;
mod attributes;
mod batch;
mod builder;
mod changes;
pub mod child;
mod collector;
mod column;
mod columns;
pub mod config;
mod connector;
mod context;
mod edit;
mod edits;
mod error;
mod errors;
mod exporter;
pub mod extension;
mod factory;
mod filter;
mod future;
mod gather;
mod id_set;
mod logs;
mod metric;
mod nested;
mod otlp;
mod payload;
mod processor;
mod receiver;
mod record;
mod rows;
mod schema;
mod select;
mod settings;
mod sizes;
mod span;
pub mod telemetry;
pub mod testing;
mod text;
mod value;

pub use access::{Access, Keys};
pub use any::Any;
pub use attributes::{Attribute, Attributes};
pub use batch::Batch;
pub use builder::{LogsBuilder, MetricsBuilder};
pub use bytes::Bytes;
pub use collector::{Collector, ExtensionError, Status, Storage};
pub use columns::{Columns, TableColumn};
pub use config::{ByteSize, Configuration, Decoded, Duration, Findings, Secret, Validate, Values};
pub use connector::{Connector, Emitter};
pub use context::{CancelHandle, Context, ContextBuilder};
pub use edits::{Edit, Edits};
pub use error::Error;
pub use errors::{BatchError, ConfigError, CreateError};
pub use exporter::{DynExporter, Exporter};
pub use factory::{
    AsConnector, AsExporter, AsReceiver, ConnectorFactory, DynConnectorFactory, DynExporterFactory,
    DynFactory, DynProcessorFactory, DynReceiverFactory, ExporterFactory, ProcessorFactory,
    ReceiverFactory,
};
pub use future::{BoxFuture, LocalBoxFuture};
pub use logs::{Log, Logs};
pub use metric::{
    Buckets, Exemplar, ExponentialHistogramPoint, HistogramPoint, Metric, MetricData, Number,
    NumberPoint, Quantile, SummaryPoint, Temporality,
};
pub use opentelemetry;
pub use payload::{AttributeTable, Payload};
pub use processor::Processor;
pub use receiver::{Downstream, DynReceiver, Host, Receiver, StopHandle};
pub use record::{LogRecord, Pairs, Resource, Scope};
pub use rows::Rows;
pub use schemars;
pub use settings::Settings;
pub use span::SpanContext;
pub use strait_description::{Description, Flow, Kind, Package, Signal, Stability, package};
pub use strait_failure::Class;
pub use value::Value;

/// Everything that a component usually needs.
pub mod prelude {
    pub use schemars::{self, JsonSchema};

    pub use crate::{
        Access, Any, AsConnector, AsExporter, AsReceiver, AttributeTable, Batch, BatchError,
        ByteSize, Bytes, Collector, Columns, ConfigError, Connector, ConnectorFactory, Context,
        CreateError, Description, Duration, DynFactory, Edit, Edits, Emitter, Error, Exporter,
        ExporterFactory, Findings, Host, Keys, Log, LogRecord, LogsBuilder, Metric, MetricData,
        MetricsBuilder, NumberPoint, Processor, ProcessorFactory, Receiver, ReceiverFactory,
        Resource, Scope, Secret, Settings, Signal, Stability, Status, Temporality, Validate, Value,
        package,
    };
}

/// The README's example is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
