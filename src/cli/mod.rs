//! The command line: clap turns words into typed options, and the functions here check what clap cannot.
//!
//! Parsing does no work and opens nothing but the hosts file ([`hosts`]). Flags win over the environment, the environment
//! over defaults; whoever started this process as one of several says the rest in variables of its own ([`rank`]). A
//! command line that cannot run ends with exit code 2, whether clap or [`Error::Job`] refuses it.

mod assign;
mod follow;
pub(crate) mod hosts;
pub(crate) mod nodelist;
mod pages;
mod plan;
mod rank;
mod report;
mod talk;
mod verify;

use std::ffi::OsString;
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::error::{Error, Result};
use crate::flow::cluster::{ClusterKey, KEY_FILE_VARIABLE, KEY_VARIABLE, Layout, Security};
use crate::flow::launch::{self, Orders, Plan, STATUS_VARIABLE};
use crate::job::{DEFAULT_AFFINITY, DEFAULT_MOVERS, Feedback, GenerateSpec};
pub use plan::{Format, PlanArgs};
use rank::Asked;

pub use assign::AssignArgs;
pub use follow::FollowArgs;
pub use pages::{CompletionsArgs, ManArgs};
pub use report::ReportArgs;
pub use talk::{LogFormat, TalkArgs};
pub use verify::VerifyArgs;

/// How to start a program on another machine.
const SSH: &str = "ssh -o BatchMode=yes -o ServerAliveInterval=5";

/// Worker threads of one process at most: each has a channel to every other.
const MAX_WORKERS: usize = 512;

/// Where the flags of a cluster come from that are not given.
const RANKS: &str = "Without --processes, --process and --hosts they are taken from Slurm (SLURM_PROCID, SLURM_NTASKS, \
    SLURM_JOB_NODELIST), an indexed Job of Kubernetes (JOB_COMPLETION_INDEX, HOSTNAME) or RANK, WORLD_SIZE, MASTER_ADDR and \
    MASTER_PORT, in this order. SEGMILL_RUN_ID names the run and SEGMILL_ATTEMPT says how often its processes were started \
    before: those of another run or attempt are kept out";

/// Customer segments from (user, item, rating) data of any size.
#[derive(Debug, Parser)]
#[command(name = "segmill", version, subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done; 1 verify found a difference; 2 bad command line or job file; 3 bad data; 4 a file or disk failed; \
    5 a peer is missing or lost (try again); 70 a bug"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a job: ratings in, segments, profiles and a report out
    Run(RunArgs),
    /// Run a job in several processes: start all of them, here or over ssh, watch them, and start them again when one is lost
    Launch(LaunchArgs),
    /// Say what a job would take, before it is run: sizes, solver, memory, bytes on the wire, time, and what would not fit
    Plan(PlanArgs),
    /// Write ratings with planted segments, and the planted label of each user beside them
    Generate(GenerateArgs),
    /// Put users, new or known, into the segments of a finished run
    Assign(AssignArgs),
    /// Keep the segments of a finished run up to date as ratings arrive, are corrected and are withdrawn
    Follow(FollowArgs),
    /// Render the report of a finished run again, after names of segments were edited
    Report(ReportArgs),
    /// Run a finished run again in another layout, and compare the digests table by table
    Verify(VerifyArgs),
    /// Print the script with which a shell completes the words of segmill
    Completions(CompletionsArgs),
    /// Write man pages, one for each command
    Man(ManArgs),
}

/// Which job to run, and how.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// The job file (TOML); jobs/README.md explains its keys. The run.json of a finished run is one too
    #[arg(value_name = "JOB")]
    pub job: PathBuf,

    /// Set one key of the job file, as in --set kmeans.clusters=12; may be given several times
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = key_and_value)]
    pub overrides: Vec<(String, String)>,

    /// Output folder, replaced whole if an earlier run wrote it [default: the job's output, or out/<job file's name>]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub mesh: MeshArgs,

    #[command(flatten)]
    pub talk: TalkArgs,
}

