//! `--sqlmaster`, `--sqlworker` and `--sqlandworker` with `PostgreSQL`: what is printed, the exit code, and what
//! is in the table then, but for the times.

use std::path::Path;
use std::process::Command;

use crate::case::case;
use crate::compare;
use crate::support::postgres::{Server, server};
use crate::support::skip_without;

const LINES: &[&str] = &[
    "--sqlandworker pg:////t -k echo ::: a b c",
    "--sqlandworker pg:////t -j1 'echo {}; echo err >&2; exit 3' ::: a b c",
    "--sqlandworker postgres:////t -k echo {} '{1} {2}' ::: a b ::: x 'y z'",
    "--sqlandworker postgresql:////t -k echo {1} {2} {1.} {2/} {1//} {#} {-1} ::: a.b/c.d b ::: 7 ''",
    "--sqlandworker sql:pg:///postgres/t -k echo {= 's/a/b/' =} '{= $_=$job->seq() =}' ::: a b",
    "--sqlandworker PG:////T?a=b -k --tag echo x{} ::: a b",
    "--sqlandworker pg:////public.t 'kill -9 $$' ::: a",
    "--sqlandworker pg:////t --halt now,fail=1 -j1 'exit {}' ::: 0 2",
    "--sqlandworker pg:////t -k -q echo {} '$HOME  x{}' '' '{};x' ::: 'a  b' 'c\"'",
    "--sqlmaster pg:////t echo ::: a b",
    "--sqlmaster pg:////t echo {} 'x y' '{2} {1/.}' {%} ::: a b ::: c",
];

const WRONG: &[&str] = &[
    "--sqlmaster pg:///postgres echo ::: a",
    "--sqlworker pg:///nodb/t",
    "--sqlworker pg://nobody@/postgres/t",
    "--sqlworker pg://%2Fno%2Fsuch/postgres/t",
    "--sqlworker pgssl:////t",
    "--sqlworker psql:////t",
    "--sqlmaster pg:////nosuch.t echo ::: a",
];

/// What a master is run with, and what a worker. Without `-q`, GNU's worker quotes no argument if it is not given the
/// command again, so none of these needs it.
const SHARED: &[(&str, &str)] = &[
    (
        "'echo {2} {1.};' 'echo {#} {= s/a/b/ =} >&2; exit {1}' ::: 0 3 ::: a.b c_d",
        "-j1",
    ),
    ("-q echo '$HOME  {}' '' '{};x' ::: 'a  b'", "-q -j1"),
    ("echo '{};' '$((1 + 2))' ::: a", "-q -j1"),
    ("-q echo '$((1 + 2))' {} ::: a", "-j1"),
];

/// Whether GNU parallel can use `PostgreSQL`.
fn is_there() -> Option<&'static Server> {
    let server = server()?;
    let driver = Command::new("perl").args(["-MDBD::Pg", "-e", "1"]).output();
    if driver.is_ok_and(|run| run.status.success()) {
        return Some(server);
    }
    skip_without("Perl's DBD::Pg (apt-get install libdbd-pg-perl)");
    None
}

/// One row a line, but for the host and the times; and the columns. A worker of GNU parallel's leaves a space at the
/// end of a command that it renders anew.
fn table(server: &Server, name: &str) -> Vec<String> {
    let mut found = server.found(&format!(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{name}' \
         ORDER BY ordinal_position"
    ));
    if !found.is_empty() {
        found.extend(server.found(&format!(
            "SELECT to_jsonb(job) - 'starttime' - 'jobruntime' - 'host' \
             || jsonb_build_object('command', rtrim(command)) FROM {name} AS job ORDER BY Seq"
        )));
    }
    found
}

pub fn equal_gnu(gnu: &Path, ours: &Path) {
    let Some(server) = is_there() else { return };
    let mut report = String::new();
    let wrong = WRONG
        .iter()
        .map(|line| case(line).stderr_ignored("GNU shows a Perl error"));
    for mut case in LINES.iter().map(|line| case(line).own_words()).chain(wrong) {
        for (name, value) in server.environment() {
            case = case.env(name, value);
        }
        let [theirs, own] = [gnu, ours].map(|program| {
            server
                .connect()
                .batch_execute("DROP TABLE IF EXISTS t")
                .unwrap();
            let observed = compare::observe(program, &case);
            (observed, table(server, "t"))
        });
        let mut found = compare::differences(&case, &theirs.0, &own.0);
        if theirs.1 != own.1 {
            found += &format!("  table: GNU {:#?}\n  ours {:#?}\n", theirs.1, own.1);
        }
        if !found.is_empty() {
            report += &format!("{}\n{found}", case.name);
        }
    }
    assert!(report.is_empty(), "{report}");
}

pub fn share_a_table(gnu: &Path, ours: &Path) {
    let Some(server) = is_there() else { return };
    let run = |program: &Path, line: &str| {
        let mut case = case(line);
        for (name, value) in server.environment() {
            case = case.env(name, value);
        }
        compare::observe(program, &case)
    };
    let mut found = Vec::new();
    for (master, worker) in [(gnu, gnu), (gnu, ours), (ours, gnu), (ours, ours)] {
        for (write, work) in SHARED {
            run(master, &format!("--sqlmaster pg:////common {write}"));
            run(ours, "--sqlmaster +pg:////common echo x {} ::: y");
            let observed = run(worker, &format!("--sqlworker pg:////common {work}"));
            found.push((observed, table(server, "common")));
        }
    }
    let (first, others) = found.split_at(SHARED.len());
    for (index, (observed, table)) in others.iter().enumerate() {
        let (expected, rows) = &first[index % SHARED.len()];
        assert!(observed == expected, "{observed}\n{expected}");
        assert_eq!(table, rows);
    }
}
