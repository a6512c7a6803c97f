//! The JSON Schema that users see: schemars's, with what only a value of the type can tell.

use serde_json::{Map, Value};

use super::plan::Plan;

/// The schema with every key's default, and closed where unknown keys are refused. A key that the
/// default configuration fills in is not required, whatever serde would say of the type alone.
pub(super) fn published(plan: &Plan) -> Value {
    let mut schema = plan.schema.clone();
    close(&mut schema, false);
    let mut default = plan.default.clone().unwrap_or_default();
    let Some(root) = schema.as_object_mut() else {
        return schema;
    };
    if let Some(required) = root.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name.as_str().is_none_or(|name| default.get(name).is_none()));
        if required.is_empty() {
            root.remove("required");
        }
    }
    for pointer in plan.shapes.secrets(&default) {
        remove(&mut default, &pointer);
    }
    let properties = root.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        // Schemas of `true` say nothing and hold nothing.
        if property == &Value::Bool(true) {
            *property = Value::Object(Map::new());
        }
        if let Some(property) = property.as_object_mut() {
            match default.get(name) {
                Some(value) => property.insert("default".into(), value.clone()),
                None => property.remove("default"),
            };
        }
    }
    schema
}

/// Says of every struct that it has no other keys, and takes out the defaults of secrets. The
/// alternatives of a flattened enum are left open: their keys stand beside others.
fn close(schema: &mut Value, is_flattened: bool) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if object.get("writeOnly") == Some(&Value::Bool(true)) {
        object.remove("default");
    }
    let has = |key: &str| object.contains_key(key);
    let is_open = has("additionalProperties") || has("unevaluatedProperties");
    let is_joined = has("oneOf") || has("anyOf") || has("allOf") || has("$ref");
    let has_properties = has("properties");
    if has_properties && !is_open && !is_flattened {
        let key = if is_joined {
            "unevaluatedProperties"
        } else {
            "additionalProperties"
        };
        object.insert(key.into(), false.into());
    }
    for (key, below) in object.iter_mut() {
        match (key.as_str(), below) {
            ("properties" | "$defs" | "patternProperties", Value::Object(schemas)) => {
                for schema in schemas.values_mut() {
                    close(schema, false);
                }
            }
            ("oneOf" | "anyOf" | "allOf", Value::Array(schemas)) => {
                for schema in schemas {
                    close(schema, has_properties);
                }
            }
            ("prefixItems", Value::Array(schemas)) => {
                for schema in schemas {
                    close(schema, false);
                }
            }
            ("items" | "additionalProperties" | "unevaluatedProperties", schema) => {
                close(schema, false);
            }
            _ => {}
        }
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return;
    };
    let key = key.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.remove(&key);
        }
        Some(Value::Array(items)) => {
            if let Some(item) = key
                .parse()
                .ok()
                .and_then(|index: usize| items.get_mut(index))
            {
                *item = Value::Null;
            }
        }
        _ => {}
    }
}
