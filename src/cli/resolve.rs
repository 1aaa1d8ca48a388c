//! Flags to plan: the only place for rules that span flags.

use super::argv::Argv;
use super::failing::TimeLimit;
use super::flags::{self, Flags, ShellUse};
use super::jobs_count::{JobsValue, as_many_as_possible};
use super::{
    CalledAs, around, assign, batching, bytes, compress, failing, gates, hosts, outputs, pipe,
    resuming, semaphore, sources, sql, templates, terminal, text, values,
};
use crate::exec::shell::Shell;
use crate::input::{InputConfig, SourceKind, SourceSpec};
use crate::job::pack::Packing;
use crate::model::ArgList;
use crate::plan::{
    CapturePlan, EnginePlan, JobsPlan, JsonPlan, JsonTarget, Plan, RendererPlan, ReportPlan,
    ResumePlan, RunPlan, SlotsPlan,
};
use crate::report::{json, progress};
use crate::run::halt::{ExitRule, HaltPolicy, Threshold};
use crate::run::jobs_spec::{JobsFile, JobsSpec};
use crate::sys::{cpu, limits};

/// The plan for `flags` and what stood behind them; `typed` is the whole command line.
///
/// # Errors
///
/// One line that names the option and what is wrong with it.
pub fn resolve(
    flags: &Flags,
    mut argv: Argv,
    typed: ArgList,
    called_as: CalledAs,
) -> Result<Plan, String> {
    outputs::check(flags)?;
    let target = json_target(flags)?;
    let resume = resuming::resume(flags, target.as_ref())?;
    if let Some(ResumePlan::FailedCommands(_)) = resume {
        resuming::only_from_joblog(&mut argv);
    }
    let halt = halt_policy(flags)?;
    refuse_tollef(&flags.environment)?;
    let threads = hosts::threads(&flags.hosts)?.unwrap_or_else(|| around::cpus(&flags.environment));
    let progress = progress(flags);
    let shell = Shell::from_environment()?;
    let sources = argv.sources.len() + flags.input.arg_file.len();
    let templates = templates::spec(flags, &argv.command, shell.quoting(), sources)?;
    let renderer = RendererPlan {
        templates: templates.parse(&[]),
        with_names: (flags.sources.header.is_some() && !pipe::is_wanted(flags))
            .then(|| Box::new(templates.clone())),
        program: called_as.name(),
    };
    let json = json_plan(flags, target, typed, argv.command.join(&b' '))?;
    let json_on_stdout = json
        .as_ref()
        .is_some_and(|json| json.target == JsonTarget::Stdout);
    let capture = outputs::capture(flags, json_on_stdout);
    let counts = halt.is_some_and(|halt| matches!(halt.threshold, Threshold::Percent(_)));
    let wants_total = progress.is_some_and(|progress| progress.bar || progress.eta);
    let typed_sources = sources::without_an_end(argv.sources.clone());
    let mut input = sources::input(flags, argv.sources)?;
    let total = sources::total_jobs(flags)?;
    let (slots, workers) = slots(flags, threads)?;
    let limit = failing::timeout(flags)?;
    let assign = assign::wanted(flags, shell.quoting())?;
    let mut engine = engine(flags, capture, shell, workers, limit)?;
    engine.forgives_cat = called_as != CalledAs::Fanout;
    engine.results_are_done = resuming::by_results(flags, resume.as_ref());
    let pipe = pipe::resolve(
        flags,
        &typed_sources,
        &argv.command,
        slots.now(),
        &mut input,
    )?;
    if pipe.is_some() && renderer.templates.uses_total() {
        return Err(
            "{##} and total_jobs() need the number of jobs, which nobody knows ahead with --pipe"
                .to_owned(),
        );
    }
    let packing = match pipe {
        None => batching::packing(&flags.batching, &renderer.templates, engine.slots)?,
        // As in GNU parallel, a job of N records gets N inputs, if there are any.
        Some(_)
            if flags.batching.max_args.is_some() || flags.batching.max_replace_args.is_some() =>
        {
            batching::packing(&flags.batching, &renderer.templates, engine.slots)?
        }
        Some(_) => Packing::One,
    };
    let run = run(flags, slots, halt, limit, threads, called_as)?;
    let mut plan = Plan {
        jobs: JobsPlan {
            count_ahead: total.is_none()
                && pipe.is_none()
                && (counts
                    || wants_total
                    || renderer.templates.uses_total()
                    || counts_at_no_cost(&input, &packing)),
            packing,
            milestone: flags.sources.milestone.as_ref().map(bytes),
            only_reads: flags.command.dry_run,
            remarks: remarks(flags)?,
            total,
            reads_stdin: pipe.as_ref().is_some_and(|pipe| !pipe.parts) || reads_stdin(&input),
            pipe,
            input,
            resume,
            sql: None,
        },
        renderer,
        engine,
        run,
        report: ReportPlan {
            one_at_a_time: flags.terminal.interactive,
            program: assign::speaker(assign.is_some(), called_as).to_owned(),
            preface: batching::limits(&flags.batching)?,
            latest_line: flags.output.latest_line,
            text: outputs::text_config(flags, capture, json_on_stdout),
            fsync: flags.report.fsync,
            joblog: resuming::joblog(flags),
            rows: outputs::rows(flags),
            assign,
            json,
            progress,
            summary: called_as == CalledAs::Fanout && !flags.failure.no_summary,
        },
    };
    if !semaphore::is_wanted(&flags.semaphore, called_as) || sql::is_wanted(&flags.sql) {
        hosts::adapt(&flags.hosts, &mut plan);
        sql::adapt(flags, templates, called_as, &mut plan)?;
    }
    Ok(plan)
}

