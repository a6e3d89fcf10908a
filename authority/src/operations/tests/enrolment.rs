//! New devices: who may begin, who may confirm, what is void.

use twofold_shared::wire::Word as Say;

use super::*;

fn kind<T: std::fmt::Debug>(result: Result<T, Fault>) -> FaultKind {
    result.unwrap_err().kind
}

async fn add(world: &World, name: &str) {
    world.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
}

#[tokio::test]
async fn nothing_is_on_before_a_right_code_has_confirmed_it() {
    let world = World::new();
    add(&world, "alice").await;
    let begun = world.ask(&root(), begin(Some("alice"))).await.unwrap();
    assert!(begun.uri.reveal().starts_with("otpauth://totp/Twofold%20web1:alice?secret="));
    assert!(begun.uri.reveal().contains(begun.secret.reveal()));
    assert_eq!(begun.secret.reveal().len(), 32, "160 bits");
    assert!(!world.view("alice").await.enrolled);
    let wrong = ConfirmEnrolment { enrolment: begun.enrolment.clone(), code: secret_text("000000") };
    let fault = world.ask(&root(), wrong).await.unwrap_err();
    assert_eq!((fault.kind, fault.refusal.unwrap().word), (FaultKind::Refused, Say::Wrong));
    let phone = world.confirm(&root(), &begun).await.unwrap();
    assert_eq!(phone.backup_codes.len(), 10);
    assert!(world.view("alice").await.enrolled);
    let again = ConfirmEnrolment { enrolment: begun.enrolment, code: secret_text(&phone.code(&world)) };
    assert_eq!(kind(world.ask(&root(), again).await), FaultKind::NoSuchEnrolment);
    // A further device shows no backup codes: the ones there are stay good.
    assert!(world.enrol(&root(), Some("alice")).await.backup_codes.is_empty());
}

#[tokio::test]
async fn an_enrolment_waits_ten_minutes_and_only_for_who_began_it() {
    let world = World::with(|settings| settings.first_enrolment = FirstEnrolment::Own);
    add(&world, "alice").await;
    let begun = world.ask(&person(1000), begin(None)).await.unwrap();
    for other in [root(), person(1001), door("wiki.example.com", true)] {
        assert_eq!(world.confirm(&other, &begun).await.err().unwrap().kind, FaultKind::NoSuchEnrolment);
    }
    world.clock.pass(600);
    assert_eq!(world.confirm(&person(1000), &begun).await.err().unwrap().kind, FaultKind::NoSuchEnrolment);
    let begun = world.ask(&person(1000), begin(None)).await.unwrap();
    world.clock.pass(599);
    world.confirm(&person(1000), &begun).await.unwrap();
}

#[tokio::test]
async fn the_first_confirmed_wins_and_voids_the_others() {
    let world = World::with(|settings| settings.first_enrolment = FirstEnrolment::Own);
    add(&world, "alice").await;
    let mine = world.ask(&person(1000), begin(None)).await.unwrap();
    let roots = world.ask(&root(), begin(Some("alice"))).await.unwrap();
    world.confirm(&person(1000), &mine).await.unwrap();
    assert_eq!(world.confirm(&root(), &roots).await.err().unwrap().kind, FaultKind::NoSuchEnrolment);
}

#[tokio::test]
async fn a_first_enrolment_by_oneself_is_for_who_configured_it_and_for_people() {
    for first in [FirstEnrolment::Invitation, FirstEnrolment::Login] {
        let world = World::with(|settings| settings.first_enrolment = first);
        add(&world, "alice").await;
        assert_eq!(kind(world.ask(&person(1000), begin(None)).await), FaultKind::NotPermitted);
    }
    let world = World::with(|settings| settings.first_enrolment = FirstEnrolment::Own);
    assert_eq!(kind(world.ask(&person(1), begin(None)).await), FaultKind::NotPermitted, "a system uid");
    assert_eq!(
        kind(world.ask(&person(4711), begin(None)).await),
        FaultKind::NotPermitted,
        "a uid without a name"
    );
    add(&world, "bob").await;
    assert_eq!(kind(world.ask(&person(1000), begin(Some("bob"))).await), FaultKind::NotPermitted);
    // Somebody without an account gets one, under the own name.
    let phone = world.enrol(&person(1000), None).await;
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
}

