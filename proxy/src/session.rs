//! What the gate knows of sessions, and for how long it may go on knowing it.
//!
//! A verdict is the authority's. The gate remembers it until the authority takes it back over the watch, until the
//! session's own end, or, when the watch is silent, until `blind` has passed. It never makes one up.

use std::hash::{BuildHasherDefault, Hasher};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use papaya::HashMap;
use twofold_shared::wire::{self, Level, SessionDigest, SessionNews, SessionUse, SessionView};

use crate::assertion::Signed;
use crate::authority::{Authority, Away};
use crate::clock::{Clock, Millis, Moment};
use crate::rules::{Need, Reached};
use crate::streams::{Stream, Streams};

mod key;

/// How long the watch may be silent before the gate counts as blind: three heartbeats.
const SILENCE: Millis = 1_000;

/// Sessions remembered at one time. Further ones cost a question each; nobody passes for lack of room.
const CAPACITY: usize = 1 << 18;

/// A session as the authority described it, ready for the hot path.
#[derive(Debug)]
pub struct Known {
    account: String,
    /// Kept for sessions of the portal alone: there it is asked.
    realm: Option<Box<str>>,
    site: Option<String>,
    level: Level,
    second_at: Option<u64>,
    trusted_at: Option<u64>,
    enrolled: bool,
    operates: bool,
    user: HeaderValue,
    groups: HeaderValue,
    /// Most accounts have none: what they don't have costs eight bytes.
    contacts: Option<Box<Contacts>>,
    ends_at: u64,
    idle_seconds: u64,
    used_at: AtomicU64,
    untold: AtomicBool,
    /// What it may be used for, where it is no session but an API key; few are, so it is not kept here.
    key: Option<Box<key::Key>>,
    /// What its site's app was told last.
    signed: ArcSwapOption<Signed>,
}

/// What apps are told of a person besides their name.
#[derive(Debug)]
pub struct Contacts {
    display_name: Option<HeaderValue>,
    email: Option<HeaderValue>,
    /// For the portal's own pages.
    phone: Option<Box<str>>,
}

impl Contacts {
    fn new(contacts: &wire::Contacts) -> Result<Option<Box<Self>>, Unspeakable> {
        let header = |text: &Option<String>| {
            text.as_ref().map(|text| HeaderValue::from_bytes(text.as_bytes())).transpose()
        };
        let display_name = header(&contacts.display_name).map_err(|_| Unspeakable)?;
        let email = header(&contacts.email).map_err(|_| Unspeakable)?;
        let phone = contacts.phone.as_deref().map(Box::from);
        let has_any = display_name.is_some() || email.is_some() || phone.is_some();
        Ok(has_any.then(|| Box::new(Self { display_name, email, phone })))
    }
}

/// The authority described a session with a name that cannot stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session's name or groups cannot stand in a header")]
pub struct Unspeakable;

impl Known {
    /// Prepares what the authority said about a session at `site`.
    ///
    /// # Errors
    /// [`Unspeakable`].
    pub fn new(view: SessionView, site: Option<&str>, now: u64) -> Result<Self, Unspeakable> {
        // `local:alice`: the realm is the ledger's business, the app knows `alice`.
        let plain = view.name.split_once(':').map_or(view.name.as_str(), |(_, name)| name);
        let user = HeaderValue::from_bytes(plain.as_bytes()).map_err(|_| Unspeakable)?;
        if plain.is_empty() || view.groups.iter().any(|group| group.contains(',')) {
            return Err(Unspeakable);
        }
        let groups = HeaderValue::from_bytes(view.groups.join(",").as_bytes()).map_err(|_| Unspeakable)?;
        Ok(Self {
            realm: site.is_none().then(|| view.realm.into_boxed_str()),
            account: view.account,
            site: site.map(str::to_owned),
            level: view.level,
            second_at: view.second_at,
            trusted_at: view.trusted_at,
            enrolled: view.enrolled,
            operates: view.operates,
            user,
            groups,
            contacts: Contacts::new(&view.contacts)?,
            ends_at: view.ends_at,
            idle_seconds: view.idle_seconds,
            used_at: AtomicU64::new(now),
            untold: AtomicBool::new(true),
            key: None,
            signed: ArcSwapOption::empty(),
        })
    }

