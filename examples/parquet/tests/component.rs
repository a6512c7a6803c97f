//! The component as a host uses it, and its files as readers see them, also when its process is
//! killed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use strait_component::telemetry::{Number, SpanStatus};
use strait_component::testing::{self, block_on, context};
use strait_component::{
    Any, Batch, CancelHandle, Context, DynExporter, Error, LogRecord, LogsBuilder, Resource, Scope,
    Settings,
};

const HOUR: u64 = 3_600_000_000_000;
/// 2026-11-30, 08:00 UTC.
const EIGHT: u64 = 1_796_025_600_000_000_000;

fn exporter(folder: &Path, more: Value) -> Box<dyn DynExporter> {
    let mut config = json!({"folder": folder});
    let more = more.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(more);
    let factory = parquet_files::factory().exporter().unwrap();
    factory
        .create(&config, &Settings::new("parquet_files", 0))
        .unwrap()
}

fn export(exporter: &dyn DynExporter, batch: Batch) -> Result<(), Error> {
    block_on(exporter.export(batch))
}

/// A log with this body for each time.
fn logs(times: &[u64], body: &str) -> Batch {
    let mut logs = LogsBuilder::new();
    for time_unix_nano in times {
        logs.push(LogRecord {
            time_unix_nano: *time_unix_nano,
            ..LogRecord::new(body)
        })
        .unwrap();
    }
    logs.finish().unwrap()
}

/// The files that a reader of the data set sees, as DuckDB's `**/*.parquet`; and what should not
/// be there at all.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            found.extend(files(&path));
        } else if name != "lock" && !name.ends_with(".part") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The folders of the files, from the data set's on.
fn partitions(folder: &Path) -> Vec<String> {
    let within = |file: PathBuf| {
        let place = file
            .parent()
            .unwrap()
            .strip_prefix(folder)
            .unwrap()
            .to_owned();
        place.to_str().unwrap().to_owned()
    };
    files(folder).into_iter().map(within).collect()
}

fn read(file: &Path) -> RecordBatch {
    let file = File::open(file).unwrap();
    let mut batches = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let batch = batches.next().unwrap().unwrap();
    assert!(batches.next().is_none());
    batch
}

/// A column of texts.
fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let texts = batch.column_by_name(column).unwrap().as_string::<i32>();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

/// What is in the folder of unfinished files.
fn unfinished(folder: &Path) -> usize {
    fs::read_dir(folder.join(".unfinished")).unwrap().count()
}

// Guarantees: each hour and each value has its folder, in which there are its logs, in their order.
#[test]
fn logs_go_to_the_folders_of_their_hour_and_value() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(folder.path(), json!({"attribute": "service.name"}));
    let mut batch = LogsBuilder::new();
    batch
        .resource(Resource::new([("service.name", "shop")]))
        .unwrap();
    for (time_unix_nano, body) in [(EIGHT, "a"), (EIGHT + HOUR - 1, "b"), (EIGHT + HOUR, "c")] {
        batch
            .push(LogRecord {
                time_unix_nano,
                ..LogRecord::new(body)
            })
            .unwrap();
    }
    let own = LogRecord::new("d").with("service.name", "a/b");
    batch
        .push(LogRecord {
            observed_time_unix_nano: EIGHT,
            ..own
        })
        .unwrap();
    batch.resource(Resource::default()).unwrap();
    batch.push(LogRecord::new("e")).unwrap();
    export(&*exporter, batch.finish().unwrap()).unwrap();

    let none = "__HIVE_DEFAULT_PARTITION__";
    let expected = [
        (
            "date=2026-11-30/hour=8/service.name=a%2Fb".to_owned(),
            vec!["d"],
        ),
        (
            "date=2026-11-30/hour=8/service.name=shop".to_owned(),
            vec!["a", "b"],
        ),
        (
            "date=2026-11-30/hour=9/service.name=shop".to_owned(),
            vec!["c"],
        ),
        (
            format!("date={none}/hour={none}/service.name={none}"),
            vec!["e"],
        ),
    ];
    let found = files(folder.path());
    let bodies = found.iter().map(|file| {
        texts(&read(file), "body")
            .into_iter()
            .map(Option::unwrap)
            .collect::<Vec<_>>()
    });
    let found: Vec<_> = partitions(folder.path()).into_iter().zip(bodies).collect();
    let expected = expected.map(|(place, bodies)| {
        (
            place,
            bodies.into_iter().map(str::to_owned).collect::<Vec<_>>(),
        )
    });
    assert_eq!(found, expected);
    block_on(exporter.shutdown()).unwrap();
    assert_eq!(unfinished(folder.path()), 0);
}

