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
