//! Components of each kind, through the factories that a host sees and the harness that a test
//! has: no engine, no Collector.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use strait_component::prelude::*;
use strait_component::testing::{self, Sample, block_on, consume, flush, receive};
use strait_component::{CancelHandle, Class, Kind};

#[derive(Default, Deserialize, Serialize, JsonSchema)]
struct Config {
    most: u64,
}

fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
    match config.most {
        13 => Err(vec![ConfigError::new("most", "is unlucky")]),
        _ => Ok(()),
    }
}

/// Takes so many batches, and refuses the next one when its caller has left.
struct Few {
    left: Cell<u64>,
}

impl Exporter for Few {
    async fn export(&self, batch: Batch) -> Result<(), Error> {
        if self.left.get() == 0 {
            return Err(batch.context().cancelled().await);
        }
        self.left.set(self.left.get() - 1);
        tokio::task::yield_now().await;
        Ok(())
    }
}

struct FewFactory;

impl ExporterFactory for FewFactory {
    type Config = Config;
    type Exporter = Few;

    fn describe(&self) -> Description {
        Description::exporter("few", package!()).logs(Stability::Alpha)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        check(config)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Few, CreateError> {
        let left = Cell::new(config.most);
        Ok(Few { left })
    }
}

/// Sends one batch after the other, and as the last one what it was told by then.
struct Ticks {
    most: u64,
}

impl Receiver for Ticks {
    async fn run(&mut self, host: Host) -> Result<(), Error> {
        for _ in 0..self.most {
            if host.is_stopping() {
                return Ok(());
            }
            host.send(testing::batch(&[Sample::new("tick")])).await?;
        }
        host.stopped().await;
        host.send(testing::batch(&[Sample::new("last")])).await
    }
}

struct TicksFactory;

impl ReceiverFactory for TicksFactory {
    type Config = Config;
    type Receiver = Ticks;

    fn describe(&self) -> Description {
        Description::receiver("ticks", package!()).logs(Stability::Alpha)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        check(config)
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Ticks, CreateError> {
        Ok(Ticks { most: config.most })
    }
}

/// Passes a batch on twice and keeps it for the next flush.
struct Twice {
    kept: Vec<Batch>,
}

impl Connector for Twice {
    fn consume(&mut self, batch: Batch, out: &mut Emitter) -> Result<(), Error> {
        if batch.is_empty() {
            return Err(Error::permanent("nothing to pass on"));
        }
        self.kept
            .push(batch.clone().with_context(Context::default()));
        out.emit(batch.clone().with_context(Context::default()));
        out.emit(batch);
        Ok(())
    }

    fn flush(&mut self, out: &mut Emitter) -> Result<(), Error> {
        self.kept.drain(..).for_each(|batch| out.emit(batch));
        Ok(())
    }

