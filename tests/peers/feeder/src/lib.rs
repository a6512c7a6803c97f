//! A Strait receiver that a test feeds, for the system tests.
//!
//! Each connection brings one batch, and hears what became of it: the logs of a JSON list, sent as
//! tables, or after a `t` or an `m` the OTLP bytes of traces or metrics. Connections are served
//! side by side.

use std::io;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;
use strait_component::{LogRecord, LogsBuilder, Resource, Scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The configuration of `feeder`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Where it listens.
    pub listen: String,
}

/// A log as the test writes it.
#[derive(Deserialize)]
struct Log {
    body: String,
    severity: i32,
    /// Texts, by their keys.
    attributes: Vec<(String, String)>,
    /// The name of its resource; each begins one.
    resource: Option<String>,
}

struct Feeder(Config);

impl Receiver for Feeder {
    async fn run(&mut self, host: Host) -> Result<(), Error> {
        let failed = |error: io::Error| Error::permanent(error.to_string());
        let listener = TcpListener::bind(&self.0.listen).await.map_err(failed)?;
        let host = Rc::new(host);
        loop {
            let (client, _) = tokio::select! {
                () = host.stopped() => return Ok(()),
                client = listener.accept() => client.map_err(failed)?,
            };
            let host = Rc::clone(&host);
            tokio::task::spawn_local(async move {
                if let Err(error) = serve(client, &host).await {
                    tracing::warn!(%error, "a client has gone");
                }
            });
        }
    }
}

async fn serve(mut client: TcpStream, host: &Host) -> io::Result<()> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await?;
    let batch = match bytes.split_first() {
        Some((b't', traces)) => Batch::from_otlp(Signal::Traces, traces.to_vec()),
        Some((b'm', metrics)) => Batch::from_otlp(Signal::Metrics, metrics.to_vec()),
        _ => logs(&serde_json::from_slice::<Vec<Log>>(&bytes)?).map_err(io::Error::other)?,
    };
    let context = Context::builder().metadata("tenant", ["blue"]).build();
    let sent = host.send(batch.with_context(context)).await;
    client.write_all(words::told(&sent).as_bytes()).await
}

fn logs(all: &[Log]) -> Result<Batch, BatchError> {
    let mut logs = LogsBuilder::new();
    for log in all {
        if let Some(name) = &log.resource {
            logs.resource(Resource::new([("service.name", name.as_str())]))?;
            logs.scope(Scope::new("feeder"))?;
        }
        let mut record = LogRecord::new(log.body.as_str());
        record.severity_number = log.severity;
        for (key, value) in &log.attributes {
            record = record.with(key.as_str(), value.as_str());
        }
        logs.push(record)?;
    }
    logs.finish()
}

struct FeederFactory;

impl ReceiverFactory for FeederFactory {
    type Config = Config;
    type Receiver = Feeder;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::receiver("feeder", package!())
            .logs(level)
            .traces(level)
            .metrics(level)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Feeder, CreateError> {
        Ok(Feeder(config))
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &AsReceiver(FeederFactory)
}
