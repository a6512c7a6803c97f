//! A Strait receiver that follows a file: each line that is appended is a log.
//!
//! It is an example of a component: this file says what it is and how it hands lines over,
//! `follow.rs` reads them, across rotation. See the README for its configuration.

mod follow;

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;
use strait_component::{LogRecord, LogsBuilder};
use tokio::time::sleep;

use follow::Follower;

/// Lines of one batch.
const BATCH_LINES: usize = 1000;
/// How long to wait before a batch is offered again, where the pipelines do not say.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// Follows a file: each line that is appended is a log.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The file. It may come later than the Collector.
    pub path: String,
    /// Where to begin in a file that is there at the start.
    pub start_at: StartAt,
    /// How often to look for more.
    pub poll_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: String::new(),
            start_at: StartAt::End,
            poll_interval: Duration::from_millis(200),
        }
    }
}

/// Where to begin.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartAt {
    /// With its first line.
    Beginning,
    /// Behind what is there.
    End,
}

struct FileLines {
    config: Config,
    follower: Follower,
}

impl Receiver for FileLines {
    async fn run(&mut self, host: Host) -> Result<(), Error> {
        let path = self.config.path.clone();
        let failed = |error: io::Error| Error::permanent(format!("{path}: {error}"));
        if let StartAt::End = self.config.start_at {
            self.follower.skip().map_err(failed)?;
        }
        let interval = self.config.poll_interval.to_std().unwrap_or_default();
        let mut unreadable = false;
        while !host.is_stopping() {
            let lines = self.follower.lines(BATCH_LINES);
            // Who rotates a file may change its owner and its mode a moment later.
            let was = std::mem::replace(&mut unreadable, lines.is_err());
            if let (Err(error), false) = (&lines, was) {
                tracing::warn!(%error, path, "the file cannot be read, and is looked at again");
            }
            let lines = lines.unwrap_or_default();
            if lines.is_empty() {
                tokio::select! {
                    () = host.stopped() => {}
                    () = sleep(interval) => {}
                }
            } else {
                deliver(&host, batch(&path, lines)?).await;
            }
        }
        Ok(())
    }
}

/// The logs of these lines. A line that is no UTF-8 has a body of bytes.
fn batch(path: &str, lines: Vec<Vec<u8>>) -> Result<Batch, BatchError> {
    let mut logs = LogsBuilder::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
    for line in lines {
        let record = match String::from_utf8(line) {
            Ok(text) => LogRecord::new(text),
            Err(error) => LogRecord::new(error.into_bytes()),
        };
        logs.push(LogRecord {
            observed_time_unix_nano: now,
            ..record.with("log.file.path", path)
        })?;
    }
    logs.finish()
}

/// Hands a batch over, again and again where that may help: the lines are in the file, and nobody
/// else sends them. What is refused for good is named in the log.
async fn deliver(host: &Host, batch: Batch) {
    loop {
        match host.send(batch.clone()).await {
            Ok(()) => return,
            Err(error) if error.is_permanent() => {
                tracing::error!(%error, lines = batch.len(), "the pipelines refuse lines for good");
                return;
            }
            Err(error) => tokio::select! {
                () = host.stopped() => return,
                () = sleep(error.retry_delay().unwrap_or(RETRY)) => {}
            },
        }
    }
}

struct FileLinesFactory;

impl ReceiverFactory for FileLinesFactory {
    type Config = Config;
    type Receiver = FileLines;

    fn describe(&self) -> Description {
        Description::receiver("file_lines", package!()).logs(Stability::Alpha)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        let mut errors = Vec::new();
        if config.path.is_empty() {
            errors.push(ConfigError::new("path", "expected a file"));
        }
        if config.poll_interval < Duration::from_millis(1) {
            errors.push(ConfigError::new("poll_interval", "expected 1ms or more"));
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// Opens nothing: that is `run`'s.
    fn create(&self, config: Config, _: &Settings) -> Result<FileLines, CreateError> {
        let follower = Follower::new(&config.path);
        Ok(FileLines { config, follower })
    }
}

/// The component; `strait build` calls this.
pub fn factory() -> &'static dyn DynFactory {
    &AsReceiver(FileLinesFactory)
}
