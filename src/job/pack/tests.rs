use super::{Batch, Jobs, Limit, PackError, Packing};
use crate::job::measure::Measure;
use crate::model::ArgList;
use crate::template::{Quoting, Spread, Style, Syntax, Template, Values};
use proptest::prelude::*;
use std::num::NonZeroUsize;

type Record = Result<ArgList, &'static str>;

const UNLIMITED: Limit = Limit {
    below: usize::MAX,
    strict: false,
};

fn style(spread: Spread) -> Style {
    Style {
        quoting: Quoting::Posix,
        spread,
        bare: false,
    }
}

fn template(command: &str) -> Template {
    Template::command(&[command], false, &Syntax::default())
}

fn batch(command: &str, spread: Spread) -> Batch {
    Batch {
        most: None,
        limit: UNLIMITED,
        share: None,
        inserts_nothing: false,
        measure: Measure::new(template(command), style(spread), 1),
    }
}

fn of(records: usize) -> Packing {
    Packing::Batch(Box::new(Batch {
        most: NonZeroUsize::new(records),
        ..batch("echo", Spread::Join)
    }))
}

/// One record per text; its words are the arguments.
fn records(texts: &[&str]) -> Vec<Record> {
    let split = |text: &&str| Ok(text.split_whitespace().collect());
    texts.iter().map(split).collect()
}

fn packed(records: Vec<Record>, packing: Packing) -> Vec<String> {
    let jobs = Jobs::new(records.into_iter(), packing);
    jobs.map(|job| match job {
        Ok(job) => {
            let args: Vec<_> = job.args().iter().map(String::from_utf8_lossy).collect();
            format!("{}: {}", job.seq(), args.join(" "))
        }
        Err(error) => error.to_string(),
    })
    .collect()
}

/// How many records each job gets of as many as `records` says.
fn sizes(records: usize, batch: Batch) -> Vec<usize> {
    let numbers = (1..=records).map(|n| Ok::<_, ()>(ArgList::single(n.to_string().into())));
    Jobs::new(numbers, Packing::Batch(Box::new(batch)))
        .map(|job| job.unwrap().args().len())
        .collect()
}

#[test]
fn records_of_several_sources_count_as_one() {
    let product = || records(&["a 1", "a 2", "b 1", "b 2"]);
    assert_eq!(packed(product(), of(3)), ["1: a 1 a 2 b 1", "2: b 2"]);
    for packing in [of(1), Packing::One] {
        assert_eq!(
            packed(product(), packing),
            ["1: a 1", "2: a 2", "3: b 1", "4: b 2"]
        );
    }
    assert_eq!(
        packed(product(), Packing::NoArgs),
        ["1:  ", "2:  ", "3:  ", "4:  "]
    );
}

#[test]
fn an_error_ends_the_jobs_and_drops_the_unfinished_one() {
    let mut broken = records(&["a", "b", "c", "d"]);
    broken.insert(3, Err("lost"));
    assert_eq!(packed(broken, of(2)), ["1: a b", "lost"]);
}

#[test]
fn nothing_is_pulled_after_the_end() {
    let mut ended = false;
    let records = std::iter::from_fn(|| {
        assert!(!std::mem::replace(&mut ended, true), "pulled after the end");
        None::<Record>
    });
    let mut jobs = Jobs::new(records, of(3));
    assert!(jobs.next().is_none() && jobs.next().is_none());
}

#[test]
fn the_last_records_are_shared_as_gnu_parallel_does() {
    let shared = |records, slots, most| {
        let share = NonZeroUsize::new(slots);
        let most = NonZeroUsize::new(most);
        let batch = batch("echo", Spread::Join);
        sizes(
            records,
            Batch {
                most,
                share,
                ..batch
            },
        )
    };
    for (records, slots, want) in [
        (4, 3, &[2, 2][..]),
        (6, 5, &[2, 2, 2]),
        (8, 3, &[3, 3, 2]),
        (11, 7, &[2, 2, 2, 2, 2, 1]),
        (1, 4, &[1]),
        (0, 4, &[]),
    ] {
        assert_eq!(shared(records, slots, 0), want, "{records} in {slots}");
    }
    assert_eq!(shared(7, 2, 5), [5, 1, 1]);
    assert_eq!(shared(10, 2, 5), [5, 3, 2]);
    assert_eq!(shared(9, 2, 4), [4, 4, 1]);
}

