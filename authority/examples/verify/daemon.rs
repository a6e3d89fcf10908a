//! A real `twofoldd` over a ledger, and clients at its door.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use twofold_shared::client::Client;
use twofold_shared::permit::judge;
use twofold_shared::wire::{
    Ask, Consult, FirstFactor, INTERFACE, Login, Nonce, Request, Source, Verify, VerifyReply,
};

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

    /// Asks about everybody once, as every login does before it asks for a code.
    pub fn consult(&self, people: usize) {
        const HANDS: usize = 8;
        thread::scope(|scope| {
            for hand in 0..HANDS {
                scope.spawn(move || {
                    let mut kept = Kept::open(&self.door);
                    for number in (hand..people).step_by(HANDS) {
                        let nonce = Nonce::generate().unwrap();
                        let reply = kept.call(&Consult { nonce, login: login(user(number)) });
                        assert_eq!(reply.ask, Ask::Code);
                    }
                });
            }
        });
    }

    fn answers(&self) -> bool {
        let consult = Consult { nonce: Nonce::generate().unwrap(), login: login(user(0)) };
        self.client().call(&consult).is_ok_and(|reply| reply.ask == Ask::Code)
    }

    fn client(&self) -> Client {
        Client::new(&self.door, Duration::from_secs(10))
    }

    /// Right codes a second from so many clients.
    pub fn rate(&self, people: &People, clients: usize, connections: Connections, lasting: Duration) -> f64 {
        let begun = Instant::now();
        let work = || {
            let mut kept = Kept::open(&self.door);
            let mut done = 0_u32;
            while begun.elapsed() < lasting {
                match connections {
                    Connections::OneACall => drop(self.log_in(people)),
                    Connections::OneAClient => give_a_code(people, |request| kept.call(request)),
                }
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

    /// One right code, on a connection of its own. How long it took.
    pub fn log_in(&self, people: &People) -> Duration {
        let begun = Instant::now();
        give_a_code(people, |request| self.client().call(request).unwrap());
        begun.elapsed()
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

fn give_a_code(people: &People, ask: impl FnOnce(&Verify) -> VerifyReply) {
    let (name, code) = people.next_code();
    let request = Verify { nonce: Nonce::generate().unwrap(), login: login(name), code };
    assert!(judge(&request.nonce, ask(&request)).is_ok());
}

fn login(name: String) -> Login {
    let source = Source { address: Some([192, 0, 2, 1].into()), ..Source::default() };
    Login { name, service: "sshd".into(), first: FirstFactor::Publickey, source }
}

/// Which connections a client has.
#[derive(Clone, Copy)]
pub enum Connections {
    /// A new one for each call, as PAM modules have.
    OneACall,
    /// One for all its calls.
    OneAClient,
}

/// A connection that serves call after call.
struct Kept {
    to: UnixStream,
    from: BufReader<UnixStream>,
}

impl Kept {
    fn open(door: &Path) -> Self {
        let to = UnixStream::connect(door).unwrap();
        Self { from: BufReader::new(to.try_clone().unwrap()), to }
    }

    fn call<R: Request>(&mut self, request: &R) -> R::Reply {
        #[derive(Serialize)]
        struct Call<'a, R> {
            method: String,
            parameters: &'a R,
        }
        #[derive(Deserialize)]
        struct Answer<R> {
            parameters: R,
        }
        let method = format!("{INTERFACE}.{}", R::METHOD);
        let mut message = serde_json::to_vec(&Call { method, parameters: request }).unwrap();
        message.push(0);
        self.to.write_all(&message).unwrap();
        message.clear();
        // As every client of ours waits: who sleeps in recv(2) is woken when the request is taken, too.
        poll(&mut [PollFd::new(&self.to, PollFlags::IN)], None).unwrap();
        self.from.read_until(0, &mut message).unwrap();
        message.pop();
        serde_json::from_slice::<Answer<R::Reply>>(&message).unwrap().parameters
    }
}
