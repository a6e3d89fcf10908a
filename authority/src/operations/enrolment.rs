//! A new device: begun with a secret, on only when a code has confirmed it.
//!
//! The secret leaves once, in the answer to whoever began. It waits ten minutes for its first code, which must come
//! from the same caller: the same uid on the main socket, or the same door. The first enrolment confirmed is the
//! account's; all others that wait are void with it, for somebody else may have seen their secrets. A first enrolment
//! needs no code, so who may begin it is configured; every further one needs a code of what there is already.

use twofold_shared::account::{
    Account, ChangeError, Device, DeviceId, Label, MAX_DEVICES, Occasion, PendingEnrolment,
};
use twofold_shared::code::Code;
use twofold_shared::name::Name;
use twofold_shared::totp::{GENERATED_BYTES, Secret, Totp, TotpParameters};
use twofold_shared::trail::{Action, Door};
use twofold_shared::wire::{
    BeginEnrolment, BegunEnrolment, ConfirmEnrolment, ConfirmedEnrolment, Fault, FaultKind, Word,
};

use super::account::unchangeable;
use super::attempt::{Change, word};
use super::fault::{Outcome, fault, internal, invalid, not_permitted, refused};
use super::people::is_system;
use super::permission::Actor;
use super::settings::ENROLMENT_SECONDS;
use super::told::{COMMAND, ROOTS_COMMAND, change_entry};
use crate::audit::{Entry, Outcome as Ended};
use crate::authority::Authority;
use crate::config::FirstEnrolment;
use crate::peer::DoorListener;
use crate::store::Expect;
use crate::store::record::{self, EnrolmentId};

/// Enrolments of one account that wait at a time; the oldest gives way.
const MOST_WAITING: usize = 4;

/// Enrolments read at a time.
const PAGE: usize = 256;

/// The first code of a device that waits.
pub(super) struct FirstCode<'a> {
    /// Which device.
    pub enrolment: &'a str,
    /// The code.
    pub code: &'a Code,
    /// Who gives it: they must have begun.
    pub by: &'a Occasion,
    /// What the owner calls the device; absent: as they said when they began.
    pub label: Option<&'a Label>,
    /// How its codes are made after all.
    pub makes: Option<TotpParameters>,
    /// Whether it takes the place of all that is there.
    pub anew: bool,
}

impl Authority {
    /// Begins an enrolment.
    pub(crate) async fn begin_enrolment(
        &self,
        actor: &Actor,
        request: BeginEnrolment,
    ) -> Outcome<BegunEnrolment> {
        let BeginEnrolment { account, label, algorithm, digits, period_seconds, import, code } = request;
        let label = Label::parse(&label).map_err(|why| invalid(format!("label: {why}")))?;
        let parameters = TotpParameters::new(algorithm, digits, period_seconds)
            .map_err(|why| invalid(format!("parameters: {why}")))?;
        let secret = match import {
            Some(text) => {
                Secret::from_base32(text.reveal()).map_err(|why| invalid(format!("import: {why}")))?
            }
            None => Secret::generated(random::<GENERATED_BYTES>()?),
        };
        let totp = Totp { secret, parameters };
        let (id, device) = (EnrolmentId(random()?), DeviceId(random()?));
        let make = |change: &mut Change| {
            if change.account.devices.len() >= MAX_DEVICES {
                return Err(unchangeable(ChangeError::TooManyDevices));
            }
            let begun = Occasion { at: change.time(), ..beginner(actor) };
            let pending = PendingEnrolment {
                account: change.account.id,
                device,
                label: label.clone(),
                totp: totp.clone(),
                begun,
            };
            self.pend(change, &id, &pending, None)?;
            Ok(shown_name(&change.account))
        };
        let first = self.first_enrolment(actor, account.as_deref()).await?;
        let name = match first {
            Some(first) => {
                let entry = begin_entry(actor, &first);
                self.make_change(first.id, &entry, |change| {
                    // Somebody was quicker: from now on it takes a code.
                    if change.account.enrolled() && !matches!(actor, Actor::Root { .. }) {
                        return Err(not_permitted());
                    }
                    make(change)
                })
                .await?
            }
            None => self.change(actor, account.as_deref(), code, Action::EnrolBegin, make).await?,
        };
        let uri = totp.otpauth_uri(&self.settings.issuer, &name);
        let secret = totp.secret.to_base32();
        Ok(BegunEnrolment { enrolment: id.to_string(), secret, uri, expires_seconds: ENROLMENT_SECONDS })
    }

