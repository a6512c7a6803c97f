//! A twin of contrib's attributes processor: the same configuration, as far as the action `update`
//! with a text goes, on logs. It stands in the builder's tests for a component that is maintained
//! in both languages.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;

/// The configuration of `attributes`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// What is done to each log, in order.
    pub actions: Vec<Action>,
}

/// One step.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Action {
    /// The attribute's key.
    pub key: String,
    /// Its new value.
    pub value: String,
    /// What to do.
    pub action: Kind,
}

/// What can be done.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Changes the value where the key is there.
    Update,
}

struct Attributes(Vec<Action>);

impl Processor for Attributes {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        for Action { key, value, action } in &self.0 {
            match action {
                Kind::Update => {
                    let keys = Keys::named([key.clone()]);
                    batch.edit_attributes(AttributeTable::Log, &keys, |_| {
                        Cow::Owned(value.clone())
                    })?;
                }
            }
        }
        Ok(())
    }
}

struct AttributesFactory;

impl ProcessorFactory for AttributesFactory {
    type Config = Config;

    fn describe(&self) -> Description {
        Description::processor("attributes", package!()).logs(Stability::Development)
    }

    fn access(&self, config: &Config) -> Access {
        let keys = config.actions.iter().map(|action| action.key.clone());
        Access::new()
            .keys(Keys::named(keys))
            .write(Columns::attributes(AttributeTable::Log))
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(Attributes(config.actions)))
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &AttributesFactory
}
