//! Sign-ins under way. Each is its own flow with its id in the address, so several tabs do not disturb each other.
//!
//! A flow says where a person wants to go, never who they are. It lives ten minutes. The table is bounded: the oldest
//! of the same address give way first, then the oldest of all.

pub mod asserted;
pub mod enrolling;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;
use twofold_shared::wire::{Notice, SessionDigest};
use zeroize::Zeroizing;

use self::asserted::Whose;
pub use self::asserted::{Asserted, Newcomer, Released};
use self::enrolling::Enrolling;
use crate::clock::Millis;
use crate::cookies::Fresh;
use crate::return_address::ReturnAddress;
use crate::rules::Need;
use crate::site::Site;

/// How long a browser keeps what it holds of a flow: the wizard renews the flow's own life.
pub const COOKIE_LIFE: Duration = Duration::from_secs(1800);
/// How old a code may be where the portal asks for a fresh one: some less than the authority takes, so that there is time to
/// use it.
pub const FRESH_SECONDS: u64 = 240;
/// How long a flow lives, in milliseconds.
const LIFE_MILLIS: Millis = 600_000;

/// Flows at one time, and those of one address. Many people may share an address.
const CAPACITY: usize = 16_384;
const PER_ADDRESS: usize = 4_096;

/// A flow's id: 128 random bits in base64url, as it stands in the address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FlowId(Box<str>);

impl FlowId {
    /// How many letters it has.
    pub const LENGTH: usize = 22;

    fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bytes).into()))
    }

    /// Reads an id from an address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = text.len() == Self::LENGTH
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        shaped.then(|| Self(text.into()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The end of the name of the cookie that binds the flow to its browser.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or_default()
    }
}

/// Where a flow leads, and the proof that only the browser that began it has.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The site.
    pub site: Arc<Site>,
    /// The path on it.
    pub return_to: ReturnAddress,
    /// The digest of the nonce in the browser's cookie at the site.
    pub nonce: SessionDigest,
    /// What the session must have there.
    pub need: Need,
}

/// A sign-in under way.
#[derive(Debug)]
pub struct Flow {
    /// Its id.
    pub id: FlowId,
    /// Where it leads; absent: to the portal's own page.
    pub destination: Option<Destination>,
    born: AtomicU64,
    address: Option<IpAddr>,
    news: Mutex<Option<(SessionDigest, Vec<Notice>)>>,
    asserted: Mutex<Option<Asserted>>,
    joined: Mutex<Option<(SessionDigest, String)>>,
    proven: Mutex<Option<Proven>>,
    /// Whether a code is asked for that was given in the last minutes, though it leads to the portal's own pages.
    afresh: AtomicBool,
    /// The wizard's part.
    pub enrolling: Enrolling,
    /// It was begun for a device and leads nowhere else.
    wants_device: bool,
    /// Where the person went meanwhile, instead.
    led_to: Mutex<Option<ReturnAddress>>,
}

/// What a name and a code brought, with nothing before: a session of the flow's site.
pub struct Proven {
    /// The digest of what the browser that gave the code holds at the portal.
    pub holder: SessionDigest,
    /// The cookie of the site's session; gone once it was handed over.
    pub session: Option<Zeroizing<String>>,
}

impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proven(…)")
    }
}

impl Flow {
    /// What the session must have before the flow goes on.
    #[must_use]
    pub fn need(&self) -> Need {
        let asks_afresh = self.wants_device || self.afresh.load(Ordering::Relaxed);
        let own = Need { max_age: asks_afresh.then_some(FRESH_SECONDS), ..Need::SECOND };
        self.destination.as_ref().map_or(own, |destination| destination.need)
    }

    /// Asks for a code though one was given before: what comes next takes a fresh one.
    pub fn ask_afresh(&self) {
        self.afresh.store(true, Ordering::Relaxed);
    }

    /// Whether it was begun to set up a device.
    #[must_use]
    pub fn wants_device(&self) -> bool {
        self.wants_device
    }

