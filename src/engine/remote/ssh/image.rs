//! This program, as it is sent to hosts that have none.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

/// This program's file.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) file: File,
    /// How many bytes it has.
    pub(super) len: u64,
    /// Their SHA-256, in hexadecimal.
    pub(super) hash: String,
}

impl Image {
    /// The file that this process runs.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(super) fn of_this_program() -> io::Result<Self> {
        static HASH: OnceLock<(u64, String)> = OnceLock::new();
        // Of one that was replaced meanwhile, it is still the one that runs.
        let mut file = File::open("/proc/self/exe")?;
        let (len, hash) = if let Some(known) = HASH.get() {
            known.clone()
        } else {
            let known = hash(&mut file)?;
            file.rewind()?;
            HASH.get_or_init(|| known).clone()
        };
        Ok(Self { file, len, hash })
    }
}

fn hash(file: &mut File) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    let mut len = 0;
    loop {
        let got = file.read(&mut piece)?;
        if got == 0 {
            break;
        }
        len += got as u64;
        hasher.update(&piece[..got]);
    }
    let hash = hasher.finalize();
    let hash = hash.iter().map(|byte| format!("{byte:02x}"));
    Ok((len, hash.collect()))
}

/// Operating system and architecture, as `uname -sm` prints them.
pub(super) fn system() -> String {
    let uname = rustix::system::uname();
    let [system, machine] = [uname.sysname(), uname.machine()].map(|it| it.to_string_lossy());
    format!("{system} {machine}")
}
