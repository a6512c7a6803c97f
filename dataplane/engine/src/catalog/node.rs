//! What is written down of a node: its name, what it does with batches, what of it we replace.

use crate::catalog::edit::Edit;
use crate::catalog::reads::Reads;
use crate::catalog::shape::Key;
use crate::finding::Finding;
use byte_unit::Byte;
use serde::Serialize;
use serde_json::{Map, Value};
use strait_component::{Kind, Signal};
use strait_failure::Failure;

/// Adds what a node of this configuration reads and writes; an error says why that cannot be known.
type ReadsOf = fn(&Value, &mut Reads) -> Result<(), String>;
/// Makes the edit that a node of this configuration is.
type EditOf = fn(&Value) -> Result<Box<dyn Edit>, String>;

/// One node of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The engine's name for it.
    pub urn: &'static str,
    /// Strait's short name for it: the URN's last part.
    pub name: &'static str,
    /// What it is: a receiver begins a unit's graph, an exporter ends it.
    pub kind: Kind,
    /// Signals it works on; others pass through a processor unchanged, and are refused elsewhere.
    pub signals: &'static [Signal],
    /// One line for people.
    pub doc: &'static str,
    /// Its configuration's keys.
    pub keys: &'static [Key],
    /// What it receives goes on as OTLP bytes.
    pub receives_otlp: bool,
    /// It turns OTLP bytes into records, so OTLP bytes are not lossless through it.
    pub converts: bool,
    /// It keeps data, or a leased slot, beyond one call of `process`.
    pub retains: bool,
    /// It holds data until a size or a time is reached, and hands it on when it is told of a
    /// shutdown.
    pub holds: bool,
    /// It has data of an earlier life to hand on before the first batch comes.
    pub resumes: bool,
    /// Its state outlives a batch: after a panic it cannot go on.
    pub stateful: bool,
    /// Outputs are named ports, so it needs the graph form.
    pub ports: bool,
    /// Which binaries it is in.
    pub choice: Choice,
    /// Whether it is in this one.
    pub included: bool,
    /// Keys that a user of the Collector's own component looks for here, and what to do instead.
    pub(crate) instead: &'static [(&'static str, &'static str)],
    /// Gives it what it needs for so many calls at a time, where its user does not say how much.
    pub(crate) places: fn(&mut Map<String, Value>, u32),
    /// Finds what the engine accepts but must not be given: what loses data or panics on it.
    pub(crate) refuses: fn(&Asked<'_>) -> Vec<Finding>,
    /// Reads out of the text of its nacks what the engine has no field for.
    pub(crate) codes: fn(&mut Failure),
    /// The outputs that its configuration names: the key's place in it, and the output.
    pub(crate) outputs: fn(&Value) -> Vec<(String, String)>,
    /// Says what it reads and writes of logs; `None`: that is not known, or it keeps or repeats
    /// batches.
    pub(crate) reads: Option<ReadsOf>,
    /// Makes what edits logs in the engine's place, which loses some.
    pub(crate) substitute: Option<EditOf>,
}

impl Node {
    /// A processor of all signals that keeps nothing, and that the engine has right.
    pub(crate) const PLAIN: Self = Self {
        urn: "",
        name: "",
        kind: Kind::Processor,
        signals: &Signal::ALL,
        doc: "",
        keys: &[],
        receives_otlp: false,
        converts: false,
        retains: false,
        holds: false,
        resumes: false,
        stateful: false,
        ports: false,
        choice: Choice::Always,
        included: true,
        instead: &[],
        places: |_, _| {},
        refuses: |_| Vec::new(),
        codes: |_| {},
        outputs: |_| Vec::new(),
        reads: None,
        substitute: None,
    };
}

/// What is asked of a node.
pub(crate) struct Asked<'a> {
    /// Where its configuration is.
    pub(crate) path: &'a str,
    /// Its configuration, of which the keys are right.
    pub(crate) config: &'a Value,
    /// The signal that its unit carries, where that is known.
    pub(crate) signal: Option<Signal>,
}

impl Asked<'_> {
    /// Refuses spans that a node turns into records: the engine then fails every span of a batch in
    /// which no link has a trace id, as a stock Collector would not.
    pub(crate) fn spans_as_records(&self) -> Vec<Finding> {
        if self.signal != Some(Signal::Traces) {
            return Vec::new();
        }
        vec![Finding::new(
            self.path,
            "this turns spans into records, and the engine refuses whole batches in which links \
             have empty trace ids; it is not offered for traces in this version",
        )]
    }

    /// Refuses a number or size above a limit of ours: the engine makes room for so much at once,
    /// or panics.
    pub(crate) fn at_most(&self, key: &str, most: u64) -> Option<Finding> {
        let number = self.number(key)?;
        let message = || format!("must be at most {most}, found {number}");
        (number > most).then(|| self.finding(key, message()))
    }

    /// Refuses a number or size below a limit of ours.
    pub(crate) fn at_least(&self, key: &str, least: u64) -> Option<Finding> {
        let number = self.number(key)?;
        let message = || format!("must be at least {least}, found {number}");
        (number < least).then(|| self.finding(key, message()))
    }

    /// What a key says in numbers, or as a size.
    fn number(&self, key: &str) -> Option<u64> {
        match self.config.get(key)? {
            Value::String(text) => Some(text.parse::<Byte>().ok()?.as_u64()),
            value => value.as_u64(),
        }
    }

    /// A finding at a place in the configuration.
    pub(crate) fn finding(&self, place: &str, message: impl Into<String>) -> Finding {
        Finding::new(format!("{}::{place}", self.path), message)
    }
}

/// Which binaries a node is in; `dist.engine_nodes` of a builder file chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// All of them.
    Always,
    /// Those that do not choose otherwise.
    Default,
    /// Those that ask for it: it takes long to compile.
    OnRequest,
}
