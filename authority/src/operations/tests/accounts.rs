//! Accounts: an operator's, and one's own.

use twofold_shared::wire::{SeenUid, Word as Say};

use super::*;

fn kind<T: std::fmt::Debug>(result: Result<T, Fault>) -> FaultKind {
    result.unwrap_err().kind
}

#[tokio::test]
async fn a_person_touches_only_the_own_account() {
    let world = World::new();
    world.enrolled("alice").await;
    let bobs = world.enrolled("bob").await;
    let alice = world.view("alice").await;
    let own = world.ask(&person(1001), GetAccount { account: None }).await.unwrap();
    assert_eq!(own.names, ["unix:bob"]);
    let code = || Some(secret_text(&bobs.code(&world)));
    for account in [Some("alice".to_owned()), Some(format!("id:{}", alice.id)), Some("mallory".to_owned())] {
        let bob = person(1001);
        let device = alice.devices[0].id.clone();
        let (label, password) = ("mine".to_owned(), secret_text("correct horse"));
        let a = || account.clone();
        let denied = [
            kind(world.ask(&bob, GetAccount { account: a() }).await),
            kind(world.ask(&bob, ReopenAccount { account: a(), code: code() }).await),
            kind(world.ask(&bob, SetPassword { account: a(), password, code: code() }).await),
            kind(world.ask(&bob, BeginEnrolment { code: code(), ..begin(account.as_deref()) }).await),
            kind(world.ask(&bob, RegenerateBackupCodes { account: a(), code: code() }).await),
            kind(
                world
                    .ask(&bob, RenameDevice { account: a(), device: device.clone(), label, code: code() })
                    .await,
            ),
            kind(world.ask(&bob, RemoveDevice { account: a(), device, code: code() }).await),
            kind(world.ask(&bob, DisableAccount { account: a(), code: code() }).await),
            kind(world.ask(&bob, ListApiKeys { account: a() }).await),
            kind(
                world
                    .ask(&bob, CreateApiKey { account: a(), code: code(), ..super::api_keys::create(None) })
                    .await,
            ),
            kind(world.ask(&bob, ReadAudit { account: a(), after: None, since: None, limit: 1 }).await),
        ];
        assert!(denied.iter().all(|kind| *kind == FaultKind::NotPermitted), "{account:?}: {denied:?}");
    }
    assert_eq!(world.view("alice").await, alice);
    // Not one of bob's codes was spent on it.
    assert_eq!(world.verify(&root(), "bob", &bobs.code(&world)).await, None);
}

#[tokio::test]
async fn every_change_of_ones_own_takes_a_fresh_code() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let alice = person(1000);
    let device = phone.device.clone();
    let rename = |code: Option<&str>| RenameDevice {
        account: None,
        device: device.clone(),
        label: "tablet".into(),
        code: code.map(secret_text),
    };
    assert_eq!(kind(world.ask(&alice, rename(None)).await), FaultKind::NeedsCode);
    assert_eq!(kind(world.ask(&alice, rename(Some("no code"))).await), FaultKind::Invalid);
    assert_eq!(kind(world.ask(&alice, rename(Some(&phone.wrong(&world)))).await), FaultKind::Refused);
    let code = phone.code(&world);
    world.ask(&alice, rename(Some(&code))).await.unwrap();
    assert_eq!(world.view("alice").await.devices[0].label, "tablet");
    let fault = world.ask(&alice, rename(Some(&code))).await.unwrap_err();
    assert_eq!(fault.refusal.unwrap().word, Say::Used);
    // What cannot be costs no code.
    world.clock.pass(30);
    let unknown = RemoveDevice {
        account: None,
        device: "0000000000000000".into(),
        code: Some(secret_text(&phone.code(&world))),
    };
    assert_eq!(kind(world.ask(&alice, unknown).await), FaultKind::NoSuchDevice);
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
}

#[tokio::test]
async fn guesses_at_ones_own_changes_are_throttled_like_all_others() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let disable = |code: &str| DisableAccount { account: None, code: Some(secret_text(code)) };
    for _ in 0..6 {
        world.ask(&person(1000), disable(&phone.wrong(&world))).await.unwrap_err();
    }
    let fault = world.ask(&person(1000), disable(&phone.code(&world))).await.unwrap_err();
    assert_eq!(fault.refusal.unwrap().word, Say::Wait);
    assert!(world.view("alice").await.enrolled);
}

#[tokio::test]
async fn regenerated_backup_codes_kill_the_old_ones() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let regenerate = RegenerateBackupCodes { account: None, code: Some(secret_text(&phone.backup_codes[0])) };
    let fresh = world.ask(&person(1000), regenerate).await.unwrap().backup_codes;
    assert_eq!(fresh.len(), 10);
    assert_eq!(world.verify(&root(), "alice", &phone.backup_codes[1]).await, Some(Say::Wrong));
    assert_eq!(world.verify(&root(), "alice", fresh[0].reveal()).await, None);
    assert_eq!(world.view("alice").await.backup_codes_left, 9);
}

