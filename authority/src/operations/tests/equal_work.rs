//! A name that nobody has costs what a name costs that somebody has: commits, Argon2 runs, bytes, words.

use super::*;

/// What one call cost and said: revisions of the ledger, Argon2 runs, the reply without its number.
async fn cost<R: Request>(world: &World, caller: &Caller, request: R) -> (u64, u64, String) {
    let hashed = world.authority.hashing.runs();
    // The first commit after time went by also writes the clock's record; that one is nobody's.
    revision(world).await;
    let before = revision(world).await;
    let reply = world.raw(caller, &request).await.unwrap();
    let commits = (revision(world).await - before) / 2;
    let mut reply: serde_json::Value = reply.parameters();
    let number = reply.as_object_mut().unwrap().remove("nonce").unwrap();
    assert_eq!(number.as_str().unwrap().len(), 32);
    (commits, world.authority.hashing.runs() - hashed, reply.to_string())
}

/// What the next commit's revision would be. Every batch that changes something takes two more: its own and its end.
async fn revision(world: &World) -> u64 {
    world.authority.store.commit(crate::store::Commit::default()).await.unwrap().version.0
}

#[tokio::test]
async fn an_unknown_names_code_costs_the_same_before_a_first_factor() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    world.ask(&root(), AddAccount { name: "bob".into(), groups: vec![] }).await.unwrap();
    let wrong = phone.wrong(&world);
    // Six digits, eight digits (a backup code's), and then a throttled one.
    for code in [wrong.as_str(), "00000000", &wrong, &wrong, &wrong, &wrong, &wrong, "00000000", &wrong] {
        let request = |name| {
            let mut request = verify(name, code, "10.0.0.1");
            request.login.first = FirstFactor::None;
            request
        };
        let alice = cost(&world, &root(), request("alice")).await;
        assert_eq!(alice, cost(&world, &root(), request("mallory")).await, "unknown, {code}");
        assert_eq!(alice, cost(&world, &root(), request("bob")).await, "not enrolled, {code}");
        assert_eq!(alice.0, 1, "one commit");
        if code.len() == 6 {
            assert_eq!(alice.1, 0, "no backup code has six digits");
        }
    }
}

#[tokio::test]
async fn an_unknown_names_code_at_a_site_costs_the_same() {
    let world = World::new();
    world.enrolled("wiki.example.com:alice").await;
    world.ask(&root(), AddAccount { name: "wiki.example.com:bob".into(), groups: vec![] }).await.unwrap();
    for code in ["000001", "00000000", "000001", "000001", "000001", "000001", "000001", "00000000"] {
        let request = |name: &str| VerifyName {
            nonce: nonce(),
            realm: "wiki.example.com".into(),
            name: name.into(),
            site: "wiki.example.com".into(),
            source: address("192.0.2.7"),
            browser: "Firefox".into(),
            session: digest(),
            code: secret_text(code),
        };
        let alice = cost(&world, &gate(), request("alice")).await;
        for other in ["mallory", "bob", "no/name"] {
            assert_eq!(alice, cost(&world, &gate(), request(other)).await, "{other}, {code}");
        }
        assert_eq!(alice.0, 1, "one commit");
    }
}

#[tokio::test]
async fn an_unknown_names_code_costs_the_same_after_a_first_factor() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let wrong = phone.wrong(&world);
    for code in [wrong.as_str(), "00000000", &wrong, &wrong, &wrong, &wrong, &wrong, &wrong, &wrong] {
        let alice = cost(&world, &root(), verify("alice", code, "10.0.0.1")).await;
        assert_eq!(alice, cost(&world, &root(), verify("mallory", code, "10.0.0.1")).await, "{code}");
    }
}

#[tokio::test]
async fn an_unknown_names_password_costs_the_same() {
    let world = World::new();
    for name in ["local:alice", "local:bob"] {
        world.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
    }
    let set = SetPassword {
        account: Some("local:alice".into()),
        password: secret_text("correct horse"),
        code: None,
    };
    world.ask(&root(), set).await.unwrap();
    for round in 0..8 {
        // Half of them come with a cookie, which nobody has.
        let browser_value = (round % 2 == 1).then(digest);
        let sign_in = |name| SignIn { browser_value, ..sign_in(name, "wrong horse", digest()) };
        let alice = cost(&world, &gate(), sign_in("alice")).await;
        for other in ["mallory", "bob", "no/name"] {
            assert_eq!(alice, cost(&world, &gate(), sign_in(other)).await, "{other:?}, round {round}");
        }
        assert_eq!(alice.0, 1, "one commit");
        assert_eq!(alice.1, u64::from(round < 6), "Argon2 once, and not for who must wait");
    }
}

#[tokio::test]
async fn an_unknown_name_is_throttled_like_a_known_one_and_told_by_the_minute() {
    let world = World::new();
    let mut words = Vec::new();
    for n in 0..20 {
        words.push(world.verify(&root(), &format!("mallory{}", n % 2), "000000").await);
    }
    assert!(words.contains(&Some(twofold_shared::wire::Word::Wait)), "{words:?}");
    let trail = world.trail().await;
    assert!(trail.iter().all(|event| event.name.is_none()), "names that nobody has are not kept");
    assert!(trail.len() <= 2, "{trail:?}");
    assert_eq!(trail.iter().map(|event| event.count).sum::<u64>(), 20);
}
