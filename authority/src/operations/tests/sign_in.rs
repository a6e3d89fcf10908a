//! First factors at the gate.

use twofold_shared::wire::Word as Say;

use super::*;

const PASSWORD: &str = "correct horse";

async fn with_password(world: &World, name: &str) {
    world.ask(&root(), AddAccount { name: name.into(), groups: vec!["staff".into()] }).await.unwrap();
    set_password(world, name, PASSWORD).await;
}

async fn set_password(world: &World, name: &str, password: &str) {
    let set = SetPassword { account: Some(name.into()), password: secret_text(password), code: None };
    world.ask(&root(), set).await.unwrap();
}

async fn try_password(world: &World, name: &str, password: &str) -> Word {
    let reply = world.ask(&gate(), sign_in(name, password, digest())).await.unwrap();
    match (&reply.signed_in, &reply.refusal) {
        (Some(_), None) => None,
        (None, Some(refusal)) => Some(refusal.word),
        other => panic!("{other:?}"),
    }
}

fn assert_first(realm: &str, name: &str, session: SessionDigest) -> AssertFirst {
    AssertFirst {
        nonce: nonce(),
        realm: realm.into(),
        name: name.into(),
        source: address("192.0.2.7"),
        browser: "Firefox".into(),
        session,
        create: false,
    }
}

#[tokio::test]
async fn a_right_password_begins_a_session_at_level_first() {
    let world = World::new();
    with_password(&world, "local:alice").await;
    let session = digest();
    let reply = world.ask(&gate(), sign_in(" Alice ", PASSWORD, session)).await.unwrap();
    let signed_in = reply.signed_in.unwrap();
    assert_eq!((signed_in.name.as_str(), signed_in.enrolled), ("alice", false));
    let view = world.check(session, None).await.unwrap();
    assert_eq!((view.level, view.groups.as_slice()), (Level::First, ["staff".to_owned()].as_slice()));
    assert_eq!(view.second_at, None);
}

#[tokio::test]
async fn wrong_passwords_delay_and_never_close() {
    let world = World::new();
    with_password(&world, "local:alice").await;
    for _ in 0..6 {
        assert_eq!(try_password(&world, "alice", "wrong horse").await, Some(Say::Wrong));
    }
    assert_eq!(try_password(&world, "alice", PASSWORD).await, Some(Say::Wait));
    for _ in 0..30 {
        world.clock.pass(901);
        assert_eq!(try_password(&world, "alice", "wrong horse").await, Some(Say::Wrong));
    }
    world.clock.pass(901);
    assert_eq!(try_password(&world, "alice", PASSWORD).await, None);
}