    fn flush_every(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

struct TwiceFactory;

impl ConnectorFactory for TwiceFactory {
    type Config = Config;
    type Connector = Twice;

    fn describe(&self) -> Description {
        Description::connector("twice", package!()).connects(
            Signal::Logs,
            Signal::Logs,
            Stability::Alpha,
        )
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        check(config)
    }

    fn access(&self, _: &Config) -> Access {
        Access::new().read(Columns::BODY)
    }

    fn create(&self, _: Config, _: &Settings) -> Result<Twice, CreateError> {
        Ok(Twice { kept: Vec::new() })
    }
}

fn all() -> [&'static dyn DynFactory; 3] {
    [
        &AsExporter(FewFactory),
        &AsReceiver(TicksFactory),
        &AsConnector(TwiceFactory),
    ]
}

fn settings() -> Settings {
    Settings::new("x", 0)
        .takes([Signal::Logs])
        .makes([Signal::Logs])
}

// Guarantees: every kind's configuration is read, checked and described alike, and each factory is
// of one kind.
#[test]
fn factories_are_alike() {
    let kinds = [Kind::Exporter, Kind::Receiver, Kind::Connector];
    for (factory, kind) in all().into_iter().zip(kinds) {
        assert_eq!(factory.describe().kind, kind);
        assert_eq!(factory.default_config().unwrap(), json!({"most": 0}));
        assert_eq!(factory.config_schema()["properties"]["most"]["default"], 0);
        assert!(factory.validate(&json!({"most": 12})).is_ok());
        for (wrong, path) in [(json!({"most": 13}), "most"), (json!({"mots": 1}), "mots")] {
            assert_eq!(factory.validate(&wrong).unwrap_err()[0].path, path);
        }
        let decoded = factory.decode(&json!({"most": 13}).into()).unwrap();
        assert_eq!(decoded.findings[0].message, "is unlucky");
        let is = [
            factory.processor().is_some(),
            factory.exporter().is_some(),
            factory.receiver().is_some(),
            factory.connector().is_some(),
            factory.extension().is_some(),
        ];
        assert_eq!(is.iter().filter(|is| **is).count(), 1, "{kind}");
    }
}

// Guarantees: a configuration that is wrong makes no instance, of any kind.
#[test]
fn what_is_wrong_makes_no_instance() {
    let [exporter, receiver, connector] = all();
    let wrong = json!({"most": 13});
    let errors = [
        exporter
            .exporter()
            .unwrap()
            .create(&wrong, &settings())
            .err(),
        receiver
            .receiver()
            .unwrap()
            .create(&wrong, &settings())
            .err(),
        connector
            .connector()
            .unwrap()
            .create(&wrong, &settings())
            .err(),
    ];
    for error in errors {
        let message = "invalid configuration: most: is unlucky";
        assert_eq!(error.expect("an error").to_string(), message);
    }
}

// Guarantees: what is read is all, where a factory does not say less.
#[test]
fn access_is_all_or_what_is_said() {
    let [exporter, _, connector] = all();
    let config = json!({});
    let access = exporter.exporter().unwrap().access(&config);
    assert_eq!(access.unwrap(), Access::everything());
    let access = connector.connector().unwrap().access(&config);
    assert_eq!(access.unwrap(), Access::new().read(Columns::BODY));
}

// Guarantees: several exports of one instance run at the same time, and one whose caller leaves
// ends with that.
#[test]
fn exports_run_at_the_same_time() {
    let factory = all()[0].exporter().unwrap();
    let exporter = factory.create(&json!({"most": 2}), &settings()).unwrap();
    let handle = CancelHandle::new();
    let waits = Context::builder().cancelled_by(&handle).build();
    block_on(async {
        let (first, second, third, ()) = tokio::join!(
            exporter.export(Batch::default()),
            exporter.export(Batch::default()),
            exporter.export(Batch::default().with_context(waits)),
            async { handle.cancel() },
        );
        assert_eq!((first, second), (Ok(()), Ok(())));
        assert_eq!(third.unwrap_err().class(), Class::Cancelled);
        exporter.shutdown().await.unwrap();
    });
}

// Guarantees: a receiver runs until it is stopped, and what it sends then still arrives.
#[test]
fn a_receiver_runs_until_it_is_stopped() {
    let factory = all()[1].receiver().unwrap();
    let mut receiver = factory.create(&json!({"most": 3}), &settings()).unwrap();
    let batches = receive(&mut *receiver, settings(), 3).unwrap();
    let bodies: Vec<_> = batches.iter().flat_map(testing::samples).collect();
    let expected = ["tick", "tick", "tick", "last"].map(Sample::new);
    assert_eq!(bodies, expected);
}

// Guarantees: what the pipelines say of a batch is what send returns, to the number.
#[test]
fn a_receiver_learns_what_became_of_a_batch() {
    let factory = all()[1].receiver().unwrap();
    let mut receiver = factory.create(&json!({"most": 9}), &settings()).unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let full = Error::retryable("full").retry_after(Duration::from_secs(3));
    let (counts, refusal) = (Arc::clone(&taken), full.clone());
    let (host, _stop) = testing::host(settings(), move |_| {
        let answer = match counts.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Ok(()),
            _ => Err(refusal.clone()),
        };
        async { answer }
    });
    assert_eq!(block_on(receiver.run(host)), Err(full));
    assert_eq!(taken.load(Ordering::Relaxed), 3);
}

// Guarantees: a batch of a signal that nobody takes from the receiver is an error, not lost.
#[test]
fn a_signal_without_a_pipeline_is_refused() {
    let taken = |_| async { panic!("nobody takes it") };
    let (host, _stop) = testing::host(settings(), taken);
    let spans = Batch::from_otlp(Signal::Traces, Vec::new());
    let error = block_on(host.send(spans)).unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(
        error.message(),
        "`x` sends traces, and is in no pipeline of traces"
    );
}

// Guarantees: what is emitted for a call carries its context, and what is flushed carries none;
// both in order.
#[test]
fn emitted_batches_are_of_their_call() {
    let factory = all()[2].connector().unwrap();
    let mut connector = factory.create(&json!({}), &settings()).unwrap();
    assert_eq!(connector.flush_every(), Some(Duration::from_secs(1)));
    let batch = testing::batch(&[Sample::new("a")]).with_context(testing::context());
    let emitted = consume(&mut *connector, batch).unwrap();
    let peers = emitted.iter().map(|batch| batch.context().peer());
    assert!(peers.eq([Some("10.0.0.7:48122"), Some("10.0.0.7:48122")]));
    let flushed = flush(&mut *connector).unwrap();
    assert_eq!((flushed.len(), flushed[0].context().peer()), (1, None));
    assert!(flush(&mut *connector).unwrap().is_empty());
    assert!(consume(&mut *connector, Batch::default()).is_err());
}

// Guarantees: OTLP bytes are of their signal, and what needs records says so and changes nothing.
#[test]
fn otlp_bytes_are_no_records() {
    let request = &b"\x0a\x04\x12\x02\x12\x00"[..];
    let mut batch = Batch::from_otlp(Signal::Traces, request);
    assert_eq!(
        (batch.signal(), batch.items(), batch.len()),
        (Signal::Traces, 1, 0)
    );
    let message =
        "this batch of traces holds OTLP bytes, not records: read them from `Batch::otlp`";
    for error in [
        batch.retain(|_| false).unwrap_err(),
        batch.edit_bodies(|text| text.into()).unwrap_err(),
        batch
            .edit_attributes(AttributeTable::Log, &Keys::All, |text| text.into())
            .unwrap_err(),
    ] {
        assert_eq!(error.to_string(), message);
    }
    assert_eq!(batch.otlp().unwrap(), request);
    batch.set_otlp(Vec::new()).unwrap();
    assert_eq!((batch.signal(), batch.items()), (Signal::Traces, 0));
    let mut records = testing::batch(&[Sample::new("a")]);
    assert_eq!((records.signal(), records.items()), (Signal::Logs, 1));
    assert_eq!(records.set_otlp(Vec::new()), Err(BatchError::NotOtlp));
    assert!(records.otlp().is_none());
}
