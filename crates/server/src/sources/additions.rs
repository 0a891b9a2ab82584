//! Which sources clients may add while the server runs. Whoever names an address makes the server connect to it, so that nothing is
//! allowed unless the operator says so.

use samovar_media::UrlScheme;
use std::path::PathBuf;

/// Which sources clients may add while the server runs. The default allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceAdditions {
    /// Kinds of addresses.
    pub schemes: Vec<UrlScheme>,
    /// Hosts that they may name: `camera.local`, `*.cameras.example`, an address such as `192.0.2.7`, or a network such as
    /// `10.1.0.0/16`. A name is looked up once and must lie outside of loopback, private and link-local networks unless the address
    /// that it has is itself within a network that is named here.
    pub hosts: Vec<String>,
    /// Folders whose files may be played, over and over.
    pub roots: Vec<PathBuf>,
}
