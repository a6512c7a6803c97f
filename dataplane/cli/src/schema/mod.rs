//! JSON Schemas of configurations, as `strait schema` prints them.

pub mod otap;
mod page;

use serde_json::{Map, Value, json};

pub use page::page;

use crate::builder_file::Kind;
use crate::error::StepError;
use crate::rust::describe::Described;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Whether `name` means this component: its type, or its kind and type as in
/// `processor/mask_cards`.
#[must_use]
pub fn is(component: &Described, name: &str) -> bool {
    matches((component.kind, &component.type_name), name)
}

fn matches((kind, type_name): (Kind, &str), name: &str) -> bool {
    match name.split_once('/') {
        Some((of_kind, name)) => of_kind == kind.name() && name == type_name,
        None => name == type_name,
    }
}

/// Refuses a name that none of these (kind, type) has.
///
/// # Errors
/// The names that there are.
pub fn check<'a>(
    known: impl Iterator<Item = (Kind, &'a str)>,
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

/// The schema of a Collector's configuration file, as far as these components go: for editors. What
/// belongs to others is left open.
#[must_use]
pub fn of_all(components: &[&Described]) -> String {
    let mut sections = Map::new();
    for component in components {
        let mut schema = component.schema.clone();
        // A resource of its own: its references to `#/$defs` stay inside it.
        schema["$id"] = format!("urn:strait:{}:{}", component.kind, component.type_name).into();
        let section = sections
            .entry(component.kind.section())
            .or_insert_with(|| json!({"type": ["object", "null"], "patternProperties": {}}));
        // Nothing may stand behind the name: the defaults.
        schema["type"] = json!(["object", "null"]);
        let name = format!("^{}(/.+)?$", component.type_name);
        section["patternProperties"][name] = schema;
    }
    let whole =
        json!({"$schema": DIALECT, "type": "object", "properties": Value::Object(sections)});
    format!("{whole:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(kind: Kind, type_name: &str) -> Described {
        Described {
            kind,
            type_name: type_name.into(),
            package: "some-crate".into(),
            version: "1.0.0".into(),
            signals: Default::default(),
            stability: None,
            schema: json!({
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/A"}},
                "$defs": {"A": {"type": "string"}},
            }),
        }
    }

    #[test]
    fn a_name_is_a_type_or_a_kind_and_a_type() {
        let known = [(Kind::Processor, "mask"), (Kind::Extension, "mask")];
        for name in ["mask", "processor/mask", "extension/mask"] {
            assert!(check(known.into_iter(), name).is_ok(), "{name}");
        }
        for name in ["", "masks", "exporter/mask", "processor/", "/mask"] {
            let error = check(known.into_iter(), name).unwrap_err();
            assert!(
                error.message.contains(&format!("`{name}`")),
                "{}",
                error.message
            );
        }
        assert!(is(&described(Kind::Processor, "mask"), "processor/mask"));
        assert!(!is(&described(Kind::Processor, "mask"), "extension/mask"));
    }

    #[test]
    fn the_whole_has_every_component_under_its_section() {
        let (a, b) = (
            described(Kind::Processor, "mask"),
            described(Kind::Extension, "mask"),
        );
        let whole: Value = serde_json::from_str(&of_all(&[&a, &b])).unwrap();
        for (section, id) in [
            ("processors", "urn:strait:processor:mask"),
            ("extensions", "urn:strait:extension:mask"),
        ] {
            let own = &whole["properties"][section]["patternProperties"]["^mask(/.+)?$"];
            assert_eq!(own["$id"], id);
            assert_eq!(own["properties"], a.schema["properties"]);
        }
    }
}
