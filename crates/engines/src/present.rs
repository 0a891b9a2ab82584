//! Which engines this machine has. An absent one is a line in a survey with its cure, never an error.

use crate::locate::{Library, Locations, ONNXRUNTIME, OPENVINO};
use crate::{OnnxRuntime, OpenVino, Rten};
use samovar_engine_api::{Engine, EngineError, EngineInfo};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One engine in a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// `rten`, `openvino`, `onnxruntime`.
    pub name: &'static str,
    /// What it is and can do here; none where it is absent.
    pub info: Option<EngineInfo>,
    /// Libraries that were found but cannot be used, and why.
    pub unusable: Vec<(PathBuf, String)>,
    /// The command that installs it; none for what is compiled in.
    pub install_command: Option<&'static str>,
}

/// The engines that can be used here, in the order in which they are tried where none is named: the fastest measured first, the
/// one that is always there last. Whether ONNX Runtime's library can be loaded is found out with the first model that it is to run.
pub fn present(locations: &Locations) -> Vec<Arc<dyn Engine>> {
    let mut engines: Vec<Arc<dyn Engine>> = Vec::new();
    engines.extend(openvino(locations).0.map(|engine| Arc::new(engine) as Arc<dyn Engine>));
    engines.extend(
        first_usable(locations, &ONNXRUNTIME, OnnxRuntime::find).0.map(|engine| Arc::new(engine) as Arc<dyn Engine>),
    );
    engines.push(Arc::new(Rten));
    engines
}

/// Every engine that Samovar knows, present or absent, in the order of [`present`].
pub fn survey(locations: &Locations) -> Vec<Surveyed> {
    let built_in = Surveyed { name: "rten", info: Some(Rten.info()), unusable: Vec::new(), install_command: None };
    let (openvino, openvino_unusable) = openvino(locations);
    let (onnxruntime, onnxruntime_unusable) = first_usable(locations, &ONNXRUNTIME, OnnxRuntime::open);
    vec![
        Surveyed {
            name: OPENVINO.engine,
            info: openvino.map(|engine| engine.info()),
            unusable: openvino_unusable,
            install_command: Some("samovar engine install openvino"),
        },
        Surveyed {
            name: ONNXRUNTIME.engine,
            info: onnxruntime.map(|engine| engine.info()),
            unusable: onnxruntime_unusable,
            install_command: Some("samovar engine install onnxruntime"),
        },
        built_in,
    ]
}

type Opened<E> = (Option<E>, Vec<(PathBuf, String)>);

fn openvino(locations: &Locations) -> Opened<OpenVino> {
    first_usable(locations, &OPENVINO, OpenVino::open)
}

fn first_usable<E>(
    locations: &Locations,
    library: &Library,
    open: impl Fn(&Path) -> Result<E, EngineError>,
) -> Opened<E> {
    let mut unusable = Vec::new();
    for path in locations.candidates(library) {
        match open(&path) {
            Ok(engine) => return (Some(engine), unusable),
            Err(error) => {
                tracing::warn!(engine = library.engine, library = %path.display(), %error, "a library cannot be used");
                unusable.push((path, error.to_string()));
            }
        }
    }
    (None, unusable)
}
