//! A real `twofoldd` over a ledger, and clients at its door.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use twofold_shared::client::Client;
use twofold_shared::permit::judge;
use twofold_shared::secret::SecretText;
use twofold_shared::wire::{Ask, Consult, FirstFactor, Login, Nonce, Source, Verify};

use super::ledger::{People, REALM, user};

/// The program with a door for [`REALM`], until it is dropped.
pub struct Daemon {
    process: Child,
    door: PathBuf,
    /// From its start to its first answer about an account.
    pub started_in: Duration,
}

impl Daemon {
    /// Starts `program` on what lies in `folder`.
    pub fn start(program: &Path, folder: &Path) -> Self {
        let (config, log, door) =
            (folder.join("authority.toml"), folder.join("log"), folder.join("door.sock"));
        let text = format!(
            "ledger = '{0}/ledger'\nkeys = '{0}/keys'\nhost = 'bench'\nsocket = '{0}/authority.sock'\n\
             [[listener]]\npath = '{0}/door.sock'\nservices = ['sshd']\nhost = 'door'\nrealm = '{REALM}'\n\
             [audit]\nsyslog = false\n",
            folder.display()
        );
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let begun = Instant::now();
        let mut command = Command::new(program);
        command.arg("--config").arg(&config).stderr(File::create(&log).unwrap());
        let process = command.spawn().unwrap();
        let mut daemon = Self { process, door, started_in: Duration::ZERO };
        while !daemon.answers() {
            let alive = daemon.process.try_wait().unwrap().is_none() && begun.elapsed().as_secs() < 60;
            assert!(alive, "twofoldd does not start: {}", fs::read_to_string(&log).unwrap());
            thread::sleep(Duration::from_millis(1));
        }
        daemon.started_in = begun.elapsed();
        daemon
    }

    fn answers(&self) -> bool {
        let consult = Consult { nonce: Nonce::generate().unwrap(), login: login(user(0)) };
        self.client().call(&consult).is_ok_and(|reply| reply.ask == Ask::Code)
    }

    fn client(&self) -> Client {
        Client::new(&self.door, Duration::from_secs(10))
    }

    /// Right codes a second from so many clients, each with a connection for each call, as doors have.
    pub fn rate(&self, people: &People, clients: usize, lasting: Duration) -> f64 {
        let begun = Instant::now();
        let work = || {
            let client = self.client();
            let mut done = 0_u32;
            while begun.elapsed() < lasting {
                let (name, code) = people.next_code();
                verify(&client, name, code);
                done += 1;
            }
            done
        };
        let done: u32 = thread::scope(|scope| {
            let clients: Vec<_> = (0..clients).map(|_| scope.spawn(work)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).sum()
        });
        f64::from(done) / begun.elapsed().as_secs_f64()
    }

    /// Its resident memory in MiB.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

fn login(name: String) -> Login {
    let source = Source { address: Some([192, 0, 2, 1].into()), ..Source::default() };
    Login { name, service: "sshd".into(), first: FirstFactor::Publickey, source }
}

fn verify(client: &Client, name: String, code: SecretText) {
    let nonce = Nonce::generate().unwrap();
    let request = Verify { nonce, login: login(name), code };
    let reply = client.call(&request).unwrap();
    assert!(judge(&request.nonce, reply).is_ok());
}
