//! The roster: what it finds is what the ledger has, whatever happened in between.

use super::*;

async fn add(world: &World, name: &str, groups: &[&str]) {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    world.ask(&root(), AddAccount { name: name.into(), groups }).await.unwrap();
}

fn by(order: AccountOrder) -> SearchAccounts {
    SearchAccounts { prefix: None, state: None, order, after: None, limit: 50 }
}

fn beginning(prefix: &str) -> SearchAccounts {
    SearchAccounts { prefix: Some(prefix.into()), ..by(AccountOrder::Name) }
}

fn in_state(state: AccountState) -> SearchAccounts {
    SearchAccounts { state: Some(state), ..by(AccountOrder::Name) }
}

/// The first names of all pages of two, in order.
async fn found(world: &World, wanted: SearchAccounts) -> Vec<String> {
    let mut names = Vec::new();
    let mut request = SearchAccounts { limit: 2, ..wanted };
    loop {
        let page = world.ask(&root(), request.clone()).await.unwrap();
        assert!(page.accounts.len() <= 2);
        names.extend(page.accounts.into_iter().map(|row| row.names[0].clone()));
        match page.next {
            Some(next) => request.after = Some(next),
            None => return names,
        }
    }
}

#[tokio::test]
async fn everybody_is_found_once_in_the_order_of_names() {
    let world = World::new();
    assert!(found(&world, by(AccountOrder::Name)).await.is_empty());
    for name in ["local:dora", "alice", "local:bob", "wiki.example.com:carl", "local:Ed"] {
        add(&world, name, &[]).await;
    }
    let all = ["unix:alice", "local:bob", "wiki.example.com:carl", "local:dora", "local:ed"];
    assert_eq!(found(&world, by(AccountOrder::Name)).await, all);
    // One person under three names comes once, at whichever is looked for.
    for name in ["local:alice", "local:al"] {
        world.ask(&root(), LinkName { account: "alice".into(), name: name.into() }).await.unwrap();
    }
    assert_eq!(found(&world, by(AccountOrder::Name)).await, all);
    for prefix in ["a", "al", "ali", " ALICE "] {
        assert_eq!(found(&world, beginning(prefix)).await, ["unix:alice"], "{prefix:?}");
        let idle = SearchAccounts { order: AccountOrder::Idle, ..beginning(prefix) };
        assert_eq!(found(&world, idle).await, ["unix:alice"], "{prefix:?}");
    }
    assert!(found(&world, beginning("alicea")).await.is_empty());
    assert!(found(&world, beginning("lice")).await.is_empty(), "the beginning of a name, and no other part");
}

#[tokio::test]
async fn it_follows_names_that_come_and_go_and_accounts_that_end() {
    let world = World::new();
    for name in ["local:ann", "local:ben"] {
        add(&world, name, &[]).await;
    }
    assert_eq!(found(&world, by(AccountOrder::Name)).await, ["local:ann", "local:ben"]);
    world.ask(&root(), LinkName { account: "local:ann".into(), name: "alice".into() }).await.unwrap();
    assert_eq!(found(&world, beginning("ali")).await, ["local:ann"]);
    let unlink = UnlinkName { account: "local:ann".into(), name: "local:ann".into(), code: None };
    world.ask(&root(), unlink).await.unwrap();
    assert_eq!(found(&world, by(AccountOrder::Name)).await, ["unix:alice", "local:ben"]);
    assert!(found(&world, beginning("ann")).await.is_empty());
    // The name is somebody else's from now on.
    add(&world, "local:ann", &[]).await;
    assert_eq!(found(&world, beginning("ann")).await, ["local:ann"]);
    world.ask(&root(), RemoveAccount { account: "local:ben".into() }).await.unwrap();
    world.ask(&root(), RemoveAccount { account: "local:ann".into() }).await.unwrap();
    assert_eq!(found(&world, by(AccountOrder::Name)).await, ["unix:alice"]);
}

