//! A name and a code at a site where nothing was proved before.

use twofold_shared::wire::Word as Say;

use super::*;

const REALM: &str = "wiki.example.com";

fn named(name: &str, code: &str, session: SessionDigest) -> VerifyName {
    VerifyName {
        nonce: nonce(),
        realm: REALM.into(),
        name: name.into(),
        site: REALM.into(),
        source: address("192.0.2.7"),
        browser: "Firefox".into(),
        session,
        code: secret_text(code),
    }
}

async fn try_code(world: &World, name: &str, code: &str) -> Word {
    word_of(&world.ask(&gate(), named(name, code, digest())).await.unwrap())
}

#[tokio::test]
async fn a_name_and_a_code_open_that_site_and_nothing_else() {
    let world = World::new();
    let phone = world.enrolled("wiki.example.com:alice").await;
    let (session, code) = (digest(), phone.code(&world));
    let reply = world.ask(&gate(), named(" Alice ", &code, session)).await.unwrap();
    let approval = reply.approval.unwrap();
    let account = world.view("wiki.example.com:alice").await.id;
    let door = "web wiki.example.com".to_owned();
    assert_eq!(approval, Approval { account, door, level: Level::Second });
    let view = world.check(session, Some(REALM)).await.unwrap();
    assert_eq!((view.name.as_str(), view.level), ("alice", Level::Second));
    // Nobody has passed a first factor: it is no portal session, so no other site comes of it.
    assert_eq!(world.check(session, None).await, None);
    assert_eq!(world.check(session, Some("shop.example.com")).await, None);
    assert_eq!(world.open(session, "shop.example.com").await, None);
    assert_eq!(try_code(&world, "alice", &code).await, Some(Say::Used));
    world.ask(&gate(), EndSession { session }).await.unwrap();
    assert_eq!(world.check(session, Some(REALM)).await, None);
    // A backup code as well, and its owner hears of it.
    let reply = world.ask(&gate(), named("alice", &phone.backup_codes[0], digest())).await.unwrap();
    assert!(reply.notices.iter().any(|notice| notice.kind == NoticeKind::BackupCodeUsed));
}

#[tokio::test]
async fn guesses_before_a_first_factor_delay_nobody_who_has_passed_one() {
    let world = World::new();
    let phone = world.enrolled("wiki.example.com:alice").await;
    world
        .ask(&root(), LinkName { account: "wiki.example.com:alice".into(), name: "local:alice".into() })
        .await
        .unwrap();
    let set = SetPassword {
        account: Some("local:alice".into()),
        password: secret_text("correct horse"),
        code: None,
    };
    world.ask(&root(), set).await.unwrap();
    let wrong = phone.wrong(&world);
    for _ in 0..6 {
        assert_eq!(try_code(&world, "alice", &wrong).await, Some(Say::Wrong));
    }
    assert_eq!(try_code(&world, "alice", &phone.code(&world)).await, Some(Say::Wait));
    world.session("alice", "correct horse", Some(&phone)).await;
}

#[tokio::test]
async fn who_has_no_code_there_is_answered_like_a_wrong_one() {
    let world = World::new();
    world.enrolled("alice").await;
    world.enrolled("root").await;
    world.enrolled("daemon").await;
    let link = LinkName { account: "daemon".into(), name: "wiki.example.com:daemon".into() };
    world.ask(&root(), link).await.unwrap();
    world.ask(&root(), AddAccount { name: "wiki.example.com:bob".into(), groups: vec![] }).await.unwrap();
    for name in ["alice", "root", "unix:alice", "daemon", "bob", "nobody", "", "a/b", "alice\u{200b}"] {
        assert_eq!(try_code(&world, name, "123456").await, Some(Say::Wrong), "{name:?}");
        world.clock.pass(901);
    }
    let told = world.trail().await;
    assert!(told.iter().any(|event| event.reason.as_deref() == Some("system_account")), "{told:?}");
    // Not the shape of a code: charged to nobody.
    assert_eq!(try_code(&world, "bob", "12").await, Some(Say::Wrong));
}

#[tokio::test]
async fn the_gate_asks_for_names_of_its_realms_only() {
    let world = World::with(|settings| settings.gate_realms.push(Realm::local()));
    let phone = world.enrolled("local:alice").await;
    for realm in ["unix", "local", "other.example.com", "WIKI.example.com", ""] {
        let request = VerifyName { realm: realm.into(), ..named("alice", &phone.code(&world), digest()) };
        let fault = world.ask(&gate(), request).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotPermitted, "{realm:?}");
    }
    for other in [root(), person(1000), door("wiki.example.com", true)] {
        let fault = world.ask(&other, named("alice", "123456", digest())).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotPermitted);
    }
    let request = VerifyName { site: String::new(), ..named("alice", "123456", digest()) };
    assert_eq!(world.ask(&gate(), request).await.unwrap_err().kind, FaultKind::Invalid);
}
