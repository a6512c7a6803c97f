//! Tables of logs as they cross.

use arrow_array::RecordBatch;

/// Tables of logs, with OTAP's payload types.
pub(crate) type Tables = Vec<(u16, RecordBatch)>;
