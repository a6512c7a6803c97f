//! A batch as a list of structs: drawn, made into a batch in random encodings, and read back.

use std::sync::Arc;

use arrow_array::types::{UInt8Type, UInt16Type};
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch, UInt8Array, UInt16Array};
use arrow_schema::{DataType, Schema};
use proptest::prelude::*;
use strait_component::{
    AttributeTable, Batch, Log, LogRecord, LogsBuilder, Pairs, Payload, Resource, Scope,
};

use crate::draw::{attributes, value};

/// Logs as structs; resources and scopes by their places.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    pub(crate) rows: Vec<Row>,
    pub(crate) resources: Vec<Pairs>,
    pub(crate) scopes: Vec<Scope>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) record: LogRecord,
    pub(crate) resource: usize,
    pub(crate) scope: usize,
}

/// A log with all that belongs to it.
pub(crate) type Whole = (LogRecord, Pairs, (String, String, Pairs));

impl Model {
    pub(crate) fn wholes(&self) -> Vec<Whole> {
        let scope = |scope: &Scope| {
            let Scope { name, version, .. } = scope;
            (name.clone(), version.clone(), scope.attributes.clone())
        };
        let rows = self.rows.iter();
        rows.map(|row| {
            let resource = self.resources[row.resource].clone();
            (row.record.clone(), resource, scope(&self.scopes[row.scope]))
        })
        .collect()
    }

    pub(crate) fn build(&self) -> Batch {
        let mut logs = LogsBuilder::new();
        let mut last = None;
        for row in &self.rows {
            if last != Some((row.resource, row.scope)) {
                let attributes = self.resources[row.resource].clone();
                logs.resource(Resource::new(attributes)).unwrap();
                logs.scope(self.scopes[row.scope].clone()).unwrap();
                last = Some((row.resource, row.scope));
            }
            logs.push(row.record.clone()).unwrap();
        }
        logs.finish().unwrap()
    }

    /// The attributes of the chosen logs, or of what they belong to, each list once.
    pub(crate) fn lists(
        &mut self,
        of: AttributeTable,
        chosen: &[bool],
    ) -> Vec<(usize, &mut Pairs)> {
        let places = self.rows.len() + self.resources.len() + self.scopes.len();
        let mut first = vec![None; places];
        for (at, row) in self.rows.iter().enumerate().filter(|(at, _)| chosen[*at]) {
            let place = match of {
                AttributeTable::Log => at,
                AttributeTable::Resource => row.resource,
                AttributeTable::Scope => row.scope,
            };
            first[place].get_or_insert(at);
        }
        let lists: Vec<&mut Pairs> = match of {
            AttributeTable::Log => self
                .rows
                .iter_mut()
                .map(|r| &mut r.record.attributes)
                .collect(),
            AttributeTable::Resource => self.resources.iter_mut().collect(),
            AttributeTable::Scope => self.scopes.iter_mut().map(|s| &mut s.attributes).collect(),
        };
        let lists = lists.into_iter().zip(first);
        lists
            .filter_map(|(list, first)| Some((first?, list)))
            .collect()
    }
}

/// What a batch holds.
pub(crate) fn read(batch: &Batch) -> Vec<Whole> {
    let pairs = |log: &Log<'_>, of| -> Pairs {
        let found = log.attributes(of);
        found
            .map(|a| (a.key.to_owned(), a.value.to_any().unwrap()))
            .collect()
    };
    let logs = batch.logs();
    let whole = |log: Log<'_>| {
        let record = LogRecord {
            time_unix_nano: log.time_unix_nano(),
            observed_time_unix_nano: log.observed_time_unix_nano(),
            severity_number: log.severity_number(),
            severity_text: log.severity_text().to_owned(),
            event_name: log.event_name().to_owned(),
            body: log.body().to_any().unwrap(),
            attributes: pairs(&log, AttributeTable::Log),
            dropped_attributes_count: log.dropped_attributes_count(),
            flags: log.flags(),
            trace_id: log.trace_id().map_or([0; 16], |id| id.try_into().unwrap()),
            span_id: log.span_id().map_or([0; 8], |id| id.try_into().unwrap()),
        };
        let scope = (
            log.scope_name().to_owned(),
            log.scope_version().to_owned(),
            pairs(&log, AttributeTable::Scope),
        );
        (record, pairs(&log, AttributeTable::Resource), scope)
    };
    logs.iter().map(whole).collect()
}

