//! New keys under an authority at work, and lost ones.

use std::fs;

use twofold_shared::wire::Word as Refusal;

use super::*;
use crate::keyring::Kind;

fn add(world: &World, kind: Kind) -> String {
    Keyring::add(&world.settings.keys, kind).unwrap().id().to_string()
}

fn lose(world: &World, file: &str) {
    fs::remove_file(world.settings.keys.join(file)).unwrap();
}

async fn report(world: &World) -> KeyReport {
    world.ask(&root(), ListKeys {}).await.unwrap()
}

/// Waits until nobody's look is open.
async fn looked(world: &World) -> KeyReport {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let report = report(world).await;
        if !report.looking {
            return report;
        }
        assert!(tokio::time::Instant::now() < deadline, "{report:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn reload(world: &World) -> KeyReport {
    world.ask(&root(), ReloadKeys {}).await.unwrap();
    looked(world).await
}

fn named<'r>(report: &'r KeyReport, name: &str) -> &'r KeyView {
    report.keys.iter().find(|key| key.name.as_deref() == Some(name)).unwrap()
}

async fn note_copies(world: &World) {
    let keys = report(world).await.keys.into_iter().map(|key| key.id).collect();
    world.ask(&root(), NoteKeyCopy { keys }).await.unwrap();
}

async fn retire(world: &World, uncopied: bool) -> (Vec<String>, Vec<String>) {
    let gone = world.ask(&root(), RetireKeys { uncopied }).await.unwrap();
    let names = |keys: Vec<KeyView>| keys.into_iter().filter_map(|key| key.name).collect();
    (names(gone.retired), names(gone.kept))
}

#[tokio::test]
async fn a_new_key_seals_everything_and_the_old_one_goes_when_there_is_a_copy_of_it() {
    let mut world = World::new();
    let phone = world.enrolled("alice").await;
    let before = report(&world).await;
    assert!(before.settled && !before.looking && before.keys.iter().all(|key| key.copied.is_none()));
    let new = add(&world, Kind::Seal);
    let after = reload(&world).await;
    assert!(after.settled && after.unreadable == 0, "{after:?}");
    let (old_key, new_key) = (named(&after, "seal-1"), named(&after, "seal-2"));
    assert_eq!((old_key.current, old_key.records), (false, Some(0)));
    assert_eq!((new_key.current, new_key.records, &new_key.id), (true, Some(after.total), &new));
    assert_eq!(named(&after, "pepper-1").records, Some(1));

    assert_eq!(retire(&world, false).await, (vec![], vec!["seal-1".to_owned()]), "backups need it");
    note_copies(&world).await;
    assert_eq!(retire(&world, false).await, (vec!["seal-1".to_owned()], vec![]));
    assert!(report(&world).await.keys.iter().all(|key| key.name.as_deref() != Some("seal-1")));
    lose(&world, "seal-1.key");
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
    assert_eq!(world.verify(&root(), "alice", &phone.backup_codes[0]).await, None);
    world.restart().await;
    assert!(report(&world).await.settled, "no look is needed");
    assert_eq!(world.verify(&root(), "alice", &phone.backup_codes[1]).await, None);
    let told: Vec<String> = world.trail().await.into_iter().map(|event| event.action).collect();
    for action in ["key_add", "key_reseal", "key_copy", "key_retire"] {
        assert!(told.iter().any(|each| each == action), "{action}: {told:?}");
    }
}

#[tokio::test]
async fn an_authority_that_starts_with_a_new_key_seals_everything_with_it_by_itself() {
    let mut world = World::new();
    world.enrolled("alice").await;
    add(&world, Kind::Seal);
    world.restart().await;
    let after = looked(&world).await;
    assert!(after.settled, "{after:?}");
    assert_eq!(named(&after, "seal-1").records, Some(0));
}

