//! Servers of ssh of the tests' own, on the loopback interface: each is one host, with a home directory and a login
//! shell of its own. Nothing of the user's is read or written, ~/.ssh neither.
//!
//! All hosts have one user, who runs the tests, and one configuration of ssh, which [`Hosts::ssh`] goes by: give
//! that program to fanout as `--ssh` or `$PARALLEL_SSH`, and `-S NAME` leads to the host NAME.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, getuid, kill_process, test_kill_process};
use tempfile::TempDir;

/// What is compared by all: no host key asks a question, nobody is asked for a password.
const CLIENT: &str = "\
Host *
  HostName 127.0.0.1
  User {user}
  IdentityFile {folder}/key
  IdentitiesOnly yes
  IdentityAgent none
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  HostKeyAlias test
  StrictHostKeyChecking yes
  ConnectTimeout 20
  LogLevel ERROR
";

const SERVER: &str = "\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {home}.authorized
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv none
PermitUserEnvironment no
PrintMotd no
PrintLastLog no
UseDNS no
MaxStartups 200
MaxSessions 200
SetEnv HOME={home}
ForceCommand exec /bin/sh {home}.session
";

/// What a session begins with. The user's own shell, whichever it is, has started this; the shell of the host is to
/// think that sshd did.
const SESSION: &str = "\
cd '{home}' || exit 1
export LC_ALL=C HOME='{home}' SHELL='{shell}' TEST_HOST='{name}' PATH='{home}.bin':$PATH
command=${SSH_ORIGINAL_COMMAND-}
unset SSH_ORIGINAL_COMMAND PWD OLDPWD
if [ -n \"$command\" ]; then exec \"$SHELL\" -c \"$command\"; fi
exec \"$SHELL\"
";

/// A server runs until its standard input, which only this process holds open, is closed: whatever becomes of the
/// tests, neither it nor its files outlive them.
const RUN: &str = r#"
    "$1" -D -e -f "$2" </dev/null &
    echo "pid $!" >&2
    read -r nothing
    kill $!
    wait
    rm -rf "$3"
"#;

/// A host to start: what `-S` calls it, and its login shell.
#[derive(Clone, Copy)]
pub struct Spec<'a> {
    pub name: &'a str,
    /// A program in one of the folders of `$PATH`.
    pub shell: &'a str,
    /// Whether it knows the user's key.
    pub lets_in: bool,
}

impl<'a> Spec<'a> {
    /// A host as most are.
    pub fn new(name: &'a str) -> Self {
        Self {
            name,
            shell: "bash",
            lets_in: true,
        }
    }
}

/// Hosts that run. When it is dropped they end, and all files of theirs are removed.
pub struct Hosts {
    folder: TempDir,
    running: Vec<Host>,
}

struct Host {
    name: String,
    port: u16,
    server: Pid,
    stdin: Option<ChildStdin>,
    supervisor: Child,
}

/// Starts a host for each of `specs`; `None`: ssh, its server or a shell is not installed, which is said.
pub fn start(specs: &[Spec]) -> Option<Hosts> {
    let missing = ["ssh", "ssh-keygen", "sshd"]
        .into_iter()
        .chain(specs.iter().map(|spec| spec.shell))
        .find(|program| program_at(program).is_none());
    if let Some(program) = missing {
        let advice = if program.starts_with("ssh") {
            " (apt-get install openssh-client openssh-server)"
        } else {
            ""
        };
        super::skip_without(&format!("{program}{advice}"));
        return None;
    }
    Some(Hosts::start(specs))
}

