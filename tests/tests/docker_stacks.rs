//! Whatever logs people in through PAM on one host, with the documented stacks: sudo, su, login, passwd, doas, a screen
//! locker that runs as its user, OpenVPN's plugin; and what must go on when the authority is away.

use std::time::Duration;

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{Enrolled, First, Login, Machine, Release, Terminal, eventually, traces};

const CODE: &str = "Code for ";
const PASSWORD_PROMPT: &str = "assword";

fn sudo(machine: &Machine, user: &str, words: &[&str], code: &str) -> String {
    let command = [&["sudo", "-S", "-k"], words].concat();
    machine.exec(user, &command, &Machine::answers(code)).stdout
}

fn sudo_and_su(release: Release) {
    let machine = Machine::on(release, First::Password, "");
    let (alice, bob) = (machine.enrol("alice"), machine.enrol("bob"));
    for words in [&["id", "-u"][..], &["-i", "id", "-u"], &["-s", "id", "-u"]] {
        assert_eq!(
            sudo(&machine, "alice", words, &alice.phone.fresh()).trim(),
            "0",
            "{words:?}\n{}",
            machine.log()
        );
        assert_eq!(sudo(&machine, "alice", words, &bob.phone.fresh()), "", "{words:?}");
    }
    for words in [&["su", "bob", "-c", "id -un"][..], &["su", "-", "bob", "-c", "id -un"]] {
        let su = |code: &str| machine.exec("alice", words, &Machine::answers(code)).stdout;
        assert_eq!(su(&bob.phone.fresh()).lines().last(), Some("bob"), "{words:?}\n{}", machine.log());
        assert_eq!(su(&alice.phone.fresh()), "", "{words:?}");
    }
}

fn login_doas_and_passwd(release: Release) {
    let machine = Machine::on(release, First::Password, "");
    let alice = machine.enrol("alice");
    let mut console = machine.terminal("root", &["login", "alice"]);
    console.until(PASSWORD_PROMPT);
    console.enter(PASSWORD);
    console.until(&format!("{CODE}alice: "));
    console.enter(&alice.phone.fresh());
    console.until("$ ");
    drop(console);

    machine.root(
        "cp /etc/pam.d/sudo /etc/pam.d/doas; echo 'permit alice' >/etc/doas.conf; chmod 600 /etc/doas.conf",
    );
    let mut doas = machine.terminal("alice", &["doas", "id", "-u"]);
    doas.until(PASSWORD_PROMPT);
    doas.enter(PASSWORD);
    doas.until(&format!("{CODE}alice: "));
    doas.enter(&alice.phone.fresh());
    doas.until("0");
    assert_eq!(doas.wait(), 0, "{}\n{}", doas.screen(), machine.log());
    let mut doas = machine.terminal("alice", &["doas", "id", "-u"]);
    doas.until(PASSWORD_PROMPT);
    doas.enter(PASSWORD);
    doas.until(&format!("{CODE}alice: "));
    doas.enter(&alice.phone.wrong());
    assert_ne!(doas.wait(), 0, "{}", doas.screen());

    // Changing a password is none of the module's business, and it is not in the way.
    machine.root("sed -i '1i password required pam_twofold.so' /etc/pam.d/passwd");
    let new = "battery-staple-9921";
    traces::issued("password", new);
    let changed = machine.exec("alice", &["passwd"], &format!("{PASSWORD}\n{new}\n{new}\n"));
    assert!(changed.succeeded(), "{changed:?}\n{}", machine.log());
    let with_new = machine.ssh("alice", &Login::answering(&[new, &alice.phone.fresh()]));
    assert!(with_new.succeeded(), "{with_new:?}\n{}", machine.log());
}

