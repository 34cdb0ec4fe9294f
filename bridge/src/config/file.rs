//! The form of the configuration file.

use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) bridge: Bridge,
    pub(super) network: Network,
    pub(super) leave: Vec<Spanned<Rule>>,
    pub(super) arrive: Vec<Spanned<Rule>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Bridge {
    pub(super) name: Option<Spanned<String>>,
    pub(super) prefix: Option<Spanned<String>>,
    pub(super) local_prefix: Option<Spanned<String>>,
    pub(super) status: Option<Spanned<String>>,
    pub(super) memory: Option<Spanned<usize>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Network {
    pub(super) mode: Option<Spanned<String>>,
    pub(super) listen: Vec<Endpoint>,
    pub(super) connect: Vec<Endpoint>,
    pub(super) lease_ms: Option<Spanned<u64>>,
    pub(super) zenoh: Option<PathBuf>,
    pub(super) tls: Option<Tls>,
    pub(super) password: Option<Password>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoint {
    pub(super) endpoint: Spanned<String>,
    #[serde(default)]
    pub(super) insecure: bool,
}

/// The certificates of encrypted links.
#[derive(Deserialize, Debug, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The certificates of those who sign others' certificates.
    pub(crate) root_ca: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// Whether both sides show a certificate.
    #[serde(default)]
    pub(crate) mutual: bool,
    /// Whether a certificate has to name the host to which the bridge connects.
    #[serde(default = "yes")]
    pub(crate) verify_name: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Password {
    pub(super) user: String,
    pub(super) password_file: Spanned<PathBuf>,
    pub(super) users_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) topic: Option<Spanned<String>>,
    pub(super) cell: Option<Spanned<String>>,
    pub(super) queue: Option<Spanned<String>>,
    pub(super) service: Option<Spanned<String>>,
    pub(super) rate: Option<Spanned<f64>>,
    pub(super) reliability: Option<Spanned<String>>,
    pub(super) from: Option<String>,
    pub(super) mode: Option<Spanned<String>>,
}
