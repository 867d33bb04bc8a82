//! `segmill`: maps a result to an exit code.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use segmill::cli::{AssignArgs, Cli, Command, GenerateArgs, LaunchArgs, RunArgs, VerifyArgs};
use segmill::error::{Error, Result};
use segmill::flow::cluster::Layout;
use segmill::ingest::planted;
use segmill::launch::{self, Orders, STAGE_MARK};
use segmill::pipeline::assign::Order;
use segmill::report::assigned::Destination;
use segmill::report::run::Finished;
use segmill::report::terminal;
use segmill::verify::Rerun;
use segmill::{job, model, pipeline, status};
use tracing_indicatif::style::ProgressStyle;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Workers allocate and free arrays of megabytes; the system's allocator gives each back to the kernel, which costs page
/// faults and interrupts every other thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => run(&args).map(|()| 0),
        Command::Launch(args) => launch_all(&args),
        Command::Generate(args) => generate(&args).map(|()| 0),
        Command::Assign(args) => assign(&args).map(|()| 0),
        Command::Verify(args) => verify(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("segmill: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(args: &RunArgs) -> Result<()> {
    show_progress(args.job.quiet, args.launched);
    pipeline::choose_vector_code()?;
    let orders = if args.launched { Some(Orders::receive()?) } else { None };
    let layout = args.layout(orders.as_ref())?;
    let job = job::load(&args.job.job, &args.job.overrides, args.job.output.clone())?;
    if args.launched && job.input.reads_stdin() {
        let problem = "launch has no standard input for its members";
        return Err(Error::job("input.ratings", problem, "write it to a file first, or use `segmill run`"));
    }
    if let Some(address) = &args.job.status_addr {
        let address = status::serve(address)?;
        tracing::info!(%address, "status");
        if !args.job.quiet {
            eprintln!("segmill: status at http://{address}/");
        }
    }
    let Some(finished) = pipeline::run(job, &layout)? else {
        return Ok(());
    };
    if !args.job.quiet {
        warn(&finished.outcome.warnings);
        // Whoever reads the table may stop early (a pager, head); the results are on disk already.
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let _ = terminal::print(&finished.outcome, &finished.written.report, &mut out).and_then(|()| out.flush());
    }
    Ok(())
}

/// Returns the exit code of the whole.
fn launch_all(args: &LaunchArgs) -> Result<u8> {
    let plan = args.plan()?;
    show_progress(args.job.quiet, false);
    launch::launch(&plan)
}

fn generate(args: &GenerateArgs) -> Result<()> {
    let written = planted::write_files(&args.spec()?, &args.output, args.threads())?;
    println!("{} rows, {} bytes: {}", written.n_rows, written.bytes, written.ratings.display());
    println!("titles: {}", written.items.display());
    println!("planted segments: {}", written.labels.display());
    Ok(())
}

fn assign(args: &AssignArgs) -> Result<()> {
    show_progress(args.quiet, false);
    pipeline::choose_vector_code()?;
    let destination = Destination::of(&args.output)?;
    let finished = Finished::read(&args.run)?;
    let job = finished.job.for_ratings(&args.ratings, &args.overrides)?;
    let foreign = finished.foreign();
    let model = model::read(&args.run.join(model::FOLDER))?;
    let order = Order { model, job, destination: destination.clone() };
    let assigned = pipeline::assign::run(order, args.threads()?)?;
    if !args.quiet {
        warn(foreign.as_slice());
        warn(&assigned.warnings(&destination));
        // The users are where they should be, whether anybody listens or not.
        let _ = assigned.print(&destination, &mut std::io::stderr().lock());
    }
    Ok(())
}

/// Returns the exit code of the whole.
fn verify(args: &VerifyArgs) -> Result<u8> {
    show_progress(args.quiet, false);
    pipeline::choose_vector_code()?;
    let rerun = Rerun::of(&args.run)?;
    let ran = rerun.layout();
    let (processes, workers) = (args.processes.get(), args.threads(ran.workers)?);
    if !args.quiet {
        warn(&rerun.warnings());
        eprintln!("segmill: ran as {} × {} workers; again as {processes} × {workers}", ran.processes, ran.workers);
    }
    if processes > 1 {
        let code = launch::launch(&args.plan(rerun.record(), rerun.rerun_output(), workers)?)?;
        if code != 0 {
            return Ok(code);
        }
    } else {
        pipeline::run(rerun.job()?, &Layout::single(workers))?;
    }
    let comparison = rerun.compare()?;
    if !args.quiet {
        // Whoever reads the lines may stop early; the exit code tells the same.
        let _ = comparison.print(&mut std::io::stdout().lock());
    }
    comparison.judge(&args.run).map(|()| 0)
}

fn warn(warnings: &[String]) {
    warnings.iter().for_each(|warning| eprintln!("segmill: warning: {warning}"));
}

/// A progress line per stage on a terminal, or a line for the launcher, and what RUST_LOG asks for as text.
fn show_progress(quiet: bool, launched: bool) {
    let terminal = std::io::stderr().is_terminal() && !quiet;
    let style = ProgressStyle::with_template("{spinner} {span_fields} {elapsed}").expect("a progress template");
    let bars = tracing_indicatif::IndicatifLayer::new().with_progress_style(style);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let text = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(bars.get_stderr_writer())
        .with_filter(filter);
    let stages = || EnvFilter::new("segmill=info");
    let bars = terminal.then(|| bars.with_filter(stages()));
    let marks = (launched && !quiet).then(|| StageMarks.with_filter(stages()));
    tracing_subscriber::registry().with(text).with(bars).with(marks).init();
}

/// Tells the launcher which stage begins.
struct StageMarks;

impl<S: tracing::Subscriber> Layer<S> for StageMarks {
    fn on_new_span(&self, span: &tracing::span::Attributes<'_>, _: &tracing::Id, _: Context<'_, S>) {
        span.record(&mut |field: &tracing::field::Field, stage: &dyn std::fmt::Debug| {
            if field.name() == "message" {
                eprintln!("{STAGE_MARK}{stage:?}");
            }
        });
    }
}