/// The processes of a cluster, as all of them know it.
#[derive(Debug, Args)]
pub struct MeshArgs {
    /// File with one line host:port per process, in order; blank lines and lines starting with # do not count
    #[arg(long, value_name = "FILE", env = "SEGMILL_HOSTS", help_heading = "Cluster")]
    pub hosts: Option<PathBuf>,

    /// Talk without encryption and let in whoever asks, on a network where everybody is trusted. Without it the key of the
    /// cluster is read from SEGMILL_CLUSTER_KEY_FILE or SEGMILL_CLUSTER_KEY (64 hexadecimal digits)
    #[arg(long, env = "SEGMILL_INSECURE_PLAINTEXT", help_heading = "Cluster")]
    pub insecure_plaintext: bool,

    /// Seconds to wait for the other processes at the start
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Cluster")]
    pub start_timeout: u64,

    /// Tell over HTTP how far the job is, for people and programs: /, /metrics, /live.json, /healthz, /readyz, to whoever
    /// reaches this address. Port 0 is any free one. Of segmill launch, process 0 tells
    #[arg(long, value_name = "HOST:PORT", env = STATUS_VARIABLE)]
    pub status_addr: Option<String>,
}

/// One process of a cluster.
#[derive(Debug, Args)]
pub struct MemberArgs {
    /// Worker threads in this process [default: the number of processors]
    #[arg(short, long, value_name = "WORKERS")]
    pub workers: Option<NonZeroUsize>,

    /// Processes in the cluster, each started with the same job and the same number of workers [default: 1]
    #[arg(long, value_name = "N", env = "SEGMILL_PROCESSES", help_heading = "Cluster")]
    pub processes: Option<NonZeroUsize>,

    /// Which process of the cluster this is, from 0
    #[arg(long, value_name = "I", env = "SEGMILL_PROCESS", help_heading = "Cluster")]
    pub process: Option<usize>,

    /// Port of the first process on each machine, where --hosts does not say it [default: 2101]
    #[arg(long, value_name = "PORT", env = "SEGMILL_PORT", help_heading = "Cluster")]
    pub port: Option<NonZeroU16>,

    /// The headless service of the pods, where the processes are an indexed Job of Kubernetes
    #[arg(long, value_name = "NAME", env = "SEGMILL_SERVICE", help_heading = "Cluster")]
    pub service: Option<String>,

    /// Listen here, where that is not the address in --hosts at which the others call, as in --listen 0.0.0.0:2101
    #[arg(long, value_name = "HOST:PORT", env = "SEGMILL_LISTEN", help_heading = "Cluster")]
    pub listen: Option<String>,
}

/// Options of `segmill run`.
#[derive(Debug, Args)]
#[command(after_help = RANKS)]
pub struct RunArgs {
    #[command(flatten)]
    pub job: JobArgs,

    #[command(flatten)]
    pub member: MemberArgs,

    /// Check the job file, the layout of the input and the output folder, say what would run, and stop: nothing is read to its
    /// end, nothing is written.
    #[arg(long)]
    pub dry_run: bool,

    /// This process was started by segmill launch, which tells it the rest on standard input
    #[arg(long, hide = true)]
    pub launched: bool,
}

/// Options of `segmill launch`.
#[derive(Debug, Args)]
pub struct LaunchArgs {
    #[command(flatten)]
    pub job: JobArgs,

    /// Processes to start [default: one for each line of --hosts]
    #[arg(long, value_name = "N", env = "SEGMILL_PROCESSES", help_heading = "Cluster")]
    pub processes: Option<NonZeroUsize>,

    /// Worker threads in each process [default: the number of processors, shared among the processes of a machine]
    #[arg(short, long, value_name = "WORKERS")]
    pub workers: Option<NonZeroUsize>,

    /// How often all processes are started again after one was lost
    #[arg(long, value_name = "TIMES", default_value_t = 3, help_heading = "Cluster")]
    pub max_restarts: u32,

    /// How to start a program on another machine: followed by the host and the command
    #[arg(long, value_name = "COMMAND", default_value = SSH, help_heading = "Cluster")]
    pub ssh: String,

