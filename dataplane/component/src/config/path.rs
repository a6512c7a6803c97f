//! Where a finding is, and the two ways that the Collector writes that.
//!
//! Decoding names a place as mapstructure does (`rules[1].pattern`, `headers[X-Id]`), validation as
//! confmap does (`rules::1::pattern`). A finding keeps its place in parts until it is known which
//! phase it is reported in.

use std::fmt::Write as _;

use crate::ConfigError;

/// One step from a configuration to a value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A field of a struct.
    Field(String),
    /// An entry of a map.
    Key(String),
    /// An element of a list.
    Index(usize),
}

/// The way to a value; empty: the configuration as a whole.
pub(super) type Place = Vec<Part>;

/// What is wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) at: Place,
    pub(super) problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The struct at the place has no such key; what it has that is meant, or what it has.
    Unknown { key: String, hint: String },
    /// The struct at the place needs this key.
    Unset { key: String },
    /// Anything else, in words.
    Wrong(String),
}

impl Finding {
    pub(super) fn wrong(at: Place, message: impl Into<String>) -> Self {
        Self {
            at,
            problem: Problem::Wrong(message.into()),
        }
    }
}

/// The findings as confmap reports them while it decodes: keys of one struct together.
pub(super) fn decode_form(findings: Vec<Finding>, type_name: &str) -> Vec<ConfigError> {
    let mut errors: Vec<ConfigError> = Vec::new();
    for finding in findings {
        let mut path = dotted(&finding.at);
        let (start, more) = match finding.problem {
            Problem::Unknown { key, hint } => ("has invalid keys: ", format!("{key} ({hint})")),
            Problem::Unset { key } => ("has unset fields: ", key),
            Problem::Wrong(message) => {
                errors.push(ConfigError { path, message });
                continue;
            }
        };
        if path.is_empty() {
            // mapstructure has the name of the Go type here.
            path = format!("{type_name}.Config");
        }
        let same = |e: &&mut ConfigError| e.path == path && e.message.starts_with(start);
        match errors.iter_mut().find(same) {
            Some(error) => {
                error.message.push_str(", ");
                error.message.push_str(&more);
            }
            None => errors.push(ConfigError {
                path,
                message: format!("{start}{more}"),
            }),
        }
    }
    errors
}

/// The findings as confmap reports them when it validates: one for each key.
pub(super) fn validate_form(findings: Vec<Finding>) -> Vec<ConfigError> {
    let one = |finding: Finding| {
        let mut parts: Vec<String> = finding.at.into_iter().map(Part::into_text).collect();
        let message = match finding.problem {
            Problem::Unknown { key, hint } => {
                parts.push(key);
                format!("unknown key, {hint}")
            }
            Problem::Unset { key } => {
                parts.push(key);
                "is required".to_owned()
            }
            Problem::Wrong(message) => message,
        };
        ConfigError::new(parts.join("::"), message)
    };
    findings.into_iter().map(one).collect()
}

impl Part {
    fn into_text(self) -> String {
        match self {
            Self::Field(name) | Self::Key(name) => name,
            Self::Index(index) => index.to_string(),
        }
    }
}

fn dotted(place: &[Part]) -> String {
    let mut text = String::new();
    for part in place {
        let _ = match part {
            Part::Field(name) if text.is_empty() => write!(text, "{name}"),
            Part::Field(name) => write!(text, ".{name}"),
            Part::Key(name) => write!(text, "[{name}]"),
            Part::Index(index) => write!(text, "[{index}]"),
        };
    }
    text
}
