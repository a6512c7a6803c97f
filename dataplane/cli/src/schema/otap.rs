//! The configuration of Strait's own `otap` components, as far as it is a table here: their nodes.
//!
//! A node's keys are those of `strait nodes`. Which of them must be there depends on others, so
//! none is said to be required; the components' other keys are left open.

use serde_json::{Map, Value, json};
use strait_description::{Flow, Signal, Stability};

use crate::builder_file::{BuilderFile, Kind};
use crate::checkout::VERSION;
use crate::error::StepError;
use crate::nodes::{self, Choice, Key, Node};
use crate::rust::describe::Described;

/// What each `otap` component that `file` has would say of itself in a Collector of it.
///
/// # Errors
/// The table of nodes is damaged.
pub fn described(file: &BuilderFile) -> Result<Vec<Described>, StepError> {
    let asked = file.dist.engine_nodes.as_deref();
    let is_in = |node: &Node| match (node.choice, asked) {
        (Choice::Always, _) | (Choice::Default, None) => true,
        (Choice::OnRequest, None) => false,
        (_, Some(asked)) => asked.contains(&node.name),
    };
    let nodes: Vec<Node> = nodes::all()?.into_iter().filter(is_in).collect();
    let of_kind = |kind| Described {
        kind,
        type_name: "otap".to_owned(),
        package: "strait-engine".to_owned(),
        version: VERSION.to_owned(),
        signals: Signal::ALL
            .map(|signal| (flow(kind, signal).to_string(), Stability::Alpha.to_string()))
            .into(),
        stability: None,
        schema: schema(nodes.iter().filter(|node| node.is_in(kind))),
    };
    Ok(file.otap().map(of_kind).collect())
}

/// A connector of nodes connects each signal to itself.
fn flow(kind: Kind, signal: Signal) -> Flow {
    match kind {
        Kind::Connector => Flow::Between(signal, signal),
        _ => Flow::Of(signal),
    }
}

fn schema<'a>(nodes: impl Iterator<Item = &'a Node>) -> Value {
    let (mut definitions, mut names) = (Map::new(), Map::new());
    for node in nodes {
        definitions.insert(node.name.clone(), of_node(node));
        names.insert(
            node.name.clone(),
            json!({"$ref": format!("#/$defs/{}", node.name)}),
        );
    }
    definitions.insert(
        "node".to_owned(),
        json!({
            "type": "object", "minProperties": 1, "maxProperties": 1,
            "description": "One node: its name, and its configuration.",
            "properties": names, "patternProperties": {"^urn:": {}}, "additionalProperties": false,
        }),
    );
    json!({
        "type": "object",
        "properties": {"nodes": {
            "description": "The nodes: a chain, or a graph with `nodes` and `connections`.",
            "oneOf": [
                {"type": "array", "items": {"$ref": "#/$defs/node"}},
                {"type": "object", "required": ["nodes"]},
            ],
        }},
        "$defs": definitions,
    })
}

fn of_node(node: &Node) -> Value {
    let mut schema = json!({"type": ["object", "null"], "description": node.doc});
    for key in &node.keys {
        let mut place = &mut schema;
        for part in key.name.split("::") {
            let step = match (part, place["type"] == "array") {
                ("*", true) => "items",
                ("*", false) => "additionalProperties",
                (name, _) => {
                    place = &mut place["properties"][name];
                    continue;
                }
            };
            place = &mut place[step];
        }
        merge(place, of_key(key));
    }
    close(&mut schema);
    schema
}

/// A map's own entry may stand behind those of its keys, or before.
fn merge(place: &mut Value, more: Value) {
    match (place.as_object_mut(), more) {
        (Some(old), Value::Object(new)) => old.extend(new),
        (_, new) => *place = new,
    }
}

fn of_key(key: &Key) -> Value {
    let mut schema = of_type(&key.kind);
    schema["description"] = key.doc.as_str().into();
    if key.secret {
        schema["format"] = "password".into();
        schema["writeOnly"] = true.into();
    }
    schema
}

