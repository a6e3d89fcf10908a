//! Sessions: one host, one level, two limits, one end.

use twofold_shared::wire::Word as Say;

use super::*;

const PASSWORD: &str = "correct horse";
const WIKI: &str = "wiki.example.com";

async fn alice(world: &World) -> Phone {
    let phone = world.enrolled("alice").await;
    let link = LinkName { account: "alice".into(), name: "local:alice".into() };
    world.ask(&root(), link).await.unwrap();
    let set = SetPassword { account: Some("alice".into()), password: secret_text(PASSWORD), code: None };
    world.ask(&root(), set).await.unwrap();
    phone
}

async fn end(world: &World, session: SessionDigest) {
    world.ask(&gate(), EndSession { session }).await.unwrap();
}

#[tokio::test]
async fn a_code_makes_a_new_session_and_kills_the_old_one() {
    let world = World::new();
    let phone = alice(&world).await;
    let first = world.session("alice", PASSWORD, None).await;
    let site = world.open(first, WIKI).await.unwrap();
    assert_eq!(world.check(site, Some(WIKI)).await.unwrap().level, Level::First);
    let next = digest();
    let reply = world.ask(&gate(), raise(first, next, &phone.wrong(&world))).await.unwrap();
    assert_eq!(word_of(&reply), Some(Say::Wrong));
    assert!(world.check(first, None).await.is_some() && world.check(next, None).await.is_none());
    let reply = world.ask(&gate(), raise(first, next, &phone.code(&world))).await.unwrap();
    assert_eq!(reply.approval.unwrap().door, "web portal");
    assert_eq!((world.check(first, None).await, world.check(site, Some(WIKI)).await), (None, None));
    let view = world.check(next, None).await.unwrap();
    assert_eq!((view.level, view.second_at), (Level::Second, Some(world.clock.now().now().0)));
    // The old one is worth nothing, whatever code comes with it.
    world.clock.pass(30);
    let fault = world.ask(&gate(), raise(first, digest(), &phone.code(&world))).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None, "that code was not spent");
}

#[tokio::test]
async fn a_session_of_one_host_is_nothing_at_another() {
    let world = World::new();
    let phone = alice(&world).await;
    let portal = world.session("alice", PASSWORD, Some(&phone)).await;
    let site = world.open(portal, WIKI).await.unwrap();
    assert_eq!(world.check(site, Some(WIKI)).await.unwrap().level, Level::Second);
    for (session, host) in
        [(site, None), (site, Some("other.example.com")), (portal, Some(WIKI)), (portal, Some(""))]
    {
        assert_eq!(world.check(session, host).await, None, "{host:?}");
    }
    // Nor does a site's session open another, or take a code.
    assert_eq!(world.open(site, "other.example.com").await, None);
    world.clock.pass(30);
    let fault = world.ask(&gate(), raise(site, digest(), &phone.code(&world))).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
}

#[tokio::test]
async fn signing_out_anywhere_ends_the_portals_session_and_all_under_it() {
    let world = World::new();
    let phone = alice(&world).await;
    let other = world.session("alice", PASSWORD, Some(&phone)).await;
    let portal = world.session("alice", PASSWORD, Some(&phone)).await;
    let wiki = world.open(portal, WIKI).await.unwrap();
    let shop = world.open(portal, "shop.example.com").await.unwrap();
    end(&world, wiki).await;
    for (session, host) in [(portal, None), (wiki, Some(WIKI)), (shop, Some("shop.example.com"))] {
        assert_eq!(world.check(session, host).await, None, "{host:?}");
    }
    assert!(world.check(other, None).await.is_some(), "another browser's goes on");
    end(&world, wiki).await;
}

#[tokio::test]
async fn a_session_ends_unused_and_in_the_end_also_used() {
    let world = World::new();
    let phone = alice(&world).await;
    let portal = world.session("alice", PASSWORD, Some(&phone)).await;
    let site = world.open(portal, WIKI).await.unwrap();
    world.clock.pass(3599);
    assert!(world.check(portal, None).await.is_some());
    let touch = |at| TouchSessions { used: vec![SessionUse { session: site, at }] };
    // In a time that has not come nobody has used it.
    world.ask(&gate(), touch(NOON * 2)).await.unwrap();
    world.clock.pass(3599);
    // A site's use is the portal's.
    assert!(world.check(portal, None).await.is_some() && world.check(site, Some(WIKI)).await.is_some());
    world.clock.pass(1);
    assert!(world.check(portal, None).await.is_none() && world.check(site, Some(WIKI)).await.is_none());
    let portal = world.session("alice", PASSWORD, Some(&phone)).await;
    for _ in 0..43 {
        world.clock.pass(1000);
        let used = vec![SessionUse { session: portal, at: world.clock.now().now().0 }];
        world.ask(&gate(), TouchSessions { used }).await.unwrap();
    }
    assert!(world.check(portal, None).await.is_some());
    world.clock.pass(200);
    assert!(world.check(portal, None).await.is_none());
}

