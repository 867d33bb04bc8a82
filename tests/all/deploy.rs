//! What is in `deploy/` against what it is for: manifests against the published types of Kubernetes and of JobSet, scripts
//! by running them with a stand-in for the scheduler, and every command, variable and exit code against the program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::util::data::{SMALL_JOB, delimited, small_ratings};
use crate::util::outputs::digests;
use crate::util::{ENVIRONMENT, Sandbox};
use clap::{CommandFactory, Parser};
use k8s_openapi::api::batch::v1::JobTemplateSpec;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, PodSpec, Secret};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use segmill::cli::{Cli, Command as Segmill};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Codes after which trying again is no use, and the others.
const FINAL: [i32; 4] = [2, 3, 4, 70];
const AGAIN: i32 = 5;

/// What the Python package reads, to find the program.
const OF_PYTHON: &str = "SEGMILL_BIN";

/// `jobset.x-k8s.io/v1alpha2`, as far as it is used: its schema has more, and nothing under another name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct JobSet {
    api_version: String,
    kind: String,
    metadata: ObjectMeta,
    spec: JobSetSpec,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct JobSetSpec {
    network: Network,
    failure_policy: FailurePolicy,
    replicated_jobs: Vec<ReplicatedJob>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Network {
    #[serde(rename = "enableDNSHostnames")]
    enable_dns_hostnames: bool,
    subdomain: String,
    publish_not_ready_addresses: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FailurePolicy {
    max_restarts: i32,
    rules: Vec<FailureRule>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FailureRule {
    name: String,
    action: Action,
    on_job_failure_reasons: Vec<Reason>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Action {
    FailJobSet,
    RestartJobSet,
    RestartJobSetAndIgnoreMaxRestarts,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Reason {
    BackoffLimitExceeded,
    DeadlineExceeded,
    FailedIndexes,
    MaxFailedIndexesExceeded,
    PodFailurePolicy,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ReplicatedJob {
    name: String,
    replicas: i32,
    template: JobTemplateSpec,
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|e| panic!("deploy/{name}: {e}"))
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|e| panic!("deploy/{name}: {e}"))
}

/// Reads a manifest as the type it has to be; a field that the type does not know would be lost on the way.
#[track_caller]
fn typed<T: DeserializeOwned + Serialize>(manifest: Value) -> T {
    let read: T = serde_json::from_value(manifest.clone()).unwrap_or_else(|e| panic!("{e}: {manifest}"));
    assert_eq!(serde_json::to_value(&read).expect("it serialises"), manifest);
    read
}

/// The same for a manifest of any kind there is.
fn check_kind(manifest: Value) -> String {
    let kind = manifest["kind"].as_str().expect("a kind").to_string();
    match kind.as_str() {
        "JobSet" => drop(typed::<JobSet>(manifest)),
        "NetworkPolicy" => drop(typed::<NetworkPolicy>(manifest)),
        "PersistentVolumeClaim" => drop(typed::<PersistentVolumeClaim>(manifest)),
        "ConfigMap" => drop(typed::<ConfigMap>(manifest)),
        "Secret" => drop(typed::<Secret>(manifest)),
        _ => panic!("nothing is known of the kind {kind}"),
    }
    kind
}

fn jobset() -> JobSet {
    typed(yaml("kubernetes/jobset.yaml"))
}

fn pod(jobset: &JobSet) -> &PodSpec {
    let job = jobset.spec.replicated_jobs[0].template.spec.as_ref().expect("a job");
    job.template.spec.as_ref().expect("a pod")
}

/// Whether a program is there; says so where not.
fn is_there(program: &str) -> bool {
    let there = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(program).is_file());
    if !there {
        eprintln!("SKIPPED: {program} is not installed");
    }
    there
}

#[test]
fn manifests_are_of_the_published_types() {
    let kinds = ["jobset", "network-policy", "volume"].map(|name| check_kind(yaml(&format!("kubernetes/{name}.yaml"))));
    assert_eq!(kinds, ["JobSet", "NetworkPolicy", "PersistentVolumeClaim"]);
    let jobset = jobset();
    assert_eq!((jobset.api_version.as_str(), jobset.kind.as_str()), ("jobset.x-k8s.io/v1alpha2", "JobSet"));
}

#[test]
fn a_field_of_another_name_is_noticed() {
    for pointer in [
        "/spec",
        "/spec/network",
        "/spec/failurePolicy",
        "/spec/replicatedJobs/0/template/spec",
        "/spec/replicatedJobs/0/template/spec/podFailurePolicy/rules/0/onExitCodes",
        "/spec/replicatedJobs/0/template/spec/template/spec/containers/0/securityContext",
    ] {
        let mut manifest = yaml("kubernetes/jobset.yaml");
        let place = manifest.pointer_mut(pointer).and_then(Value::as_object_mut).expect(pointer);
        place.insert("maxRestart".into(), 3.into());
        assert!(std::panic::catch_unwind(|| typed::<JobSet>(manifest)).is_err(), "{pointer}");
    }
}

#[test]
fn kustomize_puts_everything_together() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Kustomization {
        #[serde(rename = "apiVersion")]
        _version: String,
        #[serde(rename = "kind")]
        _kind: String,
        resources: Vec<String>,
        config_map_generator: Vec<Value>,
        generator_options: Value,
        images: Vec<Value>,
    }
    let kustomization: Kustomization =
        serde_json::from_value(yaml("kubernetes/kustomization.yaml")).expect("its fields");
    assert!(kustomization.resources.iter().all(|file| path("kubernetes").join(file).is_file()));
    assert_eq!(kustomization.config_map_generator[0]["name"], "segmill-job");
    assert_eq!(kustomization.config_map_generator[0]["files"][0], "job.toml");
    assert_eq!(kustomization.generator_options["disableNameSuffixHash"], true);
    assert_eq!(kustomization.images[0]["newTag"], env!("CARGO_PKG_VERSION"));

    if !is_there("kubectl") {
        return;
    }
    let built = Command::new("kubectl").arg("kustomize").arg(path("kubernetes")).output().expect("kubectl starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let manifests: Vec<Value> =
        serde_saphyr::from_multiple(&String::from_utf8_lossy(&built.stdout)).expect("manifests");
    let job = manifests.iter().find(|manifest| manifest["kind"] == "ConfigMap").expect("the job");
    assert_eq!(job["data"]["job.toml"], text("kubernetes/job.toml"));
    let kinds: BTreeSet<String> = manifests.into_iter().map(check_kind).collect();
    assert_eq!(kinds, ["ConfigMap", "JobSet", "NetworkPolicy", "PersistentVolumeClaim"].map(String::from).into());
}

#[test]
fn the_parts_of_the_jobset_agree() {
    let jobset = jobset();
    let replicated = &jobset.spec.replicated_jobs[0];
    let job = replicated.template.spec.as_ref().expect("a job");
    let container = &pod(&jobset).containers[0];
    let variable = |name: &str| {
        let all = container.env.iter().flatten();
        all.clone().find(|variable| variable.name == name).unwrap_or_else(|| panic!("{name} is missing"))
    };

    // All processes in one indexed Job, each known by its pod's name.
    assert_eq!((jobset.spec.replicated_jobs.len(), replicated.replicas), (1, 1));
    assert_eq!(job.completion_mode.as_deref(), Some("Indexed"));
    assert_eq!(job.completions, job.parallelism);
    assert_eq!(variable("SEGMILL_PROCESSES").value, job.completions.map(|processes| processes.to_string()));
    assert_eq!(variable("SEGMILL_SERVICE").value.as_ref(), Some(&jobset.spec.network.subdomain));
    assert!(jobset.spec.network.enable_dns_hostnames && jobset.spec.network.publish_not_ready_addresses);

    // The key is a Secret's, by the name under which the guide makes it.
    let source = variable("SEGMILL_CLUSTER_KEY").value_from.as_ref().expect("a source");
    let secret = source.secret_key_ref.as_ref().expect("a secret");
    let made = format!("create secret generic {} --from-file={}=/dev/stdin", secret.name, secret.key);
    assert!(text("README.md").contains(&made), "{made}");

    // What is mounted is there, and the job of the ConfigMap is one.
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<BTreeSet<_>>();
    let mounted = container.volume_mounts.iter().flatten().map(|mount| mount.name.clone()).collect::<BTreeSet<_>>();
    let volumes: BTreeSet<_> = pod(&jobset).volumes.iter().flatten().map(|volume| volume.name.clone()).collect();
    assert_eq!((&mounted, &volumes), (&names(&["job", "data", "scratch"]), &names(&["job", "data", "scratch"])));
    let words = container.args.as_ref().expect("arguments");
    let Segmill::Run(run) = parse(words.iter().map(String::as_str)) else { panic!("{words:?}") };
    assert_eq!(run.job.what.inputs, [Path::new("/etc/segmill/job.toml")]);
    segmill::job::load(&path("kubernetes/job.toml"), &run.job.what.overrides, run.job.what.output).expect("a job");
    let claim = yaml("kubernetes/volume.yaml")["metadata"]["name"].clone();
    let claims = |volume: &k8s_openapi::api::core::v1::Volume| {
        volume.persistent_volume_claim.as_ref().is_some_and(|used| used.claim_name == claim)
    };
    assert!(pod(&jobset).volumes.iter().flatten().any(claims));
}

#[test]
fn pods_are_started_again_by_exit_code() {
    let jobset = jobset();
    let job = jobset.spec.replicated_jobs[0].template.spec.as_ref().expect("a job");
    assert_eq!((job.backoff_limit, pod(&jobset).restart_policy.as_deref()), (Some(0), Some("Never")));
    assert!(jobset.spec.failure_policy.max_restarts > 0);
    let hopeless = &jobset.spec.failure_policy.rules[0];
    assert_eq!(
        (&hopeless.action, &hopeless.on_job_failure_reasons[..]),
        (&Action::FailJobSet, &[Reason::PodFailurePolicy][..])
    );
    let rules = &job.pod_failure_policy.as_ref().expect("a policy").rules;
    let codes = |action: &str| -> Vec<i32> {
        let matching = rules.iter().filter(|rule| rule.action == action);
        matching.filter_map(|rule| rule.on_exit_codes.as_ref()).flat_map(|codes| codes.values.clone()).collect()
    };
    // A failed disk may be another machine's next time; everything else that is final fails the whole.
    assert_eq!(codes("FailJob"), [2, 3, 70]);
    assert_eq!(codes("Count"), [4, AGAIN]);
    for rule in rules.iter().filter_map(|rule| rule.on_exit_codes.as_ref()) {
        assert_eq!((rule.operator.as_str(), rule.container_name.as_deref()), ("In", Some("segmill")));
    }
    let disrupted = |rule: &k8s_openapi::api::batch::v1::PodFailurePolicyRule| {
        let mut conditions = rule.on_pod_conditions.iter().flatten();
        rule.action == "Count" && conditions.any(|condition| condition.type_ == "DisruptionTarget")
    };
    assert!(rules.iter().any(disrupted));
}

#[test]
fn only_members_reach_each_other() {
    let policy: NetworkPolicy = typed(yaml("kubernetes/network-policy.yaml"));
    let spec = policy.spec.expect("a policy");
    let jobset = jobset();
    let port = pod(&jobset).containers[0].ports.as_ref().expect("a port")[0].container_port;
    assert_eq!(spec.policy_types.as_deref(), Some(&["Ingress".to_string(), "Egress".to_string()][..]));
    let members = spec.pod_selector;
    let selected = serde_json::to_value(&members).expect("it serialises");
    let name = jobset.metadata.name.as_deref().expect("a name");
    assert_eq!(selected["matchLabels"]["jobset.sigs.k8s.io/jobset-name"], name);
    let ingress = spec.ingress.expect("who may come in");
    assert_eq!(ingress.len(), 1);
    let from = ingress[0].from.as_ref().expect("not everybody");
    assert!(from.len() == 1 && from[0].namespace_selector.is_none() && from[0].ip_block.is_none());
    assert_eq!(serde_json::to_value(&from[0].pod_selector).expect("it serialises"), selected);
    let ports = ingress[0].ports.as_ref().expect("not every port");
    assert!(ports.len() == 1 && ports[0].port == Some(IntOrString::Int(port)));
    let help = help("run");
    assert!(help.contains(&format!("[default: {port}]")), "the port of the policy is not the default: {help}");
}

#[test]
fn containers_have_no_more_rights_than_they_need() {
    let jobset = jobset();
    let pod = pod(&jobset);
    let user = pod.security_context.as_ref().expect("a user");
    assert_eq!((user.run_as_non_root, user.run_as_user), (Some(true), Some(65532)));
    assert_eq!(pod.automount_service_account_token, Some(false));
    let container = pod.containers[0].security_context.as_ref().expect("rights");
    assert_eq!(container.allow_privilege_escalation, Some(false));
    assert_eq!(container.read_only_root_filesystem, Some(true));
    assert_eq!(container.capabilities.as_ref().and_then(|c| c.drop.clone()), Some(vec!["ALL".to_string()]));

    let dockerfile = text("container/Dockerfile");
    let stages: Vec<&str> = dockerfile.split("\nFROM ").collect();
    assert_eq!(stages.len(), 3, "a build and what is kept of it");
    assert!(stages[2].contains("\nUSER 65532:65532\n") && stages[2].contains("nonroot"));
    let image = format!("segmill:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(pod.containers[0].image.as_ref(), Some(&image));
    assert!(dockerfile.contains(&format!("-t {image} .")) && text("README.md").contains(&format!("-t {image} .")));
    let minimum = format!("FROM rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    assert!(dockerfile.contains(&minimum), "{minimum}");
    let ignored = text("container/Dockerfile.dockerignore");
    for copied in stages[1].lines().filter_map(|line| line.strip_prefix("COPY ")) {
        for source in copied.split(' ').rev().skip(1) {
            assert!(path("..").join(source).exists(), "{source} is copied, but is not there");
            assert!(ignored.contains(&format!("\n!{source}")), "{source} is copied, but ignored");
        }
    }
}

/// What segmill makes of these words.
#[track_caller]
fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Segmill {
    let words: Vec<&str> = words.collect();
    let all = std::iter::once("segmill").chain(words.iter().copied());
    Cli::try_parse_from(all).unwrap_or_else(|e| panic!("{words:?}: {e}")).command
}

fn help(command: &str) -> String {
    let mut cli = Cli::command();
    cli.find_subcommand_mut(command).expect("a command").render_long_help().to_string()
}

/// All files of `deploy/` with their names, without what tools keep there for themselves.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![path("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with(['.', '_']) {
                folders.push(path);
            } else if path.is_file() {
                files.push((path.display().to_string(), std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    assert!(files.len() > 8, "{}", files.len());
    files
}

#[test]
fn commands_are_understood() {
    let guide = text("README.md");
    let blocks = guide.split("```").skip(1).step_by(2);
    let commands: Vec<&str> = blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("segmill ")).collect();
    assert!(commands.len() >= 3, "{commands:?}");
    // A command that goes on in the background ends with the shell's own sign.
    let words = commands.iter().map(|command| command.trim_end_matches(" &").split_whitespace());
    words.for_each(|words| drop(parse(words)));

    let unit = text("ssh/segmill@.service");
    let start =
        unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/segmill ")).expect("a command");
    assert!(matches!(parse(start.split_whitespace()), Segmill::Launch(_)));
    let never = unit.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus=")).expect("exit codes");
    assert_eq!(never.split(' ').map(|code| code.parse().expect("a code")).collect::<Vec<i32>>(), FINAL);

    let hosts = path("ssh/hosts");
    let words = ["launch", "job.toml", "--insecure-plaintext", "--hosts", hosts.to_str().expect("a path")];
    let Segmill::Launch(launch) = parse(words.into_iter()) else { panic!("{words:?}") };
    assert_eq!(launch.plan().expect("a hosts file").processes, 3);
}

#[test]
fn variables_and_exit_codes_are_those_of_the_program() {
    let known = format!("{} {} {OF_PYTHON}", help("run"), help("launch"));
    for (file, text) in files() {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("SEGMILL_")) {
            let whole = known.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name);
            assert!(whole, "{file}: segmill knows no {name}");
        }
    }
    let guide = text("README.md");
    let flags = guide.split('`').skip(1).step_by(2).filter(|word| word.starts_with("--"));
    for flag in flags.filter_map(|words| words.split(' ').next()) {
        assert!(known.contains(&format!("{flag} ")) || known.contains(&format!("{flag}\n")), "segmill has no {flag}");
    }
    let codes = Cli::command().get_after_help().expect("exit codes").to_string();
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line(&guide).contains(&one_line(&codes)), "the guide does not say: {codes}");
    for code in FINAL.iter().chain([&AGAIN]) {
        assert!(codes.contains(&format!(" {code} ")), "{code} is no exit code: {codes}");
    }
}

#[test]
fn scripts_are_sound() {
    let script = path("slurm/segmill.sbatch");
    if is_there("bash") {
        let checked = Command::new("bash").arg("-n").arg(&script).output().expect("bash starts");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
    if is_there("shellcheck") {
        let checked = Command::new("shellcheck").arg(&script).output().expect("shellcheck starts");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}

/// Stands in for srun: starts two tasks here, and returns the highest of their codes. The first attempt is lost where
/// `LOSE_FIRST` is set.
const SRUN: &str = r#"#!/bin/bash
while [[ $1 == --* ]]; do shift; done
echo "$SEGMILL_ATTEMPT" >>attempts
if [ -n "$LOSE_FIRST" ] && [ "$SEGMILL_ATTEMPT" = 0 ]; then exit 143; fi
stat -c %a "$SEGMILL_CLUSTER_KEY_FILE" >mode
export SLURM_NTASKS=2 SLURM_STEP_NODELIST=127.0.0.1 SLURM_STEP_TASKS_PER_NODE=2 SLURM_NODEID=0
for task in 0 1; do
    SLURM_PROCID=$task SLURM_LOCALID=$task "$@" &
    tasks+=($!)
done
worst=0
for task in "${tasks[@]}"; do
    wait "$task"
    code=$?
    if [ $code -gt $worst ]; then worst=$code; fi
done
exit $worst
"#;

/// Runs the batch script in the sandbox over `job.toml` as sbatch would.
fn sbatch(sandbox: &Sandbox, lose_first: bool, words: &[&str]) -> Output {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let programs = tempfile::tempdir().expect("a folder");
    let srun = programs.path().join("srun");
    std::fs::write(&srun, SRUN).expect("a script");
    std::fs::set_permissions(&srun, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    symlink(env!("CARGO_BIN_EXE_segmill"), programs.path().join("segmill")).expect("a link");
    let search = format!("{}:{}", programs.path().display(), std::env::var("PATH").expect("a search path"));
    let mut command = Command::new("bash");
    for name in ENVIRONMENT {
        command.env_remove(name);
    }
    command.env("PATH", search).env("SLURM_SUBMIT_DIR", sandbox.path("")).env("SLURM_CPUS_PER_TASK", "1");
    command.env("SLURM_JOB_ID", std::process::id().to_string());
    command.env("LOSE_FIRST", if lose_first { "1" } else { "" });
    command.arg(path("slurm/segmill.sbatch")).args(words).output().expect("bash starts")
}

#[test]
fn the_batch_script_of_slurm_runs_and_restarts() {
    if !is_there("bash") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    sandbox.run_to("alone", &format!("[input]\nratings = ['r.csv']\n{SMALL_JOB}"), &[]).succeeded();
    let read = |name: &str| std::fs::read_to_string(sandbox.path(name)).expect("it is there");

    let ran = sbatch(&sandbox, true, &["job.toml", "-o", "out"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!((read("attempts").as_str(), read("mode").as_str()), ("0\n1\n", "600\n"));
    assert_eq!(digests(&sandbox.path("out")), digests(&sandbox.path("alone")));

    // What is wrong with the job is wrong the next time, too.
    std::fs::remove_file(sandbox.path("attempts")).expect("it is there");
    let ran = sbatch(&sandbox, false, &["job.toml", "-o", "out", "--set", "kmeans.clusters=13"]);
    assert_eq!((ran.status.code(), read("attempts").as_str()), (Some(2), "0\n"), "{ran:?}");

    let left: Vec<String> = sandbox.listing().into_iter().filter(|name| name.starts_with(".segmill-")).collect();
    assert!(left.is_empty(), "the key is left behind: {left:?}");
}
