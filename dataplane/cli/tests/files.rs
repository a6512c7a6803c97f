//! Builder files that cannot be read, and folders that cannot be written.

mod shared;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use shared::{stderr, strait};

/// What a build says, with the test's own folder left out.
fn refused(folder: &Path, config: &str) -> String {
    let mut command = strait();
    command
        .current_dir(folder)
        .args(["build", "--config", config]);
    let output = command.output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{config}: {}",
        stderr(&output)
    );
    let shown = folder.canonicalize().unwrap();
    format!(
        "$ strait build --config {config}\n{}\n",
        stderr(&output).replace(&*shown.to_string_lossy(), "FOLDER")
    )
}

#[test]
fn builder_files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::write(
        folder.path().join("binary.yaml"),
        [0x7f, b'E', b'L', b'F', 0xff, 0xfe],
    )
    .unwrap();
    fs::write(folder.path().join("zero.yaml"), "dist:\0\n").unwrap();
    symlink("loop.yaml", folder.path().join("loop.yaml")).unwrap();
    let mut text = String::new();
    for config in [
        "missing.yaml",
        "folder",
        "folder/missing.yaml",
        "binary.yaml",
        "binary.yaml/x",
        "zero.yaml",
        "loop.yaml",
    ] {
        let _ = write!(text, "{}", refused(folder.path(), config));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn output_folders_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "mine").unwrap();
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/mask-cards");
    let mut text = String::new();
    for output in ["file", "file/below", "/proc/strait"] {
        let builder = format!(
            "dist: {{name: x, output_path: {output}}}\n\
             processors:\n  - cargo: mask-cards = {{ path = {component:?} }}\n"
        );
        fs::write(folder.path().join("builder.yaml"), builder).unwrap();
        let _ = write!(
            text,
            "output_path: {output}\n{}",
            refused(folder.path(), "builder.yaml")
        );
    }
    insta::assert_snapshot!(text);
    assert_eq!(
        fs::read_to_string(folder.path().join("file")).unwrap(),
        "mine"
    );
}