/// vlock is no root: the authority believes of it who runs it, and nothing else.
fn screen_locker(release: Release) {
    let machine = Machine::on(release, First::Password, "");
    let bob = machine.enrol("bob");
    machine.root("cp /etc/pam.d/sudo /etc/pam.d/vlock; sed -i '/pam_limits\\|pam_env\\|noninteractive/d' /etc/pam.d/vlock");
    let lock = |code: &str| {
        let mut locked = machine.terminal("bob", &["vlock", "-c"]);
        locked.until("ENTER");
        locked.enter("");
        locked.until(PASSWORD_PROMPT);
        locked.enter(PASSWORD);
        locked.until(&format!("{CODE}bob: "));
        locked.enter(code);
        locked
    };
    // It stays locked, and asks for root's password next.
    lock(&bob.phone.wrong()).until("root's Password");
    let mut open = lock(&bob.phone.fresh());
    assert_eq!(open.wait(), 0, "{}\n{}", open.screen(), machine.log());
}

/// Password and code in one field, as OpenVPN's clients have it.
fn openvpns_plugin(release: Release) {
    let machine = Machine::on(release, First::Password, "");
    let bob = machine.enrol("bob");
    machine.write(
        "/etc/pam.d/openvpn",
        "auth requisite pam_twofold.so forward_pass\nauth requisite pam_unix.so use_first_pass\n\
         auth required pam_permit.so\naccount required pam_twofold.so need=factor\naccount required pam_unix.so\n",
    );
    machine.write("/var/tmp/plugin.c", include_str!("../pam/openvpn.c"));
    // All that the plugin's header wants of OpenSSL is the name of a type.
    machine.root(
        "mkdir /var/tmp/openssl; echo 'typedef struct x509_st X509;' >/var/tmp/openssl/x509.h; \
         cc -Wall -Werror -I/var/tmp -o /var/tmp/plugin /var/tmp/plugin.c -ldl",
    );
    let vpn = |password: &str| machine.exec("root", &["/var/tmp/plugin", "bob", password], "").stdout;
    assert_eq!(vpn(&format!("{PASSWORD}{}", bob.phone.fresh())).trim(), "let in", "{}", machine.log());
    assert_eq!(vpn(&format!("{PASSWORD},{}", bob.backup_codes[0])).trim(), "let in", "{}", machine.log());
    for wrong in [
        format!("{PASSWORD}{}", bob.phone.wrong()),
        format!("not-the-password{}", bob.phone.fresh()),
        PASSWORD.to_owned(),
        format!("{PASSWORD},{}", bob.backup_codes[0]),
    ] {
        assert_eq!(vpn(&wrong).trim(), "refused", "{}", machine.log());
    }
    assert!(!machine.log().contains(PASSWORD));
}

fn authority_away(release: Release) {
    let machine = Machine::on(release, First::Publickey, "");
    let alice = machine.enrol("alice");
    machine.root(
        "echo 'bob ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/bob; groupadd twofold-breakglass; \
         usermod -aG twofold-breakglass backup2; \
         sed -i '1i account required pam_twofold.so' /etc/pam.d/cron; \
         sed -i 's/^@include common-account/account required pam_twofold.so\\n&/' /etc/pam.d/sudo /etc/pam.d/su; \
         echo '* * * * * bob touch /var/tmp/cron-ran-$(id -un)' >/etc/cron.d/bob; cron",
    );
    machine.stop_authority();
    let key = || Login { key: Some(machine.key()), ..Login::default() };
    let break_glass = machine.ssh("backup2", &key());
    assert!(break_glass.succeeded() && break_glass.prompts.is_empty(), "{break_glass:?}\n{}", machine.log());
    let refused = machine.ssh("alice", &Login::key_then(&machine.key(), &alice.phone.fresh()));
    assert!(!refused.succeeded(), "{refused:?}");
    assert_eq!(machine.exec("bob", &["sudo", "-n", "id", "-u"], "").stdout.trim(), "0", "{}", machine.log());
    assert_eq!(machine.exec("root", &["su", "carol", "-c", "id -un"], "").stdout.trim(), "carol");
    assert_eq!(sudo(&machine, "alice", &["id", "-u"], &alice.phone.fresh()), "");
    eventually("cron runs bob's job", Duration::from_secs(90), || {
        machine.exec("root", &["test", "-e", "/var/tmp/cron-ran-bob"], "").succeeded().then_some(())
    });
    machine.start_authority();
    let back = machine.ssh("alice", &Login::key_then(&machine.key(), &alice.phone.fresh()));
    assert!(back.succeeded(), "{back:?}\n{}", machine.log());
}

