//! How an exporter's batches are sent: the keys of the exporter helper, as the host writes them.

use serde::Deserialize;
use std::time::Duration;

/// `timeout`, `retry_on_failure` and `sending_queue`; times are nanoseconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// What one attempt may take; 0: no limit.
    timeout: u64,
    /// `None`: one attempt.
    #[serde(default)]
    pub(crate) retry: Option<Retry>,
    /// `None`: no queue.
    #[serde(default)]
    pub(crate) queue: Option<Limits>,
}

impl Policy {
    pub(crate) fn timeout(&self) -> Option<Duration> {
        (self.timeout > 0).then(|| Duration::from_nanos(self.timeout))
    }
}

/// When a batch is tried again.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    pub(crate) initial_interval: u64,
    pub(crate) randomization_factor: f64,
    pub(crate) multiplier: f64,
    pub(crate) max_interval: u64,
    /// 0: it is tried for ever.
    pub(crate) max_elapsed_time: u64,
}

/// What a queue holds, and who empties it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) size: u64,
    pub(crate) sizer: Sizer,
    pub(crate) consumers: usize,
    /// Its senders wait until a batch was sent.
    pub(crate) wait_for_result: bool,
    /// Who finds it full waits.
    pub(crate) block_on_overflow: bool,
    /// The extension of the Collector that keeps it; `None`: it is in memory.
    #[serde(default)]
    pub(crate) storage: Option<String>,
    /// `None`: batches are sent as they came.
    #[serde(default)]
    pub(crate) batch: Option<Batching>,
}

/// How batches of a queue are merged and split.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batching {
    /// For how long one is kept that is not large enough.
    pub(crate) flush_timeout: u64,
    pub(crate) sizer: Measure,
    /// One of this size is sent at once.
    pub(crate) min_size: u64,
    /// 0: there is no limit.
    pub(crate) max_size: u64,
    /// What of their clients' metadata merged batches have in common.
    #[serde(default)]
    pub(crate) metadata_keys: Vec<String>,
}

/// What a queue's size counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sizer {
    /// Batches.
    Requests,
    /// Log records, spans, data points.
    Items,
    /// The bytes of its OTLP, as the Collector's pdata has it.
    Bytes,
}

/// What the size of what is sent at once counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measure {
    /// Log records, spans, data points.
    Items,
    /// The bytes of its OTLP.
    Bytes,
}
