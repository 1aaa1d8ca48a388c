//! Command templates: parsed once, rendered to bytes for every job.
//!
//! [`Template`] is the parsed form of a command (or a tag): literal bytes and replacement strings.
//! What can be written is a table, [`Syntax`]; what a replacement string does to an argument is a
//! function in [`transforms`]; how a value is made safe for a shell is [`quote`]. A new replacement
//! string is a new row of the table.
//!
//! Rules learnt from GNU parallel 20221122:
//!
//! - A value is never scanned for replacement strings again.
//! - A command without any replacement string, not even `{#}`, gets ` {}` appended.
//! - If the command's first word has a replacement string in it (`{} x`, `x/{} y`; not `f={} y`), the values *are*
//!   the command: none of them, in the whole line, is quoted.
//! - `{}` with several arguments is all of them with spaces between. Where a run asks for it
//!   ([`Spread::Repeat`], `-N` and `-X`), the word around it is repeated instead: `x{}y` gives
//!   `xay xby`.
//! - With `-q` each word of the command is quoted after its replacement strings were replaced; the
//!   spaces that stand between several arguments stay unquoted. Words that a Perl expression goes over are one.

mod columns;
pub mod edit;
pub mod format;
mod groups;
mod parse;
pub mod quote;
mod render;
mod rpl;
mod shape;
mod stored;
mod syntax;
pub mod transforms;

pub use quote::Quoting;
pub use render::{Call, Evaluated, Spread, Style, Values};
pub use shape::Shape;
pub use stored::stored;
pub use syntax::{Expression, Syntax, What};

use std::ops::Range;
use std::sync::Arc;

use format::Format;

use crate::model::ArgList;

/// A command or tag, ready to be rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// One body per word of the command with `-q`, else one for everything.
    bodies: Vec<Body>,
    /// Whether each body is quoted as a whole (`-q`), not each value by itself.
    quote_bodies: bool,
    /// Whether values go in as they are, whatever the quoting.
    raw_values: bool,
    /// Whether there is a Perl expression in it.
    needs_perl: bool,
}

/// What is rendered from left to right.
#[derive(Clone, Debug, Default, PartialEq)]
struct Body {
    tokens: Vec<Token>,
    /// The tokens in groups: words that take `{}` and what is between them.
    groups: Vec<Group>,
}

/// One step of rendering.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Literal(Vec<u8>),
    Replace(Replace),
}

/// A replacement string.
#[derive(Clone, Debug, PartialEq)]
struct Replace {
    which: Which,
    what: What,
    /// How its value is written: by each in turn.
    formats: Vec<Format>,
}

/// Which of the job's arguments.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Which {
    /// All of them: `{}`.
    All,
    /// The one at this position, from 1; negative ones count from the end; 0 is none.
    At(i64),
}

/// Tokens that are rendered together.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    tokens: Range<usize>,
    /// Whether this is a word with `{}` in it, which [`Spread::Repeat`] repeats for every argument.
    repeats: bool,
}

/// A command's words, quoted one by one or taken as one line, as tokens. As GNU parallel: what the words of a line
/// become only together, but for expressions, is no replacement string.
fn parts<W: AsRef<[u8]>>(words: &[W], quote_words: bool, syntax: &Syntax) -> Vec<Vec<Token>> {
    let words = parse::whole_words(words, syntax);
    let mut parts = words.iter().map(|word| parse::tokens(word, syntax));
    if quote_words {
        return parts.collect();
    }
    let mut line = parts.next().unwrap_or_default();
    for part in parts {
        parse::append(&mut line, b" ");
        for token in part {
            match token {
                Token::Literal(text) => parse::append(&mut line, &text),
                replace @ Token::Replace(_) => line.push(replace),
            }
        }
    }
    vec![line]
}

