//! Codes at PAM doors, and what a login must do before.

use twofold_shared::wire::Word as Say;

use super::*;

#[tokio::test]
async fn a_right_code_passes_once_at_all_doors_together() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let code = phone.code(&world);
    assert_eq!(world.verify(&root(), "alice", &code).await, None);
    assert_eq!(world.verify(&root(), "alice", &code).await, Some(Say::Used));
    assert_eq!(world.verify(&door("unix", false), "alice", &code).await, Some(Say::Used));
    assert_eq!(world.verify(&person(1000), "alice", &code).await, Some(Say::Used));
    world.clock.pass(30);
    assert_eq!(world.verify(&door("unix", false), "alice", &phone.code(&world)).await, None);
}

#[tokio::test]
async fn the_code_that_confirmed_an_enrolment_is_spent() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let confirming = phone.code_at(UnixTime(NOON));
    assert_eq!(world.verify(&root(), "alice", &confirming).await, Some(Say::Used));
}

#[tokio::test]
async fn a_backup_code_works_once_and_its_owner_hears_of_it() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    assert_eq!(phone.backup_codes.len(), 10);
    let code = &phone.backup_codes[3];
    let reply = world.ask(&root(), verify("alice", code, "10.0.0.1")).await.unwrap();
    assert_eq!(word_of(&reply), None);
    let notices: Vec<_> = reply.notices.iter().map(|notice| (notice.kind, notice.left)).collect();
    assert_eq!(notices, [(NoticeKind::DeviceEnrolled, None), (NoticeKind::BackupCodeUsed, Some(9))]);
    assert_eq!(world.verify(&root(), "alice", code).await, Some(Say::Used));
    assert_eq!(world.view("alice").await.backup_codes_left, 9);
}

#[tokio::test]
async fn the_answer_names_account_door_and_level_of_this_request() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let request = verify("alice", &phone.code(&world), "10.0.0.1");
    let number = request.nonce.clone();
    let reply = world.ask(&door("unix", false), request).await.unwrap();
    assert_eq!(reply.nonce, number);
    let approval = reply.approval.unwrap();
    let account = world.view("alice").await.id;
    assert_eq!(approval, Approval { account, door: "sshd on box1".into(), level: Level::Second });
    assert_eq!(world.trail().await.last().unwrap().request, Some(number.to_string()));
}

#[tokio::test]
async fn a_locked_account_is_refused_like_a_wrong_code() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    world.ask(&root(), lock("alice")).await.unwrap();
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, Some(Say::Wrong));
    assert_eq!(world.trail().await.last().unwrap().reason.as_deref(), Some("locked"));
    world.ask(&root(), UnlockAccount { account: "alice".into() }).await.unwrap();
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
}

#[tokio::test]
async fn a_name_that_came_back_with_another_uid_is_another_person() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    world.users.0.lock().unwrap().insert("alice".into(), 2000);
    assert_ne!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
    assert_eq!(world.trail().await.last().unwrap().reason.as_deref(), Some("other_person"));
    let own = world.ask(&person(2000), GetAccount { account: None }).await.unwrap_err();
    assert_eq!(own.kind, FaultKind::NotPermitted);
    world.users.0.lock().unwrap().insert("alice".into(), 1000);
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
}

#[tokio::test]
async fn a_door_verifies_its_services_in_its_realm_and_nothing_else() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let mut other = verify("alice", &phone.code(&world), "10.0.0.1");
    other.login.service = "cron".into();
    let fault = world.ask(&door("unix", false), other).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::NotPermitted);
    // In another realm alice is somebody else, also when the realm is written into the name.
    for name in ["alice", "unix:alice"] {
        let word = world.verify(&door("wiki.example.com", false), name, &phone.code(&world)).await;
        assert_eq!(word, Some(Say::Wrong), "{name}");
    }
}

#[tokio::test]
async fn a_door_cannot_be_a_source_that_the_owner_uses_elsewhere() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    assert_eq!(world.verify_from("10.0.0.1", "alice", &phone.code(&world)).await, None);
    let wrong = phone.wrong(&world);
    let door = door("unix", false);
    for _ in 0..6 {
        let failing = verify("alice", &wrong, "10.0.0.1");
        assert_eq!(word_of(&world.ask(&door, failing).await.unwrap()), Some(Say::Wrong));
    }
    let waiting = verify("alice", &wrong, "10.0.0.1");
    assert_eq!(word_of(&world.ask(&door, waiting).await.unwrap()), Some(Say::Wait));
    world.clock.pass(30);
    assert_eq!(world.verify_from("10.0.0.1", "alice", &phone.code(&world)).await, None);
}

#[tokio::test]
async fn a_person_verifies_only_the_own_name() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    world.enrolled("bob").await;
    let other = world.ask(&person(1001), verify("alice", &phone.code(&world), "10.0.0.1")).await;
    assert_eq!(other.unwrap_err().kind, FaultKind::NotPermitted);
    let spelled = world.ask(&person(1001), verify("unix:bob", "000000", "10.0.0.1")).await;
    assert_eq!(spelled.unwrap_err().kind, FaultKind::NotPermitted);
}

#[tokio::test]
async fn what_is_no_code_is_charged_to_nobody() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    for _ in 0..20 {
        for typed in ["", "12345", "\u{8}\n\r\u{7f}INCORRECT", "correct horse battery staple"] {
            assert_eq!(world.verify(&root(), "alice", typed).await, Some(Say::Wrong));
        }
    }
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
}

