//! Checks a node's configuration against its table entry; reports all findings at once.
//!
//! Paths are the Collector's: keys and list indexes joined with `::`. Depth is bounded by the
//! table, which is not recursive.

use crate::catalog::shape::{Key, Shape, words};
use crate::finding::Finding;
use serde_json::{Map, Value};
use std::time::Duration;

/// Appends to `findings` everything in `value` that `keys` does not allow. `path` is the node's.
pub fn check(findings: &mut Vec<Finding>, path: &str, keys: &[Key], value: &Value) {
    match value {
        Value::Null => check_object(findings, path, keys, &Map::new()),
        Value::Object(map) => check_object(findings, path, keys, map),
        other => findings.push(wrong(path, "a map", other)),
    }
}

fn check_object(findings: &mut Vec<Finding>, path: &str, keys: &[Key], map: &Map<String, Value>) {
    for (name, value) in map {
        let here = format!("{path}::{name}");
        match keys.iter().find(|key| key.name == name) {
            Some(key) => {
                // null means "not given", as in YAML `key:`.
                if value.is_null() {
                    continue;
                }
                let before = findings.len();
                check_shape(findings, &here, &key.shape, value);
                if key.secret {
                    withhold(&mut findings[before..], &key.shape);
                }
            }
            None => findings.push(Finding::new(here, unknown(name, keys))),
        }
    }
    for key in keys.iter().filter(|key| key.required) {
        if map.get(key.name).is_none_or(Value::is_null) {
            findings.push(Finding::new(
                format!("{path}::{}", key.name),
                format!(
                    "missing key `{}` ({}): {}",
                    key.name,
                    words(&key.shape),
                    key.doc
                ),
            ));
        }
    }
}

fn check_shape(findings: &mut Vec<Finding>, path: &str, shape: &Shape, value: &Value) {
    match (shape, value) {
        (Shape::Object(keys), Value::Object(map)) => check_object(findings, path, keys, map),
        (Shape::List(inner), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                check_shape(findings, &format!("{path}::{index}"), inner, item);
            }
        }
        (Shape::Map(inner), Value::Object(map)) => {
            for (key, item) in map {
                check_shape(findings, &format!("{path}::{key}"), inner, item);
            }
        }
        (Shape::OneOf(keys), Value::Object(map)) => {
            check_object(findings, path, keys, map);
            let known = map
                .keys()
                .filter(|name| keys.iter().any(|key| key.name == *name))
                .count();
            if known != 1 {
                findings.push(Finding::new(
                    path,
                    format!("needs exactly one key: {}", words(shape)),
                ));
            }
        }
        (Shape::Tagged(tag, variants), Value::Object(map)) => {
            check_tagged(findings, path, tag, variants, map);
        }
        (Shape::Word(all), Value::String(word)) => {
            if !all.contains(&word.as_str()) {
                findings.push(Finding::new(
                    path,
                    format!(
                        "unknown value `{word}`{}; one of {}",
                        hint(word, all),
                        all.join(", ")
                    ),
                ));
            }
        }
        (Shape::Either(shapes), _) => {
            if !shapes.iter().any(|shape| fits(shape, value)) {
                findings.push(wrong(path, &words(shape), value));
            }
        }
        _ if fits(shape, value) => {}
        _ => findings.push(wrong(path, &words(shape), value)),
    }
}

fn check_tagged(
    findings: &mut Vec<Finding>,
    path: &str,
    tag: &str,
    variants: &[(&str, &[Key])],
    map: &Map<String, Value>,
) {
    let names: Vec<&str> = variants.iter().map(|(name, _)| *name).collect();
    let chosen = match map.get(tag) {
        Some(Value::String(chosen)) => chosen.as_str(),
        Some(other) => {
            findings.push(wrong(&format!("{path}::{tag}"), &names.join(" | "), other));
            return;
        }
        None => {
            // A misspelt tag is better named than a missing one.
            for name in map.keys() {
                if let Some(near) = suggest(name, [tag]) {
                    findings.push(Finding::new(
                        format!("{path}::{name}"),
                        format!("unknown key `{name}`, did you mean `{near}`?"),
                    ));
                    return;
                }
            }
            findings.push(Finding::new(
                format!("{path}::{tag}"),
                format!("missing key `{tag}`; one of {}", names.join(", ")),
            ));
            return;
        }
    };
    let Some((_, keys)) = variants.iter().find(|(name, _)| *name == chosen) else {
        findings.push(Finding::new(
            format!("{path}::{tag}"),
            format!(
                "unknown value `{chosen}`{}; one of {}",
                hint(chosen, &names),
                names.join(", ")
            ),
        ));
        return;
    };
    let mut rest = map.clone();
    rest.remove(tag);
    check_object(findings, path, keys, &rest);
}

