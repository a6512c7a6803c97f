//! A Strait exporter that takes what it gets nowhere, and ends as it is told, for the system tests.
//! Or it takes OTLP bytes to an address, a connection each, and hears `taken`, `lost`, or anything
//! else, which may work later.
//!
//! The body of the batch's first log says how: words that say what happens, one after the other.
//! `permanent` and `retryable` fail it, `grpc N`, `http N`, `after MS` and `rejected N` say more of
//! that failure; `panic` panics; `wait` waits until nobody waits for the batch any more; `context`
//! fails for good with what the batch's context says; `storage EXTENSION` with how often it was
//! told so, by what it keeps there, `sign EXTENSION` with the headers of a request to
//! `http://there/x`, `whose EXTENSION TOKEN` with who has this token. Anything else delivers it.
//! Where a batch has no such body, `says` of the configuration stands for it.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strait_component::extension::Headers;
use strait_component::{ExtensionError, SpanContext};
use strait_component::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The configuration of `outlet`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// What a batch says that says nothing itself.
    pub says: String,
    /// Where it takes OTLP bytes; empty is nowhere.
    pub to: String,
}

struct Outlet(Config, Collector);

impl Exporter for Outlet {
    async fn export(&self, batch: Batch) -> Result<(), Error> {
        if let (Some(bytes), false) = (batch.otlp(), self.0.to.is_empty()) {
            let answer = deliver(&self.0.to, bytes).await;
            return match answer.as_deref() {
                Ok("taken") => Ok(()),
                Ok("lost") => Err(Error::permanent("it is lost")),
                Ok(answer) => Err(Error::retryable(answer)),
                Err(error) => Err(Error::retryable(error.to_string())),
            };
        }
        let body = batch
            .logs()
            .get(0)
            .and_then(|log| log.body().as_str().map(str::to_owned));
        let says = body.unwrap_or_else(|| self.0.says.clone());
        let mut words = says.split(' ');
        let mut failure = match words.next() {
            Some("permanent") => Error::permanent("told to fail for good"),
            Some("retryable") => Error::retryable("told to fail for now"),
            Some("context") => Error::permanent(told(batch.context())),
            Some("wait") => batch.context().cancelled().await,
            Some("panic") => panic!("told to panic"),
            Some(asks @ ("storage" | "sign" | "whose")) => {
                let (extension, token) = (words.next(), words.next());
                let answer = self.ask(asks, extension.unwrap_or_default(), token).await?;
                Error::permanent(answer)
            }
            _ => return Ok(()),
        };
        while let (Some(word), Some(number)) = (words.next(), words.next()) {
            let number: u32 = number
                .parse()
                .map_err(|error| Error::permanent(format!("{word} {number}: {error}")))?;
            failure = match word {
                "grpc" => failure.grpc(number),
                "http" => failure.http(u16::try_from(number).unwrap_or_default()),
                "after" => failure.retry_after(Duration::from_millis(number.into())),
                _ => failure.rejected(number.into()),
            };
        }
        Err(failure)
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
                let headers = self.1.client_auth(extension).headers("http://there/x").await?;
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

async fn deliver(to: &str, bytes: &[u8]) -> io::Result<String> {
    let mut server = TcpStream::connect(to).await?;
    server.write_all(bytes).await?;
    server.shutdown().await?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await?;
    Ok(answer)
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

    fn create(&self, config: Config, settings: &Settings) -> Result<Outlet, CreateError> {
        Ok(Outlet(config, settings.collector.clone()))
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &AsExporter(OutletFactory)
}
