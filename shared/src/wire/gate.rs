//! What the gate asks.

use serde::{Deserialize, Serialize};

use super::{Contacts, Level, Nonce, Refused, SessionDigest, Source};
use crate::secret::{SecretText, revealed};

/// A name and password given at the portal, checked against the ledger's `local` passwords.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// The request's number.
    pub nonce: Nonce,
    /// The name as typed.
    pub name: String,
    /// The password as typed.
    #[serde(with = "revealed")]
    pub password: SecretText,
    /// Where the browser is.
    pub source: Source,
    /// What the browser says it is, shortened: for the list of sessions.
    pub browser: String,
    /// The new session at level first, should the password be right.
    pub session: SessionDigest,
    /// SHA-256 of the browser's cookie, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_value: Option<SessionDigest>,
}

/// The cookie by which a browser is known again: what it presented, and what it has from now on, should it pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserValue {
    /// SHA-256 of the value that it presented; absent where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presented: Option<SessionDigest>,
    /// SHA-256 of its new value.
    pub next: SessionDigest,
}

/// "This site's own first factor has just passed for this name." Allowed to the gate, in its sites' realms only.
#[derive(Debug, Serialize, Deserialize)]
pub struct AssertFirst {
    /// The request's number.
    pub nonce: Nonce,
    /// The site's realm.
    pub realm: String,
    /// The name that the first factor proved.
    pub name: String,
    /// Where the browser is.
    pub source: Source,
    /// What the browser says it is, shortened.
    pub browser: String,
    /// The new session at level first.
    pub session: SessionDigest,
    /// Whether to make an account for the name where nobody has it: its owner asked for one. Never in `unix`.
    #[serde(default)]
    pub create: bool,
}

/// The answer to [`SignIn`] and [`AssertFirst`]: exactly one of `signed_in` and `refusal`.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignInReply {
    /// The request's number.
    pub nonce: Nonce,
    /// Present when the first factor passed; the session is on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in: Option<SignedIn>,
    /// Present otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refused>,
    /// With a refusal of [`AssertFirst`]: nobody has the name, so that it can join an account.
    #[serde(default)]
    pub newcomer: bool,
}

/// Who has passed a first factor.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The account's immutable id.
    pub account: String,
    /// The name signed in with, in its canonical form.
    pub name: String,
    /// Whether there is a second factor to ask for.
    pub enrolled: bool,
}

/// A code given at the portal for a session at level first, or for a fresh one at level second.
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifySession {
    /// The request's number.
    pub nonce: Nonce,
    /// The session as it is; it ends with a right code.
    pub session: SessionDigest,
    /// The session's new id at level second.
    pub next: SessionDigest,
    /// The site that the flow leads to, for the audit trail; the portal's own pages when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Where the browser is.
    pub source: Source,
    /// The digits.
    #[serde(with = "revealed")]
    pub code: SecretText,
    /// The browser's cookie; with a right code the browser is known from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<BrowserValue>,
    /// For how long the person wants the browser to need no code, in seconds; 90 days at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_seconds: Option<u64>,
}

/// Raises a session at level first without a code, where its browser is trusted. Answered like a code: refused with
/// `wrong` where it is not.
#[derive(Debug, Serialize, Deserialize)]
pub struct PassTrusted {
    /// The request's number.
    pub nonce: Nonce,
    /// The session as it is; it ends if the browser is trusted.
    pub session: SessionDigest,
    /// The session's new id at level second.
    pub next: SessionDigest,
    /// The site that the flow leads to.
    pub site: String,
    /// Where the browser is.
    pub source: Source,
    /// The browser's cookie.
    pub browser: BrowserValue,
    /// How long ago the code may have been given on which the trust rests, in seconds: what the site takes.
    pub trust_seconds: u64,
}

/// A name and a code given at the portal for a site where nothing was proved before: sites with `first_factor = "code"`.
/// Allowed to the gate, in its sites' realms only. The session is of that site alone, and no portal session stands behind
/// it: it opens nothing where a first factor is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifyName {
    /// The request's number.
    pub nonce: Nonce,
    /// The site's realm.
    pub realm: String,
    /// The name as typed.
    pub name: String,
    /// The site's host.
    pub site: String,
    /// Where the browser is.
    pub source: Source,
    /// What the browser says it is, shortened.
    pub browser: String,
    /// The site's new session at level second, should the code be right.
    pub session: SessionDigest,
    /// The digits.
    #[serde(with = "revealed")]
    pub code: SecretText,
}

/// Opens a site's session under a portal session: it has the same account, its level or less, and ends with it.
#[derive(Debug, Serialize, Deserialize)]
pub struct OpenSite {
    /// The request's number.
    pub nonce: Nonce,
    /// The portal's session.
    pub portal: SessionDigest,
    /// The site's host.
    pub site: String,
    /// The site's new session.
    pub session: SessionDigest,
    /// How long ago the code may have been given where the portal's session rests on a trusted browser, in seconds: what
    /// the site takes. Absent: it takes no such session, which is then at level first there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_seconds: Option<u64>,
}

/// "Who is this, and how far have they got?"
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckSession {
    /// The request's number.
    pub nonce: Nonce,
    /// The session.
    pub session: SessionDigest,
    /// The site it is presented at; absent for the portal. A session of one host is nothing at another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// The answer to [`CheckSession`] and [`OpenSite`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSessionReply {
    /// The request's number.
    pub nonce: Nonce,
    /// Absent when there is no such session here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionView>,
}

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// The account's immutable id.
    pub account: String,
    /// The name signed in with.
    pub name: String,
    /// The realm of that name: whose first factor it was.
    pub realm: String,
    /// The account's groups.
    pub groups: Vec<String>,
    /// What the person is called and where they are reached.
    pub contacts: Contacts,
    /// Whether the account has a second factor.
    pub enrolled: bool,
    /// The level reached.
    pub level: Level,
    /// When a second factor was last given in it, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_at: Option<u64>,
    /// Where it was raised without a code, because its browser is trusted: when the code was given on which that rests, in
    /// seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_at: Option<u64>,
    /// When it ends even if it is used, in seconds since the epoch.
    pub ends_at: u64,
    /// How long it lives unused, in seconds.
    pub idle_seconds: u64,
    /// Whether its account is an operator's and may act from here: decides what is shown, for every call is judged anew.
    #[serde(default)]
    pub operates: bool,
}

/// When sessions were last used; sent in batches.
#[derive(Debug, Serialize, Deserialize)]
pub struct TouchSessions {
    /// The sessions and the seconds since the epoch at which each was last used.
    pub used: Vec<SessionUse>,
}

/// One session's last use.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionUse {
    /// The session.
    pub session: SessionDigest,
    /// Seconds since the epoch.
    pub at: u64,
}

/// Signs out: ends the session's portal session and every site's session under it.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndSession {
    /// A portal's or a site's session.
    pub session: SessionDigest,
}

/// Asks to be told of ended sessions; called with `more`, it never completes. A message without news comes at least
/// every 300 ms.
#[derive(Debug, Serialize, Deserialize)]
pub struct WatchSessions {
    /// The last number heard; all that came later is sent again. Absent at a first start: from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// One message of the watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionNews {
    /// The number to resume after.
    pub number: u64,
    /// Sessions that are no more, or no longer what they were: forget what you know of them.
    pub ended: Vec<SessionDigest>,
    /// The authority no longer knows what ended since `after`: forget everything.
    #[serde(default)]
    pub forget_all: bool,
}
