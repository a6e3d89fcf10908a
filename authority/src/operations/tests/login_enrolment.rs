//! A second factor set up while logging in: offered to whom policy means, on only when the login's account phase is reached.

use twofold_shared::wire::Word;

use super::*;

fn begin_at(login: &Login) -> BeginEnrolmentAtLogin {
    BeginEnrolmentAtLogin { nonce: nonce(), login: login.clone(), invitation: None }
}

/// Where nobody is privileged.
fn world() -> World {
    World::with(|settings| {
        settings.enrolment_groups.clear();
        settings.enrolment_groups_here.clear();
    })
}

impl World {
    async fn asks(&self, caller: &Caller, login: &Login) -> Ask {
        self.ask(caller, Consult { nonce: nonce(), login: login.clone() }).await.unwrap().ask
    }

    fn app(&self, begun: &BegunEnrolmentAtLogin) -> Phone {
        let totp = Totp {
            secret: Secret::from_base32(begun.secret.reveal()).unwrap(),
            parameters: TotpParameters::default(),
        };
        Phone { totp, device: String::new(), backup_codes: Vec::new() }
    }

    async fn confirm_at(
        &self,
        login: &Login,
        enrolment: &str,
        code: &str,
    ) -> Result<ConfirmedEnrolmentAtLogin, Fault> {
        let (nonce, login, enrolment) = (nonce(), login.clone(), enrolment.to_owned());
        self.ask(&root(), ConfirmEnrolmentAtLogin { nonce, login, enrolment, code: secret_text(code) }).await
    }

    async fn activate_at(&self, login: &Login, enrolment: &str) -> Result<ActivatedEnrolmentAtLogin, Fault> {
        let (nonce, login, enrolment) = (nonce(), login.clone(), enrolment.to_owned());
        self.ask(&root(), ActivateEnrolmentAtLogin { nonce, login, enrolment }).await
    }
}

#[tokio::test]
async fn a_person_of_the_host_sets_up_a_device_at_the_first_login() {
    let world = world();
    let carol = login("carol", "192.0.2.7");
    assert_eq!(world.asks(&root(), &carol).await, Ask::Enrol);
    let begun = world.ask(&root(), begin_at(&carol)).await.unwrap();
    let lines = begun.picture.reveal().lines().count();
    assert!((15..=21).contains(&lines), "{lines}");
    let phone = world.app(&begun);
    let wrong = world.confirm_at(&carol, &begun.enrolment, &phone.wrong(&world)).await.unwrap();
    assert_eq!(wrong.refusal.map(|refused| refused.word), Some(Word::Wrong));
    let code = phone.code(&world);
    let confirmed = world.confirm_at(&carol, &begun.enrolment, &code).await.unwrap();
    assert!(confirmed.approval.is_some() && confirmed.backup_codes.len() == 10);
    // Not on yet: the next login begins anew.
    assert!(!world.view("carol").await.enrolled);
    assert_eq!(world.asks(&root(), &carol).await, Ask::Enrol);
    world.activate_at(&carol, &begun.enrolment).await.unwrap();
    assert!(world.view("carol").await.enrolled);
    assert_eq!(world.asks(&root(), &carol).await, Ask::Code);
    assert_eq!(world.verify(&root(), "carol", &code).await, Some(Word::Used), "the confirming code is spent");
    assert_eq!(world.verify(&root(), "carol", confirmed.backup_codes[0].reveal()).await, None);
    world.clock.pass(30);
    assert_eq!(world.verify(&root(), "carol", &phone.code(&world)).await, None);
    let trail = world.trail().await;
    let told: Vec<_> = trail.iter().map(|event| (event.action.as_str(), event.door.as_str())).collect();
    assert_eq!(
        told[..4],
        [
            ("account_add", "sshd on web1"),
            ("enrol_begin", "sshd on web1"),
            ("enrol_confirm", "sshd on web1"),
            ("enrol", "sshd on web1")
        ]
    );
    assert!(trail[..4].iter().all(|event| event.source.as_deref() == Some("192.0.2.7")), "{trail:?}");
    let twice = world.activate_at(&carol, &begun.enrolment).await.unwrap_err();
    assert_eq!(twice.kind, FaultKind::NoSuchEnrolment);
}