/// The columns that may have a dictionary, written in another way, as `draw` says.
pub(crate) fn recoded(batch: Batch, draw: u64) -> Batch {
    let tables = batch.into_tables().map(|(payload, table)| {
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (field, column) in table.schema().fields().iter().zip(table.columns()) {
            let name = field.name().as_str();
            let may = !matches!(
                name,
                "id" | "parent_id" | "type" | "double" | "bool" | "flags"
            ) && !name.ends_with("nano")
                && !name.ends_with("count")
                && !matches!(
                    column.data_type(),
                    DataType::Struct(_) | DataType::Dictionary(..)
                );
            let hash = name
                .bytes()
                .fold(draw, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100000001b3));
            let column = match hash >> 33 & 3 {
                1 if may && column.len() <= 256 => dictionary(column, true),
                2 if may => dictionary(column, false),
                _ => Arc::clone(column),
            };
            let field = field
                .as_ref()
                .clone()
                .with_data_type(column.data_type().clone());
            fields.push(field.with_nullable(true));
            columns.push(column);
        }
        (
            payload,
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap(),
        )
    });
    Batch::from_tables(tables.collect::<Vec<_>>()).unwrap()
}

/// The column behind a dictionary that also has values of no row, and nulls.
fn dictionary(column: &ArrayRef, narrow: bool) -> ArrayRef {
    let equal = |row: usize| (0..row).find(|other| column.slice(*other, 1) == column.slice(row, 1));
    let keys = (0..column.len()).map(|row| equal(row).unwrap_or(row));
    if narrow {
        let keys = UInt8Array::from_iter_values(keys.map(|key| key as u8));
        Arc::new(DictionaryArray::<UInt8Type>::try_new(keys, Arc::clone(column)).unwrap())
    } else {
        let keys = UInt16Array::from_iter_values(keys.map(|key| key as u16));
        Arc::new(DictionaryArray::<UInt16Type>::try_new(keys, Arc::clone(column)).unwrap())
    }
}

/// The batch without the ids of logs that have no attributes, as the engine may write it.
pub(crate) fn without_idle_ids(mut batch: Batch) -> Batch {
    let Some(table) = batch.table(Payload::Logs) else {
        return batch;
    };
    let logs = batch.logs();
    let ids = logs.iter().map(|log| {
        let idle = log.attributes(AttributeTable::Log).next().is_none();
        log.id().filter(|_| !idle)
    });
    let ids: ArrayRef = Arc::new(ids.collect::<UInt16Array>());
    let (at, _) = table.schema_ref().column_with_name("id").unwrap();
    let mut columns = table.columns().to_vec();
    columns[at] = ids;
    let table = RecordBatch::try_new(table.schema(), columns).unwrap();
    batch.set_table(Payload::Logs, Some(table)).unwrap();
    batch
}

fn record() -> impl Strategy<Value = LogRecord> {
    let texts = ("|info|warn", "|e|f");
    let numbers = (
        0..25,
        0u32..3,
        0u32..2,
        prop_oneof![Just(0), any::<u64>()],
        any::<bool>(),
    );
    (value(), attributes(), texts, numbers).prop_map(|(body, attributes, texts, numbers)| {
        let (severity_number, flags, dropped_attributes_count, time_unix_nano, traced) = numbers;
        LogRecord {
            time_unix_nano,
            observed_time_unix_nano: time_unix_nano / 2,
            severity_number,
            severity_text: texts.0,
            event_name: texts.1,
            body,
            attributes,
            dropped_attributes_count,
            flags,
            trace_id: [u8::from(traced); 16],
            span_id: [u8::from(traced) * 2; 8],
        }
    })
}

/// Runs of logs, each in a resource and scope of its own.
pub(crate) fn model() -> impl Strategy<Value = Model> {
    let scope = ("|s", "|1", attributes()).prop_map(|(name, version, attributes)| Scope {
        version,
        attributes,
        ..Scope::new(name)
    });
    let run = (attributes(), scope, prop::collection::vec(record(), 1..6));
    prop::collection::vec(run, 0..4).prop_map(|runs| {
        let mut model = Model::default();
        for (place, (resource, scope, records)) in runs.into_iter().enumerate() {
            let row = |record| Row {
                record,
                resource: place,
                scope: place,
            };
            model.rows.extend(records.into_iter().map(row));
            model.resources.push(resource);
            model.scopes.push(scope);
        }
        model
    })
}
