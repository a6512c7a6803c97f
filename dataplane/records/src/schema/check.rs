//! A schema's flatbuffer, walked before anything is made of it (S-5, S-18).
//!
//! Guarantees for what passed: every table that the schema is made of is there once, so that
//! neither verifying nor keeping it costs more than its bytes; fields, nesting, metadata entries
//! and text are within their limits. Leaves to others: what the types say, which [`super::types`]
//! checks.

use crate::errors::{Problem, SchemaProblem};
use crate::flatbuf::Table;
use crate::limits::{MAX_DEPTH, MAX_ENTRIES, MAX_FIELDS, SchemaSize, within};

/// Indexes of the fields in Arrow's `Message.fbs` and `Schema.fbs`.
mod at {
    pub(super) const MESSAGE_HEADER: usize = 2;
    pub(super) const MESSAGE_METADATA: usize = 4;
    pub(super) const SCHEMA_FIELDS: usize = 1;
    pub(super) const SCHEMA_METADATA: usize = 2;
    pub(super) const FIELD_NAME: usize = 0;
    pub(super) const FIELD_TYPE_KIND: usize = 2;
    pub(super) const FIELD_TYPE: usize = 3;
    pub(super) const FIELD_DICTIONARY: usize = 4;
    pub(super) const FIELD_CHILDREN: usize = 5;
    pub(super) const FIELD_METADATA: usize = 6;
    pub(super) const DICTIONARY_INDEX: usize = 1;
    pub(super) const TIMESTAMP_ZONE: usize = 1;
    pub(super) const UNION_IDS: usize = 1;
    pub(super) const KEY: usize = 0;
    pub(super) const VALUE: usize = 1;
}
/// Numbers of Arrow's `Type` union.
const TIMESTAMP: u8 = 10;
const UNION: u8 = 14;

/// Walks the flatbuffer of a schema message, and says how large the schema is.
pub(super) fn check(flatbuffer: &[u8]) -> Result<SchemaSize, SchemaProblem> {
    let mut walk = Walk {
        bytes: flatbuffer.len(),
        fields: 0,
        entries: 0,
        text: 0,
        tables: Vec::new(),
    };
    let message = Table::root(flatbuffer).map_err(outside)?;
    walk.table(&message);
    walk.metadata(&message, at::MESSAGE_METADATA)?;
    let missing = Problem::Metadata("the header is missing");
    let schema = message.table(at::MESSAGE_HEADER).map_err(outside)?;
    let schema = schema.ok_or_else(|| outside(missing))?;
    walk.table(&schema);
    walk.metadata(&schema, at::SCHEMA_METADATA)?;
    walk.fields(&schema, at::SCHEMA_FIELDS, 1)?;
    walk.finish()
}

/// What was met so far.
struct Walk {
    bytes: usize,
    fields: u32,
    entries: u32,
    /// Bytes of names, time zones, type ids, and metadata, wherever they are named.
    text: usize,
    /// Where each table lies.
    tables: Vec<usize>,
}

impl Walk {
    fn table(&mut self, table: &Table<'_>) {
        self.tables.push(table.at());
    }

    fn fields(&mut self, of: &Table<'_>, index: usize, depth: u32) -> Result<(), SchemaProblem> {
        let fields = of.tables(index).map_err(outside)?;
        if fields.len() == 0 {
            return Ok(());
        }
        within("levels of fields", depth as usize, MAX_DEPTH as usize)?;
        let count = self.fields as usize + fields.len();
        within("fields", count, MAX_FIELDS as usize)?;
        self.fields = count as u32;
        for field in fields {
            self.field(&field.map_err(outside)?, depth)?;
        }
        Ok(())
    }

    fn field(&mut self, field: &Table<'_>, depth: u32) -> Result<(), SchemaProblem> {
        self.table(field);
        self.bytes_of(field, at::FIELD_NAME, 1)?;
        if let Some(kind) = field.table(at::FIELD_TYPE).map_err(outside)? {
            self.table(&kind);
            let [number] = field.scalar(at::FIELD_TYPE_KIND).map_err(outside)?;
            match number {
                TIMESTAMP => self.bytes_of(&kind, at::TIMESTAMP_ZONE, 1)?,
                UNION => self.bytes_of(&kind, at::UNION_IDS, 4)?,
                _ => {}
            }
        }
        if let Some(dictionary) = field.table(at::FIELD_DICTIONARY).map_err(outside)? {
            self.table(&dictionary);
            if let Some(index) = dictionary.table(at::DICTIONARY_INDEX).map_err(outside)? {
                self.table(&index);
            }
        }
        self.metadata(field, at::FIELD_METADATA)?;
        self.fields(field, at::FIELD_CHILDREN, depth + 1)
    }

    fn metadata(&mut self, of: &Table<'_>, index: usize) -> Result<(), SchemaProblem> {
        let pairs = of.tables(index).map_err(outside)?;
        let count = self.entries as usize + pairs.len();
        within("metadata entries", count, MAX_ENTRIES as usize)?;
        self.entries = count as u32;
        for pair in pairs {
            let pair = pair.map_err(outside)?;
            self.table(&pair);
            self.bytes_of(&pair, at::KEY, 1)?;
            self.bytes_of(&pair, at::VALUE, 1)?;
        }
        Ok(())
    }

    /// Counts the bytes of a vector. Text may be named twice; it is then kept twice, and counted
    /// so.
    fn bytes_of(
        &mut self,
        table: &Table<'_>,
        index: usize,
        size: usize,
    ) -> Result<(), SchemaProblem> {
        let (_, len) = table.vector(index, size).map_err(outside)?;
        self.text += len;
        within("bytes of names and metadata", self.text, self.bytes)
    }

    fn finish(mut self) -> Result<SchemaSize, SchemaProblem> {
        self.tables.sort_unstable();
        if self.tables.windows(2).any(|pair| pair[0] == pair[1]) {
            let reason = "a part of the schema is shared by two others";
            return Err(SchemaProblem::Message(reason.to_owned()));
        }
        Ok(SchemaSize {
            bytes: self.bytes,
            fields: self.fields,
            entries: self.entries,
        })
    }
}

fn outside(problem: Problem) -> SchemaProblem {
    SchemaProblem::Message(problem.to_string())
}
