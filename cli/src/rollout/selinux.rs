//! SELinux: whether the policy that is loaded lets a door's programs have the module and reach the authority. The kernel is
//! asked, as libselinux does; nothing is tried, and nothing is changed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use super::door::Door;
use super::journal::Place;

const KERNEL: &str = "/sys/fs/selinux";
/// What loads the policy that ships with Twofold.
const LOAD: &str = "semodule -i /usr/share/selinux/packages/twofold.cil && restorecon -R /usr/sbin/twofoldd /etc/twofold \
                    /var/lib/twofold /run/twofold && systemctl restart twofoldd.socket twofoldd";

/// What a program may be asked to be allowed: a class of objects and what is done to one.
type Need = (&'static str, &'static [&'static str]);

const LOAD_MODULE: Need = ("file", &["read", "open", "getattr", "map", "execute"]);
const USE_SOCKET: Need = ("sock_file", &["write"]);
const CONNECT: Need = ("unix_stream_socket", &["connectto"]);

/// What stands where on a host. Another root in tests.
pub struct Host<'a> {
    /// Its files.
    pub place: &'a Place,
    /// A file's context.
    pub label: &'a dyn Fn(&Path) -> Option<String>,
}

/// A file's context, as the kernel keeps it.
pub fn label(path: &Path) -> Option<String> {
    let mut context = [0; 4096];
    let length = rustix::fs::getxattr(path, "security.selinux", &mut context).ok()?;
    let context = context.get(..length)?;
    Some(String::from_utf8_lossy(context).trim_end_matches('\0').to_owned())
}

impl Host<'_> {
    /// Why a door must not ask for a code yet; nothing where SELinux does not enforce.
    pub fn problem(&self, door: Door, module: &Path, socket: &Path) -> Option<String> {
        let enforce = self.read(&format!("{KERNEL}/enforce"))?;
        if enforce == "0" {
            return None;
        }
        match self.denied(door, module, socket) {
            Ok(denied) if denied.is_empty() => None,
            Ok(denied) => Some(format!(
                "SELinux is enforcing, and its policy would keep {} from {}. Say: {LOAD}. Or try with `setenforce 0` first, and \
                 see what `twofold doctor` finds",
                door.word(),
                denied.join(" and ")
            )),
            Err(what) => Some(format!(
                "SELinux is enforcing, and {what}, so that nobody can tell whether it would keep {} from asking. Try with \
                 `setenforce 0` first",
                door.word()
            )),
        }
    }

    /// What the door's programs may not do.
    fn denied(&self, door: Door, module: &Path, socket: &Path) -> Result<Vec<&'static str>, String> {
        let program = self.program(door)?;
        let of = |path: &Path| (self.label)(path).ok_or_else(|| format!("{} has no label", path.display()));
        let authority = self.process("twofoldd").ok_or("the authority's context cannot be read")?;
        let questions = [
            ("loading the module", of(module)?, LOAD_MODULE),
            ("writing to the authority's socket", of(socket)?, USE_SOCKET),
            ("connecting to the authority", authority, CONNECT),
        ];
        let mut denied = Vec::new();
        for (what, target, need) in questions {
            let allowed = self.allows(&program, &target, need);
            if !allowed
                .ok_or_else(|| format!("the kernel does not say whether {program} may reach {target}"))?
            {
                denied.push(what);
            }
        }
        Ok(denied)
    }

    /// The context in which a door's module runs.
    fn program(&self, door: Door) -> Result<String, String> {
        let context = match door {
            Door::Ssh => self.process("sshd"),
            // Whoever calls sudo or su stays in their own, which is the administrator's here.
            Door::Sudo | Door::Su => self.read("/proc/self/attr/current"),
            Door::Login => self.read("/proc/self/attr/current").map(|_| LOGIN.to_owned()),
        };
        context.ok_or_else(|| format!("the context of {} cannot be read", door.word()))
    }

    /// The context of a running program, the oldest of that name: sshd's listener.
    fn process(&self, name: &str) -> Option<String> {
        let folders = fs::read_dir(self.place.at("/proc")).ok()?;
        let ids = folders.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let named = ids.filter(|id| self.read(&format!("/proc/{id}/comm")).as_deref() == Some(name));
        self.read(&format!("/proc/{}/attr/current", named.min()?))
    }

    /// Whether the policy allows all of it. Nothing: the kernel does not say.
    fn allows(&self, program: &str, target: &str, (class, permissions): Need) -> Option<bool> {
        let number = |path: String| self.read(&path)?.parse::<u32>().ok();
        let index = number(format!("{KERNEL}/class/{class}/index"))?;
        let mut access =
            File::options().read(true).write(true).open(self.place.at(&format!("{KERNEL}/access"))).ok()?;
        access.write_all(format!("{program} {target} {index}").as_bytes()).ok()?;
        let mut answer = String::new();
        access.take(4096).read_to_string(&mut answer).ok()?;
        let mut words = answer.split_whitespace();
        let allowed = u32::from_str_radix(words.next()?, 16).ok()?;
        // Decided, audited if allowed, audited if denied, sequence; then flags, of which the first is `permissive`.
        let permissive = words
            .nth(4)
            .and_then(|flags| u32::from_str_radix(flags, 16).ok())
            .is_some_and(|flags| flags & 1 == 1);
        let mut wanted = 0_u32;
        for permission in permissions {
            let bit = number(format!("{KERNEL}/class/{class}/perms/{permission}"))?;
            wanted |= 1_u32.checked_shl(bit.checked_sub(1)?)?;
        }
        Some(permissive || allowed & wanted == wanted)
    }

    fn read(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.place.at(path)).ok()?;
        Some(text.trim_end_matches(['\0', '\n']).to_owned())
    }
}

