//! Texts, tokens and pictures as they stand in JSON.

use crate::error::ApiError;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use samovar_media::{ImageLimits, Picture};
use samovar_service::ServiceError;
use samovar_service::text::Item;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// One item: a text, `{"text": …}`, `{"image": …}`, or a list of tokens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ItemBody {
    Text(String),
    Token(u32),
    Tokens(Vec<u32>),
    Image(ImageBytes),
}

/// One item or several: a text, a list of texts, tokens, a list of lists of tokens, pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ItemsBody {
    items: Vec<ItemBody>,
    /// Items that were counted and not kept.
    more: usize,
}

/// What is kept of a list; what is beyond is refused by the service, whose limits are lower.
const ITEMS_KEPT: usize = 4_096;

impl ItemsBody {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.items.len() + self.more
    }

    /// The items, with pictures read as far as their headers.
    ///
    /// # Errors
    /// More than any limit allows; a picture that is none, about `field`.
    pub(crate) fn items(self, field: &'static str, limits: ImageLimits) -> Result<Vec<Item>, ApiError> {
        if self.more > 0 {
            let detail = format!("there are {} items, and far fewer are taken", self.count());
            return Err(ApiError::from(ServiceError::invalid("too_many_items", detail).about(field)));
        }
        self.items.into_iter().map(|item| item.item(field, limits)).collect()
    }
}

impl ItemBody {
    fn item(self, field: &'static str, limits: ImageLimits) -> Result<Item, ApiError> {
        Ok(match self {
            Self::Text(text) => Item::Text(text),
            Self::Token(token) => Item::Tokens(vec![token]),
            Self::Tokens(tokens) => Item::Tokens(tokens),
            Self::Image(image) => Item::Picture(image.picture(field, limits)?),
        })
    }
}

/// A picture in base64, with or without `data:image/…;base64,` before it. Addresses are not fetched.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ImageBytes(Bytes);

impl ImageBytes {
    /// The picture; its header has been read.
    ///
    /// # Errors
    /// What is no picture, about `field`.
    pub(crate) fn picture(self, field: &'static str, limits: ImageLimits) -> Result<Picture, ApiError> {
        Picture::encoded(self.0, limits).map_err(|error| ApiError::from(error).about(field))
    }
}

/// Decoded while it is read, on the thread that reads long bodies.
impl<'de> Deserialize<'de> for ImageBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let encoded = match text.strip_prefix("data:") {
            Some(url) => url.split_once(";base64,").map(|(_, encoded)| encoded),
            None => Some(&*text),
        };
        let bytes = encoded.and_then(|encoded| BASE64.decode(encoded).ok());
        bytes.map(|bytes| Self(bytes.into())).ok_or_else(|| D::Error::custom("a picture in base64"))
    }
}

/// Clients differ on whether the end is padded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl<'de> Deserialize<'de> for ItemBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = ItemBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list of tokens, or an object with `text` or `image`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ItemBody, E> {
        Ok(ItemBody::Text(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, token: u64) -> Result<ItemBody, E> {
        u32::try_from(token).map(ItemBody::Token).map_err(|_| E::custom("no token has so large a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ItemBody, A::Error> {
        let mut tokens = Vec::new();
        while let Some(token) = list.next_element()? {
            tokens.push(token);
        }
        Ok(ItemBody::Tokens(tokens))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<ItemBody, A::Error> {
        let mut found = None;
        while let Some(key) = object.next_key::<String>()? {
            let item = match key.as_str() {
                "text" => ItemBody::Text(object.next_value()?),
                "image" => ItemBody::Image(object.next_value()?),
                _ => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if found.replace(item).is_some() {
                return Err(A::Error::custom("one of `text` and `image`"));
            }
        }
        found.ok_or_else(|| A::Error::custom("`text` or `image`"))
    }
}

impl<'de> Deserialize<'de> for ItemsBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = ItemsBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, tokens, or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ItemsBody, E> {
        Ok(ItemsBody::one(ItemBody::Text(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<ItemsBody, A::Error> {
        ItemVisitor.visit_map(object).map(ItemsBody::one)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ItemsBody, A::Error> {
        let mut found = ItemsBody::default();
        let Some(first) = list.next_element()? else { return Ok(found) };
        if let ItemBody::Token(first) = first {
            let mut tokens = vec![first];
            while let Some(token) = list.next_element()? {
                tokens.push(token);
            }
            return Ok(ItemsBody::one(ItemBody::Tokens(tokens)));
        }
        found.items.push(first);
        while found.items.len() < ITEMS_KEPT {
            match list.next_element()? {
                Some(ItemBody::Token(_)) => return Err(A::Error::custom("texts and tokens are mixed")),
                Some(item) => found.items.push(item),
                None => return Ok(found),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            found.more += 1;
        }
        Ok(found)
    }
}

impl ItemsBody {
    fn one(item: ItemBody) -> Self {
        Self { items: vec![item], more: 0 }
    }
}

impl From<String> for ItemsBody {
    fn from(text: String) -> Self {
        Self::one(ItemBody::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Vec<ItemBody>> {
        serde_json::from_str::<ItemsBody>(json).ok().map(|body| body.items)
    }

    #[test]
    fn every_form_of_an_input_is_read() {
        let text = |text: &str| ItemBody::Text(text.to_owned());
        assert_eq!(read("\"a\""), Some(vec![text("a")]));
        assert_eq!(read("[\"a\", {\"text\": \"b\"}]"), Some(vec![text("a"), text("b")]));
        assert_eq!(read("[1, 2]"), Some(vec![ItemBody::Tokens(vec![1, 2])]));
        assert_eq!(read("[[1], [2, 3]]"), Some(vec![ItemBody::Tokens(vec![1]), ItemBody::Tokens(vec![2, 3])]));
        assert_eq!(read("[]"), Some(vec![]));
        assert_eq!(read("{\"image\": \"\", \"detail\": [1]}"), Some(vec![ItemBody::Image(ImageBytes(Bytes::new()))]));
        for wrong in
            ["1", "null", "[null]", "[-1]", "[1.5]", "[4294967296]", "[\"a\", 1]", "[1, \"a\"]", "[[\"a\"]]", "{}"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_list_beyond_every_limit_is_counted_and_not_kept() {
        let body: ItemsBody = serde_json::from_str(&format!("[{}\"a\"]", "\"a\",".repeat(9_999))).unwrap();
        assert_eq!((body.items.len(), body.count()), (ITEMS_KEPT, 10_000));
        let error = body.items("input", ImageLimits::default()).unwrap_err();
        assert_eq!((error.code(), error.field()), ("too_many_items", Some("input")));
    }

    #[test]
    fn what_is_no_picture_is_told_and_nothing_is_fetched() {
        for text in ["https://example.org/cat.png", "data:image/png,%89", "*", "AAA=A"] {
            assert!(serde_json::from_value::<ImageBytes>(text.into()).is_err(), "{text}");
        }
        for text in ["data:image/png;base64,AAAA", "AAA", "AAA=", ""] {
            let image: ImageBytes = serde_json::from_value(text.into()).unwrap();
            let error = image.picture("image", ImageLimits::default()).map(drop).unwrap_err();
            assert_eq!(error.field(), Some("image"), "{text}");
        }
    }
}
