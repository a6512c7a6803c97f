//! What a receiver does, and the Collector as it sees it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{Batch, BoxFuture, Collector, Error, LocalBoxFuture, Settings};

/// One instance of a component that brings batches into the Collector.
///
/// There is one instance for a component, whatever the signals of its pipelines, and it lives on
/// one thread, with a tokio runtime of its own: timers, sockets, and tasks that it spawns, which
/// end with it.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use strait_component::prelude::*;
/// use tokio::net::UdpSocket;
///
/// /// Takes each datagram as a batch of spans.
/// struct Datagrams(Config);
///
/// impl Receiver for Datagrams {
///     async fn run(&mut self, host: Host) -> Result<(), Error> {
///         let failed = |error: std::io::Error| Error::permanent(error.to_string());
///         let socket = UdpSocket::bind(&self.0.listen).await.map_err(failed)?;
///         let mut buffer = vec![0; 65_536];
///         loop {
///             let (length, client) = tokio::select! {
///                 () = host.stopped() => return Ok(()),
///                 datagram = socket.recv_from(&mut buffer) => datagram.map_err(failed)?,
///             };
///             let context = Context::builder().peer(client.to_string()).build();
///             let batch = Batch::from_otlp(Signal::Traces, buffer[..length].to_vec());
///             // A datagram has no answer: what is not taken is lost, and counted as refused.
///             let _ = host.send(batch.with_context(context)).await;
///         }
///     }
/// }
///
/// #[derive(Deserialize, Serialize, JsonSchema)]
/// pub struct Config {
///     /// Where to listen.
///     listen: String,
/// }
///
/// impl Default for Config {
///     fn default() -> Self {
///         Self { listen: "127.0.0.1:9000".into() }
///     }
/// }
///
/// struct DatagramsFactory;
///
/// impl ReceiverFactory for DatagramsFactory {
///     type Config = Config;
///     type Receiver = Datagrams;
///
///     fn describe(&self) -> Description {
///         Description::receiver("datagrams", package!()).traces(Stability::Alpha)
///     }
///
///     fn create(&self, config: Config, _: &Settings) -> Result<Datagrams, CreateError> {
///         Ok(Datagrams(config))
///     }
/// }
///
/// pub fn factory() -> &'static dyn DynFactory {
///     &AsReceiver(DatagramsFactory)
/// }
/// # use std::net::UdpSocket as Client;
/// # let port = Client::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
/// # let config = serde_json::json!({"listen": port.to_string()});
/// # let settings = Settings::new("datagrams", 0).makes([Signal::Traces]);
/// # let mut receiver = factory().receiver().unwrap().create(&config, &settings).unwrap();
/// # let client = std::thread::spawn(move || {
/// #     let client = Client::bind("127.0.0.1:0").unwrap();
/// #     for _ in 0..100 {
/// #         let _ = client.send_to(b"spans", port);
/// #         std::thread::sleep(std::time::Duration::from_millis(20));
/// #     }
/// # });
/// # let batches = strait_component::testing::receive(&mut *receiver, settings, 1).unwrap();
/// # assert_eq!(batches[0].otlp().unwrap(), &b"spans"[..]);
/// # assert!(batches[0].context().peer().unwrap().starts_with("127.0.0.1:"));
/// # drop(client);
/// ```
pub trait Receiver: 'static {
    /// Receives until [`Host::stopped`] ends: opens what it needs, and hands each batch over with
    /// [`Host::send`]. Called once, and dropped where it has not ended some time after the stop.
    /// May be written as `async fn`, and need not be [`Send`].
    ///
    /// Returning `Ok` before the stop says that nothing more will come; the Collector goes on
    /// without it.
    ///
    /// # Errors
    ///
    /// It cannot receive any more: the component's status says so for good, with the message. A
    /// panic does the same.
    fn run(&mut self, host: Host) -> impl Future<Output = Result<(), Error>>;
}

/// A receiver as the host holds it. Every [`Receiver`] is one.
pub trait DynReceiver: 'static {
    /// [`Receiver::run`].
    fn run(&mut self, host: Host) -> LocalBoxFuture<'_, Result<(), Error>>;
}

impl<R: Receiver> DynReceiver for R {
    fn run(&mut self, host: Host) -> LocalBoxFuture<'_, Result<(), Error>> {
        Box::pin(Receiver::run(self, host))
    }
}

/// The Collector that a receiver runs in, which it may ask and tell what any [`Collector`] may be.
/// Cheap to clone, and may be used from any thread for as long as the receiver runs.
#[derive(Clone)]
pub struct Host {
    settings: Arc<Settings>,
    downstream: Arc<dyn Downstream>,
    stop: CancellationToken,
}

impl Host {
    /// A host that hands batches on to `downstream`, and the handle that stops its receiver.
    pub fn new(settings: Settings, downstream: Arc<dyn Downstream>) -> (Self, StopHandle) {
        let stop = CancellationToken::new();
        let host = Self {
            settings: Arc::new(settings),
            downstream,
            stop: stop.clone(),
        };
        (host, StopHandle(stop))
    }

    /// Hands `batch` to the pipelines of its signal, and waits for what they say: when this is
    /// `Ok`, every one of them has taken it, so that a sender can be told so. Also waits where the
    /// pipelines have enough to do; several may wait at the same time.
    ///
    /// What the pipelines are told of the sender is [`Batch::with_context`]. Dropping the future
    /// withdraws the batch: the pipelines are told that nobody waits, and may have taken it.
    ///
    /// # Errors
    ///
    /// Some pipeline has not taken it: what it said. Or it is of a signal that nobody takes from
    /// this receiver (see [`Settings::signals_out`]).
    pub async fn send(&self, batch: Batch) -> Result<(), Error> {
        let signal = batch.signal();
        if !self.settings.signals_out.contains(&signal) {
            return Err(Error::permanent(format!(
                "`{}` sends {signal}, and is in no pipeline of {signal}",
                self.settings.component
            )));
        }
        self.downstream.send(batch).await
    }

    /// Waits until the receiver is told to stop: take nothing more, let what was taken be answered,
    /// and return.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the receiver was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Where the receiver runs.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// A host is a Collector that takes batches too.
impl Deref for Host {
    type Target = Collector;

    fn deref(&self) -> &Collector {
        &self.settings.collector
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.settings).finish()
    }
}

/// Stops a receiver: the owner's side of a [`Host`]. One that is dropped says nothing.
#[derive(Clone, Debug)]
pub struct StopHandle(CancellationToken);

impl StopHandle {
    /// Tells the receiver to stop.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

/// Where a receiver's batches go. The host of the process implements it; so does a test.
pub trait Downstream: Send + Sync + 'static {
    /// Takes a batch of a signal that somebody takes, and says what became of it.
    fn send(&self, batch: Batch) -> BoxFuture<Result<(), Error>>;
}
