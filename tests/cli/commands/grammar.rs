//! Commands as nobody would write them: words, redirections and constructs of the shell's language, put together
//! by chance.
//!
//! What is made here ends, ends the same way each time, and harms nothing outside of its folder: no background jobs
//! but one that is awaited, no process ids, no pipeline of which two ends complain, no signals to others.

use super::phrases::PHRASES;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

type Bytes = BoxedStrategy<Vec<u8>>;

/// A whole command line.
pub fn line() -> Bytes {
    let list = list(command(3));
    let kill = || (killer(), command(2));
    prop_oneof![
        8 => nearly_pure(),
        2 => damaged(nearly_pure()),
        8 => nearly_direct(),
        2 => damaged(nearly_direct()),
        6 => list.clone(),
        3 => simple(),
        2 => damaged(list),
        1 => kill().prop_map(|(kill, after)| [&kill, &b"; "[..], &after].concat()),
        1 => kill().prop_map(|(kill, before)| [&before, &b"\n"[..], &kill].concat()),
    ]
    .boxed()
}

/// Builtins that only print and compare, but for something strange now and then.
fn nearly_pure() -> Bytes {
    let plain = prop_oneof![
        6 => "[a-z0-9=_./,:@%^+-]{1,4}".prop_map(String::into_bytes),
        3 => quoted(b'\'', b"'"),
        3 => quoted(b'"', b"\"\\`$!"),
        4 => one_of(&["$h", "\"$h\"", "${h}", "$n", "\"$empty\"", "$?", "$#", "$*", "\"$@\"", "$1", "$PARALLEL_SEQ", "$b"]),
        2 => one_of(&["a", "3", "-n", "-e", "''", "=", "!", "]", "!=", "-gt", "-z", "--"]),
    ]
    .boxed();
    let word = prop_oneof![12 => plain.clone(), 3 => (plain, piece()).prop_map(|(one, other)| [one, other].concat()), 1 => word()];
    let words = vec(word.clone(), 0..4).prop_map(|words| [b" ", &words.join(&b' ')[..]].concat());
    let name = prop_oneof![
        12 => one_of(&["echo", "echo", "echo -n", "printf '%s\\n'", "printf %s", "printf '%d %x\\n'", "printf '[%5s]\\t'", ":", "true", "false", "greet", "size"]),
        1 => name(),
    ];
    let operator = one_of(&["=", "!=", "-eq", "-gt", "-le", "-lt"]);
    let test = prop_oneof![
        (word.clone(), operator, word.clone())
            .prop_map(|(one, operator, other)| [one, operator, other].join(&b' ')),
        (one_of(&["", "-n ", "-z ", "! ", "! -n "]), word)
            .prop_map(|parts| [parts.0, parts.1].concat()),
    ]
    .prop_map(|test| [b"[ ", &test[..], b" ]"].concat());
    let to = prop_oneof![10 => Just(Vec::new()), 2 => one_of(&[" >&2", " >/dev/null", " 1>&2", " 2>/dev/null"]), 1 => redirections()];
    let command =
        prop_oneof![4 => (name, words).prop_map(|parts| [parts.0, parts.1].concat()), 1 => test];
    let command = (command, to)
        .prop_map(|parts| [parts.0, parts.1].concat())
        .boxed();
    let around = |open: &'static str, close: &'static str| {
        list(command.clone())
            .prop_map(move |list| [open.as_bytes(), &list, close.as_bytes()].concat())
    };
    prop_oneof![
        6 => command.clone(),
        6 => list(command.clone()),
        1 => around("{ ", "; }"),
        1 => around("if ", "; then echo yes; else echo no; fi"),
        1 => around("if [ $n = 3 ]; then ", "; fi"),
        1 => around("if false; then :; elif ", "\nthen\necho b\nfi"),
        1 => around("", " # end"),
    ]
    .boxed()
}

