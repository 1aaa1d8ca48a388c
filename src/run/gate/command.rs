//! `--limit COMMAND`: a command of the user's says whether a job may start.

use std::time::{Duration, Instant};

use super::{Admit, END_YOUNGEST, Gate, Watch};

/// How long its refusal counts.
const EVERY: Duration = Duration::from_secs(1);

/// What the command said by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 0: below the limit.
    Below,
    /// 1, or anything unknown: over the limit.
    Over,
    /// 2: far over the limit; the youngest job is to end.
    FarOver,
}

impl Answer {
    /// By the command's exit code; `None`: it did not exit.
    pub fn from_exit(code: Option<i32>) -> Self {
        match code {
            Some(0) => Self::Below,
            Some(2) => Self::FarOver,
            _ => Self::Over,
        }
    }
}

/// The command, which runs apart: it is asked before each start, and answers in its own time.
pub trait Ask {
    /// Has the command run once; [`super::super::Message::GateReady`] comes when it has ended.
    fn ask(&mut self);

    /// What it has said since.
    fn answer(&mut self) -> Option<Answer>;
}

/// Asks a command before each start.
pub struct CommandGate {
    text: String,
    ask: Box<dyn Ask>,
    state: State,
    /// Its last answer was no.
    refused: bool,
    /// It said that the youngest job is to end, and that was not done yet.
    too_many: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is to be asked.
    Open,
    /// It was asked.
    Asked,
    /// It said yes, once.
    Yes,
    /// It said no; it will be asked again then.
    No(Instant),
}

impl CommandGate {
    /// Asks `ask`, which runs the command `text`.
    pub fn new(text: impl Into<String>, ask: Box<dyn Ask>) -> Self {
        Self {
            text: text.into(),
            ask,
            state: State::Open,
            refused: false,
            too_many: false,
        }
    }

    /// Takes an answer that has come.
    fn listen(&mut self, now: Instant) {
        let answer = self.ask.answer().filter(|_| self.state == State::Asked);
        let Some(answer) = answer else { return };
        self.too_many = answer == Answer::FarOver;
        self.refused = answer != Answer::Below;
        self.state = match answer {
            Answer::Below => State::Yes,
            Answer::Over | Answer::FarOver => State::No(now + EVERY),
        };
    }
}

impl Gate for CommandGate {
    fn admit(&mut self, now: Instant, _running: usize) -> Admit {
        self.listen(now);
        match self.state {
            State::Yes => return Admit::Now,
            State::Asked => return Admit::Recheck,
            State::No(next) if next > now => return Admit::NotBefore(next),
            State::Open | State::No(_) => {}
        }
        self.state = State::Asked;
        self.ask.ask();
        Admit::Recheck
    }

    fn started(&mut self, _now: Instant) {
        (self.state, self.too_many) = (State::Open, false);
    }

    fn sees_each_start(&self) -> bool {
        true
    }

    fn watch(&mut self, now: Instant) -> Watch {
        self.listen(now);
        let order = std::mem::take(&mut self.too_many).then_some(END_YOUNGEST);
        Watch { again: None, order }
    }

    fn reason(&self) -> String {
        if self.refused {
            format!("--limit '{}' says no", self.text)
        } else {
            format!("waiting for the answer of --limit '{}'", self.text)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::rc::Rc;

    use super::*;

    /// Answers when the test says so.
    #[derive(Clone, Default)]
    struct Script(Rc<RefCell<(usize, VecDeque<Answer>)>>);

    impl Ask for Script {
        fn ask(&mut self) {
            self.0.borrow_mut().0 += 1;
        }

        fn answer(&mut self) -> Option<Answer> {
            self.0.borrow_mut().1.pop_front()
        }
    }

    #[test]
    fn it_is_asked_before_each_start_and_again_after_a_no() {
        let now = Instant::now();
        let script = Script::default();
        let say = |answer| script.0.borrow_mut().1.push_back(answer);
        let mut gate = CommandGate::new("c", Box::new(script.clone()));
        assert_eq!(gate.admit(now, 0), Admit::Recheck);
        assert_eq!(gate.admit(now, 0), Admit::Recheck);
        say(Answer::Over);
        assert_eq!(gate.admit(now, 0), Admit::NotBefore(now + EVERY));
        assert_eq!(gate.reason(), "--limit 'c' says no");
        assert_eq!(gate.admit(now + EVERY, 0), Admit::Recheck);
        say(Answer::Below);
        assert_eq!(gate.admit(now + EVERY, 0), Admit::Now);
        gate.started(now);
        assert_eq!(gate.admit(now + EVERY, 1), Admit::Recheck);
        assert_eq!(script.0.borrow().0, 3);
    }

    #[test]
    fn far_over_the_limit_the_youngest_ends() {
        let now = Instant::now();
        let script = Script::default();
        let mut gate = CommandGate::new("c", Box::new(script.clone()));
        gate.admit(now, 2);
        script.0.borrow_mut().1.push_back(Answer::FarOver);
        assert_eq!(gate.admit(now, 2), Admit::NotBefore(now + EVERY));
        assert_eq!(gate.watch(now).order, Some(END_YOUNGEST));
        assert_eq!(gate.watch(now), Watch::default());
        assert_eq!(Answer::from_exit(Some(2)), Answer::FarOver);
        assert_eq!(Answer::from_exit(None), Answer::Over);
    }
}
