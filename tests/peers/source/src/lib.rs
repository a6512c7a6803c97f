//! A Strait receiver that receives what its configuration says, for the system tests.
//!
//! It sends the steps one after the other, a batch of one item each, and after each a log that
//! tells what became of it. A step of the signal `fatal` is no batch but a status. A step that
//! leaves does so after a time, as a client does that has gone. Or it listens: each connection
//! brings the OTLP bytes of traces, and is told when they were taken or lost.

use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use strait_component::SpanContext;
use strait_component::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The configuration of `source`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// What it sends.
    pub steps: Vec<Step>,
    /// How often it sends all of it; 0 is once.
    pub repeat: u32,
    /// Where it listens instead.
    pub listen: String,
    /// What its methods meet; `run` after all steps, where it may `end` too.
    pub fails: words::Fails,
}

/// One batch.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Step {
    /// Its signal: logs, traces, metrics; or `fatal`.
    pub signal: String,
    /// The body of its log, or the name of its span or metric.
    pub text: String,
    /// Whether it carries a client, a span, and metadata.
    pub client: bool,
    /// Its deadline, in milliseconds from when it is sent; 0 is none.
    pub deadline: u64,
    /// When its sender leaves, in milliseconds; 0 is never.
    pub leaves: u64,
}

struct Source(Config);

impl Receiver for Source {
    async fn run(&mut self, host: Host) -> Result<(), Error> {
        if !self.0.listen.is_empty() {
            return listen(&self.0.listen, &host)
                .await
                .map_err(|error| Error::permanent(error.to_string()));
        }
        for _ in 0..self.0.repeat.max(1) {
            for step in &self.0.steps {
                if host.is_stopping() {
                    return Ok(());
                }
                if step.signal == "fatal" {
                    host.report(Status::Fatal(step.text.clone()));
                    continue;
                }
                let told = step.send(&host).await?;
                let told = Batch::from_otlp(Signal::Logs, request(Signal::Logs, &told));
                // The test is the only sender, and its sink takes what is told.
                host.send(told).await?;
            }
        }
        words::meet_or_hang(&self.0.fails, "run").await?;
        if self.0.fails.get("run").is_none_or(|meets| meets != "end") {
            host.stopped().await;
        }
        Ok(())
    }
}

async fn listen(address: &str, host: &Host) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (client, _) = tokio::select! {
            () = host.stopped() => return Ok(()),
            client = listener.accept() => client?,
        };
        serve(client, host).await?;
    }
}

async fn serve(mut client: TcpStream, host: &Host) -> io::Result<()> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await?;
    let answer = loop {
        match host
            .send(Batch::from_otlp(Signal::Traces, bytes.clone()))
            .await
        {
            Ok(()) => break "taken",
            Err(error) if error.is_permanent() => break "lost",
            Err(_) => {} // as long as it may work later
        }
    };
    client.write_all(answer.as_bytes()).await
}

impl Step {
    /// Sends it, and tells what became of it.
    async fn send(&self, host: &Host) -> Result<String, Error> {
        let signal = Signal::from_name(&self.signal)
            .ok_or_else(|| Error::permanent(format!("no signal `{}`", self.signal)))?;
        let batch = Batch::from_otlp(signal, request(signal, &self.text));
        let sending = host.send(batch.with_context(self.context()));
        let sent = match self.leaves {
            0 => sending.await,
            after => match timeout(Duration::from_millis(after), sending).await {
                Ok(sent) => sent,
                Err(_) => return Ok(format!("told {}: left", self.text)),
            },
        };
        Ok(format!("told {}: {}", self.text, words::told(&sent)))
    }

    fn context(&self) -> Context {
        let mut context = Context::builder();
        if self.client {
            let span = SpanContext {
                trace_id: [1; 16],
                span_id: [2; 8],
                flags: 1,
                trace_state: "a=b".into(),
                remote: true,
            };
            context = context
                .peer("192.0.2.7:4317")
                .metadata("Tenant", ["blue", "red"])
                .auth("subject", ["somebody"])
                .span(span);
        }
        if self.deadline > 0 {
            let deadline = Instant::now() + Duration::from_millis(self.deadline);
            context = context.deadline(deadline);
        }
        context.build()
    }
}

/// The OTLP bytes of one item: a log with this body, a span or a metric of this name.
fn request(signal: Signal, text: &str) -> Vec<u8> {
    let item = match signal {
        Signal::Logs => field(5, &field(1, text.as_bytes())),
        Signal::Traces => field(5, text.as_bytes()),
        Signal::Metrics => {
            let gauge = field(5, &field(1, &[]));
            [field(1, text.as_bytes()), gauge].concat()
        }
    };
    field(1, &field(2, &field(2, &item)))
}

/// A field of a protobuf message that has a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7f {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
    bytes
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
            .metrics(level)
            .logs_as_otlp()
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        words::validated(&config.fails)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Source, CreateError> {
        words::created(&config.fails)?;
        Ok(Source(config))
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &AsReceiver(SourceFactory)
}
