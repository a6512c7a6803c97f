//! Scenario: the Go constants are generated again. Guarantees: the committed file is what the
//! Rust layout says, so the two languages cannot drift apart.
#![cfg(not(loom))]

#[path = "../examples/generate-layout/go.rs"]
mod go;

#[test]
fn committed_go_layout_is_what_the_generator_writes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../go/ring/layout_gen.go");
    let committed = std::fs::read_to_string(path).expect("read go/ring/layout_gen.go");
    assert!(
        committed == go::source(),
        "go/ring/layout_gen.go is stale: run \
         `cargo run -p strait-ringbuf --example generate-layout`"
    );
}
