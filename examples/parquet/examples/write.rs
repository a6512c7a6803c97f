//! Writes logs to a folder as the component does in a Collector, for readers of another make
//! (`tests/parquet/read.py`): `write FOLDER`.
//!
//! Log `n` of 9,000 has the body `order n`, is of one of three hours and of one of three services,
//! and every tenth has an attribute of each type.

use std::error::Error;

use serde_json::json;
use strait_component::testing::block_on;
use strait_component::{Any, LogRecord, LogsBuilder, Resource, Settings};

/// 2026-11-30, 08:00 UTC.
const EIGHT: u64 = 1_796_025_600_000_000_000;
const HOUR: u64 = 3_600_000_000_000;
const BATCHES: u64 = 9;
const LOGS: u64 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: write FOLDER")?;
    let config = json!({"folder": folder, "attribute": "service.name"});
    let factory = parquet_files::factory().exporter().ok_or("no exporter")?;
    let exporter = factory.create(&config, &Settings::new("parquet_files", 0));
    let exporter = exporter.map_err(|error| error.to_string())?;
    block_on(async {
        for batch in 0..BATCHES {
            let mut logs = LogsBuilder::new();
            let service = ["shop", "a/b", "größe"][batch as usize % 3];
            logs.resource(Resource::new([("service.name", service)]))?;
            for n in batch * LOGS..(batch + 1) * LOGS {
                logs.push(log(n))?;
            }
            exporter.export(logs.finish()?).await?;
        }
        exporter.shutdown().await?;
        Ok(())
    })
}

fn log(n: u64) -> LogRecord {
    let log = LogRecord {
        time_unix_nano: EIGHT + n % 3 * HOUR,
        severity_number: 9,
        trace_id: u128::from(n).to_be_bytes(),
        ..LogRecord::new(format!("order {n}"))
    };
    if !n.is_multiple_of(10) {
        return log;
    }
    log.with("text", "x")
        .with("number", 7)
        .with("nested", vec![Any::from(true), Any::from(0.5)])
        .with("nothing", Any::Empty)
}
