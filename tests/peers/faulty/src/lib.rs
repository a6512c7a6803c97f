//! A Strait processor that fails on demand, for the system tests.
//!
//! The body of the batch's first log says what happens to the whole batch: `permanent` and
//! `retryable` fail it, `panic` panics, `sleep MS` holds the lane for that long, `drop` leaves
//! nothing of it, `undeclared` changes what the component does not declare as written, `wrong
//! type`, `wrong cbor` and `wrong integer` give the first log an attribute with a value that no
//! attribute can have (with `everything` set, for it changes attributes), `unwell` and `well`
//! report a status. Any other body passes. `create` makes the creation of the instance fail or
//! panic.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray, UInt8Array, UInt16Array};
use arrow_schema::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};
use strait_component::Payload;
use strait_component::prelude::*;

/// The configuration of `faulty`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// How creating an instance ends.
    pub create: Creation,
    /// Declare that everything is read and written.
    pub everything: bool,
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

struct Faulty(Collector);

impl Processor for Faulty {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        let body = batch
            .logs()
            .get(0)
            .and_then(|log| log.body().as_str().map(str::to_owned))
            .unwrap_or_default();
        match body.split_once(' ').unwrap_or((&body, "")) {
            ("permanent", _) => Err(Error::permanent("told to fail for good")),
            ("retryable", _) => Err(Error::retryable("told to fail for now")),
            ("panic", _) => panic!("told to panic"),
            ("sleep", ms) => {
                let ms = ms
                    .parse()
                    .map_err(|error| Error::permanent(format!("sleep {ms}: {error}")))?;
                sleep(Duration::from_millis(ms));
                Ok(())
            }
            ("drop", _) => {
                batch.retain(|_| false)?;
                Ok(())
            }
            ("wrong", what) => {
                let (kind, ser): (u8, &[u8]) = match what {
                    "type" => (9, b""),
                    "cbor" => (5, b"\xff\xff"),
                    // {"a": 2^64 - 1}
                    _ => (5, b"\xa1\x61a\x1b\xff\xff\xff\xff\xff\xff\xff\xff"),
                };
                batch.set_table(Payload::LogAttributes, Some(attribute(kind, ser)?))?;
                Ok(())
            }
            ("unwell", _) => {
                self.0.report(Status::Recoverable("told to be unwell".into()));
                Ok(())
            }
            ("well", _) => {
                self.0.report(Status::Ok);
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

/// The attributes of a batch whose first log has one, of this type and CBOR.
fn attribute(kind: u8, ser: &[u8]) -> Result<RecordBatch, Error> {
    let plain = HashMap::from([("encoding".to_owned(), "plain".to_owned())]);
    let schema = Schema::new(vec![
        Field::new("parent_id", DataType::UInt16, false).with_metadata(plain),
        Field::new("key", DataType::Utf8, false),
        Field::new("type", DataType::UInt8, false),
        Field::new("ser", DataType::Binary, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt16Array::from(vec![0])),
        Arc::new(StringArray::from(vec!["wrong"])),
        Arc::new(UInt8Array::from(vec![kind])),
        Arc::new(BinaryArray::from(vec![ser])),
    ];
    RecordBatch::try_new(Arc::new(schema), columns)
        .map_err(|error| Error::permanent(error.to_string()))
}

struct FaultyFactory;

impl ProcessorFactory for FaultyFactory {
    type Config = Config;

    fn describe(&self) -> Description {
        Description::processor("faulty", package!()).logs(Stability::Development)
    }

    fn access(&self, config: &Config) -> Access {
        if config.everything {
            return Access::everything();
        }
        Access::new().read(Columns::BODY).filter()
    }

    fn create(
        &self,
        config: Config,
        settings: &Settings,
    ) -> Result<Box<dyn Processor>, CreateError> {
        match config.create {
            Creation::Ok => Ok(Box::new(Faulty(settings.collector.clone()))),
            Creation::Error => Err(CreateError::Failed("told not to be created".into())),
            Creation::Panic => panic!("told to panic while it is created"),
        }
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &FaultyFactory
}
