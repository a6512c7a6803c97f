//! The component as the host sees it: its description, and its configuration.

use serde_json::json;
use strait_component::extension::ExtensionSettings;

// Guarantees: every finding comes at once, with its path.
#[test]
fn a_wrong_configuration_is_refused_by_path() {
    let config = json!({"header": "", "check_interval": "0s"});
    let findings = token_provider::factory().validate(&config).unwrap_err();
    let paths: Vec<_> = findings.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, ["file", "header", "check_interval"]);
}

// Guarantees: creating opens nothing; the file need not exist.
#[test]
fn creating_has_no_effect() {
    let factory = token_provider::factory().extension().unwrap();
    let settings = ExtensionSettings::new("token_provider/a");
    let made = factory
        .create(&json!({"file": "/nowhere"}), &settings)
        .unwrap();
    let capabilities = made.capabilities();
    assert!(capabilities.client_auth && capabilities.server_auth && capabilities.needs_tls);
}
