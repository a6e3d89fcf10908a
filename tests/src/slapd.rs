//! A real OpenLDAP server, Debian's, with a folder, people and certificates of its own.

use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::Uid;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tempfile::TempDir;

use crate::authority::{gate_user, open_to_all};
use crate::gate::free_port;
use crate::{Process, Run, run, traces};

/// Everybody's password but the gate's.
pub const PASSWORD: &str = "directory pass 4711";
/// With which the gate searches.
const GATE_PASSWORD: &str = "gate pass 4711";

/// What stands above the people. These are `alice` and `bob`; `eve`, whom the ledger does not know; two who are both `carol`; `dave` with two names; `frank`, who
/// may not read his own entry.
const PEOPLE: &str = "dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=gate,dc=example,dc=com
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: gate
userPassword: GATE

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=guests,dc=example,dc=com
objectClass: organizationalUnit
ou: guests
";

/// A running server.
#[derive(Debug)]
pub struct Slapd {
    home: TempDir,
    plain: u16,
    secure: u16,
    process: Option<Process>,
}

impl Slapd {
    /// Starts one whose certificate is for `localhost` and 127.0.0.1.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&["localhost", "127.0.0.1"])
    }

    /// One whose certificate is for these hosts; for none it knows no TLS.
    ///
    /// # Panics
    /// When Debian's `slapd` is missing.
    #[must_use]
    pub fn with(hosts: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        open_to_all(home.path());
        let mut slapd = Self { home, plain: free_port(), secure: free_port(), process: None };
        slapd.make_certificates(hosts);
        let configuration = slapd.configuration().lines().map(|line| format!("{line}\n")).collect::<Vec<_>>();
        let kept = configuration.iter().filter(|line| !hosts.is_empty() || !line.starts_with("TLS"));
        slapd.write("slapd.conf", &kept.map(String::as_str).collect::<String>());
        slapd.write("people.ldif", &people());
        slapd.write("gate-password", &format!("{GATE_PASSWORD}\n"));
        fs::set_permissions(slapd.path("gate-password"), Permissions::from_mode(0o600)).expect("it is ours");
        if Uid::effective().is_root() {
            chown(slapd.path("gate-password"), Some(gate_user()), None).expect("root may give files away");
        }
        fs::create_dir(slapd.path("data")).expect("our folder can be written");
        let mut load = Command::new("/usr/sbin/slapadd");
        run(load.arg("-f").arg(slapd.path("slapd.conf")).arg("-l").arg(slapd.path("people.ldif")))
            .expect_success();
        traces::issued("password", PASSWORD);
        traces::issued("password", GATE_PASSWORD);
        slapd.restart();
        slapd
    }

    /// Starts it when it isn't running.
    pub fn restart(&mut self) {
        if self.process.is_some() {
            return;
        }
        let urls = format!("ldap://127.0.0.1:{}/ ldaps://127.0.0.1:{}/", self.plain, self.secure);
        let mut command = Command::new("/usr/sbin/slapd");
        let mut process = Process::start(
            "slapd",
            // A level of debugging keeps it in the foreground; 0 says nothing.
            command.args(["-d", "0", "-h", &urls]).arg("-f").arg(self.path("slapd.conf")),
        );
        for port in [self.plain, self.secure] {
            process.until("slapd listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        }
        self.process = Some(process);
    }

    /// SIGTERM.
    pub fn stop(&mut self) {
        self.process.take().expect("it runs").terminate();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        self.process.as_ref().expect("it runs").signal(signal);
    }

    /// A `[[directory]]` of this realm over LDAPS, searched.
    #[must_use]
    pub fn searched(&self, realm: &str) -> String {
        format!(
            "\n[[directory]]\nrealm = {realm:?}\nurl = \"ldaps://localhost:{}\"\nca = {:?}\nbase = \"dc=example,dc=com\"\n\
             filter = \"(&(objectClass=person)(uid={{name}}))\"\nbind_dn = \"cn=gate,dc=example,dc=com\"\n\
             bind_password_file = {:?}\ntimeout = \"2s\"\n",
            self.secure,
            self.path("root.pem"),
            self.path("gate-password"),
        )
    }

    /// One over StartTLS, bound to by name.
    #[must_use]
    pub fn direct(&self, realm: &str) -> String {
        format!(
            "\n[[directory]]\nrealm = {realm:?}\nurl = \"ldap://127.0.0.1:{}\"\nstarttls = true\nca = {:?}\n\
             user_dn = \"uid={{name}},ou=people,dc=example,dc=com\"\ntimeout = \"2s\"\n",
            self.plain,
            self.path("root.pem"),
        )
    }

    /// The same without TLS.
    #[must_use]
    pub fn unsecured(&self, realm: &str) -> String {
        let text = self.direct(realm);
        let kept = text.lines().filter(|line| !line.starts_with("ca = ") && !line.starts_with("starttls"));
        kept.map(|line| format!("{line}\n")).collect()
    }

    /// Where it listens for connections that begin with TLS.
    #[must_use]
    pub fn secure_port(&self) -> u16 {
        self.secure
    }

    /// The root of its certificate, in PEM.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.path("root.pem")
    }

    /// What Debian's client says to a plain bind as this entry.
    #[must_use]
    pub fn who_am_i(&self, dn: &str, password: &str) -> Run {
        let url = format!("ldap://127.0.0.1:{}", self.plain);
        run(Command::new("ldapwhoami").args(["-x", "-H", &url, "-D", dn, "-w", password]))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("our folder can be written");
    }

    fn make_certificates(&self, hosts: &[&str]) {
        let made = || -> Result<[(&str, String); 3], rcgen::Error> {
            let mut params = CertificateParams::new(Vec::new())?;
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let (root_key, own_key) = (KeyPair::generate()?, KeyPair::generate()?);
            let root = params.self_signed(&root_key)?;
            let names: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
            let own = CertificateParams::new(names)?.signed_by(&own_key, &root, &root_key)?;
            Ok([("root.pem", root.pem()), ("own.pem", own.pem()), ("own.key", own_key.serialize_pem())])
        };
        for (name, text) in made().expect("certificates can be made") {
            self.write(name, &text);
        }
    }

    fn configuration(&self) -> String {
        let home = self.home.path().display();
        // Binds without a password succeed here, as nobody: what servers did for long, and some still do.
        format!(
            "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {home}/pid
allow bind_anon_dn
TLSCACertificateFile {home}/root.pem
TLSCertificateFile {home}/own.pem
TLSCertificateKeyFile {home}/own.key
database mdb
suffix \"dc=example,dc=com\"
directory {home}/data
access to attrs=userPassword by anonymous auth by * none
access to dn.exact=\"uid=frank,ou=people,dc=example,dc=com\" by anonymous auth by * none
access to * by dn.exact=\"cn=gate,dc=example,dc=com\" read by self read by * none
"
        )
    }
}

fn people() -> String {
    let person = |folder: &str, uid: &str, more: &str| {
        format!(
            "\ndn: uid={uid},ou={folder},dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: \
             Example\nuserPassword: {PASSWORD}\n{more}"
        )
    };
    let all = [
        person("people", "alice", "mail: alice@example.com\n"),
        person("people", "bob", ""),
        person("people", "eve", ""),
        person("people", "carol", ""),
        person("guests", "carol", ""),
        person("people", "dave", "uid: david\n"),
        person("people", "frank", ""),
    ];
    PEOPLE.replace("GATE", GATE_PASSWORD) + &all.concat()
}
