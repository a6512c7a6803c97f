//! The cases of `vectors/nodes.json`: each node in a unit where it has something to do.

use super::Host;
use super::otlp::{Log, request};
use super::units::of_nodes_in;
use arrow_array::RecordBatch;
use otel_arrow_dfe_pdata::proto::opentelemetry::arrow::v1::ArrowPayloadType;
use otel_arrow_dfe_pdata::{OtapArrowRecords, OtlpProtoBytes, TryFromWithOptions};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use strait_component::Kind;
use strait_engine::catalog::{Node, find};

/// One node, in a unit where it has something to do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub node: String,
    #[serde(default = "processor")]
    pub kind: Kind,
    /// The unit's nodes; `$FOLDER` stands for an empty folder.
    pub nodes: Value,
    /// Batches that come out of one call.
    #[serde(default = "one")]
    pub outputs: usize,
    /// What comes out belongs to no call.
    #[serde(default)]
    pub merges: bool,
    /// The call ends before its batch comes out, which then belongs to no call.
    #[serde(default)]
    pub acks_first: bool,
    /// Of an exporter: where its batches can be seen, `files`, `grpc`, `http` or `otap`.
    /// tests/native looks at what came there.
    #[serde(default)]
    pub writes: Option<String>,
    /// Of a receiver: what it can be sent, `otlp` at $ADDRESS by gRPC and at $SECOND by HTTP, or
    /// `syslog` at $ADDRESS by TCP; or that it reads the `machine` or the `journal` in
    /// $FOLDER.
    #[serde(default)]
    pub listens: Option<String>,
}

const fn processor() -> Kind {
    Kind::Processor
}

const fn one() -> usize {
    1
}

pub fn all_cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../vectors/nodes.json")).unwrap()
}

/// Those of the nodes in this build: what takes long to compile is in none of these tests, and
/// `make test-nodes` runs it.
pub fn cases() -> Vec<Case> {
    let mut cases = all_cases();
    cases.retain(|case| case.known().included);
    cases
}

/// Those of a kind.
pub fn cases_of(kind: Kind) -> impl Iterator<Item = Case> {
    cases().into_iter().filter(move |case| case.kind == kind)
}

impl Case {
    pub fn known(&self) -> &'static Node {
        find(self.kind, &self.node).unwrap()
    }

    pub fn unit(&self, folder: &Path) -> Value {
        let nodes = self.nodes.to_string();
        let nodes = nodes.replace("$FOLDER", folder.to_str().unwrap());
        serde_json::from_str(&nodes).unwrap()
    }

    /// An exporter's unit that sends there.
    pub fn exporter(&self, folder: &Path, address: &str) -> Value {
        let nodes = self.unit(folder).to_string().replace("$ADDRESS", address);
        of_nodes_in("exporter", "logs", serde_json::from_str(&nodes).unwrap())
    }

    pub fn of_no_call(&self) -> bool {
        self.merges || self.acks_first
    }
}

/// The records of an OTLP request, as the engine makes them.
fn tables(otlp: Vec<u8>) -> Vec<(u16, RecordBatch)> {
    let otlp = OtlpProtoBytes::ExportLogsRequest(otlp.into());
    let mut records = OtapArrowRecords::try_from_with_default(otlp).unwrap();
    records.decode_transport_optimized_ids().unwrap();
    let kinds = [
        ArrowPayloadType::ResourceAttrs,
        ArrowPayloadType::LogAttrs,
        ArrowPayloadType::Logs,
    ];
    let table = |kind| Some((kind as u16, records.get(kind)?.clone()));
    kinds.into_iter().filter_map(table).collect()
}

/// Sends one log, as OTLP or as records.
pub fn send(host: &mut Host, records: bool, body: &str) -> u64 {
    let otlp = request(&[Log::new(body).string("a", "1")]);
    if records {
        host.call_records(&tables(otlp), false)
    } else {
        host.call(&otlp)
    }
}
