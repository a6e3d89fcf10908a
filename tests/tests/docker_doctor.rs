//! `twofold doctor` on a whole host: silent where nothing is wrong, and each planted mistake is found.

use std::collections::BTreeSet;

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Host, Login, Run};

/// What it finds, by its words for programs, and its exit status.
fn findings(host: &Host) -> (i32, BTreeSet<String>) {
    let run = host.exec(&["twofold", "--json", "doctor"]);
    let read = |line: &str| -> serde_json::Value {
        serde_json::from_str(line).unwrap_or_else(|why| panic!("{line}: {why}: {run:?}"))
    };
    let (mut codes, mut notes) = (BTreeSet::new(), BTreeSet::new());
    for finding in run.stdout.lines().map(read) {
        if finding["severity"] == "note" {
            notes.insert(finding["code"].as_str().unwrap().to_owned());
            continue;
        }
        for key in ["what", "why", "fix"] {
            assert!(finding[key].as_str().is_some_and(|text| text.len() > 10), "{finding}");
        }
        codes.insert(finding["code"].as_str().unwrap().to_owned());
    }
    // Where the authority answers, this is always to be known of this host.
    let mut known = BTreeSet::from(["enrolled_by_root", "odds_of_guessing"].map(str::to_owned));
    if host.exec(&["test", "-e", "/etc/pam.d/postgresql"]).succeeded() {
        known.insert("first_missing".to_owned());
    }
    assert!(notes == known || codes.contains("authority_away"), "{notes:?}");
    (run.code, codes)
}

fn shell(host: &Host, line: &str) -> Run {
    host.exec(&["sh", "-ec", line])
}

/// ssh and sudo on, confirmed.
fn protected() -> Host {
    let (host, alice) = Host::boot_installed();
    for (door, first) in [("ssh", "--first publickey"), ("sudo", "")] {
        let line = format!("echo {PASSWORD} | twofold {door} enable {first} --yes --root-password-fd 0");
        shell(&host, &line).expect_success();
        if door == "ssh" {
            let confirm = format!("echo {PASSWORD} | sudo -S -p '' twofold ssh confirm");
            let login = Login::key_then(&host.key(), &alice.backup_codes[0]).running(&[&confirm]);
            let session = host.ssh("alice", &login);
            assert!(session.succeeded(), "{session:?}");
        } else {
            let answers = format!("{PASSWORD}\n{}\n", alice.backup_codes[1]);
            let confirm = host.as_alice("sudo -S -k twofold sudo confirm", &answers);
            assert!(confirm.succeeded(), "{confirm:?}");
        }
    }
    shell(&host, "twofold key export --plain /var/backups/keys").expect_success();
    host
}

