//! A Strait processor that masks payment card numbers in log bodies and attributes.
//!
//! It is an example of a component: this file says what it is and what it does with
//! a batch, `mask.rs` holds the work on one text. See the README for its
//! configuration.

mod mask;

use serde::{Deserialize, Serialize};
use strait_component::prelude::*;

pub use mask::CardMask;

/// Masks payment card numbers in logs: digits become `*`, the last ones stay.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Mask in log bodies.
    pub bodies: bool,
    /// Mask in the values of attributes.
    pub attributes: bool,
    /// Mask in the attributes of resources and scopes too.
    pub resources: bool,
    /// Only in attributes with these keys; empty: in all.
    pub keys: Vec<String>,
    /// Digits at the end that stay readable, 0 to 12.
    pub keep_last: usize,
    /// The character that stands for a digit.
    pub mask: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bodies: true,
            attributes: true,
            resources: false,
            keys: Vec::new(),
            keep_last: 4,
            mask: "*".into(),
        }
    }
}

impl Config {
    /// The character that stands in for a digit.
    fn mask_char(&self) -> Result<char, ConfigError> {
        let mut characters = self.mask.chars();
        match (characters.next(), characters.next()) {
            (Some(c), None) if !c.is_ascii_digit() && !c.is_control() => Ok(c),
            _ => Err(ConfigError::new(
                "mask",
                format!(
                    "expected one character that is not a digit, found {:?}",
                    self.mask
                ),
            )),
        }
    }

    /// The attribute tables to mask in.
    fn tables(&self) -> &'static [AttributeTable] {
        use AttributeTable::{Log, Resource, Scope};
        match (self.attributes, self.resources) {
            (false, _) => &[],
            (true, false) => &[Log],
            (true, true) => &[Log, Resource, Scope],
        }
    }

    fn keys(&self) -> Keys {
        if self.keys.is_empty() {
            Keys::All
        } else {
            Keys::named(&self.keys)
        }
    }
}

struct MaskCards {
    config: Config,
    keys: Keys,
    mask: CardMask,
}

impl Processor for MaskCards {
    fn process(&mut self, batch: &mut Batch) -> Result<(), Error> {
        if self.config.bodies {
            batch.edit_bodies(|text| self.mask.apply(text))?;
        }
        for table in self.config.tables() {
            batch.edit_attributes(*table, &self.keys, |text| self.mask.apply(text))?;
        }
        Ok(())
    }
}

struct MaskCardsFactory;

impl ProcessorFactory for MaskCardsFactory {
    type Config = Config;

    fn describe(&self) -> Description {
        Description::processor("mask_cards", package!()).logs(Stability::Alpha)
    }

    fn validate(&self, config: &Config) -> Result<(), Vec<ConfigError>> {
        let mut errors: Vec<ConfigError> = config.mask_char().err().into_iter().collect();
        if config.keep_last >= CardMask::DIGITS_MIN {
            errors.push(ConfigError::new(
                "keep_last",
                format!(
                    "expected 0 to {}, found {}",
                    CardMask::DIGITS_MIN - 1,
                    config.keep_last
                ),
            ));
        }
        if !config.bodies && !config.attributes {
            errors.push(ConfigError::new(
                "",
                "bodies and attributes are both off: nothing to do",
            ));
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn access(&self, config: &Config) -> Access {
        let mut access = Access::new().keys(config.keys());
        if config.bodies {
            access = access.write(Columns::BODY);
        }
        for table in config.tables() {
            access = access.write(Columns::attributes(*table));
        }
        access
    }

    fn create(&self, config: Config, _: &Settings) -> Result<Box<dyn Processor>, CreateError> {
        let mask = config.mask_char().map_err(|error| vec![error])?;
        let mask = CardMask::new(mask, config.keep_last);
        Ok(Box::new(MaskCards {
            keys: config.keys(),
            mask,
            config,
        }))
    }
}

/// The component, for `strait_host::export!`.
pub fn factory() -> &'static dyn DynFactory {
    &MaskCardsFactory
}