/// A program and plain words, but for something strange now and then.
fn nearly_direct() -> Bytes {
    let plain = prop_oneof![
        6 => "[a-z0-9=_./,:@%^+-]{1,5}".prop_map(String::into_bytes),
        4 => quoted(b'\'', b"'"),
        4 => quoted(b'"', b"\"\\`$!"),
    ]
    .boxed();
    let word = prop_oneof![
        12 => plain.clone(),
        3 => vec(plain.clone(), 2..4).prop_map(|words| words.concat()),
        2 => (plain, piece()).prop_map(|(one, other)| [one, other].concat()),
        1 => word(),
    ];
    let blank = one_of(&[" ", " ", " ", " ", "  ", "\t"]);
    let words = vec((blank, word), 0..4).prop_map(|words| {
        words
            .into_iter()
            .flat_map(|(blank, word)| [blank, word].concat())
            .collect::<Vec<_>>()
    });
    let program = prop_oneof![
        10 => one_of(&[
            "/bin/echo", "hello", "./hello", "cat", "seq", "expr", "basename", "printenv", "env printenv", "/bin/true", "env -i",
            "'hello'", "he\"llo\"", "bin/hello", "sub/../hello", "killed 9", "killed", "tr a-z A-Z", "/usr/bin/printf '%s|'",
            "sh -c 'echo $0 $#'", "dirname", "env hello", "sh -c 'exit 3'", "cat data", "./bin/killed 11", "script", "plain",
            "env -u PWD printenv PWD OLDPWD SHLVL _", "/usr/bin/[", "/usr/bin/test", "fold -w3 data", "wc -c", "sh",
        ]),
        1 => one_of(&["sub", "./sub", "no-such", "./no-such", "/", "..", "//bin/echo", "greet", "size", "data", "./data", "~/hello", "hell?", "ünï"]),
        1 => name(),
    ];
    let to = prop_oneof![14 => Just(Vec::new()), 1 => redirections()];
    (
        one_of(&["", "", "", " ", "\t", "x=1 "]),
        program,
        words,
        to,
        one_of(&["", "", "", " ", "  ", ";"]),
    )
        .prop_map(|(before, program, words, to, after)| {
            [before, program, words, to, after].concat()
        })
        .boxed()
}

/// Any bytes in quotes, but for some.
fn quoted(quote: u8, kept_out: &'static [u8]) -> Bytes {
    let byte =
        prop_oneof![2 => select(b"ab \n\t*?[]{}~#;&|<>()$!=\\'\"-".to_vec()), 1 => 1..=255_u8];
    vec(byte, 0..6)
        .prop_map(move |bytes| {
            let kept = bytes.into_iter().filter(|byte| !kept_out.contains(byte));
            [quote].into_iter().chain(kept).chain([quote]).collect()
        })
        .boxed()
}

/// One of these texts.
fn one_of(texts: &'static [&'static str]) -> Bytes {
    select(texts)
        .prop_map(|text| text.as_bytes().to_vec())
        .boxed()
}