#[tokio::test]
async fn disabling_turns_everything_off_at_once_and_keeps_the_failures() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let code = Some(secret_text(&phone.code(&world)));
    world.ask(&person(1000), DisableAccount { account: None, code }).await.unwrap();
    world.clock.pass(30);
    for code in [&phone.code(&world), &phone.backup_codes[0]] {
        assert_eq!(world.verify(&root(), "alice", code).await, Some(Say::Unenrolled));
    }
}

#[tokio::test]
async fn a_name_belongs_to_one_account_and_goes_with_it() {
    let world = World::new();
    world.enrolled("alice").await;
    let add = |name: &str| AddAccount { name: name.into(), groups: vec![] };
    assert_eq!(kind(world.ask(&root(), add("alice")).await), FaultKind::NameTaken);
    world.ask(&root(), add("local:bob")).await.unwrap();
    let link = |name: &str| LinkName { account: "local:bob".into(), name: name.into() };
    assert_eq!(kind(world.ask(&root(), link("alice")).await), FaultKind::NameTaken);
    let view = world.ask(&root(), link("wiki.example.com:Bob ")).await.unwrap();
    assert_eq!(view.names, ["local:bob", "wiki.example.com:bob"]);
    assert_eq!(kind(world.ask(&root(), add("wiki.example.com:bob")).await), FaultKind::NameTaken);
    let unlink = |name: &str| UnlinkName { account: "local:bob".into(), name: name.into(), code: None };
    world.ask(&root(), unlink("wiki.example.com:bob")).await.unwrap();
    assert_eq!(kind(world.ask(&root(), unlink("local:bob")).await), FaultKind::Invalid, "the last one stays");
    world.ask(&root(), add("wiki.example.com:bob")).await.unwrap();
    world.ask(&root(), RemoveAccount { account: "alice".into() }).await.unwrap();
    assert_eq!(
        kind(world.ask(&root(), GetAccount { account: Some("alice".into()) }).await),
        FaultKind::NoSuchAccount
    );
    world.ask(&root(), add("alice")).await.unwrap();
    assert!(!world.view("alice").await.enrolled, "the new alice begins anew");
    assert_eq!(world.ask(&root(), GetInfo {}).await.unwrap().accounts, 3);
}

#[tokio::test]
async fn accounts_are_listed_page_by_page() {
    let world = World::new();
    for n in 0..5 {
        let add = AddAccount { name: format!("local:user{n}"), groups: vec![] };
        world.ask(&root(), add).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = world.ask(&root(), ListAccounts { after, limit: 2 }).await.unwrap();
        seen.extend(page.accounts.into_iter().flat_map(|account| account.names));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, (0..5).map(|n| format!("local:user{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_list_alone_tells_root_which_uid_a_name_of_the_host_was_first_seen_with() {
    let world = World::new();
    world.enrolled("alice").await;
    world.ask(&root(), LinkName { account: "alice".into(), name: "local:alice".into() }).await.unwrap();
    world.ask(&root(), AddAccount { name: "local:zoe".into(), groups: vec![] }).await.unwrap();
    let page = world.ask(&root(), ListAccounts { after: None, limit: 10 }).await.unwrap();
    let told = page.accounts.iter().map(|account| (account.names[0].as_str(), account.uids.as_slice()));
    let mut told: Vec<_> = told.collect();
    let alice = [SeenUid { name: "alice".into(), uid: 1000 }];
    told.sort_by_key(|(name, _)| *name);
    assert_eq!(told, [("local:zoe", &[][..]), ("unix:alice", &alice[..])]);
    assert_eq!(world.view("alice").await.uids, []);
}

#[tokio::test]
async fn an_operator_says_whose() {
    let world = World::new();
    world.enrolled("alice").await;
    assert_eq!(kind(world.ask(&root(), GetAccount { account: None }).await), FaultKind::Invalid);
    for text in ["", "a b", "Unix:alice", "id:nonsense", ":alice"] {
        let get = GetAccount { account: Some(text.into()) };
        assert_eq!(kind(world.ask(&root(), get).await), FaultKind::Invalid, "{text:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_invalid_parameter_that_quotes_nothing() {
    let world = World::new();
    let call = async |parameters: &str| {
        let parameters = RawValue::from_string(parameters.to_owned()).unwrap();
        match world.authority.call(&root(), "SetPassword", &parameters, false).await {
            Answer::One(Err(Failure::InvalidParameter(which))) => which,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(call("{}").await, "password");
    assert_eq!(call(r#"{"password": 7}"#).await, "parameters");
    assert_eq!(call(r#"{"password": "secret", "code": ["secret"]}"#).await, "parameters");
}

#[tokio::test]
async fn an_owner_reopens_the_account_only_from_where_they_have_passed() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let reopen = |code: &str| ReopenAccount { account: None, code: Some(secret_text(code)) };
    let refused = world.ask(&person(1000), reopen(&phone.code(&world))).await;
    assert_eq!(kind(refused), FaultKind::NotPermitted);
    assert_eq!(world.verify(&person(1000), "alice", &phone.code(&world)).await, None);
    world.clock.pass(30);
    world.ask(&person(1000), reopen(&phone.code(&world))).await.unwrap();
}
