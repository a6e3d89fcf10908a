//! Who may begin the first device of an account, which nothing but a first factor protects yet.
//!
//! For most people passing the first factor is enough. Who is in charge of others, whose host account has power over the
//! host, or where nobody can tell, has to be invited.

use twofold_shared::account::Account;
use twofold_shared::name::Name;

use crate::authority::Authority;
use crate::config::FirstEnrolment;

impl Authority {
    /// What the first device of an account takes.
    pub(super) async fn first_device_takes(&self, account: &Account) -> FirstEnrolment {
        let own = account.groups.iter().any(|group| self.settings.privileged.contains(&group.to_string()));
        if own || account.charge.is_some() {
            return FirstEnrolment::Invitation;
        }
        for name in account.names.iter().map(|name| &name.name) {
            if self.is_privileged(name).await {
                return FirstEnrolment::Invitation;
            }
        }
        self.settings.first_enrolment
    }

    /// Whether a name is a host user of one of the privileged groups. One that this host does not know may be, on
    /// another; and so may everybody while its database is silent.
    pub(super) async fn is_privileged(&self, name: &Name) -> bool {
        let groups = &self.settings.privileged_here;
        if !name.realm().is_unix() || self.settings.privileged.is_empty() {
            return false;
        }
        match self.people.uid_of(name.name()).await {
            Ok(Some(_)) if groups.is_empty() => false,
            Ok(Some(_)) => !matches!(
                self.people.groups_of(name.name(), groups.clone()).await,
                Ok(found) if found.is_empty()
            ),
            Ok(None) | Err(_) => true,
        }
    }
}