/// A mistake: its word, what plants it, what takes it away again, and whether it is the worst kind.
struct Mistake(&'static str, &'static str, &'static str, bool);

const OURS: &str = "/lib/x86_64-linux-gnu/security/pam_twofold.so";

const MISTAKES: [Mistake; 37] = [
    Mistake(
        "authority_away",
        "systemctl stop twofoldd.socket twofoldd",
        "systemctl start twofoldd.socket",
        true,
    ),
    Mistake(
        "socket_disabled",
        "systemctl disable --quiet twofoldd.socket",
        "systemctl enable --quiet twofoldd.socket",
        true,
    ),
    Mistake(
        "boot_guard_disabled",
        "systemctl disable --quiet twofold-rollout",
        "systemctl enable --quiet twofold-rollout",
        false,
    ),
    Mistake(
        "socket_closed",
        "chmod 600 /run/twofold/authority.sock",
        "chmod 666 /run/twofold/authority.sock",
        false,
    ),
    Mistake(
        "configuration_open",
        "chmod 666 /etc/twofold/authority.toml",
        "chmod 644 /etc/twofold/authority.toml",
        true,
    ),
    Mistake(
        "configuration_wrong",
        "sed -i '1i bogus = 1' /etc/twofold/authority.toml",
        "sed -i 1d /etc/twofold/authority.toml",
        true,
    ),
    Mistake("keys_open", "chmod 755 /etc/twofold/keys", "chmod 700 /etc/twofold/keys", true),
    Mistake(
        "key_open",
        "chmod 644 /etc/twofold/keys/seal-1.key",
        "chmod 400 /etc/twofold/keys/seal-1.key",
        true,
    ),
    Mistake("keys_without_copy", "twofold key rotate", "twofold key export --kept-elsewhere", false),
    Mistake("old_key", "twofold key import /var/backups/keys", "twofold key rotate --resume", false),
    Mistake(
        "pepper_lost",
        "mv /etc/twofold/keys/pepper-1.key /var/backups; systemctl restart twofoldd",
        "mv /var/backups/pepper-1.key /etc/twofold/keys; systemctl restart twofoldd",
        false,
    ),
    Mistake("ledger_open", "chmod 755 /var/lib/twofold", "chmod 700 /var/lib/twofold", true),
    Mistake(
        "module",
        "mv /lib/x86_64-linux-gnu/security/pam_twofold.so /var/tmp/m",
        "mv /var/tmp/m /lib/x86_64-linux-gnu/security/pam_twofold.so",
        true,
    ),
    Mistake(
        "module",
        "chmod 666 /lib/x86_64-linux-gnu/security/pam_twofold.so",
        "chmod 644 /lib/x86_64-linux-gnu/security/pam_twofold.so",
        true,
    ),
    Mistake(
        "module",
        "cp -p /lib/x86_64-linux-gnu/security/pam_twofold.so /var/tmp/m; echo rubbish >/lib/x86_64-linux-gnu/security/pam_twofold.so",
        "mv /var/tmp/m /lib/x86_64-linux-gnu/security/pam_twofold.so",
        true,
    ),
    Mistake(
        "way_around",
        "sed -i '1i auth sufficient pam_wheel.so trust' /etc/pam.d/sudo",
        "sed -i 1d /etc/pam.d/sudo",
        true,
    ),
    Mistake(
        "code_before_password",
        "sed -i 's/^@include common-auth/#&/' /etc/pam.d/sudo",
        "sed -i 's/^#@include common-auth/@include common-auth/' /etc/pam.d/sudo",
        true,
    ),
    Mistake(
        "stack_broken",
        "sed -i '1i auth requird pam_env.so' /etc/pam.d/sudo",
        "sed -i 1d /etc/pam.d/sudo",
        true,
    ),
    Mistake(
        "not_requisite",
        "sed -i 's/requisite  pam_twofold/required   pam_twofold/' /etc/pam.d/sudo",
        "sed -i 's/required   pam_twofold/requisite  pam_twofold/' /etc/pam.d/sudo",
        false,
    ),
    Mistake(
        "option_unknown",
        "sed -i 's/first=above/first=abov/' /etc/pam.d/sudo",
        "sed -i 's/first=abov/first=above/' /etc/pam.d/sudo",
        true,
    ),
    Mistake(
        "socket_absent",
        "sed -i 's/first=above/& socket=.nowhere/' /etc/pam.d/sudo",
        "sed -i 's/ socket=.nowhere//' /etc/pam.d/sudo",
        true,
    ),
    Mistake("stack_writable", "chmod 666 /etc/pam.d/sudo", "chmod 644 /etc/pam.d/sudo", true),
    Mistake(
        "key_alone_passes",
        "sed -i 's/ need=factor/ /' /etc/pam.d/sshd",
        "sed -i 's/pam_twofold.so  first/pam_twofold.so need=factor first/' /etc/pam.d/sshd",
        true,
    ),
    Mistake(
        "half_a_door",
        "sed -i '/pam_twofold/s/^/#/' /etc/pam.d/sudo-i; sed -i 's/^# twofold:/# was:/' /etc/pam.d/sudo-i",
        "sed -i '/pam_twofold/s/^#//' /etc/pam.d/sudo-i; sed -i 's/^# was:/# twofold:/' /etc/pam.d/sudo-i",
        true,
    ),
    Mistake(
        "sshd_broken",
        "echo Bogus yes >/etc/ssh/sshd_config.d/90-x.conf",
        "rm /etc/ssh/sshd_config.d/90-x.conf",
        true,
    ),
    Mistake(
        "match_says_otherwise",
        "printf 'Match Address 192.0.2.1\\n AuthenticationMethods publickey\\n' >/etc/ssh/sshd_config.d/90-x.conf",
        "rm /etc/ssh/sshd_config.d/90-x.conf",
        false,
    ),
    Mistake(
        "no_pam",
        "sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config.d/00-twofold.conf",
        "sed -i 's/^UsePAM no/UsePAM yes/' /etc/ssh/sshd_config.d/00-twofold.conf",
        true,
    ),
    Mistake(
        "no_question",
        "echo KbdInteractiveAuthentication no >/etc/ssh/sshd_config.d/00-a.conf; sed -i 's/^Auth.*/#&/' /etc/ssh/sshd_config.d/00-twofold.conf",
        "rm /etc/ssh/sshd_config.d/00-a.conf; sed -i 's/^#Auth/Auth/' /etc/ssh/sshd_config.d/00-twofold.conf",
        true,
    ),
    Mistake(
        "way_without_question",
        "echo AuthenticationMethods publickey >/etc/ssh/sshd_config.d/00-a.conf",
        "rm /etc/ssh/sshd_config.d/00-a.conf",
        true,
    ),
    Mistake(
        "password_method",
        "echo PasswordAuthentication yes >/etc/ssh/sshd_config.d/00-a.conf",
        "rm /etc/ssh/sshd_config.d/00-a.conf",
        false,
    ),
    Mistake("no_way_in", "usermod --lock root", "usermod --unlock root", true),
    Mistake(
        "shut_out",
        "useradd --create-home --shell /bin/bash --groups sudo bob; cp -r ~alice/.ssh ~bob; chown -R bob: ~bob",
        "userdel --remove bob 2>/dev/null",
        false,
    ),
    Mistake(
        "nopasswd",
        "echo 'alice ALL = NOPASSWD: /bin/true' >/etc/sudoers.d/alice",
        "rm /etc/sudoers.d/alice",
        false,
    ),
    Mistake("name_of_nobody", "twofold account add ghost", "twofold account remove --yes ghost", false),
    Mistake(
        "first_missing",
        "sed -i 's/ first=above//' /etc/pam.d/sudo",
        "sed -i 's/requisite  pam_twofold.so/& first=above/' /etc/pam.d/sudo",
        false,
    ),
    Mistake(
        "other_person",
        "useradd --shell /usr/sbin/nologin carl; twofold account add carl; userdel carl; \
         useradd --uid 4711 --shell /usr/sbin/nologin carl",
        // As the finding says for the same person with a new number; then carl goes.
        "twofold account link carl local:carl; twofold account unlink local:carl carl; \
         twofold account link local:carl carl; twofold doctor; twofold account remove --yes carl; userdel carl",
        false,
    ),
    Mistake(
        "change_waits",
        "twofold account add root; twofold account require root exempt; \
         echo correct-horse-7281 | twofold su enable --yes --root-password-fd 0",
        "twofold rollout revert; twofold account remove --yes root",
        false,
    ),
];

/// PostgreSQL's stack as docs/pam-module.md has it, at the main socket: one without `first=` that is meant so.
const POSTGRESQL: &str = "auth requisite pam_twofold.so socket=/run/twofold/authority.sock
auth required pam_permit.so
account required pam_permit.so
";

#[test]
fn each_of_thirty_seven_planted_mistakes_is_found_and_a_good_host_is_silent() {
    let host = protected();
    host.type_to(&["sh", "-c", "cat >/etc/pam.d/postgresql"], POSTGRESQL).expect_success();
    assert!(shell(&host, &format!("test -e {OURS}")).succeeded(), "another architecture");
    assert_eq!(findings(&host), (0, BTreeSet::new()));
    for Mistake(code, plant, undo, is_worst) in MISTAKES {
        let planted = shell(&host, plant);
        assert!(planted.succeeded(), "{plant}: {planted:?}");
        let (status, found) = findings(&host);
        assert!(found.contains(code), "{plant}: {found:?}");
        assert!(status == 2 || !is_worst && status == 1, "{plant}: {status} {found:?}");
        let undone = shell(&host, undo);
        assert!(undone.succeeded(), "{undo}: {undone:?}");
        assert_eq!(findings(&host), (0, BTreeSet::new()), "after {undo}");
    }
}

#[test]
fn mistakes_of_policy_and_break_glass_and_little_space_are_found() {
    let host = protected();
    let policy = |line: &str| {
        let line = format!(
            "sed -i '/^default = /d' /etc/twofold/authority.toml; sed -i 's/^\\[policy\\]/&\\n{line}/' \
             /etc/twofold/authority.toml; systemctl restart twofoldd"
        );
        shell(&host, &line).expect_success();
    };
    shell(&host, "useradd --create-home --shell /bin/bash bob; cp -r ~alice/.ssh ~bob; chown -R bob: ~bob")
        .expect_success();
    policy("default = \"optional\"");
    assert!(findings(&host).1.contains("no_second_factor"), "{:?}", findings(&host));
    policy("default = \"required\"");
    shell(
        &host,
        "printf '\\n[[policy.rule]]\\nservices = [\"sudo\"]\\nrequire = \"required\"\\ngrace = \"7d\"\\n' \
         >>/etc/twofold/authority.toml; systemctl restart twofoldd",
    )
    .expect_success();
    assert!(findings(&host).1.contains("long_grace"), "{:?}", findings(&host));
    shell(
        &host,
        "cp /etc/pam.d/login /var/tmp/login; printf 'auth requisite pam_unix.so\\nauth requisite pam_twofold.so first=above\\n\
         auth required pam_permit.so\\naccount required pam_unix.so\\n' >/etc/pam.d/login",
    )
    .expect_success();
    assert!(findings(&host).1.contains("device_never_on"), "{:?}", findings(&host));
    shell(&host, "cp /var/tmp/login /etc/pam.d/login").expect_success();
    shell(&host, "groupadd twofold-breakglass; gpasswd --add bob twofold-breakglass; rm -r ~bob/.ssh")
        .expect_success();
    assert!(findings(&host).1.contains("break_glass_without_key"), "{:?}", findings(&host));
    shell(&host, "mount -t tmpfs -o size=1m,mode=700 tmpfs /var/lib/twofold").expect_success();
    assert!(findings(&host).1.contains("little_space"), "{:?}", findings(&host));
}

#[test]
fn what_selinux_or_apparmor_denied_today_is_found_and_what_they_let_through_is_not() {
    let (host, _) = Host::boot_installed();
    let denied = |line: &str| {
        let line = format!("mkdir -p /var/log/audit; echo {line} >/var/log/audit/audit.log");
        shell(&host, &line).expect_success();
        findings(&host).1.contains("denied_by_policy")
    };
    let avc = |at: &str, permissive: u8| {
        format!(
            "'type=AVC msg=audit('{at}'.123:45): avc:  denied  {{ connectto }} for  pid=7 comm=\"sshd\" \
             path=\"/run/twofold/authority.sock\" tclass=unix_stream_socket permissive={permissive}'"
        )
    };
    assert!(denied(&avc("$(date +%s)", 0)), "{:?}", findings(&host));
    assert!(denied(
        "'type=AVC msg=audit('$(date +%s)'.123:46): apparmor=\"DENIED\" operation=\"open\" profile=\"twofoldd\"'"
    ));
    assert!(!denied(&avc("$(date +%s)", 1)));
    assert!(!denied(&avc("$(date +%s --date=-2days)", 0)));
    let told = shell(&host, "rm -r /var/log/audit; twofold doctor || true").expect_success();
    assert!(!told.contains("denial"), "{told}");
}