    /// It lives as long again from `now`.
    pub fn renew(&self, now: Millis) {
        self.born.fetch_max(now, Ordering::Relaxed);
    }

    fn is_over(&self, now: Millis) -> bool {
        now.saturating_sub(self.born.load(Ordering::Relaxed)) >= LIFE_MILLIS
    }

    /// An app's own login has passed.
    pub fn assert(&self, asserted: Asserted) {
        *lock(&self.asserted) = Some(asserted);
    }

    /// Whose first factor an app's own login proved.
    #[must_use]
    pub fn account(&self) -> Option<String> {
        match &lock(&self.asserted).as_ref()?.whose {
            Whose::Account(account) => Some(account.clone()),
            Whose::Newcomer(_) => None,
        }
    }

    /// The person of `session` should read that their name joined their account.
    pub fn keep_joining(&self, session: SessionDigest, name: String) {
        *lock(&self.joined) = Some((session, name));
    }

    /// The name that joined the account of `session` in this flow.
    #[must_use]
    pub fn joined(&self, session: &SessionDigest) -> Option<String> {
        lock(&self.joined).as_ref().filter(|(owner, _)| owner == session).map(|(_, name)| name.clone())
    }

    /// A ticket for the flow's session, once; a later one makes the earlier void. None when it was redeemed.
    ///
    /// # Errors
    /// When the kernel gives no randomness.
    pub fn ticket(&self) -> Result<Option<Zeroizing<String>>, getrandom::Error> {
        let mut asserted = lock(&self.asserted);
        let Some(asserted) = asserted.as_mut().filter(|asserted| asserted.session.is_some()) else {
            return Ok(None);
        };
        let fresh = Fresh::generate()?;
        asserted.ticket = Some(fresh.digest);
        Ok(Some(fresh.value))
    }

    /// The flow's session for its ticket, once.
    #[must_use]
    pub fn redeem(&self, ticket: &SessionDigest) -> Option<Zeroizing<String>> {
        let mut asserted = lock(&self.asserted);
        let asserted = asserted.as_mut()?;
        let own = asserted.ticket.take_if(|own| own.as_bytes().ct_eq(ticket.as_bytes()).into());
        own.and_then(|_| asserted.session.take())
    }

    /// Who the app took them for, and what it gave them: once. None where no app did.
    #[must_use]
    pub fn release(&self) -> Option<Released> {
        let asserted =
            lock(&self.asserted).take_if(|asserted| matches!(asserted.whose, Whose::Account(_)))?;
        Some(Released { user: asserted.user?, held: asserted.held, proof: asserted.proof })
    }

    /// Whether `user` has passed the first factor in it, and its ticket was not redeemed yet.
    #[must_use]
    pub fn awaits(&self, user: &str) -> bool {
        lock(&self.asserted)
            .as_ref()
            .is_some_and(|asserted| asserted.user.as_deref() == Some(user) && asserted.session.is_some())
    }

    /// A name and a code were right.
    pub fn prove(&self, proven: Proven) {
        *lock(&self.proven) = Some(proven);
    }

    /// Whether the browser that holds `holder` has given the code.
    #[must_use]
    pub fn is_proven_by(&self, holder: &SessionDigest) -> bool {
        lock(&self.proven)
            .as_ref()
            .is_some_and(|proven| proven.holder.as_bytes().ct_eq(holder.as_bytes()).into())
    }

    /// The cookie of the site's session that a name and a code opened: once.
    #[must_use]
    pub fn hand_over(&self) -> Option<Zeroizing<String>> {
        lock(&self.proven).as_mut()?.session.take()
    }

    /// The person has gone on to another page of the site meanwhile.
    pub fn lead_to(&self, return_to: ReturnAddress) {
        *lock(&self.led_to) = Some(return_to);
    }

