//! Names, as text and as JSON.

use std::fmt::{Debug, Display};

use serde::Serialize;
use serde::de::DeserializeOwned;
use strait_description::{Kind, Signal, Stability};

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