/// What a word is made of.
fn piece() -> Bytes {
    prop_oneof![
        8 => "[a-z0-9=_./,:@%^+-]{1,4}".prop_map(String::into_bytes),
        3 => quoted(b'\'', b"'"),
        2 => quoted(b'"', b"\"\\`$"),
        1 => "[ -~]".prop_map(|text| format!("\\{text}").into_bytes()),
        5 => one_of(&[
            "$h", "\"$h\"", "${h}", "\"${n}\"", "$n", "$empty", "\"$empty\"", "$nothing", "\"$nothing\"",
            "${nothing:-d e}", "\"${nothing:-d  e}\"", "${nothing-$h}", "${h:+x}", "${h%o*}", "${h##*l}", "${#h}",
            "$#", "$*", "$@", "\"$@\"", "\"$*\"", "$?", "$0", "$1", "${1}", "$10", "${10}", "$-", "$PARALLEL_SEQ",
            "\"${PARALLEL_SEQ}\"", "$HOME", "$h$n", "$hx", "$x", "${x}", "$IFS", "\"$IFS\"", "$LINENO", "$OPTIND",
            "${h/l/L}", "${h:1:2}", "${n:?}", "${nothing:?gone}", "${!n}", "${h^}", "$", "\"$\"", "${", "$'", "$\"h\"",
        ]),
        2 => one_of(&[
            "\"a\\\"b\"", "\"a\\\\b\"", "\"\\$h\"", "\"\\a\\n\"", "\"`echo 'q  r'`\"", "\"$(echo 'q  r')\"", "\"!\"",
            "\"a!b\"", "\"it's\"", "\"a\nb\"", "''", "\"\"", "'a\\nb'", "'a\\cb'", "'a\\0101b'", "'%s'", "'%d\\n'",
        ]),
        2 => one_of(&[
            "$'a\\nb'", "$'\\x41\\'q'", "$'\\t\\101'", "$'\\u263a'", "$'a\\cb'", "$'\\xff'", "$''",
        ]),
        2 => one_of(&[
            "\\x", "\\ ", "\\\\", "\\\"", "\\'", "\\$h", "\\*", "\\~", "\\#", "\\\n", "\\;", "\\-n", "\\`", "\\!",
        ]),
        3 => one_of(&[
            "*.none", "d*", "[d]ata", "?ata", "sub/*", "[!a]ata", "[^x]ata", "[", "]", "{a,b}", "{1..3}", "{}", "{a}",
            "{", "}", "~", "~/x", "~root", "a=~", "a:~", "=", "=ls", "=cat", "==", "#", "a#b", "#b", "!", "!!", "!x",
            "**", "(d)", "d*(.)", "d@(ata)", "^", "a^b",
        ]),
        2 => one_of(&[
            "$((1+2))", "$((n*2))", "$(( h ))", "$((1/0))", "$((nothing))", "$[1+1]", "\"$((n<<2))\"", "$((08))",
        ]),
        2 => one_of(&[
            "$(echo x)", "`echo y`", "$(cat data)", "$(false)", "$(echo 'a  b')", "\"$(echo 'a  b')\"", "$(<data)",
            "$(echo $(echo z))", "`echo \\`echo w\\``", "$(exit 3)", "$(cat no-such-file)", "$(greet you)",
        ]),
        1 => one_of(&["é", "☃", "\u{1}", "\u{7f}", "\r", "\u{b}", "\u{a0}"]),
        1 => vec(0x80..=0xff_u8, 1..3),
    ]
    .boxed()
}

fn word() -> Bytes {
    prop_oneof![
        6 => piece(),
        3 => vec(piece(), 2..4).prop_map(|pieces| pieces.concat()),
        2 => one_of(&["-n", "-e", "-E", "-ne", "--", "-", "-x", "+x", "a", "0", "1", "-1", "007", "0x1f", "''"]),
    ]
    .boxed()
}

fn words(most: usize) -> Bytes {
    let blank = one_of(&[" ", " ", " ", "  ", "\t", " \\\n"]);
    vec((blank, word()), 0..=most)
        .prop_map(|words| {
            words
                .into_iter()
                .flat_map(|(blank, word)| [blank, word].concat())
                .collect()
        })
        .boxed()
}

fn redirections() -> Bytes {
    let one = one_of(&[
        " >/dev/null",
        " 2>/dev/null",
        " >&2",
        " 1>&2",
        " 2>&1",
        ">&2 ",
        " > /dev/null 2>&1",
        " 2>&1 >/dev/null",
        " <data",
        " </dev/null",
        " <no-such-file",
        " >out/$PARALLEL_SEQ",
        " >>out/$PARALLEL_SEQ",
        " >|/dev/null",
        " >no-such/folder",
        " 3>&1",
        " 3>&1 >&3",
        " >&3",
        " >&-",
        " 2>&-",
        " <&-",
        " <<<$h",
        " <<<'a  b'",
        " 1>/dev/null",
        " >/dev/full",
        " 2>/dev/full",
        " >\"/dev/null\"",
        " >/dev/nul",
        " 10>&1",
    ]);
    prop_oneof![5 => Just(Vec::new()), 3 => one.clone(), 1 => vec(one, 2).prop_map(|two| two.concat())].boxed()
}

