//! The PAM doors: what a login must do, and whether its code is right.

use twofold_shared::account::AccountId;
use twofold_shared::code::Code;
use twofold_shared::name::{Name, NameError, Realm};
use twofold_shared::throttle::Stage;
use twofold_shared::trail::{Action, Why};
use twofold_shared::wire::{
    Approval, Ask, Consult, ConsultReply, EmergencyDoor, FirstFactor, Language, Level, Login, Source, Verify,
    VerifyReply, Word,
};

use super::attempt::{CodeGiven, Read, Subject, Tried, word};
use super::fault::{Outcome, invalid, not_permitted};
use super::find::no_directory;
use super::permission::Actor;
use super::policy;
use super::told::{Place, entry, pam_door};
use crate::audit::{self, Coalesce, Entry};
use crate::authority::Authority;
use crate::policy::{self as rules, Decision, Passed};
use crate::store::{Commit, StoreError};

/// The longest name of a service, in bytes.
const LONGEST_SERVICE: usize = 64;

/// A login as far as its caller is believed.
pub(super) struct Believed {
    /// None: what was given cannot be a name, so it is nobody's.
    pub(super) name: Option<Name>,
    pub(super) door: String,
    pub(super) place: Place,
    /// The service, and where the person is: what rules look at.
    pub(super) service: String,
    pub(super) source: Source,
    /// Which uid the name has on this host, where that is known and counts.
    pub(super) uid: Uid,
    /// Which emergency codes open there.
    pub(super) emergency: Option<EmergencyDoor>,
}

/// What the host says of a `unix` name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Uid {
    /// Not asked: the name is another host's, or of another realm.
    Elsewhere,
    /// The host has no such name.
    None,
    /// Its uid.
    Some(u32),
}

/// Whose login it is.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    Account(AccountId),
    /// Known to the ledger with another uid.
    OtherPerson(AccountId),
    Nobody,
}

/// Whose, and what a code will be tried against: as often read for nobody as for somebody.
pub(super) struct Met {
    pub(super) whose: Whose,
    subject: Subject,
    pub(super) read: Read,
}

impl Met {
    /// As policy looks at it.
    pub(super) fn login(&self, believed: &Believed) -> policy::Login<'_> {
        match self.whose {
            Whose::Account(_) if self.read.account.is_locked(self.read.now.time) => {
                policy::Login::Locked(&self.read.account)
            }
            Whose::Account(_) => policy::Login::Account(&self.read.account),
            Whose::Nobody if believed.name.is_some() && believed.uid != Uid::None => policy::Login::Unlisted,
            Whose::Nobody | Whose::OtherPerson(_) => policy::Login::Unknown,
        }
    }
}