fn emergency_code(release: Release) {
    let machine = Machine::on(release, First::Password, "");
    let alice = machine.enrol("alice");
    machine.clock().shift(-86_400);
    let issue = || {
        let made = machine.twofold(&["--json", "emergency-code", "alice"]).expect_success();
        let made: serde_json::Value = serde_json::from_str(made.trim()).unwrap();
        let code = made["code"].as_str().unwrap().to_owned();
        traces::issued("emergency code", &code);
        code
    };
    let (first, second) = (issue(), issue());
    let grouped: Vec<&str> = (0..4).map(|at| &second[at * 4..at * 4 + 4]).collect();
    assert_eq!(sudo(&machine, "alice", &["id", "-u"], &first), "", "the second replaces the first");
    assert_eq!(sudo(&machine, "alice", &["id", "-u"], &grouped.join(" ")).trim(), "0", "{}", machine.log());
    assert_eq!(sudo(&machine, "alice", &["id", "-u"], &second), "", "once");
    let log = machine.log();
    let alerts: Vec<&str> = log.lines().filter(|line| line.starts_with("<81>twofoldd")).collect();
    assert_eq!(alerts.iter().filter(|line| line.contains("emergency_code done")).count(), 2, "{alerts:?}");
    assert_eq!(alerts.iter().filter(|line| line.contains("verify approved")).count(), 1, "{alerts:?}");
    assert!(!log.contains(&second));
    // In words, for a person.
    let said = machine.twofold(&["emergency-code", "alice", "--door", "web"]).expect_success();
    let groups: Vec<&str> =
        said.split_whitespace().filter(|word| word.parse::<u16>().is_ok() && word.len() == 4).collect();
    traces::issued("emergency code", &groups.concat());
    assert!(groups.len() == 4 && said.contains("at the portal") && said.contains("15 min"), "{said}");
    drop(alice);
}

/// The other sudo and su, as newer releases have them beside the old ones; and the same with it in their place.
fn sudo_rs(release: Release) {
    let grace = "[[policy.rule]]\nservices = [\"sudo\"]\nrequire = \"required\"\ngrace = \"8h\"\n";
    let machine = Machine::on(release, First::Password, grace);
    let (alice, bob) = (machine.enrol("alice"), machine.enrol("bob"));
    for program in ["sudo-rs", "/usr/local/bin/sudo"] {
        machine.root("ln -sf $(command -v sudo-rs) /usr/local/bin/sudo");
        for words in [&["id", "-u"][..], &["-i", "id", "-u"], &["-s", "id", "-u"]] {
            let sudo = |code: &str| {
                let command = [&[program, "-S", "-k"], words].concat();
                machine.exec("alice", &command, &Machine::answers(code))
            };
            let opened = sudo(&alice.phone.fresh());
            assert_eq!(opened.stdout.trim(), "0", "{words:?} {opened:?}\n{}", machine.log());
            assert_eq!(sudo(&bob.phone.fresh()).stdout, "", "{words:?}");
        }
    }
    sudo_rs_says_which_terminal(&machine, &alice);
    // Debian leaves it without the bit that makes it su.
    machine.root("chmod u+s $(command -v su-rs)");
    for words in [&["su-rs", "bob", "-c", "id -un"][..], &["su-rs", "-", "bob", "-c", "id -un"]] {
        let su = |code: &str| machine.exec("alice", words, &Machine::answers(code));
        let opened = su(&bob.phone.fresh());
        assert_eq!(opened.stdout.lines().last(), Some("bob"), "{words:?} {opened:?}\n{}", machine.log());
        assert_eq!(su(&alice.phone.fresh()).stdout, "", "{words:?}");
    }
}

