//! The unit's specification: what the Collector's configuration asks for, checked.
//!
//! Checking is pure: it opens, creates and starts nothing, and reports every finding with the path
//! of its key (relative to the component's own configuration, joined with `::`).

mod graph;
mod topology;

pub use topology::{EGRESS, INGRESS, Planned, Topology};

use crate::components;
use crate::finding::Finding;
use serde::Deserialize;
use serde_json::{Value, json};
use strait_component::Signal;

/// Whether a unit may change what it does not understand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// What crosses comes out equal, or the unit refuses.
    #[default]
    Strict,
    /// Losses that the engine's conversions bring are accepted.
    BestEffort,
}

/// How batches of a unit cross the rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// OTAP records (format.md, encoding 1).
    Records,
    /// OTLP bytes (format.md, encoding 2).
    Otlp,
}

impl Encoding {
    /// The name in the `validate` reply.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Otlp => "otlp",
        }
    }
}

/// A unit as it arrives from the host (JSON), not yet checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    id: String,
    #[serde(default)]
    #[allow(
        dead_code,
        reason = "part of the message; names the Go pipeline in the host's logs"
    )]
    pipeline: String,
    /// Empty: the configuration is checked without a pipeline.
    #[serde(default)]
    signal: String,
    /// 0 stands for the default, 1.
    #[serde(default)]
    lanes: u32,
    #[serde(default)]
    fidelity: Fidelity,
    /// 0 stands for the default, 64.
    #[serde(default)]
    max_in_flight: u32,
    #[serde(default)]
    nodes: Option<Value>,
    #[serde(default)]
    connections: Option<Value>,
    #[serde(default)]
    component: Option<RawComponent>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    r#type: String,
    #[serde(default)]
    config: Value,
}

const DEFAULT_LANES: u32 = 1;
const DEFAULT_IN_FLIGHT: u32 = 64;
/// Most lanes of one unit.
pub const MAX_LANES: u32 = 256;
/// Most calls of one lane inside the engine at the same time.
pub const MAX_IN_FLIGHT: u32 = 65_536;

/// A checked unit: what a lane is built from.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The component's id in the Collector's configuration.
    pub id: String,
    /// The signal it carries; `None` when only its configuration was to be checked.
    pub signal: Option<Signal>,
    /// Lanes, at least 1.
    pub lanes: u32,
    /// Whether losses are accepted.
    pub fidelity: Fidelity,
    /// Calls inside the engine at the same time, per lane.
    pub max_in_flight: u32,
    /// Nodes and how they are joined.
    pub topology: Topology,
}

impl Unit {
    /// Reads and checks a specification.
    ///
    /// # Errors
    ///
    /// Every finding, at least one.
    pub fn read(spec: &Value) -> Result<Self, Vec<Finding>> {
        let raw: Raw = serde_json::from_value(spec.clone())
            .map_err(|error| vec![Finding::new("", format!("unit specification: {error}"))])?;
        let mut findings = Vec::new();
        let signal = Signal::from_name(&raw.signal);
        if signal.is_none() && !raw.signal.is_empty() {
            findings.push(Finding::new(
                "signal",
                format!("expected logs, traces or metrics, found `{}`", raw.signal),
            ));
        }
        if raw.lanes > MAX_LANES {
            findings.push(Finding::new(
                "lanes",
                format!("must be 1 to {MAX_LANES}, is {}", raw.lanes),
            ));
        }
        if raw.max_in_flight > MAX_IN_FLIGHT {
            findings.push(Finding::new(
                "max_in_flight",
                format!("must be 1 to {MAX_IN_FLIGHT}, is {}", raw.max_in_flight),
            ));
        }
        let topology = match (&raw.nodes, &raw.component) {
            (Some(_), None) => graph::read(
                &mut findings,
                signal,
                raw.nodes.as_ref(),
                raw.connections.as_ref(),
            ),
            (None, Some(component)) => component_topology(&mut findings, &raw.id, component),
            _ => {
                findings.push(Finding::new(
                    "nodes",
                    "a unit has `nodes` or `component`, and not both",
                ));
                Topology::default()
            }
        };
        let unit = Self {
            id: raw.id,
            signal,
            lanes: or(raw.lanes, DEFAULT_LANES),
            fidelity: raw.fidelity,
            max_in_flight: or(raw.max_in_flight, DEFAULT_IN_FLIGHT),
            topology,
        };
        unit.check_fidelity(&mut findings);
        if findings.is_empty() {
            Ok(unit)
        } else {
            Err(findings)
        }
    }

    /// How this unit's batches cross the rings.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        match self.signal {
            Some(Signal::Logs) => Encoding::Records,
            _ => Encoding::Otlp,
        }
    }

    /// Whether some node may keep a batch beyond its call, so that slots are copied at receive.
    #[must_use]
    pub fn retains(&self) -> bool {
        self.topology.nodes.iter().any(|node| match node.kind {
            Some(kind) => kind.retains,
            None => components::access(&node.config).is_none_or(|access| access.retains),
        })
    }

    /// Whether a node reads what crosses as OTLP bytes. The host then looks for what no node could
    /// read.
    #[must_use]
    pub fn converts(&self) -> bool {
        let Some(signal) = self.signal else {
            return false;
        };
        self.encoding() == Encoding::Otlp
            && self.topology.nodes.iter().any(|node| {
                node.kind
                    .is_none_or(|kind| kind.converts && kind.signals.contains(&signal))
            })
    }

    /// OTLP bytes through a node that converts are not lossless: strict mode refuses them.
    fn check_fidelity(&self, findings: &mut Vec<Finding>) {
        let Some(signal) = self.signal else { return };
        if self.fidelity == Fidelity::BestEffort || self.encoding() == Encoding::Records {
            return;
        }
        for node in &self.topology.nodes {
            let Some(kind) = node.kind else { continue };
            // What best effort would not make right is told by itself.
            let told = findings
                .iter()
                .any(|finding| finding.path.starts_with(&node.path));
            if kind.converts && kind.signals.contains(&signal) && !told {
                findings.push(Finding::new(
                    node.path.clone(),
                    format!(
                        "`{}` turns {} into records and back, which is not lossless in this \
                         version; set `fidelity: best_effort` to accept that",
                        kind.name,
                        signal.name()
                    ),
                ));
            }
        }
    }
}

/// A component of the SDK: a chain of one node.
fn component_topology(findings: &mut Vec<Finding>, id: &str, component: &RawComponent) -> Topology {
    match components::find(&component.r#type) {
        Some(factory) => {
            if let Err(errors) = factory.validate(&component.config) {
                findings.extend(
                    errors
                        .into_iter()
                        .map(|error| Finding::new(error.path, error.message)),
                );
            }
        }
        None => findings.push(Finding::new(
            "",
            format!(
                "no component of type `{}` is linked in; linked: {}",
                component.r#type,
                components::names().join(", ")
            ),
        )),
    }
    Topology::chain(vec![Planned {
        name: component.r#type.clone(),
        path: String::new(),
        kind: None,
        urn: components::NODE_URN.into(),
        config: json!({"type": component.r#type, "component": id, "config": component.config}),
    }])
}

fn or(value: u32, default: u32) -> u32 {
    if value == 0 { default } else { value }
}
