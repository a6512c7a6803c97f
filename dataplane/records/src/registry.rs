//! Schemas that this side has given ids to (format section 2), and what it has to publish.
//!
//! A schema is looked up by what it is, not by where it lies: the engine makes a new one for each
//! batch. The templates of its messages are made at its first batch and kept.

use crate::body::Body;
use crate::errors::{Error, SchemaProblem};
use crate::limits::{EpochSize, MAX_SCHEMAS, SchemaSize};
use crate::schema::{measure, preamble, preamble_size};
use crate::template::{Template, encapsulate};
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use arrow_schema::{Schema, SchemaRef};
use std::sync::Arc;

/// A schema with an id and the preamble that publishes it.
#[derive(Debug)]
pub struct SentSchema {
    id: u32,
    payload: u16,
    schema: SchemaRef,
    preamble: Vec<u8>,
    published: bool,
    batch: Option<Arc<Template>>,
    dictionaries: Vec<Arc<Template>>,
}

impl SentSchema {
    /// The id that batches use.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// OTAP payload type, 0 for plain Arrow.
    #[must_use]
    pub fn payload(&self) -> u16 {
        self.payload
    }

    /// The Arrow schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The whole preamble slot (S-7).
    #[must_use]
    pub fn preamble(&self) -> &[u8] {
        &self.preamble
    }

    /// The template for a record batch; kept unless the shape depends on the batch.
    pub(crate) fn batch_template(&mut self, body: &Body) -> Arc<Template> {
        let shape = body.shape();
        if !shape.variadic.is_empty() {
            return Arc::new(Template::new(shape, None));
        }
        self.batch
            .get_or_insert_with(|| Arc::new(Template::new(shape, None)))
            .clone()
    }

    /// The template for the dictionary with this id, which is at most the number of templates made
    /// so far.
    pub(crate) fn dictionary_template(&mut self, id: usize, body: &Body) -> Arc<Template> {
        let shape = body.shape();
        if !shape.variadic.is_empty() || id > self.dictionaries.len() {
            return Arc::new(Template::new(shape, Some(id as i64)));
        }
        if id == self.dictionaries.len() {
            self.dictionaries
                .push(Arc::new(Template::new(shape, Some(id as i64))));
        }
        self.dictionaries[id].clone()
    }
}

/// What the registry says to a schema.
pub(crate) enum Found {
    /// The index of its entry.
    Entry(usize),
    /// The payload has 63 others already, and the 64th id is the superset's; or the epoch's schemas
    /// would become too large.
    Full,
}

/// The schemas of one link and direction in one epoch, as the sender knows them.
#[derive(Debug, Default)]
pub struct SentSchemas {
    entries: Vec<SentSchema>,
    size: EpochSize,
}

impl SentSchemas {
    /// The entry of a schema, made if there is room for it.
    pub(crate) fn find(&mut self, payload: u16, schema: &SchemaRef) -> Result<Found, Error> {
        let same = |e: &SentSchema| {
            e.payload == payload && (Arc::ptr_eq(&e.schema, schema) || e.schema == *schema)
        };
        if let Some(index) = self.entries.iter().position(same) {
            return Ok(Found::Entry(index));
        }
        if self.size.schemas_of(payload) + 1 >= MAX_SCHEMAS {
            return Ok(Found::Full);
        }
        let added = self.add(payload, schema.clone())?;
        Ok(added.map_or(Found::Full, Found::Entry))
    }

    /// The entry of a superset: made even as the 64th.
    pub(crate) fn superset(&mut self, payload: u16, schema: &SchemaRef) -> Result<usize, Error> {
        let same = |e: &SentSchema| e.payload == payload && e.schema == *schema;
        if let Some(index) = self.entries.iter().position(same) {
            return Ok(index);
        }
        self.add(payload, schema.clone())?
            .map_err(|problem| Error::Unwritable {
                payload,
                column: String::new(),
                reason: format!("its schema {problem}"),
            })
    }

    /// Gives a schema its id; the inner error says which limit of the epoch is reached.
    fn add(
        &mut self,
        payload: u16,
        schema: SchemaRef,
    ) -> Result<Result<usize, SchemaProblem>, Error> {
        let (message, size) = message(payload, &schema)?;
        let size = preamble_size(size);
        if let Err(problem) = self.size.check(payload, size) {
            return Ok(Err(problem));
        }
        self.size.add(payload, size);
        let id = self.entries.len() as u32 + 1;
        let preamble = preamble(id, payload, &message);
        self.entries.push(SentSchema {
            id,
            payload,
            schema,
            preamble,
            published: false,
            batch: None,
            dictionaries: Vec::new(),
        });
        Ok(Ok(self.entries.len() - 1))
    }

    pub(crate) fn entry(&mut self, index: usize) -> &mut SentSchema {
        &mut self.entries[index]
    }

    /// Schemas that were given an id and have not been marked as published, in the order of their
    /// ids.
    pub fn unpublished(&self) -> impl Iterator<Item = &SentSchema> {
        self.entries.iter().filter(|entry| !entry.published)
    }

    /// Notes that the preamble of this schema is in the ring. Unknown ids are ignored.
    pub fn mark_published(&mut self, id: u32) {
        let entry = (id as usize)
            .checked_sub(1)
            .and_then(|index| self.entries.get_mut(index));
        if let Some(entry) = entry {
            entry.published = true;
        }
    }

    /// All schemas in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &SentSchema> {
        self.entries.iter()
    }
}

/// The encapsulated schema message, which is one that readers take, and its size.
pub(crate) fn message(payload: u16, schema: &Schema) -> Result<(Vec<u8>, SchemaSize), Error> {
    for field in schema.fields() {
        if let Some(inner) = nested_dictionary(field.data_type(), false) {
            let reason = format!("a dictionary of dictionaries ({inner})");
            return Err(Error::Unwritable {
                payload,
                column: field.name().clone(),
                reason,
            });
        }
    }
    let mut tracker = DictionaryTracker::new(false);
    let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(
        schema,
        &mut tracker,
        &IpcWriteOptions::default(),
    );
    let message = encapsulate(&encoded.ipc_message);
    match measure(&message) {
        Ok(size) => Ok((message, size)),
        Err(problem) => Err(Error::Unwritable {
            payload,
            column: String::new(),
            reason: format!("its schema {problem}"),
        }),
    }
}

/// A dictionary type within a dictionary's values, if there is one.
fn nested_dictionary(
    data_type: &arrow_schema::DataType,
    within: bool,
) -> Option<&arrow_schema::DataType> {
    use arrow_schema::DataType as D;
    match data_type {
        D::Dictionary(_, _) if within => Some(data_type),
        D::Dictionary(_, values) => nested_dictionary(values, true),
        D::List(f)
        | D::LargeList(f)
        | D::ListView(f)
        | D::LargeListView(f)
        | D::FixedSizeList(f, _)
        | D::Map(f, _) => nested_dictionary(f.data_type(), within),
        D::Struct(fields) => fields
            .iter()
            .find_map(|f| nested_dictionary(f.data_type(), within)),
        D::Union(fields, _) => fields
            .iter()
            .find_map(|(_, f)| nested_dictionary(f.data_type(), within)),
        D::RunEndEncoded(_, f) => nested_dictionary(f.data_type(), within),
        _ => None,
    }
}
