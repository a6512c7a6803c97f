//! Changing text: in bodies and in attribute values, nested values included.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::types::{BinaryType, Utf8Type};
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{ArrowError, FieldRef};

use crate::edit::{self, edit_column, replace_column};
use crate::logs::struct_column;
use crate::value::{Values, code};
use crate::{AttributeTable, Batch, BatchError, Columns, Keys, Payload, Rows, nested};

impl Batch {
    /// Changes the text of bodies to what `edit` makes of it, and answers whether
    /// any changed. In bodies that are maps or lists every text is changed, however
    /// deep, except the keys of maps. Bytes and numbers are left alone.
    ///
    /// `edit` must depend on nothing but its text: where a text occurs several
    /// times, it may be asked once, and in any order. `regex.replace_all(text, "")`
    /// fits as it is.
    ///
    /// # Errors
    ///
    /// A nested value is not valid CBOR, a column outgrows Arrow's 2 GiB, or the batch
    /// holds OTLP bytes. It stays as it was.
    pub fn edit_bodies(
        &mut self,
        edit: impl for<'t> FnMut(&'t str) -> Cow<'t, str>,
    ) -> Result<bool, BatchError> {
        self.edit_bodies_of(None, edit)
    }

    /// [`edit_bodies`](Self::edit_bodies) of the logs whose bit is set.
    pub(crate) fn edit_bodies_of(
        &mut self,
        chosen: Option<BooleanBuffer>,
        mut edit: impl for<'t> FnMut(&'t str) -> Cow<'t, str>,
    ) -> Result<bool, BatchError> {
        const PAYLOAD: Payload = Payload::Logs;
        self.has_records()?;
        let Some(logs) = self.table(PAYLOAD) else {
            return Ok(false);
        };
        let Some((at, _)) = logs.schema_ref().column_with_name("body") else {
            return Ok(false);
        };
        let Some(body) = struct_column(logs, "body") else {
            return Ok(false);
        };

        let place = Place {
            payload: PAYLOAD,
            nested: "body.ser",
        };
        let values = self.logs().bodies();
        let new = edit_values(place, &values, self.len(), chosen, &mut edit, |name| {
            body.column_by_name(name)
        })?;
        if new.is_empty() {
            return Ok(false);
        }
        let body = replace_children(body, new).map_err(|e| BatchError::arrow(PAYLOAD, e))?;
        let logs =
            replace_column(logs, at, Arc::new(body)).map_err(|e| BatchError::arrow(PAYLOAD, e))?;
        self.tables[PAYLOAD.index()] = Some(logs);
        self.changes.edited(Columns::BODY);
        Ok(true)
    }

    /// Changes the text of attribute values to what `edit` makes of it, for the
    /// attributes in `keys`, and answers whether any changed. Values that are maps
    /// or lists, and `edit` itself, are treated as in
    /// [`edit_bodies`](Self::edit_bodies).
    ///
    /// # Errors
    ///
    /// Those of [`edit_bodies`](Self::edit_bodies).
    pub fn edit_attributes(
        &mut self,
        of: AttributeTable,
        keys: &Keys,
        edit: impl for<'t> FnMut(&'t str) -> Cow<'t, str>,
    ) -> Result<bool, BatchError> {
        self.all().edit_attributes(of, keys, edit)
    }

    /// [`edit_attributes`](Self::edit_attributes) of the attributes whose bit is set.
    pub(crate) fn edit_attributes_of(
        &mut self,
        of: AttributeTable,
        chosen: Option<BooleanBuffer>,
        mut edit: impl for<'t> FnMut(&'t str) -> Cow<'t, str>,
    ) -> Result<bool, BatchError> {
        self.has_records()?;
        let payload = of.payload();
        let Some(table) = self.table(payload) else {
            return Ok(false);
        };
        let attributes = self.attributes(of);
        let place = Place {
            payload,
            nested: "ser",
        };
        let values = attributes.values();
        let new = edit_values(
            place,
            &values,
            attributes.len(),
            chosen,
            &mut edit,
            |name| table.column_by_name(name),
        )?;
        let mut edited = None;
        for (name, array) in new {
            let table = edited.as_ref().unwrap_or(table);
            if let Some((at, _)) = table.schema_ref().column_with_name(name) {
                let table = replace_column(table, at, array);
                edited = Some(table.map_err(|e| BatchError::arrow(payload, e))?);
            }
        }
        let changed = edited.is_some();
        if changed {
            self.tables[payload.index()] = edited;
            self.changes.edited(Columns::attributes(of));
        }
        Ok(changed)
    }
}

