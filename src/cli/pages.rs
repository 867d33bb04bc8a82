//! What shells and `man` know of the command line, made from the same description as the parser.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::error::{Error, Result};

/// Options of `segmill completions`.
#[derive(Debug, Args)]
#[command(after_help = "For bash: segmill completions bash > ~/.local/share/bash-completion/completions/segmill")]
pub struct CompletionsArgs {
    /// The shell that is to complete
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// Options of `segmill man`.
#[derive(Debug, Args)]
#[command(after_help = "Afterwards: man -l DIR/segmill-run.1, or put them where man looks: ~/.local/share/man/man1")]
pub struct ManArgs {
    /// The folder for the pages, one for each command; made if it is not there
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

impl CompletionsArgs {
    /// The script for the shell, of the command line `cli`.
    pub fn script(&self, mut cli: clap::Command) -> Vec<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut cli, "segmill", &mut script);
        script
    }
}

impl ManArgs {
    /// Writes the pages of the command line `cli`.
    pub fn write(&self, cli: clap::Command) -> Result<()> {
        let made = std::fs::create_dir_all(&self.folder);
        let written = made.and_then(|()| clap_mangen::generate_to(cli, &self.folder));
        written.map_err(|e| Error::file(&self.folder, "cannot write the pages", &e, "name another folder"))
    }
}
