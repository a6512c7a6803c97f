//! Edits of what logs have themselves: body, severity, event name, times, ids and flags.

use std::sync::Arc;

use arrow_array::types::TimestampNanosecondType;
use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, Int32Array, PrimitiveArray, StringArray, StructArray,
    UInt32Array,
};
use arrow_schema::{ArrowError, DataType};

use super::Rows;
use super::values::{NewValues, same};
use crate::gather::{ColumnSet, Source};
use crate::logs::struct_column;
use crate::{Any, BatchError, Columns, Log, Payload};

const LOGS: Payload = Payload::Logs;

/// The setters of a field: one for a value, one for what a function makes of each log.
macro_rules! setters {
    ($($(#[$doc:meta])* $set:ident, $set_with:ident($value:ty) => $columns:ident,
        $name:literal, $get:expr, $array:expr;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// A column outgrows Arrow's 2 GiB; the batch stays as it was.
            pub fn $set(&mut self, value: impl Into<$value>) -> Result<bool, BatchError> {
                let value = value.into();
                self.$set_with(|_| Some(value.clone()))
            }

            $(#[$doc])*
            /// To what `value` makes of each log; nothing is done where it answers none.
            ///
            /// # Errors
            ///
            /// A column outgrows Arrow's 2 GiB; the batch stays as it was.
            pub fn $set_with<V: Into<$value>>(
                &mut self,
                mut value: impl FnMut(Log<'_>) -> Option<V>,
            ) -> Result<bool, BatchError> {
                let value = &mut |log: Log<'_>| value(log).map(Into::into);
                self.set(Columns::$columns, $name, value, $get, $array)
            }
        )*
    };
}

impl Rows<'_> {
    setters! {
        /// Sets the severity: 0 is unspecified, 1 trace, 5 debug, 9 info, 13 warn, 17 error, 21
        /// fatal, each with three steps above it.
        set_severity_number, set_severity_number_with(i32) => SEVERITY_NUMBER,
            "severity_number", |log| log.severity_number(),
            |values, _| Ok(Arc::new(Int32Array::from(values)));
        /// Sets the severity's text.
        set_severity_text, set_severity_text_with(String) => SEVERITY_TEXT,
            "severity_text", |log| log.severity_text().to_owned(), texts;
        /// Sets the event's name.
        set_event_name, set_event_name_with(String) => EVENT_NAME,
            "event_name", |log| log.event_name().to_owned(), texts;
        /// Sets when the event happened, in nanoseconds since 1970 (UTC).
        set_time_unix_nano, set_time_unix_nano_with(u64) => TIME,
            "time_unix_nano", |log| log.time_unix_nano(), times;
        /// Sets when it was observed, in nanoseconds since 1970 (UTC).
        set_observed_time_unix_nano, set_observed_time_unix_nano_with(u64) => OBSERVED_TIME,
            "observed_time_unix_nano", |log| log.observed_time_unix_nano(), times;
        /// Sets the flags.
        set_flags, set_flags_with(u32) => FLAGS,
            "flags", |log| log.flags(),
            |values, _| Ok(Arc::new(UInt32Array::from(values)));
        /// Sets how many attributes were dropped on the way.
        set_dropped_attributes_count, set_dropped_attributes_count_with(u32)
            => DROPPED_ATTRIBUTES_COUNT,
            "dropped_attributes_count", |log| log.dropped_attributes_count(),
            |values, _| Ok(Arc::new(UInt32Array::from(values)));
        /// Sets the trace id; sixteen zeros are none.
        set_trace_id, set_trace_id_with([u8; 16]) => TRACE_ID,
            "trace_id", |log| bytes(log.trace_id()), ids;
        /// Sets the span id; eight zeros are none.
        set_span_id, set_span_id_with([u8; 8]) => SPAN_ID,
            "span_id", |log| bytes(log.span_id()), ids;
    }

    /// Sets the body.
    ///
    /// # Errors
    ///
    /// A column outgrows Arrow's 2 GiB; the batch stays as it was.
    pub fn set_body(&mut self, value: impl Into<Any>) -> Result<bool, BatchError> {
        let value = value.into();
        self.set_body_with(|_| Some(value.clone()))
    }

    /// Sets the body to what `value` makes of each log; nothing is done where it answers none.
    ///
    /// # Errors
    ///
    /// A column outgrows Arrow's 2 GiB; the batch stays as it was.
    pub fn set_body_with<V: Into<Any>>(
        &mut self,
        mut value: impl FnMut(Log<'_>) -> Option<V>,
    ) -> Result<bool, BatchError> {
        self.batch.has_records()?;
        let (mut new, mut replaced) = (NewValues::default(), Vec::new());
        for log in self.batch.logs().iter().filter(|log| self.has(log.row())) {
            let Some(value) = value(log) else {
                continue;
            };
            let number = new.push(value.into());
            if !same(&new.get(number), &log.body()) {
                replaced.push((log.row(), number));
            }
        }
        if replaced.is_empty() {
            return Ok(false);
        }
        self.write_columns(Columns::BODY, |columns, table| {
            let mut body = columns.of_struct("body.", table)?;
            new.write(&mut body, &replaced, &[])?;
            columns.put("body", body.into_struct(None)?);
            Ok(())
        })
    }

    /// Sets a column to what `value` makes of each log, where that differs from what `get` finds.
    fn set<T: PartialEq>(
        &mut self,
        written: Columns,
        name: &str,
        value: &mut dyn FnMut(Log<'_>) -> Option<T>,
        get: impl Fn(&Log<'_>) -> T,
        array: impl FnOnce(Vec<T>, Option<&ArrayRef>) -> Result<ArrayRef, ArrowError>,
    ) -> Result<bool, BatchError> {
        self.batch.has_records()?;
        let (mut new, mut replaced) = (Vec::new(), Vec::new());
        for log in self.batch.logs().iter().filter(|log| self.has(log.row())) {
            let Some(value) = value(log).filter(|value| *value != get(&log)) else {
                continue;
            };
            if new.last() != Some(&value) {
                new.push(value);
            }
            replaced.push((log.row(), new.len() - 1));
        }
        if replaced.is_empty() {
            return Ok(false);
        }
        self.write_columns(written, |columns, _| {
            let old = columns.get(name);
            let stays = if old.is_some() {
                Source::Old
            } else {
                |_| Source::Null
            };
            let mut sources: Vec<_> = (0..columns.rows()).map(stays).collect();
            for (row, number) in replaced {
                sources[row] = Source::New(number);
            }
            columns.gather(name, &array(new, old)?, &sources)
        })
    }

    /// Lets `write` change columns of the logs.
    fn write_columns(
        &mut self,
        written: Columns,
        write: impl FnOnce(&mut ColumnSet, Option<&StructArray>) -> Result<(), ArrowError>,
    ) -> Result<bool, BatchError> {
        let Some(table) = self.batch.table(LOGS) else {
            return Ok(false);
        };
        let mut columns = ColumnSet::of_table(LOGS.schema().columns, Some(table));
        let body = struct_column(table, "body");
        let table = write(&mut columns, body)
            .and_then(|()| columns.into_table(Some(table), table.num_rows()))
            .map_err(|error| BatchError::arrow(LOGS, error))?;
        self.batch.tables[LOGS.index()] = Some(table);
        self.batch.changes.edited(written);
        Ok(true)
    }
}

/// An id that is there, or zeros.
fn bytes<const N: usize>(id: Option<&[u8]>) -> [u8; N] {
    id.and_then(|id| id.try_into().ok()).unwrap_or([0; N])
}

fn texts(values: Vec<String>, _: Option<&ArrayRef>) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(StringArray::from_iter_values(values)))
}

/// Times of the zone that the column has: `UTC` where there is none yet.
pub(crate) fn times(values: Vec<u64>, old: Option<&ArrayRef>) -> Result<ArrayRef, ArrowError> {
    let zone = match old.map(|old| old.data_type()) {
        Some(DataType::Timestamp(_, zone)) => zone.clone(),
        _ => Some("UTC".into()),
    };
    let values = values.into_iter().map(u64::cast_signed);
    let times = PrimitiveArray::<TimestampNanosecondType>::from_iter_values(values);
    Ok(Arc::new(times.with_timezone_opt(zone)))
}

/// Ids; those of zeros alone are null.
pub(crate) fn ids<const N: usize>(
    values: Vec<[u8; N]>,
    _: Option<&ArrayRef>,
) -> Result<ArrayRef, ArrowError> {
    let there = values.iter().map(|id| Some(id).filter(|id| **id != [0; N]));
    let width = i32::try_from(N).map_err(|_| ArrowError::OffsetOverflowError(N))?;
    let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(there, width)?;
    Ok(Arc::new(ids))
}
