//! What of a configuration is read, in which words it is refused, and what is told of it.

mod durations;
mod sample;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use sample::{Action, Config, Joined, Keys, Locked, Mode, Nested, Open, Source, Squashed};

fn typed<C: Configuration>(value: Value) -> Result<C, Vec<String>> {
    read::<C>(&value, |_| Ok(())).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn decoded<C: Configuration>(values: impl Into<Values>) -> Result<Decoded, Vec<String>> {
    let text = |e: &ConfigError| format!("'{}' {}", e.path, e.message);
    decode::<C>("some", &values.into(), |_| Ok(())).map_err(|e| e.iter().map(text).collect())
}

#[test]
fn what_is_left_out_has_the_default_at_any_depth() {
    let config: Config = typed(json!({
        "nested": {"depth": 1},
        "endpoint": "other",
        "labels": {"env": "test"},
        "tags": [],
        "rules": [{"pattern": "x"}],
    }))
    .unwrap();
    assert_eq!(config.nested, Nested { depth: 1, on: true });
    assert_eq!(config.squashed.endpoint, "other");
    assert_eq!(config.squashed.wait, Duration::from_millis(100));
    assert_eq!(
        config.labels.len(),
        2,
        "maps are joined with their defaults"
    );
    assert!(config.tags.is_empty(), "lists replace theirs");
    assert_eq!(config.rules[0].weight, 0);
    assert_eq!(typed::<Config>(Value::Null), Ok(Config::default()));
}

#[test]
fn null_is_the_default_or_nothing() {
    let all = json!({
        "name": null, "retries": null, "ratio": null, "timeout": null, "limit": null,
        "token": null, "nested": null, "endpoint": null, "maybe": null, "section": null,
        "rules": null, "tags": null, "labels": null, "action": null, "source": null, "set": null,
        "any": null
    });
    let config: Config = typed(all).unwrap();
    let expected = Config {
        name: String::new(),
        attempts: 0,
        ratio: 0.0,
        timeout: Duration::default(),
        limit: ByteSize::default(),
        squashed: Squashed {
            endpoint: String::new(),
            ..Config::default().squashed
        },
        ..Config::default()
    };
    assert_eq!(config, expected);
}

#[test]
fn every_mistake_is_reported_in_confmaps_words() {
    let errors = decoded::<Config>(json!({
        "name": 7,
        "retries": 300,
        "ratio": "half",
        "timeout": "5",
        "limit": "5 parsecs",
        "nested": {"depth": 1.5, "on": 1, "dept": 2},
        "section": "x",
        "rules": [{"pattern": "x", "patern": "y"}, {"weight": true}],
        "tags": {"a": 1},
        "labels": {"a": 1},
        "mode": "fats",
        "set": [1, -1],
        "naem": 1,
        "entirely_else": 1,
    }))
    .unwrap_err();
    let expected = [
        "'some.Config' has invalid keys: entirely_else (known: action, any, endpoint, labels, \
         limit, maybe, mode, name, nested, ratio, retries, rules, section, set, source, tags, \
         timeout, token, vault, wait), naem (did you mean 'name'?)",
        "'labels[a]' expected type 'string', got unconvertible type 'int'",
        "'limit' invalid size \"5 parsecs\", expected whole bytes: a number with B, kB, MB, GB, \
         TB, KiB, MiB, GiB or TiB",
        "'name' expected type 'string', got unconvertible type 'int'",
        "'nested' has invalid keys: dept (did you mean 'depth'?)",
        "'nested.depth' cannot parse value as 'int64': 1.5 is not a whole number",
        "'nested.on' expected type 'bool', got unconvertible type 'int'",
        "'ratio' expected type 'float64', got unconvertible type 'string'",
        "'retries' cannot parse value as 'uint8': 300 overflows uint8 (expected 0 to 255)",
        "'rules[0]' has invalid keys: patern (did you mean 'pattern'?)",
        "'rules[1].weight' expected type 'uint32', got unconvertible type 'bool'",
        "'rules[1]' has unset fields: pattern",
        "'section' expected a map or struct, got \"string\"",
        "'set[1]' cannot parse value as 'uint16': -1 overflows uint16 (expected 0 to 65535)",
        "'tags' source data must be an array or slice, got map",
        "'timeout' time: missing unit in duration \"5\", expected one of ns, us, ms, s, m, h after \
         the number",
        "'mode' unknown value \"fats\", did you mean \"fast\"? (expected \"fast\", \"exact\")",
    ];
    assert_eq!(errors, expected);
}

// Guarantees: keys that the Collector reads itself are named where a key is unknown, of the whole
// configuration only; a component that has one of them learns that it is never read.
#[test]
fn keys_beside_the_components_are_known() {
    let beside = |key: &str, config: Value| Values {
        config,
        beside: vec![key.to_owned()],
        ..Values::default()
    };
    let read = |values| decoded::<Nested>(values).map(|_| ());
    let error = |text: &str| Err(vec![text.to_owned()]);
    assert_eq!(read(beside("sending_queue", json!({"depth": 1}))), Ok(()));
    assert_eq!(
        read(beside("sending_queue", json!({"sending_cue": 1}))),
        error("'some.Config' has invalid keys: sending_cue (did you mean 'sending_queue'?)")
    );
    assert_eq!(
        read(beside("sending_queue", json!({"other": 1}))),
        error("'some.Config' has invalid keys: other (known: depth, on, sending_queue)")
    );
    assert_eq!(
        decoded::<Config>(beside("sending_queue", json!({"nested": {"other": 1}}))).unwrap_err(),
        ["'nested' has invalid keys: other (known: depth, on)"]
    );
    assert_eq!(
        read(beside("depth", json!({}))),
        error(
            "'depth' is the Collector's key, and the component has one of that name too: rename it \
             there"
        )
    );
}

#[test]
fn validate_paths_are_confmaps() {
    let errors = typed::<Config>(json!({"rules": [{"patern": "y"}], "naem": 1})).unwrap_err();
    assert_eq!(
        errors,
        [
            "naem: unknown key, did you mean 'name'?",
            "rules::0::patern: unknown key, did you mean 'pattern'?",
            "rules::0::pattern: is required",
        ]
    );
}

#[test]
fn text_keeps_what_expansion_gave() {
    let originals = [
        ("/name", "0123"),
        ("/retries", "0x7"),
        ("/tags/0", "1e3"),
        ("/labels/a~1b", "true"),
        ("/token", "42"),
        ("/timeout", "7"),
    ];
    let values = Values {
        config: json!({"name": 83, "retries": 7, "tags": [1000.0], "labels": {"a/b": true},
                       "token": 42, "timeout": 7}),
        originals: originals.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..Values::default()
    };
    let decoded = decoded::<Config>(values).unwrap();
    let config: Config = typed(decoded.config).unwrap();
    assert_eq!((config.name.as_str(), config.attempts), ("0123", 7));
    assert_eq!(
        (config.tags[0].as_str(), config.labels["a/b"].as_str()),
        ("1e3", "true")
    );
    assert_eq!(config.token.expose(), "42");
    assert_eq!(config.timeout.as_nanos(), 7);
}

#[test]
fn some_values_change_their_form_as_in_go() {
    let config: Config =
        typed(json!({"tags": "a,b", "nested": {"depth": 2.0}, "ratio": 1, "limit": 4096.0}))
            .unwrap();
    assert_eq!(config.tags, ["a", "b"]);
    assert_eq!(
        (config.nested.depth, config.ratio, config.limit.bytes()),
        (2, 1.0, 4096)
    );
    let config: Config = typed(json!({"tags": ""})).unwrap();
    assert!(config.tags.is_empty());
}

#[test]
fn enums_take_one_alternative() {
    let source = json!({"kind": "http", "url": "u", "key": "k"});
    let config: Config =
        typed(json!({"action": {"limit": {"rows": 3}}, "source": source})).unwrap();
    assert_eq!(config.action, Action::Limit { rows: 3 });
    assert_eq!(
        config.source,
        Source::Http {
            url: "u".into(),
            key: Secret::new("k")
        }
    );
    assert_eq!(
        typed::<Config>(json!({"mode": "careful"})).unwrap().mode,
        Mode::Exact,
        "an alias is serde's to know"
    );
    for (value, error) in [
        (
            json!({"action": {"limit": {"rows": 3, "row": 1}}}),
            "'action.limit' has invalid keys: row (did you mean 'rows'?)",
        ),
        (
            json!({"action": {"limit": {"rows": "x"}}}),
            "'action.limit.rows' expected type 'uint32', got unconvertible type 'string'",
        ),
        (
            json!({"action": "limt"}),
            "'action' unknown variant `limt`, expected `keep` or `limit`",
        ),
        (
            json!({"source": {"kind": "http", "url": "u", "key": "k", "kye": 1}}),
            "'source' has invalid keys: kye (did you mean 'key'?)",
        ),
        (
            json!({"source": {"kind": "ftp"}}),
            "'source.kind' unknown variant `ftp`, expected `file` or `http`",
        ),
    ] {
        assert_eq!(decoded::<Config>(value).unwrap_err(), [error]);
    }
}

#[test]
fn flattening_hides_no_key() {
    let open: Open = typed(json!({"name": "x", "a": 1, "b": 2})).unwrap();
    assert_eq!(open.rest, [("a".to_owned(), 1), ("b".to_owned(), 2)].into());
    assert_eq!(
        decoded::<Open>(json!({"name": 1, "a": "x", "b": 70000})).unwrap_err(),
        [
            "'[a]' expected type 'uint16', got unconvertible type 'string'",
            "'[b]' cannot parse value as 'uint16': 70000 overflows uint16 (expected 0 to 65535)",
            "'name' expected type 'string', got unconvertible type 'int'",
        ]
    );
    let joined: Joined = typed(json!({"kind": "http", "url": "u", "key": "k"})).unwrap();
    assert_eq!(
        joined.source,
        Source::Http {
            url: "u".into(),
            key: Secret::new("k")
        }
    );
    assert_eq!(
        typed::<Joined>(json!({"path": "/x"})).unwrap().source,
        Source::File { path: "/x".into() },
        "the default's alternative"
    );
    assert_eq!(
        decoded::<Joined>(json!({"kind": "http", "url": "u", "key": "k", "path": "/"}))
            .unwrap_err(),
        ["'some.Config' has invalid keys: path (known: name, key, kind, url)"]
    );
    let errors = decoded::<Joined>(json!({"kind": "ftp", "path": "/"})).unwrap_err();
    assert!(errors[0].contains("unknown variant `ftp`"), "{errors:?}");
    let secrets = decoded::<Joined>(json!({"kind": "http", "url": "u", "key": "k"}))
        .unwrap()
        .secrets;
    assert_eq!(secrets, ["/key"]);
}

#[test]
fn secrets_are_found_and_never_told() {
    let values = json!({
        "token": "hunter2", "vault": {"a/b": "hunter3"},
        "source": {"kind": "http", "url": "u", "key": "hunter4"},
    });
    let decoded = decoded::<Config>(values).unwrap();
    assert_eq!(decoded.secrets, ["/source/key", "/token", "/vault/a~1b"]);
    for pointer in &decoded.secrets {
        let text = decoded.shown.pointer(pointer).unwrap().as_str().unwrap();
        assert!(text.starts_with("hunter"), "the host masks them: {text}");
    }
    let config: Config = typed(decoded.config).unwrap();
    assert!(!format!("{config:?}").contains("hunter"));
    assert!(!serde_json::to_string(&config).unwrap().contains("hunter"));
    let errors =
        typed::<Config>(json!({"token": {"hunter5": 1}, "vault": {"a": ["hunter6"]}})).unwrap_err();
    assert!(!errors.join(" ").contains("hunter"), "{errors:?}");
    assert!(!schema::<Config>().to_string().contains("REDACTED"));
}

#[test]
fn a_type_that_reads_itself_tells_no_secret() {
    let mask = "does not begin with key-";
    for (value, place) in [
        (json!({"key": "hunter2"}), "key"),
        (json!({"more": ["key-1", "hun\nter2"]}), "more[1]"),
    ] {
        let errors = decoded::<Keys>(value.clone()).unwrap_err();
        assert_eq!(errors, [format!("'{place}' \"[REDACTED]\" {mask}")]);
        // Beside flattened fields serde does not tell the place.
        let errors = decoded::<Locked>(value).unwrap_err();
        assert_eq!(errors, [format!("'' \"[REDACTED]\" {mask}")]);
    }
    assert_eq!(
        decoded::<Keys>(json!({"key": "key-1"})).unwrap().secrets,
        ["/key"]
    );
}

#[test]
fn what_validation_finds_stands_beside_the_configuration() {
    let finding = ConfigError::new("rules::0::pattern", "must not be empty");
    let values = json!({"rules": [{"regex": ""}]}).into();
    let decoded = decode::<Config>("some", &values, |config| {
        assert_eq!(config.rules[0].pattern, "");
        Err(vec![finding.clone()])
    });
    let decoded = decoded.unwrap();
    assert_eq!(decoded.findings, [finding]);
    assert_eq!(
        decoded.config["rules"],
        json!([{"pattern": ""}]),
        "an alias is written by its name"
    );
    assert_eq!(
        decoded.shown["rules"],
        json!([{"pattern": "", "weight": 0}]),
        "whole"
    );
}

#[test]
fn the_schema_says_what_is_refused_and_what_is_the_default() {
    let schema = schema::<Config>();
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(
        schema.get("required"),
        None,
        "the default fills in everything"
    );
    let properties = &schema["properties"];
    assert_eq!(properties["name"]["default"], json!("some"));
    assert_eq!(
        properties["timeout"],
        json!({"type": ["string", "integer"], "format": "go-duration", "default": "5s"})
    );
    assert_eq!(
        properties["token"],
        json!({"type": "string", "format": "password", "writeOnly": true})
    );
    assert_eq!(
        schema["$defs"]["Rule"]["additionalProperties"],
        json!(false)
    );
    assert_eq!(schema["$defs"]["Rule"]["required"], json!(["pattern"]));
}

fn any_json() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "name", "retries", "nested", "depth", "on", "rules", "pattern", "weight", "tags", "labels",
        "action", "limit", "rows", "source", "kind", "path", "token", "vault", "set", "any",
        "timeout", "section", "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2i64..300).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "", "5s", "1MiB", "keep", "file", "http", "fast", "a,b"
        ])
        .prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |below| {
        prop_oneof![
            prop::collection::vec(below.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys.clone(), below, 0..5)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    /// Whatever comes in: no panic, and what is accepted is accepted again, to the same effect, in
    /// each of its forms.
    #[test]
    fn what_is_accepted_is_accepted_again(values in any_json()) {
        let Ok(first) = decoded::<Config>(values.clone()) else { return Ok(()) };
        let again = decoded::<Config>(first.config.clone()).unwrap();
        prop_assert_eq!(&again, &first);
        let shown = decoded::<Config>(first.shown.clone()).unwrap();
        prop_assert_eq!(&shown.shown, &first.shown);
    }
}
