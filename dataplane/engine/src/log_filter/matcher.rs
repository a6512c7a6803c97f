//! Evaluating the rules on a batch: one bit per log.

use super::rules::{FilterConfig, LogMatch, MatchType, Pair, Scalar, SeverityNumber};
use crate::ids::Ids;
use arrow_buffer::BooleanBuffer;
use regex::Regex;
use serde::Deserialize;
use std::collections::HashMap;
use strait_component::{AttributeTable, Attributes, Batch, BatchError, Log, Value};

/// A filter that is ready to be applied.
#[derive(Debug)]
pub(crate) struct LogFilter {
    include: Option<Rules>,
    exclude: Option<Rules>,
}

#[derive(Debug)]
struct Rules {
    resource: Vec<AttributeTest>,
    record: Vec<AttributeTest>,
    texts: Vec<Pattern>,
    severity: Option<SeverityNumber>,
    bodies: Vec<ValueTest>,
}

#[derive(Debug)]
struct AttributeTest {
    key: String,
    value: ValueTest,
}

#[derive(Debug)]
enum Pattern {
    Exact(String),
    Regex(Regex),
}

#[derive(Debug)]
enum ValueTest {
    Text(Pattern),
    Int(i64),
    Double(f64),
    Bool(bool),
}

impl Pattern {
    fn new(how: MatchType, text: String) -> Result<Self, regex::Error> {
        match how {
            MatchType::Strict => Ok(Self::Exact(text)),
            MatchType::Regexp => Regex::new(&text).map(Self::Regex),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl ValueTest {
    fn new(how: MatchType, value: Scalar) -> Result<Self, regex::Error> {
        Ok(match value {
            Scalar::Text(text) => Self::Text(Pattern::new(how, text)?),
            Scalar::Int(value) => Self::Int(value),
            Scalar::Double(value) => Self::Double(value),
            Scalar::Bool(value) => Self::Bool(value),
        })
    }

    fn matches(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Text(pattern), Value::Str(text)) => pattern.matches(text),
            (Self::Int(wanted), Value::Int(found)) => *wanted == found,
            // By their bits, as Arrow compares: 0.0 is not -0.0.
            (Self::Double(wanted), Value::Double(found)) => wanted.to_bits() == found.to_bits(),
            (Self::Bool(wanted), Value::Bool(found)) => *wanted == found,
            _ => false,
        }
    }
}

impl Rules {
    fn new(rules: LogMatch) -> Result<Self, regex::Error> {
        let how = rules.match_type;
        let test = |Pair { key, value }| {
            Ok(AttributeTest {
                key,
                value: ValueTest::new(how, value)?,
            })
        };
        Ok(Self {
            resource: rules
                .resource_attributes
                .into_iter()
                .map(test)
                .collect::<Result<_, _>>()?,
            record: rules
                .record_attributes
                .into_iter()
                .map(test)
                .collect::<Result<_, _>>()?,
            texts: patterns(how, rules.severity_texts)?,
            severity: rules.severity_number,
            bodies: rules
                .bodies
                .into_iter()
                .map(|value| ValueTest::new(how, value))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The logs that each configured group matches.
    fn groups(&self, batch: &Batch) -> Vec<BooleanBuffer> {
        let mut groups = Vec::with_capacity(3);
        if !self.resource.is_empty() {
            groups.push(self.match_resources(batch));
        }
        if !self.texts.is_empty() || self.severity.is_some() || !self.bodies.is_empty() {
            groups.push(self.match_fields(batch));
        }
        if !self.record.is_empty() {
            groups.push(self.match_records(batch));
        }
        groups
    }

    /// The resource has all of the attributes.
    fn match_resources(&self, batch: &Batch) -> BooleanBuffer {
        let attributes = batch.attributes(AttributeTable::Resource);
        let found: Vec<Ids> = self
            .resource
            .iter()
            .map(|test| test.owners(&attributes).collect())
            .collect();
        let all = |id| found.iter().all(|ids| ids.contains(id));
        batch
            .logs()
            .iter()
            .map(|log| log.resource_id().is_some_and(all))
            .collect()
    }

    /// The record has one of the attributes.
    fn match_records(&self, batch: &Batch) -> BooleanBuffer {
        let attributes = batch.attributes(AttributeTable::Log);
        let mut found = Ids::default();
        for test in &self.record {
            found.extend(test.owners(&attributes));
        }
        batch
            .logs()
            .iter()
            .map(|log| log.id().is_some_and(|id| found.contains(id)))
            .collect()
    }

    fn match_fields(&self, batch: &Batch) -> BooleanBuffer {
        // A field that no rule is about is not read: that would cost more than the rules.
        let severity = |log: &Log<'_>| {
            self.severity.is_none_or(|severity| {
                let number = log.severity_number();
                number >= severity.min || (severity.match_undefined && number == 0)
            })
        };
        let body = |log: &Log<'_>| {
            self.bodies.is_empty() || {
                let value = log.body();
                self.bodies.iter().any(|body| body.matches(value))
            }
        };
        let logs = batch.logs();
        // Texts repeat, and an expression costs more than looking its answer up.
        let mut known: HashMap<&str, bool> = HashMap::new();
        let mut text = |text| {
            *known
                .entry(text)
                .or_insert_with(|| self.texts.iter().any(|pattern| pattern.matches(text)))
        };
        logs.iter()
            .map(|log| {
                severity(&log) && (self.texts.is_empty() || text(log.severity_text())) && body(&log)
            })
            .collect()
    }
}

fn patterns(how: MatchType, texts: Vec<String>) -> Result<Vec<Pattern>, regex::Error> {
    texts
        .into_iter()
        .map(|text| Pattern::new(how, text))
        .collect()
}

impl AttributeTest {
    /// The owners of the attributes that it matches.
    fn owners<'a>(&self, attributes: &Attributes<'a>) -> impl Iterator<Item = u16> + use<'a, '_> {
        attributes
            .with_key(&self.key)
            .filter(|found| self.value.matches(found.value))
            .map(|found| found.parent)
    }
}

impl LogFilter {
    /// Reads the node's configuration.
    ///
    /// # Errors
    ///
    /// What the engine's own check finds too: it has run before.
    pub(crate) fn read(config: &serde_json::Value) -> Result<Self, String> {
        let config = FilterConfig::deserialize(config).map_err(|error| error.to_string())?;
        let rules = |rules: Option<LogMatch>| {
            rules
                .map(Rules::new)
                .transpose()
                .map_err(|error| error.to_string())
        };
        Ok(Self {
            include: rules(config.logs.include)?,
            exclude: rules(config.logs.exclude)?,
        })
    }

    /// Drops the logs that do not stay, and what only they refer to; says how many.
    ///
    /// # Errors
    ///
    /// Arrow's own; the batch stays as it was.
    pub(crate) fn apply(&self, batch: &mut Batch) -> Result<usize, BatchError> {
        let mut mask = BooleanBuffer::new_set(batch.len());
        for group in self.include.iter().flat_map(|rules| rules.groups(batch)) {
            mask = &mask & &group;
        }
        for group in self.exclude.iter().flat_map(|rules| rules.groups(batch)) {
            mask = &mask & &!&group;
        }
        batch.keep(&mask)
    }
}
