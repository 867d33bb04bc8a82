//! What each command does with its options: the one match that names every command, then a handful of calls for each.

use std::io::{IsTerminal, Write};

use clap::CommandFactory;

use super::assign::AssignArgs;
use super::command::{Cli, Command};
use super::export::ExportArgs;
use super::follow::FollowArgs;
use super::generate::GenerateArgs;
use super::init::InitArgs;
use super::job::WhatArgs;
use super::launch::LaunchArgs;
use super::plan::{Format, PlanArgs};
use super::publish::PublishArgs;
use super::report::ReportArgs;
use super::run::RunArgs;
use super::talk::TalkArgs;
use super::verify::VerifyArgs;
use crate::error::{Error, Result};
use crate::flow::cluster::Layout;
use crate::flow::launch::{self, Orders};
use crate::ingest::planted;
use crate::job::{self, Job};
use crate::report::{self, forecast, terminal};
use crate::results::fetched::Here;
use crate::results::run::Finished;
use crate::results::{assigned, followed, model};
use crate::runs;
use crate::runs::preview;
use crate::runs::verify::Rerun;
use crate::store::is_address;
use crate::watch::logs::{self, Watcher};
use crate::watch::{progress, say, status};

/// Does what the command line asks for. Returns the exit code.
pub fn dispatch(command: &Command) -> Result<u8> {
    match command {
        Command::Run(args) => run(args).map(|()| 0),
        Command::Launch(args) => launch_all(args),
        Command::Init(args) => init(args).map(|()| 0),
        Command::Plan(args) => plan(args).map(|()| 0),
        Command::Generate(args) => generate(args).map(|()| 0),
        Command::Assign(args) => assign(args).map(|()| 0),
        Command::Follow(args) => follow(args).map(|()| 0),
        Command::Publish(args) => publish(args).map(|()| 0),
        Command::Report(args) => render(args).map(|()| 0),
        Command::Export(args) => export(args).map(|()| 0),
        Command::Verify(args) => verify(args),
        Command::Completions(args) => {
            print(|out| out.write_all(&args.script(Cli::command())));
            Ok(0)
        }
        Command::Man(args) => args.write(Cli::command()).map(|()| 0),
        Command::Schema => {
            print(|out| writeln!(out, "{:#}", job::schema().as_value()));
            Ok(0)
        }
    }
}

/// Starts the log, as the options want it.
fn begin(talk: TalkArgs) {
    talk.choose();
    logs::start(Watcher::Terminal);
}

/// The job that is named, or the job of data that are, checked.
fn load(what: &WhatArgs) -> Result<Job> {
    let output = what.output.clone();
    match &what.inputs[..] {
        [job] if job::is_job(job) => job::load(job, &what.overrides(), output),
        data => job::of_data(data, &what.overrides(), output),
    }
}

fn run(args: &RunArgs) -> Result<()> {
    args.job.talk.choose();
    let orders = if args.launched { Some(Orders::receive()?) } else { None };
    logs::start(match &orders {
        None => Watcher::Terminal,
        Some(orders) if orders.audience.watches => Watcher::Launcher,
        Some(_) => Watcher::Nobody,
    });
    runs::choose_vector_code()?;
    let layout = args.layout(orders.as_ref())?;
    let job = load(&args.job.what)?;
    if args.launched && job.input.reads_stdin() {
        let problem = "launch has no standard input for its members";
        return Err(Error::job("input.ratings", problem, "write it to a file first, or use `segmill run`"));
    }
    if args.dry_run {
        let preview = preview::preview(&job, &layout)?;
        preview.found().iter().for_each(|line| say::note(line));
        print(|out| write!(out, "{preview}"));
        return Ok(());
    }
    serve_status(args.job.mesh.status_addr.as_deref())?;
    let Some(finished) = runs::run::run(job, &layout)? else {
        return Ok(());
    };
    warn(&finished.outcome.warnings);
    let links = orders.map_or_else(|| std::io::stdout().is_terminal(), |orders| orders.audience.reads);
    print(|out| terminal::print(&finished.outcome, &finished.written.report, links, out));
    Ok(())
}

/// Returns the exit code of the whole.
fn launch_all(args: &LaunchArgs) -> Result<u8> {
    begin(args.job.talk);
    launch::launch(&args.plan()?)
}

fn init(args: &InitArgs) -> Result<()> {
    begin(args.talk);
    let text = runs::init::job_file(&load(&args.what())?)?;
    // It is the result, however quiet.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn plan(args: &PlanArgs) -> Result<()> {
    begin(args.talk);
    runs::choose_vector_code()?;
    let job = load(&args.what)?;
    let (forecast, found) = runs::plan::forecast(&job, &args.asked()?)?;
    found.iter().for_each(|line| say::note(line));
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = match args.format {
        Format::Text => forecast::print(&forecast, &mut out),
        Format::Json => forecast::write_json(&forecast, &mut out),
    };
    let _ = written.and_then(|()| out.flush());
    Ok(())
}

fn generate(args: &GenerateArgs) -> Result<()> {
    begin(args.talk);
    let written = tracing::info_span!("stage", message = "generate").in_scope(|| {
        progress::begin("generate");
        planted::write_files(&args.spec()?, &args.output, args.threads())
    })?;
    print(|out| {
        writeln!(out, "{} rows, {} bytes: {}", written.n_rows, written.bytes, written.ratings.display())?;
        writeln!(out, "titles: {}", written.items.display())?;
        writeln!(out, "planted segments: {}", written.labels.display())
    });
    Ok(())
}

