//! Scenario: what both languages know of OTAP's tables is generated again. Guarantees: the
//! committed files are what `schema/otap.json` and `schema/overlay.json` say.

#[path = "../examples/generate-schema/go.rs"]
mod go;
#[path = "../examples/generate-schema/rust.rs"]
mod rust;
#[path = "../examples/generate-schema/schema.rs"]
mod schema;

#[test]
fn committed_schemas_are_what_the_generator_writes() {
    let payloads = schema::read();
    for (path, text) in [
        ("../../go/otap/schema_gen.go", go::source(&payloads)),
        ("src/schema_gen.rs", rust::records(&payloads)),
        ("../component/src/schema_gen.rs", rust::component(&payloads)),
    ] {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{path} is stale: run `cargo run -p strait-records --example generate-schema`"
        );
    }
}
