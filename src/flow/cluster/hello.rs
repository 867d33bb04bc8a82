//! What members of one cluster must agree on.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The version of what members say to each other; members of two versions cannot work together.
pub const PROTOCOL: u32 = 2;

/// What a member says of itself. It travels encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: u32,
    /// Names a run among others; empty where nobody named it.
    pub run: String,
    /// How often the members of the run were started before this time.
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
    /// The port at which it listens; 0 where it is never called.
    pub port: u16,
}

/// How a member's hello fits that of this process.
#[derive(Debug, Clone, PartialEq)]
pub enum Fit {
    Fits,
    /// A member of an earlier or later attempt of the same run: not one of ours, and no reason to give up.
    OtherAttempt,
    /// The two cannot work together.
    Never(Error),
}

impl Hello {
    /// Compares the hello of a member that was met with that of this process.
    pub fn fit(&self, met: &Hello) -> Fit {
        match self.compare(met) {
            Err(error) => Fit::Never(error),
            Ok(()) if self.attempt != met.attempt => Fit::OtherAttempt,
            Ok(()) => Fit::Fits,
        }
    }

    fn compare(&self, met: &Hello) -> Result<()> {
        self.same(met, "protocol version", |hello| hello.protocol.to_string())?;
        self.same(met, "version", |hello| hello.version.clone())?;
        self.same(met, "binary", |hello| hello.binary.clone())?;
        self.same(met, "run id", |hello| hello.run.clone())?;
        self.same_job(met)?;
        self.same(met, "number of processes", |hello| hello.processes.to_string())?;
        self.same(met, "number of workers", |hello| hello.workers.to_string())?;
        if met.process >= self.processes || met.process == self.process {
            return Err(self.differs(met, "index", |hello| hello.process.to_string()));
        }
        self.same_inputs(met)
    }

    fn same(&self, met: &Hello, what: &str, value: impl Fn(&Hello) -> String) -> Result<()> {
        if value(self) == value(met) { Ok(()) } else { Err(self.differs(met, what, value)) }
    }

    fn differs(&self, met: &Hello, what: &str, value: impl Fn(&Hello) -> String) -> Error {
        let problem = format!("its {what} is {}, here it is {}", value(met), value(self));
        Error::job(met.place(), problem, "start every process with the same binary, job and options")
    }

    fn same_job(&self, met: &Hello) -> Result<()> {
        let Some(section) = self.other_section(met) else { return Ok(()) };
        let problem = format!("its job differs from the one here in {section}");
        Err(Error::job(met.place(), problem, "give every process the same job file and the same --set"))
    }

    fn same_inputs(&self, met: &Hello) -> Result<()> {
        if met.inputs.is_empty() || self.inputs.is_empty() || met.inputs == self.inputs {
            return Ok(());
        }
        let problem = "its list of input files differs from the one here in a name or a size";
        Err(Error::job(met.place(), problem, "let every process see the same files under the same names"))
    }

    /// A member as messages name it.
    fn place(&self) -> String {
        format!("process {}", self.process)
    }

    /// A section of the job that the other lacks, or that differs there.
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
