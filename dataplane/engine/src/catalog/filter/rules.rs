//! The configuration of the engine's filter, as far as it is about logs.

use serde::Deserialize;

/// The node's configuration.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct FilterConfig {
    #[serde(default)]
    pub(crate) logs: LogRules,
}

/// Which logs stay.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct LogRules {
    /// Only these.
    pub(crate) include: Option<LogMatch>,
    /// And not these.
    pub(crate) exclude: Option<LogMatch>,
}

/// What to look for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LogMatch {
    pub(crate) match_type: MatchType,
    pub(crate) resource_attributes: Vec<Pair>,
    pub(crate) record_attributes: Vec<Pair>,
    pub(crate) severity_texts: Vec<String>,
    pub(crate) severity_number: Option<SeverityNumber>,
    pub(crate) bodies: Vec<Scalar>,
}

/// How text is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MatchType {
    /// All of it is equal.
    #[default]
    Strict,
    /// A regular expression is found in it.
    Regexp,
}

/// An attribute to look for.
#[derive(Debug, Deserialize)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) value: Scalar,
}

/// A severity to look for.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct SeverityNumber {
    pub(crate) min: i32,
    pub(crate) match_undefined: bool,
}

/// A value to look for.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Scalar {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
}
