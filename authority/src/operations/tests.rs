//! The operations as their callers meet them: whole calls, over a real ledger on a real disk, under a clock that stands
//! still until a test moves it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::value::{RawValue, to_raw_value};
use tempfile::TempDir;
use twofold_shared::clock::UnixTime;
use twofold_shared::name::Realm;
use twofold_shared::secret::SecretText;
use twofold_shared::totp::{Secret, Totp, TotpParameters};
use twofold_shared::trail::{Action, By, Door, Why};
use twofold_shared::wire::*;

use super::people::{Directory, NoAnswer};
use super::settings::Settings;
use crate::authority::Authority;
use crate::config::{FirstEnrolment, Sessions};
use crate::keyring::{Keyring, Place};
use crate::listen::Service;
use crate::peer::{Caller, DoorListener, Standing};
use crate::policy::Policy;
use crate::store::{Options, ReserveSize, Store};
use crate::system_clock::{Clock, ManualClock};
use crate::varlink::{Answer, Failure, Reply};

mod accounts;
mod api_keys;
mod browsers;
mod by_code;
mod emergency;
mod enrolment;
mod equal_work;
mod full_disk;
mod graces;
mod invitations;
mod keys;
mod login_enrolment;
mod operators;
mod persons;
mod policy;
mod races;
mod retention;
mod roster;
mod session_enrolment;
mod sessions;
mod sign_in;
mod trail;
mod verify;

const NOON: u64 = 1_800_000_000;

/// Whatever is written into the trail, people can be told of it: the languages' words are made for these.
fn in_known_words(event: &AuditEvent) {
    assert!(Action::parse(&event.action).is_some(), "{event:?}");
    assert!(Door::read(&event.door).is_some(), "{event:?}");
    assert!(event.actor.as_deref().is_none_or(|actor| By::read(actor).is_some()), "{event:?}");
    // What is found about the clock is said in words of its own.
    let reason = event.reason.as_deref().filter(|_| event.action != Action::Clock.as_str());
    assert!(reason.is_none_or(|reason| Why::parse(reason).is_some()), "{event:?}");
}

/// The host's users.
#[derive(Clone, Default)]
struct Users(Arc<Mutex<BTreeMap<String, u32>>>);

impl Directory for Users {
    fn uid_of(&self, name: &str) -> Result<Option<u32>, NoAnswer> {
        Ok(self.0.lock().unwrap().get(name).copied())
    }

    fn name_of(&self, uid: u32) -> Result<Option<String>, NoAnswer> {
        Ok(self.0.lock().unwrap().iter().find(|(_, known)| **known == uid).map(|(name, _)| name.clone()))
    }

    /// Everybody is in `people` and in a group of their own; nobody has ever heard of `gone`.
    fn groups_of(&self, name: &str, groups: &[String]) -> Result<Vec<String>, NoAnswer> {
        if groups.iter().any(|group| group == "gone") {
            return Err(NoAnswer);
        }
        Ok(groups.iter().filter(|group| *group == "people" || *group == name).cloned().collect())
    }
}