#[tokio::test]
async fn an_enrolment_that_was_cut_is_begun_afresh_and_its_secret_is_dead() {
    let world = world();
    let carol = login("carol", "192.0.2.7");
    let first = world.ask(&root(), begin_at(&carol)).await.unwrap();
    let code = world.app(&first).code(&world);
    assert!(world.confirm_at(&carol, &first.enrolment, &code).await.unwrap().approval.is_some());
    let second = world.ask(&root(), begin_at(&carol)).await.unwrap();
    assert_ne!(first.secret.reveal(), second.secret.reveal());
    let dead = world.activate_at(&carol, &first.enrolment).await.unwrap_err();
    assert_eq!(dead.kind, FaultKind::NoSuchEnrolment);
    let stale = world.confirm_at(&carol, &second.enrolment, &code).await.unwrap();
    assert_eq!(stale.refusal.map(|refused| refused.word), Some(Word::Wrong));
    let unconfirmed = world.activate_at(&carol, &second.enrolment).await.unwrap_err();
    assert_eq!(unconfirmed.kind, FaultKind::NoSuchEnrolment);
    world.clock.pass(601);
    let late = world.app(&second).code(&world);
    let expired = world.confirm_at(&carol, &second.enrolment, &late).await.unwrap_err();
    assert_eq!(expired.kind, FaultKind::NoSuchEnrolment);
    assert!(!world.view("carol").await.enrolled);
}

#[tokio::test]
async fn a_device_from_elsewhere_ends_what_was_begun_at_a_login() {
    let world = world();
    let carol = login("carol", "192.0.2.7");
    let begun = world.ask(&root(), begin_at(&carol)).await.unwrap();
    let code = world.app(&begun).code(&world);
    world.confirm_at(&carol, &begun.enrolment, &code).await.unwrap();
    world.enrol(&root(), Some("carol")).await;
    assert!(world.activate_at(&carol, &begun.enrolment).await.is_err());
    assert_eq!(world.view("carol").await.devices.len(), 1);
    assert!(world.ask(&root(), begin_at(&carol)).await.is_err(), "a further device takes a code");
}

#[tokio::test]
async fn an_enrolment_belongs_to_its_name_and_its_door() {
    let world = world();
    let carol = login("carol", "192.0.2.7");
    let begun = world.ask(&root(), begin_at(&carol)).await.unwrap();
    let code = world.app(&begun).code(&world);
    world.ask(&root(), AddAccount { name: "bob".into(), groups: vec![] }).await.unwrap();
    for other in [login("bob", "192.0.2.7"), Login { service: "login".into(), ..carol.clone() }] {
        let refused = world.confirm_at(&other, &begun.enrolment, &code).await.unwrap_err();
        assert_eq!(refused.kind, FaultKind::NoSuchEnrolment);
    }
    let forged = world.confirm_at(&carol, &"00".repeat(16), &code).await.unwrap_err();
    assert_eq!(forged.kind, FaultKind::NoSuchEnrolment);
}

#[tokio::test]
async fn it_is_offered_to_nobody_else() {
    let world = world();
    let phone = world.enrolled("alice").await;
    let from = |name: &str| login(name, "192.0.2.7");
    let not_offered = [
        (root(), from("alice"), Ask::Code),
        (root(), from("mallory"), Ask::Code),
        (root(), from("root"), Ask::Code),
        (root(), from("daemon"), Ask::Code),
        (root(), Login { first: FirstFactor::None, ..from("carol") }, Ask::Code),
        (root(), Login { service: "sudo".into(), ..from("carol") }, Ask::Code),
        (person(1002), from("carol"), Ask::Code),
        (door("unix", false), from("carol"), Ask::Code),
    ];
    for (caller, login, ask) in not_offered {
        assert_eq!(world.asks(&caller, &login).await, ask, "{login:?}");
        assert!(world.ask(&caller, begin_at(&login)).await.is_err(), "{login:?}");
    }
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
    // Who has an account and no device is offered one; who is locked is not.
    world.ask(&root(), AddAccount { name: "bob".into(), groups: vec![] }).await.unwrap();
    assert_eq!(world.asks(&root(), &from("bob")).await, Ask::Enrol);
    assert_eq!(world.asks(&root(), &Login { service: "su".into(), ..from("bob") }).await, Ask::Unenrolled);
    world.ask(&root(), lock("bob")).await.unwrap();
    assert_eq!(world.asks(&root(), &from("bob")).await, Ask::Code);
    assert!(world.ask(&root(), begin_at(&from("bob"))).await.is_err());
    // Another person by the same name.
    world.ask(&root(), AddAccount { name: "carol".into(), groups: vec![] }).await.unwrap();
    world.users.0.lock().unwrap().insert("carol".into(), 2002);
    assert_eq!(world.asks(&root(), &from("carol")).await, Ask::Code);
    assert!(world.ask(&root(), begin_at(&from("carol"))).await.is_err());
}

