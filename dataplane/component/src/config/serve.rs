//! The operations about configurations as they cross the control channel: JSON in, JSON out, of every kind of
//! component. A peer, with or without an engine, answers them with these functions.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Values;
use crate::{ConfigError, DynFactory};

/// Why an operation has no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The component's type; empty when it is not known.
    pub component: String,
    /// What happened, in one sentence.
    pub message: String,
    /// What is wrong with the configuration, when that is the reason.
    pub errors: Vec<ConfigError>,
    /// Whether the component itself is at fault.
    pub is_bug: bool,
}

#[derive(Deserialize)]
struct Request {
    kind: String,
    r#type: String,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    originals: BTreeMap<String, String>,
}

/// What each component says of itself, with the schema of its configuration.
#[must_use]
pub fn describe(factories: &[&'static dyn DynFactory]) -> Vec<Value> {
    let one = |factory: &&'static dyn DynFactory| {
        let mut described = json!(factory.describe());
        described["schema"] = factory.config_schema();
        described
    };
    factories.iter().map(one).collect()
}

/// `{"kind", "type"}` to the configuration that an empty one stands for.
///
/// # Errors
///
/// There is no such component, or its default is no JSON.
pub fn default_config(
    factories: &[&'static dyn DynFactory],
    payload: &[u8],
) -> Result<Value, Refused> {
    let request = read(payload)?;
    find(factories, &request)?
        .default_config()
        .map_err(|error| Refused {
            component: request.r#type,
            message: error.to_string(),
            errors: Vec::new(),
            is_bug: true,
        })
}

/// `{"kind", "type", "config", "originals"}`, of which the last two are [`Values`], to a [`Decoded`](super::Decoded).
///
/// # Errors
///
/// There is no such component, or the configuration does not fit its type.
pub fn decode(factories: &[&'static dyn DynFactory], payload: &[u8]) -> Result<Value, Refused> {
    let request = read(payload)?;
    let factory = find(factories, &request)?;
    let values = Values {
        config: request.config,
        originals: request.originals,
    };
    let decoded = factory.decode(&values);
    decoded
        .map(|decoded| json!(decoded))
        .map_err(|errors| Refused {
            component: request.r#type,
            message: "the configuration does not fit its type".into(),
            errors,
            is_bug: false,
        })
}

fn read(payload: &[u8]) -> Result<Request, Refused> {
    serde_json::from_slice(payload).map_err(|error| Refused {
        component: String::new(),
        message: format!("the operation's payload: {error}"),
        errors: Vec::new(),
        is_bug: false,
    })
}

fn find(
    factories: &[&'static dyn DynFactory],
    Request { kind, r#type, .. }: &Request,
) -> Result<&'static dyn DynFactory, Refused> {
    let is_it = |factory: &&&'static dyn DynFactory| {
        let described = factory.describe();
        described.kind.name() == kind && described.type_name == r#type
    };
    factories
        .iter()
        .find(is_it)
        .copied()
        .ok_or_else(|| Refused {
            component: r#type.clone(),
            message: format!("no {kind} of type `{type}` is linked in"),
            errors: Vec::new(),
            is_bug: false,
        })
}
