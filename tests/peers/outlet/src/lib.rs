//! A Strait exporter that takes what it gets nowhere, and ends as it is told, for the system tests.
//! Or it takes its batches to an address, a connection each, and hears `taken`, `lost`, or anything
//! else, which may work later: OTLP bytes as they are, of logs the bodies.
//!
//! The body of the batch's first log says how, as the crate `words` says; and `hang` never ends,
//! `wait` waits until nobody waits for the batch any more, `left ADDRESS` too, and says over UDP
//! that it has the batch, and when that was; `context` fails for good with what the
//! batch's context says; `storage EXTENSION` with how often it was told so, by what it keeps there,
//! `sign EXTENSION` with the headers of a request to `http://there/x`, `whose EXTENSION TOKEN` with
//! who has this token. Anything else delivers it.
//! Where a batch has no such body, `says` of the configuration stands for it.

use std::future::pending;
use std::io;
use std::net::UdpSocket;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use strait_component::extension::Headers;
use strait_component::prelude::*;
use strait_component::{ExtensionError, SpanContext};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The configuration of `outlet`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// What a batch says that says nothing itself.
    pub says: String,
    /// Where it takes batches; empty is nowhere.
    pub to: String,
    /// What its methods meet.
    pub fails: words::Fails,
}

struct Outlet(Config, Collector, words::Measuring);

impl Exporter for Outlet {
    async fn export(&self, batch: Batch) -> Result<(), Error> {
        if !self.0.to.is_empty() {
            let answer = match batch.otlp() {
                Some(bytes) => deliver(&self.0.to, bytes).await,
                None => deliver(&self.0.to, &lines(&batch)).await,
            };
            return match answer.as_deref() {
                Ok("taken") => Ok(()),
                Ok("lost") => Err(Error::permanent("it is lost")),
                Ok(answer) => Err(Error::retryable(answer)),
                Err(error) => Err(Error::retryable(error.to_string())),
            };
        }
        let says = match words::body(&batch) {
            body if body.is_empty() => self.0.says.clone(),
            body => body,
        };
        if self.2.obey(&says, batch.context())? {
            return Ok(());
        }
        let mut more = says.split(' ');
        match more.next() {
            Some("context") => Err(Error::permanent(told(batch.context()))),
            Some("wait") => Err(batch.context().cancelled().await),
            Some("left") => Err(left(batch.context(), more.next().unwrap_or_default()).await?),
            Some("hang") => pending().await,
            Some(asks @ ("storage" | "sign" | "whose")) => {
                let (extension, token) = (more.next(), more.next());
                let answer = self.ask(asks, extension.unwrap_or_default(), token).await?;
                Err(Error::permanent(answer))
            }
            _ if says == self.0.says => words::failure(&says).map_or(Ok(()), Err),
            _ => words::obey(&batch),
        }
    }

    async fn shutdown(&self) -> Result<(), Error> {
        words::meet_or_hang(&self.0.fails, "shutdown").await
    }
}

impl Outlet {
    /// Asks an extension of the Collector.
    async fn ask(
        &self,
        what: &str,
        extension: &str,
        token: Option<&str>,
    ) -> Result<String, ExtensionError> {
        match what {
            "storage" => {
                let storage = self.1.storage(extension, "").await?;
                let kept = storage.get("count").await?.unwrap_or_default();
                let count = kept.len() + 1;
                storage.set("count", vec![b'x'; count]).await?;
                Ok(format!("kept {count}"))
            }
            "sign" => {
                let headers = self
                    .1
                    .client_auth(extension)
                    .headers("http://there/x")
                    .await?;
                Ok(format!("{:?}", headers.iter().collect::<Vec<_>>()))
            }
            _ => {
                let headers = Headers::new().with("token", token.unwrap_or_default());
                let identity = self.1.server_auth(extension).authenticate(&headers).await?;
                Ok(format!("it is {:?}", identity.get("subject")))
            }
        }
    }
}

/// The bodies of logs, a line each, and an empty line, without which it is not all.
fn lines(batch: &Batch) -> Vec<u8> {
    let mut lines = String::new();
    for log in batch.logs().iter() {
        lines.push_str(log.body().as_str().unwrap_or_default());
        lines.push('\n');
    }
    lines.push('\n');
    lines.into_bytes()
}

async fn deliver(to: &str, bytes: &[u8]) -> io::Result<String> {
    let mut server = TcpStream::connect(to).await?;
    server.write_all(bytes).await?;
    server.shutdown().await?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Tells the address that the batch is there, and then, in nanoseconds of the machine's monotonic
/// clock, when its caller was seen to have left; gives what is said of that.
async fn left(context: &Context, to: &str) -> Result<Error, Error> {
    let tell = |text: String| {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.send_to(text.as_bytes(), to)
    };
    let unsaid = |error: io::Error| Error::permanent(error.to_string());
    tell("here".to_owned()).map_err(unsaid)?;
    let why = context.cancelled().await;
    let at = clock_gettime(ClockId::Monotonic);
    tell((at.tv_sec * 1_000_000_000 + at.tv_nsec).to_string()).map_err(unsaid)?;
    Ok(why)
}

/// What a context says, in one line.
fn told(context: &Context) -> String {
    let join = |values: Vec<&str>| values.join(",");
    format!(
        "peer {} tenant {} subject {} deadline {} span {}",
        context.peer().unwrap_or_default(),
        join(context.metadata("Tenant").collect()),
        join(context.auth("subject").collect()),
        context.deadline().is_some(),
        context
            .span()
            .map(SpanContext::traceparent)
            .unwrap_or_default(),
    )
}

struct OutletFactory;

impl ExporterFactory for OutletFactory {
    type Config = Config;
    type Exporter = Outlet;

    fn describe(&self) -> Description {
        let level = Stability::Development;
        Description::exporter("outlet", package!())
            .logs(level)
            .traces(level)
            .metrics(level)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        words::validated(&config.fails)
    }

    fn access(&self, config: &Config) -> Access {
        words::accessed(&config.fails);
        Access::everything()
    }

    fn create(&self, config: Config, settings: &Settings) -> Result<Outlet, CreateError> {
        words::created(&config.fails)?;
        let collector = settings.collector.clone();
        let measuring = words::Measuring::new(&collector);
        Ok(Outlet(config, collector, measuring))
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &AsExporter(OutletFactory)
}
