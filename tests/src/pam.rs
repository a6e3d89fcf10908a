//! The module as it ships, loaded by the real libpam into `pam/host.c`: no sshd, no container, no `/etc/pam.d`.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::syslog::Syslog;
use crate::{eventually, place, run};

/// PAM's return codes, as a [`Report`] has them.
pub mod code {
    #![expect(missing_docs, reason = "they are libpam's names")]
    pub const SUCCESS: &str = "0";
    pub const SYSTEM_ERR: &str = "4";
    pub const PERM_DENIED: &str = "6";
    pub const AUTH_ERR: &str = "7";
    pub const AUTHINFO_UNAVAIL: &str = "9";
    pub const USER_UNKNOWN: &str = "10";
    pub const MAXTRIES: &str = "11";
    pub const CRED_ERR: &str = "17";
    pub const CONV_ERR: &str = "19";
    pub const IGNORE: &str = "25";

    /// Its name in C.
    ///
    /// # Panics
    /// When it is none of these.
    #[must_use]
    pub fn name(code: &str) -> &'static str {
        match code {
            SUCCESS => "PAM_SUCCESS",
            SYSTEM_ERR => "PAM_SYSTEM_ERR",
            PERM_DENIED => "PAM_PERM_DENIED",
            AUTH_ERR => "PAM_AUTH_ERR",
            AUTHINFO_UNAVAIL => "PAM_AUTHINFO_UNAVAIL",
            USER_UNKNOWN => "PAM_USER_UNKNOWN",
            MAXTRIES => "PAM_MAXTRIES",
            CRED_ERR => "PAM_CRED_ERR",
            CONV_ERR => "PAM_CONV_ERR",
            IGNORE => "PAM_IGNORE",
            other => panic!("{other} is no code of the page"),
        }
    }
}

/// `pam/host.c`, compiled once for each of its versions.
fn program() -> &'static Path {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    COMPILED.get_or_init(compile)
}

