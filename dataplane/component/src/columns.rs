//! Sets of columns, of any table: what a component declares, what was changed, what crosses.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use crate::payload::SCHEMAS;
use crate::{AttributeTable, Payload};

/// A set of columns of a batch's tables. Combine sets with `|`.
///
/// Columns within a struct belong to it: `body` is all of the body. A table of attributes has
/// `key`, and `value`, which is a value of any type.
///
/// ```
/// use strait_component::{Columns, Payload};
///
/// const NAME: Columns = Columns::of(Payload::Spans, "name");
/// let read = NAME | Columns::BODY;
/// assert!(read.contains(Columns::of(Payload::Logs, "body")));
/// assert_eq!(read.to_string(), "`logs.body`, `spans.name`");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Columns {
    /// A bit for each column's number, by table.
    tables: [u32; SCHEMAS.len()],
}

/// One column of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableColumn {
    /// Its table.
    pub payload: Payload,
    /// Its number in the table.
    pub number: u8,
    /// Its name.
    pub name: &'static str,
    /// Whether a host can send it without the others.
    pub sent_alone: bool,
}

impl Columns {
    /// No column.
    pub const NONE: Self = Self {
        tables: [0; SCHEMAS.len()],
    };

    /// Every column of every table.
    pub const ALL: Self = {
        let (mut all, mut table) = (Self::NONE, 0);
        while table < SCHEMAS.len() {
            all = all.union(Self::table(SCHEMAS[table].payload));
            table += 1;
        }
        all
    };

    /// When a log record's event happened.
    pub const TIME: Self = Self::of(Payload::Logs, "time_unix_nano");
    /// When it was observed.
    pub const OBSERVED_TIME: Self = Self::of(Payload::Logs, "observed_time_unix_nano");
    /// A log record's severity as a number.
    pub const SEVERITY_NUMBER: Self = Self::of(Payload::Logs, "severity_number");
    /// A log record's severity as text.
    pub const SEVERITY_TEXT: Self = Self::of(Payload::Logs, "severity_text");
    /// A log record's body, of any type.
    pub const BODY: Self = Self::of(Payload::Logs, "body");
    /// The name of a log record's event.
    pub const EVENT_NAME: Self = Self::of(Payload::Logs, "event_name");
    /// A log record's flags.
    pub const FLAGS: Self = Self::of(Payload::Logs, "flags");
    /// A log record's trace id.
    pub const TRACE_ID: Self = Self::of(Payload::Logs, "trace_id");
    /// A log record's span id.
    pub const SPAN_ID: Self = Self::of(Payload::Logs, "span_id");
    /// How many attributes of a log record were dropped.
    pub const DROPPED_ATTRIBUTES_COUNT: Self = Self::of(Payload::Logs, "dropped_attributes_count");
    /// The schema URL of a log record's scope.
    pub const SCHEMA_URL: Self = Self::of(Payload::Logs, "schema_url");
    /// The fields of a log record's resource, without its attributes.
    pub const RESOURCE: Self = Self::of(Payload::Logs, "resource");
    /// The name, version and other fields of a log record's scope, without its attributes.
    pub const SCOPE: Self = Self::of(Payload::Logs, "scope");
    /// The attributes of log records.
    pub const LOG_ATTRIBUTES: Self = Self::table(Payload::LogAttributes);
    /// The attributes of resources.
    pub const RESOURCE_ATTRIBUTES: Self = Self::table(Payload::ResourceAttributes);
    /// The attributes of scopes.
    pub const SCOPE_ATTRIBUTES: Self = Self::table(Payload::ScopeAttributes);

    /// The column of this name.
    ///
    /// # Panics
    ///
    /// The table has no such column. In a `const` the compiler says so.
    pub const fn of(payload: Payload, name: &str) -> Self {
        let (mut columns, table) = (Self::NONE, payload.index());
        let named = SCHEMAS[table].columns;
        let mut number = 0;
        while number < named.len() {
            if same(named[number].declared, name) && !name.is_empty() {
                columns.tables[table] = 1 << number;
                return columns;
            }
            number += 1;
        }
        panic!("the table has no column of this name")
    }

    /// Every column of a table, without the ids that tie tables together.
    pub const fn table(payload: Payload) -> Self {
        let (mut columns, table) = (Self::NONE, payload.index());
        let named = SCHEMAS[table].columns;
        let mut number = 0;
        while number < named.len() {
            if !named[number].declared.is_empty() {
                columns.tables[table] |= 1 << number;
            }
            number += 1;
        }
        columns
    }

    /// The attributes of one table.
    pub const fn attributes(of: AttributeTable) -> Self {
        Self::table(of.payload())
    }

    /// Whether the set has no column.
    pub const fn is_empty(self) -> bool {
        Self::NONE.contains(self)
    }

    /// Whether every column of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        let mut table = 0;
        while table < SCHEMAS.len() {
            if other.tables[table] & !self.tables[table] != 0 {
                return false;
            }
            table += 1;
        }
        true
    }

    /// The columns of both sets.
    const fn union(mut self, other: Self) -> Self {
        let mut table = 0;
        while table < SCHEMAS.len() {
            self.tables[table] |= other.tables[table];
            table += 1;
        }
        self
    }

    /// The columns of this set that are not in `other`.
    pub(crate) fn without(mut self, other: Self) -> Self {
        for (columns, other) in self.tables.iter_mut().zip(other.tables) {
            *columns &= !other;
        }
        self
    }

    /// The columns of the set, by table and number.
    pub fn iter(self) -> impl Iterator<Item = TableColumn> {
        let tables = SCHEMAS.iter().zip(self.tables);
        tables.flat_map(|(schema, bits)| {
            let columns = (0..).zip(schema.columns);
            let here = columns.filter(move |(number, _)| bits >> number & 1 == 1);
            here.map(|(number, column)| TableColumn {
                payload: schema.payload,
                number,
                name: column.declared,
                sent_alone: column.sent_alone,
            })
        })
    }
}

/// Whether two texts are equal.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

impl Default for Columns {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<TableColumn> for Columns {
    fn from(column: TableColumn) -> Self {
        let mut columns = Self::NONE;
        columns.tables[column.payload.index()] = 1 << column.number;
        columns
    }
}

impl BitOr for Columns {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for Columns {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

impl fmt::Display for TableColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.payload.name(), self.name)
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, column) in self.iter().enumerate() {
            let between = if nth > 0 { ", " } else { "" };
            write!(f, "{between}`{column}`")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Columns({self})")
    }
}
