//! Programs, and platforms that they can build for.

use super::{Check, Need, Status};
use crate::platform::Platform;
use crate::toolchain::Tool;

const PROGRAMS: &str = "programs";
const TARGETS: &str = "platforms";

/// The programs of a build for `platform`; `rust` is the oldest Rust that will do.
pub(super) fn check(rust: &str, platform: &Platform) -> Vec<Check> {
    let mut checks = vec![program(&Tool::go(), Need::Go)];
    checks.extend(
        Tool::rust(rust, platform)
            .iter()
            .map(|tool| program(tool, Need::Rust)),
    );
    checks.extend(
        Tool::development()
            .iter()
            .map(|tool| program(tool, Need::Other)),
    );
    checks
}

fn program(tool: &Tool, need: Need) -> Check {
    let lacking = if need == Need::Other {
        Status::Absent
    } else {
        Status::Missing
    };
    let check = match tool.find() {
        Ok(text) => Check::new(PROGRAMS, &tool.program, Status::Ok, text),
        Err(lack) => Check::new(PROGRAMS, &tool.program, lacking, lack.what).advise(lack.advice),
    };
    check.needed_for(need)
}

/// The platforms that Rust components can be built for.
pub(super) fn check_targets() -> Vec<Check> {
    Platform::all()
        .iter()
        .map(|platform| {
            let name = platform.to_string();
            let lacks = platform.lacks();
            if platform.native {
                Check::new(TARGETS, name, Status::Ok, "this machine")
            } else if lacks.is_empty() {
                Check::new(
                    TARGETS,
                    name,
                    Status::Ok,
                    format!("GOOS={} GOARCH={}", platform.os, platform.arch),
                )
            } else {
                Check::new(TARGETS, name, Status::Absent, "not set up").advise(lacks.join("\n"))
            }
        })
        .collect()
}