fn compile() -> PathBuf {
    let source = place::repository().join("tests/pam/host.c");
    let text = fs::read(&source).expect("it is in the repository");
    let folder = place::target().join("dev");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let version = text.iter().fold(0_u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let path = folder.join(format!("pam-host-{version:016x}"));
    if !path.exists() {
        // Tests run side by side: each process writes its own and moves it there whole.
        let own = folder.join(format!("pam-host-{}", std::process::id()));
        run(Command::new("cc").args(["-Wall", "-Werror", "-o"]).args([&own, &source]).arg("-lpam"))
            .expect_success();
        fs::rename(&own, &path).expect("the target folder can be written");
    }
    path
}

/// What a person, or a program in their place, types: the name of a fault of `pam/host.c`, or a text.
#[derive(Clone, Debug)]
pub struct Typing(String);

impl Typing {
    /// This text; the program holds it only backwards.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self(format!("type:{}", text.chars().rev().collect::<String>()))
    }

    /// This text, of which the program keeps a copy.
    #[must_use]
    pub fn held(text: &str) -> Self {
        Self(format!("hold:{}", text.chars().rev().collect::<String>()))
    }

    /// A fault of the conversation.
    #[must_use]
    pub fn fault(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// One stack, and the program that uses it. Needs root, for a `/dev/log` of its own.
#[derive(Debug)]
pub struct PamHost {
    folder: TempDir,
    /// What is added to the program's environment.
    pub environment: Vec<(&'static str, OsString)>,
    /// Whether it runs without descriptors 0 to 2.
    pub closed: bool,
    /// Whether it calls the phases after `pam_authenticate` alone.
    pub later: bool,
    /// What it finds at `/dev/log`: a socket in its folder.
    syslog: Syslog,
    /// Whom it runs as, uid and gid; as who runs the tests where that is not said.
    user: Option<(u32, u32)>,
}

impl PamHost {
    /// The documented stack around `module` with these words on its auth line. The service is `door`.
    #[must_use]
    pub fn with(module: &Path, words: &str) -> Self {
        Self::under("requisite", module, words)
    }

    /// The same with another control word for the module's auth line.
    #[must_use]
    pub fn under(control: &str, module: &Path, words: &str) -> Self {
        let module = module.display();
        let socket = words.split(' ').find(|word| word.starts_with("socket=")).unwrap_or_default();
        let stack = format!(
            "auth {control} {module} {words}\nauth required pam_permit.so\n\
             account required {module} need=factor {socket}\naccount required pam_permit.so\n\
             session required {module}\nsession required pam_permit.so\n\
             password required {module}\npassword required pam_permit.so\n"
        );
        Self::of(&stack)
    }

    /// The module alone in each phase, with these words on its auth and its account line, under control words that hand its
    /// own code to the program: elsewhere `PAM_IGNORE` decides nothing, so that it looks like what the rest of the stack
    /// says.
    #[must_use]
    pub fn bare(module: &Path, auth: &str, account: &str) -> Self {
        let module = module.display();
        let line = |phase: &str, words: &str| {
            format!("{phase} [success=ok ignore=ok default=bad] {module} {words}\n")
        };
        let rest = line("session", "") + &line("password", "");
        Self::of(&(line("auth", auth) + &line("account", account) + &rest))
    }

    fn of(stack: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        fs::write(folder.path().join("door"), stack).expect("our folder can be written");
        let syslog = Syslog::start(folder.path(), "pam");
        Self { folder, environment: Vec::new(), closed: false, later: false, syslog, user: None }
    }

    /// The module as it ships, asking at this socket.
    #[must_use]
    pub fn asking(socket: &Path) -> Self {
        Self::with(&place::module(), &format!("first=above timeout=2s socket={}", socket.display()))
    }

    /// Runs it as another user. Needs root.
    pub fn run_as(&mut self, user: (u32, u32)) {
        let everybody = Permissions::from_mode(0o777);
        fs::set_permissions(self.folder.path(), everybody).expect("it is ours");
        self.user = Some(user);
    }

    /// One more line of the stack, at its end.
    pub fn below(&self, line: &str) {
        let path = self.folder.path().join("door");
        let stack = fs::read_to_string(&path).expect("it was written");
        fs::write(&path, format!("{stack}{line}\n")).expect("our folder can be written");
    }

    fn command(&self, report: &Path, user: &str, typing: &Typing) -> Command {
        let mut command = match self.user {
            None => Command::new(program()),
            Some((uid, gid)) => {
                let mut setpriv = Command::new("setpriv");
                setpriv.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}"));
                setpriv.arg("--clear-groups").arg(program());
                setpriv
            }
        };
        command.arg(report).arg(self.folder.path()).args(["door", user, &typing.0]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // The program sees to its `/dev/log` itself, which is quicker, as long as it is root.
        if self.user.is_some() { self.syslog.around(&command) } else { command }
    }

    /// What the module has said to syslog.
    #[must_use]
    pub fn log(&self) -> String {
        self.syslog.text()
    }

    /// One login, and what the program wrote down. It lives through it and prints nothing.
    ///
    /// # Panics
    /// Otherwise.
    #[must_use]
    pub fn logs_in(&self, user: &str, typing: &Typing) -> Report {
        let report = self.logs_in_aloud(user, typing);
        assert_eq!(report.printed, "", "a module prints nothing");
        report
    }

    /// The same, where the module may print: a panic does.
    #[must_use]
    pub fn logs_in_aloud(&self, user: &str, typing: &Typing) -> Report {
        let path = self.folder.path().join("report");
        let mut command = self.command(&path, user, typing);
        if self.closed {
            command.arg("closed");
        } else if self.later {
            command.arg("later");
        }
        let began = Instant::now();
        let end = run(&mut command);
        let took = began.elapsed();
        assert_eq!(
            end.code,
            0,
            "the program did not live through it: {end:?}\n{:?}",
            fs::read_to_string(&path)
        );
        Report { took, printed: end.stdout + &end.stderr, ..Report::read(&path) }
    }

    /// Many logins, each in a process of its own, that give their codes at the same moment.
    #[must_use]
    pub fn log_in_at_once(logins: &[(&Self, &str, Typing)]) -> Vec<Report> {
        Self::log_in_at_once_while(logins, || ()).0
    }

    /// The same, and at that moment `others` do what they do.
    ///
    /// # Panics
    /// When a process is not asked for a code, or does not live through it.
    pub fn log_in_at_once_while<T>(
        logins: &[(&Self, &str, Typing)],
        others: impl FnOnce() -> T,
    ) -> (Vec<Report>, T) {
        let reports = tempfile::tempdir().expect("there is room for a folder");
        let (hold, release) = std::io::pipe().expect("there are descriptors");
        let mut running: Vec<(PathBuf, std::process::Child)> = logins
            .iter()
            .enumerate()
            .map(|(number, (host, user, typing))| {
                let path = reports.path().join(number.to_string());
                let mut command = host.command(&path, user, typing);
                command.arg("waits").stdin(hold.try_clone().expect("there are descriptors"));
                command.stdout(Stdio::null()).stderr(Stdio::null());
                (path, command.spawn().expect("it was compiled"))
            })
            .collect();
        for (path, child) in &mut running {
            eventually("all are asked", Duration::from_secs(60), || {
                let text = fs::read_to_string(&*path).unwrap_or_default();
                let ended = child.try_wait().expect("a child can be waited for");
                assert!(ended.is_none(), "not asked: {ended:?}\n{text}");
                text.lines().any(|line| line.starts_with("asked")).then_some(())
            });
        }
        drop(release);
        let others = others();
        let ended = running.into_iter().map(|(path, mut child)| {
            let end = child.wait().expect("a child can be waited for");
            assert!(end.success(), "{end}");
            Report::read(&path)
        });
        (ended.collect(), others)
    }
}

/// What the program wrote down.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<(String, String)>,
    /// What it printed.
    pub printed: String,
    /// How long all of it took.
    pub took: Duration,
}

impl Report {
    fn read(path: &Path) -> Self {
        let pair = |line: &str| {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            (key.to_owned(), value.to_owned())
        };
        let text = fs::read_to_string(path).expect("the program wrote it");
        Self { lines: text.lines().map(pair).collect(), ..Self::default() }
    }

    /// Every observation of this name.
    #[must_use]
    pub fn all(&self, key: &str) -> Vec<&str> {
        self.lines.iter().filter(|(found, _)| found == key).map(|(_, value)| value.as_str()).collect()
    }

    /// The one observation of this name.
    ///
    /// # Panics
    /// When it is not one.
    #[must_use]
    pub fn one(&self, key: &str) -> &str {
        let all = self.all(key);
        assert_eq!(all.len(), 1, "{key} in {self:?}");
        all[0]
    }

    /// Asserts that it was refused in every phase that can refuse, and left nothing behind.
    pub fn is_refused_with(&self, code: &str) {
        assert_eq!(self.one("authenticate"), code, "{self:?}");
        assert_eq!(self.one("account"), code::PERM_DENIED, "{self:?}");
        assert_ne!(self.one("setcred"), code::SUCCESS);
        self.left_no_trace();
    }

    /// Asserts that every phase let it in, and left nothing behind.
    pub fn passed(&self) {
        for phase in ["authenticate", "setcred", "account", "open_session", "close_session"] {
            assert_eq!(self.one(phase), code::SUCCESS, "{phase}: {self:?}");
        }
        self.left_no_trace();
    }

    /// Asserts that it was let in, and nobody was asked for anything.
    pub fn passed_without_being_asked(&self) {
        assert_eq!(self.all("asked"), Vec::<&str>::new(), "{self:?}");
        for phase in ["authenticate", "account", "open_session"] {
            assert_eq!(self.one(phase), code::SUCCESS, "{phase}: {self:?}");
        }
        self.left_no_trace();
    }

    fn left_no_trace(&self) {
        assert_eq!(self.one("before"), self.one("after"));
        assert_eq!(self.one("loaded"), "0", "the module can be unloaded");
        assert_eq!(self.one("lived"), "yes");
    }
}
