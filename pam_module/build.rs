//! How `pam_twofold.so` is linked: small, bound at once, exporting PAM's entry points alone.
//!
//! Loading it is most of what a login costs: every login of every service loads it anew. The unwinder is linked in
//! (`libgcc_eh`) instead of loading `libgcc_s.so` for it, and relative relocations are packed (glibc 2.36 or later).

use std::path::Path;
use std::{env, fs, io};

/// What PAM looks for, and nothing else.
const EXPORTS: &str = "\
{
    global:
        pam_sm_acct_mgmt;
        pam_sm_authenticate;
        pam_sm_chauthtok;
        pam_sm_close_session;
        pam_sm_open_session;
        pam_sm_setcred;
    local:
        *;
};
";

/// The standard library asks the linker for `gcc_s`; it finds this script first.
const UNWINDER: &str = "INPUT(-lgcc_eh)\n";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    let out = Path::new(&out);
    let native = out.join("native");
    fs::create_dir_all(&native)?;
    fs::write(native.join("libgcc_s.so"), UNWINDER)?;
    let exports = out.join("exports.map");
    fs::write(&exports, EXPORTS)?;

    let map = format!("-Wl,--version-script={}", exports.display());
    let search = format!("-L{}", native.display());
    let words = [
        search.as_str(),
        &map,
        "-Wl,-soname,pam_twofold.so",
        "-Wl,-z,now,-z,relro,-z,noexecstack,-z,pack-relative-relocs",
        "-Wl,--hash-style=gnu,--gc-sections,--as-needed",
        // C's start files ask for four symbols that nobody has, and do nothing for a library without C.
        "-nostartfiles",
    ];
    for word in words {
        println!("cargo::rustc-cdylib-link-arg={word}");
    }
    Ok(())
}
