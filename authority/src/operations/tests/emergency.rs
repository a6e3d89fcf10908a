//! Emergency codes: once, for a quarter of an hour, at one kind of door, whatever else is wrong with the account.

use twofold_shared::wire::Word;

use super::*;

fn issue(name: &str, door: EmergencyDoor) -> IssueEmergencyCode {
    IssueEmergencyCode { account: name.into(), door }
}

impl World {
    async fn emergency_code(&self, name: &str, door: EmergencyDoor) -> String {
        let made = self.ask(&root(), issue(name, door)).await.unwrap();
        assert_eq!((made.code.reveal().len(), made.expires_seconds), (16, 900));
        made.code.reveal().to_owned()
    }
}

#[tokio::test]
async fn an_emergency_code_opens_the_hosts_doors_once_and_is_told() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let code = world.emergency_code("alice", EmergencyDoor::Host).await;
    assert_eq!(world.verify(&root(), "alice", &code).await, None);
    assert_eq!(world.verify(&root(), "alice", &code).await, Some(Word::Wrong));
    let trail = world.trail().await;
    let told = |action: &str, outcome: &str| {
        trail.iter().filter(|event| event.action == action && event.outcome == outcome).count()
    };
    assert_eq!((told("emergency_code", "done"), told("verify", "approved")), (1, 1));
    let made = trail.iter().find(|event| event.action == "emergency_code").unwrap();
    assert_eq!(
        (made.actor.as_deref(), made.factor.as_deref()),
        (Some("root"), Some("for this host's doors"))
    );
    let used = trail.iter().find(|event| event.action == "verify").unwrap();
    assert_eq!(used.factor.as_deref(), Some("emergency code"));
    // The owner hears of it, and hears the news that were there before: whoever had the code did not.
    let reply = world.ask(&root(), verify("alice", &phone.code(&world), "10.0.0.1")).await.unwrap();
    let kinds: Vec<_> = reply.notices.iter().map(|notice| notice.kind).collect();
    assert_eq!(kinds, [NoticeKind::DeviceEnrolled, NoticeKind::EmergencyCodeUsed]);
}

#[tokio::test]
async fn an_emergency_code_works_without_devices_in_a_doubted_time_and_for_a_closed_account() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    world.ask(&root(), AddAccount { name: "bob".into(), groups: vec![] }).await.unwrap();
    // Strangers have used up a year's guesses.
    for n in 0..130_u32 {
        world.verify_from(&format!("192.0.2.{}", n % 200), "alice", &phone.wrong(&world)).await;
        world.clock.pass(1000);
    }
    assert_eq!(world.verify_from("198.51.100.1", "alice", &phone.code(&world)).await, Some(Word::Closed));
    world.clock.step(-86_400);
    let wanted = [("alice", "198.51.100.1"), ("bob", "198.51.100.2")];
    for (name, from) in wanted {
        let code = world.emergency_code(name, EmergencyDoor::Host).await;
        let asked = Consult { nonce: nonce(), login: login(name, from) };
        assert_eq!(world.ask(&root(), asked).await.unwrap().ask, Ask::Code, "{name}");
        assert_eq!(world.verify_from(from, name, &code).await, None, "{name}");
    }
}

#[tokio::test]
async fn an_emergency_code_ends_after_a_quarter_of_an_hour_of_the_clock_that_nobody_sets() {
    let world = World::new();
    world.enrolled("alice").await;
    let code = world.emergency_code("alice", EmergencyDoor::Host).await;
    world.clock.step(-3600);
    world.clock.pass(899);
    let other = world.emergency_code("alice", EmergencyDoor::Host).await;
    assert_eq!(
        world.verify(&root(), "alice", &code).await,
        Some(Word::Wrong),
        "a second one replaces the first"
    );
    world.clock.step(3600);
    world.clock.pass(901);
    assert_eq!(world.verify(&root(), "alice", &other).await, Some(Word::Wrong));
    let last = world.emergency_code("alice", EmergencyDoor::Host).await;
    world.clock.change(|reading| reading.boot_id = "another".to_owned());
    assert_eq!(
        world.verify(&root(), "alice", &last).await,
        Some(Word::Wrong),
        "it does not live through a boot"
    );
}

