//! Devices set up at the portal: which session may, what it sees, what the first code does.

use twofold_shared::wire::Word as Say;

use super::*;

const PASSWORD: &str = "correct horse battery";

/// An account with a password at the portal and nothing else; its first level.
async fn newcomer(world: &World, name: &str) -> SessionDigest {
    world.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
    let set = SetPassword { account: Some(name.into()), password: secret_text(PASSWORD), code: None };
    world.ask(&root(), set).await.unwrap();
    world.session(name.rsplit(':').next().unwrap(), PASSWORD, None).await
}

fn start(session: SessionDigest) -> BeginSessionEnrolment {
    BeginSessionEnrolment {
        nonce: nonce(),
        session,
        site: Some("wiki.example.com".into()),
        source: address("192.0.2.7"),
        algorithm: Algorithm::Sha1,
        digits: 6,
        again: false,
        anew: false,
        invitation: None,
    }
}

async fn waiting(world: &World, session: SessionDigest) -> WaitingEnrolment {
    world.ask(&gate(), start(session)).await.unwrap().waiting.unwrap()
}

async fn refusal(world: &World, request: BeginSessionEnrolment) -> Option<EnrolmentRefusal> {
    world.ask(&gate(), request).await.unwrap().refusal
}

fn phone_of(waiting: &WaitingEnrolment) -> Phone {
    let secret = Secret::from_base32(waiting.secret.reveal()).unwrap();
    let parameters = TotpParameters::new(waiting.algorithm, waiting.digits, 30).unwrap();
    Phone { totp: Totp { secret, parameters }, device: String::new(), backup_codes: vec![] }
}

fn finish(
    session: SessionDigest,
    next: SessionDigest,
    enrolment: &str,
    code: &str,
) -> ConfirmSessionEnrolment {
    ConfirmSessionEnrolment {
        nonce: nonce(),
        session,
        next,
        enrolment: enrolment.into(),
        site: Some("wiki.example.com".into()),
        source: address("192.0.2.7"),
        code: secret_text(code),
        label: " Pixel 9 ".into(),
        makes: None,
        anew: false,
        browser: BrowserValue { presented: None, next: digest() },
        invitation: None,
    }
}

#[tokio::test]
async fn the_first_code_turns_the_device_on_and_raises_the_session_at_once() {
    let world = World::new();
    let session = newcomer(&world, "local:alice").await;
    let site = world.open(session, "wiki.example.com").await.unwrap();
    let begun = waiting(&world, session).await;
    assert!(begun.first && begun.expires_seconds == 600);
    let phone = phone_of(&begun);
    let wrong = finish(session, digest(), &begun.enrolment, &phone.wrong(&world));
    let reply = world.ask(&gate(), wrong).await.unwrap();
    assert_eq!((reply.refusal.unwrap().word, reply.makes), (Say::Wrong, None));
    assert_eq!(world.check(session, None).await.unwrap().level, Level::First);

    let (next, code) = (digest(), phone.code(&world));
    let reply = world.ask(&gate(), finish(session, next, &begun.enrolment, &code)).await.unwrap();
    let confirmed = reply.confirmed.unwrap();
    assert_eq!((confirmed.backup_codes.len(), confirmed.device.label.as_str()), (10, "Pixel 9"));
    assert_eq!(confirmed.device.created.door, "web wiki.example.com");
    let view = world.check(next, None).await.unwrap();
    assert_eq!((view.level, view.enrolled, view.second_at), (Level::Second, true, Some(NOON)));
    // The session before is dead, and so are those of sites under it; the code is spent.
    assert!(world.check(session, None).await.is_none());
    assert!(world.check(site, Some("wiki.example.com")).await.is_none());
    let again = world.session("alice", PASSWORD, None).await;
    let reply = world.ask(&gate(), raise(again, digest(), &code)).await.unwrap();
    assert_eq!(word_of(&reply), Some(Say::Used));
    // Once more is nothing.
    let late = finish(next, digest(), &begun.enrolment, &code);
    assert_eq!(world.ask(&gate(), late).await.unwrap_err().kind, FaultKind::NoSuchEnrolment);
    let browsers = world.ask(&root(), ListBrowsers { account: Some("local:alice".into()) }).await.unwrap();
    assert_eq!(browsers.browsers.len(), 1, "the browser is known from then on");
}

