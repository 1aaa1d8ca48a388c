//! What is replaced in the command.

use std::ffi::OsString;

use clap::Args;

/// Options on replacement strings.
#[derive(Args, Debug)]
#[command(next_help_heading = "Replacement strings")]
pub struct Replacement {
    /// More of them: {+/} {..} {+.} {:-str} {:pos:len} {#text} {%text} {^text} {,text} {uniq}
    /// {/from/to} ... ({##} and {0#} need all inputs to be read before the first job).
    #[arg(long)]
    pub plus: bool,

    /// Define the replacement string TAG by a Perl expression that changes $_; groups in TAG are $$1, $$2 ...
    #[arg(long, value_name = "TAG EXPRESSION")]
    pub rpl: Vec<OsString>,

    /// Before each job, write FILE with its replacement strings replaced into the file that REPL becomes
    /// (with --cleanup: remove that when the job is over).
    #[arg(long = "template", alias = "tmpl", value_name = "FILE=REPL")]
    pub templates: Vec<OsString>,

    /// Enclose Perl expressions in the two halves of PARENS instead of {= and =}.
    #[arg(long, value_name = "PARENS")]
    pub parens: Option<OsString>,

    /// Use STR instead of {}.
    #[arg(short = 'I', value_name = "STR", long = "input-replace")]
    pub input_replace: Option<OsString>,

    /// Use STR instead of {}.
    #[arg(short = 'i', long, value_name = "STR", num_args = 0..=1, default_missing_value = "{}")]
    pub replace: Option<OsString>,

    /// Use STR instead of {.}.
    #[arg(long, alias = "er", value_name = "STR")]
    pub extensionreplace: Option<OsString>,

    /// Use STR instead of {/}.
    #[arg(long, alias = "bnr", value_name = "STR")]
    pub basenamereplace: Option<OsString>,

    /// Use STR instead of {//}.
    #[arg(long, alias = "dnr", value_name = "STR")]
    pub dirnamereplace: Option<OsString>,

    /// Use STR instead of {/.}.
    #[arg(
        long,
        aliases = ["bner", "basename-extension-replace"],
        value_name = "STR"
    )]
    pub basenameextensionreplace: Option<OsString>,

    /// Use STR instead of {#}.
    #[arg(long, value_name = "STR")]
    pub seqreplace: Option<OsString>,

    /// Use STR instead of {%}.
    #[arg(long, value_name = "STR")]
    pub slotreplace: Option<OsString>,
}

impl Replacement {
    /// Built-in replacement strings, the options that change them, and what is to be written instead.
    pub fn spellings(&self) -> impl Iterator<Item = (&'static str, &'static str, &OsString)> {
        [
            ("{}", "-I", &self.input_replace),
            ("{}", "--replace", &self.replace),
            ("{.}", "--extensionreplace", &self.extensionreplace),
            ("{/}", "--basenamereplace", &self.basenamereplace),
            ("{//}", "--dirnamereplace", &self.dirnamereplace),
            (
                "{/.}",
                "--basenameextensionreplace",
                &self.basenameextensionreplace,
            ),
            ("{#}", "--seqreplace", &self.seqreplace),
            ("{%}", "--slotreplace", &self.slotreplace),
        ]
        .into_iter()
        .filter_map(|(built_in, option, spelling)| Some((built_in, option, spelling.as_ref()?)))
    }
}
