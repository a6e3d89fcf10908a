//! Whatever is asked of the rows, it is what a pass over every account finds.

use proptest::collection::vec;
use proptest::prelude::*;
use twofold_shared::account::{AccountName, Device, DeviceId, Label, Lock, Occasion};
use twofold_shared::name::Name;
use twofold_shared::totp::{Secret, Totp, TotpParameters};
use twofold_shared::wire::Algorithm;

use super::super::Place;
use super::*;

const NOW: UnixTime = UnixTime(1_800_000_000);
const GROUPS: [&str; 3] = ["ops", "sales", "wiki"];

/// What an account of these tests is made of.
#[derive(Clone, Debug)]
struct Sketch {
    id: u8,
    names: Vec<String>,
    groups: [bool; 3],
    locked: bool,
    operator: bool,
    used: Option<u32>,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let parts = (0..12_u8, vec("[ab]{1,3}", 1..=3), any::<[bool; 3]>(), any::<bool>(), 0..8_u8, of(1..5_u32));
    parts.prop_map(|(id, names, groups, locked, operator, used)| Sketch {
        id,
        names,
        groups,
        locked,
        operator: operator == 0,
        used,
    })
}

fn of<S: Strategy>(inner: S) -> impl Strategy<Value = Option<S::Value>> {
    proptest::option::of(inner)
}

fn account(sketch: &Sketch) -> Account {
    let names = sketch.names.iter().enumerate().map(|(realm, name)| AccountName {
        name: Name::parse(&format!("r{realm}.example.com:{name}")).unwrap(),
        uid: None,
    });
    let named: Vec<AccountName> = names.collect();
    let mut account = Account::new(AccountId([sketch.id; 16]), named[0].clone(), NOW);
    account.names = named;
    let groups = GROUPS.into_iter().zip(sketch.groups).filter(|(_, is_in)| *is_in);
    account.groups = groups.map(|(group, _)| Group::parse(group).unwrap()).collect();
    account.lock = sketch.locked.then_some(Lock { at: NOW, operator: None, reason: None, until: None });
    account.charge = sketch.operator.then_some(Charge::All);
    account.devices.extend(sketch.used.map(device));
    account
}

fn device(used: u32) -> Device {
    let parameters = TotpParameters::new(Algorithm::Sha1, 6, 30).unwrap();
    let occasion = |at| Occasion { at: UnixTime(at), door: "sshd on web1".into(), source: None };
    Device {
        id: DeviceId([1; 8]),
        label: Label::parse("phone").unwrap(),
        totp: Totp { secret: Secret::generated([7; 20]), parameters },
        last_step: 0,
        created: occasion(1),
        last_used: Some(occasion(u64::from(used))),
    }
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let state = proptest::option::of(prop_oneof![
        Just(AccountState::Enrolled),
        Just(AccountState::NotEnrolled),
        Just(AccountState::Locked)
    ]);
    let order = prop_oneof![Just(AccountOrder::Name), Just(AccountOrder::Recent), Just(AccountOrder::Idle)];
    let charge = prop_oneof![
        Just(None),
        Just(Some(Charge::All)),
        vec(0..3_usize, 1..3).prop_map(|groups| {
            let groups = groups.into_iter().map(|number| Group::parse(GROUPS[number]).unwrap());
            Some(Charge::Groups(groups.collect()))
        })
    ];
    ("[ab]{0,2}", state, order, charge).prop_map(|(prefix, state, order, charge)| Wanted {
        prefix,
        state,
        order,
        after: None,
        limit: 50,
        charge,
    })
}

/// Whom a pass over all accounts finds, with the place of each, in order.
fn passed_over(accounts: &HashMap<u8, Account>, wanted: &Wanted) -> Vec<Place> {
    let Wanted { prefix, state, order, charge, .. } = wanted;
    let fits = accounts.values().filter(|account| {
        let in_state = match state {
            Some(AccountState::Enrolled) => account.enrolled(),
            Some(AccountState::NotEnrolled) => !account.enrolled(),
            Some(AccountState::Locked) => account.lock.is_some(),
            _ => true,
        };
        let is_theirs = charge.as_ref().is_none_or(|charge| charge.is_over(account));
        let begins = texts_of(account).iter().any(|text| text.starts_with(prefix.as_str()));
        in_state && is_theirs && begins
    });
    if *order == AccountOrder::Name {
        let places = fits.flat_map(|account| {
            let mut texts = texts_of(account);
            texts.retain(|text| text.starts_with(prefix.as_str()));
            texts.truncate(if prefix.is_empty() { 1 } else { texts.len() });
            texts.into_iter().map(|text| (text, account.id))
        });
        return places.sorted().map(|(by, id)| Place { id, by }).collect();
    }
    let used = |account: &Account| {
        account.devices.first().map_or(0, |device| device.last_used.as_ref().unwrap().at.0)
    };
    let mut all: Vec<(u64, AccountId)> = fits.map(|account| (used(account), account.id)).sorted().collect();
    if *order == AccountOrder::Recent {
        all.reverse();
    }
    all.into_iter().map(|(used, id)| Place { id, by: used.to_string() }).collect()
}

fn looked_up(rows: &mut Rows, wanted: &Wanted, sorted: usize) -> Vec<Place> {
    let view = View { sorted, ..rows.look(wanted) };
    match wanted.order {
        AccountOrder::Name => {
            view.by_name().map(|under| Place { id: under.id, by: under.text.to_string() }).collect()
        }
        AccountOrder::Recent | AccountOrder::Idle => {
            view.by_use().map(|(used, id)| Place { id, by: used.to_string() }).collect()
        }
    }
}

proptest! {
    #[test]
    fn what_is_looked_up_is_what_a_pass_over_all_finds(
        sketches in vec(sketch(), 1..40),
        gone in vec(0..12_u8, 0..6),
        questions in vec((wanted(), 0..40_usize), 1..12),
        sorted in prop_oneof![Just(0_usize), Just(1_000)],
    ) {
        let (mut rows, mut accounts) = (Rows::default(), HashMap::new());
        // Some change while groups are already laid together, and some go.
        let half = sketches.len() / 2;
        for (number, sketch) in sketches.iter().enumerate() {
            if number == half {
                for (question, _) in &questions {
                    let _ = rows.look(question);
                }
            }
            let account = account(sketch);
            rows.put(&account, NOW);
            accounts.insert(sketch.id, account);
        }
        for id in gone {
            rows.strike(AccountId([id; 16]));
            accounts.remove(&id);
        }
        for (mut question, from) in questions {
            let all = passed_over(&accounts, &question);
            prop_assert_eq!(&looked_up(&mut rows, &question, sorted), &all);
            // A page that begins in the middle goes on from there.
            question.after = all.get(from).cloned();
            let rest = all.get(from + 1..).unwrap_or(&all);
            prop_assert_eq!(looked_up(&mut rows, &question, sorted), rest);
        }
    }
}

#[test]
fn what_nobody_lies_on_is_gone() {
    let mut rows = Rows::default();
    let sketch = Sketch {
        id: 1,
        names: vec!["ann".into()],
        groups: [true; 3],
        locked: true,
        operator: false,
        used: Some(3),
    };
    rows.put(&account(&sketch), NOW);
    rows.put(&account(&Sketch { locked: false, ..sketch }), NOW);
    assert_eq!(rows.everybody.0.len(), 1);
    rows.strike(AccountId([1; 16]));
    assert!(rows.everybody.0.is_empty() && rows.accounts.is_empty());
}
