//! A processor that passes everything on: the other component of its crate.

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;

/// The configuration of `unnoticed`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {}

struct Unnoticed;

impl Processor for Unnoticed {
    fn process(&mut self, _: &mut Batch) -> Result<(), Error> {
        Ok(())
    }
}

struct UnnoticedFactory;

impl ProcessorFactory for UnnoticedFactory {
    type Config = Config;

    fn describe(&self) -> Description {
        Description::processor("unnoticed", package!()).logs(Stability::Development)
    }

    fn access(&self, _: &Config) -> Access {
        Access::new().read(Columns::BODY)
    }

    fn create(&self, _: Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        Ok(Box::new(Unnoticed))
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &UnnoticedFactory
}
