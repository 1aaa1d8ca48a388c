//! `--delay`: a pause between starts.

use std::time::{Duration, Instant};

use super::{Admit, Gate};

/// Lets a job start only when the last one was started some time ago.
#[derive(Debug)]
pub struct Delay {
    pause: Duration,
    last_start: Option<Instant>,
}

impl Delay {
    /// A gate with `pause` between two starts.
    pub fn new(pause: Duration) -> Self {
        Self {
            pause,
            last_start: None,
        }
    }
}

impl Gate for Delay {
    fn admit(&mut self, now: Instant) -> Admit {
        match self.last_start.map(|last| last + self.pause) {
            Some(next) if next > now => Admit::NotBefore(next),
            _ => Admit::Now,
        }
    }

    fn started(&mut self, now: Instant) {
        self.last_start = Some(now);
    }

    fn reason(&self) -> String {
        format!("waiting {:?} between starts (--delay)", self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_is_free_and_the_next_waits() {
        let begin = Instant::now();
        let second = Duration::from_secs(1);
        let mut delay = Delay::new(second);
        assert_eq!(delay.admit(begin), Admit::Now);
        delay.started(begin);
        assert_eq!(delay.admit(begin), Admit::NotBefore(begin + second));
        assert_eq!(delay.admit(begin + second), Admit::Now);
    }
}
