//! Writes the vectors of this side to `vectors/`: `cargo run -p strait-records --example vectors`.

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> std::io::Result<()> {
    let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (folder, all) in [
        ("", common::vectors::all()),
        ("refused", common::refused::all()),
        ("refused-differences", common::differences::refused()),
    ] {
        let folder = vectors.join(folder);
        std::fs::create_dir_all(&folder)?;
        for (name, bytes, description) in all {
            let path = folder.join(name);
            std::fs::write(path.with_extension("bin"), bytes)?;
            std::fs::write(path.with_extension("json"), format!("{description:#}\n"))?;
        }
    }
    Ok(())
}
