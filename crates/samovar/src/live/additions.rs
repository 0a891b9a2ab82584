//! Which sources clients may add, in ready form.

use crate::config::Config;
use samovar_media::UrlScheme;
use samovar_server::SourceAdditions;

/// What clients may add; nothing, unless configured.
pub fn source_additions(config: &Config) -> SourceAdditions {
    let section = &config.source_additions;
    let schemes = section.schemes.iter().filter_map(|scheme| UrlScheme::of(&format!("{scheme}://"))).collect();
    SourceAdditions { schemes, hosts: section.hosts.clone(), roots: section.roots.clone() }
}
