//! A device set up at the portal, in a session of the gate's.
//!
//! A session has one enrolment that waits, whatever the number of its tabs; it may see that one's secret again, and
//! nobody else may. A first device takes a first factor that has just passed, a further one a code that was just given.
//! The first code turns it on and raises the session in one commit.

use twofold_shared::account::{Account, DeviceId, Label, MAX_DEVICES, Occasion, PendingEnrolment};
use twofold_shared::clock::UnixTime;
use twofold_shared::code::Code;
use twofold_shared::totp::{GENERATED_BYTES, Secret, Totp, TotpParameters};
use twofold_shared::trail::Action;
use twofold_shared::wire::{
    BeginSessionEnrolment, BrowserValue, CancelSessionEnrolment, CodeKind, ConfirmSessionEnrolment, Done,
    EnrolmentRefusal, Fault, FaultKind, Level, SessionDigest, SessionEnrolment, SessionEnrolmentConfirmed,
    WaitingEnrolment, Word,
};

use super::attempt::word;
use super::browser::new_browser;
use super::enrolment::{FirstCode, random, shown_name};
use super::fault::{Outcome, invalid, not_permitted};
use super::raise::gone;
use super::session::Live;
use super::told::{PORTAL, Place, entry, web_door};
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::config::FirstEnrolment;
use crate::store::Expect;
use crate::store::record::{self, EnrolmentId, Session};

/// How long a factor counts as just passed, in seconds.
const FRESH_SECONDS: u64 = 300;

/// How long a code of a device set up at the portal lasts, in seconds: what every app takes for granted.
const PERIOD_SECONDS: u64 = 30;

/// What a device is called whose owner says nothing.
const UNNAMED: &str = "Authenticator app";

impl Authority {
    /// Begins a device in a session, or gives the one again that waits there.
    pub(crate) async fn begin_session_enrolment(
        &self,
        request: BeginSessionEnrolment,
    ) -> Outcome<SessionEnrolment> {
        let BeginSessionEnrolment {
            nonce,
            session,
            site,
            source,
            algorithm,
            digits,
            again,
            anew,
            invitation,
        } = request;
        let parameters = TotpParameters::new(algorithm, digits, PERIOD_SECONDS)
            .map_err(|why| invalid(format!("parameters: {why}")))?;
        let now = self.now().await?.time;
        let live = self.live(&session, None, now)?.ok_or_else(gone)?;
        if !again && let Some((id, pending)) = self.waiting_in(&live.account, &session, now)? {
            return Ok(SessionEnrolment {
                nonce,
                waiting: Some(self.shown(&live.account, &id, &pending, now)),
                refusal: None,
            });
        }
        if let Some(refusal) = self.may_not_enrol(&live, invitation.as_ref(), anew, now).await? {
            return Ok(SessionEnrolment { nonce, waiting: None, refusal: Some(refusal) });
        }
        let was_enrolled = live.account.enrolled();
        let totp = Totp { secret: Secret::generated(random::<GENERATED_BYTES>()?), parameters };
        let (id, device) = (EnrolmentId(random()?), DeviceId(random()?));
        let label = Label::parse(UNNAMED).map_err(|why| invalid(format!("label: {why}")))?;
        let entry = entry(Action::EnrolBegin, web_door(site.as_deref()), &Place::browser(&source), &nonce);
        let entry = in_session(entry, &live.session);
        let (id, pending, account) = self
            .make_change(live.account.id, &entry, |change| {
                self.live(&session, None, change.time())?.ok_or_else(gone)?;
                // Somebody was quicker: other rules hold from then on.
                if change.account.enrolled() != was_enrolled {
                    return Err(super::fault::busy());
                }
                let waiting = self.waiting_in(&change.account, &session, change.time())?;
                if let Some((other, pending)) = &waiting {
                    if !again {
                        // Another tab of the same session was.
                        return Ok((*other, pending.clone(), change.account.clone()));
                    }
                    change.writes.push(record::enrolment_removal(other, Expect::Any));
                }
                let begun = Occasion { at: change.time(), ..beginner(&session) };
                let (label, totp) = (label.clone(), totp.clone());
                let pending = PendingEnrolment { account: change.account.id, device, label, totp, begun };
                self.pend(change, &id, &pending, waiting.map(|(other, _)| other))?;
                Ok((id, pending, change.account.clone()))
            })
            .await?;
        Ok(SessionEnrolment { nonce, waiting: Some(self.shown(&account, &id, &pending, now)), refusal: None })
    }

