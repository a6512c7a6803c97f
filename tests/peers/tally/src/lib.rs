//! A Strait connector that says of each batch how many items it had, for the system tests.
//!
//! It says so by one item of the other signal: a log's body, a span's or a metric's name. The body
//! of the batch's first log may say otherwise, as the crate `words` says; and `nothing` emits
//! nothing, `twice` says it two times, `keep` says it at the next flush, and `unwell` reports a
//! status. The crate has a processor beside it.

pub mod unnoticed;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;

/// The configuration of `tally`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// How often it flushes, in milliseconds; 0 is at the end only.
    pub flush: u64,
    /// What its methods meet.
    pub fails: words::Fails,
}

struct Tally {
    config: Config,
    to: Signal,
    kept: Vec<usize>,
    collector: Collector,
}

impl Connector for Tally {
    fn consume(&mut self, batch: Batch, out: &mut Emitter) -> Result<(), Error> {
        let body = words::body(&batch);
        words::obey(&batch)?;
        match body.as_str() {
            "nothing" => {}
            "unwell" => self
                .collector
                .report(Status::Recoverable("told to be unwell".into())),
            "keep" => self.kept.push(batch.items()),
            "twice" => {
                out.emit(self.said(batch.items()));
                out.emit(self.said(batch.items()));
            }
            _ => out.emit(self.said(batch.items())),
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Emitter) -> Result<(), Error> {
        words::meet(&self.config.fails, "flush")?;
        for items in std::mem::take(&mut self.kept) {
            out.emit(self.said(items));
        }
        Ok(())
    }

    fn flush_every(&self) -> Option<Duration> {
        let _ = words::meet(&self.config.fails, "flush_every");
        (self.config.flush > 0).then(|| Duration::from_millis(self.config.flush))
    }
}

impl Tally {
    fn said(&self, items: usize) -> Batch {
        Batch::from_otlp(self.to, request(self.to, &format!("{items} items")))
    }
}

/// The OTLP bytes of one item: a log with this body, a span or a metric of this name.
fn request(signal: Signal, text: &str) -> Vec<u8> {
    let item = match signal {
        Signal::Logs => field(5, &field(1, text.as_bytes())),
        Signal::Traces => field(5, text.as_bytes()),
        Signal::Metrics => {
            let gauge = field(5, &field(1, &[]));
            [field(1, text.as_bytes()), gauge].concat()
        }
    };
    field(1, &field(2, &field(2, &item)))
}

/// A field of a protobuf message that has a length below 128.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[number << 3 | 2, length], content].concat()
}

struct TallyFactory;

impl ConnectorFactory for TallyFactory {
    type Config = Config;
    type Connector = Tally;

    fn describe(&self) -> Description {
        let mut description = Description::connector("tally", package!()).logs_as_otlp();
        for from in Signal::ALL {
            for to in Signal::ALL {
                description = description.connects(from, to, Stability::Development);
            }
        }
        description
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        words::validated(&config.fails)
    }

    fn access(&self, config: &Config) -> Access {
        words::accessed(&config.fails);
        Access::everything()
    }

    fn create(&self, config: Config, settings: &Settings) -> Result<Tally, CreateError> {
        words::created(&config.fails)?;
        let to = settings.signals_out.first().copied();
        Ok(Tally {
            config,
            to: to.ok_or_else(|| CreateError::Failed("it leads nowhere".into()))?,
            kept: Vec::new(),
            collector: settings.collector.clone(),
        })
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &AsConnector(TallyFactory)
}
