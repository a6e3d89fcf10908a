//! Who is in charge of whom, and how long a lock holds.

use super::*;

fn groups(names: &[&str]) -> Vec<Group> {
    names.iter().map(|name| Group::parse(name).unwrap()).collect()
}

fn charge(everybody: bool, names: &[&str]) -> Result<Charge, PartError> {
    let groups = names.iter().map(|&name| name.to_owned()).collect();
    Charge::parse(&wire::Charge { everybody, groups })
}

#[test]
fn a_charge_is_everybody_or_some_groups_and_never_nothing() {
    assert_eq!(charge(true, &[]), Ok(Charge::All));
    assert_eq!(charge(false, &["b", "a", "b"]), Ok(Charge::Groups(groups(&["a", "b"]))));
    assert_eq!(charge(false, &[]), Err(PartError::Charge));
    assert_eq!(charge(true, &["a"]), Err(PartError::Charge), "which of the two was meant cannot be told");
    assert_eq!(charge(false, &["a"; 17]), Err(PartError::Charge));
    assert_eq!(charge(false, &["a b"]), Err(PartError::Group));
    for kept in [charge(true, &[]), charge(false, &["a", "b"])] {
        let kept = kept.unwrap();
        assert_eq!(Charge::parse(&kept.to_wire()), Ok(kept));
    }
}

#[test]
fn an_operator_is_over_their_groups_and_over_nobody_who_is_in_charge() {
    let plain = alice();
    let sales = alice().with_groups(groups(&["sales", "staff"]), UnixTime(NOW));
    let of_sales = Charge::Groups(groups(&["sales"]));
    assert!(Charge::All.is_over(&plain) && Charge::All.is_over(&sales));
    assert!(of_sales.is_over(&sales) && !of_sales.is_over(&plain));
    for theirs in [Charge::All, of_sales.clone()] {
        let operator = sales.with_charge(Some(theirs), UnixTime(NOW));
        assert!(!Charge::All.is_over(&operator) && !of_sales.is_over(&operator));
    }
    assert!(!Charge::All.is_over(&Account::decoy(AccountId([9; 16]), UnixTime(NOW))), "nobody is nobody's");
}

#[test]
fn a_lock_holds_until_its_end() {
    let lock = Lock { at: UnixTime(NOW), operator: None, reason: None, until: Some(UnixTime(NOW + 60)) };
    let locked = enrolled(&[6]).with_lock(Some(lock.clone()), UnixTime(NOW));
    assert!(locked.is_locked(UnixTime(NOW + 59)) && !locked.is_locked(UnixTime(NOW + 60)));
    assert!(matches!(
        verify(&locked, &device_code(&locked, 0, 59), 59).1,
        Verdict::Refused(Refusal { reason: Reason::Locked, .. })
    ));
    assert!(approved(&verify(&locked, &device_code(&locked, 0, 60), 60).1));
    let for_good = locked.with_lock(Some(Lock { until: None, ..lock }), UnixTime(NOW));
    assert!(for_good.is_locked(UnixTime(u64::MAX)));
    assert!(!for_good.with_lock(None, UnixTime(NOW)).is_locked(UnixTime(NOW)));
}

#[test]
fn a_locks_reason_is_a_line_that_can_be_seen() {
    assert_eq!(LockReason::parse("  left the company ").unwrap().as_str(), "left the company");
    for bad in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(201)] {
        assert_eq!(LockReason::parse(bad), Err(PartError::LockReason), "{bad:?}");
    }
}