#[tokio::test]
async fn a_session_sees_its_own_enrolment_again_and_no_other_does() {
    let world = World::new();
    let session = newcomer(&world, "local:alice").await;
    let begun = waiting(&world, session).await;
    // A reload, the back button, another tab of the same browser.
    world.clock.pass(301);
    let again = waiting(&world, session).await;
    assert_eq!(again.secret.reveal(), begun.secret.reveal());
    assert_eq!((again.enrolment, again.expires_seconds), (begun.enrolment.clone(), 299));
    // Another browser of the same person has its own.
    let other = world.session("alice", PASSWORD, None).await;
    let others = waiting(&world, other).await;
    assert_ne!(others.secret.reveal(), begun.secret.reveal());
    let phone = phone_of(&begun);
    let stolen = finish(other, digest(), &begun.enrolment, &phone.code(&world));
    assert_eq!(world.ask(&gate(), stolen).await.unwrap_err().kind, FaultKind::NoSuchEnrolment);
    // The first that is confirmed wins.
    let code = phone.code(&world);
    let reply = world.ask(&gate(), finish(session, digest(), &begun.enrolment, &code)).await.unwrap();
    assert!(reply.confirmed.is_some());
    let late = finish(other, digest(), &others.enrolment, &phone_of(&others).code(&world));
    assert_eq!(world.ask(&gate(), late).await.unwrap_err().kind, FaultKind::NoSuchEnrolment);
    assert_eq!(refusal(&world, start(other)).await, Some(EnrolmentRefusal::SecondFactor));
}

#[tokio::test]
async fn beginning_again_gives_another_secret_and_the_one_before_is_void() {
    let world = World::new();
    let session = newcomer(&world, "local:alice").await;
    let first = waiting(&world, session).await;
    let again = BeginSessionEnrolment { again: true, digits: 8, ..start(session) };
    let second = world.ask(&gate(), again).await.unwrap().waiting.unwrap();
    assert_ne!(second.secret.reveal(), first.secret.reveal());
    assert_eq!(second.digits, 8);
    let late = finish(session, digest(), &first.enrolment, &phone_of(&first).code(&world));
    assert_eq!(world.ask(&gate(), late).await.unwrap_err().kind, FaultKind::NoSuchEnrolment);
    world.ask(&gate(), CancelSessionEnrolment { session }).await.unwrap();
    let late = finish(session, digest(), &second.enrolment, &phone_of(&second).code(&world));
    assert_eq!(world.ask(&gate(), late).await.unwrap_err().kind, FaultKind::NoSuchEnrolment);
    assert!(!world.view("local:alice").await.enrolled, "leaving leaves nothing");
}

#[tokio::test]
async fn an_enrolment_of_a_session_ends_with_it_and_after_ten_minutes() {
    let world = World::new();
    let session = newcomer(&world, "local:alice").await;
    let begun = waiting(&world, session).await;
    world.clock.pass(600);
    let late = finish(session, digest(), &begun.enrolment, &phone_of(&begun).code(&world));
    assert_eq!(world.ask(&gate(), late).await.unwrap_err().kind, FaultKind::NoSuchEnrolment);
    let fresh = world.session("alice", PASSWORD, None).await;
    let begun = waiting(&world, fresh).await;
    world.ask(&gate(), EndSession { session: fresh }).await.unwrap();
    let late = finish(fresh, digest(), &begun.enrolment, &phone_of(&begun).code(&world));
    assert_eq!(world.ask(&gate(), late).await.unwrap_err().kind, FaultKind::Invalid);
    let site = world.open(world.session("alice", PASSWORD, None).await, "wiki.example.com").await.unwrap();
    assert_eq!(
        world.ask(&gate(), start(site)).await.unwrap_err().kind,
        FaultKind::Invalid,
        "a site's session"
    );
}

#[tokio::test]
async fn a_first_device_takes_a_first_factor_that_has_just_passed() {
    let world = World::new();
    let session = newcomer(&world, "local:alice").await;
    world.clock.pass(300);
    assert_eq!(refusal(&world, start(session)).await, None);
    let other = world.session("alice", PASSWORD, None).await;
    world.clock.pass(301);
    assert_eq!(refusal(&world, start(other)).await, Some(EnrolmentRefusal::FirstFactor));
}

#[tokio::test]
async fn a_further_device_takes_a_code_that_was_just_given() {
    let world = World::new();
    let session = newcomer(&world, "local:alice").await;
    let begun = waiting(&world, session).await;
    let phone = phone_of(&begun);
    let (second, code) = (digest(), phone.code(&world));
    world.ask(&gate(), finish(session, second, &begun.enrolment, &code)).await.unwrap();

    let first = world.session("alice", PASSWORD, None).await;
    assert_eq!(refusal(&world, start(first)).await, Some(EnrolmentRefusal::SecondFactor));
    world.clock.pass(301);
    assert_eq!(refusal(&world, start(second)).await, Some(EnrolmentRefusal::SecondFactor));
    let fresh = digest();
    let reply = world.ask(&gate(), raise(second, fresh, &phone.code(&world))).await.unwrap();
    assert_eq!(word_of(&reply), None);
    let more = waiting(&world, fresh).await;
    assert!(!more.first);
    let code = phone_of(&more).code(&world);
    let reply = world.ask(&gate(), finish(fresh, digest(), &more.enrolment, &code)).await.unwrap();
    assert!(reply.confirmed.unwrap().backup_codes.is_empty(), "those there are stay good");
    assert_eq!(world.view("local:alice").await.devices.len(), 2);
}

