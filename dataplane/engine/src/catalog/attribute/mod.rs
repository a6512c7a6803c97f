//! The `attribute` node for logs: the engine's configuration, our own evaluation, on the SDK.
//!
//! The engine's node corrupts or panics on valid data: two renames in one node whose new keys exist
//! already leave attributes doubled, or end in a panic, as does an insert where an attribute's
//! owner is gone. This one has the semantics that the engine documents:
//!
//! - all actions of one node apply at once (no key occurs in two of them, which `validate` checks);
//! - `rename` removes an attribute that has the new key already from the same owner; `insert` adds
//!   where the key is absent, `update` changes where it is there, `upsert` does both, `delete`
//!   removes;
//! - `hash` replaces text, numbers, booleans and bytes by the lower-case hexadecimal SHA-256 of
//!   salt and value; maps, lists and empty values stay;
//! - rows keep their order, new ones come last; columns that no action changes stay the same
//!   arrays.
//!
//! Spans and metrics are left to the engine's node.

mod actions;
mod table;
mod values;

pub(crate) use actions::{Action, AttributeConfig};

use crate::catalog::edit::Edit;
use actions::Actions;
use serde_json::Value;
use strait_component::Batch;

/// The engine's name of the node that this one takes the place of.
pub(crate) const URN: &str = "urn:otel:processor:attribute";

/// What one node does to the attributes of logs.
pub(crate) struct Attributes(Actions);

impl Edit for Attributes {
    fn read(config: &Value) -> Result<Self, String> {
        let actions = Actions::read(config).map_err(|error| error.to_string())?;
        Ok(Self(actions))
    }

    fn apply(&self, batch: &mut Batch) -> Result<(), String> {
        table::apply(&self.0, batch)
    }
}
