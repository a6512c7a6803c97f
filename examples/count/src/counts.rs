//! How many logs there were of each kind since the counts were taken.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use strait_component::prelude::*;

use crate::Config;

/// What is counted apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Logs of a severity, and of the attribute's value where they have one.
    Of(&'static str, Option<String>),
    /// Logs that came when there were as many counts as may be.
    Overflow,
}

impl Key {
    pub(crate) fn new(severity: &'static str, value: Option<String>) -> Self {
        Self::Of(severity, value)
    }
}

#[derive(Debug)]
pub(crate) struct Counts {
    limit: usize,
    since: u64,
    counts: BTreeMap<Key, i64>,
}

impl Counts {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            since: now(),
            counts: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, key: Key) {
        let full = self.counts.len() >= self.limit && !self.counts.contains_key(&key);
        let key = if full { Key::Overflow } else { key };
        *self.counts.entry(key).or_default() += 1;
    }

    /// The counts as metrics, from where they begin anew; none where nothing came.
    pub(crate) fn take(&mut self, config: &Config) -> Option<Batch> {
        let (since, until) = (self.since, now());
        self.since = until;
        if self.counts.is_empty() {
            return None;
        }
        let counts = std::mem::take(&mut self.counts);
        let points = counts.into_iter().map(|(key, count)| {
            let point = NumberPoint {
                start_time_unix_nano: since,
                time_unix_nano: until,
                ..NumberPoint::new(count)
            };
            match key {
                Key::Overflow => point.with("otel.metric.overflow", true),
                Key::Of(severity, None) => point.with("severity", severity),
                Key::Of(severity, Some(value)) => point
                    .with("severity", severity)
                    .with(&config.attribute, value),
            }
        });
        let sum = MetricData::Sum {
            points: points.collect(),
            temporality: Temporality::Delta,
            monotonic: true,
        };
        let mut metrics = MetricsBuilder::new();
        metrics.scope(Scope {
            version: env!("CARGO_PKG_VERSION").into(),
            ..Scope::new(env!("CARGO_PKG_NAME"))
        });
        metrics.push(Metric {
            unit: "{log}".into(),
            ..Metric::new(&config.metric, sum)
        });
        Some(metrics.finish())
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Guarantees: no more counts are held apart than may be, and no log is lost for that.
    #[test]
    fn what_is_too_much_is_counted_together() {
        let mut counts = Counts::new(2);
        for value in ["a", "b", "c", "a", "d"] {
            counts.add(Key::new("info", Some(value.into())));
        }
        let of = |value: &str| Key::new("info", Some(value.into()));
        let expected = [(of("a"), 2), (of("b"), 1), (Key::Overflow, 2)];
        assert_eq!(counts.counts, BTreeMap::from(expected));
    }

    // Guarantees: what was taken is not taken again, and nothing makes no request.
    #[test]
    fn counts_are_taken_once() {
        let mut counts = Counts::new(2);
        counts.add(Key::new("info", None));
        let config = Config::default();
        assert!(counts.take(&config).is_some());
        assert!(counts.take(&config).is_none());
    }
}
