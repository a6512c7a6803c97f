//! Edits that are declared: what a processor does, listed once. What it must read and write, and
//! the work itself, both follow from the list.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::{
    Access, Any, AttributeTable, Batch, BatchError, Columns, Error, Keys, Log, Processor, Rows,
    Value,
};

type Test = dyn Fn(Log<'_>) -> bool + Send + Sync;
type Work = dyn Fn(&mut Rows<'_>) -> Result<bool, BatchError> + Send + Sync;

/// One edit of logs, with what it reads and writes.
#[derive(Clone)]
pub struct Edit {
    access: Access,
    test: Option<Arc<Test>>,
    work: Arc<Work>,
}

/// Edits in their order. A list of them is a processor, and says what this one needs.
///
/// ```
/// use strait_component::testing::{batch, samples, Sample};
/// use strait_component::{AttributeTable::Log, BatchError, Columns, Edit, Edits};
///
/// let edits: Edits = [
///     Edit::discard().when(Columns::SEVERITY_NUMBER, |log| log.severity_number() < 9),
///     Edit::rename(Log, "http.method", "http.request.method"),
///     Edit::upsert(Log, "env", "prod"),
/// ].into();
/// assert!(edits.access().filters);
///
/// let info = Sample { severity_number: 9, ..Sample::default() };
/// let mut batch = batch(&[Sample::new("noise"), info.clone().with("http.method", "GET")]);
/// edits.apply(&mut batch)?;
/// edits.access().check(&batch).unwrap();
/// let expected = info.with("http.request.method", "GET").with("env", "prod");
/// assert_eq!(samples(&batch), [expected]);
/// # Ok::<(), BatchError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Edits(Vec<Edit>);

/// Writes attributes of one table.
fn attributes(of: AttributeTable, keys: Keys) -> Access {
    Access::new().write(Columns::attributes(of)).keys(keys)
}

/// The constructors of edits that set one field.
macro_rules! setters {
    ($($(#[$doc:meta])* $set:ident($value:ty) => $columns:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $set(value: impl Into<$value>) -> Self {
                let value = value.into();
                Self::new(Access::new().write(Columns::$columns), move |logs| {
                    logs.$set(value.clone())
                })
            }
        )*
    };
}

impl Edit {
    /// An edit of your own. It must read and write no more than `access` says.
    pub fn new(
        access: Access,
        work: impl Fn(&mut Rows<'_>) -> Result<bool, BatchError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            access,
            test: None,
            work: Arc::new(work),
        }
    }

    /// The edit of those logs only that `test` holds for. `reads` says what the test reads:
    /// columns, an attribute's table and key, or an [`Access`].
    pub fn when(
        mut self,
        reads: impl Into<Access>,
        test: impl Fn(Log<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.access = self.access.and(reads.into());
        self.test = Some(match self.test.take() {
            Some(before) => Arc::new(move |log| before(log) && test(log)),
            None => Arc::new(test),
        });
        self
    }

    /// What it reads and writes.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// [`Rows::insert`].
    pub fn insert(of: AttributeTable, key: &str, value: impl Into<Any>) -> Self {
        let (key, value) = (key.to_owned(), value.into());
        Self::new(attributes(of, Keys::named([&key])), move |logs| {
            logs.insert(of, &key, value.clone())
        })
    }

    /// [`Rows::update`].
    pub fn update(of: AttributeTable, key: &str, value: impl Into<Any>) -> Self {
        let (key, value) = (key.to_owned(), value.into());
        Self::new(attributes(of, Keys::named([&key])), move |logs| {
            logs.update(of, &key, value.clone())
        })
    }

    /// [`Rows::upsert`].
    pub fn upsert(of: AttributeTable, key: &str, value: impl Into<Any>) -> Self {
        let (key, value) = (key.to_owned(), value.into());
        Self::new(attributes(of, Keys::named([&key])), move |logs| {
            logs.upsert(of, &key, value.clone())
        })
    }

    /// [`Rows::upsert_with`]. `reads` says what `value` reads of a log.
    pub fn upsert_with<V: Into<Any>>(
        of: AttributeTable,
        key: &str,
        reads: impl Into<Access>,
        value: impl Fn(Log<'_>) -> Option<V> + Send + Sync + 'static,
    ) -> Self {
        let key = key.to_owned();
        let access = attributes(of, Keys::named([&key])).and(reads.into());
        Self::new(access, move |logs| logs.upsert_with(of, &key, &value))
    }

    /// Sets the attribute `key` of `of` to the value of the attribute `from_key` of `from`, where
    /// that is there.
    pub fn copy(from: AttributeTable, from_key: &str, of: AttributeTable, key: &str) -> Self {
        let read = from_key.to_owned();
        Self::upsert_with(of, key, (from, from_key), move |log| {
            log.attribute(from, &read)?.to_any()
        })
    }

    /// [`Rows::rename`].
    pub fn rename(of: AttributeTable, from: &str, to: &str) -> Self {
        let (from, to) = (from.to_owned(), to.to_owned());
        Self::new(attributes(of, Keys::named([&from, &to])), move |logs| {
            logs.rename(of, &from, &to)
        })
    }

    /// [`Rows::delete`].
    pub fn delete(of: AttributeTable, keys: Keys) -> Self {
        Self::new(attributes(of, keys.clone()), move |logs| {
            logs.delete(of, &keys)
        })
    }

    /// [`Rows::delete_where`].
    pub fn delete_where(
        of: AttributeTable,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::new(attributes(of, Keys::All), move |logs| {
            logs.delete_where(of, &test)
        })
    }

    /// [`Rows::map_attributes`].
    pub fn map_attributes(
        of: AttributeTable,
        keys: Keys,
        map: impl Fn(&str, Value<'_>) -> Option<Any> + Send + Sync + 'static,
    ) -> Self {
        Self::new(attributes(of, keys.clone()), move |logs| {
            logs.map_attributes(of, &keys, &map)
        })
    }

    /// [`Rows::edit_attributes`].
    pub fn edit_attributes(
        of: AttributeTable,
        keys: Keys,
        edit: impl for<'t> Fn(&'t str) -> Cow<'t, str> + Send + Sync + 'static,
    ) -> Self {
        Self::new(attributes(of, keys.clone()), move |logs| {
            logs.edit_attributes(of, &keys, &edit)
        })
    }

    /// [`Rows::edit_attributes_where`].
    pub fn edit_attributes_where(
        of: AttributeTable,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
        edit: impl for<'t> Fn(&'t str) -> Cow<'t, str> + Send + Sync + 'static,
    ) -> Self {
        Self::new(attributes(of, Keys::All), move |logs| {
            logs.edit_attributes_where(of, &test, &edit)
        })
    }

    /// [`Rows::edit_bodies`].
    pub fn edit_bodies(
        edit: impl for<'t> Fn(&'t str) -> Cow<'t, str> + Send + Sync + 'static,
    ) -> Self {
        Self::new(Access::new().write(Columns::BODY), move |logs| {
            logs.edit_bodies(&edit)
        })
    }

    /// [`Rows::discard`]: drops the logs, all of them without [`when`](Self::when).
    pub fn discard() -> Self {
        Self::new(Access::new().filter(), |logs| logs.discard())
    }

    /// Keeps the logs that `test` holds for. `reads` says what the test reads.
    pub fn retain(
        reads: impl Into<Access>,
        test: impl Fn(Log<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::discard().when(reads, move |log| !test(log))
    }

    setters! {
        /// [`Rows::set_body`].
        set_body(Any) => BODY;
        /// [`Rows::set_severity_number`].
        set_severity_number(i32) => SEVERITY_NUMBER;
        /// [`Rows::set_severity_text`].
        set_severity_text(String) => SEVERITY_TEXT;
        /// [`Rows::set_event_name`].
        set_event_name(String) => EVENT_NAME;
        /// [`Rows::set_time_unix_nano`].
        set_time_unix_nano(u64) => TIME;
        /// [`Rows::set_observed_time_unix_nano`].
        set_observed_time_unix_nano(u64) => OBSERVED_TIME;
        /// [`Rows::set_flags`].
        set_flags(u32) => FLAGS;
        /// [`Rows::set_trace_id`].
        set_trace_id([u8; 16]) => TRACE_ID;
        /// [`Rows::set_span_id`].
        set_span_id([u8; 8]) => SPAN_ID;
    }

    /// Does it, and answers whether anything changed.
    ///
    /// # Errors
    ///
    /// Those of the edit, as [`Rows`] has them.
    pub fn apply(&self, batch: &mut Batch) -> Result<bool, BatchError> {
        match &self.test {
            None => (self.work)(&mut batch.all()),
            Some(test) => {
                let mut logs = batch.matching(|log| test(log));
                if logs.is_empty() {
                    return Ok(false);
                }
                (self.work)(&mut logs)
            }
        }
    }
}

impl Edits {
    /// What the edits read and write, together.
    pub fn access(&self) -> Access {
        let edits = self.0.iter().map(|edit| edit.access.clone());
        edits.reduce(Access::and).unwrap_or_default()
    }

    /// Does the edits, one after the other, and answers whether anything changed.
    ///
    /// # Errors
    ///
    /// That of the first edit that fails; those before it are done.
    pub fn apply(&self, batch: &mut Batch) -> Result<bool, BatchError> {
        let mut changed = false;
        for edit in &self.0 {
            changed |= edit.apply(batch)?;
        }
        Ok(changed)
    }
}

impl Processor for Edits {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        self.apply(batch)?;
        Ok(())
    }
}

impl FromIterator<Edit> for Edits {
    fn from_iter<I: IntoIterator<Item = Edit>>(edits: I) -> Self {
        Self(edits.into_iter().collect())
    }
}

impl<const N: usize> From<[Edit; N]> for Edits {
    fn from(edits: [Edit; N]) -> Self {
        edits.into_iter().collect()
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edit")
            .field("access", &self.access)
            .field("conditional", &self.test.is_some())
            .finish()
    }
}
