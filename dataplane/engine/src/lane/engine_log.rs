//! What the engine logs that is of no use to whoever runs a Collector.
//!
//! The engine keeps metrics of its own, for a collector of its own, which a lane does not run: what
//! a lane counts is in the Collector's metrics. At each shutdown the engine warns that it cannot
//! hand its own in. Nothing else is kept back.

use tracing::Metadata;

/// Whether a log line is the engine's complaint that nobody collects its own metrics.
#[must_use]
pub fn is_own_metrics_complaint(line: &Metadata<'_>) -> bool {
    is_about_own_metrics(line.target(), line.name())
}

/// The engine's targets are its packages' names, with hyphens.
fn is_about_own_metrics(target: &str, name: &str) -> bool {
    target.starts_with("otel-arrow-dfe-")
        && (name == "metrics.collection.flush.fail"
            || name.ends_with("metrics.final_reporting.fail"))
}

#[cfg(test)]
mod tests {
    use super::is_about_own_metrics;

    #[test]
    fn only_complaints_of_the_engine_about_metrics_are_kept_back() {
        let engine = |name| is_about_own_metrics("otel-arrow-dfe-engine", name);
        assert!(engine("metrics.collection.flush.fail"));
        assert!(engine("extension.lifecycle.metrics.final_reporting.fail"));
        assert!(!engine("durable_buffer.flush.failed"));
        assert!(!engine("processor.shutdown.fail"));
        assert!(!is_about_own_metrics(
            "my_filter",
            "metrics.collection.flush.fail"
        ));
    }
}
