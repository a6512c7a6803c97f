//! Names, as text and as JSON.

use std::fmt::{Debug, Display};

use serde::Serialize;
use serde::de::DeserializeOwned;
use strait_description::{Description, Flow, Kind, Signal, Stability, package};

fn check<T>(all: &[T], from_name: fn(&str) -> Option<T>)
where
    T: Copy + PartialEq + Debug + Display + Serialize + DeserializeOwned,
{
    for one in all {
        let name = one.to_string();
        assert_eq!(from_name(&name), Some(*one));
        let json = serde_json::to_string(one).unwrap();
        assert_eq!(json, format!("\"{name}\""));
        assert_eq!(serde_json::from_str::<T>(&json).unwrap(), *one);
    }
    assert_eq!(from_name(""), None);
    let error = serde_json::from_str::<T>("\"other\"").unwrap_err();
    assert!(error.to_string().contains("found `other`"), "{error}");
}

// Guarantees: every name is its own way back, and no other text is one.
#[test]
fn names_come_back() {
    check(&Kind::ALL, Kind::from_name);
    check(&Signal::ALL, Signal::from_name);
    check(&Stability::ALL, Stability::from_name);
}

// Guarantees: a kind's section is its plural, as in the Collector's configuration.
#[test]
fn sections_are_plurals() {
    for kind in Kind::ALL {
        assert_eq!(kind.section(), format!("{kind}s"));
    }
}

// Guarantees: what a connector connects is told by the names of two signals, and by nothing else.
#[test]
fn a_flow_is_a_signal_or_two() {
    for from in Signal::ALL {
        assert_eq!(Flow::from_name(from.name()), Some(Flow::Of(from)));
        for to in Signal::ALL {
            let flow = Flow::Between(from, to);
            assert_eq!(flow.to_string(), format!("{from}_to_{to}"));
            assert_eq!(Flow::from_name(&flow.to_string()), Some(flow));
        }
    }
    for wrong in [
        "",
        "log",
        "logs_to_",
        "_to_logs",
        "logs_to_logs_to_logs",
        "logs_metrics",
    ] {
        assert_eq!(Flow::from_name(wrong), None, "{wrong}");
    }
}

// Guarantees: the JSON of every kind has the names that the Go side reads.
#[test]
fn descriptions_have_their_names() {
    let of = |description: Description| serde_json::to_value(description).unwrap();
    let alpha = Stability::Alpha;
    let all = |description: Description| description.logs(alpha).traces(alpha).metrics(alpha);
    for (kind, description) in [
        (Kind::Processor, Description::processor("x", package!())),
        (Kind::Receiver, Description::receiver("x", package!())),
        (Kind::Exporter, Description::exporter("x", package!())),
    ] {
        assert_eq!(
            of(all(description)),
            serde_json::json!({
                "kind": kind, "type": "x", "crate": "strait-description",
                "version": env!("CARGO_PKG_VERSION"),
                "signals": {"logs": "alpha", "traces": "alpha", "metrics": "alpha"},
            })
        );
    }
    let connector = Description::connector("x", package!())
        .connects(Signal::Logs, Signal::Metrics, alpha)
        .connects(Signal::Traces, Signal::Traces, Stability::Beta);
    assert_eq!(
        of(connector)["signals"],
        serde_json::json!({"logs_to_metrics": "alpha", "traces_to_traces": "beta"})
    );
}
