//! What is run on a host to have a worker there, and what it says.
//!
//! The command line of `ssh` goes through the login shell, whatever that is: `exec sh -c '…'` means the same to sh, bash,
//! zsh, csh, tcsh and fish, as long as there is no quote, backslash, exclamation mark or newline between the quotes. It
//! is short, since some read no word of more than 1,000 bytes; what is longer is read from the standard input, as one
//! line, which any shell reads byte by byte.

use super::image::Image;
use crate::protocol::VERSION;

/// What `fanout --worker-protocol` prints, and the worker of the same version must.
pub fn protocol() -> String {
    format!("fanout worker {VERSION}")
}

/// What each line for fanout begins with, made up anew for each connection: no startup file says that.
pub(super) struct Marker([String; 2]);

/// What a host says behind the marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The worker speaks from here on.
    Works,
    /// There is no fanout; this is the host's operating system and architecture.
    Has(String),
    /// It waits for the program.
    Sends,
    /// It could not store it.
    Fails,
}

impl Marker {
    pub(super) fn new() -> Self {
        let half = || format!("{:016x}", fastrand::u64(..));
        Self([half(), half()])
    }

    /// The shell words for it, which are not the marker itself: some startup files print the command.
    fn words(&self) -> String {
        let [one, other] = &self.0;
        format!("{one}\"\"{other}")
    }

    /// The first answer in `heard`, if it is there as a whole, and where it ends.
    pub(super) fn find(&self, heard: &[u8]) -> Option<(Answer, usize)> {
        let marker = self.0.concat();
        let at = memchr::memmem::find(heard, marker.as_bytes())? + marker.len();
        let end = at + memchr::memchr(b'\n', &heard[at..])?;
        let words = String::from_utf8_lossy(&heard[at..end]);
        let answer = match words.trim() {
            "works" => Answer::Works,
            "sends" => Answer::Sends,
            "fails" => Answer::Fails,
            words => Answer::Has(words.strip_prefix("has ").unwrap_or(words).to_owned()),
        };
        Some((answer, end + 1))
    }
}

/// The command that `ssh` is given: has the host's own fanout work, or says what the host is, and runs the line that it
/// is told then.
pub(super) fn begin(marker: &Marker) -> String {
    let (marker, protocol) = (marker.words(), protocol());
    format!(
        "exec sh -c 'if [ \"$(fanout --worker-protocol 2>/dev/null </dev/null)\" = \"{protocol}\" ];\
         then echo {marker} works;exec fanout --worker;fi;\
         echo {marker} has $(uname -sm);IFS= read -r x;eval \"$x\"'"
    )
}

/// The line that has the program `image` work, which is stored on the host before if it is not there. Where there is no
/// home that can be written to, it is there for this connection only.
pub(super) fn install(marker: &Marker, image: &Image) -> String {
    let marker = marker.words();
    let Image { len, hash, .. } = image;
    format!(
        "d=\"${{XDG_CACHE_HOME:-$HOME/.cache}}/fanout/{version}-{hash}\"; f=$d/fanout; \
         has() {{ [ \"$(wc -c <\"$1\")\" -eq {len} ]; }}; \
         if [ -x \"$f\" ] && has \"$f\"; then echo {marker} works; exec \"$f\" --worker; fi; \
         umask 077; kept=y; \
         mkdir -p \"$d\" 2>/dev/null && t=$(mktemp \"$d/new.XXXXXX\" 2>/dev/null) || {{ kept=; \
         d=$(mktemp -d \"${{TMPDIR:-/tmp}}/fanout.XXXXXX\") || {{ echo {marker} fails; exit 1; }}; t=$d/new; f=$d/fanout; }}; \
         echo {marker} sends; \
         good() {{ has \"$t\" || return 1; \
         h=$(sha256sum <\"$t\" 2>/dev/null) || return 0; [ \"${{h%% *}}\" = {hash} ]; }}; \
         if head -c {len} >\"$t\" && good && chmod 700 \"$t\" && mv -f \"$t\" \"$f\"; then echo {marker} works; \
         else rm -f \"$t\"; [ \"$kept\" ] || rmdir \"$d\"; echo {marker} fails; exit 1; fi; \
         [ \"$kept\" ] && exec \"$f\" --worker; \
         \"$f\" --worker; rm -r \"$d\"\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_same_to_any_shell() {
        let command = begin(&Marker::new());
        let quoted = command.strip_prefix("exec sh -c '").unwrap();
        let quoted = quoted.strip_suffix('\'').unwrap();
        assert!(!quoted.contains(['\'', '\\', '!', '\n']), "{quoted}");
        assert!(quoted.len() < 1000);
    }

    #[test]
    fn an_answer_is_found_in_any_noise() {
        let marker = Marker::new();
        let whole = marker.0.concat();
        let heard = format!(
            "welcome\necho {}\n# {whole} has Linux x86_64\r\nrest",
            marker.words()
        );
        let (answer, end) = marker.find(heard.as_bytes()).unwrap();
        assert_eq!(answer, Answer::Has("Linux x86_64".to_owned()));
        assert_eq!(&heard[end..], "rest");
        assert_eq!(marker.find(&heard.as_bytes()[..end - 1]), None);
        let works = format!("{whole} works\n");
        assert_eq!(marker.find(works.as_bytes()).unwrap().0, Answer::Works);
    }
}