#[tokio::test]
async fn where_an_invitation_is_needed_it_says_so_and_shows_no_secret() {
    // carol's group is privileged; and where everybody needs one, bob too.
    let everybody = World::with(|settings| settings.first_enrolment = FirstEnrolment::Invitation);
    for (world, name) in [(World::new(), "carol"), (everybody, "bob")] {
        let at = login(name, "192.0.2.7");
        assert_eq!(world.asks(&root(), &at).await, Ask::Invitation, "{name}");
        for code in [None, Some("aaaa-bbbb-cccc-dddd-eeee-ffff-gi"), Some("rubbish")] {
            let begin = BeginEnrolmentAtLogin { invitation: code.map(secret_text), ..begin_at(&at) };
            assert_eq!(world.ask(&root(), begin).await.unwrap_err().kind, FaultKind::NotPermitted, "{name}");
        }
    }
}

#[tokio::test]
async fn an_invitation_lets_one_device_be_set_up_and_is_its_accounts_alone() {
    let world = World::new();
    for name in ["bob", "carol"] {
        world.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
    }
    let invite = async |name: &str| {
        world.ask(&root(), InviteAccount { account: name.into() }).await.unwrap().code.reveal().to_owned()
    };
    let (bobs, carols) = (invite("bob").await, invite("carol").await);
    let carol = login("carol", "192.0.2.7");
    let with = |code: &str| BeginEnrolmentAtLogin { invitation: Some(secret_text(code)), ..begin_at(&carol) };
    assert_eq!(world.ask(&root(), with(&bobs)).await.unwrap_err().kind, FaultKind::NotPermitted);
    let begun = world.ask(&root(), with(&carols.to_uppercase().replace('-', " "))).await.unwrap();
    // A login that was cut has not used it up.
    let begun_again = world.ask(&root(), with(&carols)).await.unwrap();
    assert!(world.activate_at(&carol, &begun.enrolment).await.is_err());
    let code = world.app(&begun_again).code(&world);
    world.confirm_at(&carol, &begun_again.enrolment, &code).await.unwrap();
    world.activate_at(&carol, &begun_again.enrolment).await.unwrap();
    world.ask(&root(), ResetAccount { account: "carol".into() }).await.unwrap();
    assert_eq!(world.ask(&root(), with(&carols)).await.unwrap_err().kind, FaultKind::NotPermitted, "used up");
    world.clock.pass(3601);
    let bob = BeginEnrolmentAtLogin {
        invitation: Some(secret_text(&bobs)),
        ..begin_at(&login("bob", "192.0.2.7"))
    };
    world.ask(&root(), bob).await.unwrap();
}

#[tokio::test]
async fn a_site_of_its_own_realm_may_offer_it_at_its_door() {
    let world = world();
    world.ask(&root(), AddAccount { name: "wiki.example.com:carol".into(), groups: vec![] }).await.unwrap();
    let (site, carol) = (door("wiki.example.com", true), login("carol", "192.0.2.7"));
    assert_eq!(world.asks(&site, &carol).await, Ask::Enrol);
    let begun = world.ask(&site, begin_at(&carol)).await.unwrap();
    let code = secret_text(&world.app(&begun).code(&world));
    let (enrolment, login) = (begun.enrolment.clone(), carol.clone());
    let confirm = ConfirmEnrolmentAtLogin { nonce: nonce(), login, enrolment, code };
    assert!(world.ask(&site, confirm).await.unwrap().approval.is_some());
    let activate = ActivateEnrolmentAtLogin { nonce: nonce(), login: carol, enrolment: begun.enrolment };
    world.ask(&site, activate).await.unwrap();
    assert!(world.view("wiki.example.com:carol").await.enrolled);
}

#[tokio::test]
async fn what_waits_to_be_switched_on_needs_the_pepper_of_its_backup_codes() {
    let world = world();
    let carol = login("carol", "192.0.2.7");
    let begun = world.ask(&root(), begin_at(&carol)).await.unwrap();
    let code = world.app(&begun).code(&world);
    let confirmed = world.confirm_at(&carol, &begun.enrolment, &code).await.unwrap();
    Keyring::add(&world.settings.keys, crate::keyring::Kind::Pepper).unwrap();
    world.ask(&root(), ReloadKeys {}).await.unwrap();
    let report = loop {
        let report = world.ask(&root(), ListKeys {}).await.unwrap();
        if !report.looking {
            break report;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let old = report.keys.iter().find(|key| key.name.as_deref() == Some("pepper-1")).unwrap();
    assert_eq!(old.records, Some(1), "{report:?}");
    world.activate_at(&carol, &begun.enrolment).await.unwrap();
    assert_eq!(world.verify(&root(), "carol", confirmed.backup_codes[0].reveal()).await, None);
}
