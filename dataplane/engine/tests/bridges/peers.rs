//! Components that send and take as they are told, and meet what becomes of it.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::future::pending;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use strait_component::prelude::*;
use strait_component::testing::{Sample, batch};

/// What components have met, by the name in their configuration.
static MET: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

pub(crate) fn met(name: &str) -> Vec<String> {
    let met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    met.get(name).cloned().unwrap_or_default()
}

pub(crate) fn meets(name: &str, what: impl Into<String>) {
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    met.entry(name.to_owned()).or_default().push(what.into());
}

#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
struct Config {
    name: String,
    /// Of a source: what it sends, one after the other.
    #[serde(default)]
    sends: Vec<String>,
}

/// Does what the first log's body says.
struct Sink(Config);

impl Exporter for Sink {
    async fn export(&self, batch: Batch) -> Result<(), Error> {
        let name = &self.0.name;
        let order = match batch.otlp() {
            Some(bytes) => format!("{} {bytes:?}", batch.signal()),
            None => {
                let logs = batch.logs();
                let order = logs.get(0).expect("a log").body();
                order.as_str().expect("a text").to_owned()
            }
        };
        meets(name, &order);
        match &order[..] {
            "fail" => Err(Error::retryable("full")
                .grpc(8)
                .http(429)
                .retry_after(Duration::from_secs(7))
                .rejected(3)),
            "tell" => {
                let context = batch.context();
                let tenants: Vec<_> = context.metadata("Tenant").collect();
                let until = context.deadline().is_some();
                meets(name, format!("{tenants:?} {:?} {until}", context.peer()));
                Ok(())
            }
            "leave" => {
                let error = batch.context().cancelled().await;
                meets(name, format!("{:?}", error.class()));
                Err(error)
            }
            "hang" => pending().await,
            _ => Ok(()),
        }
    }
}

struct SinkFactory;

impl ExporterFactory for SinkFactory {
    type Config = Config;
    type Exporter = Sink;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::exporter("sink", package!())
            .logs(level)
            .traces(level)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Sink, CreateError> {
        Ok(Sink(config))
    }
}

/// Sends what its configuration names, one batch after the other, and meets what it hears.
struct Source(Config);

impl Receiver for Source {
    async fn run(&mut self, host: strait_component::Host) -> Result<(), Error> {
        let Config { name, sends } = &self.0;
        for what in sends {
            let context = Context::builder()
                .deadline(Instant::now() + Duration::from_secs(60))
                .metadata("tenant", ["a", "b"])
                .peer("192.0.2.7:1")
                .build();
            let made = match &what[..] {
                "span" => Batch::from_otlp(Signal::Traces, &b"\x0a\x02\x12\x00"[..]),
                text => batch(&[Sample::new(text)]),
            };
            let sending = host.send(made.with_context(context));
            if what == "leave" {
                let arrived = async {
                    while !met(&format!("to {name}"))
                        .iter()
                        .any(|what| what == "leave")
                    {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::select! {
                    _ = sending => panic!("nobody has answered"),
                    () = arrived => meets(name, "left"),
                }
                continue;
            }
            match sending.await {
                Ok(()) => meets(name, "ok"),
                Err(error) => meets(
                    name,
                    format!(
                        "{error} {:?} {:?} {:?} {:?} {}",
                        error.class(),
                        error.grpc_code(),
                        error.http_code(),
                        error.retry_delay(),
                        error.rejected_items()
                    ),
                ),
            }
        }
        host.stopped().await;
        if name.starts_with("last words") {
            match host.send(batch(&[Sample::new("last")])).await {
                Ok(()) => meets(name, "ok"),
                Err(error) => meets(name, error.to_string()),
            }
        }
        Ok(())
    }
}

struct SourceFactory;

impl ReceiverFactory for SourceFactory {
    type Config = Config;
    type Receiver = Source;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::receiver("source", package!())
            .logs(level)
            .traces(level)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Source, CreateError> {
        Ok(Source(config))
    }
}

/// Hands on each batch of logs as it is, and one more at the end.
struct Copy;

impl Connector for Copy {
    fn consume(&mut self, batch: Batch, out: &mut Emitter) -> Result<(), Error> {
        out.emit(batch);
        Ok(())
    }

    fn flush(&mut self, out: &mut Emitter) -> Result<(), Error> {
        out.emit(batch(&[Sample::new("flushed")]));
        Ok(())
    }
}

struct CopyFactory;

impl ConnectorFactory for CopyFactory {
    type Config = Config;
    type Connector = Copy;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::connector("copy", package!()).connects(Signal::Logs, Signal::Logs, level)
    }

    fn create(&self, _: Config, _: &Settings) -> Result<Copy, CreateError> {
        Ok(Copy)
    }
}

pub(crate) fn register() {
    strait_engine::components::register(&[
        &AsExporter(SinkFactory),
        &AsReceiver(SourceFactory),
        &AsConnector(CopyFactory),
    ]);
}
