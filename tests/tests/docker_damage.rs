//! A host whose ledger is damaged, and the order in which a host starts.

use std::time::{Duration, Instant};

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Host, Login, Run, eventually};

/// A module's default timeout is eight seconds; sshd's own work comes on top, on a busy machine too.
const LONGEST: Duration = Duration::from_secs(45);

fn shell(host: &Host, line: &str) -> Run {
    host.exec(&["sh", "-ec", line])
}

fn key_alone(host: &Host) -> Login {
    Login { key: Some(host.key()), ..Login::default() }
}

#[test]
fn with_a_damaged_ledger_logins_are_refused_in_time_and_break_glass_and_the_backup_bring_the_host_back() {
    let (host, alice) = Host::boot_installed();
    shell(
        &host,
        "groupadd twofold-breakglass; useradd --create-home --shell /bin/bash rescue; cp -r ~alice/.ssh ~rescue; \
         chown -R rescue: ~rescue; gpasswd --add rescue twofold-breakglass",
    )
    .expect_success();
    let enable = "twofold ssh enable --first publickey --yes --root-password-fd 0";
    host.type_to(&["sh", "-c", enable], &format!("{PASSWORD}\n")).expect_success();
    let confirm = format!("echo {PASSWORD} | sudo -S -p '' twofold ssh confirm");
    let session =
        host.ssh("alice", &Login::key_then(&host.key(), &alice.backup_codes[0]).running(&[&confirm]));
    assert!(session.succeeded(), "{session:?}");
    shell(&host, "twofold ledger backup /var/backups/ledger").expect_success();

    shell(
        &host,
        "systemctl stop twofoldd.socket twofoldd.service; \
         dd if=/dev/urandom of=/var/lib/twofold/ledger/db bs=4096 count=16 conv=notrunc status=none; \
         systemctl start twofoldd.socket",
    )
    .expect_success();
    let begun = Instant::now();
    let refused = host.ssh("alice", &Login::key_then(&host.key(), &alice.backup_codes[1]));
    assert!(!refused.succeeded(), "{refused:?}");
    assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
    let rescue = host.ssh("rescue", &key_alone(&host).running(&["id", "-un"]));
    assert_eq!(rescue.run.stdout.trim(), "rescue", "{rescue:?}\n{}", host.journal("ssh"));
    let said = host.journal("twofoldd");
    assert!(said.contains("is damaged") && said.contains("twofold ledger restore"), "{said}");
    let doctor = host.exec(&["twofold", "--json", "doctor"]);
    assert!(doctor.code == 2 && doctor.stdout.contains("authority_away"), "{doctor:?}");

    shell(
        &host,
        "systemctl stop twofoldd.socket twofoldd.service; mv /var/lib/twofold /var/lib/twofold.lost; \
         twofold ledger restore /var/backups/ledger; systemctl start twofoldd.socket; twofold info",
    )
    .expect_success();
    // Its backup codes are gone; the app's next code but one is good.
    let back = eventually("alice's phone opens the door again", Duration::from_secs(150), || {
        let session = host.ssh("alice", &Login::key_then(&host.key(), &alice.phone.fresh()));
        session.succeeded().then_some(session)
    });
    assert!(back.succeeded());
}

/// Microseconds after boot at which a unit was up.
fn up_at(host: &Host, unit: &str) -> u64 {
    let words = ["systemctl", "show", unit, "--property=ActiveEnterTimestampMonotonic", "--value"];
    let told = host.exec(&words).expect_success();
    told.trim().parse().unwrap_or_else(|why| panic!("{unit}: {told}: {why}"))
}

#[test]
fn the_authority_is_there_before_sshd_by_its_socket_and_as_a_service() {
    let (mut host, _) = Host::boot_installed();
    host.restart();
    let (socket, sshd) = (up_at(&host, "twofoldd.socket"), up_at(&host, "ssh.service"));
    assert!(0 < socket && socket <= sshd, "{socket} {sshd}");
    shell(&host, "systemctl disable --quiet twofoldd.socket; systemctl enable --quiet twofoldd.service")
        .expect_success();
    host.restart();
    let (service, sshd) = (up_at(&host, "twofoldd.service"), up_at(&host, "ssh.service"));
    assert!(0 < service && service <= sshd, "{service} {sshd}\n{}", host.journal("twofoldd"));
    shell(&host, "twofold info").expect_success();
}
