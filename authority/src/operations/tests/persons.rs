//! What owners do at the portal, and how far a session gets them.

use super::*;

const PASSWORD: &str = "correct horse";

async fn alice(world: &World) -> Phone {
    let phone = world.enrolled("alice").await;
    let link = LinkName { account: "alice".into(), name: "local:alice".into() };
    world.ask(&root(), link).await.unwrap();
    let set = SetPassword { account: Some("alice".into()), password: secret_text(PASSWORD), code: None };
    world.ask(&root(), set).await.unwrap();
    phone
}

fn rename(phone: &Phone, label: &str) -> RenameDevice {
    RenameDevice { account: None, device: phone.device.clone(), label: label.into(), code: None }
}

fn disable(code: Option<&str>) -> DisableAccount {
    DisableAccount { account: None, code: code.map(secret_text) }
}

async fn refused<R: Request>(
    world: &World,
    session: SessionDigest,
    password: Option<&str>,
    request: R,
) -> FaultKind
where
    R::Reply: std::fmt::Debug,
{
    world.ask_as(session, password, request).await.unwrap_err().kind
}

#[tokio::test]
async fn a_session_at_level_second_may_do_what_its_owner_may() {
    let world = World::new();
    let phone = alice(&world).await;
    let session = world.session("alice", PASSWORD, Some(&phone)).await;
    let view = world.ask_as(session, None, GetAccount { account: None }).await.unwrap();
    assert_eq!(view, world.view("alice").await);
    world.ask_as(session, None, rename(&phone, "Pixel 9")).await.unwrap();
    assert_eq!(world.view("alice").await.devices[0].label, "Pixel 9");
    let event = world.trail().await.pop().unwrap();
    assert_eq!(
        (event.action.as_str(), event.door.as_str(), event.actor),
        ("device_rename", "web portal", None)
    );
    assert_eq!(event.source.as_deref(), Some("192.0.2.7"));

    let codes =
        world.ask_as(session, None, RegenerateBackupCodes { account: None, code: None }).await.unwrap();
    assert_eq!(codes.backup_codes.len(), 10);
    assert_eq!(
        world.verify(&root(), "alice", &phone.backup_codes[0]).await,
        Some(twofold_shared::wire::Word::Wrong),
        "the old ones are dead at once"
    );
    world.ask_as(session, None, disable(None)).await.unwrap();
    assert!(!world.view("alice").await.enrolled);
    assert_eq!(world.check(session, None).await, None);
}

#[tokio::test]
async fn a_level_early_nothing_is_told_and_nothing_changes() {
    let world = World::new();
    let phone = alice(&world).await;
    let first = world.session("alice", PASSWORD, None).await;
    let second = world.session("alice", PASSWORD, Some(&phone)).await;
    let site = world.open(second, "wiki.example.com").await.unwrap();
    for session in [first, site, digest()] {
        assert_eq!(
            refused(&world, session, None, GetAccount { account: None }).await,
            FaultKind::NoSuchSession
        );
        assert_eq!(refused(&world, session, Some(PASSWORD), disable(None)).await, FaultKind::NoSuchSession);
    }
    // Nor for anybody else, with any name for them.
    world.enrolled("bob").await;
    let bob = world.view("bob").await.id;
    for account in ["bob".to_owned(), format!("id:{bob}"), "nobody".to_owned()] {
        let request = GetAccount { account: Some(account.clone()) };
        assert_eq!(refused(&world, second, None, request).await, FaultKind::NotPermitted, "{account}");
    }
    // Nor with what only root, a door or the gate itself may.
    for method in [
        "LockAccount",
        "ResetAccount",
        "ListAccounts",
        "Verify",
        "AsPerson",
        "EndSession",
        "BeginEnrolment",
        "x",
    ] {
        let asked = AsPerson {
            nonce: nonce(),
            session: second,
            source: Source::default(),
            browser_value: None,
            password: None,
            method: method.into(),
            parameters: Opaque::of(&serde_json::json!({ "account": "alice" })).unwrap(),
        };
        assert_eq!(world.ask(&gate(), asked).await.unwrap_err().kind, FaultKind::NotPermitted, "{method}");
    }
    assert!(world.view("alice").await.enrolled);
}

