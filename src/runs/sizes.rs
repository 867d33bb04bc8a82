//! Refuses jobs that ask for more than the data can give.

use crate::error::{Error, Result};
use crate::flow::read::Ratings;
use crate::job::Job;

/// Refuses numbers of clusters, components and folds that are too large for the data. Returns the numbers of clusters to sweep over.
pub fn check_sizes(job: &Job, ratings: &Ratings) -> Result<Vec<usize>> {
    let (n_users, n_items) = (ratings.n_users as usize, ratings.n_items);
    let place = ratings.files.first().map_or("ratings".to_string(), |file| file.path.display().to_string());
    if n_users < 2 {
        let problem = "there is only one user, and segments group many";
        return Err(Error::data(place, problem, "check that input.user names the right column"));
    }
    if n_items < 2 {
        let problem = "there is only one item, and segments differ by what they like";
        return Err(Error::data(place, problem, "check that input.item names the right column"));
    }
    if job.kmeans.clusters > n_users {
        let problem = format!("{} clusters need as many users, and there are {n_users}", job.kmeans.clusters);
        return Err(Error::job("kmeans.clusters", problem, format!("set it to {n_users} or less")));
    }
    let most = n_users.min(n_items);
    if job.pca.components > most {
        let problem =
            format!("{} components are more than {n_items} items and {n_users} users can have", job.pca.components);
        return Err(Error::job("pca.components", problem, format!("set it to {most} or less")));
    }
    if job.validate.folds > n_users {
        let problem = format!("{} folds need as many users, and there are {n_users}", job.validate.folds);
        return Err(Error::job("validate.folds", problem, format!("set it to {n_users} or less")));
    }
    match &job.sweep {
        Some(sweep) if sweep.explicit && sweep.clusters.iter().any(|&k| k > n_users) => {
            let largest = sweep.clusters.iter().max().copied().unwrap_or_default();
            let problem = format!("{largest} clusters need as many users, and there are {n_users}");
            Err(Error::job("sweep.clusters", problem, format!("name numbers of {n_users} or less")))
        }
        Some(sweep) => Ok(sweep.clusters.iter().copied().filter(|&k| k <= n_users).collect()),
        None => Ok(Vec::new()),
    }
}
