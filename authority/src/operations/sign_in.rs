//! First factors at the gate: a `local` password, checked here, or a site's own, asserted by the gate in its realms.
//!
//! Either begins a portal session at level first, in one commit with its event. A name that nobody has, a name without
//! a password, a locked account and a wrong password cost the same and are answered alike. Accounts of the system
//! never come in from the web.

use std::sync::Arc;

use tokio::time::Instant;
use twofold_shared::account::{Account, PasswordHash, Reason, Refusal};
use twofold_shared::name::{Name, Realm};
use twofold_shared::secret::SecretText;
use twofold_shared::trail::{Action, Why};
use twofold_shared::wire::{
    AssertFirst, FaultKind, Level, Nonce, Refused, SessionDigest, SignIn, SignInReply, SignedIn, Word,
};

use super::attempt::{Change, Read, Subject, line, refusal_entry, word};
use super::browser::source_of;
use super::fault::{Outcome, not_permitted};
use super::login::unnameable;
use super::permission::Actor;
use super::settings::DEADLINE;
use super::told::{PORTAL, Place, entry};
use super::turn::Line;
use crate::audit::{self, Entry};
use crate::authority::Authority;
use crate::store::record::Session;
use crate::store::{Now, StoreError};

/// The most characters kept of what a browser says it is.
const LONGEST_BROWSER: usize = 120;

/// A first factor given at the gate.
struct Given {
    nonce: Nonce,
    /// None: cannot be a name.
    name: Option<Name>,
    place: Place,
    browser: String,
    session: SessionDigest,
    /// The cookie by which the browser may be known.
    browser_value: Option<SessionDigest>,
    proof: Proof,
    action: Action,
}

/// How the first factor is proved.
enum Proof {
    /// By this password.
    Password(Arc<SecretText>),
    /// By the gate's word.
    Asserted,
}

/// A password's check, kept while the commit is tried again: it holds for the hash it was made with.
type Checked = Option<(Option<PasswordHash>, bool)>;

impl Authority {
    /// A name and password given at the portal.
    pub(crate) async fn sign_in(&self, request: SignIn) -> Outcome<SignInReply> {
        let SignIn { nonce, name, password, source, browser, session, browser_value } = request;
        let name = Name::canonical(&Realm::local(), &name).ok();
        let proof = Proof::Password(Arc::new(password));
        let place = Place::browser(&source);
        let action = Action::SignIn;
        self.first_factor(Given { nonce, name, place, browser, session, browser_value, proof, action }).await
    }

    /// "This site's own first factor has just passed for this name."
    pub(crate) async fn assert_first(&self, request: AssertFirst) -> Outcome<SignInReply> {
        let AssertFirst { nonce, realm, name, source, browser, session, create } = request;
        let realm = Realm::parse(&realm).map_err(|_| not_permitted())?;
        // Accounts for users of hosts are made at their hosts, or by root.
        if realm.is_local() || (create && realm.is_unix()) || !self.settings.gate_realms.contains(&realm) {
            return Err(not_permitted());
        }
        let name = Name::canonical(&realm, &name).ok();
        let place = Place::browser(&source);
        let holder = name.as_ref().map(|name| self.holder_id(name)).transpose()?.flatten();
        let newcomer = name.as_ref().filter(|_| holder.is_none() && !realm.is_unix());
        if let Some(name) = newcomer.filter(|_| create) {
            self.create_newcomer(name, &place, &nonce).await?;
        }
        let newcomer = newcomer.is_some() && !create;
        let proof = Proof::Asserted;
        // The portal's cookie is not there to see at a site.
        let (browser_value, action) = (None, Action::AssertFirst);
        let given = Given { nonce, name, place, browser, session, browser_value, proof, action };
        let reply = self.first_factor(given).await?;
        // Somebody may have got the name meanwhile.
        let newcomer = newcomer && reply.signed_in.is_none();
        Ok(SignInReply { newcomer, ..reply })
    }

