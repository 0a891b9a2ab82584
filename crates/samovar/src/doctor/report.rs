//! Looks at everything, then tells it as text or JSON.

use super::finding::{Finding, Health};
use super::{configured, doors, engines, jobs, life, live_streams, machine, service, speech};
use crate::arguments::DoctorArguments;
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::stdout;
use samovar_engines::{Locations, survey};
use std::path::Path;

/// Runs the command. Problems are findings, not errors.
///
/// # Errors
/// Where the findings cannot be printed.
pub fn run(arguments: &DoctorArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let findings = findings(config);
    let healthy = findings.iter().all(|finding| finding.health != Health::Problem);
    if arguments.json {
        stdout::print_json(&serde_json::json!({ "healthy": healthy, "findings": findings }))?;
    } else {
        stdout::print(&text(&findings))?;
    }
    Ok(if healthy { Exit::Ok } else { Exit::Failure })
}

fn findings(config: Option<&Path>) -> Vec<Finding> {
    let locations = Locations::from_environment();
    let surveyed = survey(&locations);
    let mut findings = machine::look(&locations.home);
    findings.extend(engines::look(&surveyed));
    match ConfigFile::find(config) {
        Ok(file) => {
            findings.extend(configured::look(&file, &surveyed));
            findings.extend(doors::look(&file.config));
            findings.extend(life::look(&file, &surveyed, machine::memory_bytes()));
            findings.extend(live_streams::look(&file));
            findings.extend(service::look(&file.config));
            findings.extend(jobs::look(&file.config));
            findings.extend(speech::look(&file.config));
        }
        Err(error) => {
            findings.push(Finding::problem("configuration", error.message, error.cure.unwrap_or_default()));
        }
    }
    findings
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    let width = findings.iter().map(|finding| finding.subject.chars().count()).max().unwrap_or(0);
    for Finding { subject, health, detail, cure } in findings {
        let mark = match health {
            Health::Ok => "ok     ",
            Health::Note => "note   ",
            Health::Problem => "PROBLEM",
        };
        let indent = format!("\n{:width$}", "", width = mark.len() + width + 3);
        text += &format!("{mark} {subject:width$}  {}", detail.replace('\n', &indent));
        if let Some(cure) = cure {
            text += &format!("{indent}cure: {cure}");
        }
        text.push('\n');
    }
    let problems = findings.iter().filter(|finding| finding.health == Health::Problem).count();
    text + &match problems {
        0 => "everything that is configured can work here\n".to_owned(),
        count => format!("{} to cure\n", crate::run::plural(count as u64, "problem")),
    }
}