    /// Where segmill is on the other machines [default: where it is on this one]
    #[arg(long, value_name = "PATH", help_heading = "Cluster")]
    pub remote_program: Option<PathBuf>,
}

/// Options of `segmill generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Number of users
    #[arg(long, value_name = "U")]
    pub users: u64,

    /// Number of items
    #[arg(long, value_name = "I")]
    pub items: u64,

    /// Mean number of ratings (or events) of a user; activity is log-normal
    #[arg(long, value_name = "M")]
    pub ratings_per_user: f64,

    /// Number of planted segments, each with a theme of its own
    #[arg(long, value_name = "A")]
    pub segments: u64,

    /// Write an event log (user,item) with repeats in place of half-star ratings (user,item,rating)
    #[arg(long)]
    pub implicit: bool,

    /// Share of a user's ratings drawn from the themes of their segment, 0 to 1; the smaller, the harder to segment
    #[arg(long, value_name = "F", default_value_t = DEFAULT_AFFINITY)]
    pub affinity: f64,

    /// Which month of the same users and items: ratings are drawn anew in each
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub month: u64,

    /// Share of the users who change taste from one month to the next
    #[arg(long, value_name = "F", default_value_t = DEFAULT_MOVERS)]
    pub movers: f64,

    /// Number of segments that nobody is in before month 1, founded by half of those who change taste
    #[arg(long, value_name = "B", default_value_t = 0)]
    pub born: u64,

    /// The same seed gives the same bytes, whatever the number of threads
    #[arg(long, value_name = "S")]
    pub seed: u64,

    /// The CSV file to write; <name>.items.csv (titles) and <name>.labels.csv (planted segments) are written beside it
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Threads [default: the number of processors]
    #[arg(short, long, value_name = "THREADS")]
    pub workers: Option<NonZeroUsize>,

    #[command(flatten)]
    pub talk: TalkArgs,
}

impl MeshArgs {
    /// The addresses of the hosts file; none without one.
    pub fn addresses(&self) -> Result<Vec<String>> {
        Ok(self.hosts.as_deref().map(hosts::read).transpose()?.unwrap_or_default())
    }
}

impl RunArgs {
    /// [`MemberArgs::layout`] of these flags.
    pub fn layout(&self, launched: Option<&Orders>) -> Result<Layout> {
        self.member.layout(&self.job.mesh, launched)
    }
}

impl MemberArgs {
    /// Checks that the flags of the cluster agree with each other, with the hosts file and with the environment, or with
    /// what a launcher says.
    pub fn layout(&self, mesh: &MeshArgs, launched: Option<&Orders>) -> Result<Layout> {
        self.layout_among(mesh, launched, |name| std::env::var(name).ok())
    }

