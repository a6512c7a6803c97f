//! Rust's log lines (`tracing`), given to the host: level, target, place, fields, and whose they
//! are.
//!
//! A thread belongs to one component, so its lines carry that component's handle ([`attach`]);
//! lines of other threads carry 0. Each line is in the host before the macro returns: nothing is
//! buffered, so nothing is lost when the process ends.
//!
//! Lines below what the host listens to are not made. A thread may write [`LINES_PER_SECOND`] after
//! a burst of [`LINES_BURST`], warnings and errors apart from the rest; more is not formatted but
//! counted, and the count is the next line that comes through.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};
use std::panic::{Location, PanicHookInfo};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::entry::is_bound;
use crate::host::{self, Level, LogRecord};

/// How many lines of a kind a thread may write at once.
pub const LINES_BURST: u32 = 1000;
/// How many lines of a kind a thread may write each second from then on.
pub const LINES_PER_SECOND: u32 = 200;

thread_local! {
    static HANDLE: Cell<u64> = const { Cell::new(0) };
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static LIMITS: RefCell<[Limit; 2]> = const { RefCell::new([Limit::NEW; 2]) };
}

/// The finest level that the host listens to, as `host::Level`; a higher number is nothing.
static LEVEL: AtomicU32 = AtomicU32::new(Level::Info as u32);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Says whose lines this thread writes.
pub fn attach(handle: u64) {
    HANDLE.set(handle);
}

/// Says whose lines this thread writes while `f` runs; for a thread that is the host's.
pub fn attached<T>(handle: u64, f: impl FnOnce() -> T) -> T {
    struct Back(u64);
    impl Drop for Back {
        fn drop(&mut self) {
            HANDLE.set(self.0);
        }
    }
    let _back = Back(HANDLE.replace(handle));
    f()
}

/// How many lines were over the limit, since the process started.
#[must_use]
pub fn dropped() -> u64 {
    // Relaxed: a statistic.
    DROPPED.load(Ordering::Relaxed)
}

/// Sends this process's log lines, and what panics say, to the host, but for lines that are `moot`:
/// of no use to whoever reads the host's log. A program that has a subscriber of its own keeps it.
/// Does nothing the second time.
pub fn install(moot: fn(&Metadata<'_>) -> bool) {
    let subscriber = tracing_subscriber::registry().with(ToHost { moot });
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !is_bound() {
                return before(panic);
            }
            tell_panic(panic);
        }));
    }
}

/// The fields of a line that speaks of another place than its own.
const FILE: &str = "code_file";
const LINE: &str = "code_line";

/// One line for a panic, with the place that panicked as its own, and with a trace of the stack
/// where `RUST_BACKTRACE` asks for it: the field `backtrace`, for which the host's log has a place.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let text = panic.payload_as_str().unwrap_or("a panic without a text");
    let place = panic.location();
    let (file, line) = (place.map(Location::file), place.map(Location::line));
    let trace = Backtrace::capture();
    let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    tracing::error!(
        target: "panic",
        code_file = file,
        code_line = line,
        backtrace = trace,
        "panic: {text}"
    );
}

/// Follows the host: lines finer than `level` are not made from now on.
pub(crate) fn set_level(level: u32) {
    // Relaxed: a line that is made while it changes may go either way.
    if LEVEL.swap(level, Ordering::Relaxed) != level {
        tracing::callsite::rebuild_interest_cache();
    }
}

/// Tells the host of lines of this thread that were over the limit since the last that came
/// through. For a thread that writes no more.
pub fn flush() {
    LIMITS.with_borrow_mut(|limits| limits.iter_mut().for_each(Limit::tell));
}

/// A token bucket: what one thread may write.
#[derive(Clone, Copy)]
struct Limit {
    tokens: f64,
    last: Option<Instant>,
    dropped: u64,
}

impl Limit {
    const NEW: Self = Self {
        tokens: LINES_BURST as f64,
        last: None,
        dropped: 0,
    };

