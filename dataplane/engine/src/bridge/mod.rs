//! From one unit to others without leaving Rust.
//!
//! A unit that others send to has a [`Door`], with a way into each of its lanes; a unit whose
//! batches go there ends with a [`Bridge`], which names the doors. A batch that crosses one is the
//! same Arrow arrays, or the same bytes, on another lane's thread: nothing is encoded, and nothing
//! lies in a ring.
//!
//! Guarantees: each batch is sent to all that are behind the bridge, whatever one of them says, and
//! its sender hears of the failures of all in one; who does not wait any more is waited for by
//! nobody behind it; who is slow makes its senders wait.
//!
//! It leaves to `nodes` how batches leave an engine's pipeline and enter the next, and to the host
//! which unit's door is which.

mod door;
mod way;

pub use door::Door;
pub(crate) use way::{FromOthers, Sent, ToNode, Verdict};

use futures_util::future::join_all;
use std::sync::OnceLock;
use strait_component::Batch;
use strait_failure::{Class, Failure};

/// The engine's name of the node by which batches leave for other units.
pub(crate) const URN: &str = "urn:strait:exporter:bridge";

/// Where batches go that leave a unit.
#[derive(Debug)]
pub(crate) struct Bridge {
    /// The units, by their handles.
    pub(crate) to: Vec<u64>,
    /// Their doors, once the host has found them.
    doors: OnceLock<Vec<Door>>,
    /// The way to the host, which gives the batches to others besides.
    pub(crate) host: Option<Door>,
}

impl Bridge {
    /// To the units of these handles, and to the host too, or not, by each of so many lanes.
    pub(crate) fn new(to: Vec<u64>, host: bool, lanes: u32) -> Self {
        Self {
            to,
            doors: OnceLock::new(),
            host: host.then(|| Door::new(lanes)),
        }
    }

    /// Finds the doors. The second time nothing is looked for.
    ///
    /// # Errors
    ///
    /// The handle of a unit that has none.
    pub(crate) fn find(&self, door: impl Fn(u64) -> Option<Door>) -> Result<(), u64> {
        if self.doors.get().is_none() {
            let doors = self.to.iter().map(|unit| door(*unit).ok_or(*unit));
            // Who else has found them has found the same.
            let _ = self.doors.set(doors.collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    /// Sends a batch to all, and waits for what they say.
    pub(crate) async fn send(&self, batch: Batch) -> Result<(), Failure> {
        let doors = self.doors.get().into_iter().flatten();
        let sends = doors.chain(&self.host).map(|door| door.send(batch.clone()));
        let verdicts = join_all(sends).await.into_iter();
        join(verdicts.filter_map(|verdict| verdict.err().map(Failure::from)))
    }
}

/// The failures of several as one, as the Collector joins them where it gives a batch to several:
/// it is final where any of them is, and says what the first such has said.
fn join(failures: impl Iterator<Item = Failure>) -> Result<(), Failure> {
    let failures: Vec<_> = failures.collect();
    let is_final = |failure: &&Failure| failure.class.is_final();
    let leading = failures.iter().find(is_final).or(failures.first());
    match leading {
        None => Ok(()),
        Some(only) if failures.len() == 1 => Err(only.clone()),
        Some(leading) => {
            let all: Vec<_> = failures.iter().map(Failure::to_string).collect();
            Err(Failure {
                message: all.join("; "),
                component: String::new(),
                ..leading.clone()
            })
        }
    }
}

/// The failure of a batch that a unit does not take at this time.
fn unavailable(message: &str) -> strait_component::Error {
    Failure::new(Class::Unavailable, message).into()
}

#[cfg(test)]
mod tests;
