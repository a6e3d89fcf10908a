//! Whatever is tried, in whatever order.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Event {
    Device { device: usize, side: i64 },
    Backup(u32),
    Wrong(u32),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..2_usize, -2..=2_i64).prop_map(|(device, side)| Event::Device { device, side }),
        2 => (0..10_u32).prop_map(Event::Backup),
        2 => (0..1_000_000_u32).prop_map(Event::Wrong),
        4 => (0..40_u64).prop_map(Event::Pass),
    ]
}

proptest! {
    #[test]
    fn no_code_is_ever_accepted_twice(
        events in proptest::collection::vec((event(), 0..4_u8, any::<bool>(), proptest::bool::weighted(0.9)), 0..80),
    ) {
        let (mut account, mut seconds) = (enrolled(&[6, 8]), 0);
        let (mut spent, mut backups) = (HashSet::new(), HashSet::new());
        for (event, from, before, clock_trusted) in events {
            let typed = match event {
                Event::Pass(passed) => { seconds += passed; continue }
                Event::Wrong(number) => format!("{number:06}"),
                Event::Backup(number) => format!("{number:08}"),
                Event::Device { device, side } => {
                    let step = ((NOW + seconds) / 30).saturating_add_signed(side);
                    account.devices[device].totp.code_at(step).reveal().to_owned()
                }
            };
            let stage = if before { Stage::BeforeFirst } else { Stage::AfterFirst };
            let (after, verdict) = Try { stage, clock_trusted, origin: from, ..Try::of(&typed, seconds) }.at(&account);
            match verdict {
                Verdict::Approved { factor: Factor::Device { id, .. }, .. } => {
                    let step = after.device(&id).unwrap().last_step;
                    prop_assert!(clock_trusted);
                    prop_assert!(step > account.device(&id).unwrap().last_step);
                    prop_assert!(step.abs_diff((NOW + seconds) / 30) <= 1);
                    prop_assert!(spent.insert((id, step)), "a step twice");
                }
                Verdict::Approved { factor: Factor::BackupCode, .. } => {
                    prop_assert_eq!(after.backup_codes_left() + 1, account.backup_codes_left());
                    prop_assert!(backups.insert(typed), "a backup code twice");
                }
                Verdict::Approved { factor: Factor::EmergencyCode, .. } => {
                    prop_assert!(false, "an account knows no emergency codes");
                }
                Verdict::Refused(refusal) => {
                    prop_assert_eq!(&after.devices, &account.devices);
                    prop_assert_eq!(&after.backup_codes, &account.backup_codes);
                    prop_assert_eq!(after.throttle == account.throttle, refusal.reason.coalesces());
                }
            }
            account = after;
        }
    }

    #[test]
    fn verifying_never_panics(digits in "[0-9]{6,8}", now in any::<u64>(), before in any::<bool>(), trusted in any::<bool>()) {
        let account = enrolled(&[6, 7, 8]);
        let code = code(&digits);
        let backup = digest(code.digits());
        let stage = if before { Stage::BeforeFirst } else { Stage::AfterFirst };
        let _ = account.verify(&Attempt {
            code: &code,
            backup: Some(&backup),
            origin: &Origin::default(),
            stage,
            clock_trusted: trusted,
            occasion: &Occasion { at: UnixTime(now), ..at(0) },
        });
    }
}
