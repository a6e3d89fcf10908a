//! A first device, set up while its owner logs in.
//!
//! Who must have a second factor and has none is offered one in the auth phase. There the secret is shown and the first
//! code given; the device is on only when the account phase of the same login asks for it, and a host runs that only where
//! the whole auth phase was content. So whoever gave a wrong password, under whatever control words, has enrolled nothing.
//! One enrolment waits for an account: beginning anew ends the one before, whose secret somebody else may have seen.

use twofold_shared::account::{Account, AccountId, ChangeError, Label, PendingEnrolment};
use twofold_shared::code::Code;
use twofold_shared::name::Name;
use twofold_shared::qr::Picture;
use twofold_shared::secret::SecretText;
use twofold_shared::throttle::Stage;
use twofold_shared::totp::{GENERATED_BYTES, Secret, Totp, TotpParameters};
use twofold_shared::trail::Action;
use twofold_shared::wire::{
    ActivateEnrolmentAtLogin, ActivatedEnrolmentAtLogin, Approval, Ask, BeginEnrolmentAtLogin,
    BegunEnrolmentAtLogin, ConfirmEnrolmentAtLogin, ConfirmedEnrolmentAtLogin, FirstFactor, Level, Login,
    Nonce, Refused, Requirement, Word,
};

use super::account::unchangeable;
use super::attempt::{Change, word};
use super::enrolment::{ask_an_operator, no_such_enrolment, random, shown_name};
use super::fault::{Outcome, internal, invalid, not_permitted};
use super::login::{Believed, Met, Uid, Whose};
use super::people::is_system;
use super::permission::Actor;
use super::policy;
use super::settings::ENROLMENT_SECONDS;
use super::told::entry;
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::config::FirstEnrolment;
use crate::store::record::{self, Confirmed, EnrolmentId, LoginEnrolment};
use crate::store::{Expect, Version};

/// What a device is called that was set up at a login.
const LABEL: &str = "authenticator app";

impl Authority {
    /// What a login must do, grace aside.
    pub(super) async fn ask(
        &self,
        actor: &Actor,
        believed: &Believed,
        met: &Met,
        (first, require): (FirstFactor, Requirement),
    ) -> Outcome<Ask> {
        let login = met.login(believed);
        let ask = policy::ask(login, first, require);
        let required = match login {
            policy::Login::Account(_) => ask == Ask::Unenrolled,
            policy::Login::Unlisted => {
                ask == Ask::Code && first != FirstFactor::None && matches!(believed.uid, Uid::Some(_))
            }
            policy::Login::Locked(_) | policy::Login::Unknown => false,
        };
        if !required {
            return Ok(ask);
        }
        if self.awaits_emergency_code(&met.read.account, believed.emergency)? {
            return Ok(Ask::Code);
        }
        Ok(Box::pin(self.first_enrolment_at_login(actor, believed, met)).await.unwrap_or(ask))
    }

    /// How somebody without a second factor comes by one at this login; none: not here.
    async fn first_enrolment_at_login(&self, actor: &Actor, believed: &Believed, met: &Met) -> Option<Ask> {
        let trusted = match actor {
            Actor::Root { .. } => true,
            Actor::Door(listener) => listener.enrol,
            // What it says of a first factor cannot be checked.
            Actor::Owner { .. } | Actor::Person(_) | Actor::Operator(_) | Actor::Gate => false,
        };
        let system = matches!(believed.uid, Uid::Some(uid) if is_system(uid));
        let offered = self.settings.enrol_services.contains(&believed.service);
        if !trusted || !offered || system {
            return None;
        }
        let takes = match (met.whose, &believed.name) {
            (Whose::Account(_), _) => self.first_device_takes(&met.read.account).await,
            (_, Some(name)) => self.first_device_of_name_takes(name).await,
            (_, None) => self.settings.first_enrolment,
        };
        Some(match takes {
            FirstEnrolment::Invitation => Ask::Invitation,
            FirstEnrolment::Login | FirstEnrolment::Own => Ask::Enrol,
        })
    }

