//! What goes through models by the Open Inference Protocol, counted by model.

use super::labels::ModelLabels;
use super::{Counts, add};
use prometheus_client::registry::Registry;
use samovar_service::tensor::TensorObserver;

pub(super) struct Tensors {
    nan: Counts<ModelLabels>,
}

impl Tensors {
    pub(super) fn register(into: &mut Registry) -> Self {
        let help = "Answers with outputs in which something is not a number.";
        Self { nan: add(into, "samovar_tensor_nan", help, Counts::default()) }
    }

    pub(super) fn know(&self, model: &str) {
        drop(self.nan.get_or_create(&ModelLabels::new(model)));
    }
}

impl TensorObserver for super::Metrics {
    fn nan(&self, model: &str) {
        self.tensors.nan.get_or_create(&ModelLabels::new(model)).inc();
    }
}
