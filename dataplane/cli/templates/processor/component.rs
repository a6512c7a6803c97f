//! The component as a host uses it: configured with JSON, fed with batches.

use serde_json::{Value, json};
use strait_component::Settings;
use strait_component::testing::{Sample, batch, samples};

fn severities(config: &Value, numbers: &[i32]) -> Vec<i32> {
    let log = |n: &i32| Sample {
        severity_number: *n,
        ..Sample::new("text")
    };
    let mut batch = batch(&numbers.iter().map(log).collect::<Vec<_>>());
    let settings = Settings::new("{{type}}", 0);
    let factory = {{crate}}::factory().processor().unwrap();
    let mut processor = factory.create(config, &settings).unwrap();
    processor.process(&mut batch).unwrap();
    let left = samples(&batch);
    left.iter().map(|log| log.severity_number).collect()
}

#[test]
fn logs_below_the_severity_are_dropped() {
    assert_eq!(severities(&Value::Null, &[5, 9, 17, 0, 12]), [9, 17, 12]);
    assert_eq!(severities(&json!({"min_severity": 17}), &[5, 9, 17]), [17]);
    assert_eq!(severities(&json!({"min_severity": 0}), &[0, 24]), [0, 24]);
}

#[test]
fn mistakes_are_found_with_their_paths() {
    let too_high = json!({"min_severity": 25});
    let misspelt = json!({"min_sevrity": 9});
    for (config, path) in [(too_high, "min_severity"), (misspelt, "min_sevrity")] {
        let errors = {{crate}}::factory().validate(&config).unwrap_err();
        assert_eq!(errors[0].path, path, "{errors:?}");
    }
}
