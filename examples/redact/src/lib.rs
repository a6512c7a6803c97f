//! A Strait processor that redacts logs: attributes are deleted or hashed by key, and what matches
//! a pattern is replaced, in bodies and in every attribute.
//!
//! It is an example of a component whose work is a list of edits: this file makes the list from the
//! configuration, and both what the component reads and writes and what it does follow from it.
//! `patterns.rs` holds the work on one text, `hash.rs` the hash of one value. See the README for
//! its configuration.

mod hash;
mod patterns;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;

use hash::Hasher;
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
    /// Keys of attributes whose values become their HMAC-SHA-256 under `hash_key`, in hex.
    pub hash: Vec<String>,
    /// The secret that values are hashed with, at least 16 bytes; needed where something is hashed.
    pub hash_key: Secret,
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
            hash_key: Secret::default(),
            resources: true,
        }
    }
}

impl Config {
    /// All that is to be done.
    fn edits(&self) -> Result<Edits, Vec<ConfigError>> {
        let mut edits = Vec::new();
        let (patterns, hasher) = self.tools()?;
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
            if let Some(hasher) = hasher.clone() {
                let keys = Keys::named(&self.hash);
                let hash = move |_: &str, value: Value<'_>| hasher.hash(value);
                edits.push(Edit::map_attributes(of, keys, hash));
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

    /// What looks for patterns, and what hashes, if anything does.
    fn tools(&self) -> Result<(Patterns, Option<Hasher>), Vec<ConfigError>> {
        let patterns = Patterns::new(&self.patterns, &self.replacement);
        let hashes = !self.hash.is_empty();
        let hasher = hashes.then(|| Hasher::new(&self.hash_key)).transpose();
        match (patterns, hasher) {
            (Ok(patterns), Ok(hasher)) => Ok((patterns, hasher)),
            (patterns, hasher) => {
                let mut errors = patterns.err().unwrap_or_default();
                errors.extend(hasher.err());
                Err(errors)
            }
        }
    }
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