/// An authority on a ledger in a folder that vanishes.
struct World {
    _folder: TempDir,
    options: Options,
    keyring: Arc<Keyring>,
    clock: Arc<ManualClock>,
    users: Users,
    settings: Settings,
    authority: Arc<Authority>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(configure: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path().join("ledger"));
        options.reserve = ReserveSize { reserve: 1 << 20, margin: 1 << 20 };
        let keys = folder.path().join("keys");
        let keyring = Arc::new(Keyring::generate(&keys).unwrap());
        let clock = ManualClock::at(NOON);
        Store::create(&options, &keyring, &*clock).unwrap();
        let mut settings = Settings {
            host: "web1".into(),
            issuer: "Twofold web1".into(),
            keys,
            gate_realms: vec![Realm::parse("wiki.example.com").unwrap()],
            policy: Policy { default: Requirement::Required, services: BTreeMap::new(), rules: Vec::new() },
            first_enrolment: FirstEnrolment::Login,
            enrol_services: vec!["sshd".into(), "login".into()],
            language: Language::English,
            enrolment_groups: [("carol".into(), FirstEnrolment::Invitation)].into(),
            enrolment_groups_here: vec!["carol".into()],
            portal: Some("https://id.example.com".into()),
            sessions: Sessions { idle: Duration::from_secs(3600), absolute: Duration::from_secs(43_200) },
            operators_at_web: true,
        };
        configure(&mut settings);
        let users = Users::default();
        for (name, uid) in [("root", 0), ("daemon", 1), ("alice", 1000), ("bob", 1001), ("carol", 1002)] {
            users.0.lock().unwrap().insert(name.into(), uid);
        }
        let store =
            Store::open(&options, Arc::clone(&keyring), Arc::clone(&clock) as Arc<dyn Clock>, None).unwrap();
        let authority = Arc::new(Authority::new(store, settings.clone(), users.clone()));
        Self { _folder: folder, options, keyring, clock, users, settings, authority }
    }

    /// The disk is full, and only the reserve is left.
    async fn fill_the_disk(&mut self) {
        self.options.reserve.reserve = 1 << 60;
        self.restart().await;
    }

    /// The authority ends and starts again.
    async fn restart(&mut self) {
        self.authority.store.close().await;
        self.keyring = Arc::new(Keyring::load(&self.settings.keys, Place::Folder).unwrap());
        let clock = || Arc::clone(&self.clock) as Arc<dyn Clock>;
        // Somebody must be there meanwhile: a stand-in over a ledger of its own. The lock on the folder is free when the
        // last task that holds the old one has ended.
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(folder.path().join("ledger"));
        Store::create(&options, &self.keyring, &*self.clock).unwrap();
        let stand_in = Store::open(&options, Arc::clone(&self.keyring), clock(), None).unwrap();
        let authority = |store| Arc::new(Authority::new(store, self.settings.clone(), self.users.clone()));
        self.authority = authority(stand_in);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        let store = loop {
            match Store::open(&self.options, Arc::clone(&self.keyring), clock(), None) {
                Ok(store) => break store,
                Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
            }
            tokio::task::yield_now().await;
        };
        self.authority = authority(store);
    }

    async fn raw<R: Request>(&self, caller: &Caller, request: &R) -> Result<Reply, Failure> {
        let parameters = to_raw_value(request).unwrap();
        match self.authority.call(caller, R::METHOD, &parameters, false).await {
            Answer::One(reply) => reply,
            Answer::Stream(_) => panic!("a stream was not asked for"),
        }
    }

    async fn ask<R: Request>(&self, caller: &Caller, request: R) -> Result<R::Reply, Fault> {
        match self.raw(caller, &request).await {
            Ok(reply) => Ok(reply.parameters()),
            Err(Failure::Fault(fault)) => Err(fault),
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn follow<R: Request>(&self, caller: &Caller, request: R) -> tokio::sync::mpsc::Receiver<Reply> {
        let parameters = to_raw_value(&request).unwrap();
        match self.authority.call(caller, R::METHOD, &parameters, true).await {
            Answer::Stream(messages) => messages,
            Answer::One(reply) => panic!("{reply:?}"),
        }
    }

    /// Makes an account as root, with a device.
    async fn enrolled(&self, name: &str) -> Phone {
        self.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
        self.enrol(&root(), Some(name)).await
    }

    async fn enrol(&self, caller: &Caller, name: Option<&str>) -> Phone {
        let begun = self.ask(caller, begin(name)).await.unwrap();
        self.confirm(caller, &begun).await.unwrap()
    }

    async fn confirm(&self, caller: &Caller, begun: &BegunEnrolment) -> Result<Phone, Fault> {
        let secret = Secret::from_base32(begun.secret.reveal()).unwrap();
        let totp = Totp { secret, parameters: TotpParameters::default() };
        let mut phone = Phone { totp, device: String::new(), backup_codes: Vec::new() };
        let code = secret_text(&phone.code(self));
        let confirm = ConfirmEnrolment { enrolment: begun.enrolment.clone(), code };
        let confirmed = self.ask(caller, confirm).await?;
        phone.device = confirmed.device.id;
        phone.backup_codes = confirmed.backup_codes.iter().map(|code| code.reveal().to_owned()).collect();
        // The code that confirmed is spent: the next one is good.
        self.clock.pass(30);
        Ok(phone)
    }

    async fn verify(&self, caller: &Caller, name: &str, code: &str) -> Word {
        word_of(&self.ask(caller, verify(name, code, "10.0.0.1")).await.unwrap())
    }

    async fn verify_from(&self, address: &str, name: &str, code: &str) -> Word {
        word_of(&self.ask(&root(), verify(name, code, address)).await.unwrap())
    }

    async fn view(&self, name: &str) -> AccountView {
        self.ask(&root(), GetAccount { account: Some(name.into()) }).await.unwrap()
    }

    async fn trail(&self) -> Vec<AuditEvent> {
        let everything = ReadAudit { account: None, after: None, since: None, limit: 500 };
        let events = self.ask(&root(), everything).await.unwrap().events;
        for event in &events {
            in_known_words(event);
        }
        events
    }

    /// Signs in at the portal up to `level`; gives the session.
    async fn session(&self, name: &str, password: &str, phone: Option<&Phone>) -> SessionDigest {
        let first = digest();
        let reply = self.ask(&gate(), sign_in(name, password, first)).await.unwrap();
        assert!(reply.signed_in.is_some(), "{:?}", reply.refusal);
        let Some(phone) = phone else { return first };
        self.clock.pass(30);
        let next = digest();
        let reply = self.ask(&gate(), raise(first, next, &phone.code(self))).await.unwrap();
        assert_eq!(word_of(&reply), None);
        next
    }

    async fn check(&self, session: SessionDigest, site: Option<&str>) -> Option<SessionView> {
        let check = CheckSession { nonce: nonce(), session, site: site.map(Into::into) };
        self.ask(&gate(), check).await.unwrap().session
    }

    /// Asks as the person of a session, with their password if it is given.
    async fn ask_as<R: Request>(
        &self,
        session: SessionDigest,
        password: Option<&str>,
        request: R,
    ) -> Result<R::Reply, Fault> {
        let asked = AsPerson {
            nonce: nonce(),
            session,
            source: address("192.0.2.7"),
            browser_value: None,
            password: password.map(secret_text),
            method: R::METHOD.to_owned(),
            parameters: Opaque::of(&request).unwrap(),
        };
        Ok(self.ask(&gate(), asked).await?.reply.read().unwrap())
    }

    async fn open(&self, portal: SessionDigest, site: &str) -> Option<SessionDigest> {
        let session = digest();
        let open = OpenSite { nonce: nonce(), portal, site: site.into(), session, trust_seconds: None };
        self.ask(&gate(), open).await.unwrap().session.map(|_| session)
    }
}

/// Somebody's authenticator app.
struct Phone {
    totp: Totp,
    device: String,
    backup_codes: Vec<String>,
}

impl Phone {
    fn code(&self, world: &World) -> String {
        self.code_at(world.clock.now().now())
    }

    fn code_at(&self, time: UnixTime) -> String {
        self.totp.code_at(self.totp.parameters.step_at(time)).reveal().to_owned()
    }

    /// A code of this length that is not right anywhere near now.
    fn wrong(&self, world: &World) -> String {
        let now = world.clock.now().now();
        let near: Vec<String> = (0..9).map(|n| self.code_at(UnixTime(now.0 + n * 30 - 120))).collect();
        (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

/// The public word of a refusal; none for an approval.
type Word = Option<twofold_shared::wire::Word>;

fn word_of(reply: &VerifyReply) -> Word {
    match (&reply.approval, &reply.refusal) {
        (Some(_), None) => None,
        (None, Some(refusal)) => Some(refusal.word),
        other => panic!("{other:?}"),
    }
}

fn main_socket(uid: u32, administrator: bool, gate: bool) -> Caller {
    Caller { uid, standing: Standing::Main { administrator, gate } }
}

fn root() -> Caller {
    main_socket(0, true, false)
}

fn gate() -> Caller {
    main_socket(990, false, true)
}

fn person(uid: u32) -> Caller {
    main_socket(uid, false, false)
}

fn door(realm: &str, enrol: bool) -> Caller {
    let services = vec!["sshd".into(), "sudo".into()];
    let realm = Realm::parse(realm).unwrap();
    let listener = DoorListener { services, host: "box1".into(), realm, enrol };
    Caller { uid: 0, standing: Standing::Door(Arc::new(listener)) }
}

fn nonce() -> Nonce {
    Nonce::generate().unwrap()
}

fn digest() -> SessionDigest {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    SessionDigest::from_bytes(bytes)
}

fn secret_text(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

fn address(text: &str) -> Source {
    Source { address: Some(text.parse::<IpAddr>().unwrap()), ..Source::default() }
}

fn login(name: &str, from: &str) -> Login {
    Login { name: name.into(), service: "sshd".into(), first: FirstFactor::Above, source: address(from) }
}

fn lock(account: impl Into<String>) -> LockAccount {
    LockAccount { account: account.into(), reason: None, until: None }
}

fn verify(name: &str, code: &str, from: &str) -> Verify {
    Verify { nonce: nonce(), login: login(name, from), code: secret_text(code) }
}

fn begin(account: Option<&str>) -> BeginEnrolment {
    BeginEnrolment {
        account: account.map(Into::into),
        label: "phone".into(),
        algorithm: Algorithm::Sha1,
        digits: 6,
        period_seconds: 30,
        import: None,
        code: None,
    }
}

fn sign_in(name: &str, password: &str, session: SessionDigest) -> SignIn {
    SignIn {
        nonce: nonce(),
        name: name.into(),
        password: secret_text(password),
        source: address("192.0.2.7"),
        browser: "Firefox".into(),
        session,
        browser_value: None,
    }
}

fn raise(session: SessionDigest, next: SessionDigest, code: &str) -> VerifySession {
    VerifySession {
        nonce: nonce(),
        session,
        next,
        site: None,
        source: address("192.0.2.7"),
        code: secret_text(code),
        browser: None,
        trust_seconds: None,
    }
}