/// What can be called with any words.
fn name() -> Bytes {
    prop_oneof![
        10 => one_of(&["echo", "printf '%s\\n'", "printf", "true", "false", ":", "/bin/echo", "hello"]),
        3 => one_of(&[
            "printf %d:", "printf '%s %x\\n'", "printf '%5.2f|'", "printf '%b'", "printf '\\x41\\n'", "printf %q",
            "printf '[%-4s]\\n'", "printf %c", "printf '%s\\0'", "printf '%*s' 3", "printf --", "printf '%i%%\\n'",
            "printf %", "printf '%z'", "printf '%s' --", "printf \"%s$n\\n\"", "printf '%3d\\r\\n'", "printf -- '-%s'",
        ]),
        3 => one_of(&["test", "test -n", "test -z", "test !", "test -f", "[", "[ -n", "test -d sub -a", "test -t"]),
        4 => one_of(&["cat", "seq", "tr a-z A-Z", "env -i", "env printenv", "printenv", "expr", "basename", "no-such-command"]),
        2 => one_of(&["greet", "./hello", "script", "./script", "plain", "./plain", "sub", "killed", "/", "./no-such"]),
        3 => one_of(&[
            "exit", "return", "shift", "set", "set --", "cd", "pwd", "eval", "command", "builtin", "unset", "export",
            "read", "read x", "alias", "type", "hash", "local", "let", "command -v", "umask", "break", "declare",
            "readonly", "getopts", "exec", "wait", "times >/dev/null;", "unalias", "true &&", "! echo", "!echo",
        ]),
        1 => one_of(&["'echo'", "\"echo\"", "ec\"ho\"", "\\echo", "$nothing echo", "$empty", "\"$empty\"", "''", "$x", "ECHO"]),
        1 => one_of(&["x=1", "x=1 echo", "h=z greet", "h=z env printenv h;", "IFS=l; echo", "PATH=/; echo", "x+=y", "LC_ALL=C echo"]),
    ]
    .boxed()
}

fn test_command() -> Bytes {
    let operator = one_of(&[
        "=", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "==", "=~", "<", "-a", "-o", "-nt",
    ]);
    let brackets = select(vec![
        ("[ ", " ]"),
        ("[ ! ", " ]"),
        ("test ", ""),
        ("[[ ", " ]]"),
        ("[ -n ", " ]"),
        ("[", "]"),
    ]);
    (brackets, word(), operator, word())
        .prop_map(|((open, close), one, operator, other)| {
            [
                open.as_bytes(),
                &one,
                b" ",
                &operator,
                b" ",
                &other,
                close.as_bytes(),
            ]
            .concat()
        })
        .boxed()
}

fn simple() -> Bytes {
    prop_oneof![
        6 => (name(), words(3), redirections()).prop_map(|parts| [parts.0, parts.1, parts.2].concat()),
        2 => (test_command(), redirections()).prop_map(|(test, to)| [test, to].concat()),
        3 => one_of(PHRASES),
    ]
    .boxed()
}

