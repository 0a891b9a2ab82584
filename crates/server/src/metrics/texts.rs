//! What goes through models of texts, counted by model.

use super::labels::ModelLabels;
use super::{Counts, add};
use prometheus_client::registry::Registry;
use samovar_service::text::TextObserver;

pub(super) struct Texts {
    tokens: Counts<ModelLabels>,
    not_finite: Counts<ModelLabels>,
}

impl Texts {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            tokens: add(into, "samovar_text_tokens", "Tokens of texts, by model or pair.", Counts::default()),
            not_finite: add(
                into,
                "samovar_text_not_finite",
                "Requests that got an error because a model gave numbers that are none.",
                Counts::default(),
            ),
        }
    }

    pub(super) fn know(&self, model: &str) {
        drop(self.tokens.get_or_create(&ModelLabels::new(model)));
        drop(self.not_finite.get_or_create(&ModelLabels::new(model)));
    }
}

impl TextObserver for super::Metrics {
    fn tokens(&self, model: &str, count: usize) {
        self.texts.tokens.get_or_create(&ModelLabels::new(model)).inc_by(count as u64);
    }

    fn not_finite(&self, model: &str) {
        self.texts.not_finite.get_or_create(&ModelLabels::new(model)).inc();
    }
}
