//! Validation of nested configurations: each struct checks itself, the paths grow on the way.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use crate::ConfigError;

/// A part of a configuration that checks itself: what types cannot say.
///
/// ```
/// use strait_component::{Findings, Validate};
///
/// struct Rule { pattern: String }
/// struct Config { rules: Vec<Rule>, keep: u8 }
///
/// impl Validate for Rule {
///     fn validate(&self, findings: &mut Findings) {
///         if self.pattern.is_empty() {
///             findings.add("pattern", "must not be empty");
///         }
///     }
/// }
///
/// impl Validate for Config {
///     fn validate(&self, findings: &mut Findings) {
///         if self.keep > 12 {
///             findings.add("keep", format!("expected 0 to 12, found {}", self.keep));
///         }
///         findings.check("rules", &self.rules);
///     }
/// }
///
/// let config = Config { rules: vec![Rule { pattern: String::new() }], keep: 13 };
/// let errors = Findings::of(&config).unwrap_err();
/// assert_eq!(errors[0].to_string(), "keep: expected 0 to 12, found 13");
/// assert_eq!(errors[1].to_string(), "rules::0::pattern: must not be empty");
/// ```
pub trait Validate {
    /// Adds every finding, not the first.
    fn validate(&self, findings: &mut Findings);
}

/// The findings of a validation, with paths relative to where it began.
#[derive(Debug, Default)]
pub struct Findings {
    at: Vec<String>,
    errors: Vec<ConfigError>,
}

impl Findings {
    /// Validates `config` as a whole.
    ///
    /// # Errors
    ///
    /// The findings, if there are any.
    pub fn of(config: &impl Validate) -> Result<(), Vec<ConfigError>> {
        let mut findings = Self::default();
        config.validate(&mut findings);
        if findings.errors.is_empty() {
            Ok(())
        } else {
            Err(findings.errors)
        }
    }

    /// Something is wrong at `key` of this struct; an empty key: with the struct as a whole.
    pub fn add(&mut self, key: &str, message: impl Into<String>) {
        let mut path = self.at.join("::");
        if !key.is_empty() {
            if !path.is_empty() {
                path.push_str("::");
            }
            path.push_str(key);
        }
        self.errors.push(ConfigError::new(path, message));
    }

    /// Validates the value of `key`: one struct, or every one of an option, a list or a map.
    pub fn check(&mut self, key: impl Display, value: &(impl Validate + ?Sized)) {
        self.at.push(key.to_string());
        value.validate(self);
        self.at.pop();
    }
}

impl<T: Validate> Validate for Option<T> {
    fn validate(&self, findings: &mut Findings) {
        if let Some(value) = self {
            value.validate(findings);
        }
    }
}

impl<T: Validate + ?Sized> Validate for Box<T> {
    fn validate(&self, findings: &mut Findings) {
        (**self).validate(findings);
    }
}

impl<T: Validate> Validate for [T] {
    fn validate(&self, findings: &mut Findings) {
        for (index, value) in self.iter().enumerate() {
            findings.check(index, value);
        }
    }
}

impl<T: Validate> Validate for Vec<T> {
    fn validate(&self, findings: &mut Findings) {
        self.as_slice().validate(findings);
    }
}

impl<K: Display, T: Validate> Validate for BTreeMap<K, T> {
    fn validate(&self, findings: &mut Findings) {
        for (key, value) in self {
            findings.check(key, value);
        }
    }
}

impl<K: Display + Ord, T: Validate, S> Validate for HashMap<K, T, S> {
    /// In the order of the keys, so that the same configuration gives the same report.
    fn validate(&self, findings: &mut Findings) {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        for (key, value) in entries {
            findings.check(key, value);
        }
    }
}