/// So a code serves again in that terminal's session, and in no other. (The one of Debian 13 looks for the terminal at its
/// standard input: with that from elsewhere it knows of none.)
fn sudo_rs_says_which_terminal(machine: &Machine, alice: &Enrolled) {
    let ask = |shell: &mut Terminal| {
        shell.enter("sudo-rs -k id -u; echo ended:$?");
        shell.until(PASSWORD_PROMPT);
        shell.enter(PASSWORD);
    };
    let mut first = machine.terminal("alice", &["sh"]);
    for is_asked in [true, false] {
        ask(&mut first);
        if is_asked {
            first.until(&format!("{CODE}alice: "));
            first.enter(&alice.phone.fresh());
        }
        let shown = first.until("ended:0");
        assert!(!shown.contains(CODE), "{shown}");
    }
    let log = machine.log();
    assert!(log.contains("pam_twofold(sudo:auth): let by from terminal \"pts/"), "{log}");
    let mut second = machine.terminal("alice", &["sh"]);
    ask(&mut second);
    second.until(&format!("{CODE}alice: "));
}

#[test]
fn sudo_and_su_in_all_their_ways_ask_for_the_documented_persons_code() {
    sudo_and_su(Release::Own);
}

#[test]
fn login_doas_and_passwd_go_through_the_same_stack() {
    login_doas_and_passwd(Release::Own);
}

#[test]
fn a_screen_locker_that_runs_as_its_user_asks_for_that_users_code() {
    screen_locker(Release::Own);
}

#[test]
fn openvpns_plugin_takes_a_password_and_a_code_in_one_answer() {
    openvpns_plugin(Release::Own);
}

#[test]
fn without_the_authority_what_asks_nobody_goes_on_and_everything_else_is_refused() {
    authority_away(Release::Own);
}

#[test]
fn an_emergency_code_opens_sudo_once_when_the_phone_is_gone_and_the_log_is_loud() {
    emergency_code(Release::Own);
}

#[test]
fn ctrl_d_in_place_of_a_code_lets_nobody_in_and_spends_nothing() {
    const CTRL_D: &str = "\u{4}";
    let machine = Machine::start(First::Password, "");
    let (alice, bob) = (machine.enrol("alice"), machine.enrol("bob"));
    let inside = "echo inside:$((6 * 7))";
    let by_keyboard = ["-o", "PreferredAuthentications=keyboard-interactive"];
    for (mut terminal, whose, ends) in [
        (machine.ssh_terminal("alice", &by_keyboard), "alice", "Permission denied"),
        (machine.terminal("alice", &["sudo", "-k", "sh", "-c", inside]), "alice", "a password is required"),
        (machine.terminal("alice", &["su", "bob", "-c", inside]), "bob", "Conversation error"),
        (machine.terminal("root", &["login", "alice"]), "alice", "Login incorrect"),
    ] {
        terminal.until(PASSWORD_PROMPT);
        terminal.enter(PASSWORD);
        terminal.until(&format!("{CODE}{whose}: "));
        terminal.press(CTRL_D);
        let shown = terminal.until(ends);
        assert!(!shown.contains("inside:42") && !shown.contains("$ "), "{shown}");
    }
    let log = machine.log();
    // OpenSSH's client sends an empty answer in its place.
    assert!(log.contains("pam_twofold(sshd:auth): refused from "), "{log}");
    for (service, user) in [("sudo", "alice"), ("su", "bob"), ("login", "alice")] {
        let told = |line: &str| {
            line.contains(&format!("pam_twofold({service}:auth): refused"))
                && line.contains(&format!("user \"{user}\": the conversation failed or was ended"))
        };
        assert!(log.lines().any(told), "{service}\n{log}");
    }
    for name in ["alice", "bob"] {
        let trail = machine.twofold(&["--json", "audit", "--since", "all", "--account", name]);
        let trail = trail.expect_success();
        assert!(
            trail.contains("\"enrol\"") && !trail.contains("\"verify\""),
            "{name} is not charged: {trail}"
        );
    }
    assert!(sudo(&machine, "alice", &["sh", "-c", inside], &alice.phone.fresh()).contains("inside:42"));
    let su = machine.exec("alice", &["su", "bob", "-c", inside], &Machine::answers(&bob.phone.fresh()));
    assert!(su.stdout.contains("inside:42"), "{su:?}\n{}", machine.log());
}

