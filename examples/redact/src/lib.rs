//! A Strait processor that redacts logs: attributes are deleted or hashed by key, and what matches
//! a pattern is replaced, in bodies and in every attribute.
//!
//! It is an example of a component whose work is a list of edits: this file makes the list from the
//! configuration, and both what the component reads and writes and what it does follow from it.
//! `patterns.rs` holds the work on one text. See the README for its configuration.

mod patterns;

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use strait_component::prelude::*;

use patterns::Patterns;

/// Deletes, hashes and masks what logs should not hold.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Regular expressions; what they match is replaced, in bodies and in the values of attributes.
    pub patterns: Vec<String>,
    /// What stands in the place of a match.
    pub replacement: String,
    /// Keys of attributes that are deleted.
    pub delete: Vec<String>,
    /// Keys of attributes that stay, the others are deleted; empty: all stay.
    pub keep: Vec<String>,
    /// Keys of attributes whose values become their SHA-256, in hex.
    pub hash: Vec<String>,
    /// Redact in the attributes of resources and scopes too.
    pub resources: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            replacement: "***".into(),
            delete: Vec::new(),
            keep: Vec::new(),
            hash: Vec::new(),
            resources: true,
        }
    }
}

impl Config {
    /// All that is to be done.
    fn edits(&self) -> Result<Edits, Vec<ConfigError>> {
        let mut edits = Vec::new();
        let patterns = Patterns::new(&self.patterns, &self.replacement)?;
        let tables = match self.resources {
            true => &AttributeTable::ALL[..],
            false => &[AttributeTable::Log],
        };
        for of in tables.iter().copied() {
            if !self.delete.is_empty() {
                edits.push(Edit::delete(of, Keys::named(&self.delete)));
            }
            if !self.keep.is_empty() {
                let keep = Keys::named(&self.keep);
                edits.push(Edit::delete_where(of, move |key| !keep.contains(key)));
            }
            if !self.hash.is_empty() {
                let keys = Keys::named(&self.hash);
                edits.push(Edit::map_attributes(of, keys, |_, value| hash(value)));
            }
            if !patterns.is_empty() {
                // A hash has digits enough to look like something else.
                let hashed = Keys::named(&self.hash);
                let patterns = patterns.clone();
                edits.push(Edit::edit_attributes_where(
                    of,
                    move |key| !hashed.contains(key),
                    move |text| patterns.apply(text),
                ));
            }
        }
        if !patterns.is_empty() {
            edits.push(Edit::edit_bodies(move |text| patterns.apply(text)));
        }
        Ok(edits.into_iter().collect())
    }
}

/// The SHA-256 of the value's text; none for a value that cannot be read, which stays.
fn hash(value: Value<'_>) -> Option<Any> {
    let mut hex = String::new();
    for byte in Sha256::digest(value.to_any()?.to_string()) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Some(hex.into())
}

struct RedactFactory;

impl ProcessorFactory for RedactFactory {
    type Config = Config;

    fn describe(&self) -> Description {
        Description::processor("redact", package!()).logs(Stability::Alpha)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        let mut errors = config.edits().err().unwrap_or_default();
        let lists = [&config.patterns, &config.delete, &config.keep, &config.hash];
        if lists.iter().all(|list| list.is_empty()) {
            errors.push(ConfigError::new(
                "",
                "patterns, delete, keep and hash are all empty: nothing to do",
            ));
        }
        match errors.is_empty() {
            true => Ok(()),
            false => Err(errors),
        }
    }

    fn access(&self, config: &Config) -> Access {
        let edits = config.edits();
        edits.map_or_else(|_| Access::everything(), |edits| edits.access())
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(config.edits()?))
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &RedactFactory
}
