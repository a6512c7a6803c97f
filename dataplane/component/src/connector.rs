//! What a connector does with data, and where it puts what it makes of it.

use std::time::Duration;

use crate::{Batch, Context, Error};

/// One instance of a component that makes batches of one signal, or of one pipeline, of those of
/// another.
///
/// An instance lives on one lane's thread and sees that lane's batches one after the other; there
/// is one for each pair of signals that it connects, on each lane. Lanes share nothing.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use strait_component::prelude::*;
///
/// /// Sends errors to other pipelines.
/// struct Errors(Config);
///
/// impl Connector for Errors {
///     fn consume(&mut self, mut batch: Batch, out: &mut Emitter) -> Result<(), Error> {
///         batch.retain(|log| log.severity_number() >= self.0.min_severity)?;
///         if !batch.is_empty() {
///             out.emit(batch);
///         }
///         Ok(())
///     }
/// }
///
/// #[derive(Deserialize, Serialize, JsonSchema)]
/// pub struct Config {
///     /// The lowest severity that is an error.
///     min_severity: i32,
/// }
///
/// impl Default for Config {
///     fn default() -> Self {
///         Self { min_severity: 17 }
///     }
/// }
///
/// struct ErrorsFactory;
///
/// impl ConnectorFactory for ErrorsFactory {
///     type Config = Config;
///     type Connector = Errors;
///
///     fn describe(&self) -> Description {
///         Description::connector("errors", package!())
///             .connects(Signal::Logs, Signal::Logs, Stability::Alpha)
///     }
///
///     fn create(&self, config: Config, _: &Settings) -> Result<Errors, CreateError> {
///         Ok(Errors(config))
///     }
/// }
///
/// pub fn factory() -> &'static dyn DynFactory {
///     &AsConnector(ErrorsFactory)
/// }
/// # use strait_component::testing::{Sample, batch, consume};
/// # let settings = Settings::new("errors", 0);
/// # let made = factory().connector().unwrap().create(&serde_json::json!({}), &settings);
/// # let logs = [9, 17].map(|severity_number| Sample { severity_number, ..Sample::default() });
/// # assert_eq!(consume(&mut *made.unwrap(), batch(&logs)).unwrap()[0].items(), 1);
/// ```
pub trait Connector: Send {
    /// Takes `batch`. What it emits here is of this call: the caller has its answer when all of it
    /// has been taken, and where nothing is emitted, at once.
    ///
    /// The call must not wait for I/O: the lane's thread also serves its rings.
    ///
    /// # Errors
    ///
    /// The caller is told, and what was emitted is discarded. A panic is treated as a permanent
    /// error that names the component.
    fn consume(&mut self, batch: Batch, out: &mut Emitter) -> Result<(), Error>;

    /// Emits what it has kept. What it emits here is of no call: nobody waits for it, and a failure
    /// of it is logged. Called at every [`flush_every`](Self::flush_every), and once more at the
    /// end, after the last batch.
    ///
    /// # Errors
    ///
    /// An error is reported as the component's; what was emitted goes on its way.
    fn flush(&mut self, _out: &mut Emitter) -> Result<(), Error> {
        Ok(())
    }

    /// How often it flushes; asked once, after it was created. `None`: at the end only.
    fn flush_every(&self) -> Option<Duration> {
        None
    }
}

/// Where a connector puts its batches. They go on when the method returns that got it.
#[derive(Debug, Default)]
pub struct Emitter {
    /// The context of the call whose batches these are.
    call: Option<Context>,
    batches: Vec<Batch>,
}

impl Emitter {
    /// For batches of no call: those of a flush.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For batches of the call that carries this context: they carry it too.
    #[must_use]
    pub fn of(call: Context) -> Self {
        Self {
            call: Some(call),
            batches: Vec::new(),
        }
    }

    /// Emits a batch, behind those that were emitted before.
    pub fn emit(&mut self, batch: Batch) {
        self.batches.push(match &self.call {
            Some(call) => batch.with_context(call.clone()),
            None => batch,
        });
    }

    /// What was emitted, in its order.
    #[must_use]
    pub fn into_batches(self) -> Vec<Batch> {
        self.batches
    }
}
