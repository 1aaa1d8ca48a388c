//! Flags to plan. Only this function sees all flags; each section's resolver takes its own, and what it needs of
//! others as typed values. What does not go together stands in [`conflicts`].

use std::path::PathBuf;

use super::argv::Argv;
use super::called_as::CalledAs;
use super::conflicts::{self, Asked};
use super::env_of_hosts;
use super::error::UsageError;
use super::flags::batching::BatchRule;
use super::flags::environment::Surroundings;
use super::flags::failure::FailurePolicy;
use super::flags::input::without_an_end;
use super::flags::jobs::TimeLimit;
use super::flags::output::{OutputPlan, OutputUse, Results};
use super::flags::pipe::PieceUse;
use super::flags::report::{JsonContext, RecordFiles};
use super::flags::semaphore::make_one_job;
use super::flags::sql::TableUse;
use super::flags::{Flags, ShellUse, hosts};
use super::hints;
use super::looks;
use super::source_words::SourceWords;
use super::values::bytes;
use crate::exec::shell::Shell;
use crate::hosts::{Host, Login};
use crate::input::{InputConfig, SourceKind, SourceSpec};
use crate::job::pack::Packing;
use crate::job::{Naming, ResultsSpec, TemplateSpec, Templates};
use crate::model::ArgList;
use crate::pipe;
use crate::plan::{
    EnginePlan, JobsPlan, Plan, RendererPlan, ReportPlan, ResumePlan, RunPlan, SlotsPlan,
};
use crate::run::halt::{ExitRule, HaltPolicy, Threshold};
use crate::run::jobs_spec::JobsSpec;
use crate::sem;
use crate::sys::cpu;
use crate::template::Quoting;

/// What a command line comes to.
pub struct Resolved {
    /// The run.
    pub plan: Plan,
    /// The semaphore that is held for it.
    pub semaphore: Option<sem::Config>,
}

/// What `flags` and what stood behind them come to; `typed` is the whole command line.
///
/// # Errors
///
/// When an option has a value that it does not take, or does not go with another one.
pub fn resolve(
    flags: &Flags,
    mut argv: Argv,
    typed: ArgList,
    called_as: CalledAs,
) -> Result<Resolved, UsageError> {
    let records = flags.report.record_files()?;
    let resume = flags.resume.resolve(&records);
    if let Some(ResumePlan::FailedCommands(_)) = resume {
        only_from_joblog(&mut argv);
    }
    let asked = CommandLine {
        flags,
        called_as,
        batch: flags.batching.resolve()?,
        limit: flags.jobs.time_limit()?,
        shell: Shell::from_environment()?,
        hosts: flags.hosts.hosts()?,
        command: argv.command,
        sources: argv.sources.len() + flags.input.arg_file.len(),
        behind: without_an_end(argv.sources),
    };
    let semaphore = asked.semaphore()?;
    let failure = flags.failure.resolve()?;
    let around = flags.environment.resolve(asked.has_other_hosts())?;
    let (slots, room, threads) = asked.slots()?;
    let results = asked.results(&records);
    let spec = asked.templates(&around, &results)?;
    let renderer = asked.renderer(&spec);
    let (input, files) = asked.input()?;
    conflicts::check(&Asked {
        flags,
        command: &asked.command,
        behind: &asked.behind,
        sources: input.sources.len(),
        json: records.json.as_ref(),
        uses_total: renderer.templates.uses_total(),
        is_semaphore: semaphore.is_some(),
        has_other_hosts: asked.has_other_hosts(),
    })?;
    let pipe = asked.pieces(files, slots.now())?;
    let output = asked.output(results, &records, &failure);
    let engine = asked.engine(&output, room, around, &failure, resume.is_none())?;
    let jobs = asked.jobs(
        &renderer.templates,
        room,
        input,
        pipe,
        resume,
        &output,
        &failure,
    )?;
    let mut plan = Plan {
        jobs,
        renderer,
        engine,
        run: asked.run(slots, failure, threads)?,
        report: asked.report(output, records, typed)?,
    };
    if semaphore.is_some() {
        make_one_job(&mut plan);
    } else {
        flags.hosts.adapt(&mut plan, flags.jobs.jobs.is_some())?;
        flags.sql.adapt(&mut plan, asked.table_use(spec))?;
    }
    Ok(Resolved { plan, semaphore })
}

