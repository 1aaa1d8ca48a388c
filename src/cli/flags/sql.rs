//! Jobs in a table of a database.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;

use crate::cli::error::UsageError;
use crate::cli::values::text;
use crate::input::{Shape, SourceKind};
use crate::job::TemplateSpec;
use crate::job::pack::Packing;
use crate::plan::{MasterPlan, Plan, SqlPlan, WorkerPlan};
use crate::run::halt::ExitRule;
use crate::sql::alias;
use crate::sql::url::Dburl;

/// Options on jobs that wait in a table of a database.
#[derive(Args, Debug)]
#[command(next_help_heading = "Jobs in a database")]
pub struct Sql {
    /// Write the jobs into the table DBURL instead of running them: `sqlite3:///FILE/TABLE`, with %2F for
    /// slashes if GNU parallel is to understand it, pg://USER:PASSWORD@HOST:PORT/DATABASE/TABLE, where an IPv6
    /// address stands in brackets, or :ALIAS. A table of that name is replaced; with +DBURL the jobs are
    /// appended to it. With --wait, wait until all jobs of the table are over.
    #[arg(long = "sqlmaster", visible_alias = "sql-master", value_name = "DBURL")]
    pub master: Option<OsString>,

    /// Run the jobs that wait in the table DBURL, and write into it how they ended and what they wrote. Any
    /// number of workers can share a table. How jobs are run and shown, their options say; so does -q. Outputs that
    /// are no UTF-8 or have NUL bytes are stored as BLOBs, with pg:// as \x and hexadecimal digits.
    #[arg(long = "sqlworker", visible_alias = "sql-worker", value_name = "DBURL")]
    pub worker: Option<OsString>,

    /// Write the jobs into the table DBURL, and run them; other workers may help.
    #[arg(
        long = "sqlandworker",
        visible_alias = "sql-and-worker",
        value_name = "DBURL"
    )]
    pub and_worker: Option<OsString>,
}

/// What jobs of a table depend on besides the table.
#[derive(Debug)]
pub struct TableUse {
    /// What commands are rendered from.
    pub templates: TemplateSpec,
    /// Whether a master waits until all jobs are over.
    pub waits: bool,
    /// Whether a master prints command lines.
    pub shows: bool,
    /// Whether this is a dry run.
    pub dry_run: bool,
    /// Whether the master has done its work when the jobs are written, whatever becomes of them: as GNU parallel.
    pub master_succeeds: bool,
}

impl Sql {
    /// Whether jobs go through a table.
    pub fn is_wanted(&self) -> bool {
        self.master.is_some() || self.works()
    }

    /// Whether jobs are taken from a table.
    pub fn works(&self) -> bool {
        self.and_worker.is_some() || self.worker.is_some()
    }

    /// The option that names the table, and its value.
    fn typed(&self) -> Option<(&'static str, &OsString)> {
        let named = [
            ("--sqlandworker", &self.and_worker),
            ("--sqlmaster", &self.master),
            ("--sqlworker", &self.worker),
        ];
        let mut named = named.into_iter();
        named.find_map(|(option, value)| Some((option, value.as_ref()?)))
    }

    /// Has the jobs of `plan` go through a table, if that is wanted.
    ///
    /// # Errors
    ///
    /// When the table's name is none.
    pub fn adapt(&self, plan: &mut Plan, its: TableUse) -> Result<(), UsageError> {
        let Some((option, typed)) = self.typed() else {
            return Ok(());
        };
        let home = std::env::var_os("HOME");
        let aliases = || alias::lines(home.as_ref().map(Path::new));
        let url = Dburl::parse(text(option, typed)?, aliases)
            .map_err(|why| UsageError::value(format!("{option}:"), why))?;
        let writes = self.and_worker.is_some() || self.master.is_some();
        if its.dry_run && writes {
            // It writes nothing: jobs are only shown.
            return Ok(());
        }
        let master = writes.then_some(MasterPlan {
            waits: its.waits,
            counts_failed: !its.master_succeeds,
            shows: its.shows,
        });
        let worker = self.works().then(|| WorkerPlan {
            program: plan.renderer.program,
            slots: plan.run.slots.now(),
            only_looks: its.dry_run,
            in_order: plan.report.text.in_order,
        });
        if master.is_none() {
            without_inputs(plan);
        }
        if master.is_some() && worker.is_some() && its.master_succeeds {
            plan.run.exit_rule = ExitRule::Nothing;
        }
        plan.jobs.sql = Some(SqlPlan {
            url,
            templates: Box::new(its.templates),
            master,
            worker,
        });
        Ok(())
    }
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
