//! What random command lines are made of: the options of GNU parallel with usual and odd values, commands, inputs.

/// An option, in its spellings, and what its value may be; none: it has no value.
pub struct Choice {
    pub spellings: &'static [&'static str],
    pub values: &'static [&'static str],
}

const fn flag(spellings: &'static [&'static str]) -> Choice {
    Choice {
        spellings,
        values: &[],
    }
}

const fn with(spellings: &'static [&'static str], values: &'static [&'static str]) -> Choice {
    Choice { spellings, values }
}

const COUNTS: &[&str] = &["1", "2", "3", "5", "0", "10", "-1", "1k", "", "x", "4"];
const SOME: &[&str] = &["1", "2", "3", "5", "7", "10", "-1", "1k", "", "x", "4"];
const SIZES: &[&str] = &["1", "3", "10", "100", "1k", "1K", "1M", "0", "0.5k", "x"];
const REPLACED: &[&str] = &["{}", "X", "{x}", ",,", "[]", "", "{1}", "b", "%"];
const SEPARATORS: &[&str] = &[
    "\\n", "\\t", "\\0", ",", "b", "\\x41", "ab", "", " ", ".", "\\\\", "|", "[ab]", "\\s+", ":",
];
const PATTERNS: &[&str] = &[
    ",", " ", "\\t", "\\s+", ",\\s*", "[,:]", "b", "", ".", "(,)", "|", "\\|", "a|b", "^", "x",
];
const HALTS: &[&str] = &[
    "0",
    "1",
    "2",
    "never",
    "soon,fail=1",
    "now,fail=1",
    "soon,success=1",
    "now,done=1",
    "soon,fail=2",
    "now,fail=50%",
    "-1",
    "-2",
    "3",
    "soon",
    "x",
    "soon,fail=0",
    "now,success=0",
    "100%",
    "10%",
];
const TIMES: &[&str] = &["0", "1", "10s", "1m", "5", "0.01", "x", "", "1m30s", "100%"];
const TAGS: &[&str] = &[
    "x",
    "{}",
    "{#}",
    "{1}-{2}",
    "",
    "a b",
    "{.}",
    "\\t",
    "{= $_=uc($_) =}",
    "$x",
    "{/}",
    "'",
];