#[tokio::test]
async fn what_is_set_up_anew_takes_the_place_of_all_that_was_there() {
    let world = World::new();
    let session = newcomer(&world, "local:alice").await;
    let begun = waiting(&world, session).await;
    let old = phone_of(&begun);
    let (second, code) = (digest(), old.code(&world));
    let reply = world.ask(&gate(), finish(session, second, &begun.enrolment, &code)).await.unwrap();
    let backup = reply.confirmed.unwrap().backup_codes;
    world.clock.pass(30);
    let elsewhere = world.session("alice", PASSWORD, Some(&old)).await;
    // The phone is lost: a backup code is as good as a fresh code.
    let first = world.session("alice", PASSWORD, None).await;
    let fresh = digest();
    let reply = world.ask(&gate(), raise(first, fresh, backup[0].reveal())).await.unwrap();
    assert_eq!(word_of(&reply), None);
    let more = waiting(&world, fresh).await;
    let next = digest();
    let code = phone_of(&more).code(&world);
    let anew = ConfirmSessionEnrolment { anew: true, ..finish(fresh, next, &more.enrolment, &code) };
    let confirmed = world.ask(&gate(), anew).await.unwrap().confirmed.unwrap();
    assert_eq!((confirmed.backup_codes.len(), world.view("local:alice").await.devices.len()), (10, 1));
    assert_eq!(world.check(next, None).await.unwrap().level, Level::Second);
    assert!(world.check(elsewhere, None).await.is_none(), "the lost phone's sessions are over");
    world.clock.pass(30);
    for dead in [old.code(&world), backup[1].reveal().to_owned()] {
        let session = world.session("alice", PASSWORD, None).await;
        let reply = world.ask(&gate(), raise(session, digest(), &dead)).await.unwrap();
        assert_eq!(word_of(&reply), Some(Say::Wrong));
    }
    let session = world.session("alice", PASSWORD, None).await;
    let reply = world.ask(&gate(), raise(session, digest(), &phone_of(&more).code(&world))).await.unwrap();
    assert_eq!(word_of(&reply), None);
}

#[tokio::test]
async fn an_app_that_does_not_do_as_asked_is_found_out_and_may_go_on_as_it_is() {
    let world = World::new();
    let session = newcomer(&world, "local:alice").await;
    let unusual = BeginSessionEnrolment { algorithm: Algorithm::Sha256, digits: 8, ..start(session) };
    let begun = world.ask(&gate(), unusual).await.unwrap().waiting.unwrap();
    assert!(begun.uri.reveal().contains("algorithm=SHA256&digits=8"));
    let mut phone = phone_of(&begun);
    phone.totp.parameters = TotpParameters::default();
    let code = phone.code(&world);
    let reply = world.ask(&gate(), finish(session, digest(), &begun.enrolment, &code)).await.unwrap();
    let makes = CodeKind { algorithm: Algorithm::Sha1, digits: 6 };
    assert_eq!((reply.refusal.unwrap().word, reply.makes), (Say::Wrong, Some(makes)));
    let accepted =
        ConfirmSessionEnrolment { makes: reply.makes, ..finish(session, digest(), &begun.enrolment, &code) };
    let device = world.ask(&gate(), accepted).await.unwrap().confirmed.unwrap().device;
    assert_eq!((device.algorithm, device.digits), (Algorithm::Sha1, 6));
    world.clock.pass(30);
    let next = world.session("alice", PASSWORD, None).await;
    let reply = world.ask(&gate(), raise(next, digest(), &phone.code(&world))).await.unwrap();
    assert_eq!(word_of(&reply), None);
}

#[tokio::test]
async fn what_the_gate_knew_of_sessions_without_a_second_factor_is_taken_back() {
    let world = World::new();
    let session = newcomer(&world, "local:alice").await;
    let thief = world.session("alice", PASSWORD, None).await;
    let mut news = world.follow(&gate(), WatchSessions { after: None }).await;
    let begun = waiting(&world, session).await;
    let code = phone_of(&begun).code(&world);
    world.ask(&gate(), finish(session, digest(), &begun.enrolment, &code)).await.unwrap();
    loop {
        let heard: SessionNews = news.recv().await.unwrap().parameters();
        if heard.ended.contains(&thief) {
            assert!(heard.ended.contains(&session));
            break;
        }
    }
    assert!(world.check(thief, None).await.unwrap().enrolled, "it is there, and needs a code now");
}

