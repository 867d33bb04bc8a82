//! The answer of `segmill plan`: one screen for people, JSON for programs.

use std::io::{self, Write};

use crate::results::forecast::{Bottleneck, Forecast, Stage};
use crate::results::{Estimate, Order};
use crate::watch::format;
use crate::watch::format::{bytes, percent, seconds};

/// Bottlenecks that are shown.
const SHOWN: usize = 3;

/// The forecast as it is, indented.
pub fn write_json(forecast: &Forecast, sink: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *sink, forecast)?;
    writeln!(sink)
}

/// What the input is like, what the job takes, what does not fit, and what limits it next.
pub fn print(forecast: &Forecast, sink: &mut impl Write) -> io::Result<()> {
    print_input(&forecast.input, sink)?;
    print_sizes(forecast, sink)?;
    let solver = &forecast.solver;
    writeln!(sink, "solver    {}: {}; about {} sweeps", solver.solver, solver.reason, solver.sweeps)?;
    writeln!(sink)?;
    print_stages(forecast, sink)?;
    writeln!(sink)?;
    print_memory(forecast, sink)?;
    writeln!(sink)?;
    print_limits(forecast, sink)
}

/// What does not fit, and what would not next.
fn print_limits(forecast: &Forecast, sink: &mut impl Write) -> io::Result<()> {
    for problem in &forecast.problems {
        writeln!(sink, "does not fit: {}: {}; {}", problem.place, problem.problem, problem.remedy)?;
    }
    if forecast.fits {
        writeln!(sink, "fits")?;
    }
    for bottleneck in forecast.bottlenecks.iter().take(SHOWN) {
        writeln!(sink, "{}", line_of(bottleneck, forecast.cluster.processes))?;
    }
    let worth = forecast.worthwhile_processes;
    let processes = if worth == 1 { "one process".to_string() } else { format!("{worth} processes") };
    writeln!(
        sink,
        "past {processes} of {} on machines like this, twice as many save less than a tenth of the time",
        workers(forecast.cluster.workers)
    )
}

fn print_input(input: &Estimate, sink: &mut impl Write) -> io::Result<()> {
    let about = if input.exact { "" } else { "about " };
    let order = match (input.exact, input.order) {
        (true, _) => "read whole",
        (_, Order::ByUser) => "from a sample; the rows of a user stand together",
        (_, Order::Mixed) => "from a sample; the rows of a user are scattered",
    };
    let density = input.ratings as f64 / (input.users as f64 * input.items as f64);
    let [users, items, ratings] = [input.users, input.items, input.ratings].map(|n| number(n as f64, input.exact));
    writeln!(sink, "input     {about}{users} users, {items} items, {ratings} ratings ({order})")?;
    writeln!(
        sink,
        "          density {}; the busiest 1% of users have {} of the ratings, the top 1% of items {}",
        percent(density),
        percent(input.top_users),
        percent(input.top_items)
    )?;
    writeln!(sink, "          duplicates {} of the rows, bad rows {}", percent(input.duplicates), percent(input.bad))
}

fn print_sizes(forecast: &Forecast, sink: &mut impl Write) -> io::Result<()> {
    let (sizes, cluster) = (&forecast.sizes, &forecast.cluster);
    if sizes.ratings.round() != forecast.input.ratings as f64
        || sizes.users.round() != forecast.input.users as f64
        || sizes.items.round() != forecast.input.items as f64
    {
        let [users, items, ratings] = [sizes.users, sizes.items, sizes.ratings].map(|n| number(n, false));
        writeln!(sink, "planned   {users} users, {items} items, {ratings} ratings")?;
        forecast.scaled.iter().try_for_each(|how| writeln!(sink, "          {how}"))?;
    }
    let network = match cluster.processes {
        1 => String::new(),
        _ if cluster.network == f64::MAX => ", on this machine".to_string(),
        _ => format!(", {} a second between them", size(cluster.network)),
    };
    let processes =
        if cluster.processes == 1 { "1 process".into() } else { format!("{} processes", cluster.processes) };
    writeln!(sink, "layout    {processes} of {}{network}", workers(cluster.workers))
}

