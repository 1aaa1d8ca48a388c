//! A real shell that stays, so that asking it costs two system calls and not a process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The machine's `sh`, which reads commands from its standard input.
#[derive(Debug)]
pub struct Shell {
    commands: ChildStdin,
    printed: BufReader<ChildStdout>,
    _child: Child,
}

impl Shell {
    /// Starts it.
    pub fn start() -> Self {
        let mut child = Command::new("sh")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh can be started");
        Self {
            commands: child.stdin.take().expect("it has an input"),
            printed: BufReader::new(child.stdout.take().expect("it has an output")),
            _child: child,
        }
    }

    /// What it takes the one `word` for. Never comes back when that is not one whole word; libFuzzer sees to that.
    pub fn reads(&mut self, word: &[u8]) -> Vec<u8> {
        let line = [b"printf '%s\\0' ", word, b"\n"].concat();
        self.commands.write_all(&line).expect("it reads");
        let mut value = Vec::new();
        self.printed.read_until(0, &mut value).expect("it prints");
        assert_eq!(value.pop(), Some(0), "the shell has ended");
        value
    }
}
