//! The component as a host uses it: configured with JSON, fed with batches.

use serde_json::{Value, json};
use strait_component::Settings;
use strait_component::testing::{Sample, batch, consume, samples};

fn severities(config: &Value, numbers: &[i32]) -> Vec<i32> {
    let log = |n: &i32| Sample {
        severity_number: *n,
        ..Sample::new("text")
    };
    let logs: Vec<_> = numbers.iter().map(log).collect();
    let factory = {{crate}}::factory().connector().unwrap();
    let settings = Settings::new("{{type}}", 0);
    let mut connector = factory.create(config, &settings).unwrap();
    let emitted = consume(&mut *connector, batch(&logs)).unwrap();
    let logs = emitted.iter().flat_map(samples);
    logs.map(|log| log.severity_number).collect()
}

#[test]
fn severe_logs_are_sent_on() {
    assert_eq!(severities(&Value::Null, &[9, 17, 0, 21]), [17, 21]);
    assert_eq!(severities(&json!({"min_severity": 9}), &[5, 9]), [9]);
    assert!(severities(&Value::Null, &[9]).is_empty());
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