#[test]
fn lines_are_shorter_than_the_limit() {
    let limited = |command, spread, below| {
        let limit = Limit {
            below,
            strict: true,
        };
        sizes(
            13,
            Batch {
                limit,
                ..batch(command, spread)
            },
        )
    };
    // Each row as GNU parallel packs 1 to 13.
    for (command, spread, below, want) in [
        ("echo", Spread::Join, 16, &[5, 5, 3][..]),
        ("echo x{}", Spread::Repeat, 12, &[2, 2, 2, 2, 2, 1, 1, 1]),
        ("echo {1} x{2}", Spread::Repeat, 20, &[3, 3, 3, 3, 1]),
        ("echo {#}", Spread::Repeat, 20, &[7, 6]),
        ("echo {}-{}", Spread::Join, 20, &[3, 3, 3, 2, 2]),
    ] {
        assert_eq!(
            limited(command, spread, below),
            want,
            "{command} below {below}"
        );
    }
}

#[test]
fn a_record_that_is_too_long_by_itself_is_an_error_if_the_limit_was_asked_for() {
    let limited = |strict| {
        let limit = Limit { below: 10, strict };
        Packing::Batch(Box::new(Batch {
            limit,
            ..batch("echo", Spread::Join)
        }))
    };
    let texts = || records(&["1", "2", "333333", "4"]);
    assert_eq!(
        packed(texts(), limited(false)),
        ["1: 1 2", "2: 333333", "3: 4"]
    );
    let strict = packed(texts(), limited(true));
    assert_eq!(
        strict,
        [
            "1: 1 2",
            "Command line too long (11 >= 10, --max-chars) at input 3: 333333"
        ]
    );
}

proptest! {
    #[test]
    fn all_jobs_together_are_all_records_in_order(
        records in prop::collection::vec(prop::collection::vec("[a-z' ]{0,5}", 1..4), 0..40),
        most in 0..6_usize,
        below in 12..60_usize,
        slots in 0..5_usize,
        command in prop::sample::select(&["echo", "echo x{}y", "e {} {.}z\t{/}", "x={};{#}{%}", "'{}'"][..]),
        spread in prop::sample::select(&[Spread::Join, Spread::Repeat][..]),
    ) {
        let list = |record: &Vec<String>| Ok::<ArgList, ()>(record.iter().collect());
        let packing = Packing::Batch(Box::new(Batch {
            most: NonZeroUsize::new(most),
            limit: Limit { below, strict: false },
            share: NonZeroUsize::new(slots),
            ..batch(command, spread)
        }));
        let jobs: Vec<_> = Jobs::new(records.iter().map(list), packing).map(Result::unwrap).collect();
        let widths: Vec<usize> = records.iter().map(Vec::len).collect();
        let mut args = ArgList::new();
        for (index, job) in jobs.iter().enumerate() {
            prop_assert_eq!(job.seq(), index as u64 + 1);
            let single = widths.iter().any(|&width| width == job.args().len());
            let mut line = Vec::new();
            let values = Values { args: job.args(), seq: job.seq(), slot: 1, total: 0, slots: 1, evaluated: &[] };
            template(command).render(values, style(spread), &mut line);
            prop_assert!(line.len() < below || single, "{:?}", String::from_utf8_lossy(&line));
            args.extend(job.args());
        }
        prop_assert_eq!(args, records.iter().flatten().collect::<ArgList>());
    }

    #[test]
    fn a_strict_limit_gives_the_jobs_before_the_record_that_breaks_it(
        lengths in prop::collection::vec(0..12_usize, 1..30),
    ) {
        let limit = Limit { below: 14, strict: true };
        let records = lengths.iter().map(|&len| Ok::<_, ()>(ArgList::single(vec![b'x'; len.max(1)])));
        let packing = Packing::Batch(Box::new(Batch { limit, ..batch("echo", Spread::Join) }));
        let jobs: Vec<_> = Jobs::new(records, packing).collect();
        let first_long = lengths.iter().position(|&len| len.max(1) + 5 >= 14);
        let packed: usize = jobs.iter().flatten().map(|job| job.args().len()).sum();
        prop_assert_eq!(packed, first_long.unwrap_or(lengths.len()));
        let record = first_long.map(|at| at as u64 + 1);
        let named = jobs.last().and_then(|job| match job {
            Err(PackError::TooLong { record, .. }) => Some(*record),
            _ => None,
        });
        prop_assert_eq!(named, record);
    }
}
