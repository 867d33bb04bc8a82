//! What is shown, read back from an output folder and checked.

use std::path::Path;

use super::content::{FILE, Shown, named};
use crate::error::{Error, Result};
use crate::results::run;
use crate::stages::continuity::Continuity;
use crate::stages::validate::Confusion;

impl Shown {
    /// Of the output folder `output`.
    ///
    /// # Errors
    /// Where there is none, or it is not whole.
    pub fn read(output: &Path) -> Result<Shown> {
        let path = output.join(FILE);
        if !path.exists() && output.join(run::FILE).exists() {
            let problem = "it is not there: an earlier segmill wrote this output".into();
            return Err(Error::File { path, problem, remedy: "run the job again".into() });
        }
        let shown: Shown = run::read_record(&path, "what a report shows")?;
        match shown.contradiction() {
            None => Ok(shown),
            Some(what) => {
                let problem = format!("it was changed: {what}");
                Err(Error::data(path.display().to_string(), problem, "run the job again"))
            }
        }
    }

    /// What does not fit together: the page takes it for granted.
    fn contradiction(&self) -> Option<String> {
        let n = self.kmeans.sizes.len();
        let square = |confusion: &Confusion| confusion.counts.dim() == (n, n);
        let jaccard = self.evidence.as_ref().map_or(n, |evidence| evidence.stability.jaccard.len());
        let lengths = [self.names.len(), self.profiles.len(), self.kmeans.centres.len(), jaccard];
        if lengths.iter().any(|&length| length != n)
            || ![&self.validation.in_sample, &self.validation.out_of_fold].into_iter().all(square)
        {
            return Some(format!("not everything in it is of {n} segments"));
        }
        let ordered = self.profiles.iter().enumerate().all(|(at, profile)| profile.segment as usize == at);
        let mut nearest = self.profiles.iter().flat_map(|profile| &profile.nearest);
        let unknown = nearest.any(|near| near.segment as usize >= n)
            || self.continuity.as_ref().is_some_and(|continuity| !fits(continuity, n));
        if !ordered || self.map.iter().any(|point| point.segment as usize >= n) || unknown || self.known.segments() > n
        {
            return Some("it names a segment that is not there".into());
        }
        let unknown = named(&self.profiles).into_iter().find(|item| !self.items.0.contains_key(item));
        unknown.map(|item| format!("it does not tell what item {item} is"))
    }
}

/// Whether all that it names is there, where this run has `n` segments.
fn fits(continuity: &Continuity, n: usize) -> bool {
    let Continuity { segments, earlier, flows, .. } = continuity;
    segments.iter().all(|now| (now.segment as usize) < n)
        && earlier.iter().flat_map(|then| &then.now).all(|&now| (now as usize) < n)
        && flows.iter().all(|flow| (flow.from as usize) < earlier.len() && (flow.to as usize) < n)
}
