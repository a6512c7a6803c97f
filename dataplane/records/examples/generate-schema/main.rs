//! Writes what both languages know of OTAP's tables: `go/otap/schema_gen.go`, and a
//! `src/schema_gen.rs` in this crate and in the SDK's.

mod go;
mod rust;
mod schema;

fn main() -> std::io::Result<()> {
    let payloads = schema::read();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for (path, text) in [
        ("go/otap/schema_gen.go", go::source(&payloads)),
        (
            "dataplane/records/src/schema_gen.rs",
            rust::records(&payloads),
        ),
        (
            "dataplane/component/src/schema_gen.rs",
            rust::component(&payloads),
        ),
    ] {
        std::fs::write(format!("{root}/{path}"), text)?;
    }
    Ok(())
}