    /// Gives the first code of the device that waits in a session.
    pub(crate) async fn confirm_session_enrolment(
        &self,
        request: ConfirmSessionEnrolment,
    ) -> Outcome<SessionEnrolmentConfirmed> {
        let ConfirmSessionEnrolment { nonce, session, next, enrolment, site, source, code, .. } = request;
        let now = self.now().await?;
        let live = self.live(&session, None, now.time)?.ok_or_else(gone)?;
        let refused = |refusal, makes| SessionEnrolmentConfirmed {
            nonce: nonce.clone(),
            confirmed: None,
            refusal: Some(refusal),
            makes,
        };
        let Ok(code) = Code::parse(code.reveal()) else { return Ok(refused(word(Word::Wrong), None)) };
        if !live.account.enrolled()
            && !self.may_be_first(&live.account, request.invitation.as_ref(), now.time).await?
        {
            return Err(not_permitted());
        }
        let label = Some(request.label.trim()).filter(|label| !label.is_empty()).unwrap_or(UNNAMED);
        let label = Label::parse(label).map_err(|why| invalid(format!("label: {why}")))?;
        let makes =
            request.makes.map(|kind| TotpParameters::new(kind.algorithm, kind.digits, PERIOD_SECONDS));
        let makes = makes.transpose().map_err(|why| invalid(format!("makes: {why}")))?;
        let place = Place::browser(&source);
        let entry =
            in_session(entry(Action::Enrol, web_door(site.as_deref()), &place, &nonce), &live.session);
        let known = match request.anew {
            // Begun anew too, so that no trust that it had goes on.
            true => Some((new_browser()?, BrowserValue { presented: None, ..request.browser })),
            false => self.browser_of(&live, Some(request.browser), &entry).await?,
        };
        let (by, anew) = (beginner(&session), request.anew);
        let first =
            FirstCode { enrolment: &enrolment, code: &code, by: &by, label: Some(&label), makes, anew };
        let turned_on = self.turn_on(&first, entry, |change, device| {
            // Looked at again: it may have ended while the code waited for its turn.
            let live = self.live(&session, None, change.time())?.ok_or_else(gone)?;
            self.end_sessions(change, |other| anew || other.digest == session)?;
            if anew {
                self.end_trust(change)?;
                self.end_graces_of(change)?;
            }
            let raised = Session {
                digest: next,
                level: Level::Second,
                seen: change.time(),
                second_at: Some(change.time()),
                device: Some(device.id),
                trusted: None,
                source: place.words.clone().or(live.session.source),
                ..live.session
            };
            if let Some(known) = known {
                self.keep(change, known, &raised, None)?;
            }
            self.begin_session(change, &raised)?;
            change.keep_last_writes();
            Ok(())
        });
        match turned_on.await {
            Ok(confirmed) => Ok(SessionEnrolmentConfirmed {
                nonce,
                confirmed: Some(confirmed),
                refusal: None,
                makes: None,
            }),
            Err(Fault { kind: FaultKind::Refused, refusal: Some(refusal), .. }) => {
                let makes = self.waiting_in(&live.account, &session, now.time)?.and_then(|(_, pending)| {
                    let kind = pending.totp.ignored_by(&code, now.time)?;
                    Some(CodeKind { algorithm: kind.algorithm(), digits: kind.digits() })
                });
                Ok(refused(refusal, makes.filter(|_| refusal.word == Word::Wrong)))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Gives up what waits in a session. Nothing that waits is no error.
    pub(crate) async fn cancel_session_enrolment(&self, request: CancelSessionEnrolment) -> Outcome<Done> {
        let now = self.now().await?.time;
        let Some(live) = self.live(&request.session, None, now)? else { return Ok(Done {}) };
        if self.waiting_in(&live.account, &request.session, now)?.is_none() {
            return Ok(Done {});
        }
        let entry = Entry::new(Action::EnrolCancel, audit::Outcome::Done, PORTAL);
        self.make_change(live.account.id, &in_session(entry, &live.session), |change| {
            if let Some((id, _)) = self.waiting_in(&change.account, &request.session, change.time())? {
                change.writes.push(record::enrolment_removal(&id, Expect::Any));
            }
            Ok(Done {})
        })
        .await
    }

    /// Why a session may not begin a device now; none where it may.
    async fn may_not_enrol(
        &self,
        live: &Live,
        invitation: Option<&SessionDigest>,
        anew: bool,
        now: UnixTime,
    ) -> Outcome<Option<EnrolmentRefusal>> {
        let is_fresh = |at: UnixTime| now.since(at).is_some_and(|age| age <= FRESH_SECONDS);
        if live.account.enrolled() {
            let is_second =
                live.session.level == Level::Second && live.session.second_at.is_some_and(is_fresh);
            // What takes the place of all that there are always has room.
            return Ok(match (is_second, anew || live.account.devices.len() < MAX_DEVICES) {
                (_, false) => Some(EnrolmentRefusal::TooManyDevices),
                (false, true) => Some(EnrolmentRefusal::SecondFactor),
                (true, true) => None,
            });
        }
        if !self.may_be_first(&live.account, invitation, now).await? {
            return Ok(Some(EnrolmentRefusal::Invitation));
        }
        // A session begins with its first factor.
        Ok(Some(EnrolmentRefusal::FirstFactor).filter(|_| !is_fresh(live.session.created)))
    }

    /// Whether an account's first device may be set up at the web.
    async fn may_be_first(
        &self,
        account: &Account,
        invitation: Option<&SessionDigest>,
        now: UnixTime,
    ) -> Outcome<bool> {
        if self.barred_from_web(account).await {
            return Ok(false);
        }
        Ok(match self.first_device_takes(account).await {
            FirstEnrolment::Login | FirstEnrolment::Own => true,
            FirstEnrolment::Invitation => self.is_invited(account, invitation, now)?,
        })
    }

    /// What waits in a session for its first code.
    fn waiting_in(
        &self,
        account: &Account,
        session: &SessionDigest,
        now: UnixTime,
    ) -> Outcome<Option<(EnrolmentId, PendingEnrolment)>> {
        let by = beginner(session);
        let mut waiting = self.waiting(account)?;
        waiting.retain(|(_, pending)| pending.is_begun_by(&by) && !pending.expired(now));
        Ok(waiting.pop())
    }

    fn shown(
        &self,
        account: &Account,
        id: &EnrolmentId,
        pending: &PendingEnrolment,
        now: UnixTime,
    ) -> WaitingEnrolment {
        let totp = &pending.totp;
        WaitingEnrolment {
            enrolment: id.to_string(),
            secret: totp.secret.to_base32(),
            uri: totp.otpauth_uri(&self.settings.issuer, &shown_name(account)),
            algorithm: totp.parameters.algorithm(),
            digits: totp.parameters.digits(),
            first: !account.enrolled(),
            expires_seconds: pending.expires().0.saturating_sub(now.0),
        }
    }
}

/// Who began, as it is kept with what waits: this session of the portal.
fn beginner(session: &SessionDigest) -> Occasion {
    Occasion { at: UnixTime(0), door: PORTAL.to_string(), source: Some(format!("session {session}")) }
}

fn in_session(entry: Entry, session: &Session) -> Entry {
    Entry {
        outcome: audit::Outcome::Done,
        account: Some(session.account),
        name: Some(session.name.to_string()),
        ..entry
    }
}
