//! A Strait processor that fails on demand, for the system tests.
//!
//! The body of the batch's first log says what happens to the whole batch: `permanent` and `retryable` fail it,
//! `panic` panics, `sleep MS` holds the lane for that long, `drop` leaves nothing of it, `undeclared` changes what the
//! component does not declare as written. Any other body passes.
//! `create` makes the creation of the instance fail or panic.

use std::thread::sleep;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;

/// The configuration of `faulty`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How creating an instance ends.
    pub create: Creation,
}

/// How creating an instance ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Creation {
    /// Well.
    #[default]
    Ok,
    /// With an error.
    Error,
    /// With a panic.
    Panic,
}

struct Faulty;

impl Processor for Faulty {
    fn process(&mut self, batch: &mut Batch) -> Result<(), ProcessError> {
        let body = batch
            .logs()
            .get(0)
            .and_then(|log| log.body().as_str().map(str::to_owned))
            .unwrap_or_default();
        match body.split_once(' ').unwrap_or((&body, "")) {
            ("permanent", _) => Err(ProcessError::permanent("told to fail for good")),
            ("retryable", _) => Err(ProcessError::retryable("told to fail for now")),
            ("panic", _) => panic!("told to panic"),
            ("sleep", ms) => {
                let ms = ms
                    .parse()
                    .map_err(|error| ProcessError::permanent(format!("sleep {ms}: {error}")))?;
                sleep(Duration::from_millis(ms));
                Ok(())
            }
            ("drop", _) => {
                batch.retain(|_| false)?;
                Ok(())
            }
            ("undeclared", _) => {
                batch.edit_bodies(|_| "changed".into())?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

struct FaultyFactory;

impl Factory for FaultyFactory {
    type Config = Config;

    fn describe(&self) -> Description {
        Description::processor("faulty", package!()).logs(Stability::Development)
    }

    fn access(&self, _: &Config) -> Access {
        Access::new().read(Columns::BODY).filter()
    }

    fn create(&self, config: Config, _: &Context) -> Result<Box<dyn Processor>, CreateError> {
        match config.create {
            Creation::Ok => Ok(Box::new(Faulty)),
            Creation::Error => Err(CreateError::Failed("told not to be created".into())),
            Creation::Panic => panic!("told to panic while it is created"),
        }
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &FaultyFactory
}