/// A log with something in every field, and one with nothing in any.
fn full_and_empty() -> Batch {
    let mut batch = LogsBuilder::new();
    batch.resource(Resource::new([("host", "db-7")])).unwrap();
    let version = "1.2".into();
    batch
        .scope(Scope {
            version,
            ..Scope::new("access")
        })
        .unwrap();
    let log = LogRecord::new(vec![("k".to_owned(), Any::from(1))])
        .with("text", "x")
        .with("list", vec![Any::from(true), Any::from(0.5)])
        .with("text", "again")
        .with("none", Any::Empty);
    let full = LogRecord {
        time_unix_nano: EIGHT,
        observed_time_unix_nano: EIGHT + 1,
        severity_number: 17,
        severity_text: "ERROR".into(),
        event_name: "failed".into(),
        flags: 1,
        trace_id: [0xab; 16],
        span_id: [1; 8],
        ..log
    };
    batch.push(full).unwrap();
    batch.resource(Resource::default()).unwrap();
    batch.push(LogRecord::default()).unwrap();
    batch.finish().unwrap()
}

/// The keys and values of a row's map.
fn map(rows: &RecordBatch, column: &str, row: usize) -> Vec<(String, Option<String>)> {
    let entries = rows.column_by_name(column).unwrap().as_map().value(row);
    let [keys, values] = [0, 1].map(|side| entries.column(side).as_string::<i32>().clone());
    let pairs = keys.iter().zip(values.iter());
    let pairs = pairs.map(|(key, value)| (key.unwrap().to_owned(), value.map(str::to_owned)));
    pairs.collect()
}

// Guarantees: every field is there, and what OTLP calls unset is null.
#[test]
fn every_field_is_a_column() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(
        folder.path(),
        json!({"hourly": false, "compression": "none"}),
    );
    export(&*exporter, full_and_empty()).unwrap();
    let found = files(folder.path());
    assert_eq!(found.len(), 1);
    let rows = read(&found[0]);

    let pair = |key: &str, value: Option<&str>| (key.to_owned(), value.map(str::to_owned));
    let list = pair("list", Some("[true,0.5]"));
    let attributes = [pair("text", Some("x")), list, pair("none", None)];
    assert_eq!(map(&rows, "attributes", 0), attributes);
    assert_eq!(
        map(&rows, "resource_attributes", 0),
        [pair("host", Some("db-7"))]
    );
    assert_eq!(map(&rows, "attributes", 1), []);
    let trace = "ab".repeat(16);
    for (column, text) in [
        ("body", "{\"k\":1}"),
        ("severity_text", "ERROR"),
        ("event_name", "failed"),
        ("trace_id", &*trace),
        ("span_id", "0101010101010101"),
        ("scope_name", "access"),
        ("scope_version", "1.2"),
    ] {
        assert_eq!(
            texts(&rows, column),
            [Some(text.to_owned()), None],
            "{column}"
        );
    }
    let times = rows.column_by_name("time").unwrap();
    let times = times.as_primitive::<arrow_array::types::TimestampNanosecondType>();
    assert_eq!(
        (times.value(0), times.is_null(1)),
        (EIGHT.cast_signed(), true)
    );
}

// Guarantees: a batch that cannot be written is the caller's to try again, and leaves nothing that
// anybody sees, also where a part of it could be written.
#[test]
fn what_fails_is_there_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(folder.path(), json!({}));
    // The second partition's folder cannot be made.
    fs::create_dir(folder.path().join("date=2026-11-30")).unwrap();
    let obstacle = folder.path().join("date=2026-11-30/hour=9");
    fs::write(&obstacle, "in the way").unwrap();
    let batch = logs(&[EIGHT, EIGHT + HOUR], "x");
    let error = export(&*exporter, batch.clone()).unwrap_err();
    assert!(
        !error.is_permanent() && error.message().contains("folder /"),
        "{error}"
    );
    assert_eq!(files(folder.path()), std::slice::from_ref(&obstacle));
    assert_eq!(unfinished(folder.path()), 0);

    fs::remove_file(obstacle).unwrap();
    export(&*exporter, batch).unwrap();
    assert_eq!(files(folder.path()).len(), 2);
}

// Guarantees: nothing is written for a caller that has left.
#[test]
fn nobody_waits_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(folder.path(), json!({}));
    let handle = CancelHandle::new();
    handle.cancel();
    let left = Context::builder().cancelled_by(&handle).build();
    let batch = logs(&[EIGHT], "x");
    assert!(export(&*exporter, batch.clone().with_context(left)).is_err());
    assert!(files(folder.path()).is_empty());
    export(&*exporter, batch.with_context(context())).unwrap();
    assert_eq!(files(folder.path()).len(), 1);
}

