//! PostgreSQL, whose server asks PAM as a user of its own: what works at the main socket, what at a door of its own.

use twofold_tests::{First, Machine, Run};

/// What an administrator does, following docs/pam-module.md: a door in a folder that the server alone may enter.
const DOOR: &str = r#"
install -d -o root -g postgres -m 750 /run/twofold-postgres
cat >>/etc/twofold/authority.toml <<CONF
[[listener]]
path = "/run/twofold-postgres/authority.sock"
services = ["postgresql"]
host = "web1-postgres"
realm = "unix"
CONF
"#;

/// A server over TLS that wants a client's certificate and then, in place of a password, a code.
const SERVER: &str = r#"
server=$(echo /usr/lib/postgresql/*/bin)
install -d -o postgres -m 700 /var/tmp/pg /var/tmp/pg-keys
cd /var/tmp/pg-keys
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt 2>/dev/null
for name in localhost alice bob; do
    openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr 2>/dev/null
    openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out $name.crt 2>/dev/null
done
chmod 755 . && chmod 644 *.crt && chown postgres: localhost.key && chown alice: alice.key && chown bob: bob.key
su postgres -c "$server/initdb --pgdata /var/tmp/pg --auth trust >/dev/null"
cat >>/var/tmp/pg/postgresql.conf <<CONF
ssl = on
ssl_cert_file = '/var/tmp/pg-keys/localhost.crt'
ssl_key_file = '/var/tmp/pg-keys/localhost.key'
ssl_ca_file = '/var/tmp/pg-keys/ca.crt'
unix_socket_directories = '/var/tmp'
log_destination = stderr
CONF
cat >/var/tmp/pg/pg_hba.conf <<CONF
local   all postgres                 trust
hostssl all postgres 127.0.0.1/32    pam pamservice=postgresql-own
hostssl all all      127.0.0.1/32    pam pamservice=postgresql clientcert=verify-full
CONF
su postgres -c "$server/pg_ctl --pgdata /var/tmp/pg --log /var/tmp/pg/log --wait start >/dev/null"
su postgres -c "psql --host /var/tmp --quiet --command 'create role alice login' --command 'create role bob login'"
"#;

const STACK: &str = "auth requisite pam_twofold.so socket=/run/twofold-postgres/authority.sock\n\
                     auth required pam_permit.so\naccount required pam_permit.so\n";
const OWN_STACK: &str =
    "auth requisite pam_twofold.so\nauth required pam_permit.so\naccount required pam_permit.so\n";

/// Asks the server who one is, with this for a password. `user` runs the client.
fn psql(machine: &Machine, user: &str, role: &str, password: &str) -> Run {
    let key = format!("sslcert=/var/tmp/pg-keys/{user}.crt sslkey=/var/tmp/pg-keys/{user}.key");
    let key = if user == "postgres" { String::new() } else { key };
    let to = format!("host=127.0.0.1 sslmode=require dbname=postgres user={role} password={password} {key}");
    machine.exec(user, &["psql", "--no-align", "--tuples-only", "--command", "select current_user", &to], "")
}

#[test]
fn postgresql_takes_a_certificate_and_a_code_and_its_own_socket_opens_nothing_else() {
    let machine = Machine::start(First::Password, "");
    machine.stop_authority();
    machine.root(DOOR);
    machine.start_authority();
    machine.write("/etc/pam.d/postgresql", STACK);
    machine.write("/etc/pam.d/postgresql-own", OWN_STACK);
    let (alice, bob, postgres) = (machine.enrol("alice"), machine.enrol("bob"), machine.enrol("postgres"));
    machine.write("/var/tmp/server", SERVER);
    machine.root("sh -e /var/tmp/server");
    let log = || machine.root("cat /var/tmp/pg/log") + &machine.log();

    let code = alice.phone.fresh();
    let with = psql(&machine, "alice", "alice", &code);
    assert_eq!(with.stdout.trim(), "alice", "{with:?}\n{}", log());
    for (user, role, password, what) in [
        ("alice", "alice", code, "used"),
        ("alice", "alice", alice.phone.wrong(), "wrong"),
        ("alice", "alice", bob.phone.fresh(), "bob's"),
        ("alice", "bob", bob.phone.fresh(), "bob's code under alice's certificate"),
        ("alice", "alice", "x".to_owned(), "no code at all"),
    ] {
        let refused = psql(&machine, user, role, &password);
        assert!(!refused.succeeded(), "{what}: {refused:?}");
    }
    let backup = psql(&machine, "bob", "bob", &bob.backup_codes[0]);
    assert_eq!(backup.stdout.trim(), "bob", "{backup:?}\n{}", log());
    // A code that was spent here is spent at sudo.
    let code = alice.phone.fresh();
    assert!(psql(&machine, "alice", "alice", &code).succeeded(), "{}", log());
    let sudo = machine.exec("alice", &["sudo", "-S", "-k", "id", "-u"], &Machine::answers(&code));
    assert!(!sudo.succeeded(), "{sudo:?}");

    // At the main socket the server is its own user and nobody else.
    let own = psql(&machine, "postgres", "postgres", &postgres.phone.fresh());
    assert_eq!(own.stdout.trim(), "postgres", "{own:?}\n{}", log());
    machine.root("cp /etc/pam.d/postgresql-own /etc/pam.d/postgresql");
    let others = psql(&machine, "alice", "alice", &alice.phone.fresh());
    assert!(!others.succeeded(), "{others:?}");
    // And nobody but it comes to its door.
    let stranger = machine.exec("bob", &["ls", "/run/twofold-postgres/"], "");
    assert!(!stranger.succeeded() && stranger.stderr.contains("Permission denied"), "{stranger:?}");
}
