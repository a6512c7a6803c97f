//! The `filter` node for logs: the engine's configuration, our own evaluation, on the SDK.
//!
//! The engine's filter joins every attribute table it finds and so drops logs without attributes
//! once another log has one; it ends its pipeline on a batch without a column that it tests, and
//! takes severity 0 for no severity. This one does none of that: a log is kept or dropped for what
//! it holds, however its columns are encoded, and fields that are absent read as OTLP's defaults.
//! Where the engine's filter loses nothing, the two agree:
//!
//! - a log stays if all groups of `include` that are configured match, and none of `exclude`;
//! - groups are: the resource (all of `resource_attributes`), the record's fields (one of
//!   `severity_texts`, one of `bodies`, and `severity_number`), its attributes (one of
//!   `record_attributes`);
//! - values match only values of their own type: 5 is not 5.0 and not "5".
//!
//! Spans and metrics are left to the engine's node.

mod matcher;
mod rules;

use crate::catalog::edit::Edit;
use crate::catalog::keys::{KEY, VALUE};
use crate::catalog::node::{Asked, Node};
use crate::catalog::reads::Reads;
use crate::catalog::shape::Shape::{Bool, List, Number, Object, Scalar, Text, Word};
use crate::catalog::shape::{Key, Shape};
use crate::finding::Finding;
use matcher::LogFilter;
use rules::{FilterConfig, LogMatch};
use serde::Deserialize;
use serde_json::Value;
use strait_component::Signal;
use strait_component::{AttributeTable, Columns};

const MATCH_TYPE: Key = Key::optional(
    "match_type",
    Word(&["strict", "regexp"]),
    "how text is compared",
);

const PAIRS: Shape = List(&Object(&[KEY, VALUE]));

const LOG_MATCH: &[Key] = &[
    MATCH_TYPE,
    Key::optional("resource_attributes", PAIRS, "all of these on the resource"),
    Key::optional("record_attributes", PAIRS, "one of these on the record"),
    Key::optional("severity_texts", List(&Text), "one of these severity texts"),
    Key::optional(
        "severity_number",
        Object(&[
            Key::required("min", Number, "severity at least"),
            Key::required("match_undefined", Bool, "severity 0 matches too"),
        ]),
        "severity",
    ),
    Key::optional("bodies", List(&Scalar), "one of these bodies"),
];

const SPAN_MATCH: &[Key] = &[
    MATCH_TYPE,
    Key::optional("resource_attributes", PAIRS, "all of these on the resource"),
    Key::optional("span_attributes", PAIRS, "one of these on the span"),
    Key::optional("span_names", List(&Text), "one of these names"),
    Key::optional(
        "event_names",
        List(&Text),
        "an event with one of these names",
    ),
    Key::optional("event_attributes", PAIRS, "an event with one of these"),
    Key::optional("link_attributes", PAIRS, "a link with one of these"),
];

const METRIC_MATCH: &[Key] = &[
    MATCH_TYPE,
    Key::optional("metric_names", List(&Text), "one of these names"),
];

const KEYS: &[Key] = &[
    Key::optional(
        "logs",
        Object(&[
            Key::optional("include", Object(LOG_MATCH), "keep only these"),
            Key::optional("exclude", Object(LOG_MATCH), "drop these"),
        ]),
        "for logs",
    ),
    Key::optional(
        "traces",
        Object(&[
            Key::optional("include", Object(SPAN_MATCH), "keep only these"),
            Key::optional("exclude", Object(SPAN_MATCH), "drop these"),
        ]),
        "for spans",
    ),
    Key::optional(
        "metrics",
        Object(&[
            Key::optional("include", Object(METRIC_MATCH), "keep only these"),
            Key::optional("exclude", Object(METRIC_MATCH), "drop these"),
        ]),
        "for metrics",
    ),
];

pub(super) const NODE: Node = Node {
    urn: "urn:otel:processor:filter",
    name: "filter",
    doc: "keeps or drops items",
    keys: KEYS,
    converts: true,
    refuses,
    reads: Some(reads),
    substitute: Some(substitute),
    ..Node::PLAIN
};

fn refuses(asked: &Asked<'_>) -> Vec<Finding> {
    let traces = asked.config.get("traces").and_then(Value::as_object);
    let rules = traces.is_some_and(|rules| rules.values().any(|rules| !rules.is_null()));
    if asked.signal != Some(Signal::Traces) || !rules {
        return asked.spans_as_records();
    }
    let message = "the engine's filter drops spans without events or links when another span of \
                   the batch has some; filtering spans is not offered in this version";
    vec![asked.finding("traces", message)]
}

fn reads(config: &Value, reads: &mut Reads) -> Result<(), String> {
    let config = FilterConfig::deserialize(config).map_err(|error| error.to_string())?;
    for rules in [&config.logs.include, &config.logs.exclude]
        .into_iter()
        .flatten()
    {
        matches(rules, reads);
    }
    Ok(())
}

fn matches(rules: &LogMatch, reads: &mut Reads) {
    let LogMatch {
        match_type: _,
        resource_attributes,
        record_attributes,
        severity_texts,
        severity_number,
        bodies,
    } = rules;
    for (used, column) in [
        (!severity_texts.is_empty(), Columns::SEVERITY_TEXT),
        (severity_number.is_some(), Columns::SEVERITY_NUMBER),
        (!bodies.is_empty(), Columns::BODY),
    ] {
        if used {
            reads.read.columns |= column;
            reads.filters = true;
        }
    }
    for (table, pairs) in [
        (AttributeTable::Log, record_attributes),
        (AttributeTable::Resource, resource_attributes),
    ] {
        for pair in pairs {
            reads.tests(table, &pair.key);
            reads.filters = true;
        }
    }
}

fn substitute(config: &Value) -> Result<Box<dyn Edit>, String> {
    Ok(Box::new(LogFilter::new(config)?))
}