    /// The same, with `lookup` for the variables of schedulers.
    fn layout_among(
        &self,
        mesh: &MeshArgs,
        launched: Option<&Orders>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Layout> {
        let given = launched.map_or_else(|| mesh.addresses(), |orders| Ok(orders.hosts.clone()))?;
        let asked = Asked {
            processes: self.processes.map(NonZeroUsize::get),
            process: self.process,
            hosts: given.clone(),
            port: self.port.map(NonZeroU16::get),
            service: self.service.clone(),
        };
        let found = if launched.is_some() { None } else { rank::find(&asked, lookup)? };
        let processes = asked.processes.or(found.as_ref().map(|rank| rank.processes)).unwrap_or(1);
        let process = which_process(self.process.or(found.as_ref().map(|rank| rank.process)), processes)?;
        let (hosts, listen) = match found {
            Some(rank) if given.is_empty() => (rank.hosts, rank.listen),
            _ => {
                check_hosts(&given, processes)?;
                (given, None)
            }
        };
        if let Some(listen) = self.listen.as_deref().filter(|listen| !hosts::is_address(listen)) {
            let problem = format!("{listen:?} is not host:port");
            return Err(Error::job("--listen", problem, "write it as in 0.0.0.0:2101"));
        }
        let security = match launched {
            _ if processes == 1 => Security::Plaintext,
            Some(orders) => orders.security()?,
            None => security(mesh.insecure_plaintext)?,
        };
        Ok(Layout {
            workers: checked_threads(self.workers)?,
            processes,
            process,
            hosts,
            listen: self.listen.clone().or(listen),
            start_timeout: Duration::from_secs(mesh.start_timeout),
            security,
            run: launched
                .map_or_else(|| std::env::var("SEGMILL_RUN_ID").unwrap_or_default(), |orders| orders.run.clone()),
            attempt: launched.map_or_else(attempt, |orders| Ok(orders.attempt))?,
        })
    }
}

impl LaunchArgs {
    /// What to start, checked.
    pub fn plan(&self) -> Result<Plan> {
        let hosts = self.job.mesh.addresses()?;
        let processes = self.processes.map_or(hosts.len(), NonZeroUsize::get);
        if processes == 0 {
            let remedy = "say how many, or name a file with one line host:port per process in --hosts";
            return Err(Error::job("--processes", "it is missing", remedy));
        }
        if !hosts.is_empty() {
            check_hosts(&hosts, processes)?;
        }
        let here = hosts.iter().filter(|host| launch::is_here(host)).count();
        let here = if hosts.is_empty() { processes } else { here };
        let workers = match self.workers {
            Some(_) => checked_threads(self.workers)?,
            None => (threads(None) / here.max(1)).max(1),
        };
        let security = match ClusterKey::from_environment()? {
            _ if self.job.mesh.insecure_plaintext => Security::Plaintext,
            Some(key) => Security::Key(key),
            None => Security::Key(ClusterKey::generate()?),
        };
        Ok(Plan {
            words: self.words(workers, processes),
            processes,
            hosts,
            security,
            status_addr: self.job.mesh.status_addr.clone(),
            max_restarts: self.max_restarts,
            ssh: self.ssh.split_whitespace().map(String::from).collect(),
            remote_program: self.remote_program.clone(),
        })
    }

    /// The words of `segmill run` for every member, all but its index.
    fn words(&self, workers: usize, processes: usize) -> Vec<OsString> {
        let JobArgs { job, overrides, output, talk, mesh } = &self.job;
        let mut words: Vec<OsString> = vec!["run".into(), "--launched".into(), job.into()];
        for (key, value) in overrides {
            words.extend(["--set".into(), format!("{key}={value}").into()]);
        }
        if let Some(output) = output {
            words.extend(["-o".into(), output.into()]);
        }
        words.extend(talk.words());
        words.extend(["-w".into(), workers.to_string().into()]);
        words.extend(["--processes".into(), processes.to_string().into()]);
        words.extend(["--start-timeout".into(), mesh.start_timeout.to_string().into()]);
        words
    }
}

fn check_hosts(hosts: &[String], processes: usize) -> Result<()> {
    if !hosts.is_empty() && hosts.len() != processes {
        let problem = format!("the file names {} hosts, but there are {processes} processes", hosts.len());
        return Err(Error::job("--hosts", problem, "give --processes and the hosts file the same number"));
    }
    if hosts.is_empty() && processes > 1 {
        let problem = format!("{processes} processes need to know where the others are");
        return Err(Error::job("--hosts", problem, "name a file with one line host:port per process"));
    }
    Ok(())
}

fn checked_threads(asked: Option<NonZeroUsize>) -> Result<usize> {
    let workers = threads(asked);
    if workers > MAX_WORKERS {
        let problem = format!("{workers} worker threads in one process");
        let remedy = format!("ask for {MAX_WORKERS} or less; more than processors is no faster");
        return Err(Error::job("--workers", problem, remedy));
    }
    Ok(workers)
}

/// The key of the cluster, unless none is wanted.
fn security(insecure_plaintext: bool) -> Result<Security> {
    if insecure_plaintext {
        return Ok(Security::Plaintext);
    }
    ClusterKey::from_environment()?.map(Security::Key).ok_or_else(|| {
        let problem = "several processes need a key, so that nobody else joins or listens";
        let remedy = format!(
            "put the output of \"openssl rand -hex 32\" into a file of mode 0600 and name it in {KEY_FILE_VARIABLE}, or \
             give --insecure-plaintext on a network you trust"
        );
        Error::job(KEY_VARIABLE, problem, remedy)
    })
}

/// How often whoever starts the members started them before.
fn attempt() -> Result<u32> {
    match std::env::var("SEGMILL_ATTEMPT") {
        Ok(text) if !text.is_empty() => text.parse().map_err(|_| {
            Error::job("SEGMILL_ATTEMPT", format!("{text:?} is not a number"), "let the launcher set it, or unset it")
        }),
        _ => Ok(0),
    }
}

impl GenerateArgs {
    /// What to make, checked.
    pub fn spec(&self) -> Result<GenerateSpec> {
        let spec = GenerateSpec {
            users: self.users,
            items: self.items,
            ratings_per_user: self.ratings_per_user,
            segments: self.segments,
            feedback: if self.implicit { Feedback::Implicit } else { Feedback::Explicit },
            affinity: self.affinity,
            seed: self.seed,
            month: self.month,
            movers: self.movers,
            born: self.born,
        };
        spec.check(|field| format!("--{}", field.replace('_', "-")))?;
        Ok(spec)
    }

