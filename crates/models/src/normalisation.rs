//! The mean and the deviation that a model's pixels are normalised by, as its exporter wrote them.

use samovar_engine_api::Signature;
use samovar_media::RowFormat;
use samovar_runtime::ContractError;

/// Of ImageNet, RGB, for values 0–1: what nearly every network for photographs was trained with.
const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/// RGB, `(value / 255 − mean) / std` by the metadata `mean` and `std` (three numbers each), ImageNet's where there are none.
/// Where one of the numbers is above 1, they are taken as grey levels 0–255.
///
/// # Errors
/// Only one of the two, or one that cannot be read.
pub(crate) fn normalisation(signature: &Signature) -> Result<RowFormat, ContractError> {
    let text = |key: &str| signature.metadata.get(key).map(String::as_str);
    let (mean, std) = match (text("mean"), text("std")) {
        (None, None) => IMAGENET,
        (mean, std) => (three("mean", mean)?, three("std", std)?),
    };
    if std.iter().any(|std| *std <= 0.0) {
        return Err(ContractError("the metadata `std` of the model must be above zero".to_owned()));
    }
    let levels = if mean.iter().chain(&std).any(|value| value.abs() > 1.0) { 255.0 } else { 1.0 };
    Ok(RowFormat::standardised(mean.map(|value| value / levels), std.map(|value| value / levels)))
}

fn three(key: &str, text: Option<&str>) -> Result<[f32; 3], ContractError> {
    let numbers = || {
        let inner = text?.trim().strip_prefix(['[', '('])?.strip_suffix([']', ')'])?;
        let numbers =
            inner.split(',').map(|number| number.trim().parse::<f32>().ok().filter(|value| value.is_finite()));
        numbers.collect::<Option<Vec<f32>>>()?.try_into().ok()
    };
    numbers().ok_or_else(|| {
        ContractError(format!(
            "the metadata `{key}` of the model is not a list of three numbers; write `mean` and `std` as [r, g, b], or neither"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<RowFormat, ContractError> {
        let metadata = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        normalisation(&Signature { metadata, ..Signature::default() })
    }

    #[test]
    fn what_is_written_goes_before_imagenet() {
        assert_eq!(read(&[]).unwrap(), RowFormat::standardised(IMAGENET.0, IMAGENET.1));
        let half = read(&[("mean", "[0.5, 0.5, 0.5]"), ("std", "(0.25, 0.5, 1)")]).unwrap();
        assert_eq!(half, RowFormat::standardised([0.5; 3], [0.25, 0.5, 1.0]));
    }

    #[test]
    fn grey_levels_are_told_by_their_size() {
        let levels = read(&[("mean", "[127.5, 127.5, 127.5]"), ("std", "[255, 255, 255]")]).unwrap();
        assert_eq!(levels, RowFormat::standardised([0.5; 3], [1.0; 3]));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let good = "[0.5, 0.5, 0.5]";
        for (mean, std) in [(good, "[0, 1, 1]"), ("[0.5, 0.5]", good), ("0.5", good), (good, "[NaN, 1, 1]")] {
            assert!(read(&[("mean", mean), ("std", std)]).is_err(), "{mean} {std}");
        }
        assert!(read(&[("mean", good)]).unwrap_err().0.contains("`std`"));
    }
}
