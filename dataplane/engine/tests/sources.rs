//! The engine's nodes that receive, where a test has to be more than a client: a machine.

mod common;

use common::Setup;
use common::cases::cases_of;
use common::otlp::holds;
use common::units::of_nodes_in;
use serde_json::json;
use std::time::Duration;
use strait_component::Kind;
use strait_engine::Unit;
use strait_records::Signal;

const DRAIN: Duration = Duration::from_secs(10);

// Guarantees: a node that reads the machine's figures gives what they are now, again and again; how
// often is bounded.
#[test]
fn the_machines_figures_are_read() {
    let machine = tempfile::tempdir().unwrap();
    let files = machine.path().join("proc");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("stat"), "btime 1000\n").unwrap();
    std::fs::write(files.join("meminfo"), "MemTotal: 4 kB\nMemFree: 1 kB\n").unwrap();
    std::fs::write(files.join("loadavg"), "1.5 2.5 3.5 1/2 3\n").unwrap();
    let case = cases_of(Kind::Receiver).find(|case| case.node == "host_metrics");
    let nodes = case.expect("a case").unit(machine.path());
    let mut host = Setup::new(of_nodes_in("receiver", "metrics", nodes)).start();
    for _ in 0..2 {
        let output = host.output();
        assert_eq!((output.call_id, output.signal), (0, Signal::Metrics));
        for name in ["system.memory.usage", "system.cpu.load_average.1m"] {
            assert!(holds(&output.bytes, name), "{name}");
        }
        host.ack(output.token);
    }
    host.finish(&[], DRAIN);
    for (key, time) in [
        ("collection_interval", "10ms"),
        ("initial_delay", "400days"),
    ] {
        let nodes = json!([{"host_metrics": {key: time}}]);
        let found = Unit::read(&of_nodes_in("receiver", "metrics", nodes)).unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, format!("nodes::0::host_metrics::{key}"));
    }
}
