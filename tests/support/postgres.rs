//! A server of `PostgreSQL` of the tests' own: in a folder of its own, reached by a socket in there only.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

/// Who may use it without a password, and who may not.
pub const USER: &str = "postgres";
pub const USER_WITH_PASSWORD: &str = "secretive";

/// The server runs until its standard input, which only this process holds open, is closed: whatever becomes of the
/// tests, it does not outlive them.
const RUN: &str = r#"
    "$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off \
        -c synchronous_commit=off -c max_connections=100 </dev/null &
    read -r nothing
    kill -QUIT $!
    wait
    rm -rf "$2"
"#;

pub struct Server {
    /// Where the socket is.
    pub folder: PathBuf,
    _running: ChildStdin,
}

/// The server; `None`: there is no `PostgreSQL` here.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| programs().map(|programs| Server::start(&programs)));
    if server.is_none() {
        super::skip_without("PostgreSQL's server (apt-get install postgresql)");
    }
    server.as_ref()
}

/// The folder with the server's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<_> = versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

impl Server {
    #[allow(
        clippy::zombie_processes,
        reason = "it ends when this process does, with which its standard input ends"
    )]
    fn start(programs: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let owner = owner();
        if let Some(owner) = owner {
            chown(&folder, Some(owner), None).unwrap();
        }
        let data = folder.join("data");
        let mut initdb = command(programs.join("initdb"), &folder, owner);
        initdb
            .args([
                "-A",
                "trust",
                "-U",
                USER,
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
                "-D",
            ])
            .arg(&data);
        let made = initdb.output().unwrap();
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let who = format!("local all {USER_WITH_PASSWORD} scram-sha-256\nlocal all all trust\n");
        fs::write(data.join("pg_hba.conf"), who).unwrap();
        let mut server = command(PathBuf::from("sh"), &folder, owner)
            .args(["-c", RUN, "sh"])
            .args([programs, &folder])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        loop {
            let line = log.next();
            let line = line.unwrap_or_else(|| panic!("the server ended: {said:#?}"));
            said.push(line.unwrap());
            if said
                .last()
                .unwrap()
                .ends_with("ready to accept connections")
            {
                break;
            }
        }
        thread::spawn(move || log.for_each(drop));
        let server = Self {
            folder,
            _running: server.stdin.take().unwrap(),
        };
        let role = format!("CREATE ROLE {USER_WITH_PASSWORD} LOGIN PASSWORD 'open sesame'");
        server.connect().batch_execute(&role).unwrap();
        server
    }

    /// What tells programs where the server is.
    pub fn environment(&self) -> [(&'static str, &str); 3] {
        let folder = self.folder.to_str().unwrap();
        [("PGHOST", folder), ("PGUSER", USER), ("PGDATABASE", USER)]
    }

    pub fn connect(&self) -> postgres::Client {
        let mut config = postgres::Config::new();
        config.host_path(&self.folder).user(USER).dbname(USER);
        config.connect(postgres::NoTls).unwrap()
    }

    /// What `query` finds, a line for each row.
    pub fn found(&self, query: &str) -> Vec<String> {
        found(&mut self.connect(), query).unwrap()
    }
}

/// What `query` finds in `db`, a line for each row.
pub fn found(db: &mut postgres::Client, query: &str) -> Result<Vec<String>, postgres::Error> {
    let rows = db.simple_query(query)?;
    let rows = rows.into_iter().filter_map(|message| match message {
        postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let lines = rows.map(|row| {
        let values: Vec<_> = (0..row.len())
            .map(|column| row.get(column).unwrap_or("-"))
            .collect();
        values.join("|")
    });
    Ok(lines.collect())
}

/// The server refuses to run as root: then the user to run it as.
fn owner() -> Option<u32> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let uid = line.and_then(|line| line.split(':').nth(2));
    Some(uid.expect("a user postgres").parse().unwrap())
}

fn command(program: PathBuf, folder: &Path, owner: Option<u32>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    if let Some(owner) = owner {
        command.uid(owner);
    }
    command
}
