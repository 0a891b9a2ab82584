//! stub
pub fn detect(
    _: &crate::arguments::BenchDetectArguments,
    _: Option<&std::path::Path>,
) -> Result<crate::failure::Exit, crate::failure::CliError> {
    Ok(crate::failure::Exit::Ok)
}
pub fn open(_: &crate::arguments::BenchOpenArguments) -> Result<crate::failure::Exit, crate::failure::CliError> {
    Ok(crate::failure::Exit::Ok)
}