    /// The level reached.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether the session has what is needed, at `now` in seconds of Unix time.
    #[must_use]
    pub fn meets(&self, need: Need, now: u64) -> bool {
        let (level, second_at, trusted_at) = (self.level, self.second_at, self.trusted_at);
        need.is_met(Reached { level, second_at, trusted_at }, now)
    }

    /// Whether the account is in `group`.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.as_bytes().split(|&byte| byte == b',').any(|own| own == group.as_bytes())
    }

    /// The name, without its realm.
    #[must_use]
    pub fn name(&self) -> &str {
        // It was made of text.
        std::str::from_utf8(self.user.as_bytes()).unwrap_or_default()
    }

    /// Whether the first factor of this session of the portal was this realm's.
    #[must_use]
    pub fn is_of_realm(&self, realm: &str) -> bool {
        self.realm.as_deref() == Some(realm)
    }

    /// The account's id.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether there is a second factor to ask for.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        self.enrolled
    }

    /// Whether the authority has its account for an operator's: what to show, and never what to do.
    #[must_use]
    pub fn operates(&self) -> bool {
        self.operates
    }

    /// The name as a header.
    #[must_use]
    pub fn user(&self) -> &HeaderValue {
        &self.user
    }

    /// The groups as a header.
    #[must_use]
    pub fn groups(&self) -> &HeaderValue {
        &self.groups
    }

    /// What people call them, as a header.
    #[must_use]
    pub fn display_name(&self) -> Option<&HeaderValue> {
        self.contacts.as_ref()?.display_name.as_ref()
    }

    /// The telephone number.
    #[must_use]
    pub fn phone(&self) -> Option<&str> {
        self.contacts.as_ref()?.phone.as_deref()
    }

    /// The e-mail address as a header.
    #[must_use]
    pub fn email(&self) -> Option<&HeaderValue> {
        self.contacts.as_ref()?.email.as_ref()
    }

    /// The groups, one by one.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        let groups = std::str::from_utf8(self.groups.as_bytes()).unwrap_or_default();
        groups.split(',').filter(|group| !group.is_empty())
    }

    /// The last assertion about it.
    #[must_use]
    pub fn signed(&self) -> &ArcSwapOption<Signed> {
        &self.signed
    }

    fn is_over(&self, now: u64) -> bool {
        now >= self.ends_at || now >= self.used_at.load(Ordering::Relaxed).saturating_add(self.idle_seconds)
    }

    /// Notes a use at `now`, in seconds of Unix time.
    pub fn touch(&self, now: u64) {
        // A store for each second of use, not for each request: the cache line stays shared.
        if self.used_at.load(Ordering::Relaxed) != now {
            self.used_at.store(now, Ordering::Relaxed);
            self.untold.store(true, Ordering::Relaxed);
        }
    }
}

/// What is to be thought of a cookie.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// A live session of this place.
    Known(Arc<Known>),
    /// No session here.
    Nobody,
    /// Could not be decided: a refusal. The request's number is in the log where the authority was asked.
    Undecided,
}

/// How well the gate sees what the authority takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The watch runs.
    Clear,
    /// It has been silent for a while: known sessions go on, nothing new begins.
    Blind,
    /// For too long: nobody passes.
    Dark,
}

/// The digest is SHA-256 already: its first bytes are the hash.
#[derive(Default)]
pub struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8).take(1) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.0 ^= u64::from_ne_bytes(word);
        }
    }

    // The array's length, which is always the same.
    fn write_usize(&mut self, _: usize) {}
}

