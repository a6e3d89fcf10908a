//! Browsers: known by a cookie that changes with each use, trusted for a while, found out when it was copied.

use twofold_shared::wire::Word as Say;

use super::*;

const PASSWORD: &str = "correct horse";
const WIKI: &str = "wiki.example.com";
const DAY: u64 = 24 * 3600;
const MONTH: u64 = 30 * DAY;

/// Alice with a phone and a password.
async fn alice(world: &World) -> Phone {
    let phone = world.enrolled("alice").await;
    let link = LinkName { account: "alice".into(), name: "local:alice".into() };
    world.ask(&root(), link).await.unwrap();
    set_password(world).await;
    phone
}

async fn set_password(world: &World) {
    let set = SetPassword { account: Some("alice".into()), password: secret_text(PASSWORD), code: None };
    world.ask(&root(), set).await.unwrap();
}

/// What a browser with this cookie is asked for: a password at `address`, and what comes of it.
async fn password(world: &World, value: Option<SessionDigest>, from: &str) -> Result<SessionDigest, Say> {
    let session = digest();
    let request =
        SignIn { source: address(from), browser_value: value, ..sign_in("alice", PASSWORD, session) };
    let reply = world.ask(&gate(), request).await.unwrap();
    reply.refusal.map_or(Ok(session), |refusal| Err(refusal.word))
}

/// Gives a code in a session of a browser with this cookie; on success its next cookie and session.
async fn give(
    world: &World,
    session: SessionDigest,
    (presented, from): (Option<SessionDigest>, &str),
    code: &str,
    trust_seconds: Option<u64>,
) -> Result<(SessionDigest, SessionDigest), Say> {
    let (next, value) = (digest(), digest());
    let browser = Some(BrowserValue { presented, next: value });
    let request =
        VerifySession { source: address(from), browser, trust_seconds, ..raise(session, next, code) };
    match word_of(&world.ask(&gate(), request).await.unwrap()) {
        None => Ok((value, next)),
        Some(word) => Err(word),
    }
}

/// Signs in with password and code; gives the next cookie and the session.
async fn with_code(
    world: &World,
    phone: &Phone,
    value: Option<SessionDigest>,
    trust_seconds: Option<u64>,
) -> (SessionDigest, SessionDigest) {
    world.clock.pass(30);
    let first = password(world, value, "192.0.2.7").await.unwrap();
    give(world, first, (value, "192.0.2.7"), &phone.code(world), trust_seconds).await.unwrap()
}

/// Tries to pass on trust; gives the next cookie and the session.
async fn pass(
    world: &World,
    session: SessionDigest,
    presented: SessionDigest,
    trust_seconds: u64,
) -> Option<(SessionDigest, SessionDigest)> {
    let (next, value) = (digest(), digest());
    let request = PassTrusted {
        nonce: nonce(),
        session,
        next,
        site: WIKI.into(),
        source: address("192.0.2.7"),
        browser: BrowserValue { presented: Some(presented), next: value },
        trust_seconds,
    };
    match world.ask(&gate(), request).await {
        Ok(reply) => word_of(&reply).is_none().then_some((value, next)),
        Err(fault) => {
            assert_eq!(fault.kind, FaultKind::Refused);
            None
        }
    }
}

/// Whether password and this cookie are enough at a site that takes trust for a month.
async fn trusted(world: &World, value: SessionDigest) -> Option<(SessionDigest, SessionDigest)> {
    let first = password(world, Some(value), "192.0.2.7").await.unwrap();
    pass(world, first, value, MONTH).await
}

async fn browsers(world: &World) -> Vec<BrowserEntry> {
    world.ask(&root(), ListBrowsers { account: Some("alice".into()) }).await.unwrap().browsers
}

async fn open(world: &World, portal: SessionDigest, trust_seconds: Option<u64>) -> SessionView {
    let open = OpenSite { nonce: nonce(), portal, site: WIKI.into(), session: digest(), trust_seconds };
    world.ask(&gate(), open).await.unwrap().session.unwrap()
}

