//! A Strait receiver that takes lines of text over TCP, each of which is a log.

use std::io;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

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
                Some(_) = clients.join_next() => {}
                client = listener.accept() => {
                    // A client that is gone already costs no other one.
                    if let Ok((stream, _)) = client {
                        clients.spawn(serve(stream, host.clone()));
                    }
                }
            }
        }
        while clients.join_next().await.is_some() {}
        Ok(())
    }
}

/// Sends the lines of one client, one after the other, until it has no more.
async fn serve(stream: TcpStream, host: Host) -> Result<(), Error> {
    let broken = |error: io::Error| Error::permanent(error.to_string());
    let client = stream.peer_addr().map_err(broken)?.to_string();
    let context = Context::builder().peer(client).build();
    let mut lines = BufReader::new(stream).lines();
    loop {
        let line = tokio::select! {
            () = host.stopped() => return Ok(()),
            line = lines.next_line() => line.map_err(broken)?,
        };
        let Some(line) = line else { return Ok(()) };
        let mut logs = LogsBuilder::new();
        logs.push(LogRecord::new(line))?;
        let batch = logs.finish()?.with_context(context.clone());
        // Waits while the pipelines have enough to do, and with it the client.
        host.send(batch).await?;
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