impl Authority {
    /// "What must this login do?"
    pub(crate) async fn consult(&self, actor: &Actor, request: Consult) -> Outcome<ConsultReply> {
        let Consult { nonce, login } = request;
        let believed = self.believe(actor, &login).await?;
        let met = self.meet(&believed).await?;
        let decision = self.decide(&believed, login.first, None).await;
        let mut ask = self.ask(actor, &believed, &met, (login.first, decision.require)).await?;
        let (account, now) = (&met.read.account, met.read.now);
        let language = self.language(&met, login.first);
        if ask == Ask::Code
            && login.first != FirstFactor::None
            && matches!(met.whose, Whose::Account(_))
            && self.has_grace(account, &believed, decision.grace, now)?
        {
            ask = Ask::Grace;
        }
        let (outcome, reason) = match ask {
            // What comes of it is told then.
            Ask::Code | Ask::Enrol => return Ok(ConsultReply { nonce, ask, language }),
            Ask::Exempt => (audit::Outcome::Approved, Why::Exempt),
            Ask::Grace => (audit::Outcome::Approved, Why::Grace),
            Ask::Optional => (audit::Outcome::Approved, Why::Optional),
            Ask::Unenrolled | Ask::Invitation => (audit::Outcome::Refused, Why::NotEnrolled),
        };
        let mut entry = entry(Action::Consult, believed.door, &believed.place, &nonce);
        entry.name = believed.name.map(|name| name.to_string());
        if let Whose::Account(id) = met.whose {
            entry.account = Some(id);
        }
        let entry = Entry { outcome, reason: Some(reason.to_string()), coalesce: Coalesce::Account, ..entry };
        match self.store.commit(Commit { audit: vec![entry], ..Commit::default() }).await {
            // A full disk is no reason to keep out whom policy lets in.
            Ok(_) | Err(StoreError::DiskFull) => Ok(ConsultReply { nonce, ask, language }),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// In which language a person is spoken to. Where nothing shows that it is them, nothing tells what they have chosen.
    fn language(&self, met: &Met, first: FirstFactor) -> Language {
        match (first, met.whose) {
            (FirstFactor::Above | FirstFactor::Publickey, Whose::Account(_)) => {
                met.read.account.language.unwrap_or(self.settings.language)
            }
            (FirstFactor::None, _) | (_, Whose::Nobody | Whose::OtherPerson(_)) => self.settings.language,
        }
    }

    /// Judges a code at a PAM door.
    pub(crate) async fn verify(&self, actor: &Actor, request: Verify) -> Outcome<VerifyReply> {
        let Verify { nonce, login, code } = request;
        let believed = self.believe(actor, &login).await?;
        // What does not have a code's shape was no guess: charged to nobody, whoever was meant.
        let Ok(code) = Code::parse(code.reveal()) else {
            let refusal = Some(word(Word::Wrong));
            return Ok(VerifyReply { nonce, approval: None, refusal, notices: Vec::new() });
        };
        let grace = match login.first {
            FirstFactor::None => None,
            FirstFactor::Above | FirstFactor::Publickey => {
                self.decide(&believed, login.first, None).await.grace
            }
        };
        let mut entry = entry(Action::Verify, believed.door.as_str(), &believed.place, &nonce);
        entry.name = believed.name.as_ref().map(Name::to_string);
        let Met { whose, subject, read } = self.meet(&believed).await?;
        match whose {
            Whose::Account(id) => entry.account = Some(id),
            // Another person with the same name: as good as nobody, but the trail says why.
            Whose::OtherPerson(id) => {
                entry.account = Some(id);
                entry.reason = Some(Why::OtherPerson.to_string());
            }
            Whose::Nobody => {}
        }
        let account = entry.account;
        let stage = match login.first {
            FirstFactor::None => Stage::BeforeFirst,
            FirstFactor::Above | FirstFactor::Publickey => Stage::AfterFirst,
        };
        let given = CodeGiven {
            subject,
            code: &code,
            origin: &believed.place.origin,
            stage,
            emergency: believed.emergency,
            entry,
        };
        let tried = self.try_code_first(&given, read, |change| {
            change.essential = true;
            if let (Some(name), Uid::Some(uid)) = (&believed.name, believed.uid)
                && let Ok(Some(seen)) = change.account.seen_with_uid(name, uid)
            {
                change.account = seen;
            }
            self.begin_grace(change, &believed, grace)
        });
        Ok(match (tried.await?, account) {
            (Tried::Passed((), notices), Some(account)) => VerifyReply {
                nonce,
                approval: Some(Approval {
                    account: account.to_string(),
                    door: believed.door,
                    level: Level::Second,
                }),
                refusal: None,
                notices: notices.iter().map(|notice| notice.to_wire()).collect(),
            },
            (Tried::Passed((), _), None) => return Err(not_permitted()),
            (Tried::Refused(refusal), _) => {
                VerifyReply { nonce, approval: None, refusal: Some(refusal), notices: Vec::new() }
            }
        })
    }

    /// What of a login is believed, by who says it.
    pub(super) async fn believe(&self, actor: &Actor, login: &Login) -> Outcome<Believed> {
        let Login { name, service, source, .. } = login;
        let plain = service.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
        if service.is_empty() || service.len() > LONGEST_SERVICE || !plain {
            return Err(invalid("service: must be a PAM service"));
        }
        let host = &self.settings.host;
        match actor {
            Actor::Root { .. } => {
                // A PAM name has no colon; with one it is how the command names an account of another realm.
                let name = if name.contains(':') {
                    Name::parse(name)
                } else {
                    Name::canonical(&Realm::unix(), name)
                };
                let uid = self.uid_of(name.as_ref().ok()).await?;
                let place = Place::reported(source, host, "");
                let (door, service) = (pam_door(service, host), service.clone());
                let (name, source) = (name.ok(), source.clone());
                Ok(Believed { name, door, place, service, source, uid, emergency: Some(EmergencyDoor::Host) })
            }
            Actor::Owner { uid } => {
                let own = self.own_name(*uid).await?;
                if own.name() != name {
                    return Err(not_permitted());
                }
                let place = Place::local(host);
                let (door, service) = (pam_door(service, host), service.clone());
                // What a person says of where they are counts for nothing.
                let source = Source::default();
                let (uid, emergency) = (Uid::Some(*uid), Some(EmergencyDoor::Host));
                Ok(Believed { name: Some(own), door, place, service, source, uid, emergency })
            }
            Actor::Door(listener) => {
                if !listener.services.contains(service) {
                    return Err(not_permitted());
                }
                let place = Place::reported(source, &listener.host, &listener.host);
                let name = Name::canonical(&listener.realm, name).ok();
                let (door, service) = (pam_door(service, &listener.host), service.clone());
                // Another host's: what is lent for this one's doors opens none of its.
                let (source, uid, emergency) = (source.clone(), Uid::Elsewhere, None);
                Ok(Believed { name, door, place, service, source, uid, emergency })
            }
            Actor::Gate | Actor::Person(_) | Actor::Operator(_) => Err(not_permitted()),
        }
    }

    /// What policy says of a login; `groups` stands for what the host says.
    pub(super) async fn decide(
        &self,
        believed: &Believed,
        first: FirstFactor,
        groups: Option<Vec<String>>,
    ) -> Decision {
        let groups = match groups {
            Some(groups) => Some(groups),
            None => self.groups_of(believed).await,
        };
        self.settings.policy.decide(&rules::Login {
            service: &believed.service,
            groups: groups.as_deref(),
            place: rules::Place::of(&believed.source),
            passed: Passed::all(first, &believed.source),
        })
    }

    /// Which groups somebody is in, of those that matter at the service. None: it cannot be told, because the name is
    /// another host's, or this host's database does not answer.
    async fn groups_of(&self, believed: &Believed) -> Option<Vec<String>> {
        let groups = self.settings.policy.groups_for(&believed.service);
        match (&believed.name, believed.uid) {
            _ if groups.is_empty() => Some(groups),
            (Some(name), Uid::Some(_)) => self.people.groups_of(name.name(), groups).await.ok(),
            _ => None,
        }
    }

    /// Asks the host for a `unix` name's uid.
    async fn uid_of(&self, name: Option<&Name>) -> Outcome<Uid> {
        match name.filter(|name| name.realm().is_unix()) {
            None => Ok(Uid::Elsewhere),
            Some(name) => {
                let uid = self.people.uid_of(name.name()).await.map_err(|_| no_directory())?;
                Ok(uid.map_or(Uid::None, Uid::Some))
            }
        }
    }

    pub(super) async fn meet(&self, believed: &Believed) -> Outcome<Met> {
        let holder = believed.name.as_ref().map(|name| self.holder_id(name)).transpose()?.flatten();
        let nobody = || believed.name.clone().map_or_else(unnameable, Ok).map(Subject::Nobody);
        let Some(id) = holder else {
            let subject = nobody()?;
            return Ok(Met { whose: Whose::Nobody, read: self.read_subject(&subject).await?, subject });
        };
        let subject = Subject::Account(id);
        let read = self.read_subject(&subject).await?;
        let names = &read.account.names;
        let first =
            names.iter().find(|ours| Some(&ours.name) == believed.name.as_ref()).and_then(|ours| ours.uid);
        let same = match (believed.uid, first) {
            (Uid::Elsewhere, _) | (_, None) => true,
            (Uid::None, Some(_)) => false,
            (Uid::Some(uid), Some(first)) => uid == first,
        };
        if same {
            return Ok(Met { whose: Whose::Account(id), subject, read });
        }
        let subject = nobody()?;
        Ok(Met { whose: Whose::OtherPerson(id), read: self.read_subject(&subject).await?, subject })
    }
}

/// Stands for whatever cannot be a name at all, so that its failures are counted somewhere. Never looked up.
pub(super) fn unnameable() -> Outcome<Name> {
    let name: Result<Name, NameError> = Name::canonical(&Realm::unix(), "?");
    name.map_err(|_| invalid("name: cannot be"))
}
