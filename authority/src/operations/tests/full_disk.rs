//! A full disk: codes are checked, everything else waits.

use super::api_keys::{Program, create};
use super::*;

const PASSWORD: &str = "correct horse";

#[tokio::test]
async fn on_a_full_disk_only_verification_goes_on() {
    let mut world = World::with(|settings| settings.policy.default = Requirement::Exempt);
    let phone = world.enrolled("alice").await;
    let link = LinkName { account: "alice".into(), name: "local:alice".into() };
    world.ask(&root(), link).await.unwrap();
    let set = SetPassword { account: Some("alice".into()), password: secret_text(PASSWORD), code: None };
    world.ask(&root(), set).await.unwrap();
    let program = Program::new(&world, create(Some("alice"))).await;
    world.fill_the_disk().await;
    assert!(world.ask(&root(), GetInfo {}).await.unwrap().disk_full);

    let code = phone.code(&world);
    assert_eq!(
        world.verify(&root(), "alice", &phone.wrong(&world)).await,
        Some(twofold_shared::wire::Word::Wrong)
    );
    assert_eq!(world.verify(&root(), "alice", &code).await, None);
    assert_eq!(world.verify(&root(), "alice", &code).await, Some(twofold_shared::wire::Word::Used));
    assert_eq!(world.verify(&root(), "alice", &phone.backup_codes[0]).await, None);
    // Whom policy lets in without a code is let in.
    let consult = Consult { nonce: nonce(), login: login("alice", "10.0.0.1") };
    assert_eq!(world.ask(&root(), consult).await.unwrap().ask, Ask::Exempt);
    // The way to a code in the browser, and out again.
    let portal = world.session("alice", PASSWORD, Some(&phone)).await;
    assert!(world.open(portal, "wiki.example.com").await.is_some());
    world.ask(&gate(), EndSession { session: portal }).await.unwrap();
    assert_eq!(world.check(portal, None).await, None);
    assert!(program.opens(&world).await, "nor are programs kept out");

    world.clock.pass(30);
    let code = phone.code(&world);
    let a = || Some("alice".to_owned());
    let refused = [
        world.ask(&root(), AddAccount { name: "bob".into(), groups: vec![] }).await.unwrap_err().kind,
        world.ask(&root(), begin(Some("alice"))).await.unwrap_err().kind,
        world.ask(&root(), create(Some("alice"))).await.unwrap_err().kind,
        world.ask(&root(), RegenerateBackupCodes { account: a(), code: None }).await.unwrap_err().kind,
        world.ask(&root(), ResetAccount { account: "alice".into() }).await.unwrap_err().kind,
        world
            .ask(&person(1000), DisableAccount { account: None, code: Some(secret_text(&code)) })
            .await
            .unwrap_err()
            .kind,
    ];
    assert!(refused.iter().all(|kind| *kind == FaultKind::DiskFull), "{refused:?}");
    // The code that came with a refused change is not spent.
    assert_eq!(world.verify(&root(), "alice", &code).await, None);
}