/// All sessions that the gate remembers.
pub struct Sessions {
    known: HashMap<SessionDigest, Arc<Known>, BuildHasherDefault<DigestHasher>>,
    /// Grows with every message that takes something back.
    revocations: AtomicU64,
    /// When the watch last said something, plus one; 0: never.
    heard: AtomicU64,
    blind: Millis,
    clock: Clock,
    /// What lasts longer than a request.
    streams: Arc<Streams>,
}

/// A websocket or an event stream must not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoStream {
    /// Its session was taken back while the app was asked.
    #[error("its session has just ended")]
    Ended,
    /// The kernel gives nothing to cut it with.
    #[error("its connection could not be cut later: {0}")]
    Kernel(#[from] rustix::io::Errno),
}

impl Sessions {
    /// Remembers nothing yet, and sees nothing.
    #[must_use]
    pub fn new(blind: Duration, clock: Clock) -> Self {
        Self {
            known: HashMap::default(),
            revocations: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            blind: u64::try_from(blind.as_millis()).unwrap_or(Millis::MAX),
            clock,
            streams: Arc::default(),
        }
    }

    /// How well the gate sees now.
    #[must_use]
    pub fn sight(&self) -> Sight {
        self.sight_at(Instant::now())
    }

    fn sight_at(&self, now: Instant) -> Sight {
        let Some(heard) = self.heard.load(Ordering::Acquire).checked_sub(1) else { return Sight::Dark };
        match self.clock.millis_at(now).saturating_sub(heard) {
            silence if silence <= SILENCE => Sight::Clear,
            silence if silence <= self.blind => Sight::Blind,
            _ => Sight::Dark,
        }
    }

    /// How many sessions are remembered.
    #[must_use]
    pub fn count(&self) -> usize {
        self.known.pin().len()
    }

    /// Waits until the watch has spoken, `patience` at most: whoever connects first should not be refused for that.
    pub fn await_sight(&self, patience: Duration) {
        let until =
            self.clock.millis().saturating_add(u64::try_from(patience.as_millis()).unwrap_or(Millis::MAX));
        while self.sight() != Sight::Clear && self.clock.millis() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What is to be thought of `digest` at `site` (or at the portal). Costs a question only when it is not known.
    pub async fn verdict(
        &self,
        authority: &Authority,
        digest: SessionDigest,
        site: Option<&str>,
        now: Moment,
    ) -> Verdict {
        let sight = self.sight_at(now.instant);
        if sight == Sight::Dark {
            return Verdict::Undecided;
        }
        if let Some(known) = self.recall(&digest, site, now.unix) {
            return Verdict::Known(known);
        }
        if sight == Sight::Blind {
            return Verdict::Undecided;
        }
        // Boxed, so that the hot path's future does not carry the question's.
        Box::pin(self.ask(authority, digest, site)).await
    }

    /// Asks the authority whatever is remembered, and remembers the answer.
    pub async fn ask(&self, authority: &Authority, digest: SessionDigest, site: Option<&str>) -> Verdict {
        if self.sight() != Sight::Clear {
            return Verdict::Undecided;
        }
        let before = self.revocations.load(Ordering::SeqCst);
        match authority.check(digest, site).await {
            Err(Away { .. }) => Verdict::Undecided,
            Ok(None) => {
                self.known.pin().remove(&digest);
                Verdict::Nobody
            }
            Ok(Some(view)) => self.learn(digest, site, view, before),
        }
    }

    /// The number to hand to [`Sessions::learn`], taken before the question is asked.
    #[must_use]
    pub fn before(&self) -> u64 {
        self.revocations.load(Ordering::SeqCst)
    }

    /// Remembers what the authority said, unless something was taken back since `before`: that answer may be the one
    /// taken back, so it serves this request and no other.
    pub fn learn(
        &self,
        digest: SessionDigest,
        site: Option<&str>,
        view: SessionView,
        before: u64,
    ) -> Verdict {
        self.remember(digest, Known::new(view, site, self.clock.unix()), before)
    }

    fn remember(&self, digest: SessionDigest, known: Result<Known, Unspeakable>, before: u64) -> Verdict {
        let now = self.clock.unix();
        let known = match known {
            Ok(known) if now < known.ends_at => Arc::new(known),
            Ok(_) => return Verdict::Nobody,
            Err(why) => {
                log::error!("a session is refused: {why}");
                return Verdict::Undecided;
            }
        };
        let map = self.known.pin();
        if map.len() < CAPACITY {
            map.insert(digest, Arc::clone(&known));
            // The watch counts first and removes then, so one of the two sees the other.
            if self.revocations.load(Ordering::SeqCst) != before {
                map.remove(&digest);
            }
        }
        Verdict::Known(known)
    }

    fn recall(&self, digest: &SessionDigest, site: Option<&str>, now: u64) -> Option<Arc<Known>> {
        // A session of one place is nothing at another: the authority will say so.
        self.recall_where(digest, now, |known| known.key.is_none() && known.site.as_deref() == site)
    }

    fn recall_where(
        &self,
        digest: &SessionDigest,
        now: u64,
        fits: impl Fn(&Known) -> bool,
    ) -> Option<Arc<Known>> {
        let map = self.known.pin();
        let known = map.get(digest)?;
        if known.is_over(now) {
            map.remove(digest);
            return None;
        }
        if !fits(known) {
            return None;
        }
        known.touch(now);
        Some(Arc::clone(known))
    }

    /// Takes in a message of the watch.
    pub fn hear(&self, news: &SessionNews) {
        if news.forget_all || !news.ended.is_empty() {
            self.revocations.fetch_add(1, Ordering::SeqCst);
        }
        let map = self.known.pin();
        if news.forget_all {
            map.clear();
        }
        for digest in &news.ended {
            map.remove(digest);
        }
        if news.forget_all || !news.ended.is_empty() {
            self.streams.cut(|session, _| news.forget_all || news.ended.contains(session));
        }
        self.heard.store(self.clock.millis().saturating_add(1), Ordering::Release);
    }

    /// Forgets everything known of an account: it has just signed out here.
    pub fn forget_account(&self, account: &str) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        self.known.pin().retain(|_, known| known.account != account);
        self.streams.cut(|_, known| known.account == account);
    }