    /// Where the person wants to go on the site: where they began, or else where the app would lead them.
    #[must_use]
    pub fn return_to(&self) -> ReturnAddress {
        if let Some(led_to) = lock(&self.led_to).clone() {
            return led_to;
        }
        let begun = self.destination.as_ref().map(|destination| destination.return_to.clone());
        let begun = begun.filter(|begun| *begun != ReturnAddress::front_page());
        let location = || lock(&self.asserted).as_ref().and_then(|asserted| asserted.location.clone());
        begun.or_else(location).unwrap_or_else(ReturnAddress::front_page)
    }

    /// Keeps what the person of `session` should read before they go on.
    pub fn keep_news(&self, session: SessionDigest, notices: Vec<Notice>) {
        *lock(&self.news) = Some((session, notices));
    }

    /// What the person of `session` should read.
    #[must_use]
    pub fn news(&self, session: &SessionDigest) -> Vec<Notice> {
        match &*lock(&self.news) {
            Some((owner, notices)) if owner == session => notices.clone(),
            _ => Vec::new(),
        }
    }
}

/// All sign-ins under way.
#[derive(Debug, Default)]
pub struct Flows(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    flows: HashMap<FlowId, Arc<Flow>>,
    by_nonce: HashMap<SessionDigest, FlowId>,
    /// The oldest first; ids whose flow is gone already are skipped.
    ages: VecDeque<FlowId>,
    per_address: HashMap<Option<IpAddr>, usize>,
}

impl Flows {
    /// Begins a flow.
    ///
    /// # Errors
    /// When the kernel gives no randomness.
    pub fn begin(
        &self,
        destination: Option<Destination>,
        address: Option<IpAddr>,
        now: Millis,
    ) -> Result<Arc<Flow>, getrandom::Error> {
        self.keep(destination, false, address.map(network), now)
    }

    /// Begins a flow to set up a device, from the portal's own pages.
    ///
    /// # Errors
    /// As [`Flows::begin`].
    pub fn begin_device(&self, address: Option<IpAddr>, now: Millis) -> Result<Arc<Flow>, getrandom::Error> {
        self.keep(None, true, address.map(network), now)
    }

    fn keep(
        &self,
        destination: Option<Destination>,
        wants_device: bool,
        address: Option<IpAddr>,
        now: Millis,
    ) -> Result<Arc<Flow>, getrandom::Error> {
        let flow = Arc::new(Flow {
            id: FlowId::generate()?,
            destination,
            wants_device,
            enrolling: Enrolling::default(),
            born: AtomicU64::new(now),
            address,
            news: Mutex::default(),
            asserted: Mutex::default(),
            joined: Mutex::default(),
            proven: Mutex::default(),
            afresh: AtomicBool::new(false),
            led_to: Mutex::default(),
        });
        let mut table = lock(&self.0);
        table.expire(now);
        if table.per_address.get(&address).is_some_and(|&count| count >= PER_ADDRESS) {
            table.drop_oldest_of(address);
        }
        if table.flows.len() >= CAPACITY {
            table.drop_oldest();
        }
        table.flows.insert(flow.id.clone(), Arc::clone(&flow));
        if let Some(destination) = &flow.destination {
            table.by_nonce.insert(destination.nonce, flow.id.clone());
        }
        table.ages.push_back(flow.id.clone());
        *table.per_address.entry(address).or_default() += 1;
        Ok(flow)
    }

    /// The flow of this id, while it lives.
    #[must_use]
    pub fn find(&self, id: &str, now: Millis) -> Option<Arc<Flow>> {
        let id = FlowId::parse(id)?;
        let flow = lock(&self.0).flows.get(&id).cloned()?;
        (!flow.is_over(now)).then_some(flow)
    }
}

impl Flows {
    /// The flow that was begun with this nonce, while it lives.
    #[must_use]
    pub fn find_by_nonce(&self, nonce: &SessionDigest, now: Millis) -> Option<Arc<Flow>> {
        let table = lock(&self.0);
        let flow = table.flows.get(table.by_nonce.get(nonce)?).cloned()?;
        (!flow.is_over(now)).then_some(flow)
    }
}

