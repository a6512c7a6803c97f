//! Edits that are drawn: done to the model, done to a batch, and what each must declare.

use proptest::prelude::*;
use strait_component::{
    Access, Any, AttributeTable, Batch, BatchError, Columns, Keys, LogRecord, Pairs, Payload, Rows,
};

use crate::draw::value;
use crate::model::{Model, Row, model};

#[derive(Clone, Debug)]
pub(crate) enum What {
    Insert(AttributeTable, String, Any),
    Update(AttributeTable, String, Any),
    Upsert(AttributeTable, String, Any),
    UpsertSeverity(AttributeTable, String),
    Rename(AttributeTable, String, String),
    Delete(AttributeTable, Vec<String>),
    Map(AttributeTable, Vec<String>),
    Body(Any),
    BodyFromEvent,
    Severity(i32, String),
    Event(String),
    Times(u64, u64),
    Flags(u32),
    Ids([u8; 16], [u8; 8]),
    Discard,
    Append(Model),
    Reverse,
}

fn key() -> impl Strategy<Value = String> {
    "k|a|b|ab|new".prop_map(String::from)
}

fn table() -> impl Strategy<Value = AttributeTable> {
    prop::sample::select(AttributeTable::ALL.to_vec())
}

pub(crate) fn what() -> impl Strategy<Value = What> {
    use What::*;
    let keys = || prop::collection::vec(key(), 0..3);
    let id = |range: std::ops::Range<u8>| range;
    prop_oneof![
        (table(), key(), value()).prop_map(|(of, key, value)| Insert(of, key, value)),
        (table(), key(), value()).prop_map(|(of, key, value)| Update(of, key, value)),
        (table(), key(), value()).prop_map(|(of, key, value)| Upsert(of, key, value)),
        (table(), key()).prop_map(|(of, key)| UpsertSeverity(of, key)),
        (table(), key(), key()).prop_map(|(of, from, to)| Rename(of, from, to)),
        (table(), keys()).prop_map(|(of, keys)| Delete(of, keys)),
        (table(), keys()).prop_map(|(of, keys)| Map(of, keys)),
        value().prop_map(Body),
        Just(BodyFromEvent),
        (0..3, "|info|x").prop_map(|(number, text)| Severity(number, text)),
        "|e|g".prop_map(Event),
        (0u64..2, any::<u64>()).prop_map(|(time, observed)| Times(time, observed)),
        (0u32..3).prop_map(Flags),
        (id(0..3), id(0..3)).prop_map(|(trace, span)| Ids([trace; 16], [span; 8])),
        Just(Discard),
        model().prop_map(Append),
        Just(Reverse),
    ]
}

/// Which logs: all, one, or some.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    All,
    One(usize),
    Some(u64),
}

impl Which {
    pub(crate) fn chosen(&self, rows: usize) -> Vec<bool> {
        let chosen = |row| match self {
            Self::All => true,
            Self::One(one) => row == *one,
            Self::Some(bits) => bits >> (row % 64) & 1 == 1,
        };
        (0..rows).map(chosen).collect()
    }

    pub(crate) fn rows<'b>(&self, batch: &'b mut Batch) -> Rows<'b> {
        match self {
            Self::All => batch.all(),
            Self::One(row) => batch.row(*row),
            Self::Some(bits) => batch.matching(|log| bits >> (log.row() % 64) & 1 == 1),
        }
    }
}

pub(crate) fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        Just(Which::All),
        (0usize..20).prop_map(Which::One),
        any::<u64>().prop_map(Which::Some)
    ]
}

fn position(list: &Pairs, key: &str) -> Option<usize> {
    list.iter().position(|(found, _)| found == key)
}

/// What `Map` makes of a value.
fn mapped(value: &Any) -> Option<Any> {
    match value {
        Any::Str(text) => Some(Any::Int(text.len() as i64)),
        Any::Int(number) => Some(number.to_string().into()),
        Any::Bool(_) => Some(Any::Empty),
        _ => None,
    }
}