    pub fn threads(&self) -> usize {
        threads(self.workers)
    }
}

/// As many as asked for, or as many as there are processors.
fn threads(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

fn key_and_value(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_string(), value.trim().to_string())),
        _ => Err("write it as section.key=value".to_string()),
    }
}

fn which_process(process: Option<usize>, processes: usize) -> Result<usize> {
    match process {
        Some(process) if process < processes => Ok(process),
        Some(process) => {
            let problem = format!("there is no process {process} among {processes}");
            Err(Error::job("--process", problem, format!("name one from 0 to {}", processes - 1)))
        }
        None if processes == 1 => Ok(0),
        None => {
            let remedy = format!("say which of 0 to {} this one is", processes - 1);
            Err(Error::job("--process", format!("it is missing, but there are {processes} processes"), remedy))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(words: &[&str]) -> std::result::Result<Cli, clap::Error> {
        Cli::try_parse_from([&["segmill"], words].concat())
    }

    fn run(words: &[&str]) -> RunArgs {
        match parse(&[&["run", "job.toml"], words].concat()).unwrap().command {
            Command::Run(args) => args,
            _ => unreachable!("the words say run"),
        }
    }

    fn generate(words: &[&str]) -> GenerateArgs {
        let whole = ["generate", "--users", "9", "--items", "8", "--segments", "2", "--seed", "1", "-o", "x.csv"];
        match parse(&[&whole, words].concat()).unwrap().command {
            Command::Generate(args) => args,
            _ => unreachable!("the words say generate"),
        }
    }

    fn hosts_file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    /// The layout with these flags where no scheduler says anything.
    fn layout(words: &[&str]) -> Result<Layout> {
        layout_of(&run(words), None, |_| None)
    }

    fn layout_of(run: &RunArgs, orders: Option<&Orders>, lookup: impl Fn(&str) -> Option<String>) -> Result<Layout> {
        run.member.layout_among(&run.job.mesh, orders, lookup)
    }

    fn layout_error(words: &[&str]) -> String {
        let error = layout(words).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn clap_refuses_with_exit_code_two() {
        for words in [
            &["run"][..],
            &["run", "job.toml", "-w", "0"],
            &["run", "job.toml", "--processes", "0"],
            &["run", "job.toml", "--set", "kmeans.clusters"],
            &["run", "job.toml", "--set", "=3"],
            &["run", "job.toml", "--start-timeout", "0"],
            &["run", "job.toml", "--unknown"],
            &["fly"],
        ] {
            assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }

    #[test]
    fn overrides_keep_their_order_and_their_equals_signs() {
        let args = run(&["--set", "seed=1", "--set", "input.delimiter=="]);
        let pair = |key: &str, value: &str| (key.to_string(), value.to_string());
        assert_eq!(args.job.overrides, [pair("seed", "1"), pair("input.delimiter", "=")]);
    }

    #[test]
    fn one_process_needs_no_more() {
        assert_eq!(layout(&["-w", "3"]).unwrap(), Layout::single(3));
        assert!(layout(&[]).unwrap().workers >= 1);
    }

    #[test]
    fn a_cluster_is_read_from_its_hosts_file() {
        let file = hosts_file("# the cluster\nnode1:2101\n\n  [::1]:2102  \n");
        let path = file.path().to_str().unwrap();
        let words = ["--processes", "2", "--process", "1", "--hosts", path, "-w", "2", "--insecure-plaintext"];
        let layout = layout(&words).unwrap();
        assert_eq!((layout.workers, layout.processes, layout.process), (2, 2, 1));
        assert_eq!(layout.hosts, ["node1:2101", "[::1]:2102"]);
    }

    #[test]
    fn a_scheduler_fills_in_what_flags_leave_open() {
        let slurm = |name: &str| {
            let value = match name {
                "SLURM_PROCID" => "1",
                "SLURM_NTASKS" => "2",
                "SLURM_JOB_NODELIST" => "n[1-2]",
                _ => return None,
            };
            Some(value.to_string())
        };
        let words = |words: &[&str]| run(&[&["--insecure-plaintext"], words].concat());
        let layout = layout_of(&words(&[]), None, slurm).unwrap();
        assert_eq!((layout.process, layout.processes, layout.hosts), (1, 2, vec!["n1:2101".into(), "n2:2101".into()]));
        assert_eq!(layout.listen.as_deref(), Some("0.0.0.0:2101"));
        let layout = layout_of(&words(&["--listen", "10.0.0.1:9"]), None, slurm).unwrap();
        assert_eq!(layout.listen.as_deref(), Some("10.0.0.1:9"));
        assert_eq!(layout_of(&words(&["--processes", "1"]), None, slurm).unwrap().hosts, Vec::<String>::new());
        // A launcher has said everything.
        let orders = Orders::new(&Security::Plaintext, vec!["a:1".into(), "b:2".into()], "r", 0);
        let launched = words(&["--processes", "2", "--process", "0"]);
        let layout = layout_of(&launched, Some(&orders), slurm).unwrap();
        assert_eq!((layout.process, layout.hosts, layout.listen), (0, vec!["a:1".into(), "b:2".into()], None));
        assert!(
            layout_of(&words(&["--process", "0"]), None, slurm).unwrap_err().to_string().starts_with("--process: ")
        );
    }

    #[test]
    fn flags_that_disagree_are_refused() {
        let file = hosts_file("a:1\nb:2\n");
        let path = file.path().to_str().unwrap();
        assert!(layout_error(&["--processes", "2"]).starts_with("--process: it is missing"));
        assert!(layout_error(&["--processes", "2", "--process", "2"]).contains("no process 2 among 2"));
        assert!(layout_error(&["--processes", "2", "--process", "0"]).starts_with("--hosts: 2 processes need"));
        assert!(layout_error(&["--hosts", path]).contains("names 2 hosts, but there are 1 processes"));
        assert!(layout_error(&["--hosts", "/nowhere/hosts"]).contains("cannot read /nowhere/hosts"));
        let empty = hosts_file("# nobody\n");
        assert!(layout_error(&["--hosts", empty.path().to_str().unwrap()]).contains("names no host"));
    }

    #[test]
    fn the_generator_is_checked_under_the_names_of_its_flags() {
        let spec = generate(&["--ratings-per-user", "4", "--implicit"]).spec().unwrap();
        assert_eq!((spec.users, spec.feedback, spec.affinity), (9, Feedback::Implicit, DEFAULT_AFFINITY));
        let refused = |words: &[&str]| generate(words).spec().unwrap_err().to_string();
        assert!(refused(&["--ratings-per-user", "0"]).starts_with("--ratings-per-user: a mean of 0 ratings"));
        assert!(refused(&["--ratings-per-user", "9"]).contains("do not fit the 8 that a user chooses from"));
        assert!(refused(&["--ratings-per-user", "4", "--affinity", "1.5"]).starts_with("--affinity: 1.5"));
    }
}
