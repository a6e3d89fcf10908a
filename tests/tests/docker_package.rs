//! The package: what it brings and what it leaves alone, on a whole host with systemd.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use twofold_tests::ssh::{PASSWORD, log_in};
use twofold_tests::{Host, Login, Release, eventually, place, run};

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
    to_a_protected_login_and_back(Release::Own);
}

#[test]
#[ignore = "long: ./dev test --all"]
fn on_trixie_from_the_package_to_a_protected_login_and_back_to_nothing() {
    to_a_protected_login_and_back(Release::Trixie);
}

fn to_a_protected_login_and_back(release: Release) {
    let host = Host::boot_on(release);
    let before = logins(&host);
    let by_key = || Some(Login { key: Some(host.key()), ..Login::default() });
    let alone: [Person<'_>; 1] = [("alice", &by_key)];
    let among_logins = |what: &str, act: &dyn Fn()| among(&host, what, &alone, act);
    among_logins("install", &|| install(&host, "0.1.0"));
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

    upgrade_among_logins(&host, &alice.backup_codes[1]);
    let status = host.exec(&["dpkg-query", "--show", "--showformat=${Version}", "twofold"]);
    assert_eq!(status.expect_success(), "0.1.1");

    // A stack that names a module which has gone lets nobody in.
    let refused = dpkg(&host, &["--remove", "twofold"]);
    assert!(!refused.succeeded() && refused.stderr.contains("twofold ssh disable"), "{refused:?}");
    assert!(host.ssh("alice", &with_code(&host, &alice.backup_codes[6])).succeeded());
    host.exec(&["twofold", "ssh", "disable", "--yes"]).expect_success();
    assert_eq!(logins(&host), before);
    among_logins("remove", &|| {
        let removed = dpkg(&host, &["--remove", "twofold"]);
        assert!(removed.succeeded(), "{removed:?}");
    });

    // The ledger stays, and a spent code stays spent.
    among_logins("install what was removed", &|| install(&host, "0.1.1"));
    let verify = |code: &str| {
        host.type_to(&["twofold", "verify", "--account", "alice", "--code-fd", "0"], &format!("{code}\n"))
    };
    assert!(!verify(&alice.backup_codes[0]).succeeded());
    assert!(verify(&alice.backup_codes[7]).succeeded());
    among_logins("purge", &|| {
        let purged = dpkg(&host, &["--purge", "twofold"]);
        assert!(purged.succeeded(), "{purged:?}");
    });
    for gone in ["/var/lib/twofold", "/etc/twofold", "/var/lib/twofold-rollout", "/usr/bin/twofold"] {
        assert!(!host.exec(&["test", "-e", gone]).succeeded(), "{gone}");
    }
    assert_eq!(logins(&host), before);
    let failed = host.exec(&["systemctl", "--failed", "--no-legend", "--plain", "list-units", "twofold*"]);
    assert_eq!(failed.stdout.trim(), "");
}

/// Who logs in, and how the next time; nothing when they have no more.
type Person<'a> = (&'a str, &'a (dyn Fn() -> Option<Login> + Sync));

/// People log in again and again, from before `act` begins until after it has ended: at least twice each then. No login
/// fails.
fn among(host: &Host, what: &str, people: &[Person<'_>], act: &dyn Fn()) {
    let over = AtomicBool::new(false);
    let begun: Vec<AtomicBool> = people.iter().map(|_| AtomicBool::new(false)).collect();
    std::thread::scope(|scope| {
        let _ended = Ended(&over);
        let running: Vec<_> = people
            .iter()
            .zip(&begun)
            .map(|((name, next), begun)| {
                let over = &over;
                scope.spawn(move || {
                    let mut made = 0;
                    while !over.load(Ordering::SeqCst) || made < 2 {
                        let Some(login) = next() else { break };
                        // Not the host's own `ssh`, which waits where nobody listens.
                        let session = log_in(host.port(), name, &login);
                        begun.store(true, Ordering::SeqCst);
                        assert!(session.succeeded(), "{what}: {session:?}\n{}", host.journal("ssh"));
                        made += 1;
                    }
                    made
                })
            })
            .collect();
        eventually("everybody is coming and going", Duration::from_secs(20), || {
            begun.iter().all(|begun| begun.load(Ordering::SeqCst)).then_some(())
        });
        act();
        over.store(true, Ordering::SeqCst);
        for person in running {
            assert!(person.join().expect("no login failed") >= 2, "{what}");
        }
    });
}

/// Says at its end, whatever that is, that it has come.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A newer package is installed, and once more, while somebody comes in with one code after the other, and carol, whom policy
/// exempts, as the authority says each time. A session that was there before is there afterwards.
fn upgrade_among_logins(host: &Host, code: &str) {
    for name in ["bob", "carol", "dave"] {
        let new = format!(
            "useradd --create-home --shell /bin/bash {name}; cp -r ~alice/.ssh ~{name}; chown -R {name}: ~{name}; \
             twofold account add {name}"
        );
        host.exec(&["sh", "-ec", &new]).expect_success();
    }
    host.exec(&["twofold", "account", "require", "carol", "exempt"]).expect_success();
    let mut live = host.ssh_terminal("alice");
    live.until("Code for alice: ");
    live.enter(code);
    live.until("$ ");
    for name in ["bob", "dave"] {
        let codes = Mutex::new(host.enrol(name).backup_codes);
        let with_next_code = || codes.lock().unwrap().pop().map(|code| with_code(host, &code));
        let by_key = || Some(Login { key: Some(host.key()), ..Login::default() });
        let people: [Person<'_>; 2] = [(name, &with_next_code), ("carol", &by_key)];
        among(host, "upgrade", &people, &|| install(host, "0.1.1"));
    }
    live.enter("echo still:$((40 + 2))");
    live.until("still:42");
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
    parser.args(["--skip-kernel-load", "--skip-cache", "--debug"]);
    let built = run(parser.arg(packaging.join("apparmor/usr.sbin.twofoldd")));
    // A host loads it when it starts, and nobody has run it enforcing.
    let complains = built.stderr.lines().any(|line| line == "Mode: complain");
    assert!(built.succeeded() && complains, "{built:?}");

    // A policy by itself cannot be compiled: here stands what it takes from the host's.
    let folder = tempfile::tempdir().unwrap();
    let host: PathBuf = folder.path().join("host.cil");
    fs::write(&host, SELINUX_HOST).unwrap();
    let mut compiler = Command::new("secilc");
    compiler.current_dir(folder.path()).args(["-M", "true", "-o", "policy", "-f", "contexts"]);
    run(compiler.arg(&host).arg(packaging.join("selinux/twofold.cil"))).expect_success();
    let contexts = fs::read_to_string(folder.path().join("contexts")).unwrap();
    assert!(contexts.contains("twofold_var_lib_t"), "{contexts}");
    // What lies there confines nobody: loading it is left to whoever administers the host.
    for script in ["deb/postinst", "rpm/twofold.spec"] {
        let text = fs::read_to_string(packaging.join(script)).unwrap();
        for loads in ["semodule", "restorecon", "apparmor_parser", "aa-enforce"] {
            assert!(!text.contains(loads), "{script}: {loads}");
        }
    }
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
