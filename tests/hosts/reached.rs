//! How hosts are reached, and what becomes of those that are not.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::support::sshd::{self, Spec};
use crate::{fanout, hosts, install, output, run, told};

#[test]
fn any_login_shell_will_do_however_chatty() {
    let shells = ["sh", "bash", "zsh", "fish", "csh", "tcsh"];
    let specs = shells.map(|shell| Spec {
        shell,
        ..Spec::new(shell)
    });
    let Some(hosts) = sshd::start(&specs) else {
        return;
    };
    for shell in shells {
        install(&hosts, shell);
        let home = hosts.home(shell);
        fs::create_dir_all(home.join(".config/fish")).unwrap();
        for file in [
            ".bashrc",
            ".zshenv",
            ".cshrc",
            ".tcshrc",
            ".config/fish/config.fish",
        ] {
            let words =
                "echo welcome; echo '{\"t\":\"hello\"}'; echo stderr >/dev/stderr; sleep 0.2\n";
            fs::write(home.join(file), words).unwrap();
        }
        let args = [
            "-k",
            "-S",
            shell,
            "echo {} $SHELL 'a b' \\$x",
            ":::",
            "1 2",
            "$x",
        ];
        let (stdout, stderr, code) = run(&hosts, &args);
        // Some shells run these files for each command, too.
        assert!(
            stderr.lines().all(|line| line == "stderr"),
            "{shell}: {stderr}"
        );
        let runs_them_always = ["zsh", "fish", "csh", "tcsh"].contains(&shell);
        assert!(runs_them_always || stderr.is_empty(), "{shell}: {stderr}");
        assert_eq!(code, Some(0), "{shell}");
        let lines: Vec<_> = stdout
            .lines()
            .filter(|line| line.ends_with("a b $x"))
            .collect();
        assert_eq!(lines.len(), 2, "{shell}: {stdout}");
        assert!(
            stdout.contains("1 2 ") && stdout.contains("$x "),
            "{shell}: {stdout}"
        );
    }
}

#[test]
fn this_program_is_sent_to_a_host_without_one_and_kept_there() {
    let Some(hosts) = sshd::start(&[Spec::new("bare")]) else {
        return;
    };
    let args = ["-S", "bare", "echo $TEST_HOST {}", ":::", "a"];
    assert_eq!(
        run(&hosts, &args),
        ("bare a\n".to_owned(), String::new(), Some(0))
    );
    let cache = hosts.home("bare").join(".cache/fanout");
    let versions: Vec<_> = fs::read_dir(cache).unwrap().collect();
    assert_eq!(versions.len(), 1);
    let folder = versions[0].as_ref().unwrap().path();
    let files: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert_eq!(files.len(), 1);
    let file = folder.join("fanout");
    let sent = fs::metadata(&file).unwrap();
    assert_eq!(sent.permissions().mode() & 0o777, 0o700);
    let ours = fs::metadata(env!("CARGO_BIN_EXE_fanout")).unwrap();
    assert_eq!(sent.len(), ours.len());
    assert_eq!(run(&hosts, &args).0, "bare a\n");
    assert_eq!(fs::metadata(&file).unwrap().ino(), sent.ino());
    // What a full disk has left of it is not taken for it.
    fs::OpenOptions::new()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(1000)
        .unwrap();
    assert_eq!(run(&hosts, &args).0, "bare a\n");
    assert_eq!(fs::metadata(&file).unwrap().len(), ours.len());
    // Without a home that can be written to, it is there for a while.
    fs::remove_dir_all(hosts.home("bare").join(".cache")).unwrap();
    fs::write(hosts.home("bare").join(".cache"), "").unwrap();
    assert_eq!(run(&hosts, &args).0, "bare a\n");
}

#[test]
fn a_host_of_another_kind_is_told_and_left_out() {
    let Some(hosts) = sshd::start(&[Spec::new("other"), Spec::new("good")]) else {
        return;
    };
    install(&hosts, "good");
    let uname = hosts.programs("other").join("uname");
    fs::write(&uname, "#!/bin/sh\necho Linux m68k\n").unwrap();
    fs::set_permissions(&uname, fs::Permissions::from_mode(0o755)).unwrap();
    let (stdout, stderr, code) = run(&hosts, &["-S", "other", "echo", ":::", "a"]);
    assert_eq!((&*stdout, code), ("", Some(255)));
    assert!(
        stderr.contains("other") && stderr.contains("Linux m68k"),
        "{stderr}"
    );
    let (stdout, stderr, code) = run(&hosts, &["-k", "-S", "other,good", "echo", ":::", "a", "b"]);
    assert_eq!((&*stdout, code), ("a\nb\n", Some(0)), "{stderr}");
}

#[test]
fn a_host_that_cannot_be_reached_is_named_in_the_words_of_ssh() {
    let specs = [
        Spec::new("good"),
        Spec::new("down"),
        Spec {
            lets_in: false,
            ..Spec::new("strange")
        },
    ];
    let Some(hosts) = sshd::start(&specs) else {
        return;
    };
    install(&hosts, "good");
    hosts.kill_server("down");
    for (host, why) in [
        ("down", "Connection refused"),
        ("strange", "Permission denied"),
        ("ssh no-such-host.invalid", "no-such-host.invalid"),
    ] {
        let (stdout, stderr, code) = run(&hosts, &["-S", host, "echo", ":::", "a", "b"]);
        assert_eq!((&*stdout, code), ("", Some(255)), "{stderr}");
        let lines: Vec<_> = stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{stderr}");
        let start = format!("fanout: Warning: {host} is left out: ");
        assert!(
            lines[0].starts_with(&start) && lines[0].contains(why),
            "{stderr}"
        );
        assert_eq!(
            lines[1],
            "fanout: Error: no host is left where jobs can run"
        );
        let both = format!("{host},good");
        let (stdout, stderr, code) = run(&hosts, &["-k", "-S", &both, "echo", ":::", "a", "b"]);
        assert_eq!((&*stdout, code), ("a\nb\n", Some(0)), "{stderr}");
    }
}

#[test]
fn a_program_that_is_no_ssh_is_named() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    let mut command = fanout(&hosts);
    command.args(["--ssh", "/no/such/ssh", "-S", "one", "echo", ":::", "a"]);
    let (_, stderr, code) = told(&output(command));
    assert_eq!(code, Some(255));
    assert!(stderr.contains("cannot start /no/such/ssh"), "{stderr}");
}

#[test]
fn words_of_startup_files_are_not_why_a_host_is_lost() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    fs::write(hosts.home("one").join(".bashrc"), "echo welcome >&2\n").unwrap();
    let args = ["-S", "one", "kill -9 $PPID; sleep 60", ":::", "a"];
    let (_, stderr, _) = run(&hosts, &args);
    assert!(stderr.contains("may have run, and is lost"), "{stderr}");
    assert!(!stderr.contains("welcome"), "{stderr}");
}

#[test]
fn a_dry_run_reaches_no_host() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    hosts.kill_server("one");
    let args = ["-S", "one", "--dry-run", "echo", ":::", "a"];
    assert_eq!(
        run(&hosts, &args),
        ("echo a\n".to_owned(), String::new(), Some(0))
    );
}
