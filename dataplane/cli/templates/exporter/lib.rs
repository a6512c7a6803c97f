//! A Strait exporter that appends logs to a file, a line each.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;

/// The configuration of `{{type}}`. What is left out is as in `Default`; a key
/// that is not here is an error.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The file that lines are appended to; made where it is not there.
    pub path: String,
}

/// One instance per thread. Several exports may be under way at the same time.
struct {{Type}}Exporter {
    path: String,
}

impl Exporter for {{Type}}Exporter {
    /// Returns when the batch is safe: the sender has its answer then. The queue, the
    /// retries and the timeout around it are the Collector's.
    async fn export(&self, batch: Batch) -> Result<(), Error> {
        let mut lines = String::new();
        for log in batch.logs().iter() {
            let body = log.body();
            let _ = match body.as_str() {
                Some(text) => writeln!(lines, "{} {text}", log.severity_number()),
                None => writeln!(lines, "{} {body:?}", log.severity_number()),
            };
        }
        // A disk that is full may have room again: the Collector tries once more.
        let failed = |error: io::Error| Error::retryable(format!("{}: {error}", self.path));
        self.append(&lines).map_err(failed)
    }
}

impl {{Type}}Exporter {
    fn append(&self, lines: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).open(&self.path)?;
        file.write_all(lines.as_bytes())
    }
}

struct {{Type}}Factory;

impl ExporterFactory for {{Type}}Factory {
    type Config = Config;
    type Exporter = {{Type}}Exporter;

    fn describe(&self) -> Description {
        Description::exporter("{{type}}", package!()).logs(Stability::Development)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        if config.path.is_empty() {
            return Err(vec![ConfigError::new("path", "expected a file")]);
        }
        Ok(())
    }

    /// What is read: only that crosses from Go.
    fn access(&self, _: &Config) -> Access {
        Access::new().read(Columns::SEVERITY_NUMBER | Columns::BODY)
    }

    /// Opens nothing: a Collector that only checks its configuration does this, too.
    fn create(&self, config: Config, _: &Settings) -> Result<Self::Exporter, CreateError> {
        Ok({{Type}}Exporter { path: config.path })
    }
}

/// The component; `strait build` calls this.
pub fn factory() -> &'static dyn DynFactory {
    &AsExporter({{Type}}Factory)
}