#[tokio::test]
async fn after_five_minutes_a_change_takes_a_code_or_the_password() {
    let world = World::new();
    let phone = alice(&world).await;
    let session = world.session("alice", PASSWORD, Some(&phone)).await;
    world.clock.pass(299);
    world.ask_as(session, None, rename(&phone, "a")).await.unwrap();
    world.clock.pass(1);
    assert_eq!(refused(&world, session, None, rename(&phone, "b")).await, FaultKind::NeedsCode);
    assert!(world.ask_as(session, None, GetAccount { account: None }).await.is_ok(), "to look takes none");

    assert_eq!(refused(&world, session, Some("wrong"), rename(&phone, "c")).await, FaultKind::Refused);
    let event = world.trail().await.pop().unwrap();
    assert_eq!((event.action.as_str(), event.reason.as_deref()), ("password_check", Some("wrong_password")));
    world.ask_as(session, Some(PASSWORD), rename(&phone, "d")).await.unwrap();
    assert_eq!(
        refused(&world, session, None, rename(&phone, "e")).await,
        FaultKind::NeedsCode,
        "for that call alone"
    );

    let code = phone.code(&world);
    let with_code = |code: &str| RenameDevice { code: Some(secret_text(code)), ..rename(&phone, "f") };
    world.ask_as(session, None, with_code(&code)).await.unwrap();
    assert_eq!(refused(&world, session, None, with_code(&code)).await, FaultKind::Refused, "it is spent");
    assert_eq!(world.view("alice").await.devices[0].label, "f");
}

#[tokio::test]
async fn wrong_passwords_at_the_account_page_are_slowed_like_those_at_sign_in() {
    let world = World::new();
    let phone = alice(&world).await;
    let session = world.session("alice", PASSWORD, Some(&phone)).await;
    world.clock.pass(600);
    for _ in 0..6 {
        assert_eq!(refused(&world, session, Some("wrong"), disable(None)).await, FaultKind::Refused);
    }
    let fault = world.ask_as(session, Some(PASSWORD), disable(None)).await.unwrap_err();
    assert_eq!(fault.refusal.unwrap().word, twofold_shared::wire::Word::Wait);
    assert!(world.view("alice").await.enrolled);
}

#[tokio::test]
async fn revoking_all_sessions_leaves_the_one_that_says_so() {
    let world = World::new();
    let phone = alice(&world).await;
    let other = world.session("alice", PASSWORD, Some(&phone)).await;
    let own = world.session("alice", PASSWORD, Some(&phone)).await;
    let site = world.open(own, "wiki.example.com").await.unwrap();
    let revoke = RevokeSessions { account: None, id: None, code: None };
    assert_eq!(world.ask_as(own, None, revoke).await.unwrap().count, 1);
    assert_eq!(world.check(other, None).await, None);
    assert!(world.check(own, None).await.is_some());
    assert!(world.check(site, Some("wiki.example.com")).await.is_some());
}

#[tokio::test]
async fn a_name_of_the_hosts_users_is_not_parted_at_the_web() {
    let world = World::new();
    let phone = alice(&world).await;
    let session = world.session("alice", PASSWORD, Some(&phone)).await;
    let part = |name: &str| UnlinkName { account: "id:x".into(), name: name.into(), code: None };
    let id = world.view("alice").await.id;
    let own = |name: &str| UnlinkName { account: format!("id:{id}"), ..part(name) };
    assert_eq!(refused(&world, session, None, own("unix:alice")).await, FaultKind::NotPermitted);
    assert_eq!(refused(&world, session, None, part("local:alice")).await, FaultKind::NotPermitted);
    world.ask_as(session, None, own("local:alice")).await.unwrap();
    assert_eq!(world.view("alice").await.names, ["unix:alice"]);
}

#[tokio::test]
async fn activity_is_told_from_the_newest_backwards_and_of_ones_own_account() {
    let world = World::new();
    let phone = alice(&world).await;
    world.enrolled("bob").await;
    for _ in 0..5 {
        world.verify(&root(), "alice", &phone.wrong(&world)).await;
        world.verify(&root(), "bob", "000000").await;
        world.clock.pass(60);
    }
    let session = world.session("alice", PASSWORD, Some(&phone)).await;
    let (mut read, mut before) = (Vec::new(), None);
    loop {
        let page = ReadActivity { account: None, before, limit: 3 };
        let page = world.ask_as(session, None, page).await.unwrap();
        assert!(page.events.len() <= 3);
        read.extend(page.events);
        before = page.before;
        if before.is_none() {
            break;
        }
    }
    let id = world.view("alice").await.id;
    let mut expected = world.trail().await;
    expected.retain(|event| event.account.as_ref() == Some(&id));
    expected.reverse();
    assert_eq!(read, expected);
    assert_eq!(read[0].action, "verify");
    let anybodys = ReadActivity { account: Some("bob".into()), before: None, limit: 3 };
    assert_eq!(refused(&world, session, None, anybodys).await, FaultKind::NotPermitted);
}
