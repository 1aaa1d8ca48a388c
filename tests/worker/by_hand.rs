//! Frames written by hand, and the small client in Python that documents them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{command, exit_code, nobody_is_left};

struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start() -> Self {
        let mut child = command().stderr(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut worker = Self {
            child,
            input,
            output,
        };
        assert!(worker.hears().0.contains("\"t\":\"hello\",\"n\":"));
        worker
    }

    fn set_up() -> Self {
        let mut worker = Self::start();
        worker.say(b"{\"t\":\"setup\",\"version\":1,\"slots\":1,\"own_environment\":true}\n");
        assert_eq!(worker.hears().0, "{\"t\":\"ready\"}");
        worker
    }

    fn say(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// The next header, and what follows it.
    fn hears(&mut self) -> (String, Vec<u8>) {
        let mut header = String::new();
        self.output.read_line(&mut header).unwrap();
        let mut body = Vec::new();
        if let Some((_, rest)) = header.split_once("\"n\":") {
            let digits = rest.split(|it: char| !it.is_ascii_digit()).next().unwrap();
            body.resize(digits.parse().unwrap(), 0);
            self.output.read_exact(&mut body).unwrap();
        }
        (header.trim_end().to_owned(), body)
    }

    /// Closes its input, and waits for its end: the exit code, and what it says on standard error.
    fn leave(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let code = exit_code(&mut self.child);
        let mut words = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut words).unwrap();
        (code, words)
    }
}

#[test]
fn a_command_runs_and_its_end_says_what_it_wrote() {
    let mut worker = Worker::set_up();
    worker.say(
        b"{\"t\":\"run\",\"n\":18,\"tasks\":[{\"id\":[7,2],\"line\":18}]}\nprintf '\\200'; ! :",
    );
    assert_eq!(worker.hears().0, "{\"t\":\"begun\",\"ids\":[[7,2]]}");
    let (header, body) = worker.hears();
    let begins = "{\"t\":\"ended\",\"n\":1,\"ends\":[{\"id\":[7,2],\"outcome\":{\"exited\":1}";
    assert!(header.starts_with(begins), "{header}");
    assert_eq!(body, b"\x80");
    worker.say(b"{\"t\":\"finish\"}\n");
    assert_eq!(worker.hears().0, "{\"t\":\"bye\"}");
    assert_eq!(worker.leave(), (Some(0), String::new()));
}

#[test]
fn what_a_job_reads_is_sent_to_it() {
    let mut worker = Worker::set_up();
    worker.say(b"{\"t\":\"run\",\"n\":3,\"tasks\":[{\"id\":[1,1],\"line\":3,\"input\":{\"counts\":true}}]}\ncat");
    worker
        .say(b"{\"t\":\"input\",\"id\":[1,1],\"n\":4}\n\0\n{}{\"t\":\"input_end\",\"id\":[1,1]}\n");
    loop {
        let (header, body) = worker.hears();
        if header.contains("\"ended\"") {
            assert!(
                header.contains("\"sent\":4") && body.ends_with(b"\0\n{}"),
                "{header}"
            );
            break;
        }
    }
}

#[test]
fn a_worker_whose_coordinator_goes_away_ends_what_runs() {
    let mark = format!("FANOUT_TEST_MARK=gone-{}", std::process::id());
    let mut worker = Worker::start();
    let (name, value) = mark.split_once('=').unwrap();
    let setup = format!(
        "{{\"t\":\"setup\",\"version\":1,\"slots\":1,\"own_environment\":true,\"env\":[[{},{}]],\"n\":{}}}\n{name}{value}",
        name.len(),
        value.len(),
        name.len() + value.len(),
    );
    worker.say(setup.as_bytes());
    assert_eq!(worker.hears().0, "{\"t\":\"ready\"}");
    let line = "trap '' TERM; sleep 1000 & echo; sleep 1000";
    let tasks = [1, 2].map(|seq| format!("{{\"id\":[{seq},1],\"line\":{}}}", line.len()));
    let run = format!(
        "{{\"t\":\"run\",\"tasks\":[{}],\"n\":{}}}\n{line}{line}",
        tasks.join(","),
        2 * line.len()
    );
    worker.say(run.as_bytes());
    assert_eq!(worker.hears().0, "{\"t\":\"begun\",\"ids\":[[1,1]]}");
    let (code, words) = worker.leave();
    assert_eq!(code, Some(255));
    // It may have been the guardian who ended the job.
    assert!(
        words.is_empty() || words == "fanout: Error: the coordinator is gone\n",
        "{words}"
    );
    nobody_is_left(&mark);
}

#[test]
fn what_cannot_be_understood_is_said_on_both_ways() {
    for (said, words) in [
        (
            &b"echo hello\n"[..],
            "this is no message of a fanout: echo hello",
        ),
        (
            b"{\"t\":\"setup\",\"version\":99}\n",
            "speaks version 99 of the protocol, this one 1",
        ),
        (b"{\"t\":\"list\"}\n", "the first message is not 'setup'"),
        (
            b"{\"t\":\"setup\",\"version\":1,\"slots\":1,\"shell\":[9,2],\"n\":1}\nx",
            "do not add up",
        ),
        (
            b"{\"t\":\"setup\",\"version\":1,\"slots\":1,\"cwd\":5,\"n\":5}\n/none",
            "cannot change into /none",
        ),
    ] {
        let mut worker = Worker::start();
        worker.say(said);
        let (header, _) = worker.hears();
        assert!(
            header.starts_with("{\"t\":\"down\"") && header.contains(words),
            "{header}"
        );
        let (code, told) = worker.leave();
        assert_eq!(code, Some(255));
        assert!(
            told.starts_with("fanout: Error: ") && told.contains(words),
            "{told}"
        );
    }
    let mut worker = Worker::set_up();
    worker.say(b"{\"t\":\"dance\"}\n");
    let (header, _) = worker.hears();
    assert_eq!(
        header,
        "{\"t\":\"down\",\"why\":\"there is no message 'dance'\"}"
    );
    assert_eq!(worker.leave().0, Some(255));
}

#[test]
fn a_worker_takes_no_options() {
    let output = command()
        .args(["-j", "2"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(255));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("--worker stands alone"), "{words}");
}

#[test]
fn the_small_client_runs_commands() {
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/worker/client.py");
    let python = Command::new("python3")
        .arg(client)
        .args([
            "exit 3",
            "echo a; echo b >&2",
            "kill -9 $$",
            "head -c 200000 /dev/zero | tr '\\0' x",
        ])
        .env("FANOUT", env!("CARGO_BIN_EXE_fanout"))
        .stderr(Stdio::null())
        .output();
    let output = match python {
        Ok(output) => output,
        Err(error) => {
            let required = std::env::var("FANOUT_TEST_REQUIRE").is_ok_and(|it| it == "all");
            assert!(!required, "python3: {error}");
            eprintln!("skipped: there is no python3");
            return;
        }
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    let long = format!("4 {{\"exited\": 0}} b'{}'", "x".repeat(200_000));
    let expected = [
        "1 {\"exited\": 3} b''",
        "2 {\"exited\": 0} b'a\\n'",
        "3 {\"signaled\": 9} b''",
        &long,
    ];
    assert!(lines == expected, "{text:.500}");
    assert!(output.status.success());
}
