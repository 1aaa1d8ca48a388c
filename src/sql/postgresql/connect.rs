//! Which server is meant, and a connection to it: what the DBURL does not say is taken from the environment, then
//! from what `PostgreSQL`'s own programs take it to be.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};

use super::passfile;
use crate::sql::SqlError;
use crate::sql::url::Server;
use crate::sys::user;

/// Where the sockets of servers are, on one system or another.
const SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
const PORT: u16 = 5432;

/// All that is to be known about a server.
struct Target {
    user: String,
    password: Option<String>,
    host: String,
    port: u16,
    database: String,
}

/// A connection to `server`, and what it is called in messages.
///
/// # Errors
///
/// When there is none.
pub(super) fn connect(server: &Server) -> Result<(Client, String), SqlError> {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let wrong = |why: String| SqlError {
        why,
        missing: false,
    };
    let target = target(server, env).map_err(wrong)?;
    if let Some(mode) =
        env("PGSSLMODE").filter(|mode| mode.starts_with("verify") || mode == "require")
    {
        return Err(wrong(format!(
            "PGSSLMODE is {mode}, but connections to PostgreSQL are not encrypted"
        )));
    }
    let place = target.shown();
    let client = target
        .config(env)
        .connect(NoTls)
        .map_err(|error| failed(&error, &place))?;
    Ok((client, place))
}

fn failed(error: &postgres::Error, place: &str) -> SqlError {
    // An answer means that the server is there.
    let is_there = error
        .source()
        .is_none_or(|source| source.downcast_ref::<io::Error>().is_none());
    SqlError {
        why: format!(
            "cannot connect to the PostgreSQL database {place}: {}",
            super::words(error)
        ),
        missing: !is_there,
    }
}

/// What `server` and the environment say, and what is usual.
fn target(server: &Server, env: impl Fn(&str) -> Option<String>) -> Result<Target, String> {
    let port = match (server.port, env("PGPORT")) {
        (Some(port), _) => port,
        (None, Some(port)) => port
            .parse()
            .map_err(|_| format!("PGPORT is '{port}', which is no port"))?,
        (None, None) => PORT,
    };
    let host = server.host.clone().or_else(|| env("PGHOST"));
    let user = server.user.clone().or_else(|| env("PGUSER"));
    let user = user
        .or_else(user::name)
        .ok_or("the DBURL names no user, and PGUSER is not set")?;
    let database = server.database.clone().or_else(|| env("PGDATABASE"));
    let mut target = Target {
        database: database.unwrap_or_else(|| user.clone()),
        host: host.unwrap_or_else(|| socket_folder(port).to_owned()),
        user,
        port,
        password: server.password.clone().or_else(|| env("PGPASSWORD")),
    };
    if target.password.is_none() {
        let file = env("PGPASSFILE").or_else(|| Some(env("HOME")? + "/.pgpass"));
        let host = match &*target.host {
            folder if SOCKETS.contains(&folder) => "localhost",
            host => host,
        };
        let fields = [
            host,
            &target.port.to_string(),
            &target.database,
            &target.user,
        ];
        target.password = file.and_then(|file| passfile::password(Path::new(&file), fields));
    }
    Ok(target)
}

/// The folder with the socket of the server at `port`.
fn socket_folder(port: u16) -> &'static str {
    let has_it = |folder: &&&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
    SOCKETS.iter().find(has_it).unwrap_or(&SOCKETS[0])
}

impl Target {
    fn shown(&self) -> String {
        let Self {
            user,
            host,
            port,
            database,
            ..
        } = self;
        if host.contains(':') {
            return format!("'{database}' at [{host}]:{port} as '{user}'");
        }
        format!("'{database}' at {host}:{port} as '{user}'")
    }

    fn config(&self, env: impl Fn(&str) -> Option<String>) -> Config {
        let mut config = Config::new();
        config
            .user(&self.user)
            .dbname(&self.database)
            .port(self.port)
            .ssl_mode(SslMode::Disable)
            .application_name(env("PGAPPNAME").as_deref().unwrap_or("fanout"));
        for host in self.host.split(',') {
            config.host(host);
        }
        if let Some(password) = &self.password {
            config.password(password);
        }
        if let Some(options) = env("PGOPTIONS") {
            config.options(&options);
        }
        let limit = env("PGCONNECT_TIMEOUT").and_then(|limit| limit.parse().ok());
        if let Some(limit) = limit.filter(|&limit| limit > 0) {
            config.connect_timeout(Duration::from_secs(limit));
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, target};
    use crate::sql::url::Server;

    fn of(server: &Server, env: &[(&str, &str)]) -> Target {
        let env = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        target(server, env).unwrap()
    }

    #[test]
    fn what_is_said_comes_first_then_the_environment() {
        let env = [
            ("PGHOST", "h"),
            ("PGPORT", "7"),
            ("PGUSER", "u"),
            ("PGPASSWORD", "p"),
        ];
        let said = Server {
            host: Some("/run".to_owned()),
            database: Some("d".to_owned()),
            ..Server::default()
        };
        assert_eq!(of(&said, &env).shown(), "'d' at /run:7 as 'u'");
        let address = Server {
            host: Some("::1".to_owned()),
            ..Server::default()
        };
        assert_eq!(of(&address, &env).shown(), "'u' at [::1]:7 as 'u'");
        let found = of(&Server::default(), &env);
        assert_eq!(found.shown(), "'u' at h:7 as 'u'");
        assert_eq!(found.password.as_deref(), Some("p"));
    }

    #[test]
    fn the_rest_is_as_usual() {
        let found = of(&Server::default(), &[("PGDATABASE", "d")]);
        assert!(found.host.starts_with('/') && found.port == 5432);
        assert!(!found.user.is_empty() && found.database == "d");
    }
}
