//! Calls to the authority from the gate's tasks: blocking calls on their own threads, bounded in number and in time.
//!
//! Whatever is not a whole, fitting answer to this very request is [`Away`]: nobody passes on it.

mod join;
mod person;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use twofold_shared::client::{CallError, Client};
use twofold_shared::code::Code;
use twofold_shared::permit::{Denial, Permit, judge};
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{
    ApiKeyUse, AssertFirst, BrowserValue, CheckApiKey, CheckSession, CheckSessionReply, EndSession,
    FaultKind, LiveApiKey, Nonce, Notice, NoticeKind, OpenSite, PassTrusted, Refused, Request, SessionDigest,
    SessionUse, SessionView, SignIn, SignInReply, SignedIn, Source, TouchApiKeys, TouchSessions, VerifyName,
    VerifyReply, VerifySession, Word,
};

pub use self::join::Joined;
pub use self::person::{Asked, Unfit};
use crate::api_key::Presented;
use crate::metrics::Metrics;
use crate::site::Site;

pub mod enrolment;

/// How long a question about a session or a key may take.
const QUICK: Duration = Duration::from_secs(2);
/// How long a password or a code may take: the authority's own deadline is five seconds.
const PATIENT: Duration = Duration::from_secs(7);
/// Calls at one time; more wait for their turn within their deadline.
const CALLS: usize = 48;

/// The authority gave no answer to this request; the reason is in the log under the request's number.
#[derive(Debug)]
pub struct Away {
    /// The request's number.
    pub request: Nonce,
}

/// The authority as the gate's tasks see it.
pub struct Authority {
    quick: Client,
    patient: Client,
    turns: Semaphore,
    metrics: Arc<Metrics>,
}

/// Who is at the other end of a sign-in.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The browser's address.
    pub address: Option<IpAddr>,
    /// What the browser says it is, shortened.
    pub browser: String,
    /// The digest of the cookie by which the browser may be known.
    pub known_by: Option<SessionDigest>,
    /// The digest of what it holds that redeemed an invitation.
    pub invitation: Option<SessionDigest>,
}

/// A session on its way to the second level.
#[derive(Clone, Copy, Debug)]
pub struct Raise<'a> {
    /// As it is.
    pub session: SessionDigest,
    /// What it becomes.
    pub next: SessionDigest,
    /// The site that the flow leads to.
    pub site: Option<&'a Site>,
    /// What the browser is known by from then on.
    pub next_browser: SessionDigest,
}

impl Raise<'_> {
    fn host(&self) -> Option<String> {
        self.site.map(|site| site.host().to_owned())
    }
}

impl Visitor {
    fn source(&self) -> Source {
        Source { address: self.address, ..Source::default() }
    }
}

/// A step of a sign-in that the authority answered.
#[derive(Debug)]
pub enum Step<T> {
    /// It passed.
    Passed(T),
    /// It did not; this much may be said.
    Refused(Refused),
    /// The session that it was for has ended meanwhile: another tab was quicker, or somebody signed out.
    Gone,
}

/// What the authority says to a first factor that the gate vouches for.
#[derive(Debug)]
pub enum Believed {
    /// Whose it is; the session has begun.
    Somebody(SignedIn),
    /// Nobody has the name, and it may join an account.
    Newcomer,
    /// Nobody may come in by this name.
    Nobody,
}

/// What came of a second factor.
pub type Raised = Step<(Permit, Vec<Notice>)>;

impl Authority {
    /// The authority at `socket`.
    #[must_use]
    pub fn new(socket: &Path, metrics: Arc<Metrics>) -> Self {
        Self {
            quick: Client::new(socket, QUICK),
            patient: Client::new(socket, PATIENT),
            turns: Semaphore::new(CALLS),
            metrics,
        }
    }

