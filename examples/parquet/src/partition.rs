//! Which folder a log goes to, named as Hive does it: `key=value`, so that readers know the value
//! of a whole folder without opening a file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use chrono::{DateTime, Datelike, Timelike};
use strait_component::prelude::*;

use crate::Config;
use crate::table::text;

/// What stands for no value, to Hive and to those that read its folders.
const NONE: &str = "__HIVE_DEFAULT_PARTITION__";
/// Longer values, encoded, are as none: a name has at most 255 bytes.
const LONGEST_VALUE: usize = 200;
const HOUR: u64 = 3600;

/// The logs that go to one folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Partition {
    /// Hours since 1970, where these have folders; none of an event without a time.
    hour: Option<Option<u64>>,
    /// The attribute's value.
    value: Option<String>,
}

impl Partition {
    fn of(config: &Config, log: Log<'_>) -> Self {
        let hour = config.hourly.then(|| {
            let times = [log.time_unix_nano(), log.observed_time_unix_nano()];
            let time = times.into_iter().find(|time| *time != 0)?;
            Some(time / 1_000_000_000 / HOUR)
        });
        let value = || {
            let tables = [AttributeTable::Log, AttributeTable::Resource];
            let mut found = tables
                .into_iter()
                .filter_map(|of| log.attribute(of, &config.attribute));
            found.find_map(|value| text(value).map(Cow::into_owned))
        };
        let partitioned = !config.attribute.is_empty();
        Self {
            hour,
            value: partitioned.then(value).flatten(),
        }
    }

    /// Its folder, below that of the configuration.
    pub(crate) fn folder(&self, config: &Config) -> PathBuf {
        let mut folder = PathBuf::new();
        match self.hour {
            None => {}
            Some(Some(hour)) => folder.extend(named(hour)),
            Some(None) => folder.extend([format!("date={NONE}"), format!("hour={NONE}")]),
        }
        if !config.attribute.is_empty() {
            let value = self.value.as_deref().map(encoded);
            let short = value.filter(|value| (1..=LONGEST_VALUE).contains(&value.len()));
            let value = short.unwrap_or_else(|| NONE.to_owned());
            folder.push(format!("{}={value}", encoded(&config.attribute)));
        }
        folder
    }
}

/// The folders of an hour.
fn named(hour: u64) -> [String; 2] {
    let seconds = (hour * HOUR).cast_signed();
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let (year, month, day) = (time.year(), time.month(), time.day());
    let date = format!("date={year:04}-{month:02}-{day:02}");
    [date, format!("hour={}", time.hour())]
}

/// Text as a part of a file's name: percent-encoded but for what is plain everywhere.
pub(crate) fn encoded(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                name.push(byte.into());
            }
            // Writing to a String cannot fail.
            _ => drop(write!(name, "%{byte:02X}")),
        }
    }
    name
}

/// The rows of a batch by where they go, in their order.
pub(crate) fn partitioned(batch: &Batch, config: &Config) -> BTreeMap<Partition, Vec<usize>> {
    let mut partitions = BTreeMap::<_, Vec<usize>>::new();
    for log in batch.logs().iter() {
        let rows = partitions.entry(Partition::of(config, log)).or_default();
        rows.push(log.row());
    }
    partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(hour: Option<Option<u64>>, value: Option<&str>) -> String {
        let config = Config {
            attribute: "a/b".into(),
            ..Config::default()
        };
        let value = value.map(str::to_owned);
        let folder = Partition { hour, value }.folder(&config);
        folder.to_str().unwrap().to_owned()
    }

    // Guarantees: an hour's folders are those of its UTC date, also at the ends of what OTLP can
    // say.
    #[test]
    fn hours_are_of_their_date() {
        assert_eq!(named(0), ["date=1970-01-01", "hour=0"]);
        let hour = 1_796_083_199 / HOUR; // `date -ud @1796083199`
        assert_eq!(named(hour), ["date=2026-11-30", "hour=23"]);
        let last = u64::MAX / 1_000_000_000 / HOUR;
        assert_eq!(named(last), ["date=2554-07-21", "hour=23"]);
    }

    // Guarantees: no value leaves its folder, is taken for another one's, or makes a name that
    // cannot be.
    #[test]
    fn values_are_names_whatever_they_are() {
        let of = |value| folder(None, value);
        assert_eq!(of(Some("shop-1.de")), "a%2Fb=shop-1.de");
        assert_eq!(of(Some("../x y%")), "a%2Fb=..%2Fx%20y%25");
        assert_eq!(of(Some("ö\0\n")), "a%2Fb=%C3%B6%00%0A");
        let none = format!("a%2Fb={NONE}");
        let (long, fits) = ("x".repeat(201), "x".repeat(200));
        for value in [None, Some(""), Some(&*long)] {
            assert_eq!(of(value), none);
        }
        assert_eq!(of(Some(&fits)), format!("a%2Fb={fits}"));
        assert_eq!(
            folder(Some(None), None),
            format!("date={NONE}/hour={NONE}/{none}")
        );
    }
}
