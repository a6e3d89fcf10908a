//! Invitations: good once, for an hour, in one browser, and only before the first device.

use super::*;

const PASSWORD: &str = "correct horse battery";

/// A world where nobody's first device comes without an invitation, and alice with a password.
async fn strict() -> World {
    let world = World::with(|settings| settings.first_enrolment = FirstEnrolment::Invitation);
    world.ask(&root(), AddAccount { name: "local:alice".into(), groups: vec![] }).await.unwrap();
    let set =
        SetPassword { account: Some("local:alice".into()), password: secret_text(PASSWORD), code: None };
    world.ask(&root(), set).await.unwrap();
    world
}

async fn invite(world: &World, account: &str) -> Result<Invitation, Fault> {
    world.ask(&root(), InviteAccount { account: account.into() }).await
}

async fn redeem(world: &World, code: &str, holder: SessionDigest) -> (InvitationOutcome, Vec<String>) {
    let source = address("192.0.2.7");
    let request = RedeemInvitation { nonce: nonce(), code: secret_text(code), holder, source };
    let reply = world.ask(&gate(), request).await.unwrap();
    (reply.outcome, reply.realms)
}

fn start(session: SessionDigest, invitation: Option<SessionDigest>) -> BeginSessionEnrolment {
    BeginSessionEnrolment {
        nonce: nonce(),
        session,
        site: None,
        source: address("192.0.2.7"),
        algorithm: Algorithm::Sha1,
        digits: 6,
        again: false,
        anew: false,
        invitation,
    }
}

async fn may(world: &World, session: SessionDigest, invitation: Option<SessionDigest>) -> bool {
    world.ask(&gate(), start(session, invitation)).await.unwrap().refusal.is_none()
}

const UNKNOWN: (InvitationOutcome, Vec<String>) = (InvitationOutcome::Unknown, Vec::new());

#[tokio::test]
async fn an_invitation_serves_one_browser_once() {
    let world = strict().await;
    let invited = invite(&world, "local:alice").await.unwrap();
    assert_eq!(invited.expires_seconds, 3600);
    assert_eq!(invited.link, format!("https://id.example.com/invitation/{}", invited.code.reveal()));
    let (mine, thiefs) = (digest(), digest());
    let local = (InvitationOutcome::Redeemed, vec!["local".to_owned()]);
    // However it is typed, and once more in the same browser.
    assert_eq!(redeem(&world, &invited.code.reveal().to_uppercase(), mine).await, local);
    assert_eq!(redeem(&world, invited.code.reveal(), mine).await, local);
    assert_eq!(redeem(&world, invited.code.reveal(), thiefs).await, UNKNOWN);

    let session = world.session("alice", PASSWORD, None).await;
    assert!(!may(&world, session, None).await && !may(&world, session, Some(thiefs)).await);
    let begun = world.ask(&gate(), start(session, Some(mine))).await.unwrap().waiting.unwrap();
    let secret = Secret::from_base32(begun.secret.reveal()).unwrap();
    let totp = Totp { secret, parameters: TotpParameters::default() };
    let phone = Phone { totp, device: String::new(), backup_codes: vec![] };
    let confirm = |invitation| ConfirmSessionEnrolment {
        nonce: nonce(),
        session,
        next: digest(),
        enrolment: begun.enrolment.clone(),
        site: None,
        source: address("192.0.2.7"),
        code: secret_text(&phone.code(&world)),
        label: String::new(),
        makes: None,
        anew: false,
        browser: BrowserValue { presented: None, next: digest() },
        invitation,
    };
    assert_eq!(world.ask(&gate(), confirm(None)).await.unwrap_err().kind, FaultKind::NotPermitted);
    assert!(world.ask(&gate(), confirm(Some(mine))).await.unwrap().confirmed.is_some());
    // Used up, also for who comes after a reset.
    world.ask(&root(), ResetAccount { account: "local:alice".into() }).await.unwrap();
    assert_eq!(redeem(&world, invited.code.reveal(), mine).await, UNKNOWN);
    let session = world.session("alice", PASSWORD, None).await;
    assert!(!may(&world, session, Some(mine)).await);
}