async fn actions(world: &World, action: &str) -> usize {
    world.trail().await.iter().filter(|event| event.action == action).count()
}

#[tokio::test]
async fn a_trusted_browser_needs_no_code_where_that_is_taken_and_for_so_long() {
    let world = World::new();
    let phone = alice(&world).await;
    let (value, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    let given_at = world.clock.now().now().0;
    assert_eq!(browsers(&world).await[0].trusted_until, Some(given_at + MONTH));
    world.clock.pass(7 * DAY);
    let (value, session) = trusted(&world, value).await.unwrap();
    let view = world.check(session, None).await.unwrap();
    assert_eq!((view.level, view.second_at, view.trusted_at), (Level::Second, None, Some(given_at)));
    let event = world.trail().await.pop().unwrap();
    assert_eq!((event.action.as_str(), event.outcome.as_str()), ("pass_trusted", "approved"));
    assert!(event.factor.unwrap().starts_with("browser Firefox"));
    // It rests on the code, not on the last use: a site that takes a week's trust takes none of this.
    let first = password(&world, Some(value), "192.0.2.7").await.unwrap();
    assert!(pass(&world, first, value, 7 * DAY).await.is_none());
    world.clock.pass(23 * DAY - 1);
    let (value, _) = trusted(&world, value).await.unwrap();
    world.clock.pass(1);
    assert!(trusted(&world, value).await.is_none(), "a month is over");
    assert_eq!(browsers(&world).await[0].trusted_until, None);
    assert_eq!(actions(&world, "browser_trust").await, 1);
}

#[tokio::test]
async fn a_session_that_rests_on_trust_is_at_level_first_where_that_is_not_taken() {
    let world = World::new();
    let phone = alice(&world).await;
    let (value, by_code) = with_code(&world, &phone, None, Some(MONTH)).await;
    world.clock.pass(8 * DAY);
    let (_, by_trust) = trusted(&world, value).await.unwrap();
    assert_eq!(open(&world, by_trust, Some(MONTH)).await.level, Level::Second);
    for taken in [None, Some(0), Some(8 * DAY)] {
        let view = open(&world, by_trust, taken).await;
        assert_eq!((view.level, view.second_at, view.trusted_at), (Level::First, None, None), "{taken:?}");
    }
    assert!(world.check(by_code, None).await.is_none(), "it has ended long ago");
    // A code in it ends all of that: from then on it rests on the code.
    world.clock.pass(30);
    let next = digest();
    let reply = world.ask(&gate(), raise(by_trust, next, &phone.code(&world))).await.unwrap();
    assert_eq!(word_of(&reply), None);
    let view = open(&world, next, None).await;
    assert_eq!((view.level, view.trusted_at), (Level::Second, None));
    assert_eq!(view.second_at, Some(world.clock.now().now().0));
}

#[tokio::test]
async fn trust_is_for_a_first_factor_of_its_own_account_and_never_for_less() {
    let world = World::new();
    let phone = alice(&world).await;
    world.ask(&root(), AddAccount { name: "local:bob".into(), groups: vec![] }).await.unwrap();
    world.enrol(&root(), Some("local:bob")).await;
    let set = SetPassword { account: Some("local:bob".into()), password: secret_text(PASSWORD), code: None };
    world.ask(&root(), set).await.unwrap();
    let (value, by_code) = with_code(&world, &phone, None, Some(MONTH)).await;
    let bobs = world.session("bob", PASSWORD, None).await;
    assert!(pass(&world, bobs, value, MONTH).await.is_none(), "another account's browser");
    assert!(pass(&world, by_code, value, MONTH).await.is_none(), "a code is worth more");
    let request = |session| PassTrusted {
        nonce: nonce(),
        session,
        next: digest(),
        site: WIKI.into(),
        source: address("192.0.2.7"),
        browser: BrowserValue { presented: Some(value), next: digest() },
        trust_seconds: MONTH,
    };
    let fault = world.ask(&gate(), request(digest())).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid, "no first factor");
    let first = password(&world, None, "192.0.2.7").await.unwrap();
    for caller in [root(), person(1000), door("unix", false)] {
        let fault = world.ask(&caller, request(first)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotPermitted);
    }
    assert!(pass(&world, first, digest(), MONTH).await.is_none(), "a cookie that nobody has");
    // Without the box, and for longer than anybody may.
    let (plain, _) = with_code(&world, &phone, None, None).await;
    assert!(trusted(&world, plain).await.is_none());
    let (long, _) = with_code(&world, &phone, None, Some(u64::MAX)).await;
    world.clock.pass(90 * DAY);
    let first = password(&world, Some(long), "192.0.2.7").await.unwrap();
    assert!(pass(&world, first, long, u64::MAX).await.is_none());
}

