//! A Strait connector that counts logs into a metric, by severity and by an attribute.
//!
//! It is an example of a component: this file says what it is and what it does with a batch,
//! `counts.rs` holds the numbers and makes metrics of them. See the README for its configuration.

mod counts;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;
use strait_component::{Log, Value};

use counts::{Counts, Key};

/// Counts logs into a metric, by severity and by an attribute.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The metric's name.
    pub metric: String,
    /// Logs with another value of this attribute are counted apart; empty: of none.
    pub attribute: String,
    /// How often the counts are sent. 0s: with each batch, whose sender then waits for them.
    pub interval: Duration,
    /// At most so many counts are held apart; what comes then is counted as `otel.metric.overflow`.
    pub limit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metric: "log.count".into(),
            attribute: String::new(),
            interval: Duration::from_secs(10),
            limit: 1000,
        }
    }
}

/// The counts of one lane. Each is sent as what came since the last time, so that those of several
/// lanes add up.
struct Count {
    config: Config,
    counts: Counts,
}

impl Connector for Count {
    fn consume(&mut self, batch: Batch, out: &mut Emitter) -> Result<(), Error> {
        let values = self.values(&batch);
        for log in batch.logs().iter() {
            let value = log.id().and_then(|id| values.get(&id).cloned());
            self.counts.add(Key::new(severity(log), value));
        }
        match self.flush_every() {
            Some(_) => Ok(()),
            None => self.flush(out),
        }
    }

    fn flush(&mut self, out: &mut Emitter) -> Result<(), Error> {
        if let Some(metrics) = self.counts.take(&self.config) {
            out.emit(metrics);
        }
        Ok(())
    }

    fn flush_every(&self) -> Option<std::time::Duration> {
        let interval = self.config.interval.to_std()?;
        (!interval.is_zero()).then_some(interval)
    }
}

impl Count {
    /// The values of the attribute, by the logs' ids.
    fn values(&self, batch: &Batch) -> HashMap<u16, String> {
        if self.config.attribute.is_empty() {
            return HashMap::new();
        }
        let found = batch.attributes(AttributeTable::Log);
        let found = found.with_key(&self.config.attribute);
        found
            .filter_map(|attribute| Some((attribute.parent, text(attribute.value)?)))
            .collect()
    }
}

/// A value as an attribute of a metric; none of maps, lists and bytes.
fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.to_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The name of the severity's range.
fn severity(log: Log<'_>) -> &'static str {
    match log.severity_number() {
        1..=4 => "trace",
        5..=8 => "debug",
        9..=12 => "info",
        13..=16 => "warn",
        17..=20 => "error",
        21..=24 => "fatal",
        _ => "unspecified",
    }
}

struct CountFactory;

impl ConnectorFactory for CountFactory {
    type Config = Config;
    type Connector = Count;

    fn describe(&self) -> Description {
        Description::connector("log_count", package!()).connects(
            Signal::Logs,
            Signal::Metrics,
            Stability::Alpha,
        )
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        let mut errors = Vec::new();
        if config.metric.is_empty() {
            errors.push(ConfigError::new("metric", "expected a name"));
        }
        if config.limit == 0 {
            errors.push(ConfigError::new("limit", "expected at least 1, found 0"));
        }
        if config.interval.to_std().is_none() {
            errors.push(ConfigError::new("interval", "expected 0s or more"));
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// What is read: only that crosses from Go.
    fn access(&self, config: &Config) -> Access {
        let access = Access::new().read(Columns::SEVERITY_NUMBER);
        if config.attribute.is_empty() {
            return access;
        }
        access
            .read(Columns::attributes(AttributeTable::Log))
            .keys(Keys::named([&config.attribute]))
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Count, CreateError> {
        let counts = Counts::new(config.limit);
        Ok(Count { config, counts })
    }
}

/// The component; `strait build` calls this.
pub fn factory() -> &'static dyn DynFactory {
    &AsConnector(CountFactory)
}