fn put(list: &mut Pairs, key: &str, value: &Any, insert: bool, update: bool) {
    match position(list, key) {
        Some(at) if update => list[at].1 = value.clone(),
        None if insert => list.push((key.to_owned(), value.clone())),
        _ => {}
    }
}

/// Does an edit to the model.
pub(crate) fn edit_model(model: &mut Model, what: &What, chosen: &[bool]) {
    let severities: Vec<i32> = model
        .rows
        .iter()
        .map(|row| row.record.severity_number)
        .collect();
    match what {
        What::Insert(of, key, value) => {
            let lists = model.lists(*of, chosen).into_iter();
            lists.for_each(|(_, list)| put(list, key, value, true, false));
        }
        What::Update(of, key, value) => {
            let lists = model.lists(*of, chosen).into_iter();
            lists.for_each(|(_, list)| put(list, key, value, false, true));
        }
        What::Upsert(of, key, value) => {
            let lists = model.lists(*of, chosen).into_iter();
            lists.for_each(|(_, list)| put(list, key, value, true, true));
        }
        What::UpsertSeverity(of, key) => {
            for (first, list) in model.lists(*of, chosen) {
                if let Some(value) = odd(severities[first]) {
                    put(list, key, &value, true, true);
                }
            }
        }
        What::Rename(of, from, to) => {
            for (_, list) in model.lists(*of, chosen) {
                if from != to && position(list, from).is_some() {
                    list.retain(|(key, _)| key != to);
                    let at = position(list, from).unwrap();
                    list[at].0 = to.clone();
                }
            }
        }
        What::Delete(of, keys) => {
            for (_, list) in model.lists(*of, chosen) {
                list.retain(|(key, _)| !keys.contains(key));
            }
        }
        What::Map(of, keys) => {
            for (_, list) in model.lists(*of, chosen) {
                for (_, value) in list.iter_mut().filter(|(key, _)| keys.contains(key)) {
                    *value = mapped(value).unwrap_or(value.clone());
                }
            }
        }
        What::Discard => {
            let mut chosen = chosen.iter();
            model.rows.retain(|_| !chosen.next().unwrap());
        }
        What::Reverse => model.rows.reverse(),
        What::Append(more) => append(model, more),
        _ => {
            let rows = model
                .rows
                .iter_mut()
                .zip(chosen)
                .filter(|(_, chosen)| **chosen);
            rows.for_each(|(row, _)| edit_record(&mut row.record, what));
        }
    }
}

fn append(model: &mut Model, more: &Model) {
    let (resources, scopes) = (model.resources.len(), model.scopes.len());
    model.rows.extend(more.rows.iter().cloned().map(|row| Row {
        resource: row.resource + resources,
        scope: row.scope + scopes,
        ..row
    }));
    model.resources.extend(more.resources.clone());
    model.scopes.extend(more.scopes.clone());
}

fn edit_record(record: &mut LogRecord, what: &What) {
    match what {
        What::Body(value) => record.body = value.clone(),
        What::BodyFromEvent => record.body = record.event_name.clone().into(),
        What::Severity(number, text) => {
            record.severity_number = *number;
            record.severity_text = text.clone();
        }
        What::Event(name) => record.event_name = name.clone(),
        What::Times(time, observed) => {
            record.time_unix_nano = *time;
            record.observed_time_unix_nano = *observed;
        }
        What::Flags(flags) => record.flags = *flags,
        What::Ids(trace, span) => {
            record.trace_id = *trace;
            record.span_id = *span;
        }
        _ => unreachable!(),
    }
}

fn odd(severity: i32) -> Option<Any> {
    (severity % 2 == 1).then(|| Any::Int(severity.into()))
}