    /// Begins one, in place of any that was begun at a login before.
    pub(crate) async fn begin_enrolment_at_login(
        &self,
        actor: &Actor,
        request: BeginEnrolmentAtLogin,
    ) -> Outcome<BegunEnrolmentAtLogin> {
        let BeginEnrolmentAtLogin { nonce, login, invitation } = request;
        let believed = self.believe(actor, &login).await?;
        let met = self.meet(&believed).await?;
        let require = self.decide(&believed, login.first, None).await.require;
        let may = match (self.ask(actor, &believed, &met, (login.first, require)).await?, &invitation) {
            (Ask::Enrol, _) => true,
            (Ask::Invitation, Some(code)) => {
                let told = entry(Action::InvitationRedeem, believed.door.as_str(), &believed.place, &nonce);
                self.invites(&met.read.account, code, told, met.read.now.time).await?
            }
            _ => false,
        };
        if !may {
            return Err(ask_an_operator());
        }
        let account = match met.whose {
            Whose::Account(id) => id,
            Whose::Nobody => self.account_at_login(&believed, &nonce).await?,
            Whose::OtherPerson(_) => return Err(ask_an_operator()),
        };
        let (id, device) = (EnrolmentId(random()?), twofold_shared::account::DeviceId(random()?));
        let label = Label::parse(LABEL).map_err(|why| internal(why.to_string()))?;
        let secret = Secret::generated(random::<GENERATED_BYTES>()?);
        let totp = Totp { secret, parameters: TotpParameters::default() };
        let told = told(Action::EnrolBegin, &believed, account, &nonce);
        let name = self
            .make_change(account, &told, |change| {
                if change.account.enrolled() || change.account.is_locked(change.time()) {
                    return Err(not_permitted());
                }
                let begun = super::attempt::occasion(&change.entry, change.now);
                let pending =
                    PendingEnrolment { account, device, label: label.clone(), totp: totp.clone(), begun };
                let enrolment = LoginEnrolment { id, pending, confirmed: None };
                let write = record::login_enrolment_write(&enrolment, Expect::Any);
                change.writes.push(write.map_err(|error| self.failed(&error))?);
                Ok(shown_name(&change.account))
            })
            .await?;
        let uri = totp.otpauth_uri(&self.settings.issuer, &name);
        let picture = Picture::draw(uri.reveal()).map(Picture::to_plain).unwrap_or_default();
        Ok(BegunEnrolmentAtLogin {
            nonce,
            enrolment: id.to_string(),
            secret: totp.secret.to_base32(),
            picture: SecretText::new(picture.as_str().to_owned()),
            expires_seconds: ENROLMENT_SECONDS,
        })
    }

    /// Takes the first code of the new device. Wrong ones are not counted: whoever began has seen the secret.
    pub(crate) async fn confirm_enrolment_at_login(
        &self,
        actor: &Actor,
        request: ConfirmEnrolmentAtLogin,
    ) -> Outcome<ConfirmedEnrolmentAtLogin> {
        let ConfirmEnrolmentAtLogin { nonce, login, enrolment, code } = request;
        let code = Code::parse(code.reveal()).map_err(|why| invalid(format!("code: {why}")))?;
        let waits = self.waiting_at_login(actor, &login, &enrolment).await?;
        if waits.enrolment.confirmed.is_some() {
            return Err(no_such_enrolment());
        }
        let now = self.now().await?;
        let pending = &waits.enrolment.pending;
        let step = match waits.account.confirming_step(pending, &code, now.time, now.trusted()) {
            Ok(step) => step,
            Err(ChangeError::WrongCode) => return Ok(refused_confirmation(nonce, word(Word::Wrong))),
            Err(ChangeError::Clock) => return Ok(refused_confirmation(nonce, word(Word::Clock))),
            Err(other) => return Err(unchangeable(other)),
        };
        let (set, backup_codes) = self.fresh_backup_codes(now.time).await?;
        let confirmed = LoginEnrolment {
            confirmed: Some(Confirmed { step, backup_codes: set }),
            ..waits.enrolment.clone()
        };
        let told = told(Action::EnrolConfirm, &waits.believed, waits.account.id, &nonce);
        self.make_change(waits.account.id, &told, |change| {
            let write = record::login_enrolment_write(&confirmed, Expect::Version(waits.version));
            change.writes.push(write.map_err(|error| self.failed(&error))?);
            Ok(())
        })
        .await?;
        let door = waits.believed.door;
        let approval = Approval { account: waits.account.id.to_string(), door, level: Level::Second };
        Ok(ConfirmedEnrolmentAtLogin { nonce, approval: Some(approval), refusal: None, backup_codes })
    }

