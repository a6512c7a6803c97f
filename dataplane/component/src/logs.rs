//! Reading log records.

use std::cell::OnceCell;

use arrow_array::{
    Array, FixedSizeBinaryArray, Int32Array, RecordBatch, StringArray, StructArray,
    TimestampNanosecondArray, UInt16Array, UInt32Array,
};

use crate::attributes::Grouped;
use crate::column::Column;
use crate::value::Values;
use crate::{Attribute, AttributeTable, Attributes, Value};

/// The log records of a batch.
#[derive(Clone, Debug)]
pub struct Logs<'a> {
    len: usize,
    id: Column<'a, UInt16Array>,
    time: Column<'a, TimestampNanosecondArray>,
    observed_time: Column<'a, TimestampNanosecondArray>,
    severity_number: Column<'a, Int32Array>,
    severity_text: Column<'a, StringArray>,
    event_name: Column<'a, StringArray>,
    flags: Column<'a, UInt32Array>,
    dropped_attributes: Column<'a, UInt32Array>,
    trace_id: Column<'a, FixedSizeBinaryArray>,
    span_id: Column<'a, FixedSizeBinaryArray>,
    body: Values<'a>,
    resource_id: Column<'a, UInt16Array>,
    scope_id: Column<'a, UInt16Array>,
    scope_name: Column<'a, StringArray>,
    scope_version: Column<'a, StringArray>,
    scope_schema_url: Column<'a, StringArray>,
    scope_dropped: Column<'a, UInt32Array>,
    resource_schema_url: Column<'a, StringArray>,
    resource_dropped: Column<'a, UInt32Array>,
    attributes: [Attributes<'a>; AttributeTable::ALL.len()],
    /// Which of them belong to whom; found out for who asks.
    grouped: [OnceCell<Grouped>; AttributeTable::ALL.len()],
}

impl<'a> Logs<'a> {
    pub(crate) fn new(table: Option<&'a RecordBatch>, attributes: [Attributes<'a>; 3]) -> Self {
        let struct_of = |name| table.and_then(|table| struct_column(table, name));
        let resource = struct_of("resource");
        let scope = struct_of("scope");
        Self {
            len: table.map_or(0, RecordBatch::num_rows),
            id: Column::root(table, "id"),
            time: Column::root(table, "time_unix_nano"),
            observed_time: Column::root(table, "observed_time_unix_nano"),
            severity_number: Column::root(table, "severity_number"),
            severity_text: Column::root(table, "severity_text"),
            event_name: Column::root(table, "event_name"),
            flags: Column::root(table, "flags"),
            dropped_attributes: Column::root(table, "dropped_attributes_count"),
            trace_id: Column::root(table, "trace_id"),
            span_id: Column::root(table, "span_id"),
            body: Values::of_struct(struct_of("body")),
            resource_id: Column::child(resource, "id"),
            scope_id: Column::child(scope, "id"),
            scope_name: Column::child(scope, "name"),
            scope_version: Column::child(scope, "version"),
            scope_schema_url: Column::root(table, "schema_url"),
            scope_dropped: Column::child(scope, "dropped_attributes_count"),
            resource_schema_url: Column::child(resource, "schema_url"),
            resource_dropped: Column::child(resource, "dropped_attributes_count"),
            attributes,
            grouped: Default::default(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The record of a row, or none past the end.
    pub fn get(&self, row: usize) -> Option<Log<'_>> {
        (row < self.len).then_some(Log { logs: self, row })
    }

    /// The records in order.
    pub fn iter(&self) -> impl Iterator<Item = Log<'_>> {
        (0..self.len).map(|row| Log { logs: self, row })
    }

    /// The bodies, by row.
    pub(crate) fn bodies(&self) -> Values<'a> {
        self.body
    }

    /// The ids that attributes of logs, of resources and of scopes refer to.
    pub(crate) fn ids(&self, of: AttributeTable) -> Column<'a, UInt16Array> {
        match of {
            AttributeTable::Log => self.id,
            AttributeTable::Resource => self.resource_id,
            AttributeTable::Scope => self.scope_id,
        }
    }

    /// The rows of the attributes that belong to an id.
    pub(crate) fn rows_of(&self, of: AttributeTable, id: u16) -> &[u32] {
        let attributes = &self.attributes[of as usize];
        let grouped = self.grouped[of as usize].get_or_init(|| Grouped::new(attributes));
        grouped.rows(id)
    }
}

pub(crate) fn struct_column<'a>(table: &'a RecordBatch, name: &str) -> Option<&'a StructArray> {
    table.column_by_name(name)?.as_any().downcast_ref()
}

