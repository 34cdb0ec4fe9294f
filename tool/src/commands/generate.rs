//! `ripc generate`: what is made from the description of the command line.

use crate::cli::{Arguments, Generated};
use crate::library::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate as complete};
use std::io::stdout;

/// `ripc generate`
pub(super) fn generate(what: Generated) -> Result<()> {
    let mut command = Arguments::command();
    let mut shell = |shell| complete(shell, &mut command, "ripc", &mut stdout());
    match what {
        Generated::Bash => shell(Shell::Bash),
        Generated::Zsh => shell(Shell::Zsh),
        Generated::Fish => shell(Shell::Fish),
        Generated::Man => manual()?,
    }
    Ok(())
}

/// One page for the program and all its commands.
fn manual() -> Result<()> {
    let command = Arguments::command();
    let page = clap_mangen::Man::new(command.clone());
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    out.extend_from_slice(b".SH COMMANDS\n");
    for part in command
        .get_subcommands()
        .filter(|part| part.get_name() != "help")
    {
        let page = clap_mangen::Man::new(part.clone());
        out.extend_from_slice(format!(".SS \"ripc {}\"\n", part.get_name()).as_bytes());
        let mut body = Vec::new();
        page.render_description_section(&mut body)?;
        page.render_options_section(&mut body)?;
        let text = String::from_utf8_lossy(&body)
            .replace(".SH DESCRIPTION\n", "")
            .replace(".SH OPTIONS\n", ".PP\n");
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(include_bytes!("../manual.roff"));
    print!("{}", String::from_utf8_lossy(&out));
    Ok(())
}
