//! Evaluating the rules on a batch: one bit per log.

use super::rules::{FilterConfig, LogMatch, MatchType, Pair, Scalar, SeverityNumber};
use crate::catalog::edit::Edit;
use crate::id_set::IdSet;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_buffer::BooleanBuffer;
use regex::Regex;
use serde::Deserialize;
use std::collections::HashMap;
use strait_component::{AttributeTable, Attributes, Batch, BatchError, Log, Payload, Value};

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
        let found: Vec<IdSet> = self
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
        let mut found = IdSet::default();
        for test in &self.record {
            found.extend(test.owners(&attributes));
        }
        batch
            .logs()
            .iter()
            .map(|log| log.id().is_some_and(|id| found.contains(id)))
            .collect()
    }

    /// The record has all that is asked of its fields. A field that no rule is about is not read:
    /// that would cost more than the rules.
    fn match_fields(&self, batch: &Batch) -> BooleanBuffer {
        let severity = self.severity.map(|rule| match_severity(rule, batch));
        if self.texts.is_empty() && self.bodies.is_empty() {
            return severity.unwrap_or_else(|| BooleanBuffer::new_set(batch.len()));
        }
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
                severity.as_ref().is_none_or(|mask| mask.value(log.row()))
                    && (self.texts.is_empty() || text(log.severity_text()))
                    && body(&log)
            })
            .collect()
    }
}

/// The logs of a severity that the rule takes; no severity is 0.
fn match_severity(rule: SeverityNumber, batch: &Batch) -> BooleanBuffer {
    let takes = |number: i32| number >= rule.min || (rule.match_undefined && number == 0);
    let table = batch.table(Payload::Logs);
    let column = table.and_then(|table| table.column_by_name("severity_number"));
    let Some(column) = column.and_then(|column| column.as_primitive_opt::<Int32Type>()) else {
        // In a dictionary, or absent.
        let logs = batch.logs();
        return logs
            .iter()
            .map(|log| takes(log.severity_number()))
            .collect();
    };
    let numbers = column.values();
    match column.nulls() {
        None => BooleanBuffer::collect_bool(numbers.len(), |row| takes(numbers[row])),
        Some(nulls) => BooleanBuffer::collect_bool(numbers.len(), |row| {
            takes(if nulls.is_valid(row) { numbers[row] } else { 0 })
        }),
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
    pub(crate) fn new(config: &serde_json::Value) -> Result<Self, String> {
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
    pub(crate) fn filter(&self, batch: &mut Batch) -> Result<usize, BatchError> {
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

impl Edit for LogFilter {
    fn apply(&self, batch: &mut Batch) -> Result<(), String> {
        let dropped = self.filter(batch);
        dropped.map(|_| ()).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::UInt8Type;
    use arrow_array::{
        ArrayRef, DictionaryArray, Int32Array, RecordBatch, UInt8Array, UInt32Array,
    };
    use std::sync::Arc;

    fn mask(severity: Option<ArrayRef>, match_undefined: bool) -> Vec<bool> {
        let flags: ArrayRef = Arc::new(UInt32Array::from(vec![0; 4]));
        let columns = [("flags", flags)]
            .into_iter()
            .chain(severity.map(|column| ("severity_number", column)));
        let table = RecordBatch::try_from_iter_with_nullable(
            columns.map(|(name, column)| (name, column, true)),
        )
        .expect("a table");
        let batch = Batch::from_tables(vec![(Payload::Logs, table)]).expect("a batch");
        let rule = SeverityNumber {
            min: 9,
            match_undefined,
        };
        match_severity(rule, &batch).iter().collect()
    }

    /// Scenario: the same severities, plain, sliced, and in a dictionary; and none at all.
    /// Guarantees: the mask does not depend on how they lie.
    #[test]
    fn severities_match_however_they_lie() {
        let values = [Some(9), None, Some(0), Some(5)];
        let plain = Int32Array::from(values.to_vec());
        let longer = Int32Array::from_iter([Some(20)].into_iter().chain(values));
        let keys = UInt8Array::from(vec![Some(1), None, Some(0), Some(2)]);
        let packed =
            DictionaryArray::<UInt8Type>::new(keys, Arc::new(Int32Array::from(vec![0, 9, 5])));
        let columns: [ArrayRef; 3] = [
            Arc::new(plain),
            Arc::new(longer.slice(1, 4)),
            Arc::new(packed),
        ];
        for column in columns {
            let undefined = mask(Some(Arc::clone(&column)), true);
            assert_eq!(undefined, [true, true, true, false], "{column:?}");
            let defined = mask(Some(Arc::clone(&column)), false);
            assert_eq!(defined, [true, false, false, false], "{column:?}");
        }
        assert_eq!(mask(None, true), [true; 4]);
        assert_eq!(mask(None, false), [false; 4]);
    }
}
