//! Many processes present one code through libpam at the same moment: one gets in.

use twofold_tests::authority::Door;
use twofold_tests::pam::{PamHost, Report, Typing, code};
use twofold_tests::{Authority, Setup};

const PROCESSES: usize = 64;
const ROUNDS: usize = 20;

/// Two hosts whose people are the same.
fn two_hosts() -> Authority {
    let door =
        |host: &str| Door { services: vec!["door".to_owned()], realm: "race".to_owned(), ..Door::of(host) };
    Authority::with(Setup { doors: vec![door("web1"), door("web2")], ..Setup::default() })
}

fn who_got_in(reports: &[Report]) -> usize {
    let inside = reports.iter().filter(|report| report.one("authenticate") == code::SUCCESS);
    // Whoever did not get in met a refusal, and neither phase let them by.
    for report in reports.iter().filter(|report| report.one("authenticate") != code::SUCCESS) {
        assert_eq!(report.one("account"), code::PERM_DENIED, "{report:?}");
        assert!(!["25", "0"].contains(&report.one("authenticate")), "{report:?}");
    }
    inside.count()
}

#[test]
fn one_code_lets_one_of_64_processes_in_20_times() {
    let authority = two_hosts();
    let host = PamHost::asking(&authority.door_socket("web1"));
    for round in 0..ROUNDS {
        let name = format!("user{round}");
        let phone = authority.enrol(&format!("race:{name}")).phone;
        let typing = Typing::text(&phone.fresh());
        let logins: Vec<_> = (0..PROCESSES).map(|_| (&host, name.as_str(), typing.clone())).collect();
        assert_eq!(who_got_in(&PamHost::log_in_at_once(&logins)), 1, "round {round}");
    }
}

#[test]
fn one_backup_code_lets_one_of_64_processes_in_20_times() {
    let authority = two_hosts();
    let host = PamHost::asking(&authority.door_socket("web1"));
    for round in 0..ROUNDS {
        let name = format!("user{round}");
        let backup_codes = authority.enrol(&format!("race:{name}")).backup_codes;
        let typing = Typing::text(&backup_codes[round % backup_codes.len()]);
        let logins: Vec<_> = (0..PROCESSES).map(|_| (&host, name.as_str(), typing.clone())).collect();
        assert_eq!(who_got_in(&PamHost::log_in_at_once(&logins)), 1, "round {round}");
    }
}

#[test]
fn one_code_at_two_doors_lets_one_in() {
    let authority = two_hosts();
    let hosts = ["web1", "web2"].map(|host| PamHost::asking(&authority.door_socket(host)));
    for round in 0..ROUNDS {
        let name = format!("user{round}");
        let phone = authority.enrol(&format!("race:{name}")).phone;
        let typing = Typing::text(&phone.fresh());
        let logins: Vec<_> =
            (0..PROCESSES).map(|number| (&hosts[number % 2], name.as_str(), typing.clone())).collect();
        assert_eq!(who_got_in(&PamHost::log_in_at_once(&logins)), 1, "round {round}");
    }
}