fn assign(args: &AssignArgs) -> Result<()> {
    begin(args.talk);
    runs::choose_vector_code()?;
    let layout = args.layout()?;
    let places = assigned::Places::of(&args.output, args.profiles.as_deref())?;
    let run = Here::without_users(&args.run)?;
    let finished = Finished::read(run.path())?;
    let job = finished.job.for_ratings(&args.ratings, &args.overrides)?;
    let foreign = finished.foreign();
    let folder = run.path().join(model::FOLDER);
    let model = model::read(&folder)?;
    let titles = if args.profiles.is_some() { model::titles(&folder)? } else { Vec::new() };
    let order = runs::assign::Order { model, job, places: places.clone(), titles, identity: model::identity(&folder)? };
    serve_status(args.mesh.status_addr.as_deref())?;
    let Some(found) = runs::assign::run(order, &layout)? else {
        return Ok(());
    };
    warn(foreign.as_slice());
    warn(&report::assigned::warnings(&found, &places.users));
    // The users may go to standard output.
    note(|sink| report::assigned::print(&found, &places.users, sink));
    Ok(())
}

fn follow(args: &FollowArgs) -> Result<()> {
    begin(args.talk);
    runs::choose_vector_code()?;
    let layout = args.layout()?;
    if is_address(&args.run) {
        let problem = format!("{}: a live session works beside the run, on a disk", args.run.display());
        return Err(Error::job("OUT", problem, "copy the output to a folder first"));
    }
    let places = followed::Places { run: args.run.clone(), state: args.state()?, last: args.last.clone() };
    let finished = Finished::read(&args.run)?;
    let order = runs::follow::Order {
        run: places.run.clone(),
        job: finished.job.for_following(&args.overrides, args.empty)?,
        identity: model::identity(&args.run.join(model::FOLDER))?,
        inertia: finished.inertia,
        inputs: args.inputs()?,
        format: args.format()?,
        op: args.op(),
        stop_at_end: args.stop_at_end,
        every: args.every()?,
        empty: args.empty,
        output: args.output.clone(),
        last: places.last.clone(),
        state: places.state.clone(),
        drift: args.drift,
        refit: args.refit,
        publish: args.publish()?,
    };
    if !args.empty {
        runs::follow::check(&finished, &order.job, &layout)?;
    }
    // The first process has the coordinator, which writes.
    if layout.process == 0 {
        places.check()?;
    }
    serve_status(args.mesh.status_addr.as_deref())?;
    warn(finished.foreign().as_slice());
    let Some(record) = runs::follow::run(order, &layout)? else {
        return Ok(());
    };
    // Changes may go to standard output.
    note(|sink| report::followed::print(&record, &places, sink));
    Ok(())
}

fn publish(args: &PublishArgs) -> Result<()> {
    begin(args.talk);
    let place = args.place()?;
    let published = runs::publish::publish(&args.run, &place, args.new_segments)?;
    print(|out| report::published::print(&published, &place.to_string(), out));
    Ok(())
}

fn render(args: &ReportArgs) -> Result<()> {
    begin(args.talk);
    let page = runs::report::render(&args.run, args.output.as_deref())?;
    print(|out| terminal::print_place(&page, std::io::stdout().is_terminal(), out));
    Ok(())
}

fn export(args: &ExportArgs) -> Result<()> {
    begin(args.talk);
    let exported = runs::export::export(&args.run, &args.target()?, args.output.as_deref())?;
    warn(&exported.warnings);
    if let Some(place) = &exported.place {
        print(|out| writeln!(out, "{}: {}", place.display(), exported.next));
    }
    Ok(())
}

/// Returns the exit code of the whole.
fn verify(args: &VerifyArgs) -> Result<u8> {
    begin(args.talk);
    runs::choose_vector_code()?;
    let here = Here::without_users(&args.run)?;
    let rerun = Rerun::of(here.path())?;
    let ran = rerun.layout();
    let (processes, workers) = (args.processes.get(), args.threads(ran.workers)?);
    warn(&rerun.warnings());
    say::note(&format!("ran as {} × {} workers; again as {processes} × {workers}", ran.processes, ran.workers));
    if processes > 1 {
        let code = launch::launch(&args.plan(rerun.record(), rerun.rerun_output(), workers)?)?;
        if code != 0 {
            return Ok(code);
        }
    } else {
        runs::run::run(rerun.job()?, &Layout::single(workers))?;
    }
    let comparison = rerun.compare()?;
    print(|mut out| comparison.print(&mut out));
    comparison.judge(&args.run).map(|()| 0)
}

fn serve_status(address: Option<&str>) -> Result<()> {
    if let Some(address) = address {
        let address = status::serve(address)?;
        say::note(&format!("status at http://{address}/"));
    }
    Ok(())
}

/// A note for each line of a summary.
fn note(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) {
    let mut summary = Vec::new();
    let _ = write(&mut summary);
    String::from_utf8_lossy(&summary).lines().for_each(say::note);
}

fn warn(warnings: &[String]) {
    warnings.iter().for_each(|warning| say::warning(warning));
}

/// Writes results to stdout, unless only errors are wanted. A reader that stops early (a pager, head) is no failure: what
/// matters is on disk.
fn print(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) {
    if !say::is_quiet() {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let _ = write(&mut out).and_then(|()| out.flush());
    }
}
