//! What differs between the logs that went into a unit and those that came out (format section 4).
//!
//! Both sides are OTAP records with plain ids: the root's `id` is the row's ordinal in the ingress
//! batch, so it names the survivors. Columns at the same address are unchanged; others are compared
//! by content, whatever their encoding (plain, u8 or u16 dictionary) on either side. Placeholder
//! rows (key empty, type 0) are ignored, and so is all that [`Watch`] does not name. Every list of
//! operations is replayed before it is believed: what cannot be expressed exactly is
//! [`NotExpressible`], and the caller answers with full records instead.

mod attributes;
mod columns;
mod renames;
mod root;

use crate::difference::{DifferenceBuilder, Owners, Target};
use arrow_array::RecordBatch;
use thiserror::Error;

/// OTAP payload types that logs use.
mod payload {
    pub(super) const RESOURCE_ATTRS: u16 = 1;
    pub(super) const SCOPE_ATTRS: u16 = 2;
    pub(super) const LOGS: u16 = 30;
    pub(super) const LOG_ATTRS: u16 = 31;
}

/// Which attribute keys to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keys<'a> {
    /// None.
    #[default]
    None,
    /// These; for renames both the old and the new one.
    Only(&'a [&'a str]),
    /// All.
    All,
}

impl Keys<'_> {
    fn contains(&self, key: &str) -> bool {
        match self {
            Self::None => false,
            Self::Only(keys) => keys.contains(&key),
            Self::All => true,
        }
    }
}

/// What the unit writes, and therefore what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Watch<'a> {
    /// Attributes of log records.
    pub log_attributes: Keys<'a>,
    /// Attributes of resources.
    pub resource_attributes: Keys<'a>,
    /// Attributes of scopes.
    pub scope_attributes: Keys<'a>,
    /// The body.
    pub body: bool,
    /// The severity number.
    pub severity_number: bool,
    /// The severity text.
    pub severity_text: bool,
    /// The event name.
    pub event_name: bool,
}

impl Watch<'_> {
    /// Everything that a difference can hold.
    #[must_use]
    pub fn all() -> Self {
        Self {
            log_attributes: Keys::All,
            resource_attributes: Keys::All,
            scope_attributes: Keys::All,
            body: true,
            severity_number: true,
            severity_text: true,
            event_name: true,
        }
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

/// Compares logs before and after a unit and puts what differs into `into`, which is reset first.
///
/// `before` are the records of the ingress batch, in which the root's `id` is 0, 1, 2, ... `after`
/// are the unit's output for it; without a root record batch in it no row stays.
///
/// # Errors
/// [`NotExpressible`]: the rows or attributes are not in their order, an ordinal was changed, a key
/// that occurs twice changed otherwise than by a delete, or a column does not have a type of OTAP.
/// `into` is then of no use.
pub fn logs(
    before: &[(u16, RecordBatch)],
    after: &[(u16, RecordBatch)],
    watch: &Watch<'_>,
    into: &mut DifferenceBuilder,
) -> Result<(), NotExpressible> {
    let root = one(before, payload::LOGS)?;
    into.reset(root.map_or(0, |root| root.num_rows() as u32));
    let Some(root) = root else {
        return match one(after, payload::LOGS)?.filter(|after| after.num_rows() > 0) {
            None => Ok(()),
            Some(_) => Err(NotExpressible::new("logs came out of a batch without logs")),
        };
    };
    let origin = root::Origin::of(root)?;
    let Some(rows) = root::survivors(root, one(after, payload::LOGS)?, into)? else {
        return Ok(());
    };
    root::values(&rows, watch, into)?;
    let tables = [
        (
            payload::LOG_ATTRS,
            Target::LogAttribute,
            watch.log_attributes,
        ),
        (
            payload::RESOURCE_ATTRS,
            Target::ResourceAttribute,
            watch.resource_attributes,
        ),
        (
            payload::SCOPE_ATTRS,
            Target::ScopeAttribute,
            watch.scope_attributes,
        ),
    ];
    for (payload, target, keys) in tables {
        if keys == Keys::None {
            continue;
        }
        let (before, after) = (one(before, payload)?, one(after, payload)?);
        let owners = origin.owners(target, into);
        attributes::compare(before, after, target, keys, &owners, into)?;
    }
    Ok(())
}

/// How many items, resources and scopes a batch has, for
/// [`Difference::parse`](crate::difference::Difference::parse).
///
/// # Errors
/// [`NotExpressible`] if an ordinal column does not have OTAP's type.
pub fn owners(batches: &[(u16, RecordBatch)]) -> Result<Owners, NotExpressible> {
    match one(batches, payload::LOGS)? {
        Some(root) => Ok(root::Origin::of(root)?.count()),
        None => Ok(Owners {
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
