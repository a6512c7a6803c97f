//! A CycloneDX document, as far as it is used here.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::StepError;

/// A CycloneDX 1.6 document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    bom_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    serial_number: String,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    tools: Tools,
    component: Component,
}

#[derive(Debug, Serialize)]
struct Tools {
    components: Vec<Component>,
}

/// A part, or the whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its name within the document.
    #[serde(rename = "bom-ref", skip_serializing_if = "String::is_empty")]
    pub(super) reference: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<HashOf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<License>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct HashOf {
    alg: &'static str,
    content: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct License {
    expression: String,
}

/// What a component is made with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Dependency {
    /// The component.
    #[serde(rename = "ref")]
    pub(super) reference: String,
    /// What it needs.
    #[serde(rename = "dependsOn", skip_serializing_if = "Vec::is_empty")]
    pub(super) depends_on: Vec<String>,
}

impl Component {
    fn new(kind: &'static str, name: &str, version: Option<&str>) -> Self {
        Self {
            kind,
            reference: String::new(),
            name: name.to_owned(),
            version: version.filter(|v| !v.is_empty()).map(str::to_owned),
            description: None,
            hashes: Vec::new(),
            licenses: Vec::new(),
            purl: None,
        }
    }

    /// A program.
    pub(super) fn application(name: &str, version: Option<&str>) -> Self {
        Self::new("application", name, version)
    }

    /// A library that a package registry calls `purl`.
    pub(super) fn library(name: &str, version: &str, purl: String) -> Self {
        Self {
            reference: purl.clone(),
            purl: Some(purl),
            ..Self::new("library", name, Some(version))
        }
    }

    /// A library that `strait build` wrote for this binary.
    pub(super) fn generated(name: &str, version: &str) -> Self {
        let description = Some("written by strait build for this binary");
        Self {
            reference: format!("strait:{name}"),
            description,
            ..Self::new("library", name, Some(version))
        }
    }

    /// Adds its SHA-256, in hexadecimal.
    pub(super) fn hash(&mut self, content: String) {
        self.hashes.push(HashOf {
            alg: "SHA-256",
            content,
        });
    }

    /// Adds its licence, an SPDX expression.
    pub(super) fn license(&mut self, expression: &str) {
        // Cargo once allowed `/` for OR.
        self.licenses.push(License {
            expression: expression.replace('/', " OR "),
        });
    }
}

impl Document {
    /// The document of `root`, which these tools made of these components.
    ///
    /// # Errors
    /// `SOURCE_DATE_EPOCH` is no date.
    pub(super) fn new(
        root: Component,
        tools: Vec<Component>,
        components: Vec<Component>,
        dependencies: Vec<Dependency>,
    ) -> Result<Self, StepError> {
        let metadata = Metadata {
            timestamp: timestamp()?,
            tools: Tools { components: tools },
            component: root,
        };
        let mut document = Self {
            bom_format: "CycloneDX",
            spec_version: "1.6",
            serial_number: String::new(),
            version: 1,
            metadata,
            components,
            dependencies,
        };
        document.serial_number = format!("urn:uuid:{}", uuid(&document.to_json()?));
        Ok(document)
    }

    /// The document's text.
    ///
    /// # Errors
    /// None that is known: every value has a form in JSON.
    pub(super) fn to_json(&self) -> Result<String, StepError> {
        let text =
            serde_json::to_string_pretty(self).map_err(|e| StepError::new(e.to_string(), ""))?;
        Ok(text + "\n")
    }
}

/// A UUID made from a text (version 8 of RFC 9562: by a rule of our own).
fn uuid(text: &str) -> String {
    let mut bytes: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// `SOURCE_DATE_EPOCH` as CycloneDX writes times.
fn timestamp() -> Result<Option<String>, StepError> {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    given
        .filter(|text| !text.is_empty())
        .map(|text| date(&text))
        .transpose()
}

fn date(text: &str) -> Result<String, StepError> {
    // The last second that has a year of four digits.
    const LAST: u64 = 253_402_300_799;
    let Some(seconds) = text.parse().ok().filter(|seconds| *seconds <= LAST) else {
        let message = format!("SOURCE_DATE_EPOCH is `{text}`");
        return Err(StepError::new(
            message,
            "write seconds since 1970, or unset it",
        ));
    };
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    Ok(humantime::format_rfc3339_seconds(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_date_is_a_date() {
        assert_eq!(date("951782400").unwrap(), "2000-02-29T00:00:00Z");
        assert_eq!(date("253402300799").unwrap(), "9999-12-31T23:59:59Z");
        for bad in ["253402300800", "-1", "today", "1.5"] {
            assert!(date(bad).unwrap_err().message.contains(bad));
        }
    }

    #[test]
    fn a_serial_number_is_a_uuid_of_the_content() {
        let one = uuid("a");
        assert_eq!(one, uuid("a"));
        assert_ne!(one, uuid("b"));
        assert_eq!((one.len(), &one[14..15]), (36, "8"), "{one}");
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
