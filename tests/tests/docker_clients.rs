//! The clients that people and machines come with: each finds its way through the questions, and nothing of ours is on their
//! streams where nobody is asked.

use twofold_tests::ssh::PASSWORD;
use twofold_tests::{First, Machine, Terminal, traces};

const GRACE: &str = "[[policy.rule]]\nservices = [\"sshd\"]\nrequire = \"required\"\ngrace = \"8h\"\n";

/// ssh's words for a client inside that has the key, in `/home/bob/.ssh/id`.
const SSH: &str = "ssh -F none -i /home/bob/.ssh/id -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
                   -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR";

/// Gives bob, who sits at the machine, the key that everybody has authorised.
fn with_key(machine: &Machine) {
    let key = std::fs::read_to_string(machine.key()).unwrap();
    machine.write("/home/bob/.ssh/id", &key);
    machine.root("chown bob: /home/bob/.ssh/id; chmod 600 /home/bob/.ssh/id");
}

fn bob(machine: &Machine, line: &str) -> String {
    let run = machine.exec("bob", &["sh", "-c", line], "");
    assert!(run.succeeded(), "{line}\n{run:?}\n{}", machine.log());
    assert_eq!(run.stderr, "", "{line}: nothing stray");
    run.stdout
}

/// Answers a password and a code on a terminal, and sees what the command prints.
fn answers(terminal: &mut Terminal, code: &str, sees: &str) {
    terminal.until("assword");
    terminal.enter(PASSWORD);
    terminal.until("Code for alice: ");
    terminal.enter(code);
    terminal.until(sees);
}

#[test]
fn dropbears_client_and_plink_ask_the_same_questions() {
    let machine = Machine::start(First::Password, "");
    let alice = machine.enrol("alice");
    let mut dbclient = machine.terminal("bob", &["dbclient", "-y", "alice@127.0.0.1", "echo in:$USER"]);
    answers(&mut dbclient, &alice.phone.fresh(), "in:alice");
    let host_key = machine.root("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f2");
    let command =
        ["plink", "-ssh", "-no-antispoof", "-hostkey", host_key.trim(), "alice@127.0.0.1", "echo in:$USER"];
    let mut plink = machine.terminal("bob", &command);
    answers(&mut plink, &alice.phone.fresh(), "in:alice");
    let mut wrong = machine.terminal("bob", &command);
    wrong.until("assword");
    wrong.enter(PASSWORD);
    wrong.until("Code for alice: ");
    wrong.enter(&alice.phone.wrong());
    // plink shows why, in whatever way it has, and asks again from the start.
    wrong.until("match");
    wrong.until("assword");
}

#[test]
fn paramiko_and_asyncssh_answer_question_by_question() {
    let machine = Machine::start(First::Password, "");
    let alice = machine.enrol("alice");
    machine.write("/tmp/paramiko.py", include_str!("../docker/stacks/paramiko.py"));
    machine.write("/tmp/asyncssh.py", include_str!("../docker/stacks/asyncssh.py"));
    for client in ["paramiko", "asyncssh"] {
        // As a module it would be found in place of the library.
        machine.root(&format!("mkdir -p /tmp/clients; mv /tmp/{client}.py /tmp/clients/with-{client}.py"));
        let log_in = |code: &str| {
            let program = format!("/tmp/clients/with-{client}.py");
            machine.exec("bob", &["python3", "-W", "ignore", &program, "alice", PASSWORD, code], "")
        };
        let right = log_in(&alice.phone.fresh());
        assert!(right.stdout.contains("in:alice"), "{client}: {right:?}\n{}", machine.log());
        assert!(right.stdout.contains("asked:Code for alice: "), "{client}: {right:?}");
        let wrong = log_in(&alice.phone.wrong());
        assert!(!wrong.stdout.contains("in:alice"), "{client}: {wrong:?}");
    }
}

#[test]
fn one_code_serves_all_that_one_openssh_connection_carries() {
    let machine = Machine::start(First::Password, "");
    let alice = machine.enrol("alice");
    let master = ["-o", "ControlMaster=yes", "-o", "ControlPath=/tmp/control-%r", "-N"];
    let host = [&["ssh", "-F", "none", "-o", "StrictHostKeyChecking=no"], &master[..], &["alice@127.0.0.1"]]
        .concat();
    let mut terminal = machine.terminal("bob", &host);
    terminal.until("assword");
    terminal.enter(PASSWORD);
    terminal.until("Code for alice: ");
    terminal.enter(&alice.phone.fresh());
    machine.root("for n in $(seq 100); do [ ! -S /tmp/control-alice ] || exit 0; sleep 0.1; done; exit 1");
    let through = "ssh -F none -o ControlPath=/tmp/control-%r -o BatchMode=yes alice@127.0.0.1 id -un";
    for _ in 0..3 {
        assert_eq!(bob(&machine, through), "alice\n");
    }
}

