//! The one way a site gets a session: a code that the portal gives the browser to carry, once, within a minute.
//!
//! It is bound to the portal's session, to the site and to the browser that began the flow there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use subtle::ConstantTimeEq;
use twofold_shared::wire::SessionDigest;
use zeroize::Zeroizing;

use crate::clock::Millis;
use crate::cookies::{self, Fresh};
use crate::flow::{Destination, Flow};

/// How long the browser has to carry it.
const LIFE_MILLIS: Millis = 60_000;
/// Handoffs at one time. Only people who have passed both factors make them.
const CAPACITY: usize = 4_096;

/// What a code stands for.
#[derive(Debug)]
pub struct Handoff {
    /// The portal's session; absent where the flow holds a session of the site that a name and a code opened.
    pub portal: Option<SessionDigest>,
    /// Where it leads.
    pub destination: Destination,
    /// The flow that leads there.
    pub flow: Arc<Flow>,
    born: Millis,
}

impl Handoff {
    /// Whether `nonce`, as the browser presents it, is the one that the flow began with.
    #[must_use]
    pub fn is_for(&self, nonce: &[u8]) -> bool {
        cookies::digest(nonce)
            .is_some_and(|digest| digest.as_bytes().ct_eq(self.destination.nonce.as_bytes()).into())
    }
}

/// Handoffs under way, by the digest of their code.
#[derive(Debug, Default)]
pub struct Handoffs(Mutex<HashMap<SessionDigest, Handoff>>);

/// Why there is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHandoff {
    /// Too many at once.
    #[error("too many handoffs at once")]
    Full,
    /// No randomness.
    #[error("the kernel gives no randomness")]
    NoRandomness,
}

impl Handoffs {
    /// Makes a code for the browser of `portal` to carry to `destination`.
    ///
    /// # Errors
    /// [`NoHandoff`].
    pub fn give(
        &self,
        portal: Option<SessionDigest>,
        destination: Destination,
        flow: &Arc<Flow>,
        now: Millis,
    ) -> Result<Zeroizing<String>, NoHandoff> {
        let code = Fresh::generate().map_err(|_| NoHandoff::NoRandomness)?;
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= CAPACITY {
            table.retain(|_, handoff| handoff.lives(now));
        }
        if table.len() >= CAPACITY {
            return Err(NoHandoff::Full);
        }
        table.insert(code.digest, Handoff { portal, destination, flow: Arc::clone(flow), born: now });
        Ok(code.value)
    }

    /// Takes what `code` stands for at `host`; a second time there is nothing.
    #[must_use]
    pub fn take(&self, code: &[u8], host: &str, now: Millis) -> Option<Handoff> {
        let digest = cookies::digest(code)?;
        let handoff = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest)?;
        (handoff.lives(now) && handoff.destination.site.host() == host).then_some(handoff)
    }
}

impl Handoff {
    fn lives(&self, now: Millis) -> bool {
        now.saturating_sub(self.born) < LIFE_MILLIS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SiteConfig;
    use crate::flow::Flows;
    use crate::origin::Origin;
    use crate::return_address::ReturnAddress;
    use crate::rules::Need;
    use crate::site::Site;

    fn destination(nonce: &Fresh) -> Destination {
        let site = Site::new(&SiteConfig {
            origin: Origin::parse("http://wiki.localhost:8480").unwrap(),
            upstream: "127.0.0.1:1".parse().unwrap(),
            max_body: None,
            create: false,
            assertion: false,
            title: "Wiki".to_owned(),
            path_parameters: false,
            ignore_case: false,
            rules: crate::rules::Rules::default(),
            enrolments: crate::enrolment::Enrolments::default(),
            first_factor: crate::first_factor::FirstFactor::Password,
            trusted_browsers: None,
            forward_authorization: false,
        });
        Destination {
            site: Arc::new(site),
            return_to: ReturnAddress::front_page(),
            nonce: nonce.digest,
            need: Need::SECOND,
        }
    }

    fn flow() -> Arc<Flow> {
        Flows::default().begin(None, None, 0).unwrap()
    }

    const PORTAL: Option<SessionDigest> = Some(SessionDigest::from_bytes([1; 32]));

    #[test]
    fn a_code_serves_once_at_its_host_within_a_minute() {
        let (table, nonce) = (Handoffs::default(), Fresh::generate().unwrap());
        let give = |now| table.give(PORTAL, destination(&nonce), &flow(), now).unwrap();
        let code = give(0);
        assert!(table.take(code.as_bytes(), "wiki.localhost", 59_999).is_some());
        assert!(table.take(code.as_bytes(), "wiki.localhost", 59_999).is_none());
        assert!(table.take(give(0).as_bytes(), "wiki.localhost", 60_000).is_none());
        let elsewhere = give(0);
        assert!(table.take(elsewhere.as_bytes(), "other.localhost", 1).is_none());
        // Presented at the wrong host, it is spent.
        assert!(table.take(elsewhere.as_bytes(), "wiki.localhost", 1).is_none());
        assert!(table.take(b"", "wiki.localhost", 1).is_none());
    }

    #[test]
    fn a_code_is_only_for_the_browser_that_began() {
        let (table, nonce) = (Handoffs::default(), Fresh::generate().unwrap());
        let code = table.give(PORTAL, destination(&nonce), &flow(), 0).unwrap();
        let handoff = table.take(code.as_bytes(), "wiki.localhost", 1).unwrap();
        assert!(handoff.is_for(nonce.value.as_bytes()));
        assert!(!handoff.is_for(Fresh::generate().unwrap().value.as_bytes()));
        assert!(!handoff.is_for(b""));
    }

    #[test]
    fn a_full_table_gives_none() {
        let (table, nonce) = (Handoffs::default(), Fresh::generate().unwrap());
        for _ in 0..CAPACITY {
            table.give(PORTAL, destination(&nonce), &flow(), 0).unwrap();
        }
        assert_eq!(table.give(PORTAL, destination(&nonce), &flow(), 1).unwrap_err(), NoHandoff::Full);
        assert!(table.give(PORTAL, destination(&nonce), &flow(), LIFE_MILLIS).is_ok());
    }
}
