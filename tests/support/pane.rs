//! A terminal to look at: a window of a tmux of its own.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{HANG_GUARD, skip_without};

/// A window in which a command runs, and a folder for its files.
pub struct Pane {
    dir: tempfile::TempDir,
    /// What the window gets, as it comes: a sign to look again.
    news: File,
}

impl Pane {
    /// A window of this size in which bash runs `script`, whose `fanout` is the one that is tested, and then says
    /// `-over-`; `None`: there is no tmux.
    pub fn open(columns: u16, rows: u16, script: &str) -> Option<Self> {
        let is_there = |program| Command::new(program).arg("-V").output().is_ok();
        if !is_there("tmux") {
            skip_without("tmux");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let news = dir.path().join("news");
        let made = Command::new("mkfifo").arg(&news).status().unwrap();
        assert!(made.success());
        // It does not wait for a writer, and never sees the end of it.
        let news_fd = File::options().read(true).write(true).open(&news).unwrap();
        let folder = PathBuf::from(env!("CARGO_BIN_EXE_fanout"));
        let path = format!(
            "{}:{}",
            folder.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let whole = format!("read go\nclear\n{script}\nprintf %s -ov; echo er-; read line\n");
        std::fs::write(dir.path().join("script"), whole).unwrap();
        let pane = Self { dir, news: news_fd };
        let size = [columns.to_string(), rows.to_string()];
        let started = pane
            .command()
            .args([
                "-f",
                "/dev/null",
                "new-session",
                "-d",
                "-x",
                &size[0],
                "-y",
                &size[1],
            ])
            .arg("bash script")
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("SHELL", "/bin/bash")
            .env("PARALLEL", "")
            .env_remove("CI")
            .env_remove("NO_COLOR")
            .env_remove("TMUX")
            .status();
        assert!(started.unwrap().success());
        pane.tmux(&["set", "-g", "status", "off"]);
        pane.tmux(&["set", "-g", "window-size", "manual"]);
        pane.tmux(&["resize-window", "-x", &size[0], "-y", &size[1]]);
        pane.tmux(&["pipe-pane", "-O", &format!("cat > '{}'", news.display())]);
        pane.keys(&["go", "Enter"]);
        Some(pane)
    }

    /// The folder in which the command runs.
    pub fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.dir.path().join("socket"));
        command.current_dir(self.dir.path());
        command
    }

    /// Has tmux do something, and returns what it says.
    pub fn tmux(&self, words: &[&str]) -> String {
        let output = self.command().args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Presses keys.
    pub fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Makes the window this large.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = [columns.to_string(), rows.to_string()];
        self.tmux(&["resize-window", "-x", &size[0], "-y", &size[1]]);
    }

    /// What is in the window, line by line, without blanks at the ends.
    pub fn lines(&self) -> Vec<String> {
        let shown = self.tmux(&["capture-pane", "-p"]);
        let lines = shown.lines().map(|line| line.trim_end().to_owned());
        let mut lines: Vec<_> = lines.collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// The same, once `is_there` says so of it.
    pub fn await_lines(&self, is_there: impl Fn(&[String]) -> bool) -> Vec<String> {
        let until = Instant::now() + HANG_GUARD;
        loop {
            let lines = self.lines();
            if is_there(&lines) {
                return lines;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                left > Duration::ZERO,
                "not to be seen:\n{}",
                lines.join("\n")
            );
            let left = Timespec::try_from(left).unwrap();
            if let Ok(1..) = poll(&mut [PollFd::new(&self.news, PollFlags::IN)], Some(&left)) {
                let _ = (&self.news).read(&mut [0; 4096]).unwrap();
            }
        }
    }

    /// The same, once some line has `cue` in it.
    pub fn await_cue(&self, cue: &str) -> Vec<String> {
        self.await_lines(|lines| lines.iter().any(|line| line.contains(cue)))
    }

    /// What is in the window when the command is over.
    pub fn await_end(&self) -> Vec<String> {
        let mut lines = self.await_cue("-over-");
        assert_eq!(lines.pop().as_deref(), Some("-over-"), "{lines:?}");
        lines
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").output();
    }
}