    /// Gives the first code of a new device.
    pub(crate) async fn confirm_enrolment(
        &self,
        actor: &Actor,
        request: ConfirmEnrolment,
    ) -> Outcome<ConfirmedEnrolment> {
        let code = Code::parse(request.code.reveal()).map_err(|why| invalid(format!("code: {why}")))?;
        let by = beginner(actor);
        let first = FirstCode {
            enrolment: &request.enrolment,
            code: &code,
            by: &by,
            label: None,
            makes: None,
            anew: false,
        };
        let entry = at_its_door(
            actor,
            Entry { actor: actor.name(), ..Entry::new(Action::Enrol, Ended::Done, COMMAND) },
        );
        self.turn_on(&first, entry, |_, _| Ok(())).await
    }

    /// Turns a device that waits on with its first code; `also` is what else comes with it, and may run again.
    pub(super) async fn turn_on(
        &self,
        first: &FirstCode<'_>,
        entry: Entry,
        also: impl Fn(&mut Change, &Device) -> Outcome<()>,
    ) -> Outcome<ConfirmedEnrolment> {
        let id = EnrolmentId::parse(first.enrolment).ok_or_else(no_such_enrolment)?;
        let (pending, _) = self.pending(first, &id)?.ok_or_else(no_such_enrolment)?;
        let account = self.account(&pending.account)?.ok_or_else(no_such_enrolment)?;
        let name = entry.name.clone().or_else(|| account.names.first().map(|name| name.name.to_string()));
        let factor = Some(pending.label.to_string());
        let entry = Entry { account: Some(account.id), name, factor, ..entry };
        // Tried once before ten backup codes are hashed for it.
        let now = self.now().await?;
        let occasion = super::attempt::occasion(&entry, now);
        let before = if first.anew { account.disabled(now.time) } else { account.clone() };
        before.confirm(&pending, first.code, None, &occasion, now.trusted()).map_err(unconfirmed)?;
        let fresh = match account.backup_codes {
            Some(_) if !first.anew => None,
            Some(_) | None => Some(self.fresh_backup_codes(now.time).await?),
        };
        let set = fresh.as_ref().map(|(set, _)| set);
        let (device, taken) = self
            .make_change(account.id, &entry, |change| {
                let (pending, version) = self.pending(first, &id)?.ok_or_else(no_such_enrolment)?;
                let occasion = super::attempt::occasion(&change.entry, change.now);
                let trusted = change.now.trusted();
                let was_enrolled = change.account.enrolled();
                let before =
                    if first.anew { change.account.disabled(change.time()) } else { change.account.clone() };
                let (after, device) = before
                    .confirm(&pending, first.code, set.cloned(), &occasion, trusted)
                    .map_err(unconfirmed)?;
                let taken = after.backup_codes != before.backup_codes;
                change.account = after;
                self.void_enrolments(change)?;
                // The one confirmed is among them; only once.
                change.writes.retain(|write| write.key != record::enrolment_removal(&id, Expect::Any).key);
                change.writes.push(record::enrolment_removal(&id, Expect::Version(version)));
                also(change, &device)?;
                if !was_enrolled {
                    // What the gate was told of its sessions holds no more: they need a code from now on.
                    self.recall_sessions(change)?;
                }
                Ok((device, taken))
            })
            .await?;
        let backup_codes = fresh.filter(|_| taken).map(|(_, codes)| codes).unwrap_or_default();
        Ok(ConfirmedEnrolment { device: device.view(), backup_codes })
    }

