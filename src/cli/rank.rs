//! Which process of which cluster this is, and where the others are.
//!
//! Flags come first, then `SEGMILL_*`; clap reads both into [`Asked`]. What they leave open is taken from the first of
//! these that started this process as one of several:
//!
//! | started by | where | index | processes | addresses |
//! |---|---|---|---|---|
//! | Slurm | `SLURM_PROCID` is set and there are two tasks or more | `SLURM_PROCID` | `SLURM_STEP_NUM_TASKS` or `SLURM_NTASKS` | machines of `SLURM_STEP_NODELIST` or `SLURM_JOB_NODELIST`, tasks on each of `SLURM_STEP_TASKS_PER_NODE` or `SLURM_TASKS_PER_NODE` |
//! | an indexed Job of Kubernetes | `JOB_COMPLETION_INDEX` is set and two processes or more are asked for | `JOB_COMPLETION_INDEX` | `--processes` | `<name>-<index>.<--service>`, where `<name>-<own index>` is `HOSTNAME` |
//! | torchrun and its like | `RANK` is set and `WORLD_SIZE` is two or more | `RANK` | `WORLD_SIZE` | `MASTER_ADDR` and `MASTER_PORT` are those of process 0, which tells the others of each other |
//!
//! The port is `--port`, else 2101; processes that share a machine take the ports from there on. A process that a scheduler
//! started listens on every interface of its machine, whose own name often stands for loopback there; `--listen` narrows it.
//!
//! A variable alone, as a shell inside an allocation has it, makes no cluster.

use super::nodelist;
use crate::error::{Error, Result};

pub const DEFAULT_PORT: u16 = 2101;

/// What the command line says of the cluster.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub processes: Option<usize>,
    pub process: Option<usize>,
    /// `host:port` of each process; empty: not said.
    pub hosts: Vec<String>,
    pub port: Option<u16>,
    pub service: Option<String>,
}

/// One process among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rank {
    pub process: usize,
    pub processes: usize,
    /// `host:port` of each process, or of process 0 alone where the others are to be told by it.
    pub hosts: Vec<String>,
    /// Where to listen, if not at the own address.
    pub listen: Option<String>,
    /// The variable that holds the index.
    source: &'static str,
}

