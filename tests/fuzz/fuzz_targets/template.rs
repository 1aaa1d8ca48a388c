//! Templates: values are data, whatever is in them, and each word of `-q` is one word of the shell.

#![no_main]

use fanout::model::ArgList;
use fanout::template::{Evaluated, Quoting, Spread, Style, Syntax, Template, Values, stored};
use fanout_fuzz::{Choices, words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let flags = choices.byte();
    let Some(syntax) = syntax(flags, &mut choices) else {
        return;
    };
    let mut args = ArgList::new();
    for _ in 0..choices.below(4) {
        args.push(choices.text());
    }
    let mut typed = Vec::new();
    while !choices.is_empty() && typed.len() < 8 {
        typed.push(choices.text());
    }
    for quoted in [false, true] {
        for template in [
            Template::command(&typed, quoted, &syntax),
            Template::command_as_it_is(&typed, quoted, &syntax),
        ] {
            values_are_data(&template, &typed, &args);
        }
    }
    if !flags & 2 == 2 && args.len() == 1 {
        quoted_words_are_words(&typed, &args, &syntax);
    }
    let owned: Vec<Vec<u8>> = typed.iter().map(|word| word.to_vec()).collect();
    if let Ok(text) = stored(&owned, flags & 4 > 0, &syntax) {
        let back = Template::from_stored(&text, flags & 4 > 0);
        render(&back, &args, Style::default());
    }
});

/// What can be written: the usual, and more.
fn syntax(flags: u8, choices: &mut Choices) -> Option<Syntax> {
    let mut syntax = Syntax::default();
    if flags & 1 > 0 {
        syntax.add_plus();
    }
    if flags & 2 > 0 {
        let old = ["{}", "{.}", "{/}", "{//}", "{/.}", "{#}", "{%}"][usize::from(choices.below(7))];
        let new = choices.text();
        if syntax.respell(old, new).is_err() {
            return None;
        }
        let _ = syntax.set_parens(choices.text());
        let _ = syntax.define(choices.text());
        let _ = syntax.set_matches(&[choices.text().to_vec()]);
    }
    if flags & 8 > 0 {
        return Some(syntax.with_columns(&[choices.text().to_vec(), choices.text().to_vec()]));
    }
    Some(syntax)
}

fn render(template: &Template, args: &ArgList, style: Style) -> Vec<u8> {
    let calls = template.calls(args);
    assert_eq!(calls.len(), template.count_calls(args));
    let evaluated: Vec<Evaluated> = calls
        .iter()
        .map(|call| Evaluated {
            // Without arguments an expression is about the job.
            value: args
                .get(call.arg)
                .or(args.is_empty().then_some(b""))
                .expect("a call is for an argument that there is"),
            quoted: true,
        })
        .collect();
    let values = Values {
        args,
        seq: 12,
        slot: 3,
        total: 100,
        slots: 10,
        evaluated: &evaluated,
    };
    let mut line = b"kept".to_vec();
    template.render(values, style, &mut line);
    template.size_hint(values);
    template.skips(args);
    assert!(line.starts_with(b"kept"), "a line is appended");
    line.split_off(4)
}

/// Braces in a value are no replacement strings: other bytes in their place make the same line, but for those bytes.
fn values_are_data(template: &Template, typed: &[&[u8]], args: &ArgList) {
    for quoting in [
        Quoting::Posix,
        Quoting::Csh,
        Quoting::Fish,
        Quoting::Rc,
        Quoting::Raw,
    ] {
        for spread in [Spread::Join, Spread::Repeat, Spread::Touch] {
            for bare in [false, true] {
                let style = Style {
                    quoting,
                    spread,
                    bare,
                };
                let line = render(template, args, style);
                // Formats and edits look into values, and a control byte of the command would be taken for one of these.
                let looked_into =
                    |word: &&[u8]| word.windows(2).any(|two| two == b"{:" || two == b"{=");
                if quoting != Quoting::Raw
                    || typed.iter().any(|word| word.iter().any(|byte| *byte < 4))
                    || typed.iter().any(|word| looked_into(word))
                {
                    continue;
                }
                let other: ArgList = args.iter().map(without_braces).collect();
                let other = render(template, &other, style);
                assert_eq!(without_braces(&line), without_braces(&other));
            }
        }
    }
}

fn without_braces(value: &[u8]) -> Vec<u8> {
    let other = |&byte: &u8| match byte {
        b'{' => 1,
        b'}' => 2,
        b'#' => 3,
        _ => byte,
    };
    value.iter().map(other).collect()
}

/// With `-q` the shell reads as many words as were typed, each with its values in it.
fn quoted_words_are_words(typed: &[&[u8]], args: &ArgList, syntax: &Syntax) {
    if typed
        .iter()
        .any(|word| word.windows(2).any(|two| two == b"{="))
    {
        return; // Such an expression goes over several words.
    }
    let template = Template::command(typed, true, syntax);
    let line = render(&template, args, Style::default());
    let mut want: Vec<Vec<u8>> = typed
        .iter()
        .map(|word| render(&Template::text(word, syntax), args, Style::default()))
        .collect();
    if !typed
        .iter()
        .any(|word| Template::text(word, syntax).has_replacements())
    {
        want.extend(args.get(0).map(<[u8]>::to_vec));
    }
    let read = words::posix(&line);
    assert_eq!(read.as_ref(), Some(&want), "{}", line.escape_ascii());
}