    /// Makes an account for a name that has just passed its site's first factor. That somebody was quicker is no error.
    async fn create_newcomer(&self, name: &Name, place: &Place, nonce: &Nonce) -> Outcome<()> {
        let made = self.create_told(name.clone(), Vec::new(), |account| Entry {
            outcome: audit::Outcome::Done,
            account: Some(account.id),
            name: Some(name.to_string()),
            actor: Actor::Gate.name(),
            ..entry(Action::AccountAdd, PORTAL, place, nonce)
        });
        match made.await {
            Ok(_) => Ok(()),
            Err(fault) if fault.kind == FaultKind::NameTaken => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    async fn first_factor(&self, mut given: Given) -> Outcome<SignInReply> {
        let deadline = Instant::now() + DEADLINE;
        let mut entry = entry(given.action, PORTAL, &given.place, &given.nonce);
        entry.name = given.name.as_ref().map(Name::to_string);
        let holder = given.name.as_ref().map(|name| self.holder(name)).transpose()?.flatten();
        let subject = match (&holder, &given.name) {
            (Some(account), _) => Subject::Account(account.id),
            (None, Some(name)) => Subject::Nobody(name.clone()),
            (None, None) => Subject::Nobody(unnameable()?),
        };
        if let Some(account) = &holder {
            entry.account = Some(account.id);
            if self.barred_from_web(account).await {
                entry.reason = Some(Why::SystemAccount.to_string());
            }
        }
        let first = self.read_subject(&subject).await?;
        if let Some(id) = self.met_browser(first.account.id, given.browser_value.as_ref(), &entry).await? {
            given.place = given.place.with(source_of(&id));
        }
        let line = line(&first.account, &given.place.origin, first.now);
        let refused = |refusal| given.reply(None, Some(refusal));
        let Ok(_turn) = self.turns.take(first.account.id, line, deadline).await else {
            return Ok(refused(word(Word::Busy)));
        };
        let mut checked: Checked = None;
        while Instant::now() < deadline {
            let read = self.read_subject(&subject).await?;
            let now = read.now;
            let judged = self.judge(&given, &read, &entry, now, &mut checked, (line, deadline)).await?;
            let Some((after, judged)) = judged else { return Ok(refused(word(Word::Busy))) };
            let (committed, reply) = match judged {
                Ok(()) => self.let_in(&given, after, read, &entry, now).await?,
                Err(refusal) => {
                    let entry = refusal_entry(&entry, &subject, refusal.reason);
                    let committed = self.commit_refusal(&subject, &read, &after, entry).await;
                    (committed, refused(refusal.refused))
                }
            };
            match committed {
                Ok(()) => return Ok(reply),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(refused(word(Word::Busy)))
    }

    /// Whether the first factor passes, and what that does to the account. None: too many passwords at once.
    async fn judge(
        &self,
        given: &Given,
        read: &Read,
        entry: &Entry,
        now: Now,
        checked: &mut Checked,
        (line, deadline): (Line, Instant),
    ) -> Outcome<Option<(Account, Result<(), Refusal>)>> {
        let account = &read.account;
        // Nobody is let in as nobody.
        let may = !account.is_decoy() && entry.reason.is_none();
        let origin = &given.place.origin;
        match &given.proof {
            Proof::Asserted => {
                let locked = account.is_locked(now.time);
                let reason = if locked { Reason::Locked } else { Reason::UnknownName };
                let refusal = Refusal::new(Word::Wrong, reason);
                let judged = if may && !locked { Ok(()) } else { Err(refusal) };
                Ok(Some((account.clone(), judged)))
            }
            Proof::Password(password) => {
                if let Err(refusal) = account.may_try_password(origin, now.time) {
                    return Ok(Some((account.clone(), Err(refusal))));
                }
                let known = checked.as_ref().filter(|(kept, _)| *kept == account.password);
                let right = match known {
                    Some((_, right)) => *right,
                    None => {
                        let kept = account.password.clone();
                        let right = self.password_fits(kept.clone(), password, line, deadline).await;
                        let Ok(right) = right else { return Ok(None) };
                        *checked = Some((kept, right));
                        right
                    }
                };
                Ok(Some(account.password_tried(right && may, origin, now.time)))
            }
        }
    }

    /// Begins the session. The account is written too, unchanged: whoever locks it at this very moment either comes
    /// first, and this fails, or comes after, and finds the session.
    async fn let_in(
        &self,
        given: &Given,
        account: Account,
        read: Read,
        entry: &Entry,
        now: Now,
    ) -> Outcome<(Result<(), StoreError>, SignInReply)> {
        let Some(name) = given.name.clone() else { return Err(not_permitted()) };
        let session = Session {
            digest: given.session,
            account: account.id,
            name: name.clone(),
            level: Level::First,
            site: None,
            parent: None,
            created: now.time,
            seen: now.time,
            second_at: None,
            device: None,
            trusted: None,
            browser: shortened(&given.browser),
            source: given.place.words.clone(),
        };
        let signed_in = SignedIn {
            account: account.id.to_string(),
            name: name.name().to_owned(),
            enrolled: account.enrolled(),
        };
        let entry = Entry { outcome: audit::Outcome::Approved, ..entry.clone() };
        let mut change = Change::new(account, now, entry);
        change.essential = true;
        self.browser_presented(&mut change, given.browser_value.as_ref())?;
        self.begin_session(&mut change, &session)?;
        Ok((self.commit_change(change, read.expect).await, given.reply(Some(signed_in), None)))
    }
}

impl Given {
    fn reply(&self, signed_in: Option<SignedIn>, refusal: Option<Refused>) -> SignInReply {
        SignInReply { nonce: self.nonce.clone(), signed_in, refusal, newcomer: false }
    }
}

/// What a browser says it is, as far as it is worth keeping.
pub(super) fn shortened(browser: &str) -> String {
    browser.chars().filter(|character| !character.is_control()).take(LONGEST_BROWSER).collect()
}
