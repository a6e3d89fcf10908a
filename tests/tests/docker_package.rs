//! The package: what it brings and what it leaves alone, on a whole host with systemd.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Host, Login, place, run};

/// PAM's and sshd's files, which installing must not touch.
fn logins(host: &Host) -> String {
    host.exec(&["sh", "-c", "cd /etc && find pam.d ssh -type f | sort | xargs sha256sum"]).expect_success()
}

/// What the package's scripts said, whose last line is what went wrong.
fn dpkg(host: &Host, arguments: &[&str]) -> twofold_tests::Run {
    host.exec(&[&["dpkg"][..], arguments].concat())
}

fn install(host: &Host, package: &str) {
    host.put(&place::package(package), &format!("/var/tmp/{package}.deb"));
    let run = dpkg(host, &["--install", &format!("/var/tmp/{package}.deb")]);
    assert!(run.succeeded(), "{run:?}\n{}", host.journal("twofoldd"));
}

fn with_code(host: &Host, code: &str) -> Login {
    Login::key_then(&host.key(), code)
}

#[test]
fn from_the_package_to_a_protected_login_and_back_to_nothing() {
    let host = Host::boot();
    let before = logins(&host);
    install(&host, "0.1.0");
    assert_eq!(logins(&host), before, "installing changes no login");
    host.exec(&["twofold", "info"]).expect_success();
    for (path, owner) in [("/var/lib/twofold", "twofold 700"), ("/etc/twofold/keys", "twofold 700")] {
        assert_eq!(host.exec(&["stat", "--format=%U %a", path]).expect_success().trim(), owner, "{path}");
    }
    let unit = host.exec(&[
        "systemctl",
        "show",
        "twofoldd",
        "--property=ActiveState,User,PrivateNetwork,NoNewPrivileges",
    ]);
    for line in ["ActiveState=active", "User=twofold", "PrivateNetwork=yes", "NoNewPrivileges=yes"] {
        assert!(unit.stdout.lines().any(|found| found == line), "{unit:?}\n{}", host.journal("twofoldd"));
    }
    for enabled in ["twofoldd.socket", "twofold-rollout.service"] {
        host.exec(&["systemctl", "is-enabled", enabled]).expect_success();
    }
    for page in ["man1/twofold.1", "man1/twofold-ssh-enable.1", "man8/twofoldd.8", "man5/gate.toml.5"] {
        host.exec(&["gzip", "--test", &format!("/usr/share/man/{page}.gz")]).expect_success();
    }
    host.exec(&["bash", "-n", "/usr/share/bash-completion/completions/twofold"]).expect_success();

    host.type_to(&["chpasswd"], &format!("root:{PASSWORD}\n")).expect_success();
    host.exec(&["twofold", "account", "add", "alice"]).expect_success();
    let alice = host.enrol("alice");
    let enable = "twofold ssh enable --first publickey --yes --root-password-fd 0";
    host.type_to(&["sh", "-c", enable], &format!("{PASSWORD}\n")).expect_success();
    let confirm = format!("echo {PASSWORD} | sudo -S -p '' twofold ssh confirm");
    let session = host.ssh("alice", &with_code(&host, &alice.backup_codes[0]).running(&[&confirm]));
    assert!(session.succeeded(), "{session:?}\n{}", host.journal("ssh"));

    upgrade_among_logins(&host, &alice.backup_codes[1..6]);
    let status = host.exec(&["dpkg-query", "--show", "--showformat=${Version}", "twofold"]);
    assert_eq!(status.expect_success(), "0.1.1");

    // A stack that names a module which has gone lets nobody in.
    let refused = dpkg(&host, &["--remove", "twofold"]);
    assert!(!refused.succeeded() && refused.stderr.contains("twofold ssh disable"), "{refused:?}");
    assert!(host.ssh("alice", &with_code(&host, &alice.backup_codes[6])).succeeded());
    host.exec(&["twofold", "ssh", "disable", "--yes"]).expect_success();
    assert_eq!(logins(&host), before);
    let removed = dpkg(&host, &["--remove", "twofold"]);
    assert!(removed.succeeded(), "{removed:?}");
    assert!(host.ssh("alice", &Login { key: Some(host.key()), ..Login::default() }).succeeded());

    // The ledger stays, and a spent code stays spent.
    install(&host, "0.1.1");
    let verify = |code: &str| {
        host.type_to(&["twofold", "verify", "--account", "alice", "--code-fd", "0"], &format!("{code}\n"))
    };
    assert!(!verify(&alice.backup_codes[0]).succeeded());
    assert!(verify(&alice.backup_codes[7]).succeeded());
    let purged = dpkg(&host, &["--purge", "twofold"]);
    assert!(purged.succeeded(), "{purged:?}");
    for gone in ["/var/lib/twofold", "/etc/twofold", "/var/lib/twofold-rollout", "/usr/bin/twofold"] {
        assert!(!host.exec(&["test", "-e", gone]).succeeded(), "{gone}");
    }
    assert_eq!(logins(&host), before);
    let failed = host.exec(&["systemctl", "--failed", "--no-legend", "--plain", "list-units", "twofold*"]);
    assert_eq!(failed.stdout.trim(), "");
}

