//! From the Collector's values to a component's configuration type, and back.
//!
//! What an author writes is a plain serde struct that also derives `JsonSchema`. The
//! schema says what a key's value must be, so the values are first *conformed* to it by
//! the rules that confmap has for Go structs (defaults, `null`, texts of expanded
//! values, unknown keys; see `confmap`), every finding at once; then serde reads
//! them, then the component validates them.
//!
//! Guarantees that reading has no effect but memory, and that what `decode` accepts
//! as `Decoded::config` is accepted again, with the same meaning. Leaves the wire form to the host.

mod byte_size;
mod compile;
mod confmap;
mod duration;
mod findings;
mod path;
mod plan;
mod schema;
mod secret;
pub mod serve;
mod shape;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use byte_size::ByteSize;
pub use duration::Duration;
pub use findings::{Findings, Validate};
pub use secret::Secret;

use crate::ConfigError;
use path::Finding;
use plan::Plan;

/// What a configuration type must offer; every type that derives these is one.
pub trait Configuration: DeserializeOwned + Serialize + Default + JsonSchema + 'static {}

impl<T: DeserializeOwned + Serialize + Default + JsonSchema + 'static> Configuration for T {}

/// The values that the Collector has for a component.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// The values, with what `${...}` expanded to read as YAML. `null` stands for none.
    pub config: Value,
    /// The texts that `${...}` expanded to, by the JSON pointer of their place: a key that takes
    /// text gets the text (`0123`), any other key the value (83).
    pub originals: BTreeMap<String, String>,
    /// Keys beside the component's own, which the Collector reads itself: an exporter's queue,
    /// retries and timeout. They are not in `config`.
    pub beside: Vec<String>,
}

impl From<Value> for Values {
    fn from(config: Value) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }
}

/// A configuration that was read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decoded {
    /// The values with the defaults filled in: what Create gets.
    pub config: Value,
    /// The configuration as the component has it, written by its type: what print-config shows.
    pub shown: Value,
    /// JSON pointers into `shown` of what must be masked.
    pub secrets: Vec<String>,
    /// What the component's own validation found, with paths joined by `::`.
    pub findings: Vec<ConfigError>,
}

/// Reads a configuration of the component `type_name`, and validates it.
///
/// # Errors
///
/// Every value that does not fit the type, every unknown key. The paths and the messages are those
/// that confmap gives for a Go component: `rules[1].pattern`, `expected type 'string', got
/// unconvertible type 'bool'`.
pub(crate) fn decode<C: Configuration>(
    type_name: &str,
    values: &Values,
    validate: impl FnOnce(&C) -> Result<(), Vec<ConfigError>>,
) -> Result<Decoded, Vec<ConfigError>> {
    let plan = Plan::of::<C>();
    let (config, typed) =
        read_typed::<C>(plan, values).map_err(|findings| path::decode_form(findings, type_name))?;
    let findings = validate(&typed).err().unwrap_or_default();
    let shown = secret::revealed(|| serde_json::to_value(&typed)).map_err(|error| {
        vec![ConfigError::new(
            "",
            format!("the configuration has no JSON form: {error}"),
        )]
    })?;
    let secrets = plan.shapes.secrets(&shown);
    Ok(Decoded {
        config,
        shown,
        secrets,
        findings,
    })
}

/// Reads and validates a configuration: what Create does with it.
///
/// # Errors
///
/// Every finding, with paths joined by `::`.
pub(crate) fn read<C: Configuration>(
    value: &Value,
    validate: impl FnOnce(&C) -> Result<(), Vec<ConfigError>>,
) -> Result<C, Vec<ConfigError>> {
    let plan = Plan::of::<C>();
    let (_, typed) = read_typed::<C>(plan, &value.clone().into()).map_err(path::validate_form)?;
    validate(&typed)?;
    Ok(typed)
}

/// The configuration that an empty one stands for, as JSON.
///
/// # Errors
///
/// The type's default cannot be written as JSON: a mistake in the component.
pub(crate) fn default<C: Configuration>() -> Result<Value, ConfigError> {
    Plan::of::<C>().default.clone()
}

/// The JSON Schema of a configuration, with its defaults; a secret's default is left out.
pub(crate) fn schema<C: Configuration>() -> Value {
    schema::published(Plan::of::<C>())
}

fn read_typed<C: Configuration>(plan: &Plan, values: &Values) -> Result<(Value, C), Vec<Finding>> {
    let conformed = confmap::conform(plan, values);
    if !conformed.wrong.is_empty() {
        let mut findings = conformed.wrong;
        findings.extend(conformed.doubtful);
        return Err(findings);
    }
    match serde_path_to_error::deserialize(&conformed.value) {
        Ok(typed) => Ok((conformed.value, typed)),
        Err(_) if !conformed.doubtful.is_empty() => Err(conformed.doubtful),
        Err(error) => {
            let at = plan.shapes.place(error.path());
            // A type that reads itself says what it read.
            let message = error.into_inner().to_string();
            let message = secret::redacted(
                message,
                &plan.shapes.secrets(&conformed.value),
                &conformed.value,
            );
            Err(vec![Finding::wrong(at, message)])
        }
    }
}

#[cfg(test)]
mod tests;
