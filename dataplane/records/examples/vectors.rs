//! Writes the vectors of this side to `vectors/`: `cargo run -p strait-records --example vectors`.

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, slot, description) in common::vectors::all() {
        std::fs::write(folder.join(name).with_extension("bin"), slot)?;
        std::fs::write(
            folder.join(name).with_extension("json"),
            format!("{description:#}\n"),
        )?;
    }
    let folder = folder.join("refused");
    std::fs::create_dir_all(&folder)?;
    for (name, bytes, description) in common::refused::all() {
        let path = folder.join(name);
        std::fs::write(path.with_extension("bin"), bytes)?;
        std::fs::write(path.with_extension("json"), format!("{description:#}\n"))?;
    }
    Ok(())
}