/// What the user should know before anything runs.
fn remarks(flags: &Flags) -> Result<Vec<String>, String> {
    Ok([
        hosts::remarks(&flags.hosts, !flags.replacement.templates.is_empty()),
        batching::remarks(&flags.batching)?,
        resuming::remarks(flags),
    ]
    .concat())
}

fn run(
    flags: &Flags,
    slots: SlotsPlan,
    halt: Option<HaltPolicy>,
    limit: TimeLimit,
    threads: usize,
    called_as: CalledAs,
) -> Result<RunPlan, String> {
    Ok(RunPlan {
        retry: failing::retry(flags)?,
        halt,
        halt_text: flags
            .failure
            .halt
            .as_ref()
            .map_or_else(String::new, |halt| halt.display().to_string()),
        exit_rule: ExitRule::default(),
        // As GNU parallel under its name.
        dies_of_signals: called_as == CalledAs::Fanout,
        gates: gates::gates(&flags.jobs, threads)?,
        slots,
        one_at_a_time: flags.terminal.interactive,
        timeout_percent: match limit {
            TimeLimit::Percent(percent) => Some(percent),
            TimeLimit::None | TimeLimit::Fixed(_) => None,
        },
    })
}

/// Whether standard input is one of the sources.
fn reads_stdin(input: &InputConfig) -> bool {
    let mut sources = input.sources.iter();
    sources.any(|source| source.kind == SourceKind::Stdin)
}

/// A file may ask for this many later on, whatever it says now.
const ROOM_FOR_MORE: usize = 500;

