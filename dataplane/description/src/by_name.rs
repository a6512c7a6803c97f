//! Reading and writing what has a name.

/// Gives a type with `ALL` and `name` the ways back: `from_name`, `Display`, and serde's.
macro_rules! by_name {
    ($type:ident) => {
        impl $type {
            /// The one with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.name() == name)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                type Name<'de> = std::borrow::Cow<'de, str>;
                let name = <Name<'de> as serde::Deserialize<'de>>::deserialize(from)?;
                Self::from_name(&name).ok_or_else(|| {
                    let known = Self::ALL.map(Self::name).join(", ");
                    serde::de::Error::custom(format!("found `{name}`, expected one of {known}"))
                })
            }
        }
    };
}

pub(crate) use by_name;
