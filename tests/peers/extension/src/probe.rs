//! An extension that does as it is told, in each phase of its life.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strait_component::extension::StorageOperation;
use strait_component::extension::prelude::*;
use strait_component::opentelemetry::metrics::MeterProvider as _;

use crate::signals;

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Config {
    /// What to do in each phase: `create`, `start`, `task`, `headers`, `authenticate`, `notify`,
    /// `shutdown`, `drop`.
    on: BTreeMap<String, Vec<Step>>,
    depends_on: Vec<String>,
    client_auth: bool,
    server_auth: bool,
    watch: bool,
    invalid: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    Fail(String),
    Refuse(String),
    Panic(String),
    /// Wait without end.
    Hang,
    /// Wait without end, and do not let go of the thread.
    Block {
        seconds: u64,
    },
    Sleep {
        ms: u64,
    },
    Report {
        status: String,
        message: String,
    },
    Log {
        level: String,
        lines: u64,
    },
    Allocate {
        mib: usize,
    },
    /// Answer with these headers.
    Headers(BTreeMap<String, String>),
    /// Count a value in a storage up, and log what it was.
    Count {
        storage: String,
    },
    /// Log the headers that another extension makes.
    AskHeaders {
        extension: String,
    },
    /// Log whom another extension sees in this header.
    AskIdentity {
        extension: String,
        value: String,
    },
    /// Log the ids of all extensions.
    ListExtensions,
    /// Write to a pipe that nobody reads, on each kind of thread, and log what the writes gave.
    BreakPipes,
    /// End a child process by SIGTERM, and log how it ended.
    EndChild,
}

struct Probe {
    config: Config,
    host: Mutex<Option<Host>>,
    hoard: Mutex<Vec<Vec<u8>>>,
}

impl Probe {
    fn steps(&self, phase: &str) -> Vec<Step> {
        self.config.on.get(phase).cloned().unwrap_or_default()
    }

    async fn run(&self, phase: &str) -> Result<Headers, ExtensionError> {
        let mut headers = Headers::new();
        for step in self.steps(phase) {
            match step {
                Step::Headers(all) => {
                    headers = all.into_iter().fold(headers, |h, (n, v)| h.with(n, v));
                }
                step => self.step(step).await?,
            }
        }
        Ok(headers)
    }