/// Does an edit to the batch; what it must declare beside it.
pub(crate) fn edit_batch(
    batch: &mut Batch,
    what: &What,
    which: &Which,
) -> Result<bool, BatchError> {
    match what {
        What::Append(more) => return batch.append(more.build()).map(|()| !more.rows.is_empty()),
        What::Reverse => {
            let rows: Vec<usize> = (0..batch.len()).rev().collect();
            *batch = batch.take(&rows)?;
            return Ok(true);
        }
        _ => {}
    }
    let mut logs = which.rows(batch);
    match what {
        What::Insert(of, key, value) => logs.insert(*of, key, value.clone()),
        What::Update(of, key, value) => logs.update(*of, key, value.clone()),
        What::Upsert(of, key, value) => logs.upsert(*of, key, value.clone()),
        What::UpsertSeverity(of, key) => {
            logs.upsert_with(*of, key, |log| odd(log.severity_number()))
        }
        What::Rename(of, from, to) => logs.rename(*of, from, to),
        What::Delete(of, keys) => logs.delete(*of, &Keys::named(keys)),
        What::Map(of, keys) => logs.map_attributes(*of, &Keys::named(keys), |_, value| {
            mapped(&value.to_any().unwrap())
        }),
        What::Body(value) => logs.set_body(value.clone()),
        What::BodyFromEvent => logs.set_body_with(|log| Some(log.event_name().to_owned())),
        What::Severity(number, text) => {
            Ok(logs.set_severity_number(*number)? | logs.set_severity_text(text.as_str())?)
        }
        What::Event(name) => logs.set_event_name(name.as_str()),
        What::Times(time, observed) => {
            Ok(logs.set_time_unix_nano(*time)? | logs.set_observed_time_unix_nano(*observed)?)
        }
        What::Flags(flags) => logs.set_flags(*flags),
        What::Ids(trace, span) => Ok(logs.set_trace_id(*trace)? | logs.set_span_id(*span)?),
        What::Discard => logs.discard(),
        What::Append(_) | What::Reverse => unreachable!(),
    }
}

/// Whether the array of this name may move.
type May = Box<dyn Fn(Payload, &str) -> bool>;

/// What an edit declares, and which arrays may move.
pub(crate) fn declared(what: &What) -> (Access, May) {
    let of_table = |of: &AttributeTable| {
        let (of, ids) = (
            *of,
            match of {
                AttributeTable::Log => "id",
                AttributeTable::Resource => "resource.",
                AttributeTable::Scope => "scope.",
            },
        );
        let may = move |payload, name: &str| {
            payload == of.payload() || payload == Payload::Logs && name.starts_with(ids)
        };
        (
            Access::new().write(Columns::attributes(of)),
            Box::new(may) as May,
        )
    };
    let of_columns = |columns: Columns, names: &'static [&'static str]| {
        let may = move |payload, name: &str| {
            payload == Payload::Logs && names.iter().any(|n| name.starts_with(n))
        };
        (Access::new().write(columns), Box::new(may) as May)
    };
    match what {
        What::Insert(of, ..) | What::Update(of, ..) | What::Upsert(of, ..) => of_table(of),
        What::UpsertSeverity(of, _) | What::Rename(of, ..) => of_table(of),
        What::Delete(of, _) | What::Map(of, _) => of_table(of),
        What::Body(_) | What::BodyFromEvent => of_columns(Columns::BODY, &["body."]),
        What::Severity(..) => of_columns(
            Columns::SEVERITY_NUMBER | Columns::SEVERITY_TEXT,
            &["severity_"],
        ),
        What::Event(_) => of_columns(Columns::EVENT_NAME, &["event_name"]),
        What::Times(..) => of_columns(
            Columns::TIME | Columns::OBSERVED_TIME,
            &["time_unix_nano", "observed_time_unix_nano"],
        ),
        What::Flags(_) => of_columns(Columns::FLAGS, &["flags"]),
        What::Ids(..) => {
            let columns = Columns::TRACE_ID | Columns::SPAN_ID;
            of_columns(columns, &["trace_id", "span_id"])
        }
        What::Discard => (Access::new().filter(), Box::new(|_, _| true)),
        What::Append(_) | What::Reverse => (Access::everything(), Box::new(|_, _| true)),
    }
}
