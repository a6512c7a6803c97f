//! A reference page of one component, in Markdown, from the schema of its configuration.
//!
//! One table for the whole and one for each struct below it, in the order in
//! which they are met. Texts are the author's doc comments.

use std::collections::VecDeque;
use std::fmt::Write as _;

use serde_json::Value;

use crate::rust::describe::Described;

/// The page.
#[must_use]
pub fn page(component: &Described) -> String {
    let mut page = Page {
        root: &component.schema,
        text: String::new(),
        seen: vec![],
        next: VecDeque::new(),
    };
    let (kind, name) = (component.kind, &component.type_name);
    let _ = write!(
        page.text,
        "# `{name}` ({kind})\n\nFrom the crate `{}` {}.\n",
        component.package, component.version
    );
    page.section(&component.schema);
    while let Some((title, schema)) = page.next.pop_front() {
        let _ = write!(page.text, "\n## {title}\n");
        page.section(schema);
    }
    page.text
}

struct Page<'a> {
    root: &'a Value,
    text: String,
    /// Definitions that have a section, or will have.
    seen: Vec<&'a str>,
    next: VecDeque<(String, &'a Value)>,
}

impl<'a> Page<'a> {
    /// What a struct is for, and its keys.
    fn section(&mut self, schema: &'a Value) {
        if let Some(text) = schema.get("description").and_then(Value::as_str) {
            let _ = write!(self.text, "\n{text}\n");
        }
        let alternatives = ["oneOf", "anyOf"]
            .into_iter()
            .find_map(|key| schema.get(key)?.as_array());
        if schema.get("properties").is_some() {
            self.table(schema);
        } else if alternatives.is_none() {
            self.text.push_str("\nIt has no keys.\n");
        }
        if alternatives.is_some() {
            self.text.push_str("\nIt is one of these:\n");
        }
        for alternative in alternatives.into_iter().flatten() {
            let has_keys = alternative.get("properties").is_some();
            let kind = if has_keys {
                "a struct with these keys".to_owned()
            } else {
                self.kind(alternative, "")
            };
            let _ = write!(self.text, "\n- {kind}");
            if let Some(text) = alternative.get("description").and_then(Value::as_str) {
                let _ = write!(self.text, ": {}", line(text));
            }
            self.text.push('\n');
            if has_keys {
                self.table(alternative);
            }
        }
        if let Some(rest) = schema.get("additionalProperties").filter(|r| **r != false) {
            let kind = self.kind(rest, "other keys");
            let _ = write!(self.text, "\nOther keys are taken too, each with {kind}.\n");
        }
    }

