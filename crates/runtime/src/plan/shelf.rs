//! What a registry knows of plans: those that this process measured, and those of earlier processes on disk.

use super::digest::Digests;
use super::key::KeyParts;
use super::{Candidate, Plan, PlanKey, PlanSource, PlanStore, cpu};
use crate::device::Device;
use crate::{Family, ModelSpec, PlanOptions};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The plans of one registry.
pub(crate) struct Plans {
    pub(crate) options: PlanOptions,
    store: Option<PlanStore>,
    digests: Digests,
    cpu: OnceLock<String>,
    /// What this process found out. Bounded: see [`KNOWN_MAX`].
    known: Mutex<HashMap<PlanKey, Known>>,
}

/// What this process found out about a plan.
#[derive(Clone)]
enum Known {
    Measured(Arc<Plan>),
    /// It did not hold what it said: never used again by this process, even if its file could not be removed.
    Refused,
}

/// What was found under a key.
pub(crate) enum Found {
    Plan(Arc<Plan>, PlanSource),
    /// There is one, measured with other engines than are here now.
    Stale,
    Nothing,
}

/// Keys remembered; beyond it everything is forgotten and looked for on disk again.
const KNOWN_MAX: usize = 1024;

impl Plans {
    pub(crate) fn new(options: PlanOptions) -> Self {
        let store = options.folder.as_ref().map(PlanStore::open);
        Self { options, store, digests: Digests::default(), cpu: OnceLock::new(), known: Mutex::default() }
    }

    /// Whether there can be a plan for anything: where not, no weights are read for their digest.
    pub(crate) fn are_kept(&self) -> bool {
        self.store.is_some() || self.options.background || !self.known.lock().is_empty()
    }

    /// The key of a model, which lies in `files`; none where they cannot be read.
    pub(crate) fn key(
        &self,
        spec: &ModelSpec,
        family: &dyn Family,
        files: &[PathBuf],
        device: &Device,
    ) -> Option<PlanKey> {
        let weights: std::io::Result<Vec<String>> = files.iter().map(|path| self.digests.of(path)).collect();
        let weights = weights
            .inspect_err(|error| tracing::debug!(model = %spec.name, %error, "no plan: the weights cannot be read for their digest"))
            .ok()?;
        Some(PlanKey::of(&KeyParts {
            weights: &weights,
            device: &device.options.kind,
            cpu: self.cpu.get_or_init(cpu::describe),
            cores: device.cores().total(),
            spec,
            family,
        }))
    }

    /// The plan of that key, if it was measured with these engines.
    pub(crate) fn find(&self, key: &PlanKey, engines: &[(String, String)]) -> Found {
        let known = self.known.lock().get(key).cloned();
        match known {
            Some(Known::Refused) => Found::Nothing,
            Some(Known::Measured(plan)) => Found::Plan(plan, PlanSource::Measured),
            None => match self.store.as_ref().and_then(|store| store.get(key)) {
                Some(plan) if plan.engines == engines => {
                    let source = if plan.is_measured() { PlanSource::Stored } else { PlanSource::Default };
                    Found::Plan(Arc::new(plan), source)
                }
                Some(_) => Found::Stale,
                None => Found::Nothing,
            },
        }
    }

    /// The plan that this process measured under that key, or the one on disk.
    pub(crate) fn get(&self, key: &PlanKey) -> Option<Arc<Plan>> {
        let known = self.known.lock().get(key).cloned();
        match known {
            Some(Known::Measured(plan)) => Some(plan),
            Some(Known::Refused) => None,
            None => self.store.as_ref()?.get(key).map(Arc::new),
        }
    }

    /// Keeps a plan, in this process and on disk. A disk that takes none is a line in the log.
    pub(crate) fn keep(&self, plan: &Arc<Plan>) {
        self.remember(&plan.key, Known::Measured(Arc::clone(plan)));
        let kept = self.store.as_ref().map_or(Ok(()), |store| store.put(plan));
        if let Err(error) = kept {
            tracing::warn!(model = %plan.model, %error, "the plan cannot be kept on disk; this process uses it");
        }
    }

    /// Whether it is recorded how a model of so many bytes runs by default.
    pub(crate) fn record_default(&self, size_bytes: u64) -> bool {
        self.store.is_some() && size_bytes >= self.options.large_bytes
    }

    /// Records how a model runs by default. This process has no more use for it: to measure the model is still to be done.
    pub(crate) fn record(&self, plan: &Plan) {
        let kept = self.store.as_ref().map_or(Ok(()), |store| store.put(plan));
        if let Err(error) = kept {
            tracing::warn!(model = %plan.model, %error, "how the model runs cannot be recorded; the next start compares it again");
        }
    }

    /// Takes a plan out of use that did not hold what it said, and its compiled form with it.
    pub(crate) fn refuse(&self, key: &PlanKey) {
        self.remember(key, Known::Refused);
        if let Some(Err(error)) = self.store.as_ref().map(|store| store.remove(key)) {
            tracing::warn!(plan = %key, %error, "a plan that does not hold cannot be removed from disk");
        }
    }

    /// The folder for a winner's compiled form; none where nothing is kept or it cannot be made.
    pub(crate) fn compiled(&self, key: &PlanKey, candidate: &Candidate) -> Option<PathBuf> {
        let folder = self.store.as_ref()?.compiled(key, candidate);
        folder.inspect_err(|error| tracing::debug!(plan = %key, %error, "no place for a compiled form")).ok()
    }

    /// Takes the compiled forms away that are kept under a key: what they were compiled for is not used.
    pub(crate) fn drop_forms(&self, key: &PlanKey) {
        if let Some(Err(error)) = self.store.as_ref().map(|store| store.remove_forms(key, None)) {
            tracing::warn!(plan = %key, %error, "a compiled form that is of no use cannot be removed");
        }
    }

    fn remember(&self, key: &PlanKey, known: Known) {
        let mut all = self.known.lock();
        if all.len() >= KNOWN_MAX && !all.contains_key(key) {
            all.clear();
        }
        all.insert(key.clone(), known);
    }
}