/// Options for jobs that get arguments.
pub const OPTIONS: &[Choice] = &[
    with(
        &["-j", "--jobs", "--max-procs", "-P"],
        &[
            "1", "2", "3", "100%", "+1", "-1", "8", "0", "1.5", " 2", "x", "", "50%",
        ],
    ),
    with(&["-n", "--max-args"], COUNTS),
    with(&["-N", "--max-replace-args"], COUNTS),
    with(&["-L", "--max-lines"], COUNTS),
    with(
        &["-s", "--max-chars"],
        &["100", "10", "1k", "1000", "x", "0", "20", "50"],
    ),
    flag(&["-X"]),
    flag(&["-i", "--replace"]),
    flag(&["-m", "--xargs"]),
    flag(&["-l"]),
    flag(&["-x", "--exit"]),
    flag(&["-r", "--no-run-if-empty"]),
    flag(&["-0", "--null"]),
    flag(&["-q", "--quote"]),
    flag(&["-v", "--verbose"]),
    flag(&["-vv"]),
    flag(&["-t"]),
    flag(&["--dry-run", "--dryrun"]),
    flag(&["--shellquote", "--shell-quote"]),
    flag(&["--tag"]),
    with(&["--tagstring"], TAGS),
    flag(&["--plus"]),
    flag(&["--link", "--xapply"]),
    flag(&["-k", "--keep-order", "--keeporder"]),
    flag(&["--group"]),
    flag(&["--line-buffer", "--linebuffer", "--lb"]),
    flag(&["-u", "--ungroup"]),
    flag(&[
        "--no-notice",
        "--will-cite",
        "--gnu",
        "--tollef",
        "--silent",
    ]),
    flag(&["--compress"]),
    flag(&["--csv"]),
    flag(&["--nosuch", "-Z"]),
    with(&["-d", "--delimiter"], SEPARATORS),
    with(&["-C", "--colsep"], PATTERNS),
    with(&["--trim"], &["l", "r", "lr", "rl", "n", "", "x", "L"]),
    with(&["-E", "--eof", "-e"], &["b", "", "x", "2", " "]),
    with(&["-I"], REPLACED),
    with(&["-U", "--extensionreplace", "--er"], REPLACED),
    with(&["--basenamereplace", "--bnr"], REPLACED),
    with(&["--basenameextensionreplace", "--bner"], REPLACED),
    with(&["--dirnamereplace", "--dnr"], REPLACED),
    with(&["--seqreplace"], REPLACED),
    with(&["--slotreplace"], REPLACED),
    with(
        &["--rpl"],
        &[
            "{x} $_=uc($_)",
            "{x(.)} s/$$1/Q/",
            "{y}",
            "X s/a/b/",
            "{..} s/b//",
            "{+z} $_++",
        ],
    ),
    with(&["--parens"], &["()", ",,,,", "[]", "<>", "(("]),
    with(&["--header"], &[":", ".*\\n", "x"]),
    flag(&["--skip-first-line"]),
    with(&["--halt", "--halt-on-error"], HALTS),
    with(&["--retries"], &["1", "2", "3"]),
    with(&["--timeout"], TIMES),
    with(&["--delay"], &["0", "0.01", "10ms", "x", "", "0.01s"]),
    with(&["--joblog"], &["log", "sub/log", "", "jl"]),
    with(
        &["--results"],
        &[
            "res",
            "res/{}",
            "res/{#}.x",
            "out.tsv",
            "out.csv",
            "res/",
            "",
        ],
    ),
    with(
        &["--filter"],
        &["{} > 1", "1", "0", "{} eq \"a\"", "{1} < {2}", "{#} > 1"],
    ),
    with(&["--arg-sep"], &[":::", "--", "+++", ""]),
    with(&["--arg-file-sep"], &["::::", "--", "+++", ""]),
    with(
        &["-a", "--arg-file"],
        &["a.txt", "b.txt", "empty", "missing", "cols", "noeol"],
    ),
    with(&["--nice"], &["0", "1", "19", "x", ""]),
    with(
        &["--wd", "--workdir"],
        &[".", "sub", "...", "/", "/nosuch/dir", ""],
    ),
    with(&["--env"], &["HOME", "_", "NOSUCH", ""]),
    with(&["--total-jobs", "--total"], &["3", "10", "0", "x"]),
    with(&["--process-slot-var"], &["SLOT", "x"]),
    with(&["--tmpdir"], &["sub", "/tmp"]),
    with(&["--termseq"], &["TERM,100", "KILL"]),
    with(&["--compress-program"], &["gzip"]),
    with(&["--tmpl", "--template"], &["t=o.{#}", "t=o.{}"]),
    with(&["-S", "--sshlogin"], &[":", "1/:"]),
    flag(&["--resume"]),
    flag(&["--resume-failed"]),
];

/// Options for jobs that get pieces of an input.
pub const PIPE_OPTIONS: &[Choice] = &[
    with(&["--block", "--block-size"], SIZES),
    with(&["-N"], COUNTS),
    with(&["-L"], COUNTS),
    with(&["-n"], SOME),
    with(&["--recstart"], &["a", ">", "", "b\\n", "\\n", "[ab]", "1"]),
    with(
        &["--recend"],
        &["\\n", "", "b", "\\n\\n", ",", "\\0", "[ab]\\n", "x"],
    ),
    flag(&["--regexp", "--regex"]),
    flag(&["--rrs", "--remove-rec-sep", "--removerecsep"]),
    flag(&["--cat"]),
    flag(&["--fifo"]),
    flag(&["--tee"]),
    flag(&["--round-robin", "--roundrobin", "--round"]),
    flag(&["-0"]),
    flag(&["-r"]),
    flag(&["--tag"]),
    flag(&["-v"]),
    flag(&["--csv"]),
    flag(&["--dry-run"]),
    flag(&["-q"]),
    flag(&["--line-buffer"]),
    with(&["--tagstring"], TAGS),
    with(&["--header"], &[":", ".*\\n", "1", "x", "2\\n"]),
    with(
        &["--group-by"],
        &["1", "2", "x", "/s/", "1 $_=substr($_,0,1)"],
    ),
    with(&["--colsep", "-C"], PATTERNS),
    with(&["--halt"], HALTS),
    with(&["--retries"], &["1", "2"]),
    with(&["--joblog"], &["log"]),
    with(&["--results"], &["res", "res/{#}", "out.tsv"]),
    with(&["-d"], SEPARATORS),
    with(&["-s"], &["100", "10"]),
    flag(&["--keep-order"]),
    flag(&["--compress"]),
    flag(&["-u"]),
    with(&["-I"], REPLACED),
    with(&["--timeout"], TIMES),
    with(&["--delay"], &["0", "0.01"]),
    flag(&["--skip-first-line"]),
    with(&["-E"], &["b", "3"]),
    with(&["--rpl"], &["{x} $_=uc($_)"]),
    with(&["--wd"], &[".", "..."]),
    with(&["--env"], &["HOME"]),
];

