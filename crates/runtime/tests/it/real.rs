//! A plan on the engines of this machine: measured, kept, and gone by at the next start.

use crate::support::{Counter, spec};
use samovar_engine_api::Signature;
use samovar_engines::{Locations, present};
use samovar_runtime::{
    ContractError, DeviceOptions, Family, InputRow, ModelSource, ModelSpec, Observer, OutputRow, PlanOptions,
    PlanSource, PrecisionChoice, Registry, RegistryOptions, RowShape, RowShapes, Scratch, TaskError, TuneOptions,
    WarmUpRow,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// One picture of fixed size in, whatever out.
struct Picture {
    shape: Vec<usize>,
}

impl Family for Picture {
    fn name(&self) -> &'static str {
        "picture"
    }

    fn lanes(&self) -> Vec<RowShapes> {
        vec![RowShapes::new(vec![RowShape::Batched(self.shape.clone())])]
    }

    fn batch_max(&self) -> usize {
        4
    }

    fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
        Box::new(Stripes)
    }
}

struct Stripes;

impl WarmUpRow for Stripes {
    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        let values = row.slice::<f32>(0)?.iter_mut().enumerate();
        values.for_each(|(index, value)| *value = (index % 97) as f32 / 97.0);
        Ok(())
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        row.tensor(0).map(drop)
    }
}

/// Axes that may be of any size are 64 long: small, and a multiple of every stride.
fn bind(signature: &Signature) -> Result<Arc<dyn Family>, ContractError> {
    let shape = signature.inputs[0].dims[1..].iter().map(|dim| dim.fixed().unwrap_or(64)).collect();
    Ok(Arc::new(Picture { shape }))
}

fn start(model: &Path, plans: &Path) -> (Registry, Arc<Counter>) {
    let events = Arc::new(Counter::default());
    let options = RegistryOptions {
        device: DeviceOptions { slots: 2, ..DeviceOptions::default() },
        observer: Arc::clone(&events) as Arc<dyn Observer>,
        plans: PlanOptions { folder: Some(plans.to_owned()), ..PlanOptions::default() },
        ..RegistryOptions::new(present(&Locations::from_environment()))
    };
    let spec = ModelSpec {
        source: ModelSource::file(model),
        binder: Arc::new(bind),
        precision: PrecisionChoice::Auto,
        ..spec("m")
    };
    (Registry::start(options, vec![spec]).unwrap(), events)
}

fn detector() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/models/starter-detect.onnx")
}

#[tokio::test]
async fn the_engines_of_this_machine_are_measured_once_and_the_next_start_goes_by_it() {
    let (model, folder) = (detector(), tempfile::tempdir().unwrap());
    let (registry, _) = start(&model, folder.path());
    let budget = Duration::from_secs(3);
    let plan = registry.tune("m", TuneOptions { budget, ..TuneOptions::default() }).await.unwrap().unwrap();
    for tried in &plan.tried {
        eprintln!("{}: {:?}", tried.candidate, tried.outcome);
    }
    eprintln!("{} (in {:?})", plan.why, plan.took);
    assert!(plan.rows_per_s > 0.0 && plan.precision_error <= 0.03, "{plan:?}");
    drop(registry);

    let (registry, events) = start(&model, folder.path());
    let generation = registry.load("m").await.unwrap().unwrap();
    eprintln!("{:?}", generation.figures());
    assert_eq!(generation.plan_source(), PlanSource::Stored);
    assert_eq!((generation.engine, generation.precision), (plan.engine.as_str(), plan.precision));
    assert_eq!((events.count("plan_used stored=true"), events.count("plan_mismatch")), (1, 0));
}
