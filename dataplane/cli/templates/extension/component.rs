//! The component as a host uses it: configured with JSON, asked about requests.

use std::task::{Context, Poll, Waker};

use serde_json::json;
use strait_component::extension::{ExtensionError, ExtensionSettings, Headers, Identity};

/// The answer about a request with this header.
fn ask(name: &str, value: &str) -> Result<Identity, ExtensionError> {
    let factory = {{crate}}::factory().extension().unwrap();
    let config = json!({"keys": ["let-me-in", "me-too"]});
    let settings = ExtensionSettings::new("{{type}}");
    let extension = factory.create(&config, &settings).unwrap();
    let mut answer = extension.authenticate(Headers::new().with(name, value));
    // Nothing in it waits, so the first poll has the answer.
    let mut context = Context::from_waker(Waker::noop());
    match answer.as_mut().poll(&mut context) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn only_those_with_a_key_are_let_in() {
    assert!(ask("X-Api-Key", "let-me-in").is_ok());
    assert!(ask("x-api-key", "me-too").is_ok());
    for (name, value) in [("x-api-key", "let"), ("x-api-key", ""), ("key", "me-too")] {
        assert!(ask(name, value).unwrap_err().is_unauthenticated());
    }
}

#[test]
fn mistakes_are_found_with_their_paths() {
    let misspelt = json!({"keys": ["a"], "haeder": "x"});
    for (config, path) in [(json!({}), "keys"), (misspelt, "haeder")] {
        let errors = {{crate}}::factory().validate(&config).unwrap_err();
        assert_eq!(errors[0].path, path, "{errors:?}");
    }
}
