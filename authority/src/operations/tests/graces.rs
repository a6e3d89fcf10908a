//! Grace: a code serves again at its own door, from its own source, for a while, and nowhere else.

use super::policy::rule;
use super::*;
use crate::policy::Rule;

const HOURS: u64 = 8 * 3600;

/// Eight hours at sshd and sudo; none at su.
fn world() -> World {
    World::with(|settings| {
        settings.policy.rules = vec![Rule {
            services: vec!["sshd".into(), "sudo".into()],
            grace: Some(Duration::from_secs(HOURS)),
            ..rule(1, Requirement::Required)
        }];
    })
}

fn ssh(key: Option<&str>, from: &str) -> Login {
    let mut login = login("alice", from);
    login.source.public_key = key.map(|key| format!("ssh-ed25519 {key}"));
    login
}

fn sudo(terminal: &str, session: Option<&str>) -> Login {
    let source =
        Source { terminal: Some(terminal.into()), session: session.map(Into::into), ..Source::default() };
    Login { service: "sudo".into(), source, ..login("alice", "192.0.2.7") }
}

async fn asked(world: &World, caller: &Caller, login: &Login) -> Ask {
    let consult = Consult { nonce: nonce(), login: login.clone() };
    world.ask(caller, consult).await.unwrap().ask
}

async fn gives(world: &World, caller: &Caller, login: &Login, code: &str) {
    let verify = Verify { nonce: nonce(), login: login.clone(), code: secret_text(code) };
    assert_eq!(word_of(&world.ask(caller, verify).await.unwrap()), None);
    world.clock.pass(30);
}

async fn graces(world: &World) -> Vec<GraceEntry> {
    world.ask(&root(), ListGraces { account: Some("alice".into()) }).await.unwrap().graces
}

#[tokio::test]
async fn after_a_code_none_is_asked_at_the_same_door_from_the_same_key_and_address() {
    let world = world();
    let phone = world.enrolled("alice").await;
    let here = ssh(Some("AAAA"), "192.0.2.7");
    assert_eq!(asked(&world, &root(), &here).await, Ask::Code);
    gives(&world, &root(), &here, &phone.code(&world)).await;
    assert_eq!(asked(&world, &root(), &here).await, Ask::Grace);
    for (what, other) in [
        ("another address", ssh(Some("AAAA"), "192.0.2.8")),
        ("another key", ssh(Some("BBBB"), "192.0.2.7")),
        ("no key", ssh(None, "192.0.2.7")),
        ("another service", Login { service: "sudo".into(), ..here.clone() }),
        ("another service without grace", Login { service: "su".into(), ..here.clone() }),
        ("no first factor", Login { first: FirstFactor::None, ..here.clone() }),
    ] {
        assert_eq!(asked(&world, &root(), &other).await, Ask::Code, "{what}");
    }
    world.enrolled("bob").await;
    assert_eq!(asked(&world, &root(), &Login { name: "bob".into(), ..here.clone() }).await, Ask::Code);
    // The same words through a door are another host's.
    assert_eq!(asked(&world, &door("unix", false), &here).await, Ask::Code);
    // Giving the code and enrolling bob took half a minute each.
    world.clock.pass(HOURS - 61);
    assert_eq!(asked(&world, &root(), &here).await, Ask::Grace);
    world.clock.pass(2);
    assert_eq!(asked(&world, &root(), &here).await, Ask::Code);
    assert!(graces(&world).await.is_empty());
}

#[tokio::test]
async fn an_address_by_itself_never_has_grace() {
    let world = world();
    let phone = world.enrolled("alice").await;
    let here = ssh(None, "192.0.2.7");
    gives(&world, &root(), &here, &phone.code(&world)).await;
    assert_eq!(asked(&world, &root(), &here).await, Ask::Code);
    assert!(graces(&world).await.is_empty());
}

#[tokio::test]
async fn at_a_terminal_grace_is_the_sessions_own() {
    let world = world();
    let phone = world.enrolled("alice").await;
    let here = sudo("pts/3", Some("77@4711"));
    gives(&world, &root(), &here, &phone.code(&world)).await;
    assert_eq!(asked(&world, &root(), &here).await, Ask::Grace);
    for (what, other) in [
        ("another terminal", sudo("pts/4", Some("77@4711"))),
        ("another session on the same terminal", sudo("pts/3", Some("78@4711"))),
        ("a session whose leader has the same number again", sudo("pts/3", Some("77@9999"))),
        ("no session", sudo("pts/3", None)),
    ] {
        assert_eq!(asked(&world, &root(), &other).await, Ask::Code, "{what}");
    }
    let nowhere = sudo("pts/3", None);
    gives(&world, &root(), &nowhere, &phone.code(&world)).await;
    assert_eq!(asked(&world, &root(), &nowhere).await, Ask::Code, "a terminal by itself is nobody's alone");
}

#[tokio::test]
async fn what_a_person_says_of_their_session_gives_no_grace() {
    let world = world();
    let phone = world.enrolled("alice").await;
    let here = sudo("pts/3", Some("77@4711"));
    gives(&world, &person(1000), &here, &phone.code(&world)).await;
    assert_eq!(asked(&world, &person(1000), &here).await, Ask::Code);
    assert!(graces(&world).await.is_empty());
}

