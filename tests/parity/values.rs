//! Values that a careless program trips over, by what is nasty about them.

/// A theme and its values. None has a NUL; only the theme `newlines` has newlines.
pub type Theme = (&'static str, Vec<Vec<u8>>);

/// All themes.
pub fn nasty() -> Vec<Theme> {
    let text = |values: &[&str]| {
        values
            .iter()
            .map(|value| value.as_bytes().to_vec())
            .collect()
    };
    vec![
        (
            "spaces",
            text(&[
                "a b",
                " lead",
                "trail ",
                "  ",
                "tab\there",
                "\t",
                "a  b",
                "",
                "x",
            ]),
        ),
        (
            "quotes",
            text(&[
                "'",
                "\"",
                "''",
                "a'b",
                "a\"b",
                "'a' \"b\"",
                "`id`",
                "´",
                "a'b\"c`d",
            ]),
        ),
        (
            "expansions",
            text(&[
                "$HOME", "${HOME}", "$(id)", "$((1+1))", "$1", "$", "~", "~/x", "!!",
            ]),
        ),
        (
            "globs",
            text(&[
                "*", "?", "[a-z]*", "{a,b}", "{1..3}", "**", "!(a)", "@(a|b)",
            ]),
        ),
        (
            "dashes",
            text(&[
                "-",
                "--",
                "-n",
                "-e",
                "--help",
                "-k",
                "-j1",
                "-0",
                "--version",
            ]),
        ),
        (
            "operators",
            text(&[
                "a;b", "a&b", "a|b", "a&&b", "<in", ">out", "2>&1", "(x)", "#c", "a#b",
            ]),
        ),
        (
            "equals",
            text(&[
                "=", "a=b", "A=b c", "=x", "%", "%1", "^", "a^b", ":", ",", "@", "+",
            ]),
        ),
        (
            "backslashes",
            text(&["\\", "\\\\", "\\n", "a\\b", "end\\", "\\'", "\\ ", "\\{}"]),
        ),
        (
            "braces",
            text(&[
                "{}",
                "{1}",
                "{#}",
                "{.}",
                "{",
                "}",
                "}{",
                "{{}}",
                "{=s/a/b/=}",
                "a{}b",
            ]),
        ),
        (
            "utf8",
            text(&[
                "é",
                "日本語",
                "naïve café",
                "🦀",
                "e\u{301}",
                "\u{feff}x",
                "a\u{a0}b",
            ]),
        ),
        (
            "control",
            text(&[
                "\x01\x02", "\x1b[31m", "\x7f", "\r", "a\rb", "\x0b\x0c", "bell\x07",
            ]),
        ),
        (
            "not utf8",
            vec![
                b"\xff\xfe".to_vec(),
                b"a\x80b".to_vec(),
                b"\xc3".to_vec(),
                b"\xe6\x97".to_vec(),
            ],
        ),
        (
            "every byte",
            (1..=255)
                .filter(|&byte| byte != b'\n')
                .map(|byte| vec![byte])
                .collect(),
        ),
        (
            "all bytes in one",
            vec![(1..=255).filter(|&byte| byte != b'\n').collect()],
        ),
        (
            "long",
            vec![b"x".repeat(5_000), b"a b'".repeat(500), b"\\".repeat(2_000)],
        ),
        (
            "newlines",
            text(&[
                "\n", "a\nb", "\nlead", "trail\n", "\n\n", "a\n\nb c", "'\n'", "\\\n",
            ]),
        ),
    ]
}

/// Paths that bring out how `{.}`, `{/}`, `{//}` and `{/.}` cut.
pub const PATHS: &[&str] = &[
    "a",
    "a.b",
    "a.b.c",
    ".hidden",
    ".a.b",
    "a.",
    "a..",
    "dir/file.txt",
    "dir/file",
    "dir.d/file",
    "dir.d/file.x",
    "/abs/file.tar.gz",
    "/file",
    "/.x",
    "dir/",
    "dir.d/",
    "/",
    "//",
    "///",
    "a//b",
    "a//b.c",
    "./x.y",
    "../x",
    ".",
    "..",
    "...",
    "dir/.",
    "dir/..",
    "dir/.x",
    "dir.x/.y",
    "a b.c d",
    "d d/a b.c",
    "",
    "a./b",
    "x.y/",
    "a.b/c.d/e.f",
    "dir/a.",
    ".x/y",
    "a/b/c/d",
    "trailing.dot.",
];

/// `values` as input with one delimiter after each.
pub fn delimited(values: &[Vec<u8>], delimiter: u8) -> Vec<u8> {
    let mut input = Vec::new();
    for value in values {
        input.extend_from_slice(value);
        input.push(delimiter);
    }
    input
}
