//! From JSON to a component's configuration type, with the path of what is wrong.
//!
//! Paths are written the Collector's way: `rules::0::pattern`. Unknown keys are
//! refused for every type, all of them at once.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Segment, Track};

use crate::ConfigError;

/// Reads a configuration; `null` stands for an empty object.
///
/// # Errors
///
/// The first value of a wrong shape, or else every unknown key. The path of an
/// unknown key leaves out the name of an enum's variant, which serde_ignored does
/// not give; with `deny_unknown_fields` on the variant's type it is complete.
pub(crate) fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, Vec<ConfigError>> {
    let empty = Value::Object(serde_json::Map::new());
    let value = if value.is_null() { &empty } else { value };

    if !value.is_object() {
        // serde's derived types would also take a list, field by field.
        return Err(vec![ConfigError::new(
            "",
            format!("expected a map of keys, found {value}"),
        )]);
    }

    let mut track = Track::new();
    let mut unknown = Vec::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let parsed = serde_ignored::deserialize(tracked, |path| {
        unknown.push(ConfigError::new(ignored_path(&path), "unknown key"));
    });
    match parsed {
        Ok(config) if unknown.is_empty() => Ok(config),
        Ok(_) => Err(unknown),
        Err(error) => {
            unknown.insert(
                0,
                ConfigError::new(failed_path(&track.path()), error.to_string()),
            );
            Err(unknown)
        }
    }
}

fn failed_path(path: &serde_path_to_error::Path) -> String {
    let mut parts = Vec::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => parts.push(index.to_string()),
            Segment::Map { key } => parts.push(key.clone()),
            Segment::Enum { variant } => parts.push(variant.clone()),
            Segment::Unknown => {}
        }
    }
    parts.join("::")
}

fn ignored_path(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;

    let mut parts = Vec::new();
    let mut at = path;
    loop {
        at = match at {
            Path::Root => break,
            Path::Seq { parent, index } => {
                parts.push(index.to_string());
                parent
            }
            Path::Map { parent, key } => {
                parts.push(key.clone());
                parent
            }
            Path::Some { parent }
            | Path::NewtypeStruct { parent }
            | Path::NewtypeVariant { parent } => parent,
        };
    }
    parts.reverse();
    parts.join("::")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Config {
        name: String,
        rules: Vec<Rule>,
        strict: Option<Strict>,
        action: Action,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Rule {
        pattern: String,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        depth: u8,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Action {
        #[default]
        Nothing,
        Limit(Limit),
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Limit {
        rows: u32,
    }

    fn findings(value: Value) -> Vec<(String, String)> {
        parse::<Config>(&value)
            .unwrap_err()
            .into_iter()
            .map(|e| (e.path, e.message))
            .collect()
    }

    #[test]
    fn null_and_empty_are_the_default() {
        assert_eq!(parse::<Config>(&Value::Null), Ok(Config::default()));
        assert_eq!(parse::<Config>(&json!({})), Ok(Config::default()));
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        let cases = [
            (json!({"name": 1}), "name"),
            (
                json!({"rules": [{"pattern": "a"}, {"pattern": false}]}),
                "rules::1::pattern",
            ),
            (json!({"rules": {}}), "rules"),
            (json!({"rules": [{}]}), "rules::0"),
            (
                json!({"action": {"limit": {"rows": -1}}}),
                "action::limit::rows",
            ),
            (json!({"strict": {"depth": 1, "width": 2}}), "strict::width"),
            (json!([1]), ""),
        ];
        for (value, path) in cases {
            let found = findings(value.clone());
            assert_eq!(found[0].0, path, "{value}: {found:?}");
        }
    }

    #[test]
    fn every_unknown_key_is_reported() {
        let value = json!({
            "nam": "a",
            "rules": [{"pattern": "a"}, {"pattern": "b", "patern": "c"}],
            "action": {"limit": {"rows": 1, "row": 2}},
        });
        let mut paths: Vec<_> = findings(value).into_iter().map(|f| f.0).collect();
        paths.sort();
        assert_eq!(paths, ["action::row", "nam", "rules::1::patern"]);
    }
}
