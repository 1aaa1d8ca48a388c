use super::claims::{Claims, Taken};
use super::url::{Database, Dburl};
use super::{Finished, MOST_BYTES, Row, Table, Waiting, Worker, check_size, open};

const COMMAND: &[u8] = b"echo\xaf \xaf<\xaf>";

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn url(&self) -> Dburl {
        Dburl {
            database: Database::Sqlite(self.0.path().join("x.db").to_str().unwrap().to_owned()),
            table: "odd \"name\"".to_owned(),
            append: false,
        }
    }

    /// A table with these jobs, and a worker of that name.
    fn table(&self, jobs: &[&[&[u8]]], worker: &str) -> Box<dyn Table> {
        let mut table = open(&self.url(), true, named(worker)).unwrap();
        table.create(1, &waiting(jobs)).unwrap();
        table
    }

    fn another(&self, worker: &str) -> Box<dyn Table> {
        let mut table = open(&self.url(), false, named(worker)).unwrap();
        table.go_on().unwrap();
        table
    }
}

fn named(worker: &str) -> Worker {
    Worker {
        host: "here".to_owned(),
        mark: worker.to_owned(),
    }
}

fn waiting<'a>(jobs: &'a [&'a [&'a [u8]]]) -> Vec<Waiting<'a>> {
    let job = |args: &&'a [&'a [u8]]| Waiting {
        command: COMMAND,
        args,
    };
    jobs.iter().map(job).collect()
}

fn ended() -> Finished<'static> {
    Finished {
        start: 1.5,
        runtime: 0.25,
        sent: 0,
        received: 2,
        exit: 0,
        signal: 0,
        command: b"echo a",
        stdout: b"a\n",
        stderr: b"",
    }
}

fn seqs(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.seq).collect()
}

#[test]
fn rows_come_back_as_they_were_written_each_once() {
    let scratch = Scratch::new();
    let jobs: &[&[&[u8]]] = &[&[b"a\xff\0b", b""], &[b"c", b"d", b"e"], &[b"f"]];
    let mut one = scratch.table(jobs, "one");
    let mut other = scratch.another("other");
    let first = one.claim(i64::MIN, 2).unwrap();
    assert_eq!(seqs(&first), [1, 2]);
    assert_eq!(first[0].args, [&b"a\xff\0b"[..], b""]);
    assert_eq!(first[1].args, [b"c", b"d", b"e"]);
    assert_eq!(*first[0].command, *COMMAND);
    let rest = other.claim(i64::MIN, 10).unwrap();
    assert_eq!((seqs(&rest), rest[0].args.len()), (vec![3], 1));
    assert!(one.claim(i64::MIN, 10).unwrap().is_empty());
}

#[test]
fn what_is_released_or_abandoned_waits_again() {
    let scratch = Scratch::new();
    let mut one = scratch.table(&[&[b"a"], &[b"b"], &[b"c"]], "one");
    let rows = one.claim(i64::MIN, 3).unwrap();
    one.release(rows[1].ticket).unwrap();
    one.finish(rows[2].ticket, &ended()).unwrap();
    one.commit().unwrap();
    let mut other = scratch.another("other");
    assert!(!other.is_done().unwrap());
    other.release_abandoned(&|mark| mark == "nobody").unwrap();
    assert_eq!(seqs(&other.claim(i64::MIN, 9).unwrap()), [2]);
    other.release_abandoned(&|mark| mark == "one-1").unwrap();
    assert_eq!(seqs(&other.claim(i64::MIN, 9).unwrap()), [1]);
    // The one who had it before has no say any more.
    one.finish(rows[0].ticket, &ended()).unwrap();
    one.commit().unwrap();
    assert!(!other.is_done().unwrap());
}

#[test]
fn masters_share_the_numbers() {
    let scratch = Scratch::new();
    let mut one = scratch.table(&[&[b"a"]], "");
    let mut other = scratch.another("");
    other.insert(&waiting(&[&[b"b"], &[b"c", b"d"]])).unwrap();
    one.insert(&waiting(&[&[b"e", b"f"]])).unwrap();
    other.insert(&waiting(&[&[b"g"]])).unwrap();
    let rows = other.claim(i64::MIN, 9).unwrap();
    assert_eq!(seqs(&rows), [1, 2, 3, 4, 5]);
    assert_eq!(rows[3].args, [b"e", b"f"]);
    assert_eq!(other.count().unwrap(), 5);
}

#[test]
fn what_is_larger_than_a_row_is_named() {
    assert_eq!(check_size(7, MOST_BYTES), Ok(()));
    let error = check_size(7, MOST_BYTES + 1).unwrap_err();
    assert!(error.why.contains("job 7 wrote takes 1000000001 bytes"));
}

#[test]
fn as_few_rows_are_held_as_keep_the_slots_busy() {
    let scratch = Scratch::new();
    let jobs: Vec<&[&[u8]]> = vec![&[b"a"]; 20];
    let claims = Claims::new(scratch.table(&jobs, "one"), 2);
    let Taken::Rows(rows) = claims.take().unwrap() else {
        panic!()
    };
    assert_eq!(seqs(&rows), [1, 2, 3]);
    assert!(matches!(claims.take().unwrap(), Taken::Enough(0)));
    assert_eq!(claims.command(2).as_deref(), Some(COMMAND));
    assert_eq!(claims.command(4), None);
    // A quarter of a second each: two rows ahead at most.
    claims.finish(1, Some(&ended())).unwrap();
    let Taken::Rows(rows) = claims.take().unwrap() else {
        panic!()
    };
    assert_eq!(seqs(&rows), [4, 5]);
    claims.close().unwrap();
    assert!(matches!(claims.take().unwrap(), Taken::None));
    let left = scratch.another("other").claim(i64::MIN, 99).unwrap();
    assert_eq!(left.len(), 19);
}
