//! Who may begin the first device of an account, which nothing but a first factor protects yet.
//!
//! For most people passing the first factor is enough; `[enrolment]` says otherwise for groups. Who is in charge of others,
//! whose host account has power over the host, or where nobody can tell, has to be invited.

use twofold_shared::account::Account;
use twofold_shared::name::Name;
use twofold_shared::wire;

use crate::authority::Authority;
use crate::config::FirstEnrolment;

/// What a first device takes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FirstDevice {
    takes: FirstEnrolment,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// The owner is in charge of others.
    Charge,
    /// The owner is in this group.
    Group(String),
    /// It cannot be told in which groups the owner is, so that the strictest of all holds.
    Untold,
    /// None of these.
    Default,
}

impl From<FirstDevice> for wire::FirstDevice {
    fn from(first: FirstDevice) -> Self {
        let takes = match first.takes {
            FirstEnrolment::Invitation => wire::FirstTakes::Invitation,
            FirstEnrolment::Login => wire::FirstTakes::Login,
            FirstEnrolment::Own => wire::FirstTakes::Own,
        };
        let (decided_by, group) = match first.why {
            Why::Charge => (wire::FirstDecider::Charge, None),
            Why::Group(group) => (wire::FirstDecider::Group, Some(group)),
            Why::Untold => (wire::FirstDecider::Untold, None),
            Why::Default => (wire::FirstDecider::Default, None),
        };
        Self { takes, decided_by, group }
    }
}

impl Authority {
    /// What the first device of an account takes.
    pub(super) async fn first_device_takes(&self, account: &Account) -> FirstEnrolment {
        self.first_device(account, None).await.takes
    }

    /// The same, and why. `groups`: as if the owner were in these and no others.
    pub(super) async fn first_device(&self, account: &Account, groups: Option<&[String]>) -> FirstDevice {
        if account.charge.is_some() {
            return FirstDevice { takes: FirstEnrolment::Invitation, why: Why::Charge };
        }
        let found = match groups {
            Some(groups) => self.of_groups(groups),
            None => {
                let own: Vec<String> = account.groups.iter().map(ToString::to_string).collect();
                let mut found: Vec<FirstDevice> = self.of_groups(&own).into_iter().collect();
                for name in account.names.iter().map(|name| &name.name) {
                    found.extend(self.of_host_user(name).await);
                }
                strictest(found)
            }
        };
        found.unwrap_or_else(|| self.of_nobody_special())
    }

    /// What the first device takes of somebody who has this name and no account yet.
    pub(super) async fn first_device_of_name_takes(&self, name: &Name) -> FirstEnrolment {
        self.first_device_of_name(name, None).await.takes
    }

    /// The same, and why.
    pub(super) async fn first_device_of_name(&self, name: &Name, groups: Option<&[String]>) -> FirstDevice {
        let found = match groups {
            Some(groups) => self.of_groups(groups),
            None => self.of_host_user(name).await,
        };
        found.unwrap_or_else(|| self.of_nobody_special())
    }

    /// What a name takes as a host user. One that this host does not know may be in any group, on another; and so may
    /// everybody while its database is silent.
    async fn of_host_user(&self, name: &Name) -> Option<FirstDevice> {
        let (all, here) = (&self.settings.enrolment_groups, &self.settings.enrolment_groups_here);
        if !name.realm().is_unix() || all.is_empty() {
            return None;
        }
        match self.people.uid_of(name.name()).await {
            Ok(Some(_)) if here.is_empty() => None,
            Ok(Some(_)) => match self.people.groups_of(name.name(), here.clone()).await {
                Ok(found) => self.of_groups(&found),
                Err(_) => Some(self.of_somebody_untold()),
            },
            Ok(None) | Err(_) => Some(self.of_somebody_untold()),
        }
    }

    fn of_groups(&self, groups: &[String]) -> Option<FirstDevice> {
        let all = &self.settings.enrolment_groups;
        let named = groups.iter().filter_map(|group| {
            all.get(group).map(|takes| FirstDevice { takes: *takes, why: Why::Group(group.clone()) })
        });
        strictest(named)
    }

    fn of_somebody_untold(&self) -> FirstDevice {
        let said = self.settings.enrolment_groups.values().copied();
        let takes = said.fold(self.settings.first_enrolment, FirstEnrolment::min);
        FirstDevice { takes, why: Why::Untold }
    }

    const fn of_nobody_special(&self) -> FirstDevice {
        FirstDevice { takes: self.settings.first_enrolment, why: Why::Default }
    }
}

fn strictest(all: impl IntoIterator<Item = FirstDevice>) -> Option<FirstDevice> {
    all.into_iter().min_by_key(|first| first.takes)
}
