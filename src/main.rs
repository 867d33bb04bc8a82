//! `segmill`: maps a result to an exit code.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use segmill::cli::{Cli, Command, Format, GenerateArgs, LaunchArgs, PlanArgs, RunArgs};
use segmill::error::Result;
use segmill::ingest::planted;
use segmill::launch::{self, Orders, STAGE_MARK};
use segmill::report::{forecast, terminal};
use segmill::{job, pipeline, status};
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
        Command::Plan(args) => plan(&args).map(|()| 0),
        Command::Generate(args) => generate(&args).map(|()| 0),
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
        for warning in &finished.outcome.warnings {
            eprintln!("segmill: warning: {warning}");
        }
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

fn plan(args: &PlanArgs) -> Result<()> {
    pipeline::choose_vector_code()?;
    let job = job::load(&args.job, &args.overrides, args.output.clone())?;
    let forecast = pipeline::plan::forecast(&job, &args.asked()?)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = match args.format {
        Format::Text => forecast::print(&forecast, &mut out),
        Format::Json => forecast::write_json(&forecast, &mut out),
    };
    let _ = written.and_then(|()| out.flush());
    Ok(())
}

fn generate(args: &GenerateArgs) -> Result<()> {
    let written = planted::write_files(&args.spec()?, &args.output, args.threads())?;
    println!("{} rows, {} bytes: {}", written.n_rows, written.bytes, written.ratings.display());
    println!("titles: {}", written.items.display());
    println!("planted segments: {}", written.labels.display());
    Ok(())
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