#[tokio::test]
async fn an_old_pepper_stays_until_the_last_backup_codes_made_with_it_are_gone() {
    let world = World::new();
    let (alice, bob) = (world.enrolled("alice").await, world.enrolled("bob").await);
    add(&world, Kind::Pepper);
    let after = reload(&world).await;
    assert_eq!(named(&after, "pepper-1").records, Some(2));
    note_copies(&world).await;
    assert_eq!(retire(&world, true).await, (vec![], vec!["pepper-1".to_owned()]));
    assert_eq!(world.verify(&root(), "bob", &bob.backup_codes[0]).await, None);

    for name in ["alice", "bob"] {
        let fresh = RegenerateBackupCodes { account: Some(name.into()), code: None };
        let codes = world.ask(&root(), fresh).await.unwrap().backup_codes;
        assert_eq!(world.verify(&root(), name, codes[0].reveal()).await, None, "with the new pepper");
    }
    assert_eq!(world.verify_from("10.0.0.9", "alice", &alice.backup_codes[0]).await, Some(Refusal::Wrong));
    world.ask(&root(), CheckKeys {}).await.unwrap();
    let after = looked(&world).await;
    assert_eq!((named(&after, "pepper-1").records, named(&after, "pepper-2").records), (Some(0), Some(2)));
    // Somebody's codes may just be being made with the old one.
    assert_eq!(retire(&world, true).await, (vec![], vec!["pepper-1".to_owned()]));
}

#[tokio::test]
async fn a_pepper_that_nobody_needs_goes_after_a_restart() {
    let mut world = World::new();
    world.enrolled("alice").await;
    add(&world, Kind::Pepper);
    let fresh = RegenerateBackupCodes { account: Some("alice".into()), code: None };
    world.restart().await;
    world.ask(&root(), fresh).await.unwrap();
    world.ask(&root(), CheckKeys {}).await.unwrap();
    looked(&world).await;
    assert_eq!(retire(&world, true).await, (vec!["pepper-1".to_owned()], vec![]));
}

#[tokio::test]
async fn a_lost_pepper_costs_backup_codes_and_nothing_else() {
    let mut world = World::new();
    let phone = world.enrolled("alice").await;
    lose(&world, "pepper-1.key");
    world.restart().await;
    assert_eq!(world.verify(&root(), "alice", &phone.code(&world)).await, None);
    assert_eq!(world.verify(&root(), "alice", &phone.backup_codes[0]).await, Some(Refusal::Wrong));
    assert_eq!(world.verify(&root(), "nobody", "12345678").await, Some(Refusal::Wrong));
    let fresh = || RegenerateBackupCodes { account: Some("alice".into()), code: None };
    let refused = world.ask(&root(), fresh()).await.unwrap_err();
    assert!(refused.detail.contains("twofold key rotate --pepper"), "{refused:?}");
    let emergency = IssueEmergencyCode { account: "alice".into(), door: EmergencyDoor::Host };
    assert!(world.ask(&root(), emergency).await.is_err());

    world.ask(&root(), CheckKeys {}).await.unwrap();
    let lost = looked(&world).await.keys.into_iter().find(|key| key.name.is_none()).unwrap();
    assert_eq!((lost.kind, lost.records), (KeyKind::Pepper, Some(1)));
    add(&world, Kind::Pepper);
    reload(&world).await;
    let codes = world.ask(&root(), fresh()).await.unwrap().backup_codes;
    world.clock.pass(3600);
    assert_eq!(world.verify(&root(), "alice", codes[0].reveal()).await, None);
}

#[tokio::test]
async fn a_keyring_that_lost_a_key_is_not_taken_over_and_the_old_one_goes_on() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    add(&world, Kind::Seal);
    lose(&world, "pepper-1.key");
    let refused = world.ask(&root(), ReloadKeys {}).await.unwrap_err();
    assert!(refused.detail.contains("pepper-1.key is gone"), "{refused:?}");
    assert!(named(&report(&world).await, "seal-1").current);
    fs::write(world.settings.keys.join("seal-3.key"), "no key").unwrap();
    let refused = world.ask(&root(), ReloadKeys {}).await.unwrap_err();
    assert!(refused.detail.contains("seal-3.key"), "{refused:?}");
    assert_eq!(world.verify(&root(), "alice", &phone.backup_codes[0]).await, None);
}

#[tokio::test]
async fn copies_are_noted_of_keys_that_there_are() {
    let world = World::new();
    let foreign = NoteKeyCopy { keys: vec!["00".repeat(8)] };
    assert_eq!(world.ask(&root(), foreign).await.unwrap_err().kind, FaultKind::Invalid);
    note_copies(&world).await;
    assert!(report(&world).await.keys.iter().all(|key| key.copied == Some(NOON)));
}

#[tokio::test]
async fn credentials_are_the_service_managers_and_it_is_said_what_to_do() {
    let world = World::with(|settings| settings.keys = "/run/credentials/twofoldd.service".into());
    assert!(report(&world).await.credentials);
    let refused = world.ask(&root(), ReloadKeys {}).await.unwrap_err();
    assert!(refused.detail.contains("LoadCredential=seal-2.key:FILE"), "{refused:?}");
}