// Guarantees: what a crash has left is removed, what another instance still writes is not.
#[test]
fn what_a_crash_has_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = [(); 2].map(|()| exporter(folder.path(), json!({})));
    export(&*one, logs(&[EIGHT], "x")).unwrap();
    let left = folder.path().join(".unfinished/left");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("lock"), "").unwrap();
    fs::write(left.join("half.parquet.part"), "PAR1").unwrap();
    fs::create_dir(folder.path().join(".unfinished/without-lock")).unwrap();
    export(&*other, logs(&[EIGHT], "y")).unwrap();
    assert_eq!(unfinished(folder.path()), 2, "one of each instance");
    export(&*one, logs(&[EIGHT], "z")).unwrap();
    assert_eq!(files(folder.path()).len(), 3);
}

/// Exports batches, and says of each that it is safe, until it is killed.
#[test]
#[ignore = "run by a_kill_leaves_whole_files, which kills it"]
fn the_victim() {
    let folder = std::env::var_os("PARQUET_FOLDER").expect("a folder");
    let exporter = exporter(Path::new(&folder), json!({}));
    for n in 0.. {
        let body = format!("{}-{n}", std::process::id());
        let times: Vec<u64> = (0..300).map(|log| EIGHT + log % 3 * HOUR).collect();
        export(&*exporter, logs(&times, &body)).unwrap();
        println!("\nsafe {body}");
    }
}

// Guarantees: whenever the process is killed, every file that a reader sees is whole, what was said
// to be safe is there, and the next instance removes the rest.
#[test]
fn a_kill_leaves_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut safe = BTreeSet::new();
    for round in 1..=8 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_victim", "--ignored", "--nocapture"])
            .env("PARQUET_FOLDER", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(victim.stdout.take().unwrap()).lines();
        let said = said.map_while(Result::ok);
        let mut said = said.filter_map(|line| Some(line.strip_prefix("safe ")?.to_owned()));
        safe.extend(said.by_ref().take(round));
        victim.kill().unwrap();
        safe.extend(said);
        victim.wait().unwrap();
    }
    assert!(safe.len() >= 8, "{safe:?}");

    let next = exporter(folder.path(), json!({}));
    export(&*next, logs(&[EIGHT], "after")).unwrap();
    assert_eq!(unfinished(folder.path()), 1, "the next instance's own");
    let mut seen = BTreeSet::new();
    for file in files(folder.path()) {
        let bodies = texts(&read(&file), "body");
        let body = bodies[0].clone().unwrap();
        let expected = if body == "after" { 1 } else { 100 };
        assert_eq!(
            bodies,
            vec![Some(body.clone()); expected],
            "{}",
            file.display()
        );
        seen.insert(body);
    }
    let lost: Vec<_> = safe.difference(&seen).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn mistakes_are_found_with_their_paths() {
    for (config, path) in [
        (json!({}), "folder"),
        (json!({"folder": "x", "compression": "gzip"}), "compression"),
        (json!({"folder": "x", "atribute": "y"}), "atribute"),
    ] {
        let errors = parquet_files::factory().validate(&config).unwrap_err();
        assert_eq!(errors[0].path, path, "{errors:?}");
    }
}

// Guarantees: rows are counted once they are in files, and each write is a span within its batch's,
// which says why it failed.
#[test]
fn what_is_written_is_measured_and_traced() {
    let folder = tempfile::tempdir().unwrap();
    let collector = testing::Collector::default();
    let settings = Settings::new("parquet_files", 0).runs_in(collector.of("parquet_files"));
    let factory = parquet_files::factory().exporter().unwrap();
    let config = json!({"folder": folder.path(), "hourly": false});
    let written = factory.create(&config, &settings).unwrap();
    export(&*written, logs(&[EIGHT, EIGHT], "a")).unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let failing = factory.create(&json!({"folder": file}), &settings).unwrap();
    let error = export(&*failing, logs(&[EIGHT], "b")).unwrap_err();

    let rows = collector.measured("parquet_files.rows");
    let rows: Vec<_> = rows.iter().flat_map(|points| &points.values).collect();
    assert_eq!(rows, [&Number::Whole(2)]);
    let durations = collector.measured("parquet_files.write.duration");
    let durations = durations.iter().flat_map(|points| &points.values);
    assert_eq!(durations.count(), 2);
    let spans: Vec<_> = collector.spans();
    let status = |nth: usize| spans[nth].1.as_ref().unwrap().status.clone();
    assert_eq!(
        (spans.len(), &*spans[0].0.name, status(0)),
        (2, "write", None)
    );
    assert_eq!(status(1), Some(SpanStatus::Error(error.message().into())));
}
