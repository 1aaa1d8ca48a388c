//! Workers on other hosts, over the user's own OpenSSH.
//!
//! One `ssh` a host runs the worker there, and carries both streams. What it is told to run is a few words that any
//! login shell understands ([`script`]): a fanout on the host's `$PATH` that speaks the same version of the protocol is
//! the worker; otherwise this very program, which is sent there if it is not in `~/.cache/fanout` yet, as long as
//! operating system and architecture are the same ([`image`]). Startup files may say what they like: what is said to
//! fanout begins with a marker that is made up for each connection.
//!
//! `ssh` runs in a session of its own: Ctrl-C is not for it, and it cannot ask questions at the terminal.

mod image;
mod script;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Carrier;
use super::host::{Launched, Launcher};
use crate::protocol::{Decoder, Hello, Up};
use crate::sys::fd;
use crate::sys::helper::{Helper, Kind};
use crate::sys::wake::{self, Wake};
use image::Image;
pub use script::protocol;
use script::{Answer, Marker};

/// So long a host may take for its next word before there is a worker, in which its startup files run.
const PATIENCE: Duration = Duration::from_secs(120);

/// The most that is kept of what comes before the marker, in bytes.
const NOISE: usize = 64 << 10;

/// The last that is waited for after `ssh` has gone: its own words.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// How one host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// The program and its words, the host's name the last of them.
    pub command: Vec<OsString>,
    /// Variables for it: the password of `sshpass`.
    pub env: Vec<(OsString, OsString)>,
}

impl Launcher for Ssh {
    fn launch(&mut self, bell: &Wake) -> Result<Launched, String> {
        let marker = Marker::new();
        let mut call = Call::start(self, &marker).map_err(|error| {
            let program = self.command.first();
            let program = program.map(|it| it.to_string_lossy()).unwrap_or_default();
            format!("cannot start {program}: {error}")
        })?;
        match call.greet(&marker, bell) {
            Ok((hello, decoder)) => {
                call.carrier.forget_words();
                Ok(Launched {
                    input: call.input,
                    output: call.output,
                    decoder,
                    hello,
                    carrier: call.carrier,
                })
            }
            Err(trouble) => {
                call.carrier.end(LAST_MOMENTS);
                let words = call.carrier.last_words();
                Err(match trouble {
                    Trouble::Ended => words.unwrap_or_else(|| "ssh has ended".to_owned()),
                    Trouble::Refused(why) => match words {
                        Some(words) => format!("{why}: {words}"),
                        None => why,
                    },
                    Trouble::Io(error) => error.to_string(),
                    Trouble::Interrupted => String::new(),
                })
            }
        }
    }
}

/// Why there is no worker.
enum Trouble {
    /// What carries the streams is gone.
    Ended,
    /// The host says that it cannot be, or says what cannot be understood.
    Refused(String),
    Io(io::Error),
    /// Nobody wants one any more.
    Interrupted,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Ended,
            _ => Self::Io(error),
        }
    }
}

/// A running `ssh`.
struct Call {
    carrier: Carrier,
    input: OwnedFd,
    output: OwnedFd,
    /// What was read and not looked at.
    heard: Vec<u8>,
}