#[tokio::test]
async fn a_locked_account_is_refused_like_a_wrong_password() {
    let world = World::new();
    with_password(&world, "local:alice").await;
    world.ask(&root(), lock("local:alice")).await.unwrap();
    assert_eq!(try_password(&world, "alice", PASSWORD).await, Some(Say::Wrong));
    assert_eq!(world.trail().await.last().unwrap().reason.as_deref(), Some("locked"));
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_opened() {
    let world = World::new();
    with_password(&world, "local:alice").await;
    let session = world.session("alice", PASSWORD, None).await;
    set_password(&world, "local:alice", "battery staple").await;
    assert_eq!(world.check(session, None).await, None);
    assert_eq!(try_password(&world, "alice", PASSWORD).await, Some(Say::Wrong));
    assert_eq!(try_password(&world, "alice", "battery staple").await, None);
}

#[tokio::test]
async fn a_password_needs_a_local_name_and_eight_characters() {
    let world = World::new();
    world.ask(&root(), AddAccount { name: "alice".into(), groups: vec![] }).await.unwrap();
    let set = |account: &str, password: &str| SetPassword {
        account: Some(account.into()),
        password: secret_text(password),
        code: None,
    };
    let kind = async |request| world.ask(&root(), request).await.unwrap_err().kind;
    assert_eq!(kind(set("alice", PASSWORD)).await, FaultKind::Invalid);
    let link = LinkName { account: "alice".into(), name: "local:alice".into() };
    world.ask(&root(), link).await.unwrap();
    assert_eq!(kind(set("alice", "short")).await, FaultKind::Invalid);
    world.ask(&root(), set("alice", PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn a_web_users_name_reaches_nobody_elses_factor() {
    let world = World::new();
    world.enrolled("alice").await;
    world.enrolled("root").await;
    for name in ["root", "Alice", "alice ", "alicé", "unix:alice", "ALICE", "alice\u{200b}"] {
        assert_eq!(try_password(&world, name, PASSWORD).await, Some(Say::Wrong), "{name:?}");
        let reply = world.ask(&gate(), assert_first("wiki.example.com", name, digest())).await.unwrap();
        assert!(reply.signed_in.is_none(), "{name:?}");
    }
}

#[tokio::test]
async fn accounts_of_the_system_never_come_in_from_the_web() {
    let world = World::new();
    for name in ["root", "daemon"] {
        world.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
        for linked in [format!("local:{name}"), format!("wiki.example.com:{name}")] {
            world.ask(&root(), LinkName { account: name.into(), name: linked }).await.unwrap();
        }
        set_password(&world, name, PASSWORD).await;
        assert_eq!(try_password(&world, name, PASSWORD).await, Some(Say::Wrong));
        let reply = world.ask(&gate(), assert_first("wiki.example.com", name, digest())).await.unwrap();
        assert!(reply.signed_in.is_none());
        assert_eq!(world.trail().await.last().unwrap().reason.as_deref(), Some("system_account"));
    }
}

#[tokio::test]
async fn the_gate_asserts_first_factors_in_its_realms_only() {
    let world = World::with(|settings| settings.gate_realms.push(Realm::local()));
    for name in ["alice", "local:alice", "wiki.example.com:alice", "other.example.com:alice"] {
        world.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
    }
    // `local` not even where somebody managed to configure it.
    for realm in ["unix", "local", "other.example.com", "WIKI.example.com", "", "wiki.example.com:alice"] {
        let fault = world.ask(&gate(), assert_first(realm, "alice", digest())).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotPermitted, "{realm:?}");
    }
    let session = digest();
    let reply = world.ask(&gate(), assert_first("wiki.example.com", "alice", session)).await.unwrap();
    let account = world.view("wiki.example.com:alice").await.id;
    assert_eq!(reply.signed_in.unwrap().account, account);
    assert_eq!(world.check(session, None).await.unwrap().level, Level::First);
    for other in [root(), person(1000), door("wiki.example.com", true)] {
        let fault = world.ask(&other, assert_first("wiki.example.com", "alice", digest())).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotPermitted);
    }
}

#[tokio::test]
async fn a_session_that_is_there_already_is_not_given_to_somebody_else() {
    let world = World::new();
    with_password(&world, "local:alice").await;
    with_password(&world, "local:bob").await;
    let session = world.session("alice", PASSWORD, None).await;
    let fault = world.ask(&gate(), sign_in("bob", PASSWORD, session)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert_eq!(world.check(session, None).await.unwrap().name, "alice");
}

#[tokio::test]
async fn whoever_signs_in_too_often_loses_the_session_unused_for_longest() {
    let world = World::new();
    with_password(&world, "local:alice").await;
    let first = world.session("alice", PASSWORD, None).await;
    for _ in 0..64 {
        world.clock.pass(1);
        world.session("alice", PASSWORD, None).await;
    }
    assert_eq!(world.check(first, None).await, None);
}

#[tokio::test]
async fn whoever_has_the_password_alone_ends_no_session_that_a_code_began() {
    let world = World::new();
    with_password(&world, "local:alice").await;
    let phone = world.enrol(&root(), Some("local:alice")).await;
    let own = world.session("alice", PASSWORD, Some(&phone)).await;
    for _ in 0..70 {
        world.clock.pass(1);
        world.session("alice", PASSWORD, None).await;
    }
    assert_eq!(world.check(own, None).await.unwrap().level, Level::Second);
}

#[tokio::test]
async fn a_name_is_new_only_where_nobody_has_it_and_its_realm_is_the_gates() {
    let world = World::with(|settings| settings.gate_realms.push(Realm::unix()));
    world.ask(&root(), AddAccount { name: "wiki.example.com:bob".into(), groups: vec![] }).await.unwrap();
    world.ask(&root(), lock("wiki.example.com:bob")).await.unwrap();
    for (realm, name, is_new) in [
        ("wiki.example.com", "alice", true),
        ("wiki.example.com", " Alice ", true),
        ("wiki.example.com", "bob", false),
        ("wiki.example.com", "a/b\u{200b}", false),
        ("wiki.example.com", "", false),
        ("unix", "alice", false),
    ] {
        let reply = world.ask(&gate(), assert_first(realm, name, digest())).await.unwrap();
        assert_eq!((reply.signed_in, reply.newcomer), (None, is_new), "{realm}:{name}");
    }
    let reply = world.ask(&gate(), sign_in("nobody", PASSWORD, digest())).await.unwrap();
    assert!(!reply.newcomer, "of passwords nothing is said");
}

#[tokio::test]
async fn an_account_is_made_where_it_is_asked_for_and_never_for_a_hosts_user() {
    let world = World::with(|settings| settings.gate_realms.push(Realm::unix()));
    let create =
        |realm: &str, name: &str, session| AssertFirst { create: true, ..assert_first(realm, name, session) };
    let session = digest();
    let reply = world.ask(&gate(), create("wiki.example.com", " Alice ", session)).await.unwrap();
    let signed_in = reply.signed_in.unwrap();
    assert_eq!((signed_in.name.as_str(), signed_in.enrolled, reply.newcomer), ("alice", false, false));
    let made = world.view("wiki.example.com:alice").await;
    assert_eq!((made.id.as_str(), made.names.len()), (signed_in.account.as_str(), 1));
    assert!(made.groups.is_empty() && !made.enrolled);
    assert_eq!(world.check(session, None).await.unwrap().level, Level::First);
    let told = world.trail().await;
    let event = told.iter().find(|event| event.action == "account_add").unwrap();
    assert_eq!((event.actor.as_deref(), event.source.as_deref()), (Some("gate"), Some("192.0.2.7")));
    // Once more it is that account, and no other is made.
    let again = world.ask(&gate(), create("wiki.example.com", "alice", digest())).await.unwrap();
    assert_eq!(again.signed_in.unwrap().account, made.id);
    // What is no name makes none; nor does a realm that is not the gate's to give.
    let nobody = world.ask(&gate(), create("wiki.example.com", "a/b\u{200b}", digest())).await.unwrap();
    assert!(nobody.signed_in.is_none());
    for realm in ["unix", "local", "other.example.com"] {
        let fault = world.ask(&gate(), create(realm, "mallory", digest())).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotPermitted, "{realm}");
    }
}
