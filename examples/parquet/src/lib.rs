//! A Strait exporter that writes logs to Parquet files, partitioned by the hour of the event and by
//! an attribute.
//!
//! It is an example of a component: this file says what it is, `write.rs` what becomes of a batch,
//! `partition.rs` which folder a log goes to, `table.rs` which columns there are, `store.rs` how a
//! file comes to be there whole or not at all, `measured.rs` what the Collector shows of it. See
//! the README for its configuration.

mod measured;
mod partition;
mod store;
mod table;
mod write;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use measured::Measured;
use write::Writer;

/// Writes logs to partitioned Parquet files.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The folder below which files are written; made where it is not there.
    pub folder: String,
    /// Whether each hour of events (UTC) has a folder: `date=2026-11-30/hour=8`.
    pub hourly: bool,
    /// Each value of this attribute, of a log or else of its resource, has a folder; empty: none.
    pub attribute: String,
    /// How columns are compressed.
    pub compression: Compression,
}

/// How columns are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Zstandard, at its default level.
    #[default]
    Zstd,
    /// Not at all.
    None,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            folder: String::new(),
            hourly: true,
            attribute: String::new(),
            compression: Compression::Zstd,
        }
    }
}

/// One instance per lane. It writes one batch at a time, on a thread that may block: so it holds
/// the columns of one file, and has two files open, however many partitions there are.
struct ParquetFiles {
    writer: Arc<Mutex<Writer>>,
    measured: Measured,
}

impl Exporter for ParquetFiles {
    /// Returns when every log is in a file that a crash of the machine leaves there.
    async fn export(&self, batch: Batch) -> Result<(), Error> {
        let mut writer = tokio::select! {
            writer = Arc::clone(&self.writer).lock_owned() => writer,
            left = batch.context().cancelled() => return Err(left),
        };
        let writing = self.measured.begin(&batch);
        let written = spawn_blocking(move || writer.write(&batch)).await;
        let written =
            written.unwrap_or_else(|panicked| Err(Error::permanent(panicked.to_string())));
        writing.end(&written);
        written
    }

    async fn shutdown(&self) -> Result<(), Error> {
        self.writer.lock().await.close();
        Ok(())
    }
}

struct ParquetFactory;

impl ExporterFactory for ParquetFactory {
    type Config = Config;
    type Exporter = ParquetFiles;

    fn describe(&self) -> Description {
        Description::exporter("parquet_files", package!()).logs(Stability::Alpha)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        if config.folder.is_empty() {
            return Err(vec![ConfigError::new("folder", "expected a folder")]);
        }
        Ok(())
    }

    /// Opens nothing: the first batch does.
    fn create(&self, config: Config, settings: &Settings) -> Result<ParquetFiles, CreateError> {
        Ok(ParquetFiles {
            writer: Arc::new(Mutex::new(Writer::new(config))),
            measured: Measured::new(&settings.collector),
        })
    }
}

/// The component; `strait build` calls this.
pub fn factory() -> &'static dyn DynFactory {
    &AsExporter(ParquetFactory)
}
