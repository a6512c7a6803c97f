//! How a component of the system tests is told to go wrong, and what a failure is in words.
//!
//! A batch says it by the body of its first log: `permanent` or `retryable`, then, one after the
//! other, `grpc N`, `http N`, `after MS` and `rejected N`; `panic`; `sleep MS`, which holds the
//! thread; `leak`, which keeps the batch for ever. A configuration says it by the name of a method:
//! `error`, `panic`, `block`, which holds the thread for [`BLOCK`], or `hang`, which waits for ever
//! where it is a future. `tests/native` writes both.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::Duration;

use strait_component::opentelemetry::KeyValue;
use strait_component::opentelemetry::metrics::MeterProvider as _;
use strait_component::opentelemetry::trace::{self, Span as _, TracerProvider as _};
use strait_component::{Batch, Collector, ConfigError, Context, CreateError, Error};

/// How long a method holds its thread.
pub const BLOCK: Duration = Duration::from_secs(2);

/// What the methods of a component are to meet, by their names.
pub type Fails = BTreeMap<String, String>;

/// Goes wrong where a method is to.
///
/// # Errors
/// It is told to fail.
pub fn meet(fails: &Fails, method: &str) -> Result<(), Error> {
    match fails.get(method).map(String::as_str) {
        Some("error") => Err(Error::permanent(format!("told to fail in {method}"))),
        Some("panic") => panic!("told to panic in {method}"),
        Some("block") => {
            sleep(BLOCK);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Goes wrong where a method that is a future is to.
///
/// # Errors
/// It is told to fail.
pub async fn meet_or_hang(fails: &Fails, method: &str) -> Result<(), Error> {
    match fails.get(method).map(String::as_str) {
        Some("hang") => pending().await,
        _ => meet(fails, method),
    }
}

/// What `validate` of a factory meets.
///
/// # Errors
/// It is told to fail.
pub fn validated(fails: &Fails) -> Result<(), Vec<ConfigError>> {
    let wrong = |error: Error| vec![ConfigError::new("fails", error.message())];
    meet(fails, "validate").map_err(wrong)
}

/// What `access` of a factory meets, which cannot fail.
pub fn accessed(fails: &Fails) {
    let _ = meet(fails, "access");
}

/// What `create` of a factory meets.
///
/// # Errors
/// It is told to fail.
pub fn created(fails: &Fails) -> Result<(), CreateError> {
    meet(fails, "create").map_err(|error| CreateError::Failed(error.message().into()))
}

/// Does what a batch says.
///
/// # Errors
/// It says that it fails.
pub fn obey(batch: &Batch) -> Result<(), Error> {
    let says = body(batch);
    match says.split_once(' ').unwrap_or((&says, "")) {
        ("panic", _) => panic!("told to panic"),
        ("leak", _) => {
            std::mem::forget(batch.clone());
            Ok(())
        }
        ("sleep", ms) => {
            let ms = ms
                .parse()
                .map_err(|error| Error::permanent(format!("sleep {ms}: {error}")))?;
            sleep(Duration::from_millis(ms));
            Ok(())
        }
        _ => failure(&says).map_or(Ok(()), Err),
    }
}

/// The body of the batch's first log; empty where it has none.
pub fn body(batch: &Batch) -> String {
    let logs = batch.logs();
    let text = logs
        .get(0)
        .and_then(|log| log.body().as_str().map(str::to_owned));
    text.unwrap_or_default()
}

/// The failure that these words ask for; `None` where they ask for something else.
pub fn failure(says: &str) -> Option<Error> {
    let mut words = says.split(' ');
    let mut failure = match words.next() {
        Some("permanent") => Error::permanent("told to fail for good"),
        Some("retryable") => Error::retryable("told to fail for now"),
        _ => return None,
    };
    while let (Some(word), Some(number)) = (words.next(), words.next()) {
        let number: u32 = match number.parse() {
            Ok(number) => number,
            Err(error) => return Some(Error::permanent(format!("{word} {number}: {error}"))),
        };
        failure = match word {
            "grpc" => failure.grpc(number),
            "http" => failure.http(u16::try_from(number).unwrap_or_default()),
            "after" => failure.retry_after(Duration::from_millis(number.into())),
            _ => failure.rejected(number.into()),
        };
    }
    Some(failure)
}

/// What became of a batch.
pub fn told(sent: &Result<(), Error>) -> String {
    match sent {
        Ok(()) => "taken".into(),
        Err(error) => format!(
            "{:?} grpc {:?} http {:?} after {:?} rejected {}: {}",
            error.class(),
            error.grpc_code(),
            error.http_code(),
            error.retry_delay(),
            error.rejected_items(),
            error.message(),
        ),
    }
}

/// What a component of the system tests measures and traces, once for each batch that asks for it
/// by `measure N`: N with an instrument of each type, and a span with another one in it.
pub struct Measuring {
    collector: Collector,
    asked: Arc<AtomicU64>,
}

impl Measuring {
    /// For an instance in this Collector.
    pub fn new(collector: &Collector) -> Self {
        let asked = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&asked);
        let meter = collector.meter("measuring");
        let _asked = meter
            .u64_observable_counter("measuring.asked")
            .with_callback(move |seen| seen.observe(shown.load(Relaxed), &[]))
            .build();
        Self {
            collector: collector.clone(),
            asked,
        }
    }

    /// Measures where the batch asks for it.
    ///
    /// # Errors
    /// Its number is none.
    pub fn obey(&self, says: &str, context: &Context) -> Result<bool, Error> {
        let Some(number) = says.strip_prefix("measure ") else {
            return Ok(false);
        };
        let number: u32 = number
            .parse()
            .map_err(|error| Error::permanent(format!("measure {number}: {error}")))?;
        self.asked.fetch_add(number.into(), Relaxed);
        let by = [
            KeyValue::new("tenant", "blue"),
            KeyValue::new("shard", i64::from(number % 2)),
        ];
        let whole = i64::from(number);
        let meter = self.collector.meter("measuring");
        let counter = meter.u64_counter("measuring.counter").with_unit("{log}");
        let counter = counter.with_description("What was asked for.").build();
        counter.add(number.into(), &by);
        let level = meter.i64_up_down_counter("measuring.level").build();
        level.add(-whole, &[]);
        let gauge = meter.f64_gauge("measuring.gauge").build();
        gauge.record(f64::from(number) / 2.0, &[]);
        let histogram = meter.f64_histogram("measuring.histogram");
        let histogram = histogram.with_boundaries(vec![1.0, 10.0]).build();
        histogram.record(f64::from(number), &[]);

        let tracer = self.collector.tracer("measuring");
        let mut outer = context.child_span(&tracer, "outer");
        outer.set_attribute(KeyValue::new("number", whole));
        let mut inner = context.within(&outer).child_span(&tracer, "inner");
        inner.add_event("asked", vec![KeyValue::new("number", whole)]);
        inner.set_status(trace::Status::error("told to"));
        Ok(true)
    }
}