    /// Who is in `session` at `site`, or at the portal.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn check(
        &self,
        session: SessionDigest,
        site: Option<&str>,
    ) -> Result<Option<SessionView>, Away> {
        let nonce = nonce()?;
        let request = CheckSession { nonce: nonce.clone(), session, site: site.map(str::to_owned) };
        let reply = self.call(&self.quick, &nonce, request).await?;
        checked(&nonce, reply)
    }

    /// Whose `key` is, and what it may be used for; `None` where it opens nothing at `site`.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn check_key(
        &self,
        key: Presented,
        site: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<LiveApiKey>, Away> {
        let nonce = nonce()?;
        let request = CheckApiKey {
            nonce: nonce.clone(),
            id: key.id,
            digest: key.digest,
            site: site.to_owned(),
            source: Source { address, ..Source::default() },
        };
        let reply = self.call(&self.quick, &nonce, request).await?;
        if reply.nonce == nonce {
            Ok(reply.api_key)
        } else {
            Err(away(&nonce, "the answer is to another request"))
        }
    }

    /// Opens a site's session under a portal session.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn open_site(
        &self,
        portal: SessionDigest,
        site: &Site,
        session: SessionDigest,
    ) -> Result<Option<SessionView>, Away> {
        let nonce = nonce()?;
        let request = OpenSite {
            nonce: nonce.clone(),
            portal,
            site: site.host().to_owned(),
            session,
            trust_seconds: site.trust_seconds(),
        };
        let reply = self.call(&self.quick, &nonce, request).await?;
        checked(&nonce, reply)
    }

    /// Tries a name and a password.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn sign_in(
        &self,
        visitor: &Visitor,
        name: String,
        password: SecretText,
        session: SessionDigest,
    ) -> Result<Step<SignedIn>, Away> {
        let nonce = nonce()?;
        let request = SignIn {
            nonce: nonce.clone(),
            name,
            password,
            source: visitor.source(),
            browser: visitor.browser.clone(),
            session,
            browser_value: visitor.known_by,
        };
        signed_in(&nonce, self.turn(&self.patient, request).await)
    }

    /// "This site's own first factor has just passed for this name."
    ///
    /// # Errors
    /// [`Away`].
    pub async fn assert_first(
        &self,
        visitor: &Visitor,
        realm: &str,
        name: String,
        session: SessionDigest,
    ) -> Result<Believed, Away> {
        self.believe(visitor, (realm, name), session, false).await
    }

    /// The same of somebody who is new and asked for an account.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn create_account(
        &self,
        visitor: &Visitor,
        realm: &str,
        name: String,
        session: SessionDigest,
    ) -> Result<Believed, Away> {
        self.believe(visitor, (realm, name), session, true).await
    }

    async fn believe(
        &self,
        visitor: &Visitor,
        (realm, name): (&str, String),
        session: SessionDigest,
        create: bool,
    ) -> Result<Believed, Away> {
        let nonce = nonce()?;
        let request = AssertFirst {
            nonce: nonce.clone(),
            realm: realm.to_owned(),
            name,
            source: visitor.source(),
            browser: visitor.browser.clone(),
            session,
            create,
        };
        let reply = self.turn(&self.patient, request).await;
        let is_new = reply.as_ref().is_ok_and(|reply| reply.newcomer);
        Ok(match signed_in(&nonce, reply)? {
            Step::Passed(signed_in) => Believed::Somebody(signed_in),
            Step::Refused(_) if is_new => Believed::Newcomer,
            Step::Refused(Refused { word: Word::Busy, .. }) => {
                return Err(away(&nonce, "too much is going on at once"));
            }
            Step::Refused(_) | Step::Gone => Believed::Nobody,
        })
    }

    /// Tries a code. With a right one the browser is known, and trusted for `trust_seconds` where that is said.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn verify(
        &self,
        visitor: &Visitor,
        raise: Raise<'_>,
        code: Code,
        trust_seconds: Option<u64>,
    ) -> Result<Raised, Away> {
        let nonce = nonce()?;
        let request = VerifySession {
            nonce: nonce.clone(),
            session: raise.session,
            next: raise.next,
            site: raise.host(),
            source: visitor.source(),
            code: code.into_secret(),
            browser: Some(BrowserValue { presented: visitor.known_by, next: raise.next_browser }),
            trust_seconds,
        };
        let raised = judged(&nonce, self.turn(&self.patient, request).await);
        let (kind, outcome) = counted(&raised);
        self.metrics.second_factor(kind, outcome);
        raised
    }

    /// Asks whether the browser is trusted enough to need no code, where codes up to `trust_seconds` old are taken.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn pass_trusted(
        &self,
        visitor: &Visitor,
        raise: Raise<'_>,
        trust_seconds: u64,
    ) -> Result<Raised, Away> {
        let nonce = nonce()?;
        let request = PassTrusted {
            nonce: nonce.clone(),
            session: raise.session,
            next: raise.next,
            site: raise.host().unwrap_or_default(),
            source: visitor.source(),
            browser: BrowserValue { presented: visitor.known_by, next: raise.next_browser },
            trust_seconds,
        };
        let raised = judged(&nonce, self.turn(&self.patient, request).await);
        if let Ok(Step::Passed(_)) = raised {
            self.metrics.second_factor("trusted_browser", "approved");
        }
        raised
    }

    /// Tries a code for a name that nothing has proved; with a right one `session` is the site's.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn verify_name(
        &self,
        visitor: &Visitor,
        (realm, name): (&str, &str),
        (site, session): (&str, SessionDigest),
        code: Code,
    ) -> Result<Raised, Away> {
        let nonce = nonce()?;
        let request = VerifyName {
            nonce: nonce.clone(),
            realm: realm.to_owned(),
            name: name.to_owned(),
            site: site.to_owned(),
            source: visitor.source(),
            browser: visitor.browser.clone(),
            session,
            code: code.into_secret(),
        };
        let step = judged(&nonce, self.turn(&self.patient, request).await);
        let (kind, outcome) = counted(&step);
        self.metrics.second_factor(kind, outcome);
        step
    }

    /// Ends a session and all that belong to it.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn end(&self, session: SessionDigest) -> Result<(), Away> {
        let nonce = nonce()?;
        self.call(&self.quick, &nonce, EndSession { session }).await.map(drop)
    }

    /// Tells when sessions were last used. Blocks: for the watch's thread only.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn touch(&self, used: Vec<SessionUse>) -> Result<(), CallError> {
        self.quick.call(&TouchSessions { used }).map(drop)
    }

    /// Tells when API keys were last used. Blocks: for the watch's thread only.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn touch_keys(&self, used: Vec<ApiKeyUse>) -> Result<(), CallError> {
        self.quick.call(&TouchApiKeys { used }).map(drop)
    }

    async fn call<R>(&self, client: &Client, nonce: &Nonce, request: R) -> Result<R::Reply, Away>
    where
        R: Request + Send + 'static,
        R::Reply: Send + 'static,
    {
        self.turn(client, request).await.map_err(|error| away(nonce, &error.to_string()))
    }

    /// Waits for a turn, then calls on a thread of its own.
    async fn turn<R>(&self, client: &Client, request: R) -> Result<R::Reply, CallError>
    where
        R: Request + Send + 'static,
        R::Reply: Send + 'static,
    {
        let Ok(Ok(_turn)) = tokio::time::timeout(QUICK, self.turns.acquire()).await else {
            return Err(CallError::TimedOut);
        };
        let client = client.clone();
        let called = tokio::task::spawn_blocking(move || client.call(&request)).await;
        called.unwrap_or_else(|why| Err(CallError::Broken(std::io::Error::other(why))))
    }
}

