//! Arbitrary bytes in JSON, which has room for Unicode text only.
//!
//! What people read to recognise a job (its arguments and command) is always given as text, with U+FFFD for each bad
//! byte; where there was any, base64 has the exact bytes beside it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::ArgList;

/// The base64 of `bytes` if they are no UTF-8.
pub fn exact(bytes: &[u8]) -> Option<String> {
    str::from_utf8(bytes)
        .is_err()
        .then(|| STANDARD.encode(bytes))
}

/// The base64 of each of `list` if any is no UTF-8.
pub fn exact_list(list: &ArgList) -> Option<Vec<String>> {
    let exact = list.iter().all(|arg| str::from_utf8(arg).is_ok());
    (!exact).then(|| list.iter().map(|arg| STANDARD.encode(arg)).collect())
}

/// The bytes of which `text` is the readable form and `base64` the exact one, where there is one; `None`: it is no
/// base64.
pub fn bytes(text: &str, base64: Option<&String>) -> Option<Vec<u8>> {
    match base64 {
        None => Some(text.into()),
        Some(base64) => STANDARD.decode(base64).ok(),
    }
}

/// The list of bytes of which `texts` is the readable form and `base64` the exact one, as for [`bytes`].
pub fn bytes_list(texts: &Texts<'_>, base64: Option<&Vec<String>>) -> Option<ArgList> {
    match base64 {
        None => Some(texts.iter().map(|text| text.as_bytes().to_vec()).collect()),
        Some(list) => list.iter().map(|arg| STANDARD.decode(arg).ok()).collect(),
    }
}

/// Text of a line. Read again, it is a part of that line wherever nothing is escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'a> Text<'a> {
    /// `bytes` as text, with U+FFFD where they are none.
    pub fn lossy(bytes: &'a [u8]) -> Self {
        Self(String::from_utf8_lossy(bytes))
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ReadText)
    }
}

/// Reads a [`Text`].
struct ReadText;

impl<'de> Visitor<'de> for ReadText {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(text.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(text.to_owned().into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Text<'de>, E> {
        Ok(text.into())
    }
}

impl JsonSchema for Text<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        str::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        str::json_schema(generator)
    }
}

/// A list of texts.
#[derive(Clone, Debug)]
pub enum Texts<'a> {
    /// Arguments that are to be written, as text.
    Of(&'a ArgList),
    /// What was read.
    Read(Vec<Text<'a>>),
}

impl Texts<'_> {
    /// The texts, in order.
    pub fn iter(&self) -> impl Iterator<Item = Text<'_>> {
        let (arguments, read) = match self {
            Self::Of(list) => (Some(list.iter().map(Text::lossy)), None),
            Self::Read(list) => (None, Some(list.iter().cloned())),
        };
        arguments
            .into_iter()
            .flatten()
            .chain(read.into_iter().flatten())
    }
}

impl PartialEq for Texts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Of(list) => serializer.collect_seq(list.iter().map(Text::lossy)),
            Self::Read(list) => serializer.collect_seq(list),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::Read)
    }
}

impl JsonSchema for Texts<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<String>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<String>::json_schema(generator)
    }
}
