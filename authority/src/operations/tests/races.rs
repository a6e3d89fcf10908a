//! Many at once: exactly one, exactly counted.

use twofold_shared::wire::Word as Say;

use super::*;

/// Runs all at once and gives each one's word.
async fn all(world: &World, requests: Vec<(Caller, Verify)>) -> Vec<Word> {
    let calls = requests.into_iter().map(|(caller, request)| {
        let authority = Arc::clone(&world.authority);
        tokio::spawn(async move {
            let parameters = to_raw_value(&request).unwrap();
            let Answer::One(Ok(reply)) = authority.call(&caller, "Verify", &parameters, false).await else {
                panic!("no reply")
            };
            word_of(&reply.parameters())
        })
    });
    let mut words = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        words.push(call.await.unwrap());
    }
    words
}

fn count(words: &[Word], word: Word) -> usize {
    words.iter().filter(|other| **other == word).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_who_present_one_code_one_passes() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    for round in 0..10 {
        let code = phone.code(&world);
        let doors = [root(), door("unix", false), person(1000)];
        let requests = (0..64).map(|n| (doors[n % 3].clone(), verify("alice", &code, "10.0.0.1"))).collect();
        let words = all(&world, requests).await;
        assert_eq!(count(&words, None), 1, "round {round}: {words:?}");
        // Long enough for every delay to pass.
        world.clock.pass(3600);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_20_who_present_one_backup_code_one_passes() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let code = &phone.backup_codes[0];
    let requests = (0..20).map(|_| (root(), verify("alice", code, "10.0.0.1"))).collect();
    let words = all(&world, requests).await;
    assert_eq!(count(&words, None), 1, "{words:?}");
    assert_eq!(world.view("alice").await.backup_codes_left, 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_codes_in_parallel_are_counted_exactly() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    let wrong = phone.wrong(&world);
    let requests = (0..200).map(|_| (root(), verify("alice", &wrong, "10.0.0.9"))).collect();
    let words = all(&world, requests).await;
    // Five are free; the sixth makes the rest wait, and who waits is not looked at.
    assert_eq!(count(&words, Some(Say::Wrong)), 6, "{words:?}");
    assert_eq!(count(&words, Some(Say::Wait)), 194, "{words:?}");
    let trail = world.trail().await;
    let told = |reason: &str| -> u64 {
        let reason = Some(reason.to_owned());
        trail.iter().filter(|event| event.reason == reason).map(|event| event.count).sum()
    };
    assert_eq!((told("wrong_code"), told("throttled")), (6, 194));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_fail_a_thousand_times_do_not_stop_the_owner() {
    let world = World::new();
    let phone = world.enrolled("alice").await;
    assert_eq!(world.verify_from("10.0.0.1", "alice", &phone.code(&world)).await, None);
    let wrong = phone.wrong(&world);
    for hour in 0..10 {
        for _ in 0..100 {
            world.verify_from(&format!("10.9.{hour}.1"), "alice", &wrong).await;
            world.clock.pass(901);
        }
    }
    let code = phone.code(&world);
    assert_eq!(world.verify_from("10.9.9.9", "alice", &code).await, Some(Say::Closed));
    assert_eq!(world.verify_from("10.0.0.1", "alice", &code).await, None);
    assert!(world.view("alice").await.closed_to_strangers);
    world.ask(&root(), ReopenAccount { account: Some("alice".into()), code: None }).await.unwrap();
    world.clock.pass(30);
    assert_eq!(world.verify_from("10.9.9.9", "alice", &phone.code(&world)).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_given_once_however_many_ask() {
    let world = World::new();
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let authority = Arc::clone(&world.authority);
            tokio::spawn(async move {
                let add = to_raw_value(&AddAccount { name: "alice".into(), groups: vec![] }).unwrap();
                matches!(authority.call(&root(), "AddAccount", &add, false).await, Answer::One(Ok(_)))
            })
        })
        .collect();
    let mut made = 0;
    for call in calls {
        made += usize::from(call.await.unwrap());
    }
    assert_eq!(made, 1);
    assert_eq!(world.ask(&root(), GetInfo {}).await.unwrap().accounts, 1);
}
