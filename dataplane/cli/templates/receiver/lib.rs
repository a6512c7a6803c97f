//! A Strait receiver that takes lines of text over TCP, each of which is a log.

use std::io;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

/// Longest line in bytes; a longer one becomes several logs.
const LONGEST_LINE: u64 = 64 << 10;
/// Pause after what may work later: a line that was not taken, or a connection that could not be
/// accepted, as where descriptors have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// The configuration of `{{type}}`. What is left out is as in `Default`; a key
/// that is not here is an error.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The address to listen on.
    pub endpoint: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: "127.0.0.1:5140".to_owned(),
        }
    }
}

/// One instance for all pipelines, on a thread of its own.
struct {{Type}}Receiver {
    endpoint: String,
}

impl Receiver for {{Type}}Receiver {
    /// Runs until it is told to stop. What it has read by then is still sent.
    async fn run(&mut self, host: Host) -> Result<(), Error> {
        let failed = |error: io::Error| Error::permanent(format!("{}: {error}", self.endpoint));
        let listener = TcpListener::bind(&self.endpoint).await.map_err(failed)?;
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                () = host.stopped() => break,
                Some(served) = clients.join_next() => {
                    if let Ok(Err(error)) = served {
                        tracing::warn!(%error, "a client's connection was closed");
                    }
                }
                client = listener.accept() => match client {
                    Ok((stream, _)) => drop(clients.spawn(serve(stream, host.clone()))),
                    Err(error) => {
                        tracing::warn!(%error, "a client was not accepted");
                        sleep(PAUSE).await;
                    }
                }
            }
        }
        while clients.join_next().await.is_some() {}
        Ok(())
    }
}

/// Sends the lines of one client, one after the other, until it has no more. A line that is refused
/// for good closes the connection, which is how the client learns of it.
async fn serve(stream: TcpStream, host: Host) -> Result<(), Error> {
    let broken = |error: io::Error| Error::permanent(error.to_string());
    let client = stream.peer_addr().map_err(broken)?.to_string();
    let context = Context::builder().peer(client).build();
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut reader).take(LONGEST_LINE);
        let read = tokio::select! {
            () = host.stopped() => return Ok(()),
            read = bounded.read_until(b'\n', &mut line) => read.map_err(broken)?,
        };
        if read == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line);
        let mut logs = LogsBuilder::new();
        logs.push(LogRecord::new(line.trim_end_matches(['\r', '\n'])))?;
        let batch = logs.finish()?.with_context(context.clone());
        deliver(&batch, &host).await?;
    }
}

/// Sends a batch until it is taken or refused for good. It waits while the pipelines have enough to
/// do, and with it the client.
async fn deliver(batch: &Batch, host: &Host) -> Result<(), Error> {
    loop {
        let later = match host.send(batch.clone()).await {
            Err(error) if !error.is_permanent() => error,
            verdict => return verdict,
        };
        tokio::select! {
            () = host.stopped() => return Err(later),
            () = sleep(later.retry_delay().unwrap_or(PAUSE)) => {}
        }
    }
}

struct {{Type}}Factory;

impl ReceiverFactory for {{Type}}Factory {
    type Config = Config;
    type Receiver = {{Type}}Receiver;

    fn describe(&self) -> Description {
        Description::receiver("{{type}}", package!()).logs(Stability::Development)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        let endpoint = &config.endpoint;
        let port = endpoint.rsplit_once(':').map(|(_, port)| port);
        if port.is_some_and(|port| port.parse::<u16>().is_ok()) {
            return Ok(());
        }
        let message = format!("expected `host:port`, found `{endpoint}`");
        Err(vec![ConfigError::new("endpoint", message)])
    }

    /// Opens nothing: that is `run`'s.
    fn create(&self, config: Config, _: &Settings) -> Result<Self::Receiver, CreateError> {
        Ok({{Type}}Receiver {
            endpoint: config.endpoint,
        })
    }
}

/// The component; `strait build` calls this.
pub fn factory() -> &'static dyn DynFactory {
    &AsReceiver({{Type}}Factory)
}