#[tokio::test]
async fn the_system_and_those_with_power_over_the_host_do_not_enrol_at_the_web() {
    let world = World::new();
    // carol's host group is privileged; a name that this host does not know may be so on another.
    for (name, host) in [("local:carol", "carol"), ("local:eve", "eve")] {
        let session = newcomer(&world, name).await;
        assert_eq!(refusal(&world, start(session)).await, None, "{name} by itself");
        world.ask(&gate(), CancelSessionEnrolment { session }).await.unwrap();
        world.ask(&root(), LinkName { account: name.into(), name: host.into() }).await.unwrap();
        let session = world.session(&name[6..], PASSWORD, None).await;
        assert_eq!(refusal(&world, start(session)).await, Some(EnrolmentRefusal::Invitation), "{name}");
    }
    let session = newcomer(&world, "local:bob").await;
    let begun = waiting(&world, session).await;
    world.ask(&root(), LinkName { account: "local:bob".into(), name: "daemon".into() }).await.unwrap();
    let late = finish(session, digest(), &begun.enrolment, &phone_of(&begun).code(&world));
    assert!(world.ask(&gate(), late).await.is_err());
    assert!(!world.view("local:bob").await.enrolled);

    let world = World::with(|settings| settings.first_enrolment = FirstEnrolment::Invitation);
    let session = newcomer(&world, "local:alice").await;
    assert_eq!(refusal(&world, start(session)).await, Some(EnrolmentRefusal::Invitation));
}

#[tokio::test]
async fn signing_in_without_is_counted_once_for_a_session_and_has_an_end() {
    let world = World::new();
    let first = newcomer(&world, "local:alice").await;
    let spare = |session| SpareSession { nonce: nonce(), session, most: 2 };
    let left = async |session| world.ask(&gate(), spare(session)).await.unwrap().left;
    assert_eq!((left(first).await, left(first).await), (Some(1), Some(1)));
    let second = world.session("alice", PASSWORD, None).await;
    assert_eq!(left(second).await, Some(0));
    let third = world.session("alice", PASSWORD, None).await;
    assert_eq!((left(third).await, left(second).await), (None, Some(0)));
    // An enrolled account has nothing to be spared.
    world.enrol(&root(), Some("local:alice")).await;
    assert_eq!(left(second).await, None);
}

#[tokio::test]
async fn a_name_joins_an_account_with_a_code_of_it_and_tries_delay_nobody_else() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let join = |account: &str, session, code: &str| JoinAccount {
        nonce: nonce(),
        realm: "wiki.example.com".into(),
        name: "Al".into(),
        account: account.into(),
        site: "wiki.example.com".into(),
        source: address("192.0.2.7"),
        browser: "Firefox".into(),
        session,
        code: secret_text(code),
    };
    let word = async |request| word_of(&world.ask(&gate(), request).await.unwrap());
    for account in ["alice", "nobody", "root", "?"] {
        assert_eq!(word(join(account, digest(), &phone.wrong(&world))).await, Some(Say::Wrong), "{account}");
    }
    for _ in 0..5 {
        word(join("alice", digest(), &phone.wrong(&world))).await;
    }
    assert_eq!(word(join("alice", digest(), &phone.code(&world))).await, Some(Say::Wait));
    // Who has passed a first factor is not held up by that.
    assert_eq!(world.verify_from("192.0.2.99", "alice", &phone.code(&world)).await, None);
    world.clock.pass(3600);
    let session = digest();
    assert_eq!(word(join("alice", session, &phone.code(&world))).await, None);
    let view = world.check(session, None).await.unwrap();
    assert_eq!((view.level, view.realm.as_str()), (Level::Second, "wiki.example.com"));
    assert!(world.view("alice").await.names.contains(&"wiki.example.com:al".to_owned()));
    // Its owner learns of it where they come next.
    world.clock.pass(30);
    let next = world.ask(&root(), verify("alice", &phone.code(&world), "192.0.2.99")).await.unwrap();
    let told = next.notices.iter().find(|notice| notice.kind == NoticeKind::NameJoined).unwrap();
    assert_eq!(told.label.as_deref(), Some("wiki.example.com:al"));
    assert_eq!(
        (told.door.as_deref(), told.source.as_deref()),
        (Some("web wiki.example.com"), Some("192.0.2.7"))
    );
    world.clock.pass(30);
    let again = world.ask(&gate(), join("alice", digest(), &phone.code(&world))).await.unwrap_err();
    assert_eq!(again.kind, FaultKind::NameTaken);
    for realm in ["unix", "local", "elsewhere.example.com"] {
        let foreign = JoinAccount { realm: realm.into(), ..join("alice", digest(), &phone.code(&world)) };
        assert_eq!(world.ask(&gate(), foreign).await.unwrap_err().kind, FaultKind::NotPermitted, "{realm}");
    }
}
