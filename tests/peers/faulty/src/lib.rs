//! A Strait processor that fails on demand, for the system tests.
//!
//! The body of the batch's first log says what happens to the whole batch, as the crate `words`
//! says; and `drop` leaves nothing of it, `undeclared` changes what the component does not declare
//! as written, `wrong type`, `wrong cbor` and `wrong integer` give the first log an attribute with
//! a value that no attribute can have (with `everything` set, for it changes attributes), `unwell`
//! and `well` report a status. Any other body passes. `fails` says what other methods meet.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray, UInt8Array, UInt16Array};
use arrow_schema::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};
use strait_component::Payload;
use strait_component::prelude::*;

/// The configuration of `faulty`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// What its methods meet.
    pub fails: words::Fails,
    /// Declare that everything is read and written.
    pub everything: bool,
}

struct Faulty(Collector, words::Fails, words::Measuring);

impl Processor for Faulty {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        let body = words::body(batch);
        if self.2.obey(&body, batch.context())? {
            return Ok(());
        }
        match body.split_once(' ').unwrap_or((&body, "")) {
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
                self.0
                    .report(Status::Recoverable("told to be unwell".into()));
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
            _ => words::obey(batch),
        }
    }

    fn shutdown(&mut self) -> Result<(), Error> {
        words::meet(&self.1, "shutdown")
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

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        words::validated(&config.fails)
    }

    fn access(&self, config: &Config) -> Access {
        words::accessed(&config.fails);
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
        words::created(&config.fails)?;
        let collector = settings.collector.clone();
        let measuring = words::Measuring::new(&collector);
        Ok(Box::new(Faulty(collector, config.fails, measuring)))
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &FaultyFactory
}