    fn table(&mut self, schema: &'a Value) {
        self.text
            .push_str("\n| key | type | default | |\n|---|---|---|---|\n");
        let required = schema.get("required").and_then(Value::as_array);
        let properties = schema.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            let is_required = required.is_some_and(|names| names.iter().any(|n| n == key));
            let default = match property.get("default") {
                Some(Value::Null) => String::new(),
                Some(default) => code(&default.to_string()),
                None if is_required => "required".to_owned(),
                None => String::new(),
            };
            let kind = self.kind(property, key);
            let text = property.get("description").and_then(Value::as_str);
            let text = line(text.unwrap_or_default());
            let _ = writeln!(self.text, "| `{key}` | {kind} | {default} | {text} |");
        }
    }

    /// What a value is, in words; structs get a section of their own.
    fn kind(&mut self, schema: &'a Value, key: &str) -> String {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.reference(reference, key);
        }
        match schema.get("format").and_then(Value::as_str) {
            Some("go-duration") => return "duration".into(),
            Some("byte-size") => return "size".into(),
            Some("password") => return "secret".into(),
            _ => {}
        }
        if let Some(word) = schema.get("const") {
            return code(&word.to_string());
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            let words: Vec<_> = words.iter().map(|word| code(&word.to_string())).collect();
            return words.join(" or ");
        }
        let alternatives = ["oneOf", "anyOf"]
            .into_iter()
            .find_map(|key| schema.get(key)?.as_array());
        if let Some(alternatives) = alternatives.filter(|_| schema.get("properties").is_none()) {
            let some = alternatives.iter().filter(|s| s["type"] != "null");
            let kinds: Vec<_> = some.map(|schema| self.kind(schema, key)).collect();
            return kinds.join(" or ");
        }
        match &schema["type"] {
            Value::String(name) => self.of_type(name, schema, key),
            Value::Array(names) => {
                let some = names.iter().filter_map(Value::as_str);
                let some = some.filter(|name| *name != "null");
                let kinds: Vec<_> = some.map(|name| self.of_type(name, schema, key)).collect();
                kinds.join(" or ")
            }
            _ => "anything".into(),
        }
    }

    fn of_type(&mut self, name: &str, schema: &'a Value, key: &str) -> String {
        match name {
            "boolean" => "true or false".into(),
            "integer" => match schema.get("format").and_then(Value::as_str) {
                Some(format) if format.starts_with('u') => "whole number, not negative".into(),
                _ => "whole number".into(),
            },
            "string" => "text".into(),
            "array" => match schema.get("items") {
                Some(items) => format!("list of {}", self.kind(items, &format!("{key}[]"))),
                None => "list".into(),
            },
            "object" => match schema.get("additionalProperties").filter(|r| r.is_object()) {
                Some(values) if schema.get("properties").is_none() => {
                    format!("map of {}", self.kind(values, &format!("{key}[]")))
                }
                _ if schema.get("properties").is_some() && !key.is_empty() => {
                    self.next.push_back((code(key), schema));
                    "a struct, below".into()
                }
                _ => "map".into(),
            },
            name => name.into(),
        }
    }

    fn reference(&mut self, reference: &'a str, key: &str) -> String {
        let root = self.root;
        let name = reference.rsplit('/').next().unwrap_or_default();
        let Some(schema) = root.get("$defs").and_then(|defs| defs.get(name)) else {
            return "anything".into();
        };
        let is_struct = schema.get("properties").is_some();
        let is_choice = schema.get("oneOf").or(schema.get("anyOf"));
        let has_data = is_choice.and_then(Value::as_array).is_some_and(|all| {
            all.iter()
                .any(|alternative| alternative.get("properties").is_some())
        });
        if !is_struct && !has_data {
            return self.kind(schema, key);
        }
        if !self.seen.contains(&name) {
            self.seen.push(name);
            self.next.push_back((name.to_owned(), schema));
        }
        format!("[{name}](#{})", name.to_lowercase())
    }
}

/// A doc comment as one cell of a table.
fn line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::builder_file::Kind;

    #[test]
    fn a_page_has_every_key_of_every_struct() {
        let component = Described {
            kind: Kind::Processor,
            type_name: "mask".into(),
            package: "mask-crate".into(),
            version: "1.2.3".into(),
            signals: Default::default(),
            stability: None,
            schema: json!({
                "type": "object",
                "description": "Masks.",
                "properties": {
                    "keys": {
                        "type": "array", "items": {"type": "string"}, "default": [],
                        "description": "Which\nkeys | all.",
                    },
                    "wait": {
                        "type": ["string", "integer"], "format": "go-duration", "default": "5s",
                    },
                    "token": {"type": "string", "format": "password", "writeOnly": true},
                    "rules": {"type": "array", "items": {"$ref": "#/$defs/Rule"}, "default": []},
                    "mode": {"$ref": "#/$defs/Mode", "default": "fast"},
                    "source": {"$ref": "#/$defs/Source"},
                    "maybe": {"type": ["integer", "null"], "format": "uint32", "default": null},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                },
                "additionalProperties": false,
                "$defs": {
                    "Rule": {
                        "type": "object",
                        "properties": {
                            "pattern": {"type": "string"},
                            "below": {"$ref": "#/$defs/Rule"},
                        },
                        "required": ["pattern"],
                    },
                    "Mode": {"type": "string", "enum": ["fast", "exact"]},
                    "Source": {"oneOf": [
                        {"const": "none", "description": "Nothing."},
                        {
                            "type": "object",
                            "properties": {"file": {"type": "string"}},
                            "required": ["file"],
                        },
                    ]},
                },
            }),
        };
        insta::assert_snapshot!(page(&component));
    }
}