/// As GNU parallel: the command line's own command and inputs are nothing to `--retry-failed`.
fn only_from_joblog(argv: &mut Argv) {
    argv.command.clear();
    argv.sources = vec![SourceWords {
        files: false,
        linked: false,
        words: Vec::new(),
    }];
}

/// The command line, as far as several parts of the plan depend on it.
struct CommandLine<'a> {
    flags: &'a Flags,
    called_as: CalledAs,
    /// How many inputs a job gets.
    batch: BatchRule,
    /// How long each may take.
    limit: TimeLimit,
    /// The shell for commands that need one.
    shell: Shell,
    /// Where jobs run.
    hosts: Vec<Host>,
    /// The words of the command.
    command: Vec<Vec<u8>>,
    /// How many sources were typed.
    sources: usize,
    /// Those behind the command.
    behind: Vec<SourceWords>,
}

impl CommandLine<'_> {
    /// Whether jobs run on other hosts, too.
    fn has_other_hosts(&self) -> bool {
        self.hosts.iter().any(|host| host.login != Login::Here)
    }

    /// The semaphore that is to be held, if one is.
    fn semaphore(&self) -> Result<Option<sem::Config>, UsageError> {
        let flags = self.flags;
        if flags.sql.is_wanted() || !flags.semaphore.is_wanted(self.called_as) {
            return Ok(None);
        }
        let most = flags.jobs.holders(|| flags.environment.cpus())?;
        flags.semaphore.resolve(most, self.called_as).map(Some)
    }

    /// How many jobs run at a time, for how many there must be room, and how many CPU threads the machine is taken for.
    fn slots(&self) -> Result<(SlotsPlan, usize, usize), UsageError> {
        let flags = self.flags;
        let threads = hosts::here(&self.hosts).and_then(|host| host.threads);
        let threads = threads.unwrap_or_else(|| flags.environment.cpus());
        let (slots, room) = flags.jobs.slots(threads, self.default_slots())?;
        Ok((slots, room, threads))
    }

    /// How many jobs run at a time if nothing is said.
    fn default_slots(&self) -> JobsSpec {
        if self.flags.pipe.tee {
            // All of them read at once what there is to read.
            JobsSpec::Unlimited
        } else if self.flags.terminal.tty {
            JobsSpec::Exactly(1)
        } else {
            JobsSpec::default()
        }
    }

    fn results(&self, records: &RecordFiles) -> Results {
        let recorded = records.joblog.is_some() || records.json.is_some();
        let goes_on = self.flags.resume.goes_on() && recorded;
        let of_pieces = self.flags.pipe.is_wanted();
        self.flags.output.results(of_pieces, goes_on)
    }

    /// What the templates of the command, its tag and all else that replacement strings may stand in are parsed from.
    fn templates(
        &self,
        around: &Surroundings,
        results: &Results,
    ) -> Result<TemplateSpec, UsageError> {
        let flags = self.flags;
        let names_inputs = flags.pipe.names_inputs();
        let quoting = self.shell.quoting();
        let host = flags.hosts.tags_hosts().then_some(hosts::TAG);
        Ok(TemplateSpec {
            syntax: flags.replacement.syntax(&flags.sources.matches)?,
            command: self.command.clone(),
            quote: flags.command.quote,
            appends_nothing: (flags.pipe.is_wanted() && !names_inputs
                || flags.input.stdin_from.is_some())
                && !self.command.is_empty(),
            quoting: if names_inputs { Quoting::Raw } else { quoting },
            parts_shown: (flags.output.print_command > 1).then_some(quoting),
            spread: self.batch.spread,
            without_arguments: self.batch.inserts_nothing(),
            tag: flags.output.tag(host),
            filters: flags.sources.filters.iter().map(bytes).collect(),
            files: flags.replacement.files()?,
            workdir: around.workdir.clone(),
            stdin: flags.input.stdin_from.as_ref().map(bytes),
            results: self.results_spec(results),
        })
    }

    /// How the place of each job's output files is made.
    fn results_spec(&self, results: &Results) -> Option<ResultsSpec> {
        let (flags, batch) = (self.flags, &self.batch);
        let Results::Files(name) = results else {
            return None;
        };
        Some(ResultsSpec {
            name: name.clone(),
            sources: (!flags.sources.splits_columns()).then_some(self.sources),
            begins_again: !batch.takes_one_record(),
            naming: if flags.pipe.is_wanted() && !flags.pipe.pipepart {
                Naming::Pieces
            } else if batch.inserts_nothing() {
                Naming::NoArguments
            } else {
                Naming::Arguments
            },
        })
    }

    fn renderer(&self, spec: &TemplateSpec) -> RendererPlan {
        let has_names = self.flags.sources.header.is_some() && !self.flags.pipe.is_wanted();
        RendererPlan {
            templates: spec.parse(&[]),
            with_names: has_names.then(|| Box::new(spec.clone())),
            warns_of_names: self.called_as == CalledAs::Fanout,
            program: self.called_as.name(),
        }
    }

    /// Where arguments come from, and all that was named as a file of inputs.
    fn input(&self) -> Result<(InputConfig, Vec<PathBuf>), UsageError> {
        let flags = self.flags;
        let mut input = flags.input.resolve(self.behind.clone())?;
        let files = std::mem::take(&mut input.files);
        let mut input = flags.sources.resolve(input, self.batch.counts_lines)?;
        if flags.pipe.is_wanted() {
            let only_stdin = self.behind.is_empty() && flags.input.arg_file.is_empty();
            flags.pipe.leave_arguments(&mut input, only_stdin);
        }
        Ok((input, files))
    }

    /// How one input, or the `files`, are cut into pieces for so many `slots`, if they are.
    fn pieces(
        &self,
        files: Vec<PathBuf>,
        slots: usize,
    ) -> Result<Option<pipe::Config>, UsageError> {
        let flags = self.flags;
        let timeout = flags.pipe.timeout()?;
        if !flags.pipe.is_wanted() {
            return Ok(None);
        }
        let its = PieceUse {
            size: flags.batching.piece_size()?,
            shape: flags.sources.of_pieces(),
            files,
            has_command: !self.command.is_empty(),
            in_order: flags.output.keep_order,
            slots,
        };
        flags.pipe.resolve(its, timeout).map(Some)
    }

    /// The command of `--reduce`. A dry run has nothing to merge.
    fn reduce(&self) -> Option<Vec<u8>> {
        let command = self.flags.pipe.reduce.as_ref().map(bytes);
        command.filter(|_| !self.flags.command.only_prints())
    }

    fn output(
        &self,
        results: Results,
        records: &RecordFiles,
        failure: &FailurePolicy,
    ) -> OutputPlan {
        let flags = self.flags;
        flags.output.resolve(OutputUse {
            results,
            dry_run: flags.command.dry_run,
            shellquotes: flags.command.shellquote > 0,
            on_terminal: flags.terminal.tty,
            // GNU parallel does not know of it.
            no_colors: self.called_as == CalledAs::Fanout && looks::forbids_colors(),
            json: records.json.is_some(),
            json_on_stdout: records.json_on_stdout(),
            json_streams: flags.report.json_streams(),
            taken_whole: self.reduce().is_some() || flags.sql.works(),
            // Whether a job gets a share of the input is known at its end.
            may_be_taken_back: flags.gates.take_back()
                || !failure.halt_text.is_empty()
                || flags.pipe.round_robin,
        })
    }

    #[allow(clippy::too_many_arguments, reason = "each is one part of the plan")]
    fn jobs(
        &self,
        templates: &Templates,
        slots: usize,
        input: InputConfig,
        pipe: Option<pipe::Config>,
        resume: Option<ResumePlan>,
        output: &OutputPlan,
        failure: &FailurePolicy,
    ) -> Result<JobsPlan, UsageError> {
        let flags = self.flags;
        // As in GNU parallel, a job of N records gets N inputs, if there are any.
        let packing = if pipe.is_none() || flags.batching.packs_arguments() {
            self.batch.packing(templates, slots)
        } else {
            Packing::One
        };
        let total = flags.sources.total_jobs()?;
        let by_percent = |halt: HaltPolicy| matches!(halt.threshold, Threshold::Percent(_));
        let shows_total = flags.report.bar || flags.report.eta;
        let starts_at_once = self.called_as == CalledAs::Fanout;
        let wants_total = failure.halt.is_some_and(by_percent)
            || shows_total && !starts_at_once
            || templates.uses_total()
            || counts_at_no_cost(&input, &packing);
        let only_a_table = output.rows.is_some() && flags.report.joblog.is_none();
        Ok(JobsPlan {
            at_each: None,
            groups_of: self.flags.hosts.hostgroups.then(Vec::new),
            count_ahead: total.is_none() && pipe.is_none() && wants_total,
            counts_beside: total.is_none() && pipe.is_none() && !wants_total && shows_total,
            packing,
            milestone: flags.sources.milestone.as_ref().map(bytes),
            only_reads: flags.command.dry_run,
            remarks: [
                flags.hosts.remarks(!flags.replacement.templates.is_empty()),
                self.batch.remarks(),
                flags.resume.remarks(only_a_table),
                self.doubts(),
            ]
            .concat(),
            total,
            reads_stdin: pipe.as_ref().is_some_and(|pipe| !pipe.parts) || reads_stdin(&input),
            file_of_jobs: flags.input.stdin_from.as_ref().map(PathBuf::from),
            pipe,
            input,
            resume,
            sql: None,
        })
    }

    fn engine(
        &self,
        output: &OutputPlan,
        slots: usize,
        around: Surroundings,
        failure: &FailurePolicy,
        nothing_recorded: bool,
    ) -> Result<EnginePlan, UsageError> {
        let flags = self.flags;
        let dry_run = flags.command.dry_run;
        let others = self.has_other_hosts();
        Ok(EnginePlan {
            dry_run,
            hosts: if others {
                self.hosts.clone()
            } else {
                Vec::new()
            },
            ssh: flags.hosts.ssh(),
            tags_hosts: others && flags.hosts.tags_hosts() && flags.output.tags_inputs(),
            slots_of_hosts: flags.jobs.slots_of_hosts(self.default_slots())?,
            env_of_hosts: if others {
                env_of_hosts::named(&flags.environment.env)?
            } else {
                Vec::new()
            },
            slots,
            as_many_as_fit: flags.jobs.are_as_many_as_fit(self.default_slots()),
            threads: cpu::available_threads(),
            shellquote: Some((self.shell.quoting(), flags.command.shellquote))
                .filter(|&(_, times)| times > 0 && !dry_run),
            shell: self.shell.clone(),
            always_shell: flags.command.shell == ShellUse::Always,
            warm_shells: flags.command.warm_shells(),
            capture: output.capture,
            reduce: self.reduce(),
            codec: flags.output.codec()?,
            tmpdir: around.tmpdir,
            nice: around.nice,
            stdin_transport: flags.pipe.stdin_transport(),
            forgives_cat: self.called_as != CalledAs::Fanout,
            prelude: around.prelude,
            has_workdirs: around.has_workdirs,
            rsync_options: flags.hosts.rsync_opts.clone(),
            remove_empty_workdirs: around.own_workdirs,
            remove_made_files: flags.hosts.cleanup,
            results_are_done: nothing_recorded
                && flags.resume.by_results()
                && flags.output.keeps_results(),
            stdin: flags.terminal.stdin(),
            tmux: flags.terminal.windows(),
            confirm: flags.terminal.interactive,
            slot_variable: around.slot_variable,
            timeout: match self.limit {
                TimeLimit::Fixed(limit) => Some(limit),
                TimeLimit::None | TimeLimit::Percent(_) => None,
            },
            term_seq: failure.term_seq.clone(),
        })
    }

    fn run(
        &self,
        slots: SlotsPlan,
        failure: FailurePolicy,
        threads: usize,
    ) -> Result<RunPlan, UsageError> {
        Ok(RunPlan {
            most_out: None,
            is_bound: false,
            retry: failure.retry,
            halt: failure.halt,
            halt_text: failure.halt_text,
            exit_rule: ExitRule::default(),
            // As GNU parallel under its name.
            dies_of_signals: self.called_as == CalledAs::Fanout,
            tells_timeouts: !self.summarises(),
            gates: self.flags.gates.resolve(threads)?,
            slots,
            one_at_a_time: self.flags.terminal.interactive,
            timeout_percent: match self.limit {
                TimeLimit::Percent(percent) => Some(percent),
                TimeLimit::None | TimeLimit::Fixed(_) => None,
            },
        })
    }

    fn report(
        &self,
        output: OutputPlan,
        records: RecordFiles,
        typed: ArgList,
    ) -> Result<ReportPlan, UsageError> {
        let (flags, called_as) = (self.flags, self.called_as);
        let dry_run = flags.command.dry_run;
        let context = JsonContext {
            dry_run,
            append: flags.resume.leaves_out(),
            captures: output.captures,
            argv: typed,
            template: self.command.join(&b' '),
        };
        let assign = flags.output.assignments(self.shell.quoting())?;
        Ok(ReportPlan {
            one_at_a_time: flags.terminal.interactive,
            program: called_as.speaker(assign.is_some()).to_owned(),
            preface: if flags.batching.show_limits {
                self.batch.limits()
            } else {
                String::new()
            },
            latest_line: flags.output.latest_line,
            text: output.text,
            fsync: flags.report.fsync,
            joblog: flags.resume.joblog(records.joblog, dry_run),
            rows: output.rows,
            assign,
            json: flags.report.json(records.json, context)?,
            progress: flags.report.progress(called_as, self.may_draw()),
            summary: self.summarises().then(|| hints::hints(&self.typed())),
        })
    }

    /// Whether a display may be drawn that nobody has asked for: not where jobs write to the terminal by themselves,
    /// or use it in another way, and not where nothing is run.
    fn may_draw(&self) -> bool {
        let Flags {
            terminal,
            output,
            command,
            ..
        } = self.flags;
        let uses_terminal = terminal.interactive
            || terminal.tty
            || terminal.open_tty
            || terminal.tmux
            || terminal.tmuxpane
            || output.ungroup;
        let is_semaphore = self.flags.semaphore.is_wanted(self.called_as);
        !(uses_terminal || is_semaphore || command.only_prints() || output.assign.is_some())
    }

    /// Whether failed jobs are listed at the end.
    fn summarises(&self) -> bool {
        self.called_as == CalledAs::Fanout && !self.flags.failure.no_summary
    }

    /// What may not be meant as it is typed.
    fn doubts(&self) -> Vec<String> {
        if self.called_as != CalledAs::Fanout {
            return Vec::new();
        }
        let sources = &self.flags.sources;
        let one_each = self.batch.takes_one_record()
            && !sources.splits_columns()
            && sources.matches.is_empty()
            && !self.flags.pipe.is_wanted();
        let most = one_each.then_some(self.sources.max(1));
        hints::doubts(&self.typed(), most)
    }

    /// What hints are made from.
    fn typed(&self) -> hints::Typed<'_> {
        hints::Typed {
            command: &self.command,
            from_stdin: self.sources == 0,
            // What is left of a run or of a table may be nothing.
            may_be_empty: self.flags.sources.no_run_if_empty
                || self.flags.sql.is_wanted()
                || self.flags.resume.leaves_out()
                || self.flags.report.joblog.is_some() && self.flags.resume.retry_failed,
            lacks_joblog: self.flags.resume.retry_failed,
            joblog: self.flags.report.joblog_file().map(|file| file.path),
            quotes: self.flags.command.quote,
        }
    }

    fn table_use(&self, templates: TemplateSpec) -> TableUse {
        TableUse {
            templates,
            waits: self.flags.semaphore.wait,
            shows: self.flags.output.print_command > 0,
            dry_run: self.flags.command.dry_run,
            master_succeeds: self.called_as == CalledAs::Parallel,
        }
    }
}

/// Whether standard input is one of the sources.
fn reads_stdin(input: &InputConfig) -> bool {
    let mut sources = input.sources.iter();
    sources.any(|source| source.kind == SourceKind::Stdin)
}

/// Whether all inputs stand on the command line, so that counting their jobs takes no time.
fn counts_at_no_cost(input: &InputConfig, packing: &Packing) -> bool {
    let sources = &input.sources;
    let words = |source: &SourceSpec| matches!(source.kind, SourceKind::Words(_));
    // Batches must be packed to be counted, and many sources have very many combinations.
    let few = sources.len() == 1 || !matches!(packing, Packing::Batch(_));
    few && sources.iter().all(words)
}

#[cfg(test)]
mod tests;
