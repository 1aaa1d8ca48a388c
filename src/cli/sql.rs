//! Jobs in a table of a database: what its options mean, and what they cannot be combined with.

use std::path::Path;

use super::flags::{Flags, Sql};
use super::{CalledAs, pipe, text};
use crate::input::{Shape, SourceKind};
use crate::job::TemplateSpec;
use crate::job::pack::Packing;
use crate::plan::{MasterPlan, Plan, SqlPlan, WorkerPlan};
use crate::run::halt::ExitRule;
use crate::sql::alias;
use crate::sql::url::Dburl;

/// Whether jobs go through a table.
pub(super) fn is_wanted(flags: &Sql) -> bool {
    flags.master.is_some() || flags.and_worker.is_some() || flags.worker.is_some()
}

/// Has the jobs of `plan`, whose `templates` are these, go through a table, if that is wanted.
///
/// # Errors
///
/// One line that names the option and what is wrong with it.
pub(super) fn adapt(
    flags: &Flags,
    templates: TemplateSpec,
    called_as: CalledAs,
    plan: &mut Plan,
) -> Result<(), String> {
    let sql = &flags.sql;
    let masters = sql.and_worker.as_ref().or(sql.master.as_ref());
    let Some(typed) = masters.or(sql.worker.as_ref()) else {
        return Ok(());
    };
    let option = match (&sql.and_worker, &sql.master) {
        (Some(_), _) => "--sqlandworker",
        (None, Some(_)) => "--sqlmaster",
        (None, None) => "--sqlworker",
    };
    check(flags, option)?;
    let home = std::env::var_os("HOME");
    let aliases = || alias::lines(home.as_ref().map(Path::new));
    let url =
        Dburl::parse(text(option, typed)?, aliases).map_err(|why| format!("{option}: {why}"))?;
    if flags.command.dry_run && masters.is_some() {
        // It writes nothing: jobs are only shown.
        return Ok(());
    }
    let master = masters.map(|_| MasterPlan {
        waits: flags.semaphore.wait,
        // As GNU parallel: the master has done its work, whatever becomes of the jobs.
        counts_failed: called_as != CalledAs::Parallel,
        shows: flags.output.print_command > 0,
    });
    let worker = flags.sql.works().then(|| WorkerPlan {
        program: plan.renderer.program,
        slots: plan.run.slots.now(),
        only_looks: flags.command.dry_run,
        in_order: plan.report.text.in_order,
    });
    if master.is_none() {
        without_inputs(plan);
    }
    if master.is_some() && worker.is_some() && called_as == CalledAs::Parallel {
        // As GNU parallel: the master has done its work, whatever becomes of the jobs.
        plan.run.exit_rule = ExitRule::Nothing;
    }
    plan.jobs.sql = Some(SqlPlan {
        url,
        templates: Box::new(templates),
        master,
        worker,
    });
    Ok(())
}

/// What is in the table is all there is.
fn without_inputs(plan: &mut Plan) {
    let jobs = &mut plan.jobs;
    jobs.input.sources = vec![SourceKind::Words(Vec::new()).into()];
    jobs.input.shape = Shape::default();
    jobs.packing = Packing::One;
    jobs.count_ahead = false;
    jobs.reads_stdin = false;
    plan.renderer.with_names = None;
}

fn check(flags: &Flags, option: &str) -> Result<(), String> {
    let others = [
        ("--pipe", pipe::is_wanted(flags)),
        ("--milestone", flags.sources.milestone.is_some()),
        ("--resume", flags.failure.resume),
        ("--resume-failed", flags.failure.resume_failed),
        ("--retry-failed", flags.failure.retry_failed),
        ("--shellquote", flags.command.shellquote > 0),
    ];
    match others.iter().find(|(_, given)| *given) {
        Some((other, _)) => Err(format!("{option} cannot be combined with {other}")),
        None => Ok(()),
    }
}