#[tokio::test]
async fn what_an_operator_or_owner_ends_is_ended_at_once() {
    let world = World::new();
    let mut phone = alice(&world).await;
    let account = || "alice".to_owned();
    for what in ["lock", "reset", "disable", "unlink"] {
        let portal = world.session("alice", PASSWORD, Some(&phone)).await;
        let site = world.open(portal, WIKI).await.unwrap();
        match what {
            "lock" => {
                world.ask(&root(), lock(account())).await.unwrap();
                world.ask(&root(), UnlockAccount { account: account() }).await.unwrap();
            }
            "reset" => {
                world.ask(&root(), ResetAccount { account: account() }).await.unwrap();
                phone = world.enrol(&root(), Some("alice")).await;
            }
            "disable" => {
                world.clock.pass(30);
                let code = Some(secret_text(&phone.code(&world)));
                world.ask(&person(1000), DisableAccount { account: None, code }).await.unwrap();
                phone = world.enrol(&root(), Some("alice")).await;
            }
            _ => {
                let unlink = UnlinkName { account: account(), name: "local:alice".into(), code: None };
                world.ask(&root(), unlink).await.unwrap();
            }
        }
        assert_eq!(world.check(portal, None).await, None, "{what}");
        assert_eq!(world.check(site, Some(WIKI)).await, None, "{what}");
    }
}

#[tokio::test]
async fn removing_a_device_ends_the_sessions_made_with_it() {
    let world = World::new();
    let old = alice(&world).await;
    let with_old = world.session("alice", PASSWORD, Some(&old)).await;
    let new = world.enrol(&root(), Some("alice")).await;
    let with_new = world.session("alice", PASSWORD, Some(&new)).await;
    let remove =
        |device: &str| RemoveDevice { account: Some("alice".into()), device: device.into(), code: None };
    world.ask(&root(), remove(&old.device)).await.unwrap();
    assert_eq!(world.check(with_old, None).await, None);
    assert!(world.check(with_new, None).await.is_some());
    let fault = world.ask(&root(), remove(&old.device)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NoSuchDevice);
}

pub(super) async fn news(stream: &mut tokio::sync::mpsc::Receiver<Reply>) -> SessionNews {
    let message = tokio::time::timeout(Duration::from_millis(300), stream.recv()).await;
    message.expect("a heartbeat within 300 ms").unwrap().parameters()
}

#[tokio::test]
async fn the_watch_tells_every_end_and_goes_on_after_a_restart() {
    let mut world = World::new();
    let phone = alice(&world).await;
    let mut stream = world.follow(&gate(), WatchSessions { after: None }).await;
    let begin = news(&mut stream).await;
    assert!(begin.ended.is_empty() && !begin.forget_all);
    assert_eq!(news(&mut stream).await, begin, "nothing new, but a sign of life");
    let portal = world.session("alice", PASSWORD, Some(&phone)).await;
    let raised = loop {
        let news = news(&mut stream).await;
        if !news.ended.is_empty() {
            break news;
        }
    };
    assert_eq!(raised.number, begin.number + 1);
    let site = world.open(portal, WIKI).await.unwrap();
    drop(stream);
    end(&world, portal).await;
    world.restart().await;
    let mut stream = world.follow(&gate(), WatchSessions { after: Some(raised.number) }).await;
    let missed = news(&mut stream).await;
    assert_eq!(missed.ended.len(), 2);
    assert!(missed.ended.contains(&portal) && missed.ended.contains(&site));
    let mut stream = world.follow(&gate(), WatchSessions { after: Some(missed.number + 7) }).await;
    let unknown = news(&mut stream).await;
    assert!(unknown.forget_all, "a number that was never given is another ledger's");
    assert_eq!(unknown.number, missed.number);
}

#[tokio::test]
async fn the_watch_wants_more() {
    let world = World::new();
    let failure = world.raw(&gate(), &WatchSessions { after: None }).await.unwrap_err();
    assert_eq!(failure, Failure::ExpectedMore);
}

#[tokio::test]
async fn what_has_expired_is_swept_and_told() {
    let world = World::new();
    let phone = alice(&world).await;
    let portal = world.session("alice", PASSWORD, Some(&phone)).await;
    world.ask(&root(), begin(Some("alice"))).await.unwrap();
    let mut stream = world.follow(&gate(), WatchSessions { after: None }).await;
    let before = news(&mut stream).await.number;
    world.clock.pass(4000);
    let authority = &world.authority;
    super::super::sweep::sweep(&authority.endings, world.settings.sessions).await.unwrap();
    let told = loop {
        let news = news(&mut stream).await;
        if news.number > before {
            break news;
        }
    };
    assert!(told.ended.contains(&portal));
    use crate::store::Space;
    for space in [Space::Session, Space::SessionOf, Space::Enrolment] {
        assert!(authority.store.scan(space, b"", None, 10).unwrap().is_empty(), "{space:?}");
    }
}