#[tokio::test]
async fn grace_ends_with_whatever_shows_that_something_is_wrong() {
    for what in ["lock", "reset", "disable", "device", "unlink", "end", "one"] {
        let world = world();
        let phone = world.enrolled("alice").await;
        let here = ssh(Some("AAAA"), "192.0.2.7");
        gives(&world, &root(), &here, &phone.code(&world)).await;
        assert_eq!(graces(&world).await.len(), 1);
        let account = || "alice".to_owned();
        match what {
            "lock" => {
                world.ask(&root(), lock(account())).await.unwrap();
                world.ask(&root(), UnlockAccount { account: account() }).await.unwrap();
            }
            "reset" => drop(world.ask(&root(), ResetAccount { account: account() }).await.unwrap()),
            "disable" => {
                world.ask(&root(), DisableAccount { account: Some(account()), code: None }).await.unwrap();
            }
            "device" => {
                world.enrol(&root(), Some("alice")).await;
                let remove =
                    RemoveDevice { account: Some(account()), device: phone.device.clone(), code: None };
                world.ask(&root(), remove).await.unwrap();
            }
            "unlink" => {
                world.ask(&root(), LinkName { account: account(), name: "local:al".into() }).await.unwrap();
                world
                    .ask(&root(), UnlinkName { account: account(), name: "local:al".into(), code: None })
                    .await
                    .unwrap();
            }
            "end" => {
                let end = EndGraces { account: Some(account()), id: None };
                assert_eq!(world.ask(&root(), end).await.unwrap().count, 1);
            }
            _ => {
                let id = graces(&world).await.remove(0).id;
                let end = |id| EndGraces { account: Some(account()), id: Some(id) };
                assert!(world.ask(&root(), end("0000000000000000".into())).await.is_err());
                assert_eq!(world.ask(&root(), end(id)).await.unwrap().count, 1);
            }
        }
        assert!(graces(&world).await.is_empty(), "{what}");
        assert_ne!(asked(&world, &root(), &here).await, Ask::Grace, "{what}");
    }
}

#[tokio::test]
async fn grace_neither_holds_while_the_clock_is_in_doubt_nor_outlives_that() {
    let mut world = world();
    let phone = world.enrolled("alice").await;
    let here = ssh(Some("AAAA"), "192.0.2.7");
    gives(&world, &root(), &here, &phone.code(&world)).await;
    world.restart().await;
    assert_eq!(asked(&world, &root(), &here).await, Ask::Grace, "it is in the ledger");
    world.clock.step(-600);
    assert_eq!(asked(&world, &root(), &here).await, Ask::Code);
    // A backup code passes, and begins none either.
    gives(&world, &root(), &here, &phone.backup_codes[0]).await;
    world.ask(&root(), AcceptClock {}).await.unwrap();
    world.clock.pass(900);
    assert_eq!(asked(&world, &root(), &here).await, Ask::Code);
    assert!(graces(&world).await.is_empty());
}

#[tokio::test]
async fn an_accounts_own_requirement_knows_no_grace() {
    let world = world();
    let phone = world.enrolled("alice").await;
    let here = ssh(Some("AAAA"), "192.0.2.7");
    gives(&world, &root(), &here, &phone.code(&world)).await;
    let require = SetRequirement { account: "alice".into(), requirement: Some(Requirement::Required) };
    world.ask(&root(), require).await.unwrap();
    assert_eq!(asked(&world, &root(), &here).await, Ask::Code);
}

#[tokio::test]
async fn a_shorter_grace_in_the_configuration_holds_for_codes_given_before() {
    let mut world = world();
    let phone = world.enrolled("alice").await;
    let here = ssh(Some("AAAA"), "192.0.2.7");
    gives(&world, &root(), &here, &phone.code(&world)).await;
    world.clock.pass(3600);
    world.settings.policy.rules[0].grace = Some(Duration::from_secs(1800));
    world.restart().await;
    assert_eq!(asked(&world, &root(), &here).await, Ask::Code);
    world.settings.policy.rules[0].grace = None;
    world.restart().await;
    assert_eq!(asked(&world, &root(), &here).await, Ask::Code);
}

#[tokio::test]
async fn graces_are_few_told_and_only_their_owners() {
    let world = world();
    let phone = world.enrolled("alice").await;
    for number in 0..34 {
        gives(&world, &root(), &ssh(Some(&format!("K{number}")), "192.0.2.7"), &phone.code(&world)).await;
    }
    assert_eq!(graces(&world).await.len(), 32);
    assert_eq!(asked(&world, &root(), &ssh(Some("K33"), "192.0.2.7")).await, Ask::Grace);
    assert_eq!(asked(&world, &root(), &ssh(Some("K0"), "192.0.2.7")).await, Ask::Code);
    let event = world.trail().await.into_iter().rfind(|event| event.action == "consult").unwrap();
    assert_eq!((event.outcome.as_str(), event.reason.as_deref()), ("approved", Some("grace")));
    assert_eq!(event.source.as_deref(), Some("192.0.2.7"));
    let own = ListGraces { account: None };
    assert_eq!(world.ask(&person(1000), own).await.unwrap().graces.len(), 32);
    let anothers = EndGraces { account: Some("alice".into()), id: None };
    assert!(world.ask(&person(1001), anothers).await.is_err());
    let end = EndGraces { account: None, id: None };
    assert_eq!(world.ask(&person(1000), end).await.unwrap().count, 32);
}