#[tokio::test]
async fn a_further_device_takes_a_code_and_spends_it() {
    let world = World::with(|settings| settings.first_enrolment = FirstEnrolment::Own);
    let phone = world.enrolled("alice").await;
    assert_eq!(kind(world.ask(&person(1000), begin(None)).await), FaultKind::NeedsCode);
    let with = |code: &str| BeginEnrolment { code: Some(secret_text(code)), ..begin(None) };
    let fault = world.ask(&person(1000), with(&phone.wrong(&world))).await.unwrap_err();
    assert_eq!((fault.kind, fault.refusal.unwrap().word), (FaultKind::Refused, Say::Wrong));
    let code = phone.code(&world);
    let begun = world.ask(&person(1000), with(&code)).await.unwrap();
    assert_eq!(world.verify(&root(), "alice", &code).await, Some(Say::Used));
    world.confirm(&person(1000), &begun).await.unwrap();
    assert_eq!(world.view("alice").await.devices.len(), 2);
}

#[tokio::test]
async fn a_door_enrols_only_a_first_device_in_its_own_realm() {
    let world = World::new();
    let wiki = door("wiki.example.com", true);
    for name in ["alice", "wiki.example.com:alice", "wiki.example.com:bob"] {
        add(&world, name).await;
    }
    let phone = world.enrol(&wiki, Some("alice")).await;
    assert!(!world.view("alice").await.enrolled, "the host's alice is somebody else");
    assert!(world.view("wiki.example.com:alice").await.enrolled);
    let with_code = BeginEnrolment { code: Some(secret_text(&phone.code(&world))), ..begin(Some("alice")) };
    assert_eq!(kind(world.ask(&wiki, with_code).await), FaultKind::NotPermitted);
    for name in ["alice", "mallory", "unix:alice", "local:alice", "id:00000000000000000000000000000000"] {
        assert_eq!(kind(world.ask(&wiki, begin(Some(name))).await), FaultKind::NotPermitted, "{name}");
    }
    let closed = door("wiki.example.com", false);
    assert_eq!(kind(world.ask(&closed, begin(Some("bob"))).await), FaultKind::NotPermitted);
    let begun = world.ask(&wiki, begin(Some("bob"))).await.unwrap();
    world.ask(&root(), lock("wiki.example.com:bob")).await.unwrap();
    assert_eq!(world.confirm(&wiki, &begun).await.err().unwrap().kind, FaultKind::NoSuchEnrolment);
}