/// A command with up to `depth` constructs around it.
fn command(depth: u32) -> Bytes {
    simple()
        .prop_recursive(depth, 12, 3, |inner| {
            let list = list(inner.clone());
            let around = |open: &'static str, close: &'static str| {
                (list.clone(), redirections()).prop_map(move |(list, to)| {
                    [open.as_bytes(), &list, close.as_bytes(), &to].concat()
                })
            };
            // Without redirections, of which the last command would complain while others do.
            let piped = |open: &'static str, close: &'static str| {
                list.clone()
                    .prop_map(move |list| [open.as_bytes(), &list, close.as_bytes()].concat())
            };
            let two = |open: &'static str, between: &'static str, close: &'static str| {
                (list.clone(), list.clone()).prop_map(move |(one, other)| {
                    [
                        open.as_bytes(),
                        &one,
                        between.as_bytes(),
                        &other,
                        close.as_bytes(),
                    ]
                    .concat()
                })
            };
            prop_oneof![
                4 => inner.clone(),
                2 => around("{ ", "; }"),
                1 => around("{ ", "\n}"),
                2 => around("(", ")"),
                2 => two("if ", "; then ", "; fi"),
                1 => two("if ", "\nthen\n", "\nelse echo else\nfi"),
                1 => two("if ", "; then :; elif true; then ", "; else :; fi"),
                1 => around("for i in 1 'b c' $h; do echo $i; ", "; done"),
                1 => around("for i; do ", "; done"),
                1 => around("while read x; do echo \"[$x]\"; (", "); done <data"),
                1 => around("until /bin/true; do ", "; done"),
                1 => two("case $h in h*) ", ";; *) ", ";; esac"),
                1 => two("case x in\n(y) ", " ;;\n(x|z) ", "\nesac"),
                1 => around("f() { unset -f f; ", "; }; f a 'b  c'"),
                1 => around("function f { unset -f f\n", "; }\nf"),
                1 => around("! ", ""),
                1 => around("x=$(", "); echo \"$? $x\""),
                1 => piped("{ ", "; } 2>&1 | cat"),
                1 => piped("( ", ") 2>/dev/null | tr a-z A-Z"),
                1 => piped("{ ", "; } | while read -r y; do printf '<%s>' \"$y\"; done"),
                1 => piped("echo start | { cat; ", "; }"),
                1 => around("eval '", "'"),
            ]
        })
        .boxed()
}

fn list(command: Bytes) -> Bytes {
    let joint = one_of(&["; ", "; ", ";", " && ", " || ", "\n", " &&\n", " ||\t"]);
    (
        command.clone(),
        vec((joint, command), 0..3),
        one_of(&["", "", "", ";", "\n", " ", " # end"]),
    )
        .prop_map(|(first, more, end)| {
            let mut list = first;
            for (joint, command) in more {
                list.extend(joint);
                list.extend(command);
            }
            list.extend(end);
            list
        })
        .boxed()
}

/// What ends the shell itself, in the shell itself: somewhere else it would be a race.
fn killer() -> Bytes {
    let kill = one_of(&[
        "kill -9 $$",
        "kill -TERM $$",
        "kill -HUP $$",
        "kill -s SEGV $$",
        "kill -TERM 0",
        "trap 'echo t' TERM; kill -TERM $$",
        "trap '' TERM; kill -TERM $$",
        "kill -9 0",
        "trap 'exit 7' USR1; kill -USR1 $$",
        "exec killed 9",
        "exec killed 15",
        "trap 'echo bye' EXIT; kill -TERM $$",
        "{ kill -9 $$; }",
        "if true; then kill -KILL $$; fi",
    ]);
    (one_of(&["echo a", "printf a", ":", "echo a >&2"]), kill)
        .prop_map(|(before, kill)| [&before, &b"; "[..], &kill].concat())
        .boxed()
}

/// A line from which something is missing, or in which something was put; nothing that starts a background job, makes a
/// pipeline or writes somewhere.
fn damaged(line: Bytes) -> Bytes {
    (
        line,
        any::<prop::sample::Index>(),
        any::<bool>(),
        select(b"'\"$`\\(){}[]! ;#=*~\n\t-a0\xff".to_vec()),
    )
        .prop_map(|(mut line, place, adds, byte)| {
            if !line.is_empty()
                && !line.windows(4).any(|text| {
                    [b"kill", b"wait", b"unti", b"unse"]
                        .iter()
                        .any(|not| text == *not)
                })
            {
                let place = place.index(line.len());
                if adds {
                    line.insert(place, byte);
                } else if !b"&>|".contains(&line[place]) {
                    line.remove(place);
                }
            }
            line
        })
        .boxed()
}
