//! `--sqlmaster`, `--sqlworker` and `--sqlandworker`: what is printed, and the exit code. What is in the
//! table then, `tests/cli/sql.rs` looks at.

use crate::case::{Case, case};

const URL: &str = "sqlite3:///x.db/t";

/// What a master and a worker in one are run with; the command and the inputs are behind it.
const BOTH: &[&str] = &[
    "-k echo ::: a b c",
    "-j1 'echo {}; echo err >&2; exit 3' ::: a b c",
    "-k echo {} '{1} {2}' ::: a b ::: x 'y z'",
    "-k echo {1} {2} {1.} {2/} {1//} {1/.} {#} {-1} ::: a.b/c.d b ::: 7 ''",
    "-k echo {= 's/a/b/' =} {=2 '$_++' =} '{= $_=$job->seq() =}' ::: a b ::: 1 2",
    "-k --header : echo {x} {y.} ::: x 1 2 ::: y 3.4",
    "-k --plus echo {..} {+/} {##} ::: d/a.b.c e",
    "-k -n2 echo ::: a b c d",
    "-k -C , echo {2} {1} ::: a,b c,d",
    "-k -I ,, echo ,, {} ::: a b",
    "-k -q echo '$HOME  {}' '{}\"' ::: 'a  b' c",
    "-k -q echo '' '{};x' {} ::: 'a  b' c",
    "-k -q echo {= s/a/b/ =} '{= s/a/b c/ =}' ::: a",
    "-k --tag echo x{} ::: a b",
    "-k --rpl '{r} s/a/b/;' echo {r} {1r} ::: a aa",
    "-k ::: 'echo a' 'echo b'",
    "-k echo '\u{ef} {}' na\u{ef} ::: \u{ef} 'a\u{ef} b'",
    "'kill -9 $$' ::: a",
    "--halt now,fail=1 -j1 'exit {}' ::: 0 2 3",
    "--dry-run -k echo ::: a b",
];

/// DBURLs that name no table, and ones that name none that is there.
const WRONG: &[&str] = &[
    "--sqlmaster sqlite3:///x.db echo ::: a",
    "--sqlworker sqlite3:///x.db",
    "--sqlandworker sqlite3://x.db/t echo ::: a",
    "--sqlandworker foo:///x.db/t echo ::: a",
    "--sqlworker mysql://u:p@localhost/x/y",
    "--sqlworker :nosuchalias",
    "--sqlworker sqlite3:///x.db/t",
    "--sqlmaster +sqlite3:///x.db/t echo ::: a",
    "--sqlandworker sqlite3:///%2Fnodir%2Fx.db/t echo ::: a",
];

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = BOTH
        .iter()
        .map(|rest| case(&format!("--sqlandworker {URL} {rest}")).own_words())
        .collect();
    cases.extend(
        WRONG
            .iter()
            .map(|line| case(line).stderr_ignored("GNU shows a Perl error")),
    );
    cases.extend(
        [
            "--sqlmaster sqlite3:///x.db/t echo ::: a b",
            "--sql-master sqlite:///x.db/t -v echo {} ::: a b",
            "--sqlmaster sql:sqlite:///x.db/t --dry-run echo {} ::: a b",
            "--sqlmaster sqlite3:///x.db/t --sqlworker sqlite3:///x.db/t -k echo ::: a b",
            "--sql-and-worker :db/t -k echo ::: a b",
            "--sqlandworker :tbl -k echo ::: a b",
        ]
        .map(|line| {
            at_home(case(line)).stderr_ignored("GNU wants the aliases to be unreadable for others")
        }),
    );
    let waiting = |name: &str, rest: &str, rows: &[Row]| {
        at_home(case(&format!("--sqlworker {URL} {rest}")))
            .named(name)
            .file("x.db", table(rows))
    };
    // Several words, and strings within words.
    let failing: &[Row] = &[
        (1, b"echo {}\xaf \xaf<\xaf>; exit 1", &["a"]),
        (2, b"echo\xaf \xaf<\xaf>", &["b"]),
        (3, b"exit\xaf \xaf<1\xaf>", &["7"]),
    ];
    let others: &[Row] = &[
        (
            4,
            b"echo\xaf \xaf<2\xaf> \xaf<1 $_=$job->seq()\xaf>",
            &["a", "b c"],
        ),
        (7, b"echo\xaf \xaf<s:.*/::\xaf>", &["d/e", "f g"]),
    ];
    let quoted: &[Row] = &[
        (
            1,
            b"echo\xaf $HOME  \xaf<\xaf>\xaf \xaf \xaf<\xaf>;x",
            &["a  b"],
        ),
        (2, b"echo a b\xaf;\xaf \xaf< s/c/d  e/ \xaf>", &["c"]),
    ];
    cases.extend([
        waiting("quoted", "-j1 -q", quoted),
        waiting("failing", "-j1", failing),
        waiting("failing, again", "-j1 --retries 2", failing),
        waiting("failing, once", "-j1 --halt now,fail=1", failing),
        waiting("of others", "-j1", others),
        waiting("with a command", "-j1 echo x", others),
        waiting("nothing", "", &[]),
    ]);
    cases
}

fn at_home(case: Case) -> Case {
    case.env("HOME", ".")
        .file(".parallel/will-cite", "")
        .file(
            ".sql/aliases",
            ":db sqlite3:///x.db\n:tbl sqlite3:///x.db/t\n",
        )
        .own_words()
}

type Row = (i64, &'static [u8], &'static [&'static str]);

/// The file of a database with rows that wait, as GNU parallel writes them.
fn table(rows: &[Row]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    let values = rows.first().map_or(1, |(_, _, args)| args.len());
    let names: Vec<_> = (1..=values).map(|n| format!("V{n}")).collect();
    let (columns, names) = (names.join(" TEXT, "), names.join(", "));
    db.execute_batch(&format!(
        "CREATE TABLE t (Seq BIGINT, Host TEXT, Starttime FLOAT(44), JobRuntime FLOAT(44), Send BIGINT, \
         Receive BIGINT, Exitval BIGINT, _Signal BIGINT, Command TEXT, {columns} TEXT, Stdout TEXT, Stderr TEXT)",
    ))
    .unwrap();
    for (seq, command, args) in rows {
        let args: Vec<_> = args.iter().map(|arg| format!("'{arg}'")).collect();
        let args = args.join(", ");
        let insert = format!(
            "INSERT INTO t (Seq, Send, Exitval, Command, {names}) VALUES (?, 0, -1000, CAST(? AS TEXT), {args})"
        );
        db.execute(&insert, (seq, command)).unwrap();
    }
    db.close().unwrap();
    std::fs::read(path).unwrap()
}
