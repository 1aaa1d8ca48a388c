//! Options used wrongly: without their value, with one that they do not take, as `--no-` what they are not, from
//! `$PARALLEL`. What is compared is the exit code, and that nothing is run.

use crate::case::{Case, case};

/// Options that need a value.
const WITH_VALUE: &[&str] = &[
    "arg-file",
    "arg-file-sep",
    "arg-sep",
    "basefile",
    "bf",
    "basenamereplace",
    "bnr",
    "basenameextensionreplace",
    "bner",
    "bin",
    "block",
    "block-size",
    "block-timeout",
    "bt",
    "colsep",
    "compress-program",
    "decompress-program",
    "delay",
    "delimiter",
    "dirnamereplace",
    "dnr",
    "env",
    "filter",
    "group-by",
    "halt-on-error",
    "halt",
    "header",
    "joblog",
    "jl",
    "jobs",
    "max-procs",
    "load",
    "memfree",
    "memsuspend",
    "max-args",
    "max-replace-args",
    "process-slot-var",
    "nice",
    "parens",
    "profile",
    "recstart",
    "recend",
    "results",
    "res",
    "retries",
    "return",
    "rsync-opts",
    "max-chars",
    "semaphore-name",
    "id",
    "semaphore-timeout",
    "st",
    "seqreplace",
    "shard",
    "sql-master",
    "sql-and-worker",
    "sql-worker",
    "ssh",
    "ssh-delay",
    "sshloginfile",
    "slf",
    "slotreplace",
    "template",
    "tmpl",
    "term-seq",
    "tmpdir",
    "timeout",
    "transferfile",
    "tf",
    "trc",
    "trim",
    "extensionreplace",
    "er",
    "workdir",
    "wd",
];

/// Options that have none.
const FLAGS: &[&str] = &[
    "null",
    "cat",
    "cleanup",
    "compress",
    "dry-run",
    "fg",
    "gnu",
    "group",
    "hostgroups",
    "hgrp",
    "keep-order",
    "link",
    "xapply",
    "controlmaster",
    "nonall",
    "onall",
    "pipe",
    "spreadstdin",
    "pipe-part",
    "plain",
    "plus",
    "no-keep-order",
    "quote",
    "no-run-if-empty",
    "noswap",
    "regexp",
    "remove-rec-sep",
    "removerecsep",
    "rrs",
    "resume",
    "resume-failed",
    "retry-failed",
    "shell-quote",
    "shuf",
    "skip-first-line",
    "silent",
    "verbose",
    "transfer",
    "ungroup",
    "use-sockets-instead-of-threads",
    "use-cores-instead-of-threads",
    "exit",
    "xargs",
];

pub fn cases() -> Vec<Case> {
    let mut lines = Vec::new();
    for option in WITH_VALUE {
        lines.push((format!("--{option}"), None));
        lines.push((format!("--{option}= echo ::: a"), None));
        lines.push((format!("--{option}= -k echo ::: a"), None));
        lines.push((format!("--no-{option} echo ::: a"), None));
    }
    for option in FLAGS {
        lines.push((format!("--{option}=x echo ::: a"), None));
        lines.push((format!("--{option} --{option} echo ::: a"), None));
    }
    for typed in [
        "--nosuch",
        "--jobs",
        "--colsep",
        "-Z",
        "--k=2",
        "--jobs=",
        "--no-jobs",
        "--shel",
        "--group- 1",
        "--con",
        "--tollef",
        "--tollef --gnu",
        "--gnu --tollef",
    ] {
        lines.push(("echo ::: a".to_owned(), Some(typed)));
    }
    let cases = lines.into_iter().map(|(line, environment)| {
        let case = case(&line).stderr_ignored("the words are ours");
        match environment {
            None => case.named("wrong use"),
            Some(typed) => case
                .env("PARALLEL", typed)
                .named(&format!("$PARALLEL: {typed}")),
        }
    });
    cases.collect()
}