/// Where nobody can walk up to the console: a rule for it, and none for ssh.
const CONSOLE: &str = "[[policy.rule]]\nservices = [\"login\"]\nttys = [\"pts/*\"]\nrequire = \"exempt\"\n";

#[test]
fn the_console_may_be_exempt_where_ssh_asks() {
    let machine = Machine::start(First::Password, CONSOLE);
    let alice = machine.enrol("alice");
    let console = |asks: &str| {
        let mut console = machine.terminal("root", &["login", "alice"]);
        console.until(PASSWORD_PROMPT);
        console.enter(PASSWORD);
        console.until(asks);
        console.screen()
    };
    let screen = console("$ ");
    assert!(!screen.contains(CODE), "{screen}\n{}", machine.log());
    let without = machine.ssh("alice", &Login::answering(&[PASSWORD]));
    assert!(!without.succeeded() && without.prompts.len() == 2, "{without:?}\n{}", machine.log());
    let with = machine.ssh("alice", &Login::password_then(&alice.phone.fresh()));
    assert!(with.succeeded(), "{with:?}\n{}", machine.log());
    // With a rule for another terminal the same console asks.
    machine.stop_authority();
    machine.root(
        "sed -i 's|pts/\\*|tty1|' /etc/twofold/authority.toml; grep -q tty1 /etc/twofold/authority.toml",
    );
    machine.start_authority();
    console(&format!("{CODE}alice: "));
}

#[test]
fn a_user_of_the_host_reads_no_secret_not_even_their_own() {
    let machine = Machine::start(First::Password, "");
    let alice = machine.enrol("alice");
    let secret = alice.phone.secret();
    let said = |user: &str, line: &str| {
        let run = machine.exec(user, &["sh", "-c", line], "");
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{line}: {run:?}");
        run
    };
    for folder in ["/var/lib/twofold", "/etc/twofold/keys"] {
        let list = said("alice", &format!("ls {folder}"));
        assert!(list.stderr.contains("Permission denied"), "{folder}: {list:?}");
        assert!(said("root", &format!("ls {folder}")).succeeded(), "there is something to read");
    }
    // Wherever else a user may look, it is not either; root finds it nowhere in the clear.
    let search =
        |folders: &str| format!("grep -rlsaF --exclude-dir=proc --exclude-dir=sys -- {secret} {folders}");
    assert_eq!(said("alice", &search("/etc /home /run /tmp /var")).stdout, "");
    assert_eq!(said("root", &search("/etc /home /run /tmp /var")).stdout, "");
    machine.root(&format!("echo {secret} >/home/alice/note"));
    assert_eq!(
        said("alice", &search("/home")).stdout,
        "/home/alice/note\n",
        "the search finds what is there"
    );
    for command in ["status", "device list", "account show alice", "audit"] {
        assert!(said("alice", &format!("twofold --json {command}")).succeeded(), "{command}");
    }
}

/// All of the above on another release than the one where everything was built.
fn all_of_it_on(release: Release) {
    for check in [
        sudo_and_su,
        login_doas_and_passwd,
        screen_locker,
        openvpns_plugin,
        authority_away,
        emergency_code,
        sudo_rs,
    ] {
        check(release);
    }
}

#[test]
#[ignore = "long: ./dev test --all"]
fn on_trixie_every_stack_asks_as_it_does_here_and_so_does_sudo_rs() {
    all_of_it_on(Release::Trixie);
}

#[test]
#[ignore = "long: ./dev test --all"]
fn on_testing_every_stack_asks_as_it_does_here_and_so_does_sudo_rs() {
    all_of_it_on(Release::Testing);
}
