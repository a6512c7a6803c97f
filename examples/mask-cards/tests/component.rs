//! The component as a host uses it: found through `factory()`, configured with
//! JSON, fed with batches.

use serde_json::{Value, json};
use strait_component::testing::{Any, Encoding, Sample, batch_encoded, samples};
use strait_component::{Batch, Columns, Settings};

const CARD: &str = "4111 1111 1111 1111";
const MASKED: &str = "**** **** **** 1111";

fn process(config: Value, mut batch: Batch) -> Vec<Sample> {
    let settings = Settings::new("mask_cards", 0);
    let factory = mask_cards::factory().processor().unwrap();
    let mut processor = factory.create(&config, &settings).unwrap();
    processor.process(&mut batch).unwrap();
    let access = factory.access(&config).unwrap();
    assert_eq!(access.check(&batch), Ok(()));
    processor.shutdown().unwrap();
    samples(&batch)
}

fn nested(text: &str) -> Any {
    Any::Map(vec![
        (
            "cards".into(),
            Any::Slice(vec![text.into(), 7.into(), Any::Empty]),
        ),
        (CARD.into(), Any::Map(vec![("pan".into(), text.into())])),
    ])
}

/// Two records with a card number everywhere that text can be, then as bytes.
fn records(body: &str, attribute: &str, resource: &str) -> Vec<Sample> {
    let resource = vec![("owner".to_owned(), resource.into())];
    let plain = Sample::new(body)
        .with("pan", attribute)
        .with("note", attribute)
        .with("n", 4);
    let deep = Sample::new(nested(body)).with("deep", nested(attribute));
    let deep = deep.with("raw", Any::Bytes(CARD.into()));
    [plain, deep]
        .map(|sample| Sample {
            resource: resource.clone(),
            ..sample
        })
        .into()
}

#[test]
fn bodies_and_attributes_are_masked_in_every_encoding() {
    for encoding in [
        Encoding::Plain,
        Encoding::Dictionary8,
        Encoding::Dictionary16,
    ] {
        let batch = batch_encoded(&records(CARD, CARD, CARD), |_| encoding);
        assert_eq!(
            process(Value::Null, batch),
            records(MASKED, MASKED, CARD),
            "{encoding:?}"
        );
    }
}

#[test]
fn the_configuration_says_where() {
    let cases = [
        (json!({"attributes": false}), records(MASKED, CARD, CARD)),
        (json!({"bodies": false}), records(CARD, MASKED, CARD)),
        (json!({"resources": true}), records(MASKED, MASKED, MASKED)),
        (json!({"mask": "#", "keep_last": 0, "attributes": false}), {
            records("#### #### #### ####", CARD, CARD)
        }),
    ];
    for (config, expected) in cases {
        let batch = batch_encoded(&records(CARD, CARD, CARD), |_| Encoding::Dictionary16);
        assert_eq!(process(config.clone(), batch), expected, "{config}");
    }
}

#[test]
fn keys_limit_the_attributes_even_where_values_are_shared() {
    let batch = batch_encoded(&records(CARD, CARD, CARD), |_| Encoding::Dictionary8);
    let masked = process(json!({"keys": ["pan"], "bodies": false}), batch);
    let expected = Sample::new(CARD)
        .with("pan", MASKED)
        .with("note", CARD)
        .with("n", 4);
    assert_eq!(masked[0].attributes, expected.attributes);
    assert_eq!(masked[1], records(CARD, CARD, CARD)[1]);
}

#[test]
fn mistakes_are_found_with_their_paths() {
    let cases = [
        (json!({"mask": "**"}), vec!["mask"]),
        (
            json!({"mask": "", "keep_last": 13}),
            vec!["keep_last", "mask"],
        ),
        (json!({"mask": "0"}), vec!["mask"]),
        (json!({"bodies": false, "attributes": false}), vec![""]),
        (json!({"keys": ["a", 1]}), vec!["keys::1"]),
        (json!({"masks": "*", "keep": 4}), vec!["keep", "masks"]),
        (json!({"keep_last": -1}), vec!["keep_last"]),
    ];
    for (config, paths) in cases {
        let errors = mask_cards::factory().validate(&config).unwrap_err();
        let mut found: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, paths, "{config}: {errors:?}");
    }
}

#[test]
fn the_default_configuration_is_complete_and_valid() {
    let factory = mask_cards::factory();
    let config = factory.default_config().unwrap();
    assert_eq!(
        config,
        json!({
            "bodies": true, "attributes": true, "resources": false,
            "keys": [], "keep_last": 4, "mask": "*",
        })
    );
    assert_eq!(factory.validate(&config), Ok(()));
}

#[test]
fn access_follows_the_configuration() {
    let access = |config| {
        mask_cards::factory()
            .processor()
            .unwrap()
            .access(&config)
            .unwrap()
    };
    let all = access(json!({}));
    assert_eq!(all.writes, Columns::BODY | Columns::LOG_ATTRIBUTES);
    assert_eq!(all.reads, all.writes);
    assert!(all.keeps_ids && !all.filters && !all.retains);
    assert_eq!(access(json!({"attributes": false})).writes, Columns::BODY);
    assert!(!access(json!({"keys": ["pan"]})).keys.contains("note"));
}

#[test]
fn the_description_agrees_with_the_manifest() {
    let description = serde_json::to_value(mask_cards::factory().describe()).unwrap();
    assert_eq!(
        description,
        json!({
            "kind": "processor", "type": "mask_cards", "crate": "mask-cards",
            "version": env!("CARGO_PKG_VERSION"), "signals": {"logs": "alpha"},
        })
    );
    let manifest = include_str!("../Cargo.toml");
    for line in [
        "kind = \"processor\"",
        "type = \"mask_cards\"",
        "logs = \"alpha\"",
    ] {
        assert!(manifest.lines().any(|l| l == line), "{line}");
    }
}