impl Template {
    /// The template of a command, given as the words that were typed.
    ///
    /// The words are joined by single spaces; with `quote_words` (`-q`) each is quoted. Without any
    /// replacement string ` {}` is appended; without any word the inputs are the commands.
    pub fn command<W: AsRef<[u8]>>(words: &[W], quote_words: bool, syntax: &Syntax) -> Self {
        let mut parts = parts(words, quote_words, syntax);
        if words.is_empty() {
            parts = vec![vec![parse::ALL_ARGUMENTS]];
        } else if !parts.iter().flatten().any(Token::is_replace) {
            if quote_words {
                parts.push(vec![parse::ALL_ARGUMENTS]);
            } else {
                parts[0].extend([Token::Literal(b" ".to_vec()), parse::ALL_ARGUMENTS]);
            }
        }
        let raw_values = parts
            .first()
            .is_some_and(|first| parse::replaces_in_first_word(first));
        Self::new(parts, quote_words, raw_values)
    }

    /// The template of a command to which nothing is appended, whether it has replacement strings or not:
    /// it reads its standard input.
    pub fn command_as_it_is<W: AsRef<[u8]>>(
        words: &[W],
        quote_words: bool,
        syntax: &Syntax,
    ) -> Self {
        let parts = parts(words, quote_words, syntax);
        let raw_values = parts
            .first()
            .is_some_and(|first| parse::replaces_in_first_word(first));
        Self::new(parts, quote_words, raw_values)
    }

    /// The template of a text that no shell reads, as that of `--tagstring`: values go in as they
    /// are, and nothing is appended.
    pub fn text(text: &[u8], syntax: &Syntax) -> Self {
        Self::new(vec![parse::tokens(text, syntax)], false, true)
    }

    fn new(parts: Vec<Vec<Token>>, quote_bodies: bool, raw_values: bool) -> Self {
        let mut template = Self {
            bodies: parts.into_iter().map(Body::new).collect(),
            quote_bodies,
            raw_values,
            needs_perl: false,
        };
        let needs_perl = template.expressions().next().is_some();
        template.needs_perl = needs_perl;
        template
    }

    fn replaces(&self) -> impl Iterator<Item = &Replace> {
        let tokens = self.bodies.iter().flat_map(|body| &body.tokens);
        tokens.filter_map(|token| match token {
            Token::Replace(replace) => Some(replace),
            Token::Literal(_) => None,
        })
    }

    /// The Perl expressions in it, from left to right; rendering needs their values.
    pub fn expressions(&self) -> impl Iterator<Item = &Arc<Expression>> {
        self.replaces().filter_map(|replace| match &replace.what {
            What::Perl(expression) => Some(expression),
            _ => None,
        })
    }

    /// Whether there is any replacement string in it.
    pub fn has_replacements(&self) -> bool {
        self.replaces().next().is_some()
    }

    /// Whether it has to be known how many jobs there are.
    pub fn uses_total(&self) -> bool {
        self.replaces().any(|replace| match &replace.what {
            What::Total | What::PaddedSeq => true,
            What::Perl(expression) => {
                memchr::memmem::find(&expression.code, b"total_jobs").is_some()
            }
            _ => false,
        })
    }

    /// Whether the job with these arguments is not to be run (`{choose_k}`, `{uniq}`).
    pub fn skips(&self, args: &ArgList) -> bool {
        self.replaces()
            .any(|replace| matches!(replace.what, What::SkipIf(skip) if skip(args)))
    }

    /// Whether the job's slot number may be in it.
    pub fn uses_slot(&self) -> bool {
        self.replaces().any(|replace| replace.what.is_of_slot())
    }
}

impl Token {
    fn is_replace(&self) -> bool {
        matches!(self, Token::Replace(_))
    }
}

impl Body {
    fn new(tokens: Vec<Token>) -> Self {
        let (tokens, groups) = parse::group_words(tokens);
        Self { tokens, groups }
    }
}

#[cfg(test)]
mod tests {
    use super::{Evaluated, Quoting, Spread, Style, Syntax, Template, Values};
    use crate::model::ArgList;

