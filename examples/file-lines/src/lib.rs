//! A Strait receiver that follows a file: each line that is appended is a log.
//!
//! It is an example of a component: this file says what it is and how it hands lines over,
//! `follow.rs` reads them, across rotation, `cut.rs` says where one ends, and `place.rs` finds
//! again where that was. See the README for its configuration.

mod cut;
mod follow;
mod place;

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};
use strait_component::prelude::*;
use strait_component::{ExtensionError, LogRecord, LogsBuilder, Storage};
use tokio::time::sleep;

use follow::Follower;

/// Lines of one batch.
const BATCH_LINES: usize = 1000;
/// The key of the position in the storage.
const PLACE: &str = "place";
/// How long to wait before a batch is offered again, where the pipelines do not say.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// Follows a file: each line that is appended is a log.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The file. It may come later than the Collector.
    pub path: String,
    /// Where to begin in a file that is there at the start, and of which no position is kept.
    pub start_at: StartAt,
    /// The storage extension that keeps the position, such as `file_storage`. Without it a
    /// Collector that starts again begins where `start_at` says.
    pub storage: Option<String>,
    /// Makes several lines one log.
    pub multiline: Option<Multiline>,
    /// How often to look for more.
    pub poll_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: String::new(),
            start_at: StartAt::End,
            storage: None,
            multiline: None,
            poll_interval: Duration::from_millis(200),
        }
    }
}

/// Which lines are one log.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Multiline {
    /// What the first line of a log matches; the lines behind it that do not match belong to it.
    /// The last log of a file comes when nothing was written for half a second.
    pub line_start_pattern: String,
}

impl Config {
    /// The pattern of the first line of a log.
    fn start(&self) -> Result<Option<Regex>, ConfigError> {
        let Some(multiline) = &self.multiline else {
            return Ok(None);
        };
        let wrong = |message: String| ConfigError::new("multiline::line_start_pattern", message);
        match Regex::new(&multiline.line_start_pattern) {
            Ok(start) if start.is_match(b"") => Err(wrong(format!(
                "expected a pattern that matches something, found {:?}",
                multiline.line_start_pattern
            ))),
            Ok(start) => Ok(Some(start)),
            Err(error) => Err(wrong(error.to_string())),
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
        let kept = self.begin(&host).await?;
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
            } else if deliver(&host, batch(&path, lines)?).await
                && let Some(kept) = &kept
            {
                self.keep(kept, &host).await;
            }
        }
        Ok(())
    }
}

impl FileLines {
    /// Opens the storage, and goes to where the last receiver was, or to where a first one begins.
    async fn begin(&mut self, host: &Host) -> Result<Option<Storage>, Error> {
        let path = self.config.path.clone();
        let failed = |error: io::Error| Error::permanent(format!("{path}: {error}"));
        let storage = match &self.config.storage {
            Some(extension) => Some(host.storage(extension, "").await?),
            None => None,
        };
        let place = match &storage {
            Some(storage) => storage.get(PLACE).await?,
            None => None,
        };
        if let Some(place) = place {
            let place = serde_json::from_slice(&place)
                .map_err(|error| Error::permanent(format!("the kept position: {error}")))?;
            if !self.follower.go_on(&place).map_err(failed)? {
                tracing::warn!(
                    path,
                    "the file of the kept position is gone: its rest is lost"
                );
            }
        } else if let StartAt::End = self.config.start_at {
            self.follower.skip().map_err(failed)?;
            if let Some(storage) = &storage {
                self.keep(storage, host).await; // or what comes till the first batch may be skipped
            }
        }
        Ok(storage)
    }

    /// Keeps the position. Where that fails, lines may come twice after a restart: the status says
    /// so, until it works again.
    async fn keep(&self, storage: &Storage, host: &Host) {
        host.report(match self.write(storage).await {
            Ok(()) => Status::Ok,
            Err(error) => Status::Recoverable(format!("the position is not kept: {error}")),
        });
    }

    /// Writes the position, where there is one.
    async fn write(&self, storage: &Storage) -> Result<(), ExtensionError> {
        let Some(place) = self.follower.place()? else {
            return Ok(());
        };
        let place = serde_json::to_vec(&place).map_err(io::Error::from)?;
        storage.set(PLACE, place).await
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
/// else sends them. What is refused for good is named in the log. Answers whether it has left the
/// batch behind.
async fn deliver(host: &Host, batch: Batch) -> bool {
    loop {
        match host.send(batch.clone()).await {
            Ok(()) => return true,
            Err(error) if error.is_permanent() => {
                tracing::error!(%error, lines = batch.len(), "the pipelines refuse lines for good");
                return true;
            }
            Err(error) => tokio::select! {
                () = host.stopped() => return false,
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
        if config.storage.as_deref() == Some("") {
            errors.push(ConfigError::new("storage", "expected an extension"));
        }
        if config.poll_interval < Duration::from_millis(1) {
            errors.push(ConfigError::new("poll_interval", "expected 1ms or more"));
        }
        errors.extend(config.start().err());
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// Opens nothing: that is `run`'s.
    fn create(&self, config: Config, _: &Settings) -> Result<FileLines, CreateError> {
        let start = config.start().map_err(|error| vec![error])?;
        let follower = Follower::new(&config.path, start);
        Ok(FileLines { config, follower })
    }
}

/// The component; `strait build` calls this.
pub fn factory() -> &'static dyn DynFactory {
    &AsReceiver(FileLinesFactory)
}
