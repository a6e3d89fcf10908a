//! `twofoldd`, called for what needs the keys: it alone reads them.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use twofold_shared::secret::SecretText;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The most that it may say, in bytes: a copy of a keyring is much shorter.
const LONGEST: u64 = 64 * 1024;

/// A call of the program; what it says of itself is for whoever called this command.
pub struct Daemon {
    command: Command,
    program: PathBuf,
}

impl Daemon {
    /// With this configuration, for the user that runs the authority.
    ///
    /// # Errors
    /// Where it is not installed.
    pub fn new(config: &Path, owner: Option<&str>) -> Result<Self, Failure> {
        let places = ["/usr/sbin/twofoldd", "/usr/local/sbin/twofoldd"];
        let beside = std::env::current_exe().ok().map(|own| own.with_file_name("twofoldd"));
        let found = places.iter().map(PathBuf::from).chain(beside).find(|path| path.exists());
        let program =
            found.ok_or_else(|| Failure::Configuration("twofoldd is not installed here".to_owned()))?;
        let mut command = Command::new(&program);
        command.arg("--config").arg(config);
        if let Some(owner) = owner {
            command.args(["--owner", owner]);
        }
        Ok(Self { command, program })
    }

    /// With one more word.
    pub fn word(mut self, word: impl AsRef<OsStr>) -> Self {
        self.command.arg(word);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// Where it does not do what it was called for; it has said why.
    pub fn run(self) -> Result<(), Failure> {
        self.run_with(None)
    }

    /// The same, with a secret on its standard input.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_with(mut self, secret: Option<&SecretText>) -> Result<(), Failure> {
        let mut child = self.start(secret, Stdio::inherit())?;
        self.finish(&mut child)
    }

    /// The same, and gives what it writes to its standard output.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn output(mut self, secret: Option<&SecretText>) -> Result<Zeroizing<String>, Failure> {
        let mut child = self.start(secret, Stdio::piped())?;
        let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize));
        if let Some(out) = child.stdout.take() {
            let read = out.take(LONGEST).read_to_string(&mut text);
            read.map_err(|why| Failure::Refused(format!("{}: {why}", self.program.display())))?;
        }
        self.finish(&mut child)?;
        Ok(text)
    }

    fn start(&mut self, secret: Option<&SecretText>, out: Stdio) -> Result<Child, Failure> {
        let program = self.program.display().to_string();
        let failed = |why: std::io::Error| Failure::Refused(format!("{program}: {why}"));
        let mut child = self.command.stdin(Stdio::piped()).stdout(out).spawn().map_err(failed)?;
        if let (Some(mut stdin), Some(secret)) = (child.stdin.take(), secret) {
            // One that has ended already says itself why.
            let _ = stdin.write_all(secret.reveal().as_bytes());
        }
        Ok(child)
    }

    fn finish(&self, child: &mut Child) -> Result<(), Failure> {
        let status =
            child.wait().map_err(|why| Failure::Refused(format!("{}: {why}", self.program.display())))?;
        match status.code() {
            Some(0) => Ok(()),
            Some(code) => Err(Failure::Found(u8::try_from(code).unwrap_or(1))),
            None => {
                let signal = status.signal().unwrap_or(0);
                Err(Failure::Refused(format!("twofoldd was ended by signal {signal}")))
            }
        }
    }
}
