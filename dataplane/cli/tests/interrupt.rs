//! Ctrl-C during the Go part of a build: everything that was started ends, and
//! the next build goes on. The Rust part is in `whole.rs`.

mod shared;

use std::fs;

use shared::{GO_ONLY, interrupt, stderr, strait};

#[test]
fn an_interrupted_build_ends_whole_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("builder.yaml"), GO_ONLY).unwrap();
    let build = |options: &[&str]| {
        let mut command = strait();
        command
            .current_dir(folder.path())
            .args(["build", "--config", "builder.yaml"])
            .args(options);
        command
    };
    // ocb has just started; its go resolves modules; its go compiles and links.
    for point in ["/builder --config", "Getting go modules", "Compiling"] {
        interrupt(&mut build(&["--verbose"]), point);
    }
    let output = build(&["--quiet"]).output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        stderr(&output)
    );
    assert!(folder.path().join("out/otelcol").is_file());
}
