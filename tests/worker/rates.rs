//! How fast tiny jobs run at a worker, beside how fast they run here. For people: run it with `--ignored --nocapture`,
//! in a release build.

use std::time::Instant;

use crossbeam_channel::unbounded;
use fanout::engine::{Engine, Order, Update, UpdateSender, local};
use fanout::sys::guardian::Guardian;

use super::engine::{Remote, attempt, config, work};

/// As many attempts are handed over ahead, as the controller does with tiny jobs.
const AHEAD: usize = 4096;

fn rate(
    engine: &dyn Engine,
    updates: &crossbeam_channel::Receiver<Update>,
    line: &str,
    jobs: usize,
) -> f64 {
    let began = Instant::now();
    let (mut handed, mut ended) = (0, 0);
    while ended < jobs {
        let room = (ended + AHEAD).min(jobs) - handed;
        if room >= AHEAD / 4 || handed + room == jobs && room > 0 {
            let seqs = handed as u64 + 1..=(handed + room) as u64;
            engine.run(
                seqs.map(|seq| attempt(work(seq, &[line.as_bytes()])))
                    .collect(),
            );
            engine.order(Order::Staff);
            handed += room;
        }
        if let Update::Ended(ends) = updates.recv().unwrap() {
            ended += ends.len();
        }
    }
    jobs as f64 / began.elapsed().as_secs_f64()
}

#[test]
#[ignore = "figures, for people"]
fn tiny_jobs_at_a_worker_and_here() {
    for (line, jobs) in [("true x", 3_000), ("echo x", 100_000)] {
        for _ in 0..3 {
            let configured = || {
                let mut config = config(2);
                config.launch.warm = true;
                config
            };
            let guardian = Guardian::start(2 * local::PROCESSES_PER_WORKER, None).unwrap();
            let (send, updates) = unbounded();
            let sender = UpdateSender::new(move |update, _| drop(send.send(update)));
            let pool = local::start(configured(), &guardian, sender).unwrap();
            pool.start_all();
            let here = rate(&pool, &updates, line, jobs);
            drop(pool);
            let mut remote = Remote::start(&configured());
            let there = rate(&remote.proxy, &remote.updates, line, jobs);
            drop(remote.proxy);
            remote.worker.wait().unwrap();
            println!(
                "{line}: here {here:.0}/s, worker {there:.0}/s, {:.2}",
                there / here
            );
        }
    }
}