impl Hosts {
    fn start(specs: &[Spec]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_keys(folder.path());
        if getuid().is_root() {
            // Where a package's own service, which is not running, would have made it.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let running: Vec<_> = specs
            .iter()
            .map(|spec| Host::start(folder.path(), *spec))
            .collect();
        let hosts = Self { folder, running };
        hosts.write_client();
        hosts
    }

    /// A program that is ssh, but for the configuration by which it finds these hosts.
    pub fn ssh(&self) -> PathBuf {
        self.folder.path().join("bin/ssh")
    }

    /// The configuration, for `ssh -F`.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// Where the sessions of the host `name` begin.
    pub fn home(&self, name: &str) -> PathBuf {
        home(self.folder.path(), name)
    }

    /// A folder on the `$PATH` of the host `name` alone, empty at first.
    pub fn programs(&self, name: &str) -> PathBuf {
        self.home(name).with_extension("bin")
    }

    /// With it, `127.0.0.1:PORT` is the host, too.
    pub fn port(&self, name: &str) -> u16 {
        self.host(name).port
    }

    /// The server of the host `name`; those of its sessions are its children.
    pub fn server(&self, name: &str) -> Pid {
        self.host(name).server
    }

    /// Kills the server of the host `name`, which takes no connection from then on. Sessions go on.
    pub fn kill_server(&self, name: &str) {
        kill_process(self.server(name), Signal::KILL).unwrap();
    }

    /// The processes that serve the connections to the host `name`.
    pub fn connections(&self, name: &str) -> Vec<Pid> {
        children(self.server(name))
    }

    fn host(&self, name: &str) -> &Host {
        let host = self.running.iter().find(|host| host.name == name);
        host.unwrap_or_else(|| panic!("no host {name}"))
    }

    fn write_client(&self) {
        let folder = self.folder.path();
        let ports = self.running.iter();
        let ports = ports.map(|host| format!("Host {}\n  Port {}\n", host.name, host.port));
        let mut config = ports.collect::<Vec<_>>().concat();
        config += &filled(
            CLIENT,
            &[("user", &user()), ("folder", folder.to_str().unwrap())],
        );
        fs::write(self.config(), config).unwrap();
        let script = format!(
            "#!/bin/sh\nexec {} -F {} \"$@\"\n",
            program_at("ssh").unwrap().display(),
            self.config().display()
        );
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::write(self.ssh(), script).unwrap();
        fs::set_permissions(self.ssh(), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

impl Host {
    fn start(folder: &Path, spec: Spec) -> Self {
        let home = home(folder, spec.name);
        fs::create_dir(&home).unwrap();
        fs::create_dir(home.with_extension("bin")).unwrap();
        let home = home.to_str().unwrap();
        let keys = if spec.lets_in {
            "key.pub"
        } else {
            "host_key.pub"
        };
        fs::copy(folder.join(keys), format!("{home}.authorized")).unwrap();
        let shell = program_at(spec.shell).unwrap();
        let session = [
            ("home", home),
            ("shell", shell.to_str().unwrap()),
            ("name", spec.name),
        ];
        fs::write(format!("{home}.session"), filled(SESSION, &session)).unwrap();
        // Another process may take the port before sshd does.
        for _ in 0..20 {
            let port = free_port();
            if let Some(host) = Self::listen(folder, home, spec.name, port) {
                return host;
            }
        }
        panic!("sshd finds no free port");
    }

    /// Starts the server; `None`: the port is taken.
    fn listen(folder: &Path, home: &str, name: &str, port: u16) -> Option<Self> {
        let config = format!("{home}.config");
        let folder = folder.to_str().unwrap();
        let mut settings = filled(
            SERVER,
            &[
                ("port", &port.to_string()),
                ("folder", folder),
                ("home", home),
            ],
        );
        if has_penalties() {
            settings += "PerSourcePenalties no\n";
        }
        fs::write(&config, settings).unwrap();
        let mut supervisor = Command::new("sh")
            .args(["-c", RUN, "sh"])
            .arg(program_at("sshd").unwrap())
            .args([&config, folder])
            .env("LC_ALL", "C")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = supervisor.stdin.take();
        let mut log = BufReader::new(supervisor.stderr.take().unwrap());
        let mut said = String::new();
        let is_listening = loop {
            let mut line = String::new();
            if log.read_line(&mut line).unwrap() == 0 {
                break false;
            }
            said += &line;
            // The server may be the first to speak.
            if said.contains("Server listening") && said.lines().any(|it| it.starts_with("pid ")) {
                break true;
            }
            if line.contains("in use") {
                break false;
            }
        };
        let pid = said.lines().find_map(|line| line.strip_prefix("pid "));
        let pid = pid.and_then(|pid| Pid::from_raw(pid.parse().ok()?));
        if is_listening {
            thread::spawn(move || log.read_to_end(&mut Vec::new()));
            return Some(Self {
                name: name.to_owned(),
                port,
                server: pid.unwrap(),
                stdin,
                supervisor,
            });
        }
        drop(stdin);
        supervisor.wait().unwrap();
        assert!(said.contains("in use"), "sshd: {said}");
        None
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.supervisor.wait().ok();
        debug_assert!(test_kill_process(self.server).is_err(), "sshd goes on");
    }
}

fn home(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}

/// `template` with `{name}` replaced by each value.
fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

fn make_keys(folder: &Path) {
    for name in ["key", "host_key"] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
            .arg(folder.join(name))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let why = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "ssh-keygen: {why}");
    }
    let key = fs::read_to_string(folder.join("host_key.pub")).unwrap();
    fs::write(folder.join("known_hosts"), format!("test {key}")).unwrap();
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// From 9.8 on a server turns away those who were refused often: here that is everybody.
fn has_penalties() -> bool {
    let asked = Command::new("ssh").arg("-V").output().unwrap();
    let words = String::from_utf8_lossy(&asked.stderr).into_owned();
    let version = words.strip_prefix("OpenSSH_").unwrap_or_default();
    let mut numbers = version.split(|it: char| !it.is_ascii_digit());
    let mut next = || numbers.next().and_then(|it| it.parse::<u32>().ok());
    (next(), next()) >= (Some(9), Some(8))
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn children(parent: Pid) -> Vec<Pid> {
    let path = format!("/proc/{0}/task/{0}/children", parent.as_raw_nonzero());
    let listed = fs::read_to_string(path).unwrap_or_default();
    let pids = listed.split_whitespace();
    pids.filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}

/// A program, also where only administrators look for it.
fn program_at(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}