impl Rows<'_> {
    /// [`Batch::edit_bodies`] of the chosen logs.
    ///
    /// # Errors
    ///
    /// Those of [`Batch::edit_bodies`].
    pub fn edit_bodies(
        &mut self,
        edit: impl for<'t> FnMut(&'t str) -> Cow<'t, str>,
    ) -> Result<bool, BatchError> {
        let chosen = self.chosen().cloned();
        self.batch_mut().edit_bodies_of(chosen, edit)
    }

    /// [`Batch::edit_attributes`] of the chosen logs, or of their resources or scopes.
    ///
    /// # Errors
    ///
    /// Those of [`Batch::edit_bodies`].
    pub fn edit_attributes(
        &mut self,
        of: AttributeTable,
        keys: &Keys,
        edit: impl for<'t> FnMut(&'t str) -> Cow<'t, str>,
    ) -> Result<bool, BatchError> {
        let chosen = match (keys, self.chosen()) {
            (Keys::All, None) => None,
            _ => Some(self.of_keys(of, |key| keys.contains(key))),
        };
        let batch = self.batch_mut();
        batch.changes.used(keys);
        batch.edit_attributes_of(of, chosen, edit)
    }

    /// [`edit_attributes`](Self::edit_attributes) of those whose key `test` holds for.
    ///
    /// # Errors
    ///
    /// Those of [`Batch::edit_bodies`].
    pub fn edit_attributes_where(
        &mut self,
        of: AttributeTable,
        test: impl Fn(&str) -> bool,
        edit: impl for<'t> FnMut(&'t str) -> Cow<'t, str>,
    ) -> Result<bool, BatchError> {
        let chosen = self.of_keys(of, test);
        self.batch_mut().edit_attributes_of(of, Some(chosen), edit)
    }
}

/// Where values are, for messages.
#[derive(Clone, Copy)]
struct Place {
    payload: Payload,
    nested: &'static str,
}

/// The columns `str` and `ser` that differ after the edit.
fn edit_values<'c>(
    place: Place,
    values: &Values<'_>,
    rows: usize,
    chosen: Option<BooleanBuffer>,
    edit: &mut impl for<'t> FnMut(&'t str) -> Cow<'t, str>,
    column: impl Fn(&str) -> Option<&'c ArrayRef>,
) -> Result<Vec<(&'static str, ArrayRef)>, BatchError> {
    let select = |test: fn(u8) -> bool| {
        let of_kind = values.kinds().rows_where(rows, test);
        match &chosen {
            None => edit::Rows {
                edited: of_kind,
                kept: None,
            },
            Some(chosen) => edit::Rows {
                edited: &of_kind & chosen,
                kept: Some(&of_kind & &!chosen),
            },
        }
    };
    let mut new = Vec::new();
    if let Some(texts) = column("str") {
        let edited = edit_column::<Utf8Type, Failure>(
            texts,
            &select(|kind| kind == code::STR),
            &mut |_, old, out| {
                let new = edit(old);
                let differs = *new != *old;
                if differs {
                    out.extend_from_slice(new.as_bytes());
                }
                Ok(differs)
            },
        );
        if let Some(array) = edited.map_err(|e| e.at(place))? {
            new.push(("str", array));
        }
    }
    if let Some(nested_values) = column("ser") {
        let edited = edit_column::<BinaryType, Failure>(
            nested_values,
            &select(|kind| matches!(kind, code::MAP | code::SLICE)),
            &mut |index, old, out| {
                nested::edit(old, out, edit).map_err(|problem| Failure::Nested { index, problem })
            },
        );
        if let Some(array) = edited.map_err(|e| e.at(place))? {
            new.push(("ser", array));
        }
    }
    Ok(new)
}

/// What can go wrong in a column, before it is known which column it is.
enum Failure {
    Arrow(ArrowError),
    Nested { index: usize, problem: String },
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

impl Failure {
    fn at(self, place: Place) -> BatchError {
        match self {
            Self::Arrow(error) => BatchError::arrow(place.payload, error),
            Self::Nested { index, problem } => BatchError::Nested {
                payload: place.payload.name(),
                column: place.nested,
                index,
                problem,
            },
        }
    }
}

/// The struct with other arrays in the children of these names.
fn replace_children(
    parent: &StructArray,
    new: Vec<(&'static str, ArrayRef)>,
) -> Result<StructArray, ArrowError> {
    let (fields, mut arrays, nulls) = parent.clone().into_parts();
    let mut fields: Vec<FieldRef> = fields.iter().cloned().collect();
    for (name, array) in new {
        let Some(at) = fields.iter().position(|field| field.name() == name) else {
            continue;
        };
        if fields[at].data_type() != array.data_type() {
            let field = fields[at].as_ref().clone();
            fields[at] = Arc::new(field.with_data_type(array.data_type().clone()));
        }
        arrays[at] = array;
    }
    StructArray::try_new(fields.into(), arrays, nulls)
}
