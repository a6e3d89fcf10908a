//! The audit trail: who did what, and never a secret.

use super::*;

fn read(account: Option<&str>, after: Option<String>, limit: u32) -> ReadAudit {
    ReadAudit { account: account.map(Into::into), after, since: None, limit }
}

#[tokio::test]
async fn every_change_is_told_with_who_did_it() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let code = Some(secret_text(&phone.code(&world)));
    world.ask(&person(1000), RegenerateBackupCodes { account: None, code }).await.unwrap();
    world.ask(&root(), lock("alice")).await.unwrap();
    world.ask(&root(), RemoveAccount { account: "alice".into() }).await.unwrap();
    let told: Vec<_> = world
        .trail()
        .await
        .into_iter()
        .map(|event| (event.action, event.outcome, event.name.unwrap_or_default(), event.actor))
        .collect();
    let expected = [
        ("account_add", Some("root")),
        ("enrol_begin", Some("root")),
        ("enrol", Some("root")),
        ("backup_codes_regenerate", None),
        ("account_lock", Some("root")),
        ("account_remove", Some("root")),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(action, actor)| (action.into(), "done".into(), "unix:alice".into(), actor.map(Into::into)))
        .collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn no_event_has_a_secret() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let mut secrets = phone.backup_codes.clone();
    secrets.push(phone.totp.secret.to_base32().reveal().to_owned());
    for code in [phone.code(&world), phone.wrong(&world), phone.backup_codes[0].clone()] {
        world.verify(&root(), "alice", &code).await;
        secrets.push(code);
    }
    let link = LinkName { account: "alice".into(), name: "local:alice".into() };
    world.ask(&root(), link).await.unwrap();
    let password = "correct horse";
    let set = SetPassword { account: Some("alice".into()), password: secret_text(password), code: None };
    world.ask(&root(), set).await.unwrap();
    secrets.push(password.into());
    secrets.push(world.session("alice", password, Some(&phone)).await.to_string());
    // Without the times, whose digits may look like a code.
    let trail = world.trail().await.into_iter().map(|event| AuditEvent { at: 0, count: 0, ..event });
    let trail = format!("{:?}", trail.collect::<Vec<_>>());
    for secret in secrets {
        assert!(!trail.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn a_person_reads_the_own_events_only() {
    let world = World::new();
    world.enrolled("alice").await;
    world.enrolled("bob").await;
    let own = world.ask(&person(1000), read(None, None, 500)).await.unwrap().events;
    assert!(!own.is_empty());
    assert!(own.iter().all(|event| event.name.as_deref() == Some("unix:alice")), "{own:?}");
    let of_bob = world.ask(&root(), read(Some("bob"), None, 500)).await.unwrap().events;
    assert!(!of_bob.is_empty());
    assert!(of_bob.iter().all(|event| event.name.as_deref() == Some("unix:bob")));
}

#[tokio::test]
async fn pages_follow_each_other_and_the_last_one_has_no_next() {
    let world = World::new();
    world.enrolled("alice").await;
    world.enrolled("bob").await;
    let everything = world.trail().await;
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = world.ask(&root(), read(None, after.clone(), 2)).await.unwrap();
        pages.extend(page.events);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(pages, everything);
}

#[tokio::test]
async fn the_trail_since_a_time_leaves_out_what_is_older() {
    let world = World::new();
    world.enrolled("alice").await;
    world.clock.pass(1000);
    let since = world.clock.now().now().0;
    world.ask(&root(), lock("alice")).await.unwrap();
    for (since, count) in [(0, 4), (since, 1), (since + 1, 0)] {
        let request = ReadAudit { since: Some(since), ..read(None, None, 500) };
        let events = world.ask(&root(), request).await.unwrap().events;
        assert_eq!(events.len(), count, "since {since}: {events:?}");
    }
}

#[tokio::test]
async fn who_follows_hears_what_was_and_what_comes() {
    let world = World::new();
    world.enrolled("alice").await;
    let mut stream = world.follow(&root(), read(None, None, 500)).await;
    let mut heard = Vec::new();
    let next = async |stream: &mut tokio::sync::mpsc::Receiver<Reply>| -> Vec<AuditEvent> {
        let message = tokio::time::timeout(Duration::from_secs(5), stream.recv()).await.unwrap().unwrap();
        message.parameters::<AuditPage>().events
    };
    heard.extend(next(&mut stream).await);
    assert_eq!(heard.len(), 3);
    world.ask(&root(), lock("alice")).await.unwrap();
    heard.extend(next(&mut stream).await);
    assert_eq!(heard, world.trail().await);
}
