//! Jobs on other hosts, which are servers of ssh of the tests' own.

use std::process::Command;

use crate::support::sshd::{self, Spec};

#[test]
fn each_host_of_the_tests_has_its_own_shell_and_home() {
    let shells = ["sh", "bash", "zsh", "fish", "csh", "tcsh"];
    let names = shells.map(|shell| format!("with-{shell}"));
    let specs = [0, 1, 2, 3, 4, 5].map(|at| Spec {
        shell: shells[at],
        ..Spec::new(&names[at])
    });
    let Some(hosts) = sshd::start(&specs) else {
        return;
    };
    for spec in &specs {
        let ssh = |command: &str| {
            let output = Command::new(hosts.ssh())
                .args([spec.name, command])
                .output();
            let output = output.unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{}: {stderr}", spec.name);
            String::from_utf8(output.stdout).unwrap()
        };
        let said = ssh("echo $SHELL $TEST_HOST; pwd; cd; pwd");
        let home = hosts.home(spec.name).display().to_string();
        let mut lines = said.lines();
        let shell = lines.next().unwrap();
        assert!(
            shell.ends_with(&format!("/{} {}", spec.shell, spec.name)),
            "{shell}"
        );
        assert_eq!(lines.collect::<Vec<_>>(), [&home, &home]);
    }
}

#[test]
fn a_host_of_the_tests_can_refuse_and_can_be_killed() {
    let specs = [
        Spec::new("good"),
        Spec {
            lets_in: false,
            ..Spec::new("strange")
        },
    ];
    let Some(hosts) = sshd::start(&specs) else {
        return;
    };
    let logs_in = |name: &str| {
        let status = Command::new(hosts.ssh()).args([name, "true"]).output();
        status.unwrap().status.success()
    };
    assert!(logs_in("good"));
    assert!(!logs_in("strange"));
    hosts.kill_server("good");
    assert!(!logs_in("good"));
}
