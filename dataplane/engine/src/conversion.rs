//! The engine's own conversion of OTLP bytes into records, for `bench/`.
//!
//! It is the rival of the ring: what a Collector would pay that hands OTLP bytes to the engine.
//! Lanes do not use it; their nodes convert by the engine's means where they need to.

use bytes::Bytes;
use otel_arrow_dfe_pdata::{OtapArrowRecords, OtlpProtoBytes, TryFromWithOptions};
use strait_failure::{Class, Failure};

/// Converts the bytes of an `ExportLogsServiceRequest` into the engine's Arrow records, drops them,
/// and gives how many logs they held.
///
/// # Errors
/// The bytes are not such a request.
pub fn otlp_logs_to_records(request: Bytes) -> Result<usize, Failure> {
    let request = OtlpProtoBytes::ExportLogsRequest(request);
    let records = OtapArrowRecords::try_from_with_default(request).map_err(|error| {
        Failure::new(
            Class::Permanent,
            format!("the request cannot be converted: {error}"),
        )
    })?;
    Ok(records.num_items())
}
