//! Serde for newtypes with a text form.

/// Serializes a newtype as its text form: `Display` for writing, `FromStr` for reading.
macro_rules! serde_as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "typescript")]
        crate::serde_text::typescript_name!($name, "string");
    };
}

/// Names the TypeScript type that a newtype's JSON has.
#[cfg(feature = "typescript")]
macro_rules! typescript_name {
    ($name:ty, $typescript:literal) => {
        impl ts_rs::TS for $name {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;

            fn name(_: &ts_rs::Config) -> String {
                $typescript.to_owned()
            }

            fn inline(config: &ts_rs::Config) -> String {
                Self::name(config)
            }
        }
    };
}

pub(crate) use serde_as_text;
#[cfg(feature = "typescript")]
pub(crate) use typescript_name;