/// Whether `value` has this shape at its top (inner parts are checked by [`check_shape`]).
pub(super) fn fits(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::Bool => value.is_boolean(),
        Shape::Int(least) => value.as_u64().is_some_and(|number| number >= *least),
        Shape::Number => value.is_number(),
        Shape::Text => value.is_string(),
        Shape::Duration => value.as_str().is_some_and(starts_with_digit),
        Shape::DurationFrom(least) => value.as_str().is_some_and(|text| reaches(text, *least)),
        Shape::Size => value.as_u64().is_some() || value.as_str().is_some_and(starts_with_digit),
        Shape::Scalar => value.is_string() || value.is_number() || value.is_boolean(),
        Shape::Word(all) => value.as_str().is_some_and(|word| all.contains(&word)),
        Shape::List(inner) => value
            .as_array()
            .is_some_and(|items| items.iter().all(|item| fits(inner, item))),
        Shape::Map(_) | Shape::Object(_) | Shape::Tagged(..) | Shape::OneOf(_) => value.is_object(),
        Shape::Either(shapes) => shapes.iter().any(|shape| fits(shape, value)),
        Shape::Any => true,
    }
}

/// What the engine says of a size or a time without a number names neither the key nor the value.
fn starts_with_digit(text: &str) -> bool {
    text.trim_start().starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text is a time, as the engine reads it, of at least so much.
fn reaches(text: &str, least: Duration) -> bool {
    starts_with_digit(text) && humantime::parse_duration(text).is_ok_and(|time| time >= least)
}

/// Findings of a secret say what was expected, not what was found.
fn withhold(findings: &mut [Finding], shape: &Shape) {
    for finding in findings {
        finding.message = format!("expected {}; this key's value is not shown", words(shape));
    }
}

fn wrong(path: &str, expected: &str, found: &Value) -> Finding {
    let mut text = found.to_string();
    if text.chars().count() > 40 {
        text = text.chars().take(40).collect::<String>() + "...";
    }
    Finding::new(path, format!("expected {expected}, found {text}"))
}

fn unknown(name: &str, keys: &[Key]) -> String {
    let names: Vec<_> = keys.iter().map(|key| key.name).collect();
    let known = if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    };
    format!(
        "unknown key `{name}`{}; known keys: {known}",
        hint(name, &names)
    )
}

fn hint(name: &str, known: &[&str]) -> String {
    suggest(name, known.iter().copied())
        .map(|near| format!(", did you mean `{near}`?"))
        .unwrap_or_default()
}

/// The known name that `name` is most likely a slip of: within a third of its length in edits.
pub fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (distance(&lower, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= candidate.chars().count().max(3) / 3)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance. Names here are short; the cost is their product.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(256).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::find;
    use serde_json::json;
    use strait_component::Kind;

    fn findings(node: &str, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        check(
            &mut found,
            "nodes::0::attribute",
            find(Kind::Processor, node).unwrap().keys,
            value,
        );
        found
            .into_iter()
            .map(|f| format!("{}: {}", f.path, f.message))
            .collect()
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_path() {
        let found = findings(
            "attribute",
            &json!({"actions": [
                {"action": "delete", "key": "a"},
                {"acton": "delete", "key": "b"},
            ]}),
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("nodes::0::attribute::actions::1::acton: unknown key `acton`")
        );
        assert!(found[0].contains("did you mean `action`?"));
    }

    #[test]
    fn all_findings_come_at_once() {
        let found = findings(
            "attribute",
            &json!({
                "action": [],
                "actions": [
                    {"action": "renam", "source_key": "a"},
                    {"action": "rename", "source_key": "a"},
                ],
                "apply_to": ["signals"],
            }),
        );
        assert_eq!(found.len(), 4, "{found:?}");
    }

    // Guarantees: whatever is wrong with a secret, a message does not show it.
    #[test]
    fn a_secret_is_not_in_a_message() {
        for salt in [json!(90125), json!(["90125"]), json!({"90125": 1})] {
            let action = json!({"action": "hash", "key": "a", "salt": salt});
            let found = findings("attribute", &json!({"actions": [action]}));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(!found[0].contains("90125"), "{found:?}");
            assert!(found[0].contains("::salt: expected string"), "{found:?}");
        }
    }

    #[test]
    fn wrong_types_are_found() {
        assert_eq!(
            findings("batch", &json!({"max_batch_duration": 3})).len(),
            1
        );
        assert_eq!(findings("batch", &json!([])).len(), 1);
        assert!(findings("batch", &json!(null)).is_empty());
    }

    #[test]
    fn distance_is_levenshtein() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(suggest("acton", ["action", "key"]), Some("action"));
        assert_eq!(suggest("zzzzz", ["action", "key"]), None);
    }
}