/// Everything that copies files, with nobody there to type.
fn copies_files(machine: &Machine, user: &str) {
    machine.root("echo text >/home/bob/file; chown bob: /home/bob/file");
    let at = format!("{user}@127.0.0.1");
    let ssh_words = SSH.strip_prefix("ssh ").unwrap();
    assert_eq!(bob(machine, &format!("{SSH} {at} id -un </dev/null")), format!("{user}\n"));
    assert_eq!(bob(machine, &format!("scp -q {ssh_words} ~/file {at}:scp </dev/null")), "");
    let sftp = bob(machine, &format!("printf 'put /home/bob/file sftp\\n' | sftp -q {ssh_words} {at}"));
    assert!(sftp.lines().all(|line| line.starts_with("sftp>") || line.contains("file")), "{sftp}");
    assert_eq!(bob(machine, &format!("rsync -e '{SSH}' ~/file {at}:rsync </dev/null")), "");
    for name in ["scp", "sftp", "rsync"] {
        assert_eq!(machine.root(&format!("cat /home/{user}/{name}")), "text\n", "{name}");
    }
    machine.root(&format!(
        "su {user} -c 'git init -q --bare ~/repository' >/dev/null; rm -rf /home/bob/clone; \
         su bob -c 'git config --global user.name b; git config --global user.email b@example.com'"
    ));
    let git = format!(
        "export GIT_SSH_COMMAND='{SSH}'; cd; git clone -q {at}:repository clone 2>/dev/null; cd clone; \
                       git commit -q --allow-empty -m one; git push -q; git ls-remote origin HEAD </dev/null"
    );
    assert!(bob(machine, &git).ends_with("\tHEAD\n"));
}

/// A playbook that copies, templates and runs, twice: the second time nothing changes.
fn runs_playbooks(machine: &Machine, user: &str) {
    machine.write(
        "/home/bob/hosts",
        &format!(
            "web1 ansible_host=127.0.0.1 ansible_user={user} ansible_ssh_private_key_file=/home/bob/.ssh/id \
         ansible_python_interpreter=/usr/bin/python3\n"
        ),
    );
    machine.write("/home/bob/play.yml", include_str!("../docker/stacks/play.yml"));
    // As docs/pam-module.md has it.
    machine.write(
        "/home/bob/ansible.cfg",
        "[defaults]\nhost_key_checking = false\nnocows = true\n[ssh_connection]\npipelining = true\n\
         ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o KbdInteractiveAuthentication=yes \
         -o PreferredAuthentications=publickey,keyboard-interactive\n",
    );
    let play = "cd; LC_ALL=C.UTF-8 ansible-playbook -i hosts play.yml </dev/null 2>&1";
    for changed in ["changed=2", "changed=0"] {
        let said = bob(machine, play);
        assert!(
            said.contains(changed) && said.contains("failed=0") && said.contains("unreachable=0"),
            "{said}"
        );
    }
}

#[test]
fn an_exempt_service_account_copies_files_and_runs_playbooks_with_its_key_alone() {
    let machine = Machine::start(First::Publickey, "");
    with_key(&machine);
    machine.twofold(&["account", "add", "backup2"]).expect_success();
    machine.twofold(&["account", "require", "backup2", "exempt"]).expect_success();
    copies_files(&machine, "backup2");
    runs_playbooks(&machine, "backup2");
}

#[test]
fn with_grace_one_code_serves_a_persons_tools_for_a_while() {
    let machine = Machine::start(First::Publickey, GRACE);
    with_key(&machine);
    let alice = machine.enrol("alice");
    let without = machine.exec("bob", &["sh", "-c", &format!("{SSH} alice@127.0.0.1 true </dev/null")], "");
    assert!(!without.succeeded(), "{without:?}");
    let line: Vec<&str> = SSH.split_whitespace().chain(["alice@127.0.0.1", "echo in:$USER"]).collect();
    let mut terminal = machine.terminal("bob", &line);
    terminal.until("Code for alice: ");
    terminal.enter(&alice.phone.fresh());
    terminal.until("in:alice");
    copies_files(&machine, "alice");
    runs_playbooks(&machine, "alice");
    machine.clock().shift(8 * 3600 + 1);
    let later = machine.exec("bob", &["sh", "-c", &format!("{SSH} alice@127.0.0.1 true </dev/null")], "");
    assert!(!later.succeeded(), "{later:?}");
}

/// Logins that give their codes at the same moment, each of an account of its own.
fn all_at_once(count: usize) {
    let machine = Machine::start(First::Password, "");
    let names: Vec<String> = (0..count).map(|n| format!("p{n:03}")).collect();
    let line = |name: &String| format!("{name}:{PASSWORD}:::::/bin/sh\n");
    machine.write("/var/tmp/people", &names.iter().map(line).collect::<String>());
    machine.root(
        "newusers /var/tmp/people; echo 'MaxStartups 2000' >/etc/ssh/sshd_config.d/00-many.conf; kill -HUP 1",
    );
    let phones = machine.enrol_all(&names);
    machine.write("/tmp/storm.py", include_str!("../docker/stacks/storm.py"));
    machine.write("/tmp/names", &names.join("\n"));
    traces::issued("password", PASSWORD);
    let port = machine.port();
    std::thread::scope(|scope| {
        let storm =
            scope.spawn(|| machine.exec("bob", &["python3", "-W", "ignore", "/tmp/storm.py", PASSWORD], ""));
        // All of them are asked for a code before anybody gives one.
        machine.root("for n in $(seq 3000); do [ ! -e /tmp/all-asked ] || exit 0; sleep 0.2; done; exit 1");
        let codes: Vec<String> = phones.iter().map(twofold_tests::Phone::fresh).collect();
        machine.write("/tmp/codes.new", &codes.join("\n"));
        machine.root("mv /tmp/codes.new /tmp/codes");
        let said = storm.join().unwrap();
        assert!(said.stdout.contains(&format!("let in: {count}\n")), "{said:?} at port {port}");
    });
    assert!(!machine.log().contains("refused from"), "{}", machine.log());
}

#[test]
fn fifty_logins_at_the_same_moment_are_all_let_in() {
    all_at_once(50);
}

#[test]
#[ignore = "makes five hundred accounts, and lets all of them in at once"]
fn five_hundred_logins_at_the_same_moment_are_all_let_in() {
    all_at_once(500);
}
