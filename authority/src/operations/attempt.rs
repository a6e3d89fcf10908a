//! One code at one account: the only way in which a code is ever judged, whatever it opens or changes.
//!
//! Turn → throttle → rule → one commit that consumes the code or counts the failure, together with the audit event and
//! with whatever the code was given for → answer. A name that nobody has goes the same way, against nobody's account,
//! at the same cost: commits, Argon2 runs, bytes.

use tokio::time::Instant;
use twofold_shared::account::{
    Account, AccountId, Attempt, Factor, Notice, Occasion, Reason, Refusal, Verdict,
};
use twofold_shared::backup_code::{self, BackupDigest};
use twofold_shared::clock::UnixTime;
use twofold_shared::code::Code;
use twofold_shared::name::Name;
use twofold_shared::secret::SecretText;
use twofold_shared::throttle::{Guesses, Origin, Stage};
use twofold_shared::wire::{EmergencyDoor, Refused, SessionDigest, Word};

use super::fault::{Outcome, busy, internal};
use super::settings::DEADLINE;
use super::turn::Line;
use crate::audit::{self, Coalesce, Entry};
use crate::authority::Authority;
use crate::store::record;
use crate::store::{Commit, Expect, Now, StoreError, Write};

/// Whose factor is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An account's.
    Account(AccountId),
    /// Nobody's: names without an account share a bounded number of decoys, where their failures are counted.
    Nobody(Name),
}

/// A code, for whom it is given, and what the audit trail will say.
#[derive(Debug)]
pub struct CodeGiven<'a> {
    /// Whose.
    pub subject: Subject,
    /// What was typed.
    pub code: &'a Code,
    /// From where.
    pub origin: &'a Origin,
    /// Whether a first factor has passed.
    pub stage: Stage,
    /// Which emergency codes open here; none where only what is the account's own does.
    pub emergency: Option<EmergencyDoor>,
    /// The event as far as it is known; outcome, factor and reason are filled in.
    pub entry: Entry,
}

/// What came of it. Either is on disk.
#[derive(Debug)]
pub enum Tried<T> {
    /// The code was right, is spent, and what it was given for is done.
    Passed(T, Vec<Notice>),
    /// It was not, and is counted.
    Refused(Refused),
}

/// What a right code, or an operator, is about to do: one commit.
pub struct Change {
    /// The account as it will be.
    pub account: Account,
    /// When.
    pub now: Now,
    /// Other records.
    pub writes: Vec<Write>,
    /// Sessions that end with it, their records among `writes`; and API keys of which the gate must think anew.
    pub ended: Vec<SessionDigest>,
    /// Whether it goes on when the disk is full.
    pub essential: bool,
    /// Whether the account itself goes.
    pub removes_account: bool,
    /// The code's factor; none where an operator acts.
    pub factor: Option<Factor>,
    /// What the audit trail tells.
    pub entry: Entry,
    /// What else it tells.
    pub also: Vec<Entry>,
}

impl Change {
    /// The moment of the change.
    pub fn time(&self) -> UnixTime {
        self.now.time
    }
}

/// A subject as it was read.
pub(super) struct Read {
    pub account: Account,
    pub expect: Expect,
    /// Taken before the account was: a look at the clock can change how accounts are read.
    pub now: Now,
}

impl Authority {
    /// Judges a code. `passed` says what else a right one does; it may run again when another commit came first, and
    /// an error from it leaves the code unspent.
    pub(super) async fn try_code<T>(
        &self,
        given: &CodeGiven<'_>,
        passed: impl Fn(&mut Change) -> Outcome<T>,
    ) -> Outcome<Tried<T>> {
        let first = self.read_subject(&given.subject).await?;
        self.try_code_first(given, first, passed).await
    }

