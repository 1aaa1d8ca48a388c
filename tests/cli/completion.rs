//! Completion in real shells, by pressing Tab.

use std::fs;
use std::process::Command;

use crate::support::pane::Pane;
use crate::support::skip_without;

/// A shell: its name, how it is started without anything of the user's, and how `mygit` is taught to it.
const SHELLS: [(&str, &str, &str); 3] = [
    (
        "bash",
        "exec bash --norc --noprofile -i",
        "complete -W 'checkout cherry' mygit",
    ),
    (
        "zsh",
        "exec zsh -f -i",
        "autoload -U compinit; compinit -u -d .dump; _mygit() { compadd checkout cherry }; compdef _mygit mygit",
    ),
    (
        "fish",
        "exec fish --no-config -i",
        "complete -c mygit -f -a 'checkout cherry'",
    ),
];

/// An interactive shell that knows how to complete fanout; `None`: it is not installed.
fn shell((name, start, teach): (&str, &str, &str)) -> Option<Pane> {
    if Command::new(name).arg("--version").output().is_err() {
        skip_without(name);
        return None;
    }
    let pane = Pane::open(
        150,
        50,
        &format!("export HOME=$PWD XDG_CONFIG_HOME=$PWD; {start}"),
    )?;
    let source = if name == "fish" {
        "fanout --shell-completion fish | source"
    } else {
        "source <(fanout --shell-completion NAME)"
    };
    let set_up = format!("{teach}; {}; echo rea''dy\n", source.replace("NAME", name));
    pane.keys(&["-l", &set_up]);
    pane.await_cue("ready");
    Some(pane)
}

#[test]
fn tab_completes_the_command_behind_fanout_options_and_values() {
    for it in SHELLS {
        let Some(pane) = shell(it) else {
            continue;
        };
        fs::create_dir(pane.path().join(".ssh")).unwrap();
        fs::write(
            pane.path().join(".ssh/config"),
            "Host examplehost\nHost *\n",
        )
        .unwrap();
        fs::write(pane.path().join("some-inputs.txt"), "").unwrap();
        for (typed, completed) in [
            ("fanout -j4 mygit checko", "fanout -j4 mygit checkout"),
            ("fanout --timeout 5 -k mygit cher", "-k mygit cherry"),
            ("fanout --json-det", "fanout --json-detail"),
            ("fanout --json-detail=pr", "fanout --json-detail=progress"),
            ("fanout --json-detail lif", "fanout --json-detail lifecycle"),
            ("fanout --halt now,s", "fanout --halt now,success=1"),
            (
                "fanout --retry-on fail,ti",
                "fanout --retry-on fail,timeout",
            ),
            ("fanout -S exampleh", "fanout -S examplehost"),
            ("fanout -k mygit :::: some-in", "mygit :::: some-inputs.txt"),
            ("fanout --joblog some-in", "fanout --joblog some-inputs.txt"),
        ] {
            pane.keys(&["-l", typed]);
            pane.await_cue(typed);
            pane.keys(&["Tab"]);
            pane.await_lines(|lines| lines.iter().any(|line| line.contains(completed)));
            pane.keys(&["C-u", "C-l"]);
            pane.await_lines(|lines| !lines.iter().any(|line| line.contains("fanout")));
        }
    }
}
