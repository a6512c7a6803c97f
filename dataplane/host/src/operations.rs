//! The operations that start nothing: describe, default_config, decode, validate.

use crate::links::LEAST_CREDIT;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use strait_component::Kind;
use strait_component::config::serve;
use strait_control::{Class, OpResult, OperationError, PathError};
use strait_engine::{ENGINE_VERSION, Finding, Report, Unit, catalog, components};

/// What is built in: versions, components, nodes.
pub(crate) fn describe() -> OpResult {
    complete()?;
    reply(&json!({
        "strait": env!("CARGO_PKG_VERSION"),
        "engine": ENGINE_VERSION,
        "components": serve::describe(&components::all()),
        "nodes": catalog::describe(catalog::included()),
    }))
}

/// Whether a specification is an extension's, not a unit's.
pub(crate) fn is_extension(payload: &[u8]) -> bool {
    kind(payload) == Kind::Extension.name()
}

/// What a payload is about; a unit's specification has the kinds of its members.
fn kind(payload: &[u8]) -> String {
    #[derive(Deserialize)]
    struct About {
        #[serde(default)]
        kind: String,
    }
    read::<About>(payload).map_or_else(|_| String::new(), |about| about.kind)
}

/// The Collector's values for nodes of a unit of some kind: `config` has them under one key, the
/// text `type`.
#[derive(Deserialize)]
struct Nodes {
    r#type: String,
    unit: Kind,
    config: Value,
    #[serde(default)]
    originals: catalog::Originals,
}

fn nodes(mut asked: Nodes) -> OpResult {
    let at = format!("/{}", asked.r#type);
    let secrets = asked
        .config
        .get_mut(&asked.r#type)
        .map(|nodes| catalog::conform(asked.unit, nodes, &at, &asked.originals));
    reply(&json!({
        "config": null,
        "shown": asked.config,
        "secrets": secrets.unwrap_or_default(),
        "findings": [],
    }))
}

/// The default configuration of one component.
pub(crate) fn default_config(payload: &[u8]) -> OpResult {
    let config = serve::default_config(&components::all(), payload);
    reply(&config.map_err(strait_extension::refused)?)
}

/// Reads and validates the configuration of one component; or gives the values for a chain or graph
/// of nodes as their keys take them, which the unit's own validation checks.
pub(crate) fn decode(payload: &[u8]) -> OpResult {
    if kind(payload) == "nodes" {
        return nodes(read(payload)?);
    }
    let decoded = serve::decode(&components::all(), payload);
    reply(&decoded.map_err(strait_extension::refused)?)
}

/// Checks a unit. What its host can take is said when it starts.
pub(crate) fn validate(payload: &[u8]) -> OpResult {
    reply(&Report::of(&unit(payload)?, LEAST_CREDIT))
}

/// Reads and checks a unit's specification.
pub(crate) fn unit(payload: &[u8]) -> Result<Unit, OperationError> {
    let spec: Value = read(payload)?;
    let id = spec
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    complete()?;
    Unit::read(&spec).map_err(|findings| invalid(&id, findings))
}

/// Findings as an operation's error: the first in the message, all of them by path.
fn invalid(component: &str, findings: Vec<Finding>) -> OperationError {
    let more = match findings.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let first = findings
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let errors = findings
        .into_iter()
        .map(|finding| PathError {
            path: finding.path,
            message: finding.message,
        })
        .collect();
    OperationError::invalid(format!("{first}{more}"), errors).at(component)
}

/// Checks that every node that was compiled in is registered.
fn complete() -> Result<(), OperationError> {
    strait_engine::check_registrations().map_err(|missing| {
        OperationError::new(
            Class::Internal,
            format!(
                "the native library is incomplete: {} not linked in",
                missing.join(", ")
            ),
        )
    })
}

/// Reads a payload.
pub(crate) fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, OperationError> {
    serde_json::from_slice(payload).map_err(|error| {
        OperationError::new(
            Class::Permanent,
            format!("the operation's payload: {error}"),
        )
    })
}

/// Writes a reply.
pub(crate) fn reply<T: serde::Serialize>(value: &T) -> OpResult {
    serde_json::to_vec(value)
        .map_err(|error| OperationError::new(Class::Internal, format!("the reply: {error}")))
}