#[tokio::test]
async fn an_emergency_code_opens_one_kind_of_door_and_changes_nothing() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    world.ask(&root(), LinkName { account: "alice".into(), name: "local:alice".into() }).await.unwrap();
    let password = SetPassword {
        account: Some("local:alice".into()),
        password: secret_text("correct horse"),
        code: None,
    };
    world.ask(&root(), password).await.unwrap();
    let code = world.emergency_code("alice", EmergencyDoor::Host).await;
    let first = digest();
    world.ask(&gate(), sign_in("alice", "correct horse", first)).await.unwrap();
    let next = digest();
    let at_web = world.ask(&gate(), raise(first, next, &code)).await.unwrap();
    assert_eq!(word_of(&at_web), Some(Word::Wrong));
    // A door of another host, and changes that take a code.
    assert_eq!(world.verify(&door("unix", false), "alice", &code).await, Some(Word::Wrong));
    let disable = DisableAccount { account: None, code: Some(secret_text(&code)) };
    let fault = world.ask(&person(1000), disable).await.unwrap_err();
    assert_eq!(fault.refusal.map(|refused| refused.word), Some(Word::Wrong));
    // Its owner's own process on this host may use it.
    assert_eq!(world.verify(&person(1000), "alice", &code).await, None);
    let web = world.emergency_code("alice", EmergencyDoor::Web).await;
    assert_eq!(world.verify(&root(), "alice", &web).await, Some(Word::Wrong));
    let reply = world.ask(&gate(), raise(first, next, &web)).await.unwrap();
    assert_eq!(word_of(&reply), None);
    assert_eq!(world.check(next, None).await.unwrap().level, Level::Second);
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None, "nothing else was spent");
}

#[tokio::test]
async fn wrong_emergency_codes_cost_nobody_their_tries_and_a_lock_is_above_them() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    for n in 0..200 {
        let guess = format!("{n:016}");
        assert_eq!(world.verify_from("198.51.100.1", "alice", &guess).await, Some(Word::Wrong));
        assert_eq!(world.verify_from("198.51.100.1", "mallory", &guess).await, Some(Word::Wrong));
    }
    assert_eq!(world.verify_from("198.51.100.1", "alice", &phone.code(&world)).await, None);
    let refusals: Vec<_> =
        world.trail().await.into_iter().filter(|event| event.outcome == "refused").collect();
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    assert!(refusals.iter().all(|event| event.count == 200), "{refusals:?}");
    let code = world.emergency_code("alice", EmergencyDoor::Host).await;
    world.ask(&root(), lock("alice")).await.unwrap();
    assert_eq!(world.verify(&root(), "alice", &code).await, Some(Word::Wrong));
    let refused = world.ask(&root(), issue("alice", EmergencyDoor::Host)).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::NotPermitted);
    world.ask(&root(), UnlockAccount { account: "alice".into() }).await.unwrap();
    assert_eq!(world.verify(&root(), "alice", &code).await, Some(Word::Wrong), "the lock has ended it");
}

#[tokio::test]
async fn twenty_uses_of_one_emergency_code_at_once_let_one_in() {
    let world = Arc::new(World::new());
    world.enrolled("alice").await;
    let code = world.emergency_code("alice", EmergencyDoor::Host).await;
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (world, code) = (Arc::clone(&world), code.clone());
            tokio::spawn(async move { world.verify(&root(), "alice", &code).await })
        })
        .collect();
    let mut passed = 0;
    for attempt in tries {
        passed += usize::from(attempt.await.unwrap().is_none());
    }
    assert_eq!(passed, 1);
}
