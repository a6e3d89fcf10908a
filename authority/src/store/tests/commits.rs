//! What a commit promises.

use super::*;

#[tokio::test]
async fn what_was_committed_is_there_after_opening_again() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let committed = store.commit(put("alice", b"1", Expect::Absent)).await.unwrap();
    store.close().await;
    drop(store);

    let store = ledger.open();
    let found = store.get(&key("alice")).unwrap().unwrap();
    assert_eq!((found.value.as_slice(), found.version), (b"1".as_slice(), committed.version));
}

#[tokio::test]
async fn a_version_is_never_given_twice() {
    let ledger = Ledger::new();
    let mut last = Version(0);
    for round in 0..3 {
        let store = ledger.open();
        for value in 0..5 {
            let committed = store.commit(put("alice", &[round, value], Expect::Any)).await.unwrap();
            assert!(committed.version > last, "{:?} after {last:?}", committed.version);
            last = committed.version;
        }
        let gone = Write { key: key("alice"), expect: Expect::Any, value: None };
        store.commit(Commit { writes: vec![gone], ..Commit::default() }).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_record_that_was_removed_and_made_again_is_another_one() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let first = store.commit(put("alice", b"1", Expect::Absent)).await.unwrap();
    let gone = Write { key: key("alice"), expect: Expect::Version(first.version), value: None };
    store.commit(Commit { writes: vec![gone], ..Commit::default() }).await.unwrap();
    store.commit(put("alice", b"1", Expect::Absent)).await.unwrap();
    let late = store.commit(put("alice", b"2", Expect::Version(first.version))).await;
    assert_eq!(late, Err(StoreError::Conflict));
}

#[tokio::test]
async fn an_expectation_that_fails_undoes_the_whole_commit() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store.commit(put("alice", b"1", Expect::Absent)).await.unwrap();
    let mut commit = put("bob", b"1", Expect::Absent);
    commit.writes.extend(put("alice", b"2", Expect::Absent).writes);
    commit.audit.push(refusal("never told"));
    assert_eq!(store.commit(commit).await, Err(StoreError::Conflict));
    assert_eq!(value(&store, "bob"), None);
    assert_eq!(value(&store, "alice").unwrap(), b"1");
    assert_eq!(store.audit(None, 10).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_saw_the_same_version_one_wins() {
    let ledger = Ledger::new();
    let store = ledger.open();
    for round in 0..20_u8 {
        let seen = store.commit(put("code", &[round], Expect::Any)).await.unwrap();
        let tries = (0..64).map(|_| {
            let store = store.clone();
            tokio::spawn(
                async move { store.commit(put("code", b"spent", Expect::Version(seen.version))).await },
            )
        });
        let mut won = 0;
        for tried in tries.collect::<Vec<_>>() {
            match tried.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert_eq!(error, StoreError::Conflict),
            }
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn failures_in_parallel_are_counted_exactly() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store.commit(put("counter", &0_u64.to_be_bytes(), Expect::Absent)).await.unwrap();
    let tries = (0..200).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let found = store.get(&key("counter")).unwrap().unwrap();
                let count = u64::from_be_bytes(found.value.as_slice().try_into().unwrap()) + 1;
                let counted = put("counter", &count.to_be_bytes(), Expect::Version(found.version));
                match store.commit(counted).await {
                    Ok(_) => return,
                    Err(error) => assert_eq!(error, StoreError::Conflict),
                }
            }
        })
    });
    for tried in tries.collect::<Vec<_>>() {
        tried.await.unwrap();
    }
    assert_eq!(value(&store, "counter").unwrap(), 200_u64.to_be_bytes());
}

#[tokio::test]
async fn a_scan_gives_what_begins_with_the_prefix_in_order() {
    let ledger = Ledger::new();
    let store = ledger.open();
    for name in ["unix:bob", "local:zoe", "unix:alice", "unix:carol", "wiki:alice"] {
        store.commit(put(name, name.as_bytes(), Expect::Absent)).await.unwrap();
    }
    let names = |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
        let found = store.scan(Space::Name, prefix.as_bytes(), after.map(key).as_ref(), limit).unwrap();
        found.iter().map(|(key, _)| String::from_utf8(key.name().to_vec()).unwrap()).collect()
    };
    assert_eq!(names("unix:", None, 10), ["unix:alice", "unix:bob", "unix:carol"]);
    assert_eq!(names("unix:", Some("unix:alice"), 1), ["unix:bob"]);
    assert_eq!(names("unix:", Some("local:zoe"), 1), ["unix:alice"]);
    assert_eq!(names("unix:", Some("wiki:alice"), 9), Vec::<String>::new());
    assert_eq!(names("", None, 10).len(), 5);
    assert_eq!(names("nobody:", None, 10), Vec::<String>::new());
}

#[tokio::test]
async fn a_watch_sees_what_changed_under_its_prefix() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let mut watch = store.watch(Space::Name, b"unix:");
    store.commit(put("local:alice", b"1", Expect::Absent)).await.unwrap();
    store.commit(put("unix:alice", b"1", Expect::Absent)).await.unwrap();
    assert_eq!(watch.next().await, Some(Change::Keys(vec![key("unix:alice")])));
    for round in 0..2000_u32 {
        store.commit(put("unix:alice", &round.to_be_bytes(), Expect::Any)).await.unwrap();
    }
    assert_eq!(watch.next().await, Some(Change::Missed));
}

#[tokio::test]
async fn closing_finishes_what_was_taken_and_takes_nothing_more() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let taken: Vec<_> = (0..50)
        .map(|number: u8| {
            let store = store.clone();
            tokio::spawn(
                async move { store.commit(put(&number.to_string(), &[number], Expect::Absent)).await },
            )
        })
        .collect();
    // Let them all into the queue: they run when this task waits.
    tokio::task::yield_now().await;
    store.close().await;
    for taken in taken {
        taken.await.unwrap().unwrap();
    }
    assert!(matches!(store.commit(put("late", b"1", Expect::Any)).await, Err(StoreError::Failed(_))));
    drop(store);
    assert_eq!(ledger.open().scan(Space::Name, b"", None, 100).unwrap().len(), 50);
}
