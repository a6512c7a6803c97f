//! What the Collector shows of the exporter, in its own metrics and traces: how many rows were
//! written, and how long each write took, which is a span too.

use std::time::Instant;

use strait_component::opentelemetry::metrics::{Counter, Histogram, MeterProvider as _};
use strait_component::opentelemetry::trace::{Span as _, Status, TracerProvider as _};
use strait_component::prelude::*;
use strait_component::telemetry::{Span, Tracer};

/// The instruments of one instance.
pub(crate) struct Measured {
    rows: Counter<u64>,
    duration: Histogram<f64>,
    tracer: Tracer,
}

impl Measured {
    pub(crate) fn new(collector: &Collector) -> Self {
        let name = env!("CARGO_PKG_NAME");
        let meter = collector.meter(name);
        let duration = meter.f64_histogram("parquet_files.write.duration");
        Self {
            rows: meter
                .u64_counter("parquet_files.rows")
                .with_unit("{row}")
                .with_description("Rows that are in files for good.")
                .build(),
            duration: duration
                .with_unit("s")
                .with_description("How long a batch took to be in files for good.")
                .with_boundaries(vec![0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
                .build(),
            tracer: collector.tracer(name),
        }
    }

    /// A write of this batch begins.
    pub(crate) fn begin(&self, batch: &Batch) -> Writing<'_> {
        Writing {
            measured: self,
            rows: batch.logs().len() as u64,
            began: Instant::now(),
            span: batch.context().child_span(&self.tracer, "write"),
        }
    }
}

/// A write that has not ended.
pub(crate) struct Writing<'m> {
    measured: &'m Measured,
    rows: u64,
    began: Instant,
    span: Span,
}

impl Writing<'_> {
    pub(crate) fn end(mut self, written: &Result<(), Error>) {
        let took = self.began.elapsed().as_secs_f64();
        self.measured.duration.record(took, &[]);
        match written {
            Ok(()) => self.measured.rows.add(self.rows, &[]),
            Err(error) => self
                .span
                .set_status(Status::error(error.message().to_owned())),
        }
    }
}