    /// Forgets one session: it has just risen or ended here.
    pub fn forget(&self, digest: &SessionDigest) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        self.known.pin().remove(digest);
        self.streams.cut(|session, _| session == digest);
    }

    /// Keeps a websocket or an event stream of `session` in view: it is cut when the session is over. `before` as in
    /// [`Sessions::learn`], taken before the request was judged.
    ///
    /// # Errors
    /// [`NoStream`].
    pub fn stream(
        &self,
        descriptor: RawFd,
        session: SessionDigest,
        known: Arc<Known>,
        before: u64,
    ) -> Result<Stream, NoStream> {
        let stream = self.streams.keep(descriptor, session, known)?;
        // Whoever takes a session back counts first and cuts then, so one of the two sees the other.
        if self.before() != before && !self.known.pin().contains_key(&session) {
            return Err(NoStream::Ended);
        }
        Ok(stream)
    }

    /// Cuts the streams of sessions that have outlived their limits, and all when nobody can be asked any more.
    pub fn cut_what_is_over(&self) {
        let (is_dark, now) = (self.sight() == Sight::Dark, self.clock.unix());
        self.streams.cut(|_, known| is_dark || known.is_over(now));
    }

    /// Which sessions have been used since the last time; and forgets what is over.
    #[must_use]
    pub fn uses(&self) -> Vec<SessionUse> {
        let now = self.clock.unix();
        let map = self.known.pin();
        map.retain(|_, known| !known.is_over(now));
        map.iter()
            .filter(|(_, known)| known.key.is_none() && known.untold.swap(false, Ordering::Relaxed))
            .map(|(session, known)| SessionUse {
                session: *session,
                at: known.used_at.load(Ordering::Relaxed),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
