//! What is derived from a configuration type once per process: its schema, the shapes made of it,
//! its default.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::compile;
use super::shape::Shapes;
use super::{Configuration, secret};
use crate::ConfigError;

/// A configuration type, prepared for reading.
#[derive(Debug)]
pub(super) struct Plan {
    /// The schema as schemars makes it.
    pub(super) schema: Value,
    pub(super) shapes: Shapes,
    /// The type's default as JSON; secrets in it are readable.
    pub(super) default: Result<Value, ConfigError>,
}

impl Plan {
    /// The plan of `C`: made at the first call, kept for good. There are as many as there are
    /// component types.
    pub(super) fn of<C: Configuration>() -> &'static Self {
        static PLANS: RwLock<Option<HashMap<TypeId, &'static Plan>>> = RwLock::new(None);
        let id = TypeId::of::<C>();
        let known = PLANS.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = known.as_ref().and_then(|plans| plans.get(&id)) {
            return plan;
        }
        drop(known);
        // Made outside the lock: it runs the author's code. A plan that another thread made
        // meanwhile stays.
        let made = Self::make::<C>();
        let mut plans = PLANS.write().unwrap_or_else(PoisonError::into_inner);
        plans
            .get_or_insert_default()
            .entry(id)
            .or_insert_with(|| Box::leak(Box::new(made)))
    }

    fn make<C: Configuration>() -> Self {
        let generator = SchemaSettings::draft2020_12().into_generator();
        let schema: Value = generator.into_root_schema_for::<C>().into();
        let default = secret::revealed(|| serde_json::to_value(C::default())).map_err(|e| {
            ConfigError::new("", format!("the default configuration is not JSON: {e}"))
        });
        Self {
            shapes: compile::shapes(&schema),
            schema,
            default,
        }
    }
}
