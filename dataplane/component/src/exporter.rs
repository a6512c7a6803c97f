//! What an exporter does with data, and how the host holds one.

use crate::{Batch, Error, LocalBoxFuture};

/// One instance of a component that takes batches out of the Collector.
///
/// An instance lives on one lane's thread. Its methods may be written as `async fn`, and need not
/// be [`Send`]. Several exports may run at the same time, interleaved on that thread: state that
/// changes needs a cell, and what computes or blocks for long delays the others.
///
/// In the Collector it has the queue, the retries and the timeout of every exporter
/// (`sending_queue`, `retry_on_failure`, `timeout`): do not write them anew.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use strait_component::prelude::*;
/// use tokio::net::UdpSocket;
///
/// /// Sends each batch of spans as one datagram.
/// struct Datagrams(Config);
///
/// impl Exporter for Datagrams {
///     async fn export(&self, batch: Batch) -> Result<(), Error> {
///         let Some(bytes) = batch.otlp() else {
///             return Err(Error::permanent("records are not sent"));
///         };
///         let sending = async {
///             let socket = UdpSocket::bind("0.0.0.0:0").await?;
///             socket.send_to(bytes, &self.0.to).await
///         };
///         tokio::select! {
///             sent = sending => match sent {
///                 Ok(_) => Ok(()),
///                 Err(error) => Err(Error::retryable(error.to_string())),
///             },
///             left = batch.context().cancelled() => Err(left),
///         }
///     }
/// }
///
/// #[derive(Default, Deserialize, Serialize, JsonSchema)]
/// pub struct Config {
///     /// Where to send, such as `10.0.0.1:9000`.
///     to: String,
/// }
///
/// struct DatagramsFactory;
///
/// impl ExporterFactory for DatagramsFactory {
///     type Config = Config;
///     type Exporter = Datagrams;
///
///     fn describe(&self) -> Description {
///         Description::exporter("datagrams", package!()).traces(Stability::Alpha)
///     }
///
///     fn create(&self, config: Config, _: &Settings) -> Result<Datagrams, CreateError> {
///         Ok(Datagrams(config))
///     }
/// }
///
/// pub fn factory() -> &'static dyn DynFactory {
///     &AsExporter(DatagramsFactory)
/// }
/// # use strait_component::testing::block_on;
/// # block_on(async {
/// #     let to = UdpSocket::bind("127.0.0.1:0").await?;
/// #     let config = serde_json::json!({"to": to.local_addr()?.to_string()});
/// #     let made = factory().exporter().unwrap().create(&config, &Settings::new("datagrams", 0));
/// #     made.unwrap().export(Batch::from_otlp(Signal::Traces, &b"spans"[..])).await.unwrap();
/// #     let mut got = [0; 16];
/// #     assert_eq!(to.recv(&mut got).await?, 5);
/// #     Ok::<_, std::io::Error>(())
/// # }).unwrap();
/// ```
pub trait Exporter: 'static {
    /// Delivers `batch`. When it returns, the sender has its answer, so return when the batch is
    /// where it is safe. End early when [`Context::cancelled`](crate::Context::cancelled) does:
    /// nobody waits any more.
    ///
    /// # Errors
    ///
    /// What the destination said, as exactly as it is known: [`Error::retryable`] is tried again,
    /// after [`Error::retry_after`]; [`Error::permanent`] is not, and counts as lost. A panic is a
    /// permanent error that names the component.
    fn export(&self, batch: Batch) -> impl Future<Output = Result<(), Error>>;

    /// Ends the instance, after the last export has ended.
    ///
    /// # Errors
    ///
    /// An error is reported as the component's and does not stop the shutdown.
    fn shutdown(&self) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }
}

/// An exporter as the host holds it. Every [`Exporter`] is one, and its methods are the same.
#[allow(missing_docs)] // those of Exporter say what each does
pub trait DynExporter: 'static {
    fn export(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Error>>;
    fn shutdown(&self) -> LocalBoxFuture<'_, Result<(), Error>>;
}

impl<E: Exporter> DynExporter for E {
    fn export(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Error>> {
        Box::pin(Exporter::export(self, batch))
    }

    fn shutdown(&self) -> LocalBoxFuture<'_, Result<(), Error>> {
        Box::pin(Exporter::shutdown(self))
    }
}
