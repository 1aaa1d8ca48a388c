//! The hosts of cases that run jobs elsewhere: real ones, reached by ssh, and ones that a script in ssh's place
//! pretends, where what a server adds is of no interest.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::sshd::{self, Hosts, Spec};

/// How a case's jobs get to other hosts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ssh {
    /// They do not.
    None,
    /// By a script that runs the command here, in a home directory of the case's own. A host that is called as a shell
    /// has it as its login shell; one that is called `down` cannot be reached.
    Script,
    /// By ssh, to hosts that are called as the [`SHELLS`] that they have.
    Real,
}

/// The login shells of the real hosts, and their names.
pub const SHELLS: [&str; 6] = ["sh", "bash", "zsh", "fish", "csh", "tcsh"];

/// Where the script has the homes of its hosts.
const HOMES: &str = "FANOUT_TEST_HOMES";

/// The script in ssh's place. Jobs see how it was called in `$TEST_USER`, `$TEST_PORT` and `$TEST_PASSWORD`.
const SCRIPT: &str = r#"#!/bin/bash
while (($#)); do
    case $1 in
        -l) user=$2; shift 2 ;;
        -p) port=$2; shift 2 ;;
        -[bcDEeFIiJLmOoQRSWw]) shift 2 ;;
        -*) shift ;;
        *) break ;;
    esac
done
host=${1##*@}
shift
[[ $1 == -- ]] && shift
if [[ $host == down ]]; then
    echo "ssh: connect to host down port 22: Connection refused" >&2
    exit 255
fi
shell=/bin/bash
case $host in sh | bash | zsh | fish | csh | tcsh) shell=$(command -v "$host") ;; esac
home=$FANOUT_TEST_HOMES/$host
mkdir -p "$home/.parallel"
: >"$home/.parallel/will-cite"
cd "$home" || exit 255
exec env -i HOME="$home" SHELL="$shell" LC_ALL=C PATH="$PATH:{folder}" USER=tester LOGNAME=tester TEST_HOST="$host" \
    TEST_USER="$user" TEST_PORT="$port" TEST_PASSWORD="$SSHPASS" "$shell" -c "$*"
"#;

/// Whether there are hosts that are reached so; if not, that is said.
pub fn are_there(ssh: Ssh) -> bool {
    ssh != Ssh::Real || real().is_some()
}

/// What a program needs in its environment to get to hosts, the homes of which are in `scratch` if they are pretended.
pub fn environment(ssh: Ssh, scratch: &Path) -> Vec<(&'static str, PathBuf)> {
    match ssh {
        Ssh::None => Vec::new(),
        Ssh::Script => vec![("PARALLEL_SSH", script()), (HOMES, scratch.join("homes"))],
        Ssh::Real => real()
            .map(|hosts| ("PARALLEL_SSH", hosts.ssh()))
            .into_iter()
            .collect(),
    }
}

fn real() -> Option<&'static Hosts> {
    static HOSTS: OnceLock<Option<Hosts>> = OnceLock::new();
    let specs = SHELLS.map(|shell| Spec {
        shell,
        ..Spec::new(shell)
    });
    HOSTS.get_or_init(|| sshd::start(&specs)).as_ref()
}

fn script() -> PathBuf {
    static SCRIPT_AT: OnceLock<PathBuf> = OnceLock::new();
    let write = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parity-ssh");
        fs::create_dir_all(&folder).unwrap();
        let ours = Path::new(env!("CARGO_BIN_EXE_fanout")).parent().unwrap();
        let path = folder.join("ssh");
        let text = SCRIPT.replace("{folder}", ours.to_str().unwrap());
        // In one step: other processes of the same tests may be about to start it.
        let new = folder.join(format!("ssh.{}", std::process::id()));
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, &path).unwrap();
        path
    };
    SCRIPT_AT.get_or_init(write).clone()
}