    /// Switches a confirmed device on: the account phase of its login was reached.
    pub(crate) async fn activate_enrolment_at_login(
        &self,
        actor: &Actor,
        request: ActivateEnrolmentAtLogin,
    ) -> Outcome<ActivatedEnrolmentAtLogin> {
        let ActivateEnrolmentAtLogin { nonce, login, enrolment } = request;
        let waits = self.waiting_at_login(actor, &login, &enrolment).await?;
        let Some(Confirmed { step, backup_codes }) = &waits.enrolment.confirmed else {
            return Err(no_such_enrolment());
        };
        let (believed, pending) = (&waits.believed, &waits.enrolment.pending);
        let mut told = told(Action::Enrol, believed, waits.account.id, &nonce);
        told.factor = Some(pending.label.to_string());
        self.make_change(waits.account.id, &told, |change| {
            if change.account.enrolled() || change.account.is_locked(change.time()) {
                return Err(no_such_enrolment());
            }
            let occasion = super::attempt::occasion(&change.entry, change.now);
            let codes = Some(backup_codes.clone());
            let switched = change.account.with_confirmed(pending, *step, codes, &occasion);
            change.account = switched.map_err(unchangeable)?.0;
            if let (Some(name), Uid::Some(uid)) = (&believed.name, believed.uid)
                && let Ok(Some(seen)) = change.account.seen_with_uid(name, uid)
            {
                change.account = seen;
            }
            // Their own place from now on, as after any right code.
            let throttle = &change.account.throttle;
            change.account.throttle =
                throttle.succeeded(&believed.place.origin, Stage::AfterFirst, change.time());
            self.void_enrolments(change)?;
            self.end_invitation(change)?;
            let removal = record::login_enrolment_removal(&pending.account, Expect::Version(waits.version));
            change.writes.push(removal);
            change.keep_last_writes();
            Ok(())
        })
        .await?;
        Ok(ActivatedEnrolmentAtLogin { nonce })
    }

    /// Voids what was begun at a login, as a part of a change.
    pub(super) fn void_login_enrolment(&self, change: &mut Change) -> Outcome<()> {
        let id = change.account.id;
        if record::load_login_enrolment(&self.store, &id).map_err(|error| self.failed(&error))?.is_some() {
            change.writes.push(record::login_enrolment_removal(&id, Expect::Any));
        }
        Ok(())
    }

    /// An account for a person of this host whom the ledger does not know yet.
    async fn account_at_login(&self, believed: &Believed, nonce: &Nonce) -> Outcome<AccountId> {
        let name = believed.name.clone().ok_or_else(not_permitted)?;
        let (account, _) = self
            .create_told(name, Vec::new(), |account| told(Action::AccountAdd, believed, account.id, nonce))
            .await?;
        Ok(account.id)
    }

    /// An enrolment that was begun by this login: the same name, the same door.
    async fn waiting_at_login(&self, actor: &Actor, login: &Login, enrolment: &str) -> Outcome<Waits> {
        let id = EnrolmentId::parse(enrolment).ok_or_else(no_such_enrolment)?;
        let believed = self.believe(actor, login).await?;
        let met = self.meet(&believed).await?;
        let Whose::Account(account) = met.whose else { return Err(no_such_enrolment()) };
        let found =
            record::load_login_enrolment(&self.store, &account).map_err(|error| self.failed(&error))?;
        let (enrolment, version) = found
            .filter(|(found, _)| found.id == id && found.pending.begun.door == believed.door)
            .ok_or_else(no_such_enrolment)?;
        Ok(Waits { believed, account: met.read.account, enrolment, version })
    }
}

/// An enrolment and the login that it belongs to.
struct Waits {
    believed: Believed,
    account: Account,
    enrolment: LoginEnrolment,
    version: Version,
}

/// What the trail tells of a step.
fn told(action: Action, believed: &Believed, account: AccountId, nonce: &Nonce) -> Entry {
    Entry {
        outcome: audit::Outcome::Done,
        account: Some(account),
        name: believed.name.as_ref().map(Name::to_string),
        ..entry(action, believed.door.as_str(), &believed.place, nonce)
    }
}

fn refused_confirmation(nonce: Nonce, refusal: Refused) -> ConfirmedEnrolmentAtLogin {
    ConfirmedEnrolmentAtLogin { nonce, approval: None, refusal: Some(refusal), backup_codes: Vec::new() }
}