    /// Has a device wait for its first code, as a part of a change, in place of `replaced`.
    pub(super) fn pend(
        &self,
        change: &mut Change,
        id: &EnrolmentId,
        pending: &PendingEnrolment,
        replaced: Option<EnrolmentId>,
    ) -> Outcome<()> {
        self.make_room(change, replaced)?;
        let write = record::enrolment_write(id, pending, Expect::Absent);
        change.writes.push(write.map_err(|error| self.failed(&error))?);
        change.entry.factor = Some(pending.label.to_string());
        Ok(())
    }

    /// The account whose enrolment may begin without a code: an operator's choice of any, or a first one where the
    /// configuration lets its owner begin. None where a code decides.
    async fn first_enrolment(&self, actor: &Actor, account: Option<&str>) -> Outcome<Option<Account>> {
        match actor {
            Actor::Root { .. } => self.meant(actor, account).await.map(Some),
            Actor::Owner { uid } => {
                let own = self.own_account(*uid).await?;
                if own.as_ref().is_some_and(Account::enrolled) {
                    return Ok(None);
                }
                let now = self.now().await?.time;
                let locked = own.as_ref().is_some_and(|own| own.is_locked(now));
                let takes = match &own {
                    Some(own) => self.first_device_takes(own).await,
                    None => self.first_device_of_name_takes(&self.own_name(*uid).await?).await,
                };
                if takes != FirstEnrolment::Own || is_system(*uid) || locked {
                    return Err(ask_an_operator());
                }
                match own {
                    Some(_) => self.meant(actor, account).await.map(Some),
                    None if account.is_none() => {
                        let name = self.own_name(*uid).await?;
                        let (created, _) = self.create(actor, name, Vec::new()).await?;
                        Ok(Some(created))
                    }
                    None => Err(not_permitted()),
                }
            }
            Actor::Door(listener) => {
                let found = self.at_door(listener, account)?;
                let invited_only = self.first_device_takes(&found).await == FirstEnrolment::Invitation;
                let locked = found.is_locked(self.now().await?.time);
                let may = !invited_only && !found.enrolled() && !locked;
                if may && !self.barred_from_web(&found).await {
                    Ok(Some(found))
                } else {
                    Err(not_permitted())
                }
            }
            Actor::Gate | Actor::Person(_) | Actor::Operator(_) => Err(not_permitted()),
        }
    }

    /// The account that a door means: a name of its own realm. Nobody's and another's are answered alike.
    fn at_door(&self, listener: &DoorListener, account: Option<&str>) -> Outcome<Account> {
        let typed = account.ok_or_else(|| invalid("account: say whose"))?;
        let name = match typed.split_once(':') {
            Some((realm, name)) if realm == listener.realm.as_str() => name,
            Some(_) => return Err(not_permitted()),
            None => typed,
        };
        let name = Name::canonical(&listener.realm, name).map_err(|_| not_permitted())?;
        self.holder(&name)?.ok_or_else(not_permitted)
    }

    /// An enrolment that waits, if this caller began it, as its owner wants it.
    fn pending(
        &self,
        first: &FirstCode<'_>,
        id: &EnrolmentId,
    ) -> Outcome<Option<(PendingEnrolment, crate::store::Version)>> {
        let found = record::load_enrolment(&self.store, id).map_err(|error| self.failed(&error))?;
        Ok(found.filter(|(pending, _)| pending.is_begun_by(first.by)).map(|(mut pending, version)| {
            if let Some(label) = first.label {
                pending.label = label.clone();
            }
            let pending = match first.makes {
                Some(parameters) => pending.made_as(parameters),
                None => pending,
            };
            (pending, version)
        }))
    }