/// What started this process as one of several, if the command line leaves anything for it to say.
pub fn find(asked: &Asked, lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Rank>> {
    let complete = asked.processes.is_some() && asked.process.is_some() && !asked.hosts.is_empty();
    if complete || asked.processes == Some(1) {
        return Ok(None);
    }
    let variables = Variables(&lookup);
    let found = match slurm(asked, &variables)? {
        None => kubernetes(asked, &variables)?,
        some => some,
    };
    let Some(rank) = (match found {
        None => torchrun(asked, &variables)?,
        some => some,
    }) else {
        return Ok(None);
    };
    let disagree = |flag: &str, asked: usize, found: String| {
        let remedy = format!("leave {flag} out, or unset {}", rank.source);
        Err(Error::job(flag, format!("it is {asked}, but {found}"), remedy))
    };
    match (asked.processes, asked.process) {
        (Some(processes), _) if processes != rank.processes => {
            let found = format!("{} belongs to one of {} processes", rank.source, rank.processes);
            disagree("--processes", processes, found)
        }
        (_, Some(process)) if process != rank.process && asked.hosts.is_empty() => {
            disagree("--process", process, format!("{} is {}", rank.source, rank.process))
        }
        _ => Ok(Some(rank)),
    }
}

/// The environment; an empty variable is none.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty())
    }

    /// The first of `names` that is set, with its value.
    fn first(&self, names: &[&'static str]) -> Option<(&'static str, String)> {
        names.iter().find_map(|&name| Some((name, self.get(name)?)))
    }

    /// The same where one has to be set.
    fn needed(&self, names: &[&'static str]) -> Result<(&'static str, String)> {
        let missing = || refused(names[names.len() - 1], "it is missing".into());
        self.first(names).ok_or_else(missing)
    }
}

fn refused(name: &str, problem: String) -> Error {
    Error::job(name, problem, "set it right, or give --processes, --process and --hosts")
}

fn number(name: &str, text: &str) -> Result<usize> {
    text.parse().map_err(|_| refused(name, format!("{text:?} is not a number")))
}

/// An index below the number of processes.
fn index(name: &str, text: &str, processes: usize) -> Result<usize> {
    match number(name, text)? {
        index if index < processes => Ok(index),
        index => Err(refused(name, format!("there is no process {index} among {processes}"))),
    }
}

/// Every interface of a machine, of the family of `host` where that is an address.
fn everywhere(host: &str, port: u16) -> String {
    let host = if host.starts_with('[') { "[::]" } else { "0.0.0.0" };
    format!("{host}:{port}")
}

fn slurm(asked: &Asked, variables: &Variables) -> Result<Option<Rank>> {
    let Some(process) = variables.get("SLURM_PROCID") else { return Ok(None) };
    let Some((name, tasks)) = variables.first(&["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"]) else { return Ok(None) };
    let processes = number(name, &tasks)?;
    if processes < 2 {
        return Ok(None);
    }
    let process = index("SLURM_PROCID", &process, processes)?;
    let mut rank = Rank { process, processes, hosts: Vec::new(), listen: None, source: "SLURM_PROCID" };
    if asked.hosts.is_empty() {
        let port = asked.port.unwrap_or(DEFAULT_PORT);
        let places = tasks_of_slurm(variables, processes)?;
        check_place(variables, &places[process])?;
        let address = |task: &Task| Ok(format!("{}:{}", task.machine, port_after(port, task.local)?));
        rank.hosts = places.iter().map(address).collect::<Result<_>>()?;
        rank.listen = Some(everywhere(&places[process].machine, port_after(port, places[process].local)?));
    }
    Ok(Some(rank))
}

fn port_after(port: u16, local: usize) -> Result<u16> {
    u16::try_from(usize::from(port) + local).map_err(|_| {
        let problem = format!("task {local} of a machine would have port {}", usize::from(port) + local);
        Error::job("SEGMILL_PORT", problem, "choose a lower one")
    })
}

/// Where a task of Slurm runs.
#[derive(Debug, Clone, PartialEq)]
struct Task {
    machine: String,
    /// The machine among those of the step.
    node: usize,
    /// The task among those of the machine.
    local: usize,
}

/// Every task of the step, in the order of their ranks.
fn tasks_of_slurm(variables: &Variables, processes: usize) -> Result<Vec<Task>> {
    let (name, list) = variables.needed(&["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"])?;
    let machines = nodelist::machines(&list, processes).map_err(|problem| refused(name, problem))?;
    let counts = if machines.len() == processes {
        vec![1; processes]
    } else if machines.len() == 1 {
        vec![processes]
    } else {
        let (name, list) = variables.needed(&["SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"])?;
        let counts = nodelist::tasks_per_node(&list, processes).map_err(|problem| refused(name, problem))?;
        if counts.len() != machines.len() || counts.iter().sum::<usize>() != processes {
            let problem = format!("{list:?} does not spread {processes} tasks over {} machines", machines.len());
            return Err(refused(name, problem));
        }
        counts
    };
    let mut places: Vec<(usize, usize)> =
        counts.iter().enumerate().flat_map(|(node, &count)| (0..count).map(move |local| (node, local))).collect();
    // `srun -m cyclic` deals tasks out one machine after the other; otherwise each is filled before the next.
    if variables.get("SLURM_DISTRIBUTION").is_some_and(|distribution| distribution.starts_with("cyclic")) {
        places.sort_by_key(|&(node, local)| (local, node));
    }
    let task = |(node, local): (usize, usize)| Task { machine: machines[node].clone(), node, local };
    Ok(places.into_iter().map(task).collect())
}

/// Slurm says where this task runs: there must be no doubt about the others either.
fn check_place(variables: &Variables, task: &Task) -> Result<()> {
    for (name, expected) in [("SLURM_NODEID", task.node), ("SLURM_LOCALID", task.local)] {
        if let Some(said) = variables.get(name)
            && number(name, &said)? != expected
        {
            let problem = format!("it is {said}, but tasks dealt out in blocks or in turn would have {expected} here");
            return Err(Error::job(name, problem, "start the tasks with srun --distribution=block, or give --hosts"));
        }
    }
    Ok(())
}

fn kubernetes(asked: &Asked, variables: &Variables) -> Result<Option<Rank>> {
    let Some(own) = variables.get("JOB_COMPLETION_INDEX") else { return Ok(None) };
    let Some(processes) = asked.processes else {
        // The pods of an indexed Job may also be alone, each with a job file of its own.
        return match asked.service {
            Some(_) => Err(Error::job("SEGMILL_PROCESSES", "it is missing", "set it to the completions of the Job")),
            None => Ok(None),
        };
    };
    let process = index("JOB_COMPLETION_INDEX", &own, processes)?;
    let mut rank = Rank { process, processes, hosts: Vec::new(), listen: None, source: "JOB_COMPLETION_INDEX" };
    if asked.hosts.is_empty() {
        let port = asked.port.unwrap_or(DEFAULT_PORT);
        let Some(service) = asked.service.as_deref().filter(|service| is_name(service)) else {
            let problem = match &asked.service {
                Some(service) => format!("{service:?} is not the name of a service"),
                None => "it is missing".into(),
            };
            return Err(Error::job("SEGMILL_SERVICE", problem, "name the headless service of the pods"));
        };
        let (_, host) = variables.needed(&["HOSTNAME"])?;
        let name = pod_name(&host, process).ok_or_else(|| {
            refused("HOSTNAME", format!("{host:?} is not a pod's name that ends with -{process}, its index"))
        })?;
        rank.hosts = (0..processes).map(|i| format!("{name}-{i}.{service}:{port}")).collect();
        rank.listen = Some(everywhere(name, port));
    }
    Ok(Some(rank))
}

/// The name of a pod without its index; the host name may have the domain behind it.
fn pod_name(host: &str, process: usize) -> Option<&str> {
    let name = host.split('.').next()?.strip_suffix(&process.to_string())?.strip_suffix('-')?;
    is_name(name).then_some(name)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
}

fn torchrun(asked: &Asked, variables: &Variables) -> Result<Option<Rank>> {
    let (Some(rank), Some(size)) = (variables.get("RANK"), variables.get("WORLD_SIZE")) else { return Ok(None) };
    let processes = number("WORLD_SIZE", &size)?;
    if processes < 2 {
        return Ok(None);
    }
    let process = index("RANK", &rank, processes)?;
    let mut rank = Rank { process, processes, hosts: Vec::new(), listen: None, source: "RANK" };
    if asked.hosts.is_empty() {
        let (_, master) = variables.needed(&["MASTER_ADDR"])?;
        let port = match (asked.port, variables.get("MASTER_PORT")) {
            (Some(port), _) => port,
            (None, Some(text)) => text
                .parse()
                .ok()
                .filter(|&port| port > 0)
                .ok_or_else(|| refused("MASTER_PORT", format!("{text:?} is not a port")))?,
            (None, None) => DEFAULT_PORT,
        };
        let bare_v6 = master.parse::<std::net::Ipv6Addr>().is_ok();
        let master = if bare_v6 { format!("[{master}]") } else { master };
        let address = format!("{master}:{port}");
        if !super::hosts::is_address(&address) {
            return Err(refused("MASTER_ADDR", format!("{master:?} is not a host")));
        }
        // On one machine nobody else needs to reach the processes.
        rank.listen = Some(match (crate::flow::launch::is_here(&address), process) {
            (true, 0) => address.clone(),
            (true, _) if master.starts_with('[') => "[::1]:0".into(),
            (true, _) => "127.0.0.1:0".into(),
            (false, 0) => everywhere(&master, port),
            (false, _) => everywhere(&master, 0),
        });
        rank.hosts = vec![address];
    }
    Ok(Some(rank))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SLURM: [(&str, &str); 4] = [
        ("SLURM_PROCID", "2"),
        ("SLURM_NTASKS", "4"),
        ("SLURM_JOB_NODELIST", "n[1-2]"),
        ("SLURM_TASKS_PER_NODE", "2(x2)"),
    ];
    const POD: [(&str, &str); 2] = [("JOB_COMPLETION_INDEX", "1"), ("HOSTNAME", "segmill-member-0-1")];
    const TORCH: [(&str, &str); 4] =
        [("RANK", "1"), ("WORLD_SIZE", "3"), ("MASTER_ADDR", "node1"), ("MASTER_PORT", "29500")];

    /// What is found with these variables, of which later ones replace earlier ones.
    fn found(asked: &Asked, variables: &[(&str, &str)]) -> Result<Option<Rank>> {
        let value = |name: &str| variables.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
        find(asked, value)
    }

    fn nothing() -> Asked {
        Asked::default()
    }

    fn pods() -> Asked {
        Asked { processes: Some(3), service: Some("segmill".into()), ..Asked::default() }
    }

    fn rank(asked: &Asked, variables: &[(&str, &str)]) -> Rank {
        found(asked, variables).unwrap().expect("a rank")
    }

    /// Asserts a refusal that begins with the name of this variable.
    #[track_caller]
    fn assert_refused(asked: &Asked, variables: &[(&str, &str)], place: &str) {
        let error = found(asked, variables).expect_err(place);
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(error.starts_with(&format!("{place}: ")) && error.lines().count() == 1, "{place}: {error}");
    }

    #[test]
    fn slurm_tells_index_number_and_addresses() {
        let two = rank(&nothing(), &SLURM);
        assert_eq!((two.process, two.processes), (2, 4));
        assert_eq!(two.hosts, ["n1:2101", "n1:2102", "n2:2101", "n2:2102"]);
        assert_eq!(two.listen.as_deref(), Some("0.0.0.0:2101"));
        let port = Asked { port: Some(7000), ..nothing() };
        assert_eq!(rank(&port, &SLURM).hosts, ["n1:7000", "n1:7001", "n2:7000", "n2:7001"]);
        let cyclic = rank(&port, &[&SLURM[..], &[("SLURM_DISTRIBUTION", "cyclic:block")]].concat());
        assert_eq!(cyclic.hosts, ["n1:7000", "n2:7000", "n1:7001", "n2:7001"]);
        assert_eq!(cyclic.listen.as_deref(), Some("0.0.0.0:7001"));
    }

    #[test]
    fn a_step_of_slurm_comes_before_its_allocation() {
        let step = [
            ("SLURM_STEP_NUM_TASKS", "3"),
            ("SLURM_STEP_NODELIST", "n[5,7]"),
            ("SLURM_STEP_TASKS_PER_NODE", "1,2"),
            ("SLURM_NODEID", "1"),
            ("SLURM_LOCALID", "1"),
        ];
        let two = rank(&nothing(), &[&SLURM[..], &step].concat());
        assert_eq!((two.process, two.processes), (2, 3));
        assert_eq!(two.hosts, ["n5:2101", "n7:2101", "n7:2102"]);
    }

    #[test]
    fn slurm_needs_no_counts_where_there_is_no_choice() {
        let one = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2"), ("SLURM_JOB_NODELIST", "n1")];
        assert_eq!(rank(&nothing(), &one).hosts, ["n1:2101", "n1:2102"]);
        let two = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2"), ("SLURM_JOB_NODELIST", "n[1-2]")];
        assert_eq!(rank(&nothing(), &two).hosts, ["n1:2101", "n2:2101"]);
    }

    #[test]
    fn wrong_variables_of_slurm_are_refused_by_name() {
        for (name, value) in [
            ("SLURM_PROCID", "x"),
            ("SLURM_PROCID", "4"),
            ("SLURM_NTASKS", "-3"),
            ("SLURM_STEP_NUM_TASKS", "many"),
            ("SLURM_JOB_NODELIST", "n[1-"),
            ("SLURM_JOB_NODELIST", "n[1-99]"),
            ("SLURM_JOB_NODELIST", ""),
            ("SLURM_STEP_NODELIST", "n 1"),
            ("SLURM_TASKS_PER_NODE", "2(x3)"),
            ("SLURM_TASKS_PER_NODE", "1(x2)"),
            ("SLURM_TASKS_PER_NODE", "two"),
            ("SLURM_TASKS_PER_NODE", ""),
            ("SLURM_NODEID", "0"),
            ("SLURM_LOCALID", "1"),
            ("SLURM_LOCALID", "?"),
        ] {
            assert_refused(&nothing(), &[&SLURM[..], &[(name, value)]].concat(), name);
        }
        assert_refused(&Asked { port: Some(65535), ..nothing() }, &SLURM, "SEGMILL_PORT");
    }

    #[test]
    fn a_pod_of_an_indexed_job_knows_its_siblings() {
        let one = rank(&pods(), &POD);
        assert_eq!((one.process, one.processes), (1, 3));
        let expected: Vec<String> = (0..3).map(|i| format!("segmill-member-0-{i}.segmill:2101")).collect();
        assert_eq!(one.hosts, expected);
        assert_eq!(one.listen.as_deref(), Some("0.0.0.0:2101"));
        let domain = [POD[0], ("HOSTNAME", "segmill-member-0-1.segmill.default.svc")];
        assert_eq!(rank(&pods(), &domain).hosts, expected);
    }

    #[test]
    fn wrong_variables_of_kubernetes_are_refused_by_name() {
        for (name, value) in [
            ("JOB_COMPLETION_INDEX", "3"),
            ("JOB_COMPLETION_INDEX", "one"),
            ("HOSTNAME", "node7"),
            ("HOSTNAME", "segmill-0"),
            ("HOSTNAME", "segmill-11"),
            ("HOSTNAME", "-1"),
            ("HOSTNAME", ""),
        ] {
            assert_refused(&pods(), &[&POD[..], &[(name, value)]].concat(), name);
        }
        assert_refused(&Asked { service: None, ..pods() }, &POD, "SEGMILL_SERVICE");
        assert_refused(&Asked { service: Some("a b".into()), ..pods() }, &POD, "SEGMILL_SERVICE");
        assert_refused(&Asked { processes: None, ..pods() }, &POD, "SEGMILL_PROCESSES");
    }

    #[test]
    fn torchrun_tells_where_process_0_is() {
        let one = rank(&nothing(), &TORCH);
        assert_eq!((one.process, one.processes), (1, 3));
        assert_eq!((one.hosts, one.listen.as_deref()), (vec!["node1:29500".into()], Some("0.0.0.0:0")));
        let with = |extra: &[(&str, &str)]| rank(&nothing(), &[&TORCH[..], extra].concat());
        assert_eq!(with(&[("RANK", "0")]).listen.as_deref(), Some("0.0.0.0:29500"));
        assert_eq!(with(&[("MASTER_ADDR", "127.0.0.1")]).listen.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(with(&[("MASTER_ADDR", "::1")]).hosts, ["[::1]:29500"]);
        assert_eq!(with(&[("MASTER_PORT", "")]).hosts, ["node1:2101"]);
        let port = Asked { port: Some(7000), ..nothing() };
        assert_eq!(rank(&port, &TORCH).hosts, ["node1:7000"]);
        for (name, value) in [
            ("RANK", "3"),
            ("RANK", "-1"),
            ("WORLD_SIZE", "many"),
            ("MASTER_ADDR", ""),
            ("MASTER_ADDR", "a b"),
            ("MASTER_PORT", "0"),
            ("MASTER_PORT", "70000"),
        ] {
            assert_refused(&nothing(), &[&TORCH[..], &[(name, value)]].concat(), name);
        }
    }

    #[test]
    fn a_stray_variable_makes_no_cluster() {
        for stray in [
            &[][..],
            &[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1"), ("SLURM_JOB_NODELIST", "n1")],
            &[("SLURM_NTASKS", "8"), ("SLURM_JOB_NODELIST", "n[1-2]"), ("SLURM_JOB_ID", "7")],
            &[("SLURM_PROCID", "0")],
            &[("SLURM_PROCID", ""), ("SLURM_NTASKS", "8")],
            &[("RANK", "3")],
            &[("WORLD_SIZE", "8"), ("MASTER_ADDR", "n1")],
            &[("RANK", "0"), ("WORLD_SIZE", "1")],
            &[("JOB_COMPLETION_INDEX", "5"), ("HOSTNAME", "sweep-5")],
        ] {
            assert_eq!(found(&nothing(), stray).unwrap(), None, "{stray:?}");
        }
    }

    #[test]
    fn flags_come_before_slurm_before_kubernetes_before_torchrun() {
        let all = [&TORCH[..], &POD, &SLURM].concat();
        let four = Asked { processes: Some(4), ..pods() };
        assert_eq!(rank(&four, &all).source, "SLURM_PROCID");
        assert_eq!(rank(&pods(), &[&TORCH[..], &POD].concat()).source, "JOB_COMPLETION_INDEX");
        assert_eq!(rank(&nothing(), &[&TORCH[..], &POD].concat()).source, "RANK");
        assert_eq!(found(&Asked { processes: Some(1), ..nothing() }, &all).unwrap(), None);
        let hosts = vec!["a:1".to_string(), "b:2".to_string()];
        let complete = Asked { processes: Some(2), process: Some(0), hosts: hosts.clone(), ..nothing() };
        assert_eq!(found(&complete, &all).unwrap(), None);
        let named = rank(&Asked { hosts, ..nothing() }, &SLURM);
        assert_eq!((named.process, named.hosts.len(), named.listen), (2, 0, None));
        assert_refused(&Asked { processes: Some(3), ..nothing() }, &SLURM, "--processes");
        assert_refused(&Asked { process: Some(1), ..nothing() }, &SLURM, "--process");
    }

    proptest! {
        /// Whatever the variables hold, there is a rank that makes sense, none, or one line of refusal.
        #[test]
        fn any_environment_is_understood_or_refused(
            values in prop::collection::vec(prop::option::of("[a-c0-3\\[\\],x()-]{0,6}|n\\[1-[1-3]\\]|[0-3]"), 12),
            processes in prop::option::of(1..4usize),
        ) {
            const NAMES: [&str; 12] = [
                "SLURM_PROCID", "SLURM_NTASKS", "SLURM_JOB_NODELIST", "SLURM_TASKS_PER_NODE", "SLURM_NODEID",
                "SLURM_LOCALID", "JOB_COMPLETION_INDEX", "HOSTNAME", "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
            ];
            let value = |name: &str| NAMES.iter().position(|n| *n == name).and_then(|at| values[at].clone());
            let asked = Asked { processes, service: Some("s".into()), ..Asked::default() };
            match find(&asked, value) {
                Ok(Some(rank)) => {
                    prop_assert!(rank.process < rank.processes && rank.processes > 1);
                    prop_assert!(rank.hosts.len() == rank.processes || rank.hosts.len() == 1 && rank.source == "RANK");
                    prop_assert!(rank.hosts.iter().all(|host| super::super::hosts::is_address(host)), "{:?}", rank);
                    let distinct: std::collections::BTreeSet<_> = rank.hosts.iter().collect();
                    prop_assert_eq!(distinct.len(), rank.hosts.len());
                }
                Ok(None) => {}
                Err(error) => {
                    let text = error.to_string();
                    prop_assert!(error.exit_code() == 2 && text.lines().count() == 1, "{}", text);
                }
            }
        }
    }
}