/// One log record. Fields that are absent read as OTLP's defaults: zero or empty.
/// Times are OTLP's unsigned numbers, which Arrow keeps as signed ones.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    logs: &'a Logs<'a>,
    row: usize,
}

impl<'a> Log<'a> {
    /// Its row in the batch.
    pub fn row(&self) -> usize {
        self.row
    }

    /// The id that its attributes name as their parent; none where it has no
    /// attributes.
    pub fn id(&self) -> Option<u16> {
        self.logs.id.get(self.row)
    }

    /// When the event happened, in nanoseconds since 1970 (UTC).
    pub fn time_unix_nano(&self) -> u64 {
        self.logs
            .time
            .get(self.row)
            .unwrap_or_default()
            .cast_unsigned()
    }

    /// When it was observed, in nanoseconds since 1970 (UTC).
    pub fn observed_time_unix_nano(&self) -> u64 {
        self.logs
            .observed_time
            .get(self.row)
            .unwrap_or_default()
            .cast_unsigned()
    }

    /// The severity: 0 is unspecified, 1 trace, 5 debug, 9 info, 13 warn, 17 error,
    /// 21 fatal, each with three steps above it.
    pub fn severity_number(&self) -> i32 {
        self.logs.severity_number.get(self.row).unwrap_or_default()
    }

    /// The severity's text.
    pub fn severity_text(&self) -> &'a str {
        self.logs.severity_text.get(self.row).unwrap_or_default()
    }

    /// The event's name.
    pub fn event_name(&self) -> &'a str {
        self.logs.event_name.get(self.row).unwrap_or_default()
    }

    /// The flags.
    pub fn flags(&self) -> u32 {
        self.logs.flags.get(self.row).unwrap_or_default()
    }

    /// How many attributes were dropped on the way.
    pub fn dropped_attributes_count(&self) -> u32 {
        self.logs
            .dropped_attributes
            .get(self.row)
            .unwrap_or_default()
    }

    /// The trace id: 16 bytes, or none.
    pub fn trace_id(&self) -> Option<&'a [u8]> {
        self.logs.trace_id.get(self.row)
    }

    /// The span id: 8 bytes, or none.
    pub fn span_id(&self) -> Option<&'a [u8]> {
        self.logs.span_id.get(self.row)
    }

    /// The body.
    pub fn body(&self) -> Value<'a> {
        self.logs.body.get(self.row)
    }

    /// The id of its resource, for the resource's attributes.
    pub fn resource_id(&self) -> Option<u16> {
        self.logs.resource_id.get(self.row)
    }

    /// The id of its scope, for the scope's attributes.
    pub fn scope_id(&self) -> Option<u16> {
        self.logs.scope_id.get(self.row)
    }

    /// The name of its scope.
    pub fn scope_name(&self) -> &'a str {
        self.logs.scope_name.get(self.row).unwrap_or_default()
    }

    /// The version of its scope.
    pub fn scope_version(&self) -> &'a str {
        self.logs.scope_version.get(self.row).unwrap_or_default()
    }

    /// The schema URL of its scope.
    pub fn scope_schema_url(&self) -> &'a str {
        self.logs.scope_schema_url.get(self.row).unwrap_or_default()
    }

    /// How many attributes of its scope were dropped on the way.
    pub fn scope_dropped_attributes_count(&self) -> u32 {
        self.logs.scope_dropped.get(self.row).unwrap_or_default()
    }

    /// The schema URL of its resource.
    pub fn resource_schema_url(&self) -> &'a str {
        let url = self.logs.resource_schema_url.get(self.row);
        url.unwrap_or_default()
    }

    /// How many attributes of its resource were dropped on the way.
    pub fn resource_dropped_attributes_count(&self) -> u32 {
        self.logs.resource_dropped.get(self.row).unwrap_or_default()
    }

    /// The value of an attribute: its own, or of its resource or scope. The first one, where the
    /// key is there twice.
    pub fn attribute(&self, of: AttributeTable, key: &str) -> Option<Value<'a>> {
        let mut attributes = self.attributes(of);
        attributes
            .find(|found| found.key == key)
            .map(|found| found.value)
    }

    /// Its attributes, or those of its resource or scope, in their order.
    pub fn attributes(&self, of: AttributeTable) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let logs: &'a Logs<'a> = self.logs;
        let id = logs.ids(of).get(self.row);
        let rows = id.map_or(&[][..], |id| logs.rows_of(of, id));
        let table = logs.attributes[of as usize];
        rows.iter().filter_map(move |row| table.get(*row as usize))
    }
}