#[tokio::test]
async fn trust_ends_with_whatever_shows_that_something_is_wrong() {
    let world = World::new();
    let mut phone = alice(&world).await;
    let account = || "alice".to_owned();
    for what in ["lock", "password", "revoke", "device", "disable", "reset", "browser"] {
        let (value, _) = with_code(&world, &phone, None, Some(MONTH)).await;
        let (value, session) = trusted(&world, value).await.unwrap();
        match what {
            "lock" => {
                world.ask(&root(), lock(account())).await.unwrap();
                world.ask(&root(), UnlockAccount { account: account() }).await.unwrap();
            }
            "password" => set_password(&world).await,
            "revoke" => {
                let revoke = RevokeSessions { account: Some(account()), id: None, code: None };
                world.ask(&root(), revoke).await.unwrap();
            }
            "browser" => {
                let id = Some(browsers(&world).await[0].id.clone());
                let revoke = RevokeBrowsers { account: Some(account()), id, code: None };
                world.ask(&root(), revoke).await.unwrap();
            }
            "device" => {
                let other = world.enrol(&root(), Some("alice")).await;
                let remove =
                    RemoveDevice { account: Some(account()), device: phone.device.clone(), code: None };
                world.ask(&root(), remove).await.unwrap();
                phone = other;
            }
            _ => {
                if what == "reset" {
                    world.ask(&root(), ResetAccount { account: account() }).await.unwrap();
                } else {
                    let disable = DisableAccount { account: Some(account()), code: None };
                    world.ask(&root(), disable).await.unwrap();
                }
                phone = world.enrol(&root(), Some("alice")).await;
            }
        }
        assert_eq!(world.check(session, None).await, None, "{what}: what rested on it ended");
        assert!(trusted(&world, value).await.is_none(), "{what}");
    }
}