    /// Voids whatever of an account's waits, and its invitation, as a part of a change.
    pub(super) fn void_enrolments(&self, change: &mut Change) -> Outcome<()> {
        self.end_invitation(change)?;
        for (id, _) in self.waiting(&change.account)? {
            change.writes.push(record::enrolment_removal(&id, Expect::Any));
        }
        self.void_login_enrolment(change)
    }

    fn make_room(&self, change: &mut Change, replaced: Option<EnrolmentId>) -> Outcome<()> {
        let mut waiting = self.waiting(&change.account)?;
        waiting.retain(|(id, _)| Some(*id) != replaced);
        waiting.sort_by_key(|(_, pending)| pending.begun.at);
        let surplus = (waiting.len() + 1).saturating_sub(MOST_WAITING);
        for (id, _) in waiting.into_iter().take(surplus) {
            change.writes.push(record::enrolment_removal(&id, Expect::Any));
        }
        Ok(())
    }

    pub(super) fn waiting(&self, account: &Account) -> Outcome<Vec<(EnrolmentId, PendingEnrolment)>> {
        let (mut waiting, mut after) = (Vec::new(), None);
        loop {
            let found = record::load_enrolments(&self.store, after.as_ref(), PAGE);
            let found = found.map_err(|error| self.failed(&error))?;
            let Some((last, ..)) = found.last() else { return Ok(waiting) };
            after = Some(*last);
            let theirs = found.into_iter().filter(|(_, pending, _)| pending.account == account.id);
            waiting.extend(theirs.map(|(id, pending, _)| (id, pending)));
        }
    }
}

/// Who began, as it is kept with what waits: a door and a caller, never a process, for a PAM transaction has several.
fn beginner(actor: &Actor) -> Occasion {
    let (door, source) = match actor {
        Actor::Root { uid } | Actor::Owner { uid } => (COMMAND.to_string(), format!("uid {uid}")),
        Actor::Door(listener) => (door_name(listener), listener.realm.to_string()),
        Actor::Gate | Actor::Person(_) | Actor::Operator(_) => ("gate".to_owned(), "gate".to_owned()),
    };
    Occasion { at: twofold_shared::clock::UnixTime(0), door, source: Some(source) }
}

fn door_name(listener: &DoorListener) -> String {
    Door::Enrolment(&listener.host).to_string()
}

fn begin_entry(actor: &Actor, account: &Account) -> Entry {
    at_its_door(actor, change_entry(Action::EnrolBegin, actor, account))
}

fn at_its_door(actor: &Actor, entry: Entry) -> Entry {
    match actor {
        Actor::Door(listener) => Entry { door: door_name(listener), ..entry },
        Actor::Root { .. } => Entry { door: ROOTS_COMMAND.to_string(), ..entry },
        Actor::Owner { .. } | Actor::Gate | Actor::Person(_) | Actor::Operator(_) => entry,
    }
}

/// What an authenticator app calls the account.
pub(super) fn shown_name(account: &Account) -> String {
    account.names.first().map(|name| name.name.name().to_owned()).unwrap_or_default()
}

pub(super) fn random<const N: usize>() -> Outcome<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| internal("no randomness from the kernel"))?;
    Ok(bytes)
}

fn unconfirmed(error: ChangeError) -> Fault {
    match error {
        ChangeError::WrongCode => Fault { detail: error.to_string(), ..refused(word(Word::Wrong)) },
        ChangeError::Clock => Fault { detail: error.to_string(), ..refused(word(Word::Clock)) },
        other => unchangeable(other),
    }
}

pub(super) fn no_such_enrolment() -> Fault {
    fault(FaultKind::NoSuchEnrolment, "there is no such enrolment, or it has expired; begin again")
}

pub(super) fn ask_an_operator() -> Fault {
    fault(
        FaultKind::NotPermitted,
        "a first device cannot be enrolled here; ask the people in charge of this host",
    )
}