#[tokio::test]
async fn states_are_those_of_this_moment() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    world.enrolled("bob").await;
    add(&world, "local:carol", &[]).await;
    assert_eq!(found(&world, in_state(AccountState::Enrolled)).await, ["unix:alice", "unix:bob"]);
    assert_eq!(found(&world, in_state(AccountState::NotEnrolled)).await, ["local:carol"]);
    assert!(found(&world, in_state(AccountState::Locked)).await.is_empty());
    assert!(found(&world, in_state(AccountState::FewCodes)).await.is_empty());
    for code in phone.backup_codes.iter().take(7) {
        assert_eq!(world.verify(&root(), "alice", code).await, None);
    }
    assert_eq!(found(&world, in_state(AccountState::FewCodes)).await, ["unix:alice"]);
    world.ask(&root(), ResetAccount { account: "alice".into() }).await.unwrap();
    assert!(found(&world, in_state(AccountState::FewCodes)).await.is_empty());
    assert_eq!(found(&world, in_state(AccountState::NotEnrolled)).await, ["unix:alice", "local:carol"]);
    let until = Some(world.clock.now().now().0 + 60);
    world.ask(&root(), LockAccount { until, ..lock("bob") }).await.unwrap();
    assert_eq!(found(&world, in_state(AccountState::Locked)).await, ["unix:bob"]);
    world.clock.pass(60);
    assert!(found(&world, in_state(AccountState::Locked)).await.is_empty(), "it ended by itself");
}

#[tokio::test]
async fn a_page_of_locks_that_have_run_out_leads_on_and_the_next_look_passes_them_by() {
    let world = World::new();
    let soon = Some(world.clock.now().now().0 + 60);
    for number in 0..520 {
        let name = format!("local:u{number:03}");
        add(&world, &name, &[]).await;
        world.ask(&root(), LockAccount { until: soon, ..lock(&name) }).await.unwrap();
    }
    add(&world, "local:zoe", &[]).await;
    world.ask(&root(), lock("local:zoe")).await.unwrap();
    let locked = in_state(AccountState::Locked);
    assert_eq!(world.ask(&root(), locked.clone()).await.unwrap().accounts.len(), 50);
    world.clock.pass(60);
    let page = world.ask(&root(), locked.clone()).await.unwrap();
    assert!(page.accounts.is_empty(), "as many as it opens are nobody who is wanted: {page:?}");
    let onwards = SearchAccounts { after: page.next, ..locked.clone() };
    assert!(onwards.after.is_some(), "and that is not the end");
    for request in [onwards, locked] {
        let page = world.ask(&root(), request).await.unwrap();
        let names: Vec<_> = page.accounts.iter().map(|row| row.names[0].as_str()).collect();
        assert_eq!((names.as_slice(), page.next), (["local:zoe"].as_slice(), None));
    }
}

#[tokio::test]
async fn the_order_of_use_begins_at_either_end() {
    let world = World::new();
    add(&world, "local:never", &[]).await;
    let phones = [world.enrolled("alice").await, world.enrolled("bob").await, world.enrolled("carol").await];
    for (name, phone) in [("carol", &phones[2]), ("alice", &phones[0]), ("bob", &phones[1])] {
        world.clock.pass(60);
        assert_eq!(world.verify(&root(), name, &phone.code(&world)).await, None);
    }
    let used = ["unix:carol", "unix:alice", "unix:bob"];
    let idle = found(&world, by(AccountOrder::Idle)).await;
    assert_eq!((idle[0].as_str(), &idle[1..]), ("local:never", &used.map(str::to_owned)[..]));
    let recent = found(&world, by(AccountOrder::Recent)).await;
    assert_eq!(recent, ["unix:bob", "unix:alice", "unix:carol", "local:never"]);
}

#[tokio::test]
async fn more_changes_than_it_can_be_told_of_are_read_anew() {
    let world = World::new();
    add(&world, "local:first", &[]).await;
    assert_eq!(found(&world, by(AccountOrder::Name)).await.len(), 1);
    let mut all = vec!["local:first".to_owned()];
    // It cannot look meanwhile.
    let held = world.authority.roster.held().await;
    for number in 0..1100 {
        let name = format!("local:u{number:04}");
        add(&world, &name, &[]).await;
        all.push(name);
    }
    drop(held);
    assert_eq!(found(&world, by(AccountOrder::Name)).await, all);
}

#[tokio::test]
async fn what_is_no_place_in_a_list_is_refused() {
    let world = World::new();
    add(&world, "local:ann", &[]).await;
    for after in ["", "x", "zz.ann", &format!("{}ann", "0".repeat(32))] {
        let request = SearchAccounts { after: Some(after.into()), ..by(AccountOrder::Name) };
        assert_eq!(world.ask(&root(), request).await.unwrap_err().kind, FaultKind::Invalid, "{after:?}");
    }
    let long = beginning(&"a".repeat(400));
    assert_eq!(world.ask(&root(), long).await.unwrap_err().kind, FaultKind::Invalid);
}
