//! The component as a host uses it: found through `factory()`, configured with JSON, fed with
//! batches.

use serde_json::{Value, json};
use strait_component::testing::{Any, Encoding, Sample, batch_encoded, samples};
use strait_component::{Columns, Settings};

const KEY: &str = "a key of many bytes";
/// `printf alice | openssl dgst -sha256 -hmac 'a key of many bytes'`.
const ALICE: &str = "6a7ee6436802a8d7af86c8336496ab680313949e8fcd8217f59f967b39c75b46";
/// The same of 7.
const SEVEN: &str = "dd80bee36fcf353996408fd5c8bada7f040a78a1fd346cfab1a63b9db778c4e1";

fn process(config: &Value, records: &[Sample]) -> Vec<Sample> {
    let settings = Settings::new("redact", 0);
    let factory = redact::factory().processor().unwrap();
    let mut processor = factory.create(config, &settings).unwrap();
    let access = factory.access(config).unwrap();
    let process = |encoding: Encoding| {
        let mut batch = batch_encoded(records, |_| encoding);
        processor.process(&mut batch).unwrap();
        assert_eq!(access.check(&batch), Ok(()));
        samples(&batch)
    };
    let [plain, narrow, wide] = [
        Encoding::Plain,
        Encoding::Dictionary8,
        Encoding::Dictionary16,
    ]
    .map(process);
    assert_eq!(plain, narrow);
    assert_eq!(plain, wide);
    plain
}

fn record(body: impl Into<Any>) -> Sample {
    Sample {
        resource: vec![("host".into(), "db-7.internal".into())],
        ..Sample::new(body)
    }
}

#[test]
fn patterns_are_replaced_wherever_text_is() {
    let config = json!({"patterns": ["[a-z]+@[a-z.]+", r"\b\d{4}\b", r"db-\d+"]});
    let nested = |mail: &str, code: &str| {
        Any::Map(vec![(
            "m".into(),
            Any::Slice(vec![mail.into(), code.into(), 1234.into()]),
        )])
    };
    let records = [
        record("mail eve@example.com, pin 1234")
            .with("to", "eve@example.com")
            .with("n", 1234),
        record(nested("a@b", "0000")).with("quiet", "nothing"),
    ];
    let mut expected = [
        record("mail ***, pin ***")
            .with("to", "***")
            .with("n", 1234),
        record(nested("***", "***")).with("quiet", "nothing"),
    ];
    for sample in &mut expected {
        sample.resource[0].1 = "***.internal".into();
    }
    assert_eq!(process(&config, &records), expected);
}

#[test]
fn a_replacement_is_taken_as_it_is_and_in_order() {
    let config = json!({"patterns": ["ab", "b"], "replacement": "$1"});
    let redacted = process(&config, &[record("abb ac")]);
    assert_eq!(redacted[0].body, "$1$1 ac".into());
}

#[test]
fn attributes_are_deleted_and_hashed_by_key() {
    let config = json!({
        "delete": ["password"], "hash": ["user", "id"], "hash_key": KEY, "patterns": ["[0-9]{2}"],
    });
    let records = [record("login")
        .with("password", "hunter2")
        .with("user", "alice")
        .with("id", 7)
        .with("note", "42")];
    let redacted = process(&config, &records);
    let expected = record("login")
        .with("user", ALICE)
        .with("id", SEVEN)
        .with("note", "***");
    assert_eq!(redacted, [expected]);
}

// Guarantees: nothing is hashed without a key that cannot be guessed, wherever the key is missing;
// the error says what to do, and no part of the key.
#[test]
fn no_value_is_hashed_without_a_key() {
    let refused = |key: Option<Value>| {
        let mut config = json!({"hash": ["user"]});
        if let Some(key) = key {
            config["hash_key"] = key;
        }
        let errors = redact::factory().validate(&config).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].path, "hash_key");
        errors[0].message.clone()
    };
    for nothing in [None, Some(json!(null)), Some(json!(""))] {
        let message = refused(nothing);
        assert!(message.contains("found none (a variable that is not set is empty): set it"));
    }
    let message = refused(Some(json!("hunter2")));
    assert!(message.contains("at least 16 bytes") && message.contains("found 7"));
    assert!(!message.contains("hunter2"));
}