/// Reads the answer to a second one.
fn judged(nonce: &Nonce, reply: Result<VerifyReply, CallError>) -> Result<Raised, Away> {
    let mut reply = match reply {
        Err(error) => return refused_or_away(nonce, error),
        Ok(reply) => reply,
    };
    let notices = std::mem::take(&mut reply.notices);
    match judge(nonce, reply) {
        Ok(permit) => Ok(Step::Passed((permit, notices))),
        Err(Denial::Refused(refused)) => Ok(Step::Refused(refused)),
        Err(Denial::Undecided) => Err(away(nonce, "the answer decides nothing about this request")),
    }
}

/// Reads the answer to a first factor.
fn signed_in(nonce: &Nonce, reply: Result<SignInReply, CallError>) -> Result<Step<SignedIn>, Away> {
    let reply = match reply {
        Err(error) => return refused_or_away(nonce, error),
        Ok(reply) => reply,
    };
    if reply.nonce != *nonce {
        return Err(away(nonce, "the answer is to another request"));
    }
    match (reply.signed_in, reply.refusal) {
        (Some(signed_in), None) => Ok(Step::Passed(signed_in)),
        (None, Some(refused)) => Ok(Step::Refused(refused)),
        _ => Err(away(nonce, "the answer says neither yes nor no")),
    }
}

/// How a code is counted. Only the authority knows a backup code from others, and says so when one was spent.
fn counted(step: &Result<Raised, Away>) -> (&'static str, &'static str) {
    match step {
        Ok(Step::Passed((_, notices))) => {
            let is_backup = notices.iter().any(|notice| notice.kind == NoticeKind::BackupCodeUsed);
            (if is_backup { "backup_code" } else { "code" }, "approved")
        }
        Ok(Step::Refused(refused)) => ("code", word(refused.word)),
        Ok(Step::Gone) => ("code", "gone"),
        Err(Away { .. }) => ("code", "undecided"),
    }
}

fn word(word: Word) -> &'static str {
    match word {
        Word::Wrong => "wrong",
        Word::Used => "used",
        Word::Wait => "wait",
        Word::Clock => "clock",
        Word::Closed => "closed",
        Word::Busy => "busy",
        Word::Unenrolled => "unenrolled",
    }
}

/// A refusal that came as an error is a refusal; too much at once is one that passes by itself.
fn refused_or_away<T>(nonce: &Nonce, error: CallError) -> Result<Step<T>, Away> {
    match &error {
        CallError::Fault(fault) => match (fault.kind, fault.refusal) {
            (FaultKind::Refused, Some(refused)) => Ok(Step::Refused(refused)),
            (FaultKind::Invalid, _) => {
                log::info!("request {nonce}: refused, {error}");
                Ok(Step::Gone)
            }
            (FaultKind::Busy, _) => Ok(Step::Refused(Refused { word: Word::Busy, wait_seconds: None })),
            _ => Err(away(nonce, &error.to_string())),
        },
        _ => Err(away(nonce, &error.to_string())),
    }
}

fn checked(nonce: &Nonce, reply: CheckSessionReply) -> Result<Option<SessionView>, Away> {
    if reply.nonce == *nonce {
        Ok(reply.session)
    } else {
        Err(away(nonce, "the answer is to another request"))
    }
}

fn nonce() -> Result<Nonce, Away> {
    Nonce::generate().map_err(|why| away(&Nonce::from_bytes([0; 16]), &format!("no randomness: {why}")))
}

fn away(request: &Nonce, why: &str) -> Away {
    log::error!("request {request}: refused, the authority did not decide: {why}");
    Away { request: request.clone() }
}