#[tokio::test]
async fn no_trust_is_given_or_used_while_the_clock_is_in_doubt() {
    let world = World::new();
    let phone = alice(&world).await;
    let (value, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    world.clock.step(-3600);
    assert!(trusted(&world, value).await.is_none());
    let first = password(&world, Some(value), "192.0.2.7").await.unwrap();
    let backup = phone.backup_codes[0].clone();
    let (value, _) = give(&world, first, (Some(value), "192.0.2.7"), &backup, Some(MONTH)).await.unwrap();
    assert_eq!(actions(&world, "browser_trust").await, 1, "a backup code passes, and nothing more");
    world.ask(&root(), AcceptClock {}).await.unwrap();
    assert!(trusted(&world, value).await.is_none(), "what was trusted in a time that has not come");
}

#[tokio::test]
async fn each_use_gives_a_new_value_and_an_older_one_ends_the_browser_and_is_told() {
    let world = World::new();
    let phone = alice(&world).await;
    let (one, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    let (two, _) = trusted(&world, one).await.unwrap();
    // The answer may have been lost: the value before is good until the new one comes, and a minute more.
    world.clock.pass(DAY);
    let (three, _) = trusted(&world, one).await.unwrap();
    let (four, session) = trusted(&world, three).await.unwrap();
    world.clock.pass(59);
    assert!(password(&world, Some(one), "203.0.113.9").await.is_ok());
    assert_eq!((browsers(&world).await.len(), actions(&world, "browser_stolen").await), (1, 0));
    world.clock.pass(1);
    assert!(password(&world, Some(two), "203.0.113.9").await.is_ok(), "the password was right");
    assert!(browsers(&world).await.is_empty());
    assert_eq!(world.check(session, None).await, None, "what rested on its trust ended");
    assert!(trusted(&world, four).await.is_none());
    let event = world.trail().await.into_iter().find(|event| event.action == "browser_stolen").unwrap();
    assert_eq!((event.source.as_deref(), event.outcome.as_str()), (Some("203.0.113.9"), "done"));
    world.clock.pass(30);
    let reply = world.ask(&root(), verify("alice", &phone.code(&world), "10.0.0.1")).await.unwrap();
    let notice = reply.notices.iter().find(|notice| notice.kind == NoticeKind::BrowserEnded).unwrap();
    assert_eq!((notice.label.as_deref(), notice.source.as_deref()), (Some("Firefox"), Some("203.0.113.9")));
    // Once told and ended, the same value is a stranger's.
    assert!(password(&world, Some(two), "203.0.113.9").await.is_ok());
    assert_eq!(actions(&world, "browser_stolen").await, 1);
}

#[tokio::test]
async fn news_are_told_in_a_trusted_browser_and_kept_until_a_code_was_given() {
    let world = World::new();
    let phone = alice(&world).await;
    let (value, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    let other = world.enrol(&root(), Some("alice")).await;
    let mut kinds = Vec::new();
    let mut value = value;
    for _ in 0..2 {
        let session = password(&world, Some(value), "192.0.2.7").await.unwrap();
        let next = digest();
        let request = PassTrusted {
            nonce: nonce(),
            session,
            next: digest(),
            site: WIKI.into(),
            source: address("192.0.2.7"),
            browser: BrowserValue { presented: Some(value), next },
            trust_seconds: MONTH,
        };
        let reply = world.ask(&gate(), request).await.unwrap();
        kinds.push(reply.notices.iter().map(|notice| notice.kind).collect::<Vec<_>>());
        value = next;
    }
    assert_eq!(kinds, [[NoticeKind::DeviceEnrolled], [NoticeKind::DeviceEnrolled]]);
    let reply = world.ask(&root(), verify("alice", &other.code(&world), "10.0.0.1")).await.unwrap();
    assert_eq!(reply.notices.len(), 1);
    let reply = world.ask(&root(), verify("alice", &phone.code(&world), "10.0.0.1")).await.unwrap();
    assert!(reply.notices.is_empty(), "told once more, and for the last time");
}

#[tokio::test]
async fn a_wrong_password_with_an_older_value_ends_the_browser_as_well() {
    let world = World::new();
    let phone = alice(&world).await;
    let (one, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    let (two, _) = trusted(&world, one).await.unwrap();
    let (_, session) = trusted(&world, two).await.unwrap();
    world.clock.pass(61);
    let request = SignIn { browser_value: Some(one), ..sign_in("alice", "wrong horse", digest()) };
    assert!(world.ask(&gate(), request).await.unwrap().signed_in.is_none());
    assert!(browsers(&world).await.is_empty());
    assert_eq!(world.check(session, None).await, None);
}

#[tokio::test]
async fn the_values_last_over_a_restart_and_sign_ins_side_by_side() {
    let mut world = World::new();
    let phone = alice(&world).await;
    let (one, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(password(&world, Some(one), "192.0.2.7").await.unwrap());
    }
    let passes = sessions.iter().map(|session| pass(&world, *session, one, MONTH));
    let values: Vec<_> = futures_of(passes).await.into_iter().map(|passed| passed.unwrap().0).collect();
    world.restart().await;
    // Which answer came last only the browser knows.
    let (kept, left) = (values[1], values[0]);
    let (next, _) = trusted(&world, kept).await.unwrap();
    world.restart().await;
    world.clock.pass(60);
    assert!(trusted(&world, next).await.is_some());
    assert!(trusted(&world, left).await.is_none());
    assert_eq!(actions(&world, "browser_stolen").await, 1);
    assert!(browsers(&world).await.is_empty());
}

/// All of them at once.
async fn futures_of<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, done) in waiting.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(output) = one.as_mut().poll(context) {
                *done = Some(output);
            }
        }
        match waiting.iter().all(|(_, done)| done.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    waiting.into_iter().map(|(_, done)| done.unwrap()).collect()
}

#[tokio::test]
async fn an_owner_in_a_known_browser_passes_at_a_new_address_when_strangers_have_closed_the_account() {
    let world = World::new();
    let phone = alice(&world).await;
    let (value, _) = with_code(&world, &phone, None, None).await;
    for number in 0..100_u32 {
        world.clock.pass(901);
        let stranger = format!("203.0.{}.{}", number / 250, number % 250);
        assert_eq!(world.verify_from(&stranger, "alice", &phone.wrong(&world)).await, Some(Say::Wrong));
    }
    // Their wrong passwords delay strangers' passwords too.
    for _ in 0..6 {
        let request = SignIn { source: address("203.0.113.1"), ..sign_in("alice", "wrong horse", digest()) };
        world.ask(&gate(), request).await.unwrap();
    }
    let hotel = "198.51.100.77";
    assert_eq!(password(&world, None, hotel).await, Err(Say::Wait), "anybody there waits");
    let session = password(&world, Some(value), hotel).await.unwrap();
    let code = phone.code(&world);
    assert_eq!(give(&world, session, (None, hotel), &code, None).await, Err(Say::Closed));
    let (value, _) = give(&world, session, (Some(value), hotel), &code, None).await.unwrap();
    // It was a known source, not a stranger who was let in: its own failures are its own.
    let first = password(&world, Some(value), hotel).await.unwrap();
    for _ in 0..6 {
        let wrong = phone.wrong(&world);
        assert_eq!(give(&world, first, (Some(value), hotel), &wrong, None).await, Err(Say::Wrong));
    }
    let wrong = phone.wrong(&world);
    assert_eq!(give(&world, first, (Some(value), hotel), &wrong, None).await, Err(Say::Wait));
    assert!(world.view("alice").await.closed_to_strangers);
    // Revoked, it is one of the strangers.
    let id = Some(browsers(&world).await[0].id.clone());
    let revoke = RevokeBrowsers { account: Some("alice".into()), id, code: None };
    world.ask(&root(), revoke).await.unwrap();
    let elsewhere = "198.51.100.78";
    assert_eq!(password(&world, Some(value), elsewhere).await, Err(Say::Wait));
    let account = world.authority.named("alice").unwrap();
    let of_browsers = |known: &twofold_shared::throttle::KnownSource| {
        known.id.kind == twofold_shared::throttle::SourceKind::Browser
    };
    assert!(!account.throttle.known.iter().any(of_browsers));
}

#[tokio::test]
async fn a_forgotten_browser_is_a_stranger() {
    let world = World::new();
    let phone = alice(&world).await;
    let (value, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    world.clock.pass(400 * DAY);
    assert!(browsers(&world).await.is_empty());
    assert!(trusted(&world, value).await.is_none());
    let authority = &world.authority;
    super::super::sweep::sweep(&authority.endings, world.settings.sessions).await.unwrap();
    use crate::store::Space;
    for space in [Space::Browser, Space::BrowserValue] {
        assert!(authority.store.scan(space, b"", None, 10).unwrap().is_empty(), "{space:?}");
    }
}

#[tokio::test]
async fn the_browser_unused_for_longest_gives_way_and_addresses_stay_known_beside_them() {
    let world = World::new();
    let phone = alice(&world).await;
    let (oldest, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    let (mut newest, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    for _ in 0..20 {
        (newest, _) = with_code(&world, &phone, None, Some(MONTH)).await;
    }
    assert_eq!(browsers(&world).await.len(), 8);
    assert!(trusted(&world, oldest).await.is_none() && trusted(&world, newest).await.is_some());
    let account = world.authority.named("alice").unwrap();
    let kinds = account.throttle.known.iter().map(|known| known.id.kind);
    use twofold_shared::throttle::SourceKind;
    let counted = |wanted| kinds.clone().filter(|kind| *kind == wanted).count();
    assert_eq!((counted(SourceKind::Browser), counted(SourceKind::Address)), (8, 1));
}

#[tokio::test]
async fn browsers_and_sessions_are_their_owners_and_a_change_takes_a_code() {
    let world = World::new();
    let phone = alice(&world).await;
    world.enrolled("bob").await;
    let (value, portal) = with_code(&world, &phone, None, Some(MONTH)).await;
    let site = world.open(portal, WIKI).await.unwrap();
    let mut news = world.follow(&gate(), WatchSessions { after: None }).await;
    let before: SessionNews = super::sessions::news(&mut news).await;
    let own = person(1000);
    let listed = world.ask(&own, ListSessions::default()).await.unwrap().sessions;
    let shown: Vec<_> = listed.iter().map(|entry| (entry.site.as_deref(), entry.level)).collect();
    assert!(shown.contains(&(None, Level::Second)) && shown.contains(&(Some(WIKI), Level::Second)));
    let entry = listed.iter().find(|entry| entry.site.is_none()).unwrap();
    assert!(portal.to_string().starts_with(&entry.id) && entry.id.len() == 16);
    assert_eq!((entry.browser.as_str(), entry.source.as_deref()), ("Firefox", Some("192.0.2.7")));
    assert_eq!(entry.ends_at, entry.seen + 3600);

    let revoke = |id: &str, code: Option<String>| RevokeSessions {
        account: None,
        id: Some(id.to_owned()),
        code: code.as_deref().map(secret_text),
    };
    let kind = async |caller, request| world.ask(&caller, request).await.unwrap_err().kind;
    assert_eq!(kind(own.clone(), revoke(&entry.id, None)).await, FaultKind::NeedsCode);
    world.clock.pass(30);
    let code = phone.code(&world);
    for (caller, id) in [(own.clone(), "0123456789abcdef"), (own.clone(), &entry.id[..15]), (own.clone(), "")]
    {
        assert_eq!(kind(caller, revoke(id, Some(code.clone()))).await, FaultKind::NoSuchSession, "{id:?}");
    }
    // Bob's word counts for bob.
    let bobs = world.ask(&person(1001), ListSessions::default()).await.unwrap();
    assert!(bobs.sessions.is_empty());
    let others = RevokeSessions { account: Some("alice".into()), ..revoke(&entry.id, Some(code.clone())) };
    assert_eq!(kind(person(1001), others).await, FaultKind::NotPermitted);
    assert_eq!(kind(gate(), revoke(&entry.id, None)).await, FaultKind::NotPermitted);

    let revoked = world.ask(&own, revoke(&entry.id, Some(code.clone()))).await.unwrap();
    assert_eq!(revoked.count, 2);
    assert!(world.check(portal, None).await.is_none() && world.check(site, Some(WIKI)).await.is_none());
    let told = loop {
        let news: SessionNews = super::sessions::news(&mut news).await;
        if news.number > before.number {
            break news;
        }
    };
    assert!(told.ended.contains(&portal) && told.ended.contains(&site));
    assert!(trusted(&world, value).await.is_some(), "one session's end is not the browser's");

    let id = browsers(&world).await[0].id.clone();
    let forget = |code: Option<String>| RevokeBrowsers {
        account: None,
        id: Some(id.clone()),
        code: code.as_deref().map(secret_text),
    };
    assert_eq!(kind(own.clone(), revoke(&entry.id, None)).await, FaultKind::NeedsCode);
    assert_eq!(world.ask(&own, forget(None)).await.unwrap_err().kind, FaultKind::NeedsCode);
    world.clock.pass(30);
    let code = Some(phone.code(&world));
    assert_eq!(world.ask(&own, forget(code)).await.unwrap().count, 1);
    assert!(world.ask(&own, ListBrowsers::default()).await.unwrap().browsers.is_empty());
    for action in ["session_revoke", "browser_revoke"] {
        assert_eq!(actions(&world, action).await, 1, "{action}");
    }
}
