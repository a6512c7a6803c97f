//! The help texts and the messages of wrong usage, exactly as users see them.

mod shared;

use shared::{run, stderr, strait};

#[test]
fn help_texts() {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    for command in [
        "", "build", "run", "test", "new", "doctor", "graph", "nodes", "schema",
    ] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        // The width of a terminal would wrap the text.
        let output = strait()
            .args(&arguments)
            .env("COLUMNS", "100")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        let name = format!(
            "help-{}",
            if command.is_empty() {
                "strait"
            } else {
                command
            }
        );
        settings.bind(|| insta::assert_snapshot!(name, String::from_utf8_lossy(&output.stdout)));
    }
}

#[test]
fn wrong_usage_says_what_is_right() {
    let mut text = String::new();
    for arguments in [
        &["bulid"][..],
        &["build"],
        &["build", "--config", "x", "--quiet", "--verbose"],
        &["run", "--config", "x", "otelcol.yaml"],
        &["test", "--config", "x", "-race"],
        &["run", "-c", "x", "--config", "otelcol.yaml"],
        &["new", "gizmo", "x"],
        &["new", "processor"],
        &["doctor", "--jsno"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        text += &format!("$ strait {}\n{}\n", arguments.join(" "), stderr(&output));
    }
    insta::assert_snapshot!(text);
}