// Guarantees: hashes under one key are equal where values are, and say nothing under another.
#[test]
fn hashes_are_of_their_key() {
    let hashed = |key: &str| {
        let config = json!({"hash": ["user", "other"], "hash_key": key});
        let records = [record("x").with("user", "alice").with("other", "alice")];
        let redacted = process(&config, &records);
        let values = redacted[0]
            .attributes
            .iter()
            .map(|(_, value)| value.to_string());
        values.collect::<Vec<_>>()
    };
    assert_eq!(hashed(KEY), [ALICE, ALICE]);
    assert!(!hashed("another key, also long").contains(&ALICE.to_owned()));
}

#[test]
fn only_keys_to_keep_stay_in_every_table() {
    let records = [record("x").with("a", 1).with("b", 2)];
    let redacted = process(&json!({"keep": ["a"]}), &records);
    assert_eq!(redacted, [Sample::new("x").with("a", 1)]);
    let redacted = process(&json!({"keep": ["a"], "resources": false}), &records);
    assert_eq!(redacted, [record("x").with("a", 1)]);
}

#[test]
fn a_hundred_patterns_are_one_configuration() {
    let patterns: Vec<String> = (0..100).map(|n| format!("secret-{n:03}")).collect();
    let records = [record("secret-000 secret-099 secret-100")];
    let redacted = process(&json!({"patterns": patterns}), &records);
    assert_eq!(redacted[0].body, "*** *** secret-100".into());
}

#[test]
fn mistakes_are_found_with_their_paths() {
    let cases = [
        (json!({}), vec![""]),
        (
            json!({"patterns": ["a", "(", "b", "x*"]}),
            vec!["patterns::1", "patterns::3"],
        ),
        (
            json!({"patterns": ["("], "hash": ["user"]}),
            vec!["hash_key", "patterns::0"],
        ),
        (json!({"delete": ["a", 1]}), vec!["delete::1"]),
        (json!({"deletes": []}), vec!["deletes"]),
    ];
    for (config, paths) in cases {
        let errors = redact::factory().validate(&config).unwrap_err();
        let mut found: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, paths, "{config}: {errors:?}");
    }
}

#[test]
fn access_follows_the_configuration() {
    let access = |config| {
        redact::factory()
            .processor()
            .unwrap()
            .access(&config)
            .unwrap()
    };
    let all = Columns::LOG_ATTRIBUTES | Columns::RESOURCE_ATTRIBUTES | Columns::SCOPE_ATTRIBUTES;
    let deletes = access(json!({"delete": ["password"]}));
    assert_eq!(deletes.writes, all);
    assert!(deletes.keys.contains("password") && !deletes.keys.contains("user"));
    assert!(deletes.keeps_ids && !deletes.filters && !deletes.retains);
    let patterns = access(json!({"patterns": ["x"], "delete": ["a"], "resources": false}));
    assert_eq!(patterns.writes, Columns::BODY | Columns::LOG_ATTRIBUTES);
    assert!(patterns.keys.contains("anything"));
}

#[test]
fn the_description_agrees_with_the_manifest() {
    let description = serde_json::to_value(redact::factory().describe()).unwrap();
    assert_eq!(
        description,
        json!({
            "kind": "processor", "type": "redact", "crate": "redact",
            "version": env!("CARGO_PKG_VERSION"), "signals": {"logs": "alpha"},
        })
    );
    let manifest = include_str!("../Cargo.toml");
    for line in [
        "kind = \"processor\"",
        "type = \"redact\"",
        "logs = \"alpha\"",
    ] {
        assert!(manifest.lines().any(|l| l == line), "{line}");
    }
}