    fn render(template: &Template, args: &[&str], spread: Spread) -> String {
        let args: ArgList = args.iter().collect();
        let style = Style {
            quoting: Quoting::Posix,
            spread,
            bare: false,
        };
        let mut out = Vec::new();
        template.render(
            Values {
                args: &args,
                seq: 12,
                slot: 3,
                total: 100,
                slots: 10,
                evaluated: &[],
            },
            style,
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    fn command(words: &[&str], args: &[&str]) -> String {
        let template = Template::command(words, false, &Syntax::default());
        render(&template, args, Spread::Join)
    }

    fn command_repeating(words: &[&str], args: &[&str]) -> String {
        let template = Template::command(words, false, &Syntax::default());
        render(&template, args, Spread::Repeat)
    }

    fn quoted_words(words: &[&str], args: &[&str], spread: Spread) -> String {
        let template = Template::command(words, true, &Syntax::default());
        render(&template, args, spread)
    }

    #[test]
    fn inputs_are_appended_unless_something_is_replaced() {
        for (words, want) in [
            (&["echo"][..], "echo 'a b'"),
            (&["echo", "{#}"], "echo 12"),
            (&["echo", "{%}"], "echo 3"),
            (&["echo", "{1}"], "echo 'a b'"),
            (&["echo", "{0}"], "echo 'a b'"),
            (&["echo", "{2}"], "echo "),
            (&["echo", "{a}", "{1x}", "{ }"], "echo {a} {1x} { } 'a b'"),
            (&["echo", "{1", "}"], "echo {1 } 'a b'"),
            (&["echo  "], "echo   'a b'"),
            (&[""], " 'a b'"),
            (&["", ""], "  'a b'"),
        ] {
            assert_eq!(command(words, &["a b"]), want, "{words:?}");
        }
    }

    #[test]
    fn values_in_the_first_word_are_commands_and_not_quoted() {
        assert_eq!(command(&[], &["echo $x"]), "echo $x");
        for (typed, want) in [
            ("{}", "a b"),
            ("{} x", "a b x"),
            ("x{} {}", "xa b a b"),
            ("{#} {}", "12 a b"),
            ("x;{} {}", "x;a b a b"),
            ("'{}'", "'a b'"),
            ("x\u{b}{} {}", "x\u{b}a b a b"),
            ("x\r{} {}", "x\ra b a b"),
            (" {}", " 'a b'"),
            ("\t{}", "\t'a b'"),
            ("a\n{}", "a\n'a b'"),
            ("$(foo {})", "$(foo 'a b')"),
        ] {
            assert_eq!(command(&[typed], &["a b"]), want, "{typed}");
        }
    }

    #[test]
    fn quotes_around_a_replacement_string_are_left_alone() {
        let typed = r#"echo '{}' "{}" x{}y"#;
        assert_eq!(
            command(&[typed], &["a b"]),
            r#"echo ''a b'' "'a b'" x'a b'y"#
        );
        assert_eq!(
            command(&["echo {{}} {}{} {{1}} {}} {{}"], &["a"]),
            "echo {a} aa {a} a} {a"
        );
        assert_eq!(command(&["echo {}{}"], &[""]), "echo ''''");
    }

    #[test]
    fn values_are_not_scanned_again() {
        let args = ["{2}", "{1}{}", "{#}"];
        assert_eq!(
            command(&["echo {1} {} {2}"], &args[..2]),
            "echo '{2}' '{2}' '{1}{}' '{1}{}'"
        );
        assert_eq!(command(&["echo {.} {}"], &args[2..]), "echo '{#}' '{#}'");
    }

    #[test]
    fn positions_count_from_either_end() {
        for (typed, want) in [
            ("{1} {2}", "a b"),
            ("{01}", "a"),
            ("{3}x{-5}", "x"),
            ("{00}{-0}", ""),
            ("{0}", "a b"),
            ("{-1}{-2}{-3}{-4}", "baba"),
            ("{999999999999999999999}{-999999999999999999999}", ""),
            ("{1#}{1%}{2#}", ""),
            ("{0#}{0%}", "123"),
        ] {
            let line = format!("echo {typed}");
            assert_eq!(
                command(&[&line], &["a", "b"]),
                format!("echo {want}"),
                "{typed}"
            );
        }
        let got = command(&["echo {-1.} {-1/} {2//} {1/.}"], &["a/b.c", "d/e.f"]);
        assert_eq!(got, "echo d/e e.f d b");
    }

    #[test]
    fn several_arguments_stand_side_by_side() {
        assert_eq!(command(&["echo x{}y"], &["a", "b"]), "echo xa by");
        assert_eq!(
            command(&["echo x{.}y{/}"], &["a.1", "b.2"]),
            "echo xa bya.1 b.2"
        );
        assert_eq!(command(&["echo"], &["", "b c"]), "echo '' 'b c'");
        assert_eq!(command(&["echo {} x{}y {1}"], &[]), "echo  xy ");
    }

    #[test]
    fn or_repeat_the_word_around_them() {
        for (typed, want) in [
            ("x{}y", "xay xby"),
            ("x{}y{.}z {}", "xayaz xbybz a b"),
            ("x{}y{#}z{1}", "xay12za xby12za"),
            ("a{1}b c{}", "aab ca cb"),
            ("\"x {}\" y", "\"x a\" b\" y"),
            ("y{}\tz{}", "ya yb\tza \tzb"),
            ("y{}\t\tz{}", "ya yb\t\tza \tzb"),
            ("y{}\t z{}", "ya yb\t za zb"),
            ("y{} \tz{}", "ya yb \tza \tzb"),
            ("y{}\nz", "ya\nz yb\nz"),
            ("a{} b c\td{}e\tf g", "aa ab b c\tdae \tdbe\tf g"),
            ("a {1}\t{}", "a a\ta \tb"),
            ("{}\t", "a b\t"),
        ] {
            let line = format!("echo {typed}");
            assert_eq!(
                command_repeating(&[&line], &["a", "b"]),
                format!("echo {want}")
            );
        }
        assert_eq!(command_repeating(&["x{}"], &["a b", "c d"]), "xa b xc d");
    }

    #[test]
    fn with_q_words_are_quoted_after_replacing() {
        for (words, args, want) in [
            (
                &["echo", "a b", "$x", "{}"][..],
                &["c d"][..],
                "echo 'a b' '$x' 'c d'",
            ),
            (
                &["echo", "a {} b", "it's{}"],
                &["c d"],
                r#"echo 'a c d b' 'it'"'"'sc d'"#,
            ),
            (&["echo a"], &["c d"], "'echo a' 'c d'"),
            (&["echo", "", "{}"], &["c"], "echo '' c"),
            (&["echo", "{3}", "x{3}"], &["c"], "echo '' x"),
            (&[], &["echo a"], "'echo a'"),
            (&["{}", "x"], &["echo a"], "'echo a' x"),
            (
                &["echo", "x z{}w y"],
                &["a", "c", "d e"],
                "echo 'x za' c 'd ew y'",
            ),
            (&["echo", "*{}*{}*"], &["a", "c"], "echo '*a' 'c*a' 'c*'"),
            (&["echo", "x{}"], &["", ""], "echo x ''"),
            (&["echo", "x z{1}w y{2}"], &["a*", "c"], "echo 'x za*w yc'"),
        ] {
            assert_eq!(quoted_words(words, args, Spread::Join), want, "{words:?}");
        }
        assert_eq!(
            quoted_words(&["p x{}y q"], &["a", "b"], Spread::Repeat),
            "'p xay' 'xby q'"
        );
    }

    #[test]
    fn texts_take_values_as_they_are() {
        let text = Template::text(b"{#}{%}|{.}|x{}y {3}", &Syntax::default());
        assert_eq!(
            render(&text, &["a b.c", "it's"], Spread::Join),
            "123|a b it's|xa b.c it'sy "
        );
        assert!(text.uses_slot());
        assert!(!Template::text(b"{#}", &Syntax::default()).uses_slot());
    }

    #[test]
    fn expressions_wait_for_their_values() {
        let words = ["echo", "{= $_++ =}", "{=2 $_++ =}", "{= s/a/Z/ =}", "{==}"];
        let template = Template::command(&words, false, &Syntax::default());
        let args: ArgList = ["a", "b c"].into_iter().collect();
        let calls = template.calls(&args);
        let wanted: Vec<usize> = calls.iter().map(|call| call.arg).collect();
        assert_eq!(wanted, [0, 1, 1]);
        let value = |value: &'static str, quoted| Evaluated {
            value: value.as_bytes(),
            quoted,
        };
        let evaluated = [value("x", true), value("y z", true), value("$u", false)];
        let values = Values {
            args: &args,
            seq: 1,
            slot: 1,
            total: 1,
            slots: 1,
            evaluated: &evaluated,
        };
        for spread in [Spread::Join, Spread::Repeat] {
            let mut out = Vec::new();
            let style = Style {
                quoting: Quoting::Posix,
                spread,
                bare: false,
            };
            template.render(values, style, &mut out);
            let line = String::from_utf8(out).unwrap();
            assert_eq!(line, "echo x 'y z' $u Z 'b c' a 'b c'");
        }
    }

    #[test]
    fn replacement_strings_take_formats() {
        for (typed, want) in [
            ("{#:%04d}", "0012"),
            ("{2:%8.2f}", "'    3.14'"),
            ("{1}{:%_file}", "a/b.c{:%_file}"),
            ("{2#:%04d}{1}", "a/b.c"),
            ("{=1s/b/x/ :%6s=}", "' a/x.c'"),
            ("{=2:%.1f=}", "3.1"),
        ] {
            let line = command(&[&format!("echo {typed}")], &["a/b.c", "3.14159"]);
            assert_eq!(line, format!("echo {want}"), "{typed}");
        }
        let line = command(&["echo {/:%6s}|{1/:%-5s}|"], &["a/b.c"]);
        assert_eq!(line, "echo '   b.c'|'b.c  '|");
    }

    #[test]
    fn what_is_not_closed_is_no_expression() {
        assert_eq!(command(&["echo {=} {= }"], &["a"]), "echo {=} {= } a");
    }

    #[test]
    fn plus_adds_strings_and_edits() {
        let mut syntax = Syntax::default();
        syntax.add_plus();
        let plus = |typed: &str, args: &[&str]| {
            render(
                &Template::text(typed.as_bytes(), &syntax),
                args,
                Spread::Join,
            )
        };
        assert_eq!(plus("{##} {0#} {0%} {00#}", &["a"]), "100 012 03 012");
        assert_eq!(
            plus("{1..}{2+.}{2##}{1%.gz}", &["a.tar.gz", "x.y"]),
            "aya.tar"
        );
        assert_eq!(plus("{:1}{%}{%%}", &["abc"]), "bc3abc");
        let template = Template::text(b"{uniq}{choose_k}", &syntax);
        let skips = |args: &[&str]| template.skips(&args.iter().collect());
        assert!(!skips(&["a", "b"]) && skips(&["a", "a"]) && skips(&["b", "a"]));
    }

    #[test]
    fn strings_can_be_respelt_and_defined() {
        let mut syntax = Syntax::default();
        syntax.respell("{}", b",,").unwrap();
        syntax.respell("{.}", b"{x}").unwrap();
        syntax.set_parens(b"<<>>").unwrap();
        syntax.define(b"{first} s/a/Z/").unwrap();
        let text = Template::text(b",,{}{1}{x}{1x}<<s/a/b/>>{first}{1first}", &syntax);
        assert_eq!(render(&text, &["a.c"], Spread::Join), "a.c{}{1}aab.cZ.cZ.c");
    }
}
