//! Programs that are not root and check codes through the real libpam: screen lockers for their own user, and servers with
//! dropped privileges at a door of their own.

use twofold_tests::pam::{PamHost, Typing, code};
use twofold_tests::{Authority, Door, Setup, place};

/// Users that every Debian has.
const GAMES: (u32, u32) = (5, 60);

fn place_with_a_door() -> Authority {
    let door = Door { services: vec!["door".into()], ..Door::of("vpn") };
    Authority::with(Setup { doors: vec![door], ..Setup::default() })
}

fn as_games(socket: &std::path::Path) -> PamHost {
    let mut host =
        PamHost::with(&place::module(), &format!("first=above timeout=5s socket={}", socket.display()));
    host.run_as(GAMES);
    host
}

#[test]
fn a_normal_user_opens_their_own_door_and_nobody_elses() {
    let authority = place_with_a_door();
    let (games, news) = (authority.enrol("games"), authority.enrol("news"));
    let locker = as_games(&authority.socket());
    locker.logs_in("games", &Typing::text(&games.phone.fresh())).passed();
    locker.logs_in("games", &Typing::text(&games.phone.wrong())).is_refused_with(code::AUTH_ERR);
    locker.logs_in("games", &Typing::text("rubbish")).is_refused_with(code::AUTH_ERR);
    locker.logs_in("games", &Typing::text(&games.backup_codes[0])).passed();
    // Another's right code, and a name that nobody has.
    for other in ["news", "root", "no-such-person"] {
        let report = locker.logs_in(other, &Typing::text(&news.phone.fresh()));
        report.is_refused_with(code::AUTHINFO_UNAVAIL);
        assert!(report.all("asked").is_empty(), "{report:?}");
    }
    // What it says of a place is not believed: the trail has its host alone.
    let events = authority.audit();
    let used: Vec<_> = events.iter().filter(|event| event.action == "verify").collect();
    assert!(
        !used.is_empty() && used.iter().all(|event| event.source.as_deref() == Some("local")),
        "{used:?}"
    );
}

#[test]
fn a_server_that_has_dropped_its_privileges_has_a_door_of_its_own() {
    let authority = place_with_a_door();
    let (games, news) = (authority.enrol("games"), authority.enrol("news"));
    let server = as_games(&authority.door_socket("vpn"));
    server.logs_in("news", &Typing::text(&news.phone.fresh())).passed();
    server.logs_in("games", &Typing::text(&games.phone.fresh())).passed();
    server.logs_in("news", &Typing::text(&news.phone.wrong())).is_refused_with(code::AUTH_ERR);
}