impl Table {
    fn expire(&mut self, now: Millis) {
        while let Some(oldest) = self.ages.front() {
            match self.flows.get(oldest) {
                Some(flow) if !flow.is_over(now) => return,
                _ => self.drop_oldest(),
            }
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(id) = self.ages.pop_front() {
            self.remove(&id);
        }
    }

    fn drop_oldest_of(&mut self, address: Option<IpAddr>) {
        let is_of = |id: &&FlowId| self.flows.get(*id).is_some_and(|flow| flow.address == address);
        if let Some(id) = self.ages.iter().find(is_of).cloned() {
            self.remove(&id);
        }
    }

    fn remove(&mut self, id: &FlowId) {
        let Some(flow) = self.flows.remove(id) else { return };
        if let Some(destination) = &flow.destination {
            self.by_nonce.remove(&destination.nonce);
        }
        if let Some(count) = self.per_address.get_mut(&flow.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.per_address.remove(&flow.address);
            }
        }
    }
}

/// One household or company: an IPv4 address, or the /64 of an IPv6 one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// A table is whole after every statement, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn a_flow_lives_ten_minutes() {
        let flows = Flows::default();
        let flow = flows.begin(None, address(1), 5).unwrap();
        assert!(flows.find(flow.id.as_str(), 5 + LIFE_MILLIS - 1).is_some());
        assert!(flows.find(flow.id.as_str(), 5 + LIFE_MILLIS).is_none());
        assert!(flows.find("", 5).is_none());
        assert!(flows.find(&"a".repeat(FlowId::LENGTH), 5).is_none());
    }

    #[test]
    fn a_flow_that_is_renewed_lives_on() {
        let flows = Flows::default();
        let flow = flows.begin(None, address(1), 5).unwrap();
        flow.renew(100_000);
        assert!(flows.find(flow.id.as_str(), 5 + LIFE_MILLIS).is_some());
        flow.renew(7);
        assert!(flows.find(flow.id.as_str(), 100_000 + LIFE_MILLIS).is_none());
    }

    #[test]
    fn several_flows_of_one_browser_live_side_by_side() {
        let flows = Flows::default();
        let (one, other) =
            (flows.begin(None, address(1), 0).unwrap(), flows.begin(None, address(1), 0).unwrap());
        assert_ne!(one.id, other.id);
        assert!(flows.find(one.id.as_str(), 1).is_some() && flows.find(other.id.as_str(), 1).is_some());
    }

    #[test]
    fn one_address_drives_out_only_its_own() {
        let flows = Flows::default();
        let victim = flows.begin(None, address(1), 0).unwrap();
        let first = flows.begin(None, address(2), 0).unwrap();
        for _ in 0..PER_ADDRESS {
            flows.begin(None, address(2), 0).unwrap();
        }
        assert!(flows.find(victim.id.as_str(), 1).is_some());
        assert!(flows.find(first.id.as_str(), 1).is_none());
    }

    #[test]
    fn the_table_is_bounded_and_empties_itself() {
        let flows = Flows::default();
        for last in 0..20 {
            for _ in 0..1_000 {
                flows.begin(None, address(last), 0).unwrap();
            }
        }
        assert!(lock(&flows.0).flows.len() <= CAPACITY);
        flows.begin(None, address(1), LIFE_MILLIS).unwrap();
        let table = lock(&flows.0);
        assert_eq!((table.flows.len(), table.ages.len(), table.per_address.len()), (1, 1, 1));
    }

    #[test]
    fn news_are_for_their_owner() {
        let flow = Flows::default().begin(None, None, 0).unwrap();
        let (owner, other) = (SessionDigest::from_bytes([1; 32]), SessionDigest::from_bytes([2; 32]));
        let notice = Notice {
            kind: twofold_shared::wire::NoticeKind::BackupCodeUsed,
            left: Some(3),
            label: None,
            door: None,
            source: None,
            at: None,
        };
        flow.keep_news(owner, vec![notice]);
        assert_eq!((flow.news(&owner).len(), flow.news(&other).len()), (1, 0));
    }
}
