//! Values of `parameters` as gRPC has them.

use super::messages::inference::InferParameter;
use super::messages::inference::infer_parameter::ParameterChoice;
use samovar_service::tensor::{Parameter, Parameters};
use std::collections::HashMap;

/// What the message says; a value of no type says nothing.
pub(super) fn read(parameters: HashMap<String, InferParameter>) -> Parameters {
    let value = |choice| match choice {
        ParameterChoice::BoolParam(truth) => Parameter::Bool(truth),
        ParameterChoice::Int64Param(number) => Parameter::Int(number),
        ParameterChoice::StringParam(text) => Parameter::Text(text),
        ParameterChoice::DoubleParam(number) => Parameter::Double(number),
        // What does not fit stays a number as text, which everything that wants one reads as well.
        ParameterChoice::Uint64Param(number) => {
            i64::try_from(number).map_or_else(|_| Parameter::Text(number.to_string()), Parameter::Int)
        }
    };
    let said = parameters.into_iter().filter_map(|(name, parameter)| Some((name, parameter.parameter_choice?)));
    said.map(|(name, choice)| (name, value(choice))).collect()
}

/// A parameter of an answer.
pub(super) const fn told(choice: ParameterChoice) -> InferParameter {
    InferParameter { parameter_choice: Some(choice) }
}