/// What the reference policy calls the programs of the console.
const LOGIN: &str = "system_u:system_r:local_login_t:s0-s0:c0.c1023";

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: &str = "ffffffff ffffffff 0 ffffffff 1 0";

    /// A host's files, as far as they are looked at. The kernel's answer stands behind room for the questions, each of which
    /// is longer than the one before.
    struct Made {
        folder: tempfile::TempDir,
    }

    impl Made {
        fn enforcing(answer: &str) -> Self {
            let made = Self { folder: tempfile::tempdir().unwrap() };
            for (path, text) in [
                ("sys/fs/selinux/enforce", "1"),
                ("sys/fs/selinux/class/file/index", "6"),
                ("sys/fs/selinux/class/file/perms/read", "2"),
                ("sys/fs/selinux/class/file/perms/open", "18"),
                ("sys/fs/selinux/class/file/perms/getattr", "5"),
                ("sys/fs/selinux/class/file/perms/map", "11"),
                ("sys/fs/selinux/class/file/perms/execute", "14"),
                ("sys/fs/selinux/class/sock_file/index", "10"),
                ("sys/fs/selinux/class/sock_file/perms/write", "3"),
                ("sys/fs/selinux/class/unix_stream_socket/index", "24"),
                ("sys/fs/selinux/class/unix_stream_socket/perms/connectto", "23"),
                ("proc/self/attr/current", "unconfined_u:unconfined_r:unconfined_t:s0\0"),
                ("proc/70/comm", "sshd\n"),
                ("proc/70/attr/current", "system_u:system_r:sshd_t:s0-s0:c0.c1023\0"),
                ("proc/700/comm", "sshd\n"),
                ("proc/700/attr/current", "unconfined_u:unconfined_r:unconfined_t:s0\0"),
                ("proc/80/comm", "twofoldd\n"),
                ("proc/80/attr/current", "system_u:system_r:twofold_t:s0\0"),
            ] {
                made.write(path, text);
            }
            made.write("sys/fs/selinux/access", &format!("{:200}{answer}", ""));
            made
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn problem(&self, door: Door) -> Option<String> {
            let place = Place::below(self.folder.path());
            let label = |path: &Path| match path.to_str()? {
                "module" => Some("system_u:object_r:lib_t:s0".to_owned()),
                "socket" => Some("system_u:object_r:run_t:s0".to_owned()),
                _ => None,
            };
            Host { place: &place, label: &label }.problem(door, Path::new("module"), Path::new("socket"))
        }

        fn asked(&self) -> String {
            let text = fs::read_to_string(self.folder.path().join("sys/fs/selinux/access")).unwrap();
            text.trim_start().to_owned()
        }
    }

    #[test]
    fn where_selinux_does_not_enforce_it_is_not_in_the_way() {
        let made = Made::enforcing("");
        made.write("sys/fs/selinux/enforce", "0");
        let without = Made { folder: tempfile::tempdir().unwrap() };
        for door in Door::ALL {
            assert_eq!(made.problem(door), None);
            assert_eq!(without.problem(door), None);
        }
    }

    #[test]
    fn an_enforcing_host_whose_policy_lets_the_doors_reach_the_authority_goes_on() {
        for answer in [EVERYTHING, "0 ffffffff 0 ffffffff 1 1"] {
            for door in Door::ALL {
                let made = Made::enforcing(answer);
                assert_eq!(made.problem(door), None, "{answer}");
            }
        }
        let made = Made::enforcing(EVERYTHING);
        assert_eq!(made.problem(Door::Ssh), None);
        assert!(
            made.asked()
                .starts_with("system_u:system_r:sshd_t:s0-s0:c0.c1023 system_u:system_r:twofold_t:s0 24"),
            "the listener's, not a session's: {}",
            made.asked()
        );
    }

    #[test]
    fn what_the_policy_denies_is_named_and_refused() {
        let made = Made::enforcing("0 ffffffff 0 ffffffff 1 0");
        let why = made.problem(Door::Ssh).unwrap();
        for word in
            ["keep ssh from loading the module", "connecting to the authority", "semodule -i", "restorecon"]
        {
            assert!(why.contains(word), "{why}");
        }
        // Everything but the bit of connectto.
        let made = Made::enforcing("ffbfffff ffffffff 0 ffffffff 1 0");
        let why = made.problem(Door::Sudo).unwrap();
        assert!(
            why.contains("keep sudo from connecting to the authority.") && !why.contains("module and"),
            "{why}"
        );
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        for gone in [
            "sys/fs/selinux/access",
            "sys/fs/selinux/class/unix_stream_socket/index",
            "sys/fs/selinux/class/sock_file/perms/write",
            "proc/70/attr/current",
            "proc/80/comm",
        ] {
            let made = Made::enforcing(EVERYTHING);
            fs::remove_file(made.folder.path().join(gone)).unwrap();
            let why = made.problem(Door::Ssh);
            assert!(why.is_some_and(|why| why.contains("nobody can tell")), "{gone}");
        }
        for answer in ["", "rubbish"] {
            assert!(Made::enforcing(answer).problem(Door::Login).is_some(), "{answer}");
        }
        // Whatever is not a plain no counts as enforcing.
        let made = Made::enforcing("");
        made.write("sys/fs/selinux/enforce", "?");
        assert!(made.problem(Door::Su).is_some());
    }
}
