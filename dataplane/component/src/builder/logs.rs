//! Making logs from nothing.

use crate::record::{LogRecord, Pairs, Resource, Scope};
use crate::rows::ids;
use crate::{AttributeTable, Batch, BatchError, Payload};

/// Builds a batch of logs: resources, scopes within them, records within these.
///
/// ```
/// use strait_component::{Any, BatchError, LogRecord, LogsBuilder, Resource, Scope};
///
/// let mut logs = LogsBuilder::new();
/// logs.resource(Resource::new([("service.name", "shop")]))?;
/// logs.scope(Scope::new("access"))?;
/// logs.push(LogRecord {
///     severity_number: 9,
///     ..LogRecord::new("GET /").with("status", 200).with("tags", vec![Any::from("a")])
/// })?;
/// let batch = logs.finish()?;
/// assert_eq!(batch.logs().get(0).unwrap().scope_name(), "access");
/// # Ok::<(), BatchError>(())
/// ```
#[derive(Debug, Default)]
pub struct LogsBuilder {
    records: Vec<LogRecord>,
    /// Resource and scope of each record.
    places: Vec<(u16, u16)>,
    resources: Vec<Resource>,
    scopes: Vec<Scope>,
}

impl LogsBuilder {
    /// The most records, resources and scopes of one batch, each.
    pub const MAX: usize = 1 << 16;

    /// A builder of a batch that has nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a resource, which the records that follow have. Without one they have a resource
    /// without attributes.
    ///
    /// # Errors
    ///
    /// [`BatchError::Full`].
    pub fn resource(&mut self, resource: Resource) -> Result<&mut Self, BatchError> {
        self.room(AttributeTable::Resource, self.resources.len())?;
        self.room(AttributeTable::Scope, self.scopes.len())?;
        self.resources.push(resource);
        self.scopes.push(Scope::default());
        Ok(self)
    }

    /// Begins a scope in the resource that was begun last.
    ///
    /// # Errors
    ///
    /// [`BatchError::Full`].
    pub fn scope(&mut self, scope: Scope) -> Result<&mut Self, BatchError> {
        if self.resources.is_empty() {
            self.resources.push(Resource::default());
        }
        self.room(AttributeTable::Scope, self.scopes.len())?;
        self.scopes.push(scope);
        Ok(self)
    }

    /// Adds a record to the resource and scope that were begun last.
    ///
    /// # Errors
    ///
    /// [`BatchError::Full`]: finish this batch, and begin another.
    pub fn push(&mut self, record: LogRecord) -> Result<&mut Self, BatchError> {
        self.room(AttributeTable::Log, self.records.len())?;
        if self.scopes.is_empty() {
            self.scope(Scope::default())?;
        }
        let last = |len: usize| u16::try_from(len - 1).unwrap_or(u16::MAX);
        self.places
            .push((last(self.resources.len()), last(self.scopes.len())));
        self.records.push(record);
        Ok(self)
    }

    fn room(&self, of: AttributeTable, len: usize) -> Result<(), BatchError> {
        let of = ids::owners(of);
        (len < Self::MAX)
            .then_some(())
            .ok_or(BatchError::Full { of })
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The batch. Resources and scopes without records are left out.
    ///
    /// # Errors
    ///
    /// A column outgrows Arrow's 2 GiB.
    pub fn finish(self) -> Result<Batch, BatchError> {
        let mut batch = Batch::default();
        if self.is_empty() {
            return Ok(batch);
        }
        let Self {
            mut records,
            places,
            resources,
            scopes,
        } = self;
        let of_logs: Vec<Pairs> = records
            .iter_mut()
            .map(|record| std::mem::take(&mut record.attributes))
            .collect();
        let logs = super::tables::root(records, &places, &resources, &scopes)
            .map_err(|e| BatchError::arrow(Payload::Logs, e))?;
        batch.tables[Payload::Logs.index()] = Some(logs);
        let of_scopes = scopes.into_iter().map(|scope| scope.attributes).collect();
        let of_resources = resources
            .into_iter()
            .map(|resource| resource.attributes)
            .collect();
        let used = |id: fn(&(u16, u16)) -> u16| {
            let mut used = places.iter().map(id).collect::<Vec<_>>();
            used.dedup();
            used
        };
        let logs = (0..=u16::MAX).take(of_logs.len()).collect();
        for (of, owners, lists) in [
            (AttributeTable::Log, logs, of_logs),
            (
                AttributeTable::Resource,
                used(|place| place.0),
                of_resources,
            ),
            (AttributeTable::Scope, used(|place| place.1), of_scopes),
        ] {
            let payload = of.payload();
            let table = super::tables::attributes(payload, &owners, lists);
            batch.tables[payload.index()] =
                table.map_err(|error| BatchError::arrow(payload, error))?;
        }
        batch.changes.renumbered();
        Ok(batch)
    }
}
