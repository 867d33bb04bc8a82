//! What `segmill plan` is asked besides the job: a layout, and the sizes of data that are not at hand.

use crate::error::{Error, Result};
use crate::results::forecast::Sizes;

/// What is asked beside the job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    pub processes: usize,
    /// Threads of each.
    pub workers: usize,
    /// Bytes per second that a process can send; none where all processes are on this machine.
    pub network: Option<f64>,
    pub stated: Stated,
}

/// Sizes of data that are not at hand.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stated {
    pub users: Option<f64>,
    pub items: Option<f64>,
    pub ratings: Option<f64>,
}

impl Stated {
    /// The sizes of such data of the kind of `sample`, and what had to be scaled.
    ///
    /// # Errors
    /// [`Error::Job`] for more ratings than pairs of a user and an item, or fewer than users or items.
    pub fn apply(self, sample: Sizes) -> Result<(Sizes, Vec<String>)> {
        let Stated { users, items, ratings } = self;
        let factor = match (ratings, users) {
            (Some(ratings), _) => ratings / sample.ratings,
            (None, Some(users)) => users / sample.users,
            (None, None) => 1.0,
        };
        let mut sizes = sample.grown(factor);
        let mut scaled = Vec::new();
        if ratings.is_some() && users.is_none() {
            scaled.push(format!("users: as active as in the input, {:.1} ratings each", sample.ratings / sample.users));
        }
        if ratings.is_none() && users.is_some() {
            scaled.push(format!("ratings: {:.1} of each user, as in the input", sample.ratings / sample.users));
        }
        if factor != 1.0 && items.is_none() {
            scaled.push("items: more with the square root of the ratings (Heaps' law)".into());
        }
        sizes.users = users.unwrap_or(sizes.users);
        sizes.items = items.unwrap_or(sizes.items);
        let possible = sizes.users * sizes.items;
        if sizes.ratings > possible {
            let problem = format!(
                "{:.3e} ratings are more than {:.3e} users and {:.3e} items have pairs",
                sizes.ratings, sizes.users, sizes.items
            );
            return Err(Error::job("--ratings", problem, "state more users or items, or fewer ratings"));
        }
        if sizes.ratings < sizes.users.max(sizes.items) && self != Stated::default() {
            let problem = format!("{:.3e} ratings are fewer than users or items", sizes.ratings);
            return Err(Error::job("--ratings", problem, "state more ratings, or fewer users or items"));
        }
        Ok((sizes, scaled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::predict::tests::sizes;

    #[test]
    fn what_is_not_stated_is_scaled_and_said() {
        let sample = sizes(1e3, 400.0, 1e5);
        let (same, nothing) = Stated::default().apply(sample).unwrap();
        assert!(same == sample && nothing.is_empty());
        let (grown, said) = Stated { ratings: Some(1e7), ..Stated::default() }.apply(sample).unwrap();
        assert_eq!((grown.users, grown.items, grown.ratings, said.len()), (1e5, 4000.0, 1e7, 2));
        let all = Stated { ratings: Some(1e7), users: Some(1e4), items: Some(5e3) };
        let (stated, said) = all.apply(sample).unwrap();
        assert_eq!((stated.users, stated.items, stated.ratings, said.len()), (1e4, 5e3, 1e7, 0));
        for impossible in [
            Stated { users: Some(10.0), ratings: Some(1e6), items: Some(10.0) },
            Stated { users: Some(1e9), ratings: Some(1e6), items: None },
        ] {
            assert_eq!(impossible.apply(sample).unwrap_err().exit_code(), 2);
        }
    }
}
