//! A worker that is killed: every attempt is answered once, what was given back was not executed, nobody is left.

use std::collections::BTreeMap;
use std::time::Duration;

use fanout::engine::{Engine as _, Update};
use fanout::model::Outcome;

use super::engine::{Remote, attempt, config, work};
use super::{GUARD, nobody_is_left};

/// Kills a worker after `pause` while it runs jobs of all kinds; returns how many were given back.
fn kill_after(round: u64, pause: Duration) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let mark = format!("{}-{round}", std::process::id());
    let mut config = config(2);
    config.launch.warm = round.is_multiple_of(2);
    let env = &mut config.launch.env;
    env.push(("FANOUT_TEST_MARK".into(), mark.clone().into()));
    let mut remote = Remote::start(&config);
    let log = dir.path().join("log");
    let most = 300;
    let lines = (1..=most).map(|seq| match seq % 6 {
        0 => format!("echo {seq} >> {}; sleep 1000 & sleep 1000", log.display()),
        1 => "true".to_owned(),
        2 | 3 => format!("echo {seq}"),
        _ => format!("echo {seq} >> {}", log.display()),
    });
    // Jobs that last come late, so that many others run before the slots are full.
    let lines = lines.map(|line| {
        if round.is_multiple_of(3) {
            line.replace("; sleep 1000 & sleep 1000", "")
        } else {
            line
        }
    });
    let attempts = (1..)
        .zip(lines)
        .map(|(seq, line)| attempt(work(seq, &[line.as_bytes()])));
    remote.proxy.run(attempts.collect());
    std::thread::sleep(pause);
    remote.worker.kill().unwrap();
    remote.worker.wait().unwrap();
    let mut answers = BTreeMap::new();
    let mut returned = Vec::new();
    while answers.len() < most as usize {
        match remote
            .updates
            .recv_timeout(GUARD)
            .expect("an answer to each attempt")
        {
            Update::Ended(ends) => {
                for end in ends {
                    let before = answers.insert(end.job.seq, end.outcome.clone());
                    assert_eq!(before, None, "job {} is answered again", end.job.seq);
                }
            }
            Update::Returned(attempts) => {
                for it in attempts {
                    returned.push(it.seq());
                    let before = answers.insert(it.seq(), Outcome::DryRun);
                    assert_eq!(before, None, "job {} is answered again", it.seq());
                }
            }
            other => panic!("{other:?}"),
        }
    }
    drop(remote.proxy);
    assert!(remote.updates.try_iter().next().is_none());
    nobody_is_left(&format!("FANOUT_TEST_MARK={mark}"));
    let executed = std::fs::read_to_string(log).unwrap_or_default();
    for seq in executed.lines().map(|line| line.parse().unwrap()) {
        assert!(
            !returned.contains(&seq),
            "job {seq} was executed and given back"
        );
    }
    returned.len()
}

/// How many workers are killed: as many as `FANOUT_TEST_KILLS` says.
fn kills() -> u64 {
    let kills = std::env::var("FANOUT_TEST_KILLS").ok();
    kills.map_or(12, |kills| kills.parse().unwrap())
}

#[test]
fn a_worker_is_killed_at_any_moment() {
    let mut random = fastrand::Rng::with_seed(20_221_122);
    let mut returned = 0;
    for round in 0..kills() {
        let pause = Duration::from_micros(random.u64(0..150_000));
        returned += kill_after(round, pause);
    }
    assert!(returned > 0, "no worker was killed early enough");
}