/// How many attempts run at a time, and for how many there must be room.
fn slots(flags: &Flags, threads: usize) -> Result<(SlotsPlan, usize), String> {
    let value = match &flags.jobs.jobs {
        // All of them read at once what there is to read.
        None if flags.pipe.tee => JobsValue::Fixed(JobsSpec::Unlimited),
        None if flags.terminal.tty => JobsValue::Fixed(JobsSpec::Exactly(1)),
        None => JobsValue::Fixed(JobsSpec::default()),
        Some(value) => JobsValue::parse(value).map_err(|why| format!("--jobs {why}"))?,
    };
    let most = as_many_as_possible(limits::most_open_files(), limits::most_processes());
    Ok(match value {
        JobsValue::Fixed(spec) => {
            let slots = spec.slots(threads, most);
            (SlotsPlan::Fixed(slots), slots)
        }
        JobsValue::Auto(spec) => {
            let slots = spec.slots(threads, most);
            (SlotsPlan::Auto(slots), slots)
        }
        JobsValue::File(spec, path) => {
            let now = spec.slots(threads, most);
            let room = now.max(ROOM_FOR_MORE.min(most));
            let file = JobsFile {
                path,
                threads,
                most: room,
            };
            (SlotsPlan::File(now, file), room)
        }
    })
}

fn engine(
    flags: &Flags,
    capture: CapturePlan,
    shell: Shell,
    slots: usize,
    limit: TimeLimit,
) -> Result<EnginePlan, String> {
    let threads = cpu::available_threads();
    let around = &flags.environment;
    Ok(EnginePlan {
        dry_run: flags.command.dry_run,
        slots,
        threads,
        shellquote: Some((shell.quoting(), flags.command.shellquote))
            .filter(|&(_, times)| times > 0 && !flags.command.dry_run),
        shell,
        always_shell: flags.command.shell == ShellUse::Always,
        warm_shells: matches!(flags.command.shell, ShellUse::Auto | ShellUse::Warm),
        capture,
        reduce: outputs::reduce(flags),
        codec: compress::codec(&flags.output)?,
        tmpdir: around::tmpdir(around)?,
        nice: around::nice(around)?,
        stdin_transport: pipe::stdin_transport(flags),
        forgives_cat: false,
        prelude: around::prelude(around)?,
        has_workdirs: around::has_workdirs(around),
        rsync_options: flags.hosts.rsync_opts.clone(),
        remove_empty_workdirs: around::is_own_workdir(around),
        remove_made_files: flags.hosts.cleanup,
        results_are_done: false,
        stdin: terminal::stdin(flags),
        tmux: terminal::windows(flags),
        confirm: flags.terminal.interactive,
        slot_variable: around::slot_variable(around)?,
        timeout: match limit {
            TimeLimit::Fixed(limit) => Some(limit),
            TimeLimit::None | TimeLimit::Percent(_) => None,
        },
        term_seq: failing::term_seq(flags)?,
    })
}

fn halt_policy(flags: &Flags) -> Result<Option<HaltPolicy>, String> {
    let Some(value) = &flags.failure.halt else {
        return Ok(None);
    };
    values::halt(text("--halt", value)?).map_err(|why| format!("--halt {why}"))
}

fn progress(flags: &Flags) -> Option<progress::Config> {
    let report = &flags.report;
    (report.progress || report.bar || report.eta).then_some(progress::Config {
        bar: report.bar,
        eta: report.eta,
    })
}

fn json_target(flags: &Flags) -> Result<Option<JsonTarget>, String> {
    let Some(target) = &flags.report.json else {
        return Ok(None);
    };
    Ok(Some(match target.to_str() {
        Some("-") => JsonTarget::Stdout,
        Some(name) if name.starts_with("fd:") => match name[3..].parse() {
            Ok(fd) => JsonTarget::Fd(fd),
            Err(_) => return Err(format!("--json must be a file, '-' or fd:N, not '{name}'")),
        },
        _ => JsonTarget::File(target.into()),
    }))
}

