//! What the configuration says to the operations.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use twofold_shared::name::Realm;
use twofold_shared::wire::Language;

use crate::config::{Config, FirstEnrolment, Sessions};
use crate::policy::Policy;

/// How long an enrolment waits for its first code.
pub const ENROLMENT_SECONDS: u64 = 600;

/// How long a verification may take in all, waiting included.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The part of [`Config`] that decides something here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This host: the place of its local terminals, and a part of its doors' names.
    pub host: String,
    /// What authenticator apps call this service.
    pub issuer: String,
    /// The folder of the keyring.
    pub keys: PathBuf,
    /// Realms in which the gate may assert a first factor.
    pub gate_realms: Vec<Realm>,
    /// Who must have a second factor.
    pub policy: Policy,
    /// Who may begin a first enrolment.
    pub first_enrolment: FirstEnrolment,
    /// The same for members of groups of the ledger or the host.
    pub enrolment_groups: BTreeMap<String, FirstEnrolment>,
    /// Those of the groups that the host has.
    pub enrolment_groups_here: Vec<String>,
    /// At which PAM services one may begin while logging in.
    pub enrol_services: Vec<String>,
    /// In which language people are spoken to.
    pub language: Language,
    /// The portal's origin, for links to it.
    pub portal: Option<String>,
    /// How long sessions live.
    pub sessions: Sessions,
    /// Whether operators act at the portal.
    pub operators_at_web: bool,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            host: config.host.clone(),
            issuer: config.issuer.clone(),
            keys: config.keys.clone(),
            gate_realms: config.gate.as_ref().map(|gate| gate.realms.clone()).unwrap_or_default(),
            policy: config.policy.clone(),
            first_enrolment: config.enrolment.first,
            enrolment_groups: config.enrolment.groups.clone(),
            enrolment_groups_here: config.enrolment.groups_here.clone(),
            enrol_services: config.enrolment.services.clone(),
            language: config.language,
            portal: config.gate.as_ref().and_then(|gate| gate.portal.clone()),
            sessions: config.sessions,
            operators_at_web: config.operators_at_web,
        }
    }
}