/// Logins go on while a newer package is installed over it; none fails.
fn upgrade_among_logins(host: &Host, codes: &[String]) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let logins = scope.spawn(|| {
            let mut made = 0;
            for code in codes {
                let session = host.ssh("alice", &with_code(host, code));
                assert!(session.succeeded(), "{session:?}\n{}", host.journal("twofoldd"));
                made += 1;
                if over.load(Ordering::SeqCst) && made > 2 {
                    break;
                }
            }
            made
        });
        install(host, "0.1.1");
        over.store(true, Ordering::SeqCst);
        assert!(logins.join().expect("no login failed") > 2);
    });
}

#[test]
fn the_units_are_confined_as_the_documents_say() {
    let host = Host::boot();
    install(&host, "0.1.0");
    // In tenths.
    for (unit, most) in [("twofoldd.service", "15"), ("twofold-gate.service", "20")] {
        let path = format!("/lib/systemd/system/{unit}");
        let threshold = format!("--threshold={most}");
        let judged =
            host.exec(&["systemd-analyze", "security", "--offline=true", "--no-pager", &threshold, &path]);
        assert!(judged.succeeded(), "{judged:?}");
        host.exec(&["systemd-analyze", "verify", "--man=no", &path]).expect_success();
    }
}

#[test]
fn lintian_finds_no_error_in_the_package() {
    let judged = run(Command::new("lintian")
        .args(["--allow-root", "--fail-on", "error"])
        .arg(place::package("0.1.0")));
    assert!(judged.succeeded(), "{judged:?}");
}

#[test]
fn the_rpm_is_whole_and_guards_its_removal() {
    let package = place::rpm();
    let ask = |arguments: &[&str]| run(Command::new("rpm").args(arguments).arg(&package)).expect_success();
    ask(&["--checksig", "--nosignature"]);
    let files = ask(&["--query", "--package", "--list"]);
    for wanted in [
        "/usr/bin/twofold",
        "/usr/sbin/twofoldd",
        "/usr/lib64/security/pam_twofold.so",
        "/usr/lib/systemd/system/twofold-rollout.service",
        "/usr/share/man/man1/twofold-ssh.1.gz",
    ] {
        assert!(files.lines().any(|file| file == wanted), "{wanted} is not in:\n{files}");
    }
    let kept = ask(&["--query", "--package", "--configfiles"]);
    assert!(kept.contains("/etc/twofold/authority.toml"), "{kept}");
    assert!(ask(&["--query", "--package", "--requires"]).contains("libpam.so.0"));
    // Each script by itself: the shell reads it, and the one before removal looks for stacks that name the module.
    for script in ["postin", "preun", "postun"] {
        let text = ask(&["--query", "--package", "--queryformat", &format!("%{{{script}}}")]);
        run(Command::new("sh").args(["-n", "-c", &text])).expect_success();
        assert!(script != "preun" || text.contains("pam_twofold") && text.contains("exit 1"), "{text}");
    }
}

#[test]
fn the_profiles_for_apparmor_and_selinux_compile() {
    let packaging = place::repository().join("packaging");
    let mut parser = Command::new("apparmor_parser");
    parser.args(["--skip-kernel-load", "--skip-cache"]).arg(packaging.join("apparmor/usr.sbin.twofoldd"));
    run(&mut parser).expect_success();

    // A policy by itself cannot be compiled: here stands what it takes from the host's.
    let folder = tempfile::tempdir().unwrap();
    let host: PathBuf = folder.path().join("host.cil");
    fs::write(&host, SELINUX_HOST).unwrap();
    let mut compiler = Command::new("secilc");
    compiler.current_dir(folder.path()).args(["-M", "true", "-o", "policy", "-f", "contexts"]);
    run(compiler.arg(&host).arg(packaging.join("selinux/twofold.cil"))).expect_success();
    let contexts = fs::read_to_string(folder.path().join("contexts")).unwrap();
    assert!(contexts.contains("twofold_var_lib_t"), "{contexts}");
}

/// Classes, types and attributes of a host's policy, as far as ours names them.
const SELINUX_HOST: &str = "(class file (read open getattr execute map entrypoint create write append lock rename unlink setattr))
(class dir (getattr open read search write add_name remove_name))
(class sock_file (create getattr unlink setattr write))
(class process (transition siginh rlimitinh noatsecure))
(class unix_stream_socket (create bind listen accept connect read write getattr getopt setopt shutdown connectto))
(classorder (file dir sock_file process unix_stream_socket))
(sid kernel)
(sidorder (kernel))
(sensitivity s0)
(sensitivityorder (s0))
(category c0)
(categoryorder (c0))
(sensitivitycategory s0 (c0))
(user system_u)
(role system_r)
(role object_r)
(userrole system_u system_r)
(userrole system_u object_r)
(userlevel system_u (s0))
(userrange system_u ((s0) (s0)))
(typeattribute domain)
(typeattribute exec_type)
(typeattribute file_type)
(type init_t)
(type sshd_t)
(type local_login_t)
(type unconfined_t)
(typeattributeset domain (init_t sshd_t local_login_t unconfined_t))
(roletype system_r init_t)
(sidcontext kernel (system_u system_r init_t ((s0) (s0))))
";
