//! API keys among what the gate remembers: the same verdicts, taken back in the same way, but without a place of their
//! own, and with a grant that every request is held against.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use twofold_shared::wire::{ApiKeyId, ApiKeyUse, Level, LiveApiKey, SessionDigest, SessionView};

use super::{Known, Sessions, Sight, Unspeakable, Verdict};
use crate::api_key::Presented;
use crate::authority::{Authority, Away};
use crate::clock::Moment;
use crate::grant::Grant;
use crate::rules::Asked;
use crate::site::Site;

/// How long an unused key is remembered, in seconds; then the authority is asked again.
const KEPT_SECONDS: u64 = 600;

/// What makes a verdict one about a key.
#[derive(Debug)]
pub(super) struct Key {
    id: ApiKeyId,
    grant: Grant,
    /// Where and from where it was last used.
    last: Mutex<(String, Option<IpAddr>)>,
}

impl Known {
    /// Prepares what the authority said about a key. It counts as a second factor without a time: enough where no rule
    /// asks for a fresh one.
    ///
    /// # Errors
    /// [`Unspeakable`].
    pub fn of_key(id: ApiKeyId, live: LiveApiKey, now: u64) -> Result<Self, Unspeakable> {
        let grant = Grant::parse(&live.grant).map_err(|why| {
            log::error!("the grant of the API key {id} cannot be read: {why}");
            Unspeakable
        })?;
        let view = SessionView {
            account: live.account,
            name: live.name,
            realm: String::new(),
            groups: live.groups,
            contacts: live.contacts,
            enrolled: true,
            level: Level::Second,
            second_at: None,
            trusted_at: None,
            ends_at: live.ends_at.unwrap_or(u64::MAX),
            idle_seconds: KEPT_SECONDS,
            operates: false,
        };
        let known = Self::new(view, None, now)?;
        Ok(Self { key: Some(Box::new(Key { id, grant, last: Mutex::default() })), ..known })
    }

    /// Whether this is good for a request to `site`: a session always, a key within its grant.
    #[must_use]
    pub fn covers(&self, site: &Site, asked: &Asked<'_>) -> bool {
        self.key.as_ref().is_none_or(|key| key.grant.covers(site, asked))
    }
}

impl Key {
    fn used(&self, site: &str, address: Option<IpAddr>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != site {
            last.0.replace_range(.., site);
        }
        last.1 = address;
    }

    fn told(&self, at: u64) -> ApiKeyUse {
        let (site, address) = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ApiKeyUse { id: self.id, at, site, address }
    }
}

impl Sessions {
    /// What is to be thought of `key` at `site`. Costs a question only when it is not known.
    pub async fn key_verdict(
        &self,
        authority: &Authority,
        key: Presented,
        site: &str,
        address: Option<IpAddr>,
        now: Moment,
    ) -> Verdict {
        let verdict = match self.sight_at(now.instant) {
            Sight::Dark => return Verdict::Undecided,
            sight => match self.recall_key(&key.digest, now.unix) {
                Some(known) => Verdict::Known(known),
                None if sight == Sight::Blind => return Verdict::Undecided,
                // Boxed, so that the hot path's future does not carry the question's.
                None => Box::pin(self.ask_key(authority, key, site, address)).await,
            },
        };
        if let Verdict::Known(known) = &verdict
            && let Some(key) = &known.key
        {
            key.used(site, address);
        }
        verdict
    }

    async fn ask_key(
        &self,
        authority: &Authority,
        key: Presented,
        site: &str,
        address: Option<IpAddr>,
    ) -> Verdict {
        let before = self.before();
        match authority.check_key(key, site, address).await {
            Err(Away { .. }) => Verdict::Undecided,
            Ok(None) => Verdict::Nobody,
            Ok(Some(live)) => self.learn_key(key, live, before),
        }
    }

    /// Remembers what the authority said of a key, as [`Sessions::learn`] does.
    pub fn learn_key(&self, key: Presented, live: LiveApiKey, before: u64) -> Verdict {
        self.remember(key.digest, Known::of_key(key.id, live, self.clock.unix()), before)
    }

    pub(super) fn recall_key(&self, digest: &SessionDigest, now: u64) -> Option<Arc<Known>> {
        self.recall_where(digest, now, |known| known.key.is_some())
    }

    /// Which keys have been used since the last time.
    #[must_use]
    pub fn key_uses(&self) -> Vec<ApiKeyUse> {
        let map = self.known.pin();
        let keys = map.iter().filter_map(|(_, known)| Some((known, known.key.as_ref()?)));
        keys.filter(|(known, _)| known.untold.swap(false, Ordering::Relaxed))
            .map(|(known, key)| key.told(known.used_at.load(Ordering::Relaxed)))
            .collect()
    }
}
