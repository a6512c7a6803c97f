//! What the user sees while a build runs, on standard error.
//!
//! On a terminal one line that moves; elsewhere plain lines, every few seconds
//! while something takes long. Quiet shows errors only.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between the first plain lines of one step; it doubles.
const PLAIN_EVERY: Duration = Duration::from_secs(10);
/// Time between two plain lines of a long step.
const PLAIN_EVERY_MAX: Duration = Duration::from_secs(60);

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Errors only.
    Quiet,
    /// Steps and progress.
    Normal,
    /// Also every command and its output.
    Verbose,
}

/// Where messages go.
#[derive(Debug)]
pub struct Ui {
    level: Level,
    terminal: bool,
}

impl Ui {
    /// Messages on standard error.
    #[must_use]
    pub fn new(level: Level) -> Self {
        Self {
            level,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Whether every command is shown.
    #[must_use]
    pub fn verbose(&self) -> bool {
        self.level == Level::Verbose
    }

    /// A line that stays.
    pub fn say(&self, text: &str) {
        if self.level != Level::Quiet {
            eprintln!("{text}");
        }
    }

    /// A line for `--verbose`.
    pub fn detail(&self, text: &str) {
        if self.verbose() {
            eprintln!("{text}");
        }
    }

    /// Starts a step that may take long.
    #[must_use]
    pub fn start(&self, name: &str) -> Progress {
        let bar = (self.level == Level::Normal && self.terminal).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let now = Instant::now();
        let mut progress = Progress {
            bar,
            plain: self.level != Level::Quiet,
            name: name.to_owned(),
            begun: now,
            last: now,
            pause: PLAIN_EVERY,
        };
        progress.show("");
        progress
    }
}

/// A step under way.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
    name: String,
    begun: Instant,
    last: Instant,
    pause: Duration,
}

impl Progress {
    /// Time since the step began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Shows where the step is, as often as the output can bear.
    pub fn show(&mut self, state: &str) {
        let due = self.plain && self.last.elapsed() >= self.pause;
        if self.bar.is_none() && !due {
            return;
        }
        let colon = if state.is_empty() { "" } else { ": " };
        let elapsed = duration(self.elapsed());
        let text = format!("{}{colon}{state} ({elapsed})", self.name);
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        } else {
            eprintln!("{text}");
            self.last = Instant::now();
            self.pause = (self.pause * 2).min(PLAIN_EVERY_MAX);
        }
    }

    /// Ends the step with a line that stays.
    pub fn done(self, ui: &Ui, result: &str) {
        let elapsed = self.elapsed();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        ui.say(&format!("{}: {result} ({})", self.name, duration(elapsed)));
    }

    /// Ends the step without a line: an error follows.
    pub fn abandon(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Says that the build ends because somebody asked for it.
pub fn interrupted() {
    // The line of a step under way is replaced.
    let clear = if std::io::stderr().is_terminal() {
        "\r\u{1b}[K"
    } else {
        ""
    };
    eprintln!("{clear}interrupted; the next build goes on from here");
}

/// A duration in the units people use: `0.4 s`, `38 s`, `9 min 5 s`.
#[must_use]
pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