/// The schema of a type as the table of nodes words it.
fn of_type(kind: &str) -> Value {
    if let Some(items) = kind.strip_prefix("list of ") {
        return json!({"type": "array", "items": of_type(items)});
    }
    if let Some(values) = kind.strip_prefix("map to ") {
        return json!({"type": "object", "additionalProperties": of_type(values)});
    }
    match kind {
        "any" => json!({}),
        "string" | "integer" | "number" | "boolean" => json!({"type": kind}),
        "duration" => json!({"type": ["string", "integer"], "format": "go-duration"}),
        "size" => json!({"type": ["string", "integer"], "format": "byte-size"}),
        "string, number or boolean" => json!({"type": ["string", "number", "boolean"]}),
        _ if kind == "map" || kind.starts_with("map with") => json!({"type": "object"}),
        _ => match kind.split_once(" or ") {
            Some((one, other)) => json!({"anyOf": [of_type(one), of_type(other)]}),
            None => json!({"enum": kind.split(" | ").collect::<Vec<_>>()}),
        },
    }
}

/// Objects whose keys are known take no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            for (name, field) in fields {
                match (name.as_str(), field) {
                    ("properties", Value::Object(all)) => all.values_mut().for_each(close),
                    ("items" | "additionalProperties", field) => close(field),
                    _ => {}
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(close),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::builder_file::STRAIT_GO_MODULE;

    fn of(dist: &str, kind: Kind) -> Value {
        let (section, module) = (kind.section(), STRAIT_GO_MODULE);
        let text = format!(
            "dist: {{name: x{dist}}}\n{section}:\n  \
             - {{gomod: {module} v0.1.0, import: {module}/otap{kind}}}\n"
        );
        let file = BuilderFile::parse(&text, Path::new("b.yaml")).unwrap();
        let [described] = described(&file).unwrap().try_into().ok().unwrap();
        let Described {
            kind: of, schema, ..
        } = described;
        assert_eq!(of, kind);
        schema
    }

    const KINDS: [Kind; 4] = [
        Kind::Receiver,
        Kind::Processor,
        Kind::Exporter,
        Kind::Connector,
    ];

    #[test]
    fn every_key_of_every_node_has_its_place() {
        let keys = KINDS.map(|kind| (kind, of("", kind)));
        let nodes = nodes::all().unwrap();
        let each = nodes
            .iter()
            .flat_map(|node| keys.iter().map(move |(kind, schema)| (node, *kind, schema)));
        for (node, kind, schema) in each {
            let own = &schema["$defs"][&node.name];
            let left_out = node.choice == Choice::OnRequest || !node.is_in(kind);
            assert_eq!(own.is_null(), left_out, "{} in {kind}", node.name);
            for key in node.keys.iter().filter(|_| !own.is_null()) {
                let way = key.name.split("::").fold(own, |at, part| match part {
                    "*" if at["type"] == "array" => &at["items"],
                    "*" => &at["additionalProperties"],
                    name => &at["properties"][name],
                });
                assert_eq!(way["description"], key.doc, "{} {}", node.name, key.name);
            }
        }
    }

    #[test]
    fn types_secrets_and_closed_maps_are_kept() {
        let schema = of("", Kind::Processor);
        let action = &schema["$defs"]["attribute"]["properties"]["actions"]["items"];
        assert_eq!(action["additionalProperties"], false);
        assert_eq!(action["properties"]["salt"]["format"], "password");
        let words = action["properties"]["action"]["enum"].as_array().unwrap();
        assert!(words.contains(&"rename".into()), "{words:?}");
        assert_eq!(
            of_type("list of string, number or boolean"),
            json!({"type": "array", "items": {"type": ["string", "number", "boolean"]}})
        );
        assert_eq!(
            of_type("string or list of string"),
            json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
        );
    }

    #[test]
    fn the_nodes_are_those_of_the_distribution() {
        let has = |dist: &str, name: &str| {
            let schema = of(dist, Kind::Exporter);
            schema["$defs"].get(name).is_some()
        };
        assert!(has("", "durable_buffer") && has("", "file") && !has("", "transform"));
        let chosen = ", engine_nodes: [transform]";
        assert!(has(chosen, "transform") && !has(chosen, "durable_buffer"));
        let without = BuilderFile::parse("dist: {name: x}\n", Path::new("b.yaml")).unwrap();
        assert!(described(&without).unwrap().is_empty());
    }
}