fn json_plan(
    flags: &Flags,
    target: Option<JsonTarget>,
    argv: ArgList,
    template: Vec<u8>,
) -> Result<Option<JsonPlan>, String> {
    let report = &flags.report;
    let limit = text("--json-output-limit", &report.json_output_limit)?;
    let output_limit = values::size(limit).map_err(|why| format!("--json-output-limit {why}"))?;
    let append = flags.failure.resume || flags.failure.resume_failed;
    // A dry run writes no file: a later --resume would take it for a run.
    let writes = |target: &JsonTarget| !matches!(target, JsonTarget::File(_));
    let Some(target) = target.filter(|target| !flags.command.dry_run || writes(target)) else {
        return Ok(None);
    };
    let detail = match report.json_detail {
        flags::Detail::Results => json::Detail::Results,
        flags::Detail::Progress => json::Detail::Progress,
        flags::Detail::Lifecycle => json::Detail::Lifecycle,
        flags::Detail::Output => json::Detail::Output,
    };
    let captures = !outputs::ungroups(flags);
    let config = json::Config {
        detail,
        output_limit,
        captures,
    };
    Ok(Some(JsonPlan {
        target,
        append,
        config,
        argv,
        template,
    }))
}

/// Whether all inputs stand on the command line, so that counting their jobs takes no time.
fn counts_at_no_cost(input: &InputConfig, packing: &Packing) -> bool {
    let sources = &input.sources;
    let words = |source: &SourceSpec| matches!(source.kind, SourceKind::Words(_));
    // Batches must be packed to be counted, and many sources have very many combinations.
    let few = sources.len() == 1 || !matches!(packing, Packing::Batch(_));
    few && sources.iter().all(words)
}

/// As GNU parallel, which has retired it: only --gnu overrides it.
fn refuse_tollef(flags: &flags::Environment) -> Result<(), String> {
    if flags.tollef && !flags.gnu {
        return Err("--tollef has been retired: leave it out, or say --gnu, too".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cli::{CalledAs, Request, parse};
    use crate::plan::Plan;

    fn plan(line: &str) -> Plan {
        let words = ["--plain"].into_iter().chain(line.split(' '));
        match parse(CalledAs::Fanout, words.map(Into::into).collect()) {
            Ok(Request::Run(plan)) => *plan,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_same_command_line_makes_the_same_plan() {
        let lines = [
            "echo",
            "-k -j2 --tag --retries 3 --halt soon,fail=1 echo {.} ::: a b",
            "--header : --colsep , --plus --rpl {x(.)}:s/$$1// echo {x1} {a}",
            "--pipe --regexp --recend x+ -N3 cat",
            "--pipe --shard 1 --colsep , cat",
            "-X -s 100 --match (.) --filter {}>1 echo {1.1}",
            "--results out/{#} --workdir ... --delay 1auto --memfree 1M --psi cpu=5% echo",
            "--joblog +log --json=- --csv --link --shuf --bar echo ::: a :::+ b",
            "--sqlandworker sqlite3:///no%2Ffile/t --dry-run echo",
        ];
        for line in lines {
            let (one, other) = (plan(line), plan(line));
            assert_eq!(one, other, "{line}");
            assert!(format!("{one:?}").starts_with("Plan { jobs: "), "{line}");
        }
        for (index, line) in lines.iter().enumerate() {
            for other in &lines[index + 1..] {
                assert_ne!(plan(line), plan(other), "{line} and {other}");
            }
        }
    }

    #[test]
    fn another_value_makes_another_plan() {
        for (line, other) in [
            ("echo ::: a", "echo ::: b"),
            ("echo {}", "echo {.}"),
            ("-j3 echo", "-j4 echo"),
            (
                "--rpl {x(.)}:y --header : echo",
                "--rpl {x(..)}:y --header : echo",
            ),
            ("--colsep a echo", "--colsep b echo"),
            (
                "--pipe --recend a --regexp cat",
                "--pipe --recend b --regexp cat",
            ),
            ("--pipe --group-by 1 cat", "--pipe --group-by 2 cat"),
            ("--filter 1 echo", "--filter 2 echo"),
            ("--header : echo", "echo"),
            ("--timeout 5 echo", "--timeout 50% echo"),
        ] {
            assert_ne!(plan(line), plan(other), "{line}");
        }
    }
}
