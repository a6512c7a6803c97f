//! The `cargo:` value of a component: one literal dependency line of Cargo.toml.
//!
//! What Cargo means by its keys is left to Cargo; here it is made sure that
//! the line holds exactly one dependency, written so that it can stand alone.

use std::ops::Range;

use toml_edit::{DocumentMut, InlineTable, Item, TableLike, Value};

/// Keys of a dependency that Cargo knows.
const KEYS: [&str; 13] = [
    "version",
    "path",
    "git",
    "branch",
    "tag",
    "rev",
    "registry",
    "registry-index",
    "package",
    "features",
    "default-features",
    "optional",
    "workspace",
];

/// One dependency of the umbrella crate.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// The name on the left of `=`: what Rust code calls the crate.
    pub name: String,
    spec: InlineTable,
}

/// Why a line is not one dependency. `at` is a byte range in the line.
#[derive(Debug, Clone, PartialEq)]
pub struct LineError {
    /// Where in the line.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl LineError {
    fn new(at: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            help: help.into(),
        }
    }
}

const EXAMPLE: &str = "write one line as in Cargo.toml, for example `my-filter = \"1.0\"` or \
    `my-filter = { path = \"../my-filter\" }`";

impl Dependency {
    /// Reads one line, also over several lines of a YAML block.
    ///
    /// # Errors
    /// Invalid TOML, no or several dependencies, a value that is no
    /// dependency, and keys that Cargo does not know.
    pub fn parse(line: &str) -> Result<Self, LineError> {
        let whole = 0..line.trim_end().len();
        let document = line.parse::<toml_edit::Document<String>>().map_err(|e| {
            let at = e.span().unwrap_or_else(|| whole.clone());
            let message = format!(
                "`cargo` is not valid TOML: {}",
                e.message().trim().replace('\n', ", ")
            );
            LineError::new(at, message, EXAMPLE)
        })?;
        let mut entries = document.as_table().iter();
        let (Some((name, item)), None) = (entries.next(), entries.next()) else {
            let names: Vec<_> = document
                .as_table()
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            let message = match names.len() {
                0 => "`cargo` names no dependency".to_owned(),
                n => format!("`cargo` names {n} dependencies: {}", names.join(", ")),
            };
            return Err(LineError::new(
                whole,
                message,
                "list each crate as a component of its own",
            ));
        };
        let place = item.span().unwrap_or(whole);
        let spec = match item {
            Item::Value(Value::String(version)) => {
                let mut spec = InlineTable::new();
                spec.insert("version", version.value().as_str().into());
                spec
            }
            Item::Value(Value::InlineTable(spec)) => spec.clone(),
            Item::Table(table) => table.clone().into_inline_table(),
            other => {
                let message = format!(
                    "`{name}` is {}, not a version or an inline table",
                    type_name(other)
                );
                return Err(LineError::new(place, message, EXAMPLE));
            }
        };
        check_keys(&spec, &place)?;
        let mut spec = spec;
        spec.fmt();
        Ok(Self {
            name: name.to_owned(),
            spec,
        })
    }

    /// The local path, when the line has one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.spec.get("path").and_then(Value::as_str)
    }

    /// The name of the package (`package`, else the dependency's own name).
    #[must_use]
    pub fn package(&self) -> &str {
        self.spec
            .get("package")
            .and_then(Value::as_str)
            .unwrap_or(&self.name)
    }

    /// Makes it a dependency on the crate in `path`, whatever source it had.
    pub fn set_path(&mut self, path: &str) {
        for key in [
            "version",
            "git",
            "branch",
            "tag",
            "rev",
            "registry",
            "registry-index",
        ] {
            self.spec.remove(key);
        }
        self.spec.insert("path", path.into());
        self.spec.fmt();
    }

    /// The value to the right of `=`.
    #[must_use]
    pub fn value(&self) -> Value {
        Value::InlineTable(self.spec.clone())
    }
}

fn check_keys(spec: &InlineTable, place: &Range<usize>) -> Result<(), LineError> {
    for (key, value) in spec.iter() {
        let at = value.span().unwrap_or_else(|| place.clone());
        if !KEYS.contains(&key) {
            let help = format!("Cargo knows {}", KEYS[..11].join(", "));
            return Err(LineError::new(
                at,
                format!("unknown key `{key}` in the dependency"),
                help,
            ));
        }
        if key == "workspace" || key == "optional" {
            let message = format!("`{key}` has no meaning for a component");
            return Err(LineError::new(
                at,
                message,
                "give the crate's version, path or git source itself",
            ));
        }
    }
    if !["version", "path", "git"]
        .iter()
        .any(|key| spec.contains_key(key))
    {
        return Err(LineError::new(
            place.clone(),
            "the dependency names no version, path or git source",
            EXAMPLE,
        ));
    }
    Ok(())
}

fn type_name(item: &Item) -> &'static str {
    match item {
        Item::Value(Value::Integer(_) | Value::Float(_)) => "a number",
        Item::Value(Value::Boolean(_)) => "a boolean",
        Item::Value(Value::Array(_)) | Item::ArrayOfTables(_) => "an array",
        Item::Value(Value::Datetime(_)) => "a date",
        Item::None => "nothing",
        _ => "something else",
    }
}

/// True when a crate's manifest table names something through its workspace.
#[must_use]
pub fn is_inherited(item: &dyn TableLike) -> bool {
    item.get("workspace").and_then(Item::as_bool) == Some(true)
}

/// Reads a TOML document for editing.
///
/// # Errors
/// The parser's message.
pub fn document(text: &str) -> Result<DocumentMut, String> {
    text.parse::<DocumentMut>().map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_mean_the_same() {
        for (line, value) in [
            ("a = \"1.0\"", "{ version = \"1.0\" }"),
            (
                "a = { version = \"1.0\", features = [\"x\"] }\n",
                "{ version = \"1.0\", features = [\"x\"] }",
            ),
            (
                "a.path = \"../a\"\na.features=[\"x\"]",
                "{ path = \"../a\", features = [\"x\"] }",
            ),
        ] {
            let dependency = Dependency::parse(line).unwrap();
            assert_eq!(
                (
                    dependency.name.as_str(),
                    dependency.value().to_string().as_str()
                ),
                ("a", value)
            );
        }
    }

    #[test]
    fn a_path_replaces_every_other_source() {
        let mut dependency = Dependency::parse(
            "a = { git = \"https://example.com/a\", tag = \"v1\", package = \"b\" }",
        )
        .unwrap();
        assert_eq!(dependency.package(), "b");
        dependency.set_path("components/b");
        assert_eq!(
            dependency.value().to_string(),
            "{ package = \"b\", path = \"components/b\" }"
        );
    }
}
