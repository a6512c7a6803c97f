//! Rust's log lines, given to the host: level, target, fields, and whose they are.
//!
//! A lane's thread belongs to one unit, so a line that it writes carries that unit's handle; lines
//! of other threads carry 0. Lines below `info` are not formatted: the host would drop them.

use std::cell::Cell;
use std::fmt::{self, Write};
use strait_control::host::{self, Level, LogRecord};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

thread_local! {
    static HANDLE: Cell<u64> = const { Cell::new(0) };
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Says whose lines this thread writes.
pub(crate) fn attach(handle: u64) {
    HANDLE.set(handle);
}

/// Sends this process's log lines to the host, unless a subscriber is there already.
pub(crate) fn install() {
    let subscriber = tracing_subscriber::registry().with(ToHost.with_filter(LevelFilter::INFO));
    // A program that has its own subscriber keeps it.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

struct ToHost;

impl<S: Subscriber> Layer<S> for ToHost {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        // A line that is written while one is being sent would come back here without end.
        if INSIDE.replace(true) {
            return;
        }
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let level = match *metadata.level() {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warn,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG => Level::Debug,
            tracing::Level::TRACE => Level::Trace,
        };
        let fields_json = if line.fields.is_empty() {
            String::new()
        } else {
            serde_json::Value::Object(line.fields).to_string()
        };
        host::log(LogRecord {
            level,
            target: metadata.target().to_owned(),
            message: if line.message.is_empty() {
                metadata.name().to_owned()
            } else {
                line.message
            },
            fields_json,
            handle: HANDLE.get(),
        });
        INSIDE.set(false);
    }
}

/// The message and fields of one line.
#[derive(Default)]
struct Line {
    message: String,
    fields: serde_json::Map<String, serde_json::Value>,
}

impl Line {
    fn put(&mut self, field: &Field, value: impl Into<serde_json::Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.put(field, format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.put(field, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}
