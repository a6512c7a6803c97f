//! JSON Schemas of configurations, as `strait schema` prints them.

mod page;

use serde_json::{Map, Value, json};

pub use page::page;

use crate::error::StepError;
use crate::rust::describe::Described;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Whether `name` means this component: its type, or its kind and type as in `processor/mask_cards`.
#[must_use]
pub fn is(component: &Described, name: &str) -> bool {
    matches((&component.kind, &component.type_name), name)
}

fn matches((kind, type_name): (&str, &str), name: &str) -> bool {
    match name.split_once('/') {
        Some((of_kind, name)) => of_kind == kind && name == type_name,
        None => name == type_name,
    }
}

/// Refuses a name that none of these (kind, type) has.
///
/// # Errors
/// The names that there are.
pub fn check<'a>(
    known: impl Iterator<Item = (&'a str, &'a str)>,
    name: &str,
) -> Result<(), StepError> {
    let known: Vec<_> = known.collect();
    if known.iter().any(|known| matches(*known, name)) {
        return Ok(());
    }
    let names: Vec<_> = known.iter().map(|(_, type_name)| *type_name).collect();
    Err(StepError::new(
        format!("the builder file has no Rust component `{name}`"),
        format!("it has {}", names.join(", ")),
    ))
}

/// The schema of one component's configuration.
#[must_use]
pub fn of_one(component: &Described) -> String {
    let mut schema = component.schema.clone();
    schema["title"] = component.type_name.as_str().into();
    format!("{schema:#}\n")
}

/// The schema of a Collector's configuration file, as far as these components go: for editors. What belongs to
/// others is left open.
#[must_use]
pub fn of_all(components: &[&Described]) -> String {
    let mut sections = Map::new();
    for component in components {
        let mut schema = component.schema.clone();
        // A resource of its own: its references to `#/$defs` stay inside it.
        schema["$id"] = format!("urn:strait:{}:{}", component.kind, component.type_name).into();
        let section = sections
            .entry(format!("{}s", component.kind))
            .or_insert_with(|| json!({"type": ["object", "null"], "patternProperties": {}}));
        let name = format!("^{}(/.+)?$", component.type_name);
        // Nothing may stand behind the name.
        section["patternProperties"][name] = json!({"anyOf": [schema, {"type": "null"}]});
    }
    let whole =
        json!({"$schema": DIALECT, "type": "object", "properties": Value::Object(sections)});
    format!("{whole:#}\n")
}
