//! What differs between the records that went into a unit and those that came out (format section
//! 4).
//!
//! Both sides are OTAP records with plain ids: the root's `id` is the row's ordinal in the ingress
//! batch, so it names the survivors. Columns at the same address are unchanged; others are compared
//! by content, whatever their encoding (plain, u8 or u16 dictionary) on either side. Placeholder
//! rows (key empty, type 0) are ignored, and so is all that no [`Watched`] names. Every list of
//! operations is replayed before it is believed: what cannot be expressed exactly is
//! [`NotExpressible`], and the caller answers with full records instead.

mod attributes;
mod columns;
mod renames;
mod root;

use crate::difference::{DifferenceBuilder, Owners, Target};
use arrow_array::RecordBatch;
use thiserror::Error;

/// Which attribute keys to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// These; for renames both the old and the new one.
    Only(Vec<String>),
    /// All.
    All,
}

impl Keys {
    /// These keys.
    pub fn only<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self::Only(keys.into_iter().map(Into::into).collect())
    }

    fn contains(&self, key: &str) -> bool {
        match self {
            Self::Only(keys) => keys.iter().any(|known| known == key),
            Self::All => true,
        }
    }
}

/// Something that the unit writes, and that is therefore compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// What it is.
    pub target: Target,
    /// Of attributes, those with these keys.
    pub keys: Keys,
}

impl Watched {
    /// Everything that a difference of a batch with this root table can hold.
    #[must_use]
    pub fn all(root: u16) -> Vec<Self> {
        let keys = Keys::All;
        let watched = Target::all(root).map(|target| Self {
            target,
            keys: keys.clone(),
        });
        watched.collect()
    }
}

/// Why a difference cannot say what changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the change cannot be expressed as a difference: {reason}")]
pub struct NotExpressible {
    /// What it is about.
    pub reason: String,
}

impl NotExpressible {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl From<crate::Error> for NotExpressible {
    fn from(error: crate::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// Compares records before and after a unit and puts what differs into `into`, which is reset
/// first.
///
/// `root` is the payload type of the root table. `before` are the records of the ingress batch, in
/// which the root's `id` is 0, 1, 2, ... `after` are the unit's output for it; without a root
/// record batch in it no row stays. What a row has itself comes first in the difference, whatever
/// the order of `watched`.
///
/// # Errors
/// [`NotExpressible`]: the rows or attributes are not in their order, an ordinal was changed, a key
/// that occurs twice changed otherwise than by a delete, or a column does not have a type of OTAP.
/// `into` is then of no use.
pub fn records(
    root: u16,
    before: &[(u16, RecordBatch)],
    after: &[(u16, RecordBatch)],
    watched: &[Watched],
    into: &mut DifferenceBuilder,
) -> Result<(), NotExpressible> {
    let table = one(before, root)?;
    into.reset(root, table.map_or(0, |table| table.num_rows() as u32));
    let Some(table) = table else {
        return match one(after, root)?.filter(|after| after.num_rows() > 0) {
            None => Ok(()),
            Some(_) => Err(NotExpressible::new(
                "items came out of a batch without items",
            )),
        };
    };
    let origin = root::Origin::of(root, table)?;
    let Some(rows) = root::survivors(table, one(after, root)?, into)? else {
        return Ok(());
    };
    let columns = |watched: &&Watched| !watched.target.has_key();
    for Watched { target, .. } in watched.iter().filter(columns) {
        root::column_values(&rows, *target, into)?;
    }
    for Watched { target, keys } in watched.iter().filter(|watched| !columns(watched)) {
        let payload = target.payload();
        let (before, after) = (one(before, payload)?, one(after, payload)?);
        let owners = origin.owners(*target, into);
        attributes::compare(before, after, *target, keys, &owners, into)?;
    }
    Ok(())
}

/// How many of each kind a batch with this root table has, for
/// [`Difference::parse`](crate::difference::Difference::parse).
///
/// # Errors
/// [`NotExpressible`] if an ordinal column does not have OTAP's type.
pub fn owners(root: u16, batches: &[(u16, RecordBatch)]) -> Result<Owners, NotExpressible> {
    match one(batches, root)? {
        Some(table) => Ok(root::Origin::of(root, table)?.count()),
        None => Ok(Owners {
            root,
            items: 0,
            resources: 0,
            scopes: 0,
        }),
    }
}

/// The one record batch of a payload, if there is one.
fn one(
    batches: &[(u16, RecordBatch)],
    payload: u16,
) -> Result<Option<&RecordBatch>, NotExpressible> {
    let mut found = batches
        .iter()
        .filter(|(p, _)| *p == payload)
        .map(|(_, batch)| batch);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        _ => Err(NotExpressible::new(format!(
            "payload {payload} has several record batches"
        ))),
    }
}
