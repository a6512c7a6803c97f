//! What happens in the Collector that an extension may watch.

use serde::Deserialize;
use serde_json::Value;
use strait_description::Kind;

/// Something that happened in the Collector. Sent to the instances that watch it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The configuration that the Collector runs with: after every extension has started, before
    /// the first pipeline does. A reload makes new instances.
    Config {
        /// With every reference expanded.
        effective: Value,
        /// As written, with references such as `${env:KEY}`, and secrets masked. Null where the
        /// Collector does not know it.
        unexpanded: Value,
    },
    /// Every pipeline is built, and the receivers run.
    PipelinesReady,
    /// The receivers are about to stop.
    PipelinesStopping,
    /// The status of a component has changed. These come in order, and from when the instance runs;
    /// what was before its start is not told.
    Status(ComponentStatus),
}

/// One component's new status.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ComponentStatus {
    /// The component's id, such as `otlp/in`.
    pub id: String,
    /// What kind of component it is.
    pub kind: Kind,
    /// The pipelines that it is in, such as `logs/eu`.
    #[serde(default)]
    pub pipelines: Vec<String>,
    /// `starting`, `ok`, `recoverable_error`, `permanent_error`, `fatal_error`, `stopping` or
    /// `stopped`.
    pub status: String,
    /// What is wrong; empty where nothing is.
    #[serde(default)]
    pub error: String,
}