#[tokio::test]
async fn an_import_keeps_its_secret_and_refuses_a_short_one() {
    let world = World::new();
    add(&world, "alice").await;
    let import = |text: &str| BeginEnrolment {
        import: Some(secret_text(text)),
        digits: 8,
        period_seconds: 60,
        algorithm: Algorithm::Sha256,
        ..begin(Some("alice"))
    };
    assert_eq!(kind(world.ask(&root(), import("GEZDGNBVGY3TQOJQ")).await), FaultKind::Invalid);
    let begun = world.ask(&root(), import("gezd gnbv gy3t qojq gezd gnbv gy3t qojq")).await.unwrap();
    assert_eq!(begun.secret.reveal(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    for broken in [
        BeginEnrolment { digits: 5, ..begin(Some("alice")) },
        BeginEnrolment { period_seconds: 5, ..begin(Some("alice")) },
    ] {
        assert_eq!(kind(world.ask(&root(), broken).await), FaultKind::Invalid);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolment_confirmed_many_times_at_once_is_one_device() {
    let world = World::new();
    add(&world, "alice").await;
    let begun = world.ask(&root(), begin(Some("alice"))).await.unwrap();
    let totp = Totp {
        secret: Secret::from_base32(begun.secret.reveal()).unwrap(),
        parameters: TotpParameters::default(),
    };
    let phone = Phone { totp, device: String::new(), backup_codes: vec![] };
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let code = secret_text(&phone.code(&world));
            let confirm = ConfirmEnrolment { enrolment: begun.enrolment.clone(), code };
            let authority = Arc::clone(&world.authority);
            tokio::spawn(async move {
                let confirm = to_raw_value(&confirm).unwrap();
                matches!(
                    authority.call(&root(), "ConfirmEnrolment", &confirm, false).await,
                    Answer::One(Ok(_))
                )
            })
        })
        .collect();
    let mut confirmed = 0;
    for call in calls {
        confirmed += usize::from(call.await.unwrap());
    }
    assert_eq!((confirmed, world.view("alice").await.devices.len()), (1, 1));
}

#[tokio::test]
async fn a_device_that_root_set_up_says_so_in_the_list_and_at_the_next_login() {
    let world = World::with(|settings| settings.first_enrolment = FirstEnrolment::Own);
    let phone = world.enrolled("alice").await;
    assert_eq!(world.view("alice").await.devices[0].created.door, "root's command");
    let reply = world.ask(&root(), verify("alice", &phone.code(&world), "10.0.0.1")).await.unwrap();
    let doors: Vec<_> = reply.notices.iter().map(|notice| notice.door.as_deref()).collect();
    assert_eq!(doors, [Some("root's command")]);
    world.enrol(&person(1001), None).await;
    assert_eq!(world.view("bob").await.devices[0].created.door, "command");
}

/// By `[enrolment]`: everybody at a login; of the groups, bob's by themselves, carol's with an invitation.
fn by_groups() -> World {
    World::with(|settings| {
        settings.enrolment_groups = [
            ("bob".to_owned(), FirstEnrolment::Own),
            ("people".to_owned(), FirstEnrolment::Own),
            ("carol".to_owned(), FirstEnrolment::Invitation),
            ("sales".to_owned(), FirstEnrolment::Invitation),
        ]
        .into();
        settings.enrolment_groups_here = vec!["bob".into(), "carol".into()];
    })
}

#[tokio::test]
async fn groups_of_the_host_and_of_the_ledger_say_who_begins_a_first_enrolment() {
    let world = by_groups();
    let at_login = async |name: &str| {
        let consult = Consult { nonce: nonce(), login: login(name, "192.0.2.7") };
        world.ask(&root(), consult).await.unwrap().ask
    };
    let by_oneself =
        async |uid| world.ask(&person(uid), begin(None)).await.map(|_| ()).map_err(|fault| fault.kind);
    for (name, uid, ask, command) in [
        ("alice", 1000, Ask::Enrol, Err(FaultKind::NotPermitted)),
        ("bob", 1001, Ask::Enrol, Ok(())),
        ("carol", 1002, Ask::Invitation, Err(FaultKind::NotPermitted)),
    ] {
        assert_eq!(at_login(name).await, ask, "{name} without an account");
        assert_eq!(by_oneself(uid).await, command, "{name} without an account");
    }
    // With an account the ledger's groups count as well, and the strictest of all holds.
    for (name, groups, ask) in
        [("alice", vec!["people"], Ask::Enrol), ("bob", vec!["sales", "people"], Ask::Invitation)]
    {
        let _ = world.ask(&root(), RemoveAccount { account: name.into() }).await;
        let groups: Vec<String> = groups.into_iter().map(str::to_owned).collect();
        world.ask(&root(), AddAccount { name: name.into(), groups }).await.unwrap();
        assert_eq!(at_login(name).await, ask, "{name} with an account");
    }
    assert_eq!(by_oneself(1000).await, Ok(()));
    assert_eq!(by_oneself(1001).await, Err(FaultKind::NotPermitted));
}

#[tokio::test]
async fn an_explanation_says_what_a_first_device_takes_and_by_which_group() {
    let world = by_groups();
    world.ask(&root(), AddAccount { name: "alice".into(), groups: vec!["people".into()] }).await.unwrap();
    world.ask(&root(), AddAccount { name: "elsewhere".into(), groups: vec![] }).await.unwrap();
    world.enrolled("bob").await;
    let told = async |name: &str, groups: Option<&str>| {
        let question = ExplainPolicy {
            name: name.into(),
            service: "sshd".into(),
            first: FirstFactor::Above,
            source: address("192.0.2.7"),
            groups: groups.map(|group| vec![group.to_owned()]),
        };
        let first = world.ask(&root(), question).await.unwrap().first_device;
        first.map(|first| (first.takes, first.decided_by, first.group))
    };
    use FirstDecider::{Default, Group, Untold};
    use FirstTakes::{Invitation, Login, Own};
    let group = |name: &str| Some(name.to_owned());
    assert_eq!(told("alice", None).await, Some((Own, Group, group("people"))));
    assert_eq!(told("alice", Some("sales")).await, Some((Invitation, Group, group("sales"))));
    assert_eq!(told("alice", Some("nobody's")).await, Some((Login, Default, None)));
    assert_eq!(told("carol", None).await, Some((Invitation, Group, group("carol"))));
    assert_eq!(told("elsewhere", None).await, Some((Invitation, Untold, None)));
    assert_eq!(told("bob", None).await, None, "there is a device");
    assert_eq!(told("nobody", None).await, None);
}
