//! The labels, each from a closed set.

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use samovar_runtime::{Class, DropReason};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ModelLabels {
    pub(super) model: String,
}

impl ModelLabels {
    pub(super) fn new(model: &str) -> Self {
        Self { model: model.to_owned() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FailureLabels {
    model: String,
    code: &'static str,
}

impl FailureLabels {
    pub(super) fn new(model: &str, code: &'static str) -> Self {
        Self { model: model.to_owned(), code }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DropLabels {
    model: String,
    class: &'static str,
    reason: &'static str,
}

impl DropLabels {
    pub(super) fn new(model: &str, class: Class, reason: DropReason) -> Self {
        Self { model: model.to_owned(), class: class.name(), reason: reason.name() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PlanLabels {
    model: String,
    /// `true` where an earlier process measured the plan, `false` where this one did.
    stored: &'static str,
}

impl PlanLabels {
    pub(super) fn new(model: &str, stored: bool) -> Self {
        Self { model: model.to_owned(), stored: word(stored) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabels {
    pub(super) model: String,
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WarmLabels {
    /// Whether the model was warm when the stream asked for it.
    warm: &'static str,
}

impl WarmLabels {
    pub(super) const fn new(warm: bool) -> Self {
        Self { warm: word(warm) }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct HttpLabels {
    /// The route as it is written in the router, or `unmatched`.
    pub(crate) route: String,
    /// See [`method_name`].
    pub(crate) method: &'static str,
    /// The status that was answered.
    pub(crate) status: u16,
}

/// The method's name; `other` for any that clients make up.
pub(crate) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        _ => "other",
    }
}

const fn word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