impl Call {
    fn start(ssh: &Ssh, marker: &Marker) -> io::Result<Self> {
        let Some((program, words)) = ssh.command.split_first() else {
            return Err(io::Error::other("there is no command"));
        };
        let mut command = Command::new(program);
        // Of one that is wrapped nobody knows which options it takes.
        if Path::new(program).file_name().is_some_and(|it| it == "ssh") {
            // No terminal there, whatever the configuration asks for.
            command.arg("-T");
        }
        command
            .args(words)
            .arg(script::begin(marker))
            .envs(ssh.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut helper = Helper::start_detached(command, Kind::Carries)?;
        let pipes = (
            helper.stdin().take(),
            helper.stdout().take(),
            helper.stderr().take(),
        );
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::other("it has no streams"));
        };
        let (input, output) = (OwnedFd::from(stdout), OwnedFd::from(stdin));
        fd::make_roomy(&input);
        fd::make_roomy(&output);
        Ok(Self {
            carrier: Carrier::new(helper, stderr)?,
            input,
            output,
            heard: Vec::new(),
        })
    }

    /// Brings about that there is a worker, and hears who it is.
    fn greet(&mut self, marker: &Marker, bell: &Wake) -> Result<(Hello, Decoder), Trouble> {
        let mut answer = self.answer(marker, bell)?;
        if let Answer::Has(system) = answer {
            let image = Image::of_this_program().map_err(Trouble::Io)?;
            if system != image::system() {
                let (theirs, ours) = (system, image::system());
                let words = format!(
                    "there is no fanout on its PATH, and it is {theirs}, not {ours} as this host: install fanout there"
                );
                return Err(Trouble::Refused(words));
            }
            self.write(script::install(marker, &image).as_bytes(), bell)?;
            answer = self.answer(marker, bell)?;
            if answer == Answer::Sends {
                self.send(image, bell)?;
                answer = self.answer(marker, bell)?;
            }
        }
        if answer == Answer::Works {
            self.hello(bell)
        } else {
            let words = "this fanout could not be stored there".to_owned();
            Err(Trouble::Refused(words))
        }
    }

    /// The next line that begins with the marker, taken apart; what comes before it is startup files' noise.
    fn answer(&mut self, marker: &Marker, bell: &Wake) -> Result<Answer, Trouble> {
        loop {
            if let Some((answer, end)) = marker.find(&self.heard) {
                self.heard.drain(..end);
                return Ok(answer);
            }
            if self.heard.len() > NOISE {
                let most = self.heard.len() - NOISE / 2;
                self.heard.drain(..most);
            }
            self.read(bell)?;
        }
    }

    /// The worker's first message, and what it has said behind it.
    fn hello(&mut self, bell: &Wake) -> Result<(Hello, Decoder), Trouble> {
        let refused = |fault: crate::protocol::Fault| Trouble::Refused(fault.to_string());
        let mut decoder = Decoder::new();
        loop {
            decoder.push(&self.heard);
            self.heard.clear();
            if let Some(frame) = decoder.next_frame().map_err(refused)? {
                return match Up::decode(&frame).map_err(refused)? {
                    Up::Hello(hello) => Ok((hello, decoder)),
                    Up::Down(why) => Err(Trouble::Refused(why)),
                    _ => Err(Trouble::Refused("it is no worker".to_owned())),
                };
            }
            self.read(bell)?;
        }
    }

    /// Reads what comes next.
    fn read(&mut self, bell: &Wake) -> Result<(), Trouble> {
        let input = self.input.as_fd();
        if !wake::wait_for_either_within(bell, input, Some(PATIENCE))? {
            let words = format!("it says nothing for {} seconds", PATIENCE.as_secs());
            return Err(Trouble::Refused(words));
        }
        if bell.is_rung() {
            return Err(Trouble::Interrupted);
        }
        let mut bytes = [0; 4096];
        let got = read_some(input, &mut bytes)?;
        if got == 0 {
            return Err(Trouble::Ended);
        }
        self.heard.extend_from_slice(&bytes[..got]);
        Ok(())
    }

    /// Sends the program.
    fn send(&self, image: Image, bell: &Wake) -> Result<(), Trouble> {
        let mut left = image.len;
        let mut file = image.file.take(left);
        let mut piece = vec![0; 1 << 20];
        while left > 0 {
            let got = file.read(&mut piece)?;
            if got == 0 {
                let words = "this program has become shorter meanwhile".to_owned();
                return Err(Trouble::Refused(words));
            }
            left -= got as u64;
            self.write(&piece[..got], bell)?;
        }
        Ok(())
    }

    /// Writes all of `bytes`, and hears the bell meanwhile.
    fn write(&self, bytes: &[u8], bell: &Wake) -> Result<(), Trouble> {
        for piece in bytes.chunks(wake::ALWAYS_FITS) {
            if !wake::is_writable_unless(bell, self.output.as_fd())? {
                return Err(Trouble::Interrupted);
            }
            let output = self.output.try_clone()?;
            File::from(output).write_all(piece)?;
        }
        Ok(())
    }
}

/// Reads what there is.
fn read_some(from: BorrowedFd, bytes: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::retry_on_intr(|| {
        rustix::io::read(from, &mut *bytes)
    })?)
}
