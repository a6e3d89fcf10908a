//! What the account page says of a person's devices, codes and sessions: where, when and at which door.

use twofold_tests::web::Page;
use twofold_tests::world::PASSWORD;
use twofold_tests::{Web, World};

/// Signs alice in, and opens her account.
fn account(world: &World, code: &str) -> (Web, Page) {
    let mut web = world.gate.visitor();
    let account = world.page("id", "/account");
    let page = web.give_password(&account, "alice", PASSWORD);
    web.give_code(&page, code);
    let page = web.get(&account);
    (web, page)
}

/// The text of a section of the page.
fn section(page: &Page, id: &str) -> String {
    let found = page.body.split(&format!("<section aria-labelledby=\"{id}\">")).nth(1);
    let found = found.and_then(|rest| rest.split("</section>").next());
    found.unwrap_or_else(|| panic!("no {id}: {page:?}")).to_owned()
}

#[test]
fn a_device_says_when_where_and_at_which_door_it_was_last_used() {
    let world = World::start();
    let (mut web, page) = account(&world, &world.alice.phone.fresh());
    let own = section(&page, "devices");
    assert!(own.contains(">phone<") && own.contains("authenticator ·"), "{own}");
    assert!(own.contains(">used just now, the portal from 127.0.0.1<"), "{own}");
    // At a host's door, from another place; and a while ago.
    assert!(world.authority.lets_in("local:alice", &world.alice.phone.fresh()));
    let host = section(&web.get(&page.url), "devices");
    assert!(host.contains(">used just now, sshd on here from 198.18.0.9<"), "{host}");
    world.authority.clock().shift(1200);
    let later = section(&web.get(&page.url), "devices");
    assert!(later.contains(">used 20 min ago, sshd on here from 198.18.0.9<"), "{later}");
}

#[test]
fn few_backup_codes_are_warned_of() {
    let world = World::start();
    let spend = |from: usize, to: usize| {
        for code in world.alice.backup_codes.get(from..to).unwrap() {
            assert!(world.authority.lets_in("local:alice", code));
        }
    };
    spend(0, 6);
    let (mut web, page) = account(&world, &world.alice.phone.fresh());
    let codes = section(&page, "codes");
    assert!(codes.contains("<p>4 of 10 left. ") && !codes.contains("notice"), "{codes}");
    spend(6, 7);
    let codes = section(&web.get(&page.url), "codes");
    let warned = "<p class=\"notice\">3 of 10 left. Replace them while you still can sign in.";
    assert!(codes.contains(warned) && codes.contains("href=\"/account/codes\""), "{codes}");
    spend(7, 10);
    let codes = section(&web.get(&page.url), "codes");
    assert!(codes.contains("<p class=\"notice\">None left. Replace them"), "{codes}");
}

#[test]
fn sessions_and_browsers_say_what_they_are_and_where() {
    let world = World::start();
    let (_, _) = account(&world, &world.alice.phone.fresh());
    let (_, page) = account(&world, &world.alice.phone.fresh());
    for id in ["sessions", "browsers"] {
        let listed = section(&page, id);
        let rows: Vec<&str> = listed.split("<li>").skip(1).collect();
        assert_eq!(rows.len(), 2, "{id}: {listed}");
        for row in rows {
            assert!(row.contains("127.0.0.1"), "{id}: {row}");
            assert!(row.contains("just now") && row.contains("last seen just now"), "{id}: {row}");
            assert!(row.contains("<span class=\"thing\">") && row.contains("Linux"), "{id}: {row}");
        }
    }
    let sessions = section(&page, "sessions");
    assert_eq!(sessions.matches("<strong>this one<").count(), 1, "{sessions}");
}
