//! Steps that raise signals.

use std::io::Write;
use std::process::Command;

use strait_component::child::takes_signals;
use strait_component::extension::prelude::*;

/// Writes to a pipe whose other side is closed, which raises SIGPIPE in the thread that does it: on
/// the instance's own thread, one of its runtime's for blocking work, and one that it starts
/// itself.
pub(crate) async fn break_pipes() {
    tell("own", write());
    let blocking = tokio::task::spawn_blocking(write).await;
    tell("blocking", blocking.unwrap_or_default());
    let started = std::thread::spawn(write).join();
    tell("started", started.unwrap_or_default());
}

/// The error of such a write.
fn write() -> String {
    let written = std::io::pipe().and_then(|(read, mut write)| {
        drop(read);
        write.write_all(b"x")
    });
    format!("{:?}", written.map_err(|error| error.kind()))
}

fn tell(thread: &str, result: String) {
    tracing::info!(result, "a broken pipe on the thread: {thread}");
}

/// Starts a child that would live for a minute, and ends it as an operator would.
pub(crate) fn end_child() -> Result<(), ExtensionError> {
    let failed = |error: std::io::Error| ExtensionError::failed(error.to_string());
    let mut child = takes_signals(Command::new("sleep").arg("60"))
        .spawn()
        .map_err(failed)?;
    let killed = Command::new("kill").arg(child.id().to_string()).status();
    let ended = child.wait().map_err(failed)?;
    tracing::info!(killed = ?killed, ended = %ended, "a child");
    Ok(())
}
