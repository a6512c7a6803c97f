//! What the engine logs that is of no use to whoever runs a Collector.
//!
//! The engine keeps metrics of its own, for a collector of its own, which a lane does not run: what a
//! lane counts is in the Collector's metrics. At each shutdown the engine warns that it cannot
//! hand its own in. Nothing else is kept back.

use tracing::Metadata;

/// Whether a log line is the engine's complaint that nobody collects its own metrics.
#[must_use]
pub fn is_moot(line: &Metadata<'_>) -> bool {
    line.target().starts_with("otel_arrow_dfe_") && is_about_own_metrics(line.name())
}

fn is_about_own_metrics(name: &str) -> bool {
    name == "metrics.collection.flush.fail" || name.ends_with("metrics.final_reporting.fail")
}

#[cfg(test)]
mod tests {
    use super::is_about_own_metrics;

    #[test]
    fn only_complaints_about_metrics_are_moot() {
        assert!(is_about_own_metrics("metrics.collection.flush.fail"));
        assert!(is_about_own_metrics(
            "extension.lifecycle.metrics.final_reporting.fail"
        ));
        assert!(!is_about_own_metrics("durable_buffer.flush.failed"));
        assert!(!is_about_own_metrics("processor.shutdown.fail"));
    }
}
