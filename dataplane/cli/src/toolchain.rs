//! The programs that a build runs, and whether they are there.

use std::process::{Command, Stdio};

use crate::error::StepError;

/// The oldest Go that ocb 0.161 builds with.
const GO: (u32, u32) = (1, 25);

struct Tool {
    program: &'static str,
    argument: &'static str,
    get: &'static str,
}

const GO_TOOL: Tool = Tool {
    program: "go",
    argument: "version",
    get: "install Go from https://go.dev/dl",
};

const RUST_TOOLS: [Tool; 4] = [
    Tool {
        program: "cargo",
        argument: "--version",
        get: "install Rust from https://rustup.rs",
    },
    Tool {
        program: "gcc",
        argument: "--version",
        get: "install a C compiler: `apt-get install gcc` or `dnf install gcc`",
    },
    Tool {
        program: "ld",
        argument: "--version",
        get: "install GNU binutils: `apt-get install binutils` or `dnf install binutils`",
    },
    Tool {
        program: "objcopy",
        argument: "--version",
        get: "install GNU binutils: `apt-get install binutils` or `dnf install binutils`",
    },
];

/// Checks the tools for a distribution; `rust` is the oldest Rust when it has
/// a Rust side.
///
/// # Errors
/// One error that names everything that is missing or too old, and how to get it.
pub fn check(rust: Option<&str>) -> Result<(), StepError> {
    let mut lacks = Vec::new();
    examine(&GO_TOOL, Some(GO), &mut lacks);
    if let Some(rust) = rust {
        for tool in &RUST_TOOLS {
            let oldest = (tool.program == "cargo").then(|| version(rust)).flatten();
            examine(tool, oldest, &mut lacks);
        }
        if !cfg!(target_os = "linux") {
            lacks.push("Rust components run on Linux only".to_owned());
        }
    }
    if lacks.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        format!(
            "this machine lacks something to build with:\n  - {}",
            lacks.join("\n  - ")
        ),
        "",
    ))
}

fn examine(tool: &Tool, oldest: Option<(u32, u32)>, lacks: &mut Vec<String>) {
    let output = Command::new(tool.program)
        .arg(tool.argument)
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output
        .map_err(|_| ())
        .and_then(|o| if o.status.success() { Ok(o) } else { Err(()) })
    else {
        lacks.push(format!("`{}` does not run; {}", tool.program, tool.get));
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    if let (Some(oldest), Some(found)) = (oldest, version(&text))
        && found < oldest
    {
        lacks.push(format!(
            "`{}` is {}.{}, at least {}.{} is needed; {}",
            tool.program, found.0, found.1, oldest.0, oldest.1, tool.get
        ));
    }
}

/// The first `major.minor` in a text.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split(|c: char| c.is_whitespace() || c == '-')
        .find_map(|word| {
            let mut numbers = word.trim_start_matches("go").split('.');
            Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
        })
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_found() {
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(
            version("cargo 1.95.0-nightly (f2d3ce0bd 2026-03-21)"),
            Some((1, 95))
        );
        assert_eq!(version("1.95"), Some((1, 95)));
        assert_eq!(version("nothing"), None);
    }
}
