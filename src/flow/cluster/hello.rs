//! What members of one cluster must agree on.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The dialect that members speak with each other; members of two dialects cannot work together.
pub const PROTOCOL: u32 = 2;

/// What a member says of itself. It travels encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: u32,
    /// Names a run among others, if who started it named it.
    pub run: String,
    /// How often the members of the run were started before.
    pub attempt: u32,
    pub process: usize,
    pub processes: usize,
    pub workers: usize,
    pub version: String,
    /// Digests of the job's sections, by name.
    pub job: Vec<(String, String)>,
    /// Digest of the list of input files and their sizes; empty where the member cannot list them.
    pub inputs: String,
    /// Digest of the program.
    pub binary: String,
    /// Where it listens; 0 where nobody calls it.
    pub port: u16,
}

/// How a member's hello fits the own one.
#[derive(Debug, Clone, PartialEq)]
pub enum Fit {
    Fits,
    /// A member of an earlier or later attempt of the same run: not one of ours, and no reason to give up.
    OtherAttempt,
    /// Nothing can come of this.
    Never(Error),
}

impl Hello {
    /// Compares the hello of a member that was met with the own one.
    pub fn fit(&self, met: &Hello) -> Fit {
        match self.compare(met) {
            Err(error) => Fit::Never(error),
            Ok(()) if self.attempt != met.attempt => Fit::OtherAttempt,
            Ok(()) => Fit::Fits,
        }
    }

    fn compare(&self, met: &Hello) -> Result<()> {
        let place = || format!("process {}", met.process);
        let differs = |what: &str, here: &dyn std::fmt::Display, there: &dyn std::fmt::Display| {
            let problem = format!("its {what} is {there}, here it is {here}");
            Err(Error::job(place(), problem, "start every process with the same binary, job and options"))
        };
        if met.protocol != self.protocol {
            return differs("protocol version", &self.protocol, &met.protocol);
        }
        if met.version != self.version {
            return differs("version", &self.version, &met.version);
        }
        if met.binary != self.binary {
            return differs("binary", &self.binary, &met.binary);
        }
        if met.run != self.run {
            return differs("run id", &self.run, &met.run);
        }
        if let Some(section) = self.other_section(met) {
            let problem = format!("its job differs from the one here in {section}");
            return Err(Error::job(place(), problem, "give every process the same job file and the same --set"));
        }
        if met.processes != self.processes {
            return differs("number of processes", &self.processes, &met.processes);
        }
        if met.workers != self.workers {
            return differs("number of workers", &self.workers, &met.workers);
        }
        if met.process >= self.processes || met.process == self.process {
            return differs("index", &self.process, &met.process);
        }
        if !met.inputs.is_empty() && !self.inputs.is_empty() && met.inputs != self.inputs {
            let problem = "its list of input files differs from the one here in a name or a size";
            return Err(Error::job(place(), problem, "let every process see the same files under the same names"));
        }
        Ok(())
    }

    /// A section of the job that the other has not, or has otherwise.
    fn other_section<'a>(&'a self, met: &'a Hello) -> Option<&'a str> {
        let lacks = |one: &'a Hello, other: &Hello| one.job.iter().find(|section| !other.job.contains(section));
        lacks(self, met).or_else(|| lacks(met, self)).map(|(name, _)| name.as_str())
    }
}

#[cfg(any(test, fuzzing))]
pub fn example(process: usize) -> Hello {
    Hello {
        protocol: PROTOCOL,
        run: "r".into(),
        attempt: 0,
        process,
        processes: 3,
        workers: 2,
        version: "1".into(),
        job: vec![("kmeans".into(), "j".into())],
        inputs: "i".into(),
        binary: "b".into(),
        port: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_must_agree_in_every_field() {
        let (own, met) = (example(0), example(1));
        assert_eq!(own.fit(&met), Fit::Fits);
        assert_eq!(own.fit(&Hello { inputs: String::new(), ..met.clone() }), Fit::Fits);
        assert_eq!(own.fit(&Hello { attempt: 1, ..met.clone() }), Fit::OtherAttempt);
        for (other, field) in [
            (Hello { protocol: PROTOCOL + 1, ..met.clone() }, "protocol version"),
            (Hello { version: "2".into(), ..met.clone() }, "version"),
            (Hello { binary: "c".into(), ..met.clone() }, "binary"),
            (Hello { run: "s".into(), ..met.clone() }, "run id"),
            (Hello { job: vec![("kmeans".into(), "k".into())], ..met.clone() }, "kmeans"),
            (Hello { job: vec![], ..met.clone() }, "kmeans"),
            (Hello { inputs: "k".into(), ..met.clone() }, "list of input files"),
            (Hello { processes: 4, ..met.clone() }, "number of processes"),
            (Hello { workers: 1, ..met.clone() }, "number of workers"),
            (example(0), "index"),
            (example(3), "index"),
        ] {
            let Fit::Never(error) = own.fit(&other) else { panic!("{field} was not noticed") };
            assert!(error.exit_code() == 2 && error.to_string().contains(field), "{error}");
        }
    }
}
