//! Where scale and bias of a pair come from: a graph exported tower by tower does not hold them, for they belong to neither.

use super::tower_assets::TowerAssets;
use super::{Activation, Pairing, TowerArchitecture};
use samovar_engine_api::Signature;
use samovar_runtime::ContractError;
use serde_json::Value;

/// `logit_scale` and `logit_bias` as a checkpoint holds them, the scale as its logarithm: of the graph's metadata, of `pairing.json` beside
/// it, or of `config.json`, in this order. CLIP's default where they are nowhere; for SigLIP then none, for no two of its
/// checkpoints agree.
///
/// # Errors
/// Numbers that cannot be read, or a bias without a scale.
pub(crate) fn pairing(
    signature: &Signature,
    assets: &TowerAssets,
    architecture: TowerArchitecture,
) -> Result<Option<Pairing>, ContractError> {
    let metadata =
        |key: &str| signature.metadata.get(key).map(|text| number(key, &Value::from(text.as_str()))).transpose();
    if let Some(pairing) = trained(metadata("logit_scale")?, metadata("logit_bias")?, architecture)? {
        return Ok(Some(pairing));
    }
    for file in ["pairing.json", "config.json"] {
        let Some(settings) = assets.json(file)? else { continue };
        let value = |key: &str| settings.get(key).map(|value| number(key, value)).transpose();
        if let Some(pairing) = trained(value("logit_scale")?, value("logit_bias")?, architecture)? {
            return Ok(Some(pairing));
        }
    }
    Ok((architecture == TowerArchitecture::Clip).then_some(Pairing::CLIP))
}

/// A scale beyond these is none that was trained: CLIP is clamped at 100, SigLIP's end between 10 and 200.
const SCALES: std::ops::RangeInclusive<f32> = 0.01..=10_000.0;

fn trained(
    log_scale: Option<f32>,
    bias: Option<f32>,
    architecture: TowerArchitecture,
) -> Result<Option<Pairing>, ContractError> {
    let (activation, bias_default) = match architecture {
        TowerArchitecture::Clip => (Activation::Softmax, Some(0.0)),
        TowerArchitecture::Siglip => (Activation::Sigmoid, None),
    };
    match (log_scale, bias.or(bias_default)) {
        (None, None) => Ok(None),
        (None, Some(_)) if bias.is_none() => Ok(None),
        (Some(log_scale), Some(bias)) if SCALES.contains(&log_scale.exp()) => {
            Ok(Some(Pairing { scale: log_scale.exp(), bias, activation }))
        }
        (Some(log_scale), Some(_)) => Err(ContractError(format!(
            "`logit_scale` is {log_scale}, and e to the power of it no scale of a trained pair; write the logarithm that the \
             checkpoint holds, such as 4.6052 for a scale of 100"
        ))),
        _ => Err(ContractError("of `logit_scale` and `logit_bias` only one is given; SigLIP needs both".to_owned())),
    }
}

fn number(key: &str, value: &Value) -> Result<f32, ContractError> {
    let parsed = match value {
        Value::String(text) => text.trim().parse::<f32>().ok(),
        value => value.as_f64().map(|number| number as f32),
    };
    parsed.filter(|number| number.is_finite()).ok_or_else(|| ContractError(format!("`{key}` is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use TowerArchitecture::{Clip, Siglip};

    fn read(
        metadata: &[(&str, &str)],
        file: Option<&str>,
        architecture: TowerArchitecture,
    ) -> Result<Option<Pairing>, ContractError> {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = file {
            std::fs::write(folder.path().join("pairing.json"), text).unwrap();
        }
        let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let signature = Signature { metadata, ..Signature::default() };
        pairing(&signature, &TowerAssets::new(Some(folder.path())), architecture)
    }

    #[test]
    fn nothing_is_invented_for_siglip() {
        assert_eq!(read(&[], None, Siglip).unwrap(), None);
        assert_eq!(read(&[], None, Clip).unwrap(), Some(Pairing::CLIP));
    }

    #[test]
    fn the_graph_goes_before_the_file() {
        let file = Some(r#"{"logit_scale": 4.6052, "logit_bias": -12.5}"#);
        let of_file = read(&[], file, Siglip).unwrap().unwrap();
        assert!((of_file.scale - 100.0).abs() < 0.01 && of_file.bias == -12.5);
        assert_eq!(of_file.activation, Activation::Sigmoid);
        let of_graph = read(&[("logit_scale", "0"), ("logit_bias", "-1")], file, Siglip).unwrap().unwrap();
        assert_eq!((of_graph.scale, of_graph.bias), (1.0, -1.0));
        assert_eq!(read(&[("logit_scale", "0")], None, Clip).unwrap().unwrap().scale, 1.0);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for file in [
            r#"{"logit_scale": 117.3, "logit_bias": -12.9}"#,
            r#"{"logit_scale": 4.7}"#,
            r#"{"logit_bias": -12.9}"#,
            r#"{"logit_scale": "x", "logit_bias": -12.9}"#,
            "{",
        ] {
            assert!(read(&[], Some(file), Siglip).is_err(), "{file}");
        }
        assert!(read(&[("logit_scale", "NaN")], None, Clip).is_err());
    }
}