#[tokio::test]
async fn with_the_clock_in_doubt_only_backup_codes_pass_until_root_accepts_it() {
    let mut world = World::new();
    let phone = world.enrolled("alice").await;
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
    world.clock.step(-600);
    for _ in 0..2 {
        assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, Some(Say::Clock));
        assert!(!world.ask(&root(), GetInfo {}).await.unwrap().clock_trusted);
        world.restart().await;
    }
    assert_eq!(world.verify(&root(), "alice", &phone.backup_codes[0]).await, None);
    world.ask(&root(), AcceptClock {}).await.unwrap();
    // What was spent in the other time is spent up to now, and no further.
    let _ = phone.code(&world);
    world.clock.pass(30);
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
}

fn consult(name: &str, first: FirstFactor, service: &str) -> Consult {
    let login = Login { first, service: service.into(), ..login(name, "10.0.0.1") };
    Consult { nonce: nonce(), login }
}

#[tokio::test]
async fn policy_lets_nobody_in_without_a_first_factor() {
    let world = World::with(|settings| {
        let services = [("optional", Requirement::Optional), ("exempt", Requirement::Exempt)];
        let services = services.map(|(service, requirement)| (service.to_owned(), requirement)).into();
        settings.policy.services = services;
    });
    world.enrolled("alice").await;
    world.ask(&root(), AddAccount { name: "bob".into(), groups: vec![] }).await.unwrap();
    for (name, service, asked) in [
        ("alice", "sshd", Ask::Code),
        ("alice", "optional", Ask::Code),
        ("alice", "exempt", Ask::Exempt),
        ("bob", "sshd", Ask::Enrol),
        ("bob", "sudo", Ask::Unenrolled),
        ("bob", "optional", Ask::Optional),
        ("bob", "exempt", Ask::Exempt),
        // Known to the host, not to the ledger.
        ("carol", "sshd", Ask::Invitation),
        ("carol", "sudo", Ask::Code),
        ("carol", "optional", Ask::Optional),
        ("carol", "exempt", Ask::Exempt),
        // Known to nobody.
        ("mallory", "sshd", Ask::Code),
        ("mallory", "optional", Ask::Code),
        ("mallory", "exempt", Ask::Code),
    ] {
        for first in [FirstFactor::Above, FirstFactor::Publickey] {
            let reply = world.ask(&root(), consult(name, first, service)).await.unwrap();
            assert_eq!(reply.ask, asked, "{name} at {service}");
        }
        let reply = world.ask(&root(), consult(name, FirstFactor::None, service)).await.unwrap();
        assert_eq!(reply.ask, Ask::Code, "{name} at {service} without a first factor");
    }
}

#[tokio::test]
async fn an_accounts_own_requirement_comes_before_the_services() {
    let world = World::with(|settings| settings.policy.default = Requirement::Exempt);
    world.enrolled("alice").await;
    let set = |requirement| SetRequirement { account: "alice".into(), requirement };
    for (requirement, asked) in [
        (Some(Requirement::Required), Ask::Code),
        (Some(Requirement::Exempt), Ask::Exempt),
        (None, Ask::Exempt),
    ] {
        world.ask(&root(), set(requirement)).await.unwrap();
        let reply = world.ask(&root(), consult("alice", FirstFactor::Above, "sshd")).await.unwrap();
        assert_eq!(reply.ask, asked, "{requirement:?}");
    }
    world.ask(&root(), lock("alice")).await.unwrap();
    let reply = world.ask(&root(), consult("alice", FirstFactor::Above, "sshd")).await.unwrap();
    assert_eq!(reply.ask, Ask::Code, "a lock is stronger than an exemption");
}

#[tokio::test]
async fn a_person_is_spoken_to_in_their_own_language_where_something_shows_that_it_is_them() {
    let mut world = World::new();
    world.enrolled("alice").await;
    world.enrolled("bob").await;
    let set = |account: Option<&str>, language| SetLanguage { account: account.map(str::to_owned), language };
    world.ask(&root(), set(Some("alice"), Some(Language::German))).await.unwrap();
    world.restart().await;
    let spoken =
        async |name: &str, first| world.ask(&root(), consult(name, first, "sshd")).await.unwrap().language;
    for first in [FirstFactor::Above, FirstFactor::Publickey] {
        assert_eq!(spoken("alice", first).await, Language::German);
        assert_eq!(spoken("bob", first).await, Language::English);
        assert_eq!(spoken("nobody", first).await, Language::English);
    }
    // Whoever only says a name learns nothing of its account.
    assert_eq!(spoken("alice", FirstFactor::None).await, Language::English);
    // Owners choose for themselves, without a code, and for nobody else.
    assert_eq!(
        world.ask(&person(1001), set(Some("alice"), None)).await.unwrap_err().kind,
        FaultKind::NotPermitted
    );
    world.ask(&person(1000), set(None, None)).await.unwrap();
    assert_eq!(spoken("alice", FirstFactor::Above).await, Language::English);
    assert_eq!(world.view("alice").await.language, None);
    let changes = world.trail().await.into_iter().filter(|event| event.action == "language_set");
    assert_eq!(changes.map(|event| event.actor).collect::<Vec<_>>(), [Some("root".into()), None]);
}
