//! Jobs that come with their commands: rows of a table.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Renderer, TemplateSpec};
use crate::model::{Command, Outcome, RenderJob, SpawnError, Work};

/// So many commands are kept ready at most; a table has one, unless something was appended to it.
const KEPT: usize = 16;

/// A command and its renderer.
type Made = (Arc<[u8]>, Arc<Renderer>);

/// Has the text of the command of the job with this number, if the job is still to be run.
pub type FindCommand = dyn Fn(u64) -> Option<Arc<[u8]>> + Send + Sync;

/// Renders each job with a command of its own.
pub struct StoredCommands {
    find: Box<FindCommand>,
    templates: TemplateSpec,
    program: &'static str,
    total: Option<u64>,
    slots: usize,
    made: Mutex<Vec<Made>>,
}

impl fmt::Debug for StoredCommands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredCommands")
    }
}

impl StoredCommands {
    /// For `slots`, and about `total` jobs, with `templates` around the commands; expressions warn under the name
    /// `program`.
    pub fn new(
        find: Box<FindCommand>,
        templates: TemplateSpec,
        program: &'static str,
        total: Option<u64>,
        slots: usize,
    ) -> Self {
        Self {
            find,
            templates,
            program,
            total,
            slots,
            made: Mutex::default(),
        }
    }

    fn renderer(&self, command: &Arc<[u8]>) -> Result<Arc<Renderer>, String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, renderer)) = made.iter().find(|(known, _)| known == command) {
            return Ok(Arc::clone(renderer));
        }
        let mut renderer = Renderer::new(self.templates.parse_stored(command), self.program);
        renderer.begin(self.total, self.slots)?;
        let renderer = Arc::new(renderer);
        if made.len() >= KEPT {
            made.remove(0);
        }
        made.push((Arc::clone(command), Arc::clone(&renderer)));
        Ok(renderer)
    }
}

impl RenderJob for StoredCommands {
    fn prepare(&self, job: &Work, slot: usize) -> Result<Command, SpawnError> {
        // Without arguments it only stands for a job of somebody else's.
        let command = (self.find)(job.seq()).filter(|_| !job.args().is_empty());
        match command {
            Some(command) => self.renderer(&command)?.prepare(job, slot),
            None => Ok(Command {
                skip_as: Some(Outcome::DoneBefore),
                ..Command::default()
            }),
        }
    }

    /// The command of a row is forgotten when it was given out.
    fn is_repeatable(&self) -> bool {
        false
    }
}