    /// Whether a line may be written now.
    fn allow(&mut self, now: Instant) -> bool {
        let passed = self.last.map_or(0.0, |last| (now - last).as_secs_f64());
        let earned = passed * f64::from(LINES_PER_SECOND);
        self.tokens = (self.tokens + earned).min(f64::from(LINES_BURST));
        self.last = Some(now);
        if self.tokens < 1.0 {
            self.dropped += 1;
            DROPPED.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        self.tokens -= 1.0;
        self.tell();
        true
    }

    fn tell(&mut self) {
        if self.dropped == 0 {
            return;
        }
        let message = format!(
            "{} log lines were dropped: more than {LINES_PER_SECOND} a second from one thread",
            self.dropped
        );
        self.dropped = 0;
        host::log(LogRecord {
            level: Level::Warn,
            target: module_path!().to_owned(),
            place: (file!().to_owned(), line!()),
            message,
            fields_json: String::new(),
            handle: HANDLE.get(),
        });
    }
}

struct ToHost {
    moot: fn(&Metadata<'_>) -> bool,
}

impl ToHost {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        level(metadata.level()) as u32 >= LEVEL.load(Ordering::Relaxed) && !(self.moot)(metadata)
    }
}

impl<S: Subscriber> Layer<S> for ToHost {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match LEVEL.load(Ordering::Relaxed) {
            0 | 1 => LevelFilter::TRACE,
            2 => LevelFilter::DEBUG,
            3 => LevelFilter::INFO,
            4 => LevelFilter::WARN,
            5 => LevelFilter::ERROR,
            _ => LevelFilter::OFF,
        })
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // A line that is written while one is being sent would come back here without end.
        if INSIDE.replace(true) {
            return;
        }
        let level = level(event.metadata().level());
        let kind = usize::from(level >= Level::Warn);
        if LIMITS.with_borrow_mut(|limits| limits[kind].allow(Instant::now())) {
            host::log(record(event, level));
        }
        INSIDE.set(false);
    }
}

fn level(level: &tracing::Level) -> Level {
    match *level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}

fn record(event: &Event<'_>, level: Level) -> LogRecord {
    let mut line = Line::default();
    event.record(&mut line);
    let metadata = event.metadata();
    let file = line.fields.remove(FILE);
    let number = line.fields.remove(LINE);
    let place = match (&file, &number) {
        (Some(Value::String(file)), Some(Value::Number(number))) => (
            file.clone(),
            number
                .as_u64()
                .and_then(|number| u32::try_from(number).ok()),
        ),
        _ => (
            metadata.file().unwrap_or_default().to_owned(),
            metadata.line(),
        ),
    };
    let fields_json = if line.fields.is_empty() {
        String::new()
    } else {
        Value::Object(line.fields).to_string()
    };
    let message = if line.message.is_empty() {
        metadata.name().to_owned()
    } else {
        line.message
    };
    LogRecord {
        level,
        target: metadata.target().to_owned(),
        place: (place.0, place.1.unwrap_or_default()),
        message,
        fields_json,
        handle: HANDLE.get(),
    }
}

/// The message and fields of one line.
#[derive(Default)]
struct Line {
    message: String,
    fields: serde_json::Map<String, Value>,
}

impl Line {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    // Guarantees: a burst passes, a flood does not, and what comes later passes at the rate.
    #[test]
    fn a_flood_is_limited_and_counted() {
        let start = Instant::now();
        let mut limit = Limit::NEW;
        let passed = (0..5 * LINES_BURST).filter(|_| limit.allow(start)).count();
        assert_eq!(passed, LINES_BURST as usize);
        assert_eq!(limit.dropped, u64::from(4 * LINES_BURST));
        let later = start + Duration::from_secs(1);
        let passed = (0..5 * LINES_BURST).filter(|_| limit.allow(later)).count();
        assert_eq!(passed, LINES_PER_SECOND as usize);
    }
}