/// Commands of jobs that get arguments, as words; none: the inputs are commands.
pub const COMMANDS: &[&[&str]] = &[
    &["echo"],
    &["echo", "{}"],
    &["echo", "{1}", "{2}"],
    &["echo", "{2}"],
    &["echo {}"],
    &["echo {} | cat"],
    &["echo", "{}", "{}"],
    &["echo", "a{}b"],
    &["echo", "{.}", "{/}", "{//}", "{/.}"],
    &["echo", "{#}", "{}"],
    &["echo", "{1.}", "{2/}", "{-1}", "{-1//}"],
    &["echo", "{x}"],
    &["echo", "X", "[]", ",,"],
    &["echo", "{= $_=uc($_) =}"],
    &["echo", "{=1 s/a/b/ =}", "{}"],
    &["echo", "{= $_=$job->seq() =}"],
    &["echo", "{0}", "{##}", "{:}"],
    &["echo", "{+/}", "{..}", "{%.*}", "{#a}"],
    &["printf", "%s.", "{}"],
    &["printf '<%s>' {}; echo"],
    &["echo {} >&2"],
    &["echo out {}; echo err >&2"],
    &["exit", "{#}"],
    &["exit 3"],
    &["sh -c 'exit {#}'"],
    &["test {} = a"],
    &["false"],
    &["true"],
    &["nosuchcommand"],
    &["kill -9 $$"],
    &["echo $PARALLEL_SEQ"],
    &["echo", "a  b", "*", "$HOME", "'"],
    &["echo", "-n", "{}"],
    &["echo {1}; echo {2} '{}' \"{}\""],
    &["echo", "\\{}", "\"{}\""],
    &["cat"],
    &["wc -c"],
    &["echo", ""],
    &["", "echo"],
    &["echo\n{}"],
    &["# nothing"],
    &["(echo {}; exit 1)"],
    &["f() { echo $1; }; f {}"],
    &[],
];

/// Commands of jobs that get pieces.
pub const PIPE_COMMANDS: &[&[&str]] = &[
    &["cat"],
    &["cat; echo --"],
    &["echo J{#}; cat"],
    &["wc"],
    &["wc -l"],
    &["wc", "-c"],
    &["head -n1; cat >/dev/null"],
    &["od -c"],
    &["tr a-z A-Z"],
    &["cat >&2"],
    &["cat; exit {#}"],
    &["echo {} {#}; cat"],
    &["cat; false"],
    &[],
];

/// Single arguments.
pub const WORDS: &[&str] = &[
    "a", "b", "c", "1", "2", "3", "10", "", " ", "a b", "a  b ", " x", "it's", "\"", "$HOME", "*",
    "a/b.c.d", "/x/y/", "/", ".hid", "x.", "é", "-n", "\\", "{}", "{#}", "a,b", "1\t2", "a\nb",
    "~", "#c", "a;b", "a|b", "`x`", "!", "a=b", "\u{1}", "echo a", "true", "a.b/c", "b.tar.gz",
    "..", "%", "a\\tb", ":", "--", "<", "ABC",
];

/// Files, by name.
pub const FILES: &[(&str, &str)] = &[
    ("a.txt", "a\nb\nc\n"),
    ("b.txt", "1\n2\n3\n4\n"),
    ("empty", ""),
    ("noeol", "x y\n\nz"),
    ("cols", "a,1\nb,2\n\"c,d\",3\n"),
    ("crlf", "a\r\nb\r\n"),
    ("spaces", " a  b \n\tc\n"),
    ("records", ">1\nab\n>2\ncd\nef\n>3\n"),
    ("sub/file", "x\n"),
];

/// What may be on standard input.
pub const STDINS: &[&str] = &[
    "a\nb\nc\n",
    "1\n2\n3\n4\n5\n",
    "",
    "\n",
    "a",
    "a\n\nb\n",
    "a b\nc d\n",
    "a,1\nb,2\nc,3\n",
    "x\0y\0",
    "a\tb\nc\td\n",
    " a \n  b\n",
    "h1,h2\n1,2\n3,4\n",
    "a\r\nb\r\n",
    ">1\nab\n>2\ncd\nef\n>3\n",
    "1 a\n1 b\n2 c\n2 d\n3 e\n",
    "b\nb\nb\n",
    "echo a\necho b\nfalse\n",
    "\"a\nb\",c\nd,e\n",
    "a\n \nb\n",
    "-n\n-e\n",
];