#[tokio::test]
async fn an_invitation_is_over_after_an_hour_and_when_another_is_made() {
    let world = strict().await;
    let first = invite(&world, "local:alice").await.unwrap();
    let second = invite(&world, "local:alice").await.unwrap();
    assert_eq!(redeem(&world, first.code.reveal(), digest()).await, UNKNOWN);
    let mine = digest();
    assert_eq!(redeem(&world, second.code.reveal(), mine).await.0, InvitationOutcome::Redeemed);
    world.clock.pass(3600);
    let session = world.session("alice", PASSWORD, None).await;
    assert!(!may(&world, session, Some(mine)).await);
    assert_eq!(redeem(&world, second.code.reveal(), mine).await, UNKNOWN);
    super::super::sweep::sweep(&world.authority.endings, world.settings.sessions).await.unwrap();
    let left = crate::store::record::load_invitations(&world.authority.store, None, 10).unwrap();
    assert!(left.is_empty());
}

#[tokio::test]
async fn locking_resetting_or_enrolling_an_account_takes_its_invitation_back() {
    let world = strict().await;
    let lock = lock("local:alice");
    let invited = invite(&world, "local:alice").await.unwrap();
    world.ask(&root(), lock).await.unwrap();
    world.ask(&root(), UnlockAccount { account: "local:alice".into() }).await.unwrap();
    assert_eq!(redeem(&world, invited.code.reveal(), digest()).await, UNKNOWN);
    let invited = invite(&world, "local:alice").await.unwrap();
    world.enrol(&root(), Some("local:alice")).await;
    assert_eq!(redeem(&world, invited.code.reveal(), digest()).await, UNKNOWN);
    // Nobody is invited who has a second factor, is locked, or is the system's.
    assert_eq!(invite(&world, "local:alice").await.unwrap_err().kind, FaultKind::Invalid);
    for name in ["root", "daemon"] {
        world.ask(&root(), AddAccount { name: name.into(), groups: vec![] }).await.unwrap();
        assert_eq!(invite(&world, name).await.unwrap_err().kind, FaultKind::Invalid, "{name}");
    }
    for other in [person(1000), gate(), door("wiki.example.com", true)] {
        let request = InviteAccount { account: "local:alice".into() };
        assert_eq!(world.ask(&other, request).await.unwrap_err().kind, FaultKind::NotPermitted);
    }
}

#[tokio::test]
async fn who_has_no_first_factor_at_the_web_is_sent_to_a_login_and_loses_nothing() {
    let world = strict().await;
    world.ask(&root(), AddAccount { name: "bob".into(), groups: vec![] }).await.unwrap();
    let invited = invite(&world, "bob").await.unwrap();
    assert!(invited.link.is_empty(), "there is nothing to open");
    let (one, other) = (digest(), digest());
    assert_eq!(redeem(&world, invited.code.reveal(), one).await, (InvitationOutcome::AtLogin, vec![]));
    world
        .ask(&root(), LinkName { account: "bob".into(), name: "wiki.example.com:bob".into() })
        .await
        .unwrap();
    let realms = vec!["wiki.example.com".to_owned()];
    assert_eq!(redeem(&world, invited.code.reveal(), other).await, (InvitationOutcome::Redeemed, realms));
}

#[tokio::test]
async fn guessed_invitations_are_told_by_the_minute_and_open_nothing() {
    let world = strict().await;
    let invited = invite(&world, "local:alice").await.unwrap();
    let mut near = invited.code.reveal().to_owned();
    near.replace_range(..1, if near.starts_with('a') { "b" } else { "a" });
    for guess in ["", "a", &near, &"a".repeat(26), &"a".repeat(10_000), "'; drop"] {
        assert_eq!(redeem(&world, guess, digest()).await, UNKNOWN, "{guess}");
    }
    world.clock.pass(61);
    redeem(&world, &near, digest()).await;
    let told: Vec<_> =
        world.trail().await.into_iter().filter(|event| event.action == "invitation_redeem").collect();
    assert!(told.len() <= 3, "{told:?}");
    let text = format!("{:?}", world.trail().await);
    assert!(!text.contains(invited.code.reveal()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_browsers_with_one_invitation_one_has_it() {
    let world = strict().await;
    let invited = invite(&world, "local:alice").await.unwrap();
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let (code, source) = (secret_text(invited.code.reveal()), address("192.0.2.7"));
            let request = RedeemInvitation { nonce: nonce(), code, holder: digest(), source };
            let (authority, parameters) = (Arc::clone(&world.authority), to_raw_value(&request).unwrap());
            tokio::spawn(async move {
                match authority.call(&gate(), "RedeemInvitation", &parameters, false).await {
                    Answer::One(Ok(reply)) => reply.parameters::<RedeemedInvitation>().outcome,
                    _ => panic!("no answer"),
                }
            })
        })
        .collect();
    let mut redeemed = 0;
    for call in calls {
        redeemed += usize::from(call.await.unwrap() == InvitationOutcome::Redeemed);
    }
    assert_eq!(redeemed, 1);
}
