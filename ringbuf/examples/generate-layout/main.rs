//! Writes `go/ring/layout_gen.go` from the Rust layout.

mod go;

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../go/ring/layout_gen.go");
    std::fs::write(path, go::source())
}