    /// The same for who has read the subject already. One that has to wait for its turn is read again.
    pub(super) async fn try_code_first<T>(
        &self,
        given: &CodeGiven<'_>,
        first: Read,
        passed: impl Fn(&mut Change) -> Outcome<T>,
    ) -> Outcome<Tried<T>> {
        if given.code.is_emergency() {
            // In a box: it is rare, and every way to judge a code would be as much larger.
            return Box::pin(self.try_emergency_code(given, first, passed)).await;
        }
        let deadline = Instant::now() + DEADLINE;
        let line = line(&first.account, given.origin, first.now);
        let Ok(turn) = self.turns.take(first.account.id, line, deadline).await else {
            return Ok(Tried::Refused(word(Word::Busy)));
        };
        let mut first = Some(first).filter(|_| !turn.waited());
        let mut digest = None;
        while Instant::now() < deadline {
            let read = match first.take() {
                Some(read) => read,
                None => self.read_subject(&given.subject).await?,
            };
            let now = read.now;
            if !self.digest(given, &read.account, now, &mut digest, (line, deadline)).await? {
                return Ok(Tried::Refused(word(Word::Busy)));
            }
            let occasion = occasion(&given.entry, now);
            let (after, verdict) = read.account.verify(&Attempt {
                code: given.code,
                backup: digest.as_ref(),
                origin: given.origin,
                stage: given.stage,
                clock_trusted: now.trusted(),
                occasion: &occasion,
            });
            let committed = match verdict {
                // The set was replaced while Argon2 ran: digest again.
                Verdict::Refused(Refusal { reason: Reason::StaleDigest, .. }) => continue,
                Verdict::Refused(refusal) => {
                    let entry = refused_entry(given, refusal);
                    let commit = self.commit_refusal(&given.subject, &read, &after, entry).await;
                    commit.map(|()| Tried::Refused(refusal.refused))
                }
                Verdict::Approved { factor, notices } => {
                    let entry = Entry {
                        outcome: audit::Outcome::Approved,
                        factor: Some(factor.to_string()),
                        ..given.entry.clone()
                    };
                    let mut change = Change::new(after, now, entry);
                    change.factor = Some(factor);
                    let value = passed(&mut change)?;
                    self.commit_change(change, read.expect).await.map(|()| Tried::Passed(value, notices))
                }
            };
            match committed {
                Ok(tried) => return Ok(tried),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(Tried::Refused(word(Word::Busy)))
    }

    /// Makes a change without a code: an operator's. `make` may run again when another commit came first.
    pub(super) async fn make_change<T>(
        &self,
        account: AccountId,
        entry: &Entry,
        make: impl Fn(&mut Change) -> Outcome<T>,
    ) -> Outcome<T> {
        let deadline = Instant::now() + DEADLINE;
        let _turn = self.turns.take(account, Line::Known, deadline).await?;
        let subject = Subject::Account(account);
        while Instant::now() < deadline {
            let read = self.read_subject(&subject).await?;
            let mut change = Change::new(read.account, read.now, entry.clone());
            let value = make(&mut change)?;
            match self.commit_change(change, read.expect).await {
                Ok(()) => return Ok(value),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Err(busy())
    }

    /// The account, or nobody's with the counters that the name shares.
    pub(super) async fn read_subject(&self, subject: &Subject) -> Outcome<Read> {
        let now = self.now().await?;
        let failed = |error: StoreError| self.failed(&error);
        let (account, expect) = match subject {
            Subject::Account(id) => {
                // Gone since its name was looked up: the next try finds out.
                let found = record::load_account(&self.store, id).map_err(failed)?.ok_or_else(busy)?;
                (found.0, Expect::Version(found.1))
            }
            Subject::Nobody(name) => record::load_unknown(&self.store, name).map_err(failed)?,
        };
        Ok(Read { account, expect, now })
    }

    /// Sees to it that `digest` is there where the rule will look at it: Argon2 depends on salt and code alone, so it
    /// runs outside of any commit and once for the whole set. Not for who must wait anyway. False: too many wait.
    async fn digest(
        &self,
        given: &CodeGiven<'_>,
        account: &Account,
        now: Now,
        digest: &mut Option<BackupDigest>,
        (line, deadline): (Line, Instant),
    ) -> Outcome<bool> {
        let fits = Guesses { device: false, backup: backup_code::fits(given.code) };
        let admitted = account.throttle.admit(given.origin, given.stage, fits, now.time);
        let needed = admitted.is_ok_and(|admitted| admitted.backup);
        if !needed || (digest.is_some() && account.takes(digest.as_ref())) {
            return Ok(true);
        }
        let (salt, cost) = account.backup_digest_parameters();
        let pepper = self.pepper_of(account);
        let digits = SecretText::new(given.code.digits().to_owned());
        let work = move || backup_code::digest(digits.reveal(), salt, pepper.as_slice(), cost);
        match self.hashing.run(line, deadline, work).await {
            Ok(Ok(made)) => *digest = Some(made),
            Ok(Err(error)) => return Err(internal(error.to_string())),
            Err(_) => return Ok(false),
        }
        Ok(true)
    }

    /// Counts a failure, and tells it. Where nothing was looked at nothing changes, and the event alone is committed:
    /// time tells nothing.
    pub(super) async fn commit_refusal(
        &self,
        subject: &Subject,
        read: &Read,
        after: &Account,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let mut commit = Commit { audit: vec![entry], essential: true, fleeting: true, ..Commit::default() };
        if *after != read.account {
            commit.writes.push(match subject {
                Subject::Account(_) => record::account_write(after, read.expect)?,
                Subject::Nobody(_) => record::unknown_write(after, read.expect)?,
            });
        }
        self.store.commit(commit).await.map(drop)
    }

    /// Writes a change, its sessions' end and its event.
    pub(super) async fn commit_change(&self, change: Change, expect: Expect) -> Result<(), StoreError> {
        let Change { account, mut writes, ended, essential, removes_account, factor, entry, also, .. } =
            change;
        // Getting in with a code that is dead in a minute anyway; a backup code would come back to life.
        let fleeting = essential && matches!(factor, Some(Factor::Device { .. }));
        writes.push(if removes_account {
            record::account_removal(&account.id, expect)
        } else {
            record::account_write(&account, expect)?
        });
        let audit = std::iter::once(entry).chain(also).collect();
        let commit = Commit { writes, audit, essential, fleeting, ..Commit::default() };
        self.endings.commit(commit, &ended).await.map(drop)
    }
}

impl Change {
    /// A commit writes each key once: of several writes of one, the last is meant.
    pub(super) fn keep_last_writes(&mut self) {
        let mut kept: Vec<Write> = Vec::with_capacity(self.writes.len());
        for write in self.writes.drain(..).rev() {
            if !kept.iter().any(|other| other.key == write.key) {
                kept.push(write);
            }
        }
        self.writes = kept;
    }

    pub(super) fn new(account: Account, now: Now, entry: Entry) -> Self {
        Self {
            account,
            now,
            writes: Vec::new(),
            ended: Vec::new(),
            essential: false,
            removes_account: false,
            factor: None,
            entry,
            also: Vec::new(),
        }
    }
}

/// When and where, as an account remembers it.
pub(super) fn occasion(entry: &Entry, now: Now) -> Occasion {
    Occasion { at: now.time, door: entry.door.clone(), source: entry.source.clone() }
}

/// A refusal's event.
pub(super) fn refused_entry(given: &CodeGiven<'_>, refusal: Refusal) -> Entry {
    refusal_entry(&given.entry, &given.subject, refusal.reason)
}

/// A refusal's event: what an attacker can repeat without end is told by the minute.
pub(super) fn refusal_entry(entry: &Entry, subject: &Subject, reason: Reason) -> Entry {
    let (reason, coalesce) = match subject {
        Subject::Account(_) if reason.coalesces() => (reason, Coalesce::Account),
        Subject::Account(_) => (reason, Coalesce::Never),
        Subject::Nobody(_) if reason == Reason::Throttled => (reason, Coalesce::UnknownNames),
        Subject::Nobody(_) => (Reason::UnknownName, Coalesce::UnknownNames),
    };
    // A reason that is there already is a stronger one: why a name counts as nobody's.
    let reason = entry.reason.clone().unwrap_or_else(|| reason.as_str().to_owned());
    Entry { outcome: audit::Outcome::Refused, reason: Some(reason), coalesce, ..entry.clone() }
}

/// Which line an attempt waits in.
pub(super) fn line(account: &Account, origin: &Origin, now: Now) -> Line {
    if account.throttle.knows(origin, now.time) { Line::Known } else { Line::Strangers }
}

/// A refusal in a word.
pub(super) const fn word(word: Word) -> Refused {
    Refused { word, wait_seconds: None }
}
