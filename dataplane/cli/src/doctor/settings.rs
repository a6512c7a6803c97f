//! Settings of Go, Cargo and the network that a build follows. Secrets in them
//! are not shown.

use std::process::Command;

use super::{Check, Need, Status};
use crate::process;
use crate::ui::Ui;

const SETTINGS: &str = "settings";

/// Variables that change a build; a `_` at the end stands for all that begin so.
const VARIABLES: [&str; 25] = [
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_INCREMENTAL",
    "CARGO_NET_",
    "CARGO_PROFILE_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TARGET_",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SOURCE_DATE_EPOCH",
    "STRAIT_PATH",
    "XDG_CACHE_HOME",
    "NO_COLOR",
];

/// Words in the name of a variable that holds a secret.
const SECRET: [&str; 4] = ["TOKEN", "SECRET", "PASSWORD", "CREDENTIAL"];

/// What is set here: Go's settings that differ from its defaults, then the environment's.
pub(super) fn check(ui: &Ui) -> Vec<Check> {
    let mut checks: Vec<Check> = go(ui)
        .into_iter()
        .map(|(name, value)| check_go(&name, &value))
        .collect();
    let mut variables: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .filter(|(name, value)| !value.is_empty() && matters(name))
        .collect();
    variables.sort();
    checks.extend(
        variables
            .iter()
            .map(|(name, value)| Check::info(SETTINGS, name, shown(name, value))),
    );
    checks
}

fn check_go(name: &str, value: &str) -> Check {
    let found = shown(name, value);
    let warn = |advice: &str| {
        let check = Check::new(SETTINGS, name, Status::Warning, &found);
        check.needed_for(Need::Rust).advise(advice)
    };
    match (name, value) {
        ("CGO_ENABLED", "0") => {
            warn("Rust components are linked through cgo: unset it to build with them")
        }
        ("GOOS", os) if os != "linux" => warn("Rust components run on Linux only"),
        _ => Check::info(SETTINGS, name, found),
    }
}

/// Go's settings that differ from its defaults; none where Go does not answer.
fn go(ui: &Ui) -> Vec<(String, String)> {
    let answer = process::output(
        Command::new("go").args(["env", "-changed", "-json"]),
        "asking go for its settings",
        ui,
    );
    let mut settings: serde_json::Map<_, _> = answer
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    // For another platform 0 is Go's default, and still a wish where it is set.
    if let Ok(cgo) = std::env::var("CGO_ENABLED") {
        settings.insert("CGO_ENABLED".to_owned(), cgo.into());
    }
    settings
        .into_iter()
        .map(|(name, value)| (name, value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn matters(name: &str) -> bool {
    let upper = name.to_uppercase();
    VARIABLES.iter().any(|v| {
        if v.ends_with('_') {
            upper.starts_with(v)
        } else {
            upper == *v
        }
    })
}

fn shown(name: &str, value: &str) -> String {
    if SECRET.iter().any(|word| name.to_uppercase().contains(word)) {
        "(set)".to_owned()
    } else {
        without_login(value)
    }
}

/// The text with the login of every address in it left out.
fn without_login(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(['/', ',', '|', ' ']).unwrap_or(part.len());
        let rest = part[..end].rfind('@').map_or(part, |at| &part[at..]);
        out.push_str("://");
        out.push_str(if rest.len() < part.len() { "***" } else { "" });
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_not_shown() {
        for (text, expected) in [
            (
                "https://proxy.golang.org,direct",
                "https://proxy.golang.org,direct",
            ),
            (
                "https://me:pa@ss@a.example/x,http://you@b.example|direct",
                "https://***@a.example/x,http://***@b.example|direct",
            ),
            ("-tags=a@b", "-tags=a@b"),
        ] {
            assert_eq!(without_login(text), expected);
        }
        assert_eq!(shown("CARGO_REGISTRY_TOKEN", "abc"), "(set)");
    }

    #[test]
    fn only_what_changes_a_build_matters() {
        for name in [
            "CARGO_BUILD_TARGET",
            "CARGO_TARGET_DIR",
            "https_proxy",
            "RUSTFLAGS",
        ] {
            assert!(matters(name), "{name}");
        }
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "HOME", "RUSTC_LOG"] {
            assert!(!matters(name), "{name}");
        }
    }
}