fn print_stages(forecast: &Forecast, sink: &mut impl Write) -> io::Result<()> {
    writeln!(
        sink,
        "{:<10}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "stage", "time", "shared", "network", "waiting", "alone", "wire"
    )?;
    let row = |sink: &mut dyn Write, name: &str, of: &dyn Fn(fn(&Stage) -> f64) -> f64| {
        let parts: [fn(&Stage) -> f64; 5] = [|s| s.seconds, |s| s.work, |s| s.network, |s| s.waiting, |s| s.alone];
        write!(sink, "{name:<10}")?;
        for part in parts {
            write!(sink, "{:>12}", time(of(part)))?;
        }
        writeln!(sink, "{:>12}", wire(of(|s| s.bytes_sent)))
    };
    for stage in &forecast.prediction.stages {
        row(sink, &stage.stage, &|part| part(stage))?;
    }
    row(sink, "in all", &|part| forecast.prediction.sum(part))
}

fn print_memory(forecast: &Forecast, sink: &mut impl Write) -> io::Result<()> {
    let (p, budget) = (&forecast.prediction, size(forecast.memory as f64));
    let largest = if p.largest.is_empty() { String::new() } else { format!("; the most are {}", p.largest) };
    match forecast.cluster.processes {
        1 => writeln!(sink, "memory    {} at its peak, of memory = {budget}{largest}", size(p.coordinator_memory))?,
        _ => writeln!(
            sink,
            "memory    {} of the coordinator's process and {} of each other, of memory = {budget}{largest}",
            size(p.coordinator_memory),
            size(p.memory)
        )?,
    }
    let spilled = if p.spilled > 0.0 { size(p.spilled) + " of each process" } else { "nothing".into() };
    writeln!(sink, "disk      {spilled} to scratch files, {} of results", size(p.output_bytes))?;
    if p.user_files > 1.0 {
        let side_by_side = match forecast.cluster.processes {
            1 => "",
            _ => ", written side by side by processes that see the output folder; otherwise all go through the first",
        };
        writeln!(sink, "          the users in {} files{side_by_side}", number(p.user_files, true))?;
    }
    Ok(())
}

fn line_of(bottleneck: &Bottleneck, processes: usize) -> String {
    let Bottleneck { limit, ratings, ratings_per_process, met, remedy } = bottleneck;
    if *met {
        return format!("limit now: {limit}; {remedy}");
    }
    let each =
        if processes > 1 { format!(", {} a process", number(*ratings_per_process, false)) } else { String::new() };
    format!("next limit: {limit}, at {} ratings{each}; {remedy}", number(*ratings, false))
}

fn workers(n: usize) -> String {
    if n == 1 { "1 worker".into() } else { format!("{n} workers") }
}

fn time(value: f64) -> String {
    if value == 0.0 { "-".into() } else { seconds(value).replace("under 1 ms", "< 1 ms") }
}

fn wire(sent: f64) -> String {
    if sent == 0.0 { "-".into() } else { size(sent) }
}

fn size(count: f64) -> String {
    bytes(count as u64)
}

/// A count, exact or with three digits: `943`, `25.4 million`.
fn number(value: f64, exact: bool) -> String {
    if exact || value < 1000.0 {
        return format::count(value.round() as u64);
    }
    let units = [(1e12, " trillion"), (1e9, " billion"), (1e6, " million")];
    match units.into_iter().find(|(unit, _)| value >= *unit) {
        Some((unit, name)) => format!("{}{name}", format::significant(value / unit, 3)),
        None => {
            let step = 10f64.powi(value.log10() as i32 - 2);
            format::count(((value / step).round() * step) as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_exact_as_they_are_known() {
        assert_eq!(number(162_541.0, true), "162,541");
        assert_eq!(number(162_541.0, false), "163,000");
        assert_eq!([1e11, 25.41e6, 2e12].map(|n| number(n, false)), ["100 billion", "25.4 million", "2 trillion"]);
    }
}
