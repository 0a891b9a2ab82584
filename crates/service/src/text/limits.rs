//! How much one request may bring.

use super::Item;
use crate::{ServiceError, ServiceErrorKind};

/// How much one request may bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextLimits {
    /// Texts and pictures of one request.
    pub items_max: usize,
    /// Pictures of one request.
    pub pictures_max: usize,
    /// Documents of one reranking.
    pub documents_max: usize,
    /// Labels of one picture.
    pub labels_max: usize,
    /// Bytes of one text.
    pub text_bytes_max: usize,
    /// Scores of one table of similarities.
    pub scores_max: usize,
}

impl Default for TextLimits {
    fn default() -> Self {
        Self {
            items_max: 2_048,
            pictures_max: 64,
            documents_max: 1_000,
            labels_max: 1_000,
            text_bytes_max: 1 << 20,
            scores_max: 1_000_000,
        }
    }
}

impl TextLimits {
    /// Refuses no items, too many, and any that is empty or too long.
    pub(super) fn check_items(&self, items: &[Item], field: &'static str) -> Result<(), ServiceError> {
        self.check_sizes(items, field)?;
        let is_empty = |item: &Item| match item {
            Item::Text(text) => text.is_empty(),
            Item::Tokens(tokens) => tokens.is_empty(),
            Item::Picture(_) => false,
        };
        if items.iter().any(is_empty) {
            return Err(empty(field, "one of the texts is empty"));
        }
        Ok(())
    }

    /// The same, but for empty texts, which some models know what to make of.
    pub(super) fn check_sizes(&self, items: &[Item], field: &'static str) -> Result<(), ServiceError> {
        count(items.len(), self.items_max, field, "items")?;
        let pictures = items.iter().filter(|item| matches!(item, Item::Picture(_))).count();
        if pictures > self.pictures_max {
            return Err(too_many(pictures, self.pictures_max, field, "pictures"));
        }
        items.iter().try_for_each(|item| match item {
            Item::Text(text) => self.check_size(text, field),
            Item::Tokens(_) | Item::Picture(_) => Ok(()),
        })
    }

    /// Refuses no texts, too many, and any that is empty or too long.
    pub(super) fn check_texts(
        &self,
        texts: &[String],
        count_max: usize,
        field: &'static str,
    ) -> Result<(), ServiceError> {
        count(texts.len(), count_max, field, field)?;
        texts.iter().try_for_each(|text| self.check_text(text, field))
    }

    pub(super) fn check_text(&self, text: &str, field: &'static str) -> Result<(), ServiceError> {
        if text.is_empty() {
            return Err(empty(field, "a text is empty"));
        }
        self.check_size(text, field)
    }

    fn check_size(&self, text: &str, field: &'static str) -> Result<(), ServiceError> {
        if text.len() <= self.text_bytes_max {
            return Ok(());
        }
        let message = format!("a text has {} bytes, and {} are taken at most", text.len(), self.text_bytes_max);
        Err(ServiceError::new(ServiceErrorKind::TooLarge { code: "text_too_large" }, message).about(field))
    }
}

/// Refuses none and too many.
pub(super) fn count(found: usize, most: usize, field: &'static str, what: &str) -> Result<(), ServiceError> {
    match found {
        0 => Err(empty(field, "there is nothing in it")),
        found if found > most => Err(too_many(found, most, field, what)),
        _ => Ok(()),
    }
}

/// More than one request may bring.
pub(super) fn too_many(found: usize, most: usize, field: &'static str, what: &str) -> ServiceError {
    let message = format!("there are {found} {what}, and {most} are taken at most");
    ServiceError::invalid("too_many_items", message).about(field)
}

fn empty(field: &'static str, why: &str) -> ServiceError {
    ServiceError::invalid("empty_input", format!("`{field}`: {why}")).about(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_too_much_or_too_long_is_told_with_its_field() {
        let limits = TextLimits { items_max: 2, text_bytes_max: 4, ..TextLimits::default() };
        let text = |text: &str| Item::Text(text.to_owned());
        assert!(limits.check_items(&[text("abcd"), Item::Tokens(vec![1])], "input").is_ok());
        for (items, code) in [
            (vec![], "empty_input"),
            (vec![text("")], "empty_input"),
            (vec![Item::Tokens(vec![])], "empty_input"),
            (vec![text("a"), text("b"), text("c")], "too_many_items"),
            (vec![text("abcde")], "text_too_large"),
        ] {
            let error = limits.check_items(&items, "input").unwrap_err();
            assert_eq!((error.kind().code(), error.field()), (code, Some("input")));
        }
    }
}