    async fn step(&self, step: Step) -> Result<(), ExtensionError> {
        match step {
            Step::Fail(why) => return Err(ExtensionError::failed(why)),
            Step::Refuse(why) => return Err(ExtensionError::unauthenticated(why)),
            Step::Panic(text) => panic!("{text}"),
            Step::Hang => std::future::pending().await,
            Step::Block { seconds } => std::thread::sleep(Duration::from_secs(seconds)),
            Step::Sleep { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            Step::Report { status, message } => self.report(&status, message)?,
            Step::Log { level, lines } => log(&level, lines),
            Step::Allocate { mib } => self.allocate(mib).await,
            Step::Headers(_) => {}
            Step::Count { storage } => self.count(&storage).await?,
            Step::AskHeaders { extension } => {
                let headers = self
                    .host()?
                    .client_auth(extension)
                    .headers("https://there/x")
                    .await?;
                for (name, value) in headers.iter() {
                    tracing::info!(name, value, "a header");
                }
            }
            Step::AskIdentity { extension, value } => {
                let headers = Headers::new().with("Authorization", value);
                match self
                    .host()?
                    .server_auth(extension)
                    .authenticate(&headers)
                    .await
                {
                    Ok(identity) => tracing::info!(?identity, "an identity"),
                    Err(error) => {
                        tracing::info!(%error, refused = error.is_unauthenticated(), "no identity")
                    }
                }
            }
            Step::BreakPipes => signals::break_pipes().await,
            Step::EndChild => signals::end_child()?,
            Step::ListExtensions => {
                let all = self.host()?.extensions().await?;
                let list: Vec<_> = all
                    .iter()
                    .map(|e| format!("{}:{}", e.id, e.provides.join("+")))
                    .collect();
                tracing::info!(list = list.join(" "), "the extensions");
            }
        }
        Ok(())
    }

    fn host(&self) -> Result<Host, ExtensionError> {
        let host = self.host.lock().ok().and_then(|host| host.clone());
        host.ok_or_else(|| ExtensionError::failed("not started"))
    }

    fn report(&self, status: &str, message: String) -> Result<(), ExtensionError> {
        self.host()?.report(match status {
            "ok" => Status::Ok,
            "recoverable" => Status::Recoverable(message),
            "permanent" => Status::Permanent(message),
            _ => Status::Fatal(message),
        });
        Ok(())
    }

    /// A MiB at a time, as what grows does.
    async fn allocate(&self, mib: usize) {
        for _ in 0..mib {
            if let Ok(mut hoard) = self.hoard.lock() {
                hoard.push(vec![1; 1 << 20]);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn count(&self, storage: &str) -> Result<(), ExtensionError> {
        let storage = self.host()?.storage(storage, "counts").await?;
        let before = storage
            .get("count")
            .await?
            .map_or(0, |v| v.first().copied().unwrap_or(0));
        let steps = vec![
            StorageOperation::Set {
                key: "count".into(),
                value: vec![before + 1],
            },
            StorageOperation::Set {
                key: "empty".into(),
                value: Vec::new(),
            },
            StorageOperation::Get {
                key: "count".into(),
            },
            StorageOperation::Get {
                key: "empty".into(),
            },
            StorageOperation::Delete {
                key: "empty".into(),
            },
            StorageOperation::Get { key: "none".into() },
        ];
        let found = storage.batch(steps).await?;
        let expected = [
            None,
            None,
            Some(vec![before + 1]),
            Some(Vec::new()),
            None,
            None,
        ];
        tracing::info!(before, right = (found == expected), ?found, "a count");
        storage.close().await
    }
}

fn log(level: &str, lines: u64) {
    for line in 0..lines {
        match level {
            "error" => tracing::error!(line, text = "t", "a line of the probe"),
            "warn" => tracing::warn!(line, text = "t", "a line of the probe"),
            "debug" => tracing::debug!(line, text = "t", "a line of the probe"),
            "trace" => tracing::trace!(line, text = "t", "a line of the probe"),
            _ => tracing::info!(line, text = "t", "a line of the probe"),
        }
    }
}

impl Extension for Probe {
    fn capabilities(&self) -> Capabilities {
        let mut all = Capabilities::none();
        if self.config.client_auth {
            all = all.client_auth_without_tls();
        }
        if self.config.server_auth {
            all = all.server_auth();
        }
        if self.config.watch {
            all = all.watch_config().watch_pipelines().watch_statuses();
        }
        all
    }

    fn dependencies(&self) -> Vec<String> {
        self.config.depends_on.clone()
    }

    async fn start(&self, host: &Host) -> Result<(), ExtensionError> {
        if let Ok(mut known) = self.host.lock() {
            *known = Some(host.clone());
        }
        tracing::info!("starts");
        let starts = host.meter("probe").u64_counter("probe.starts").build();
        starts.add(1, &[]);
        self.run("start").await?;
        let task = Probe {
            config: self.config.clone(),
            host: Mutex::new(Some(host.clone())),
            hoard: Mutex::default(),
        };
        if self.config.on.contains_key("task") {
            host.spawn("the task", async move {
                if let Err(error) = task.run("task").await {
                    tracing::error!(%error, "the task failed");
                }
            });
        }
        Ok(())
    }

    async fn shutdown(&self) -> Result<(), ExtensionError> {
        let ended = self.run("shutdown").await.map(drop);
        tracing::info!("stops");
        ended
    }

    async fn client_headers(&self, uri: &str) -> Result<Headers, ExtensionError> {
        Ok(self.run("headers").await?.with("x-uri", uri))
    }

    async fn authenticate(&self, headers: &Headers) -> Result<Identity, ExtensionError> {
        self.run("authenticate").await?;
        let subject = headers.get("authorization").unwrap_or("nobody");
        Ok(Identity::new()
            .with("subject", subject)
            .with("groups", vec!["a", "b"]))
    }

    async fn notify(&self, event: Event) -> Result<(), ExtensionError> {
        match &event {
            Event::Config { effective, .. } => {
                let keys: Vec<_> = effective
                    .as_object()
                    .into_iter()
                    .flat_map(|o| o.keys())
                    .cloned()
                    .collect();
                tracing::info!(keys = keys.join(" "), "sees the configuration");
            }
            Event::Status(status) => {
                tracing::info!(
                    id = status.id,
                    kind = status.kind.name(),
                    status = status.status,
                    error = status.error,
                    pipelines = status.pipelines.join(" "),
                    "sees a status"
                );
            }
            other => tracing::info!(event = ?other, "sees"),
        }
        match event {
            Event::Status(_) => Ok(()),
            _ => self.run("notify").await.map(drop),
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        for step in self.steps("drop") {
            if let Step::Panic(text) = step {
                panic!("{text}");
            }
        }
    }
}

struct ProbeFactory;

impl ExtensionFactory for ProbeFactory {
    type Config = Config;
    type Extension = Probe;

    fn describe(&self) -> Description {
        Description::extension("probe", package!(), Stability::Development)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        if config.invalid {
            return Err(vec![ConfigError::new("invalid", "is true, expected false")]);
        }
        Ok(())
    }

    fn create(&self, config: Config, _: &ExtensionSettings) -> Result<Probe, CreateError> {
        for step in config.on.get("create").into_iter().flatten() {
            match step {
                Step::Fail(why) => return Err(CreateError::Failed(why.clone())),
                Step::Panic(text) => panic!("{text}"),
                Step::Block { seconds } => std::thread::sleep(Duration::from_secs(*seconds)),
                _ => {}
            }
        }
        Ok(Probe {
            config,
            host: Mutex::default(),
            hoard: Mutex::default(),
        })
    }
}

pub(crate) fn factory() -> &'static dyn DynFactory {
    &AsExtension(ProbeFactory)
}
