//! Scores of this worker's users, and the segments that follow from them.

use super::users::Users;
use crate::kernel::bayes::{self, Desk, Entries, Kind, Outlook, Weights};

/// The most users that are scored together.
const BATCH: usize = 64;

/// The scores of all users in the model of all users, and in the one without their fold.
pub struct Scores {
    kind: Kind,
    of_all: Sums,
    out_of_fold: Sums,
}

/// Scores of users in one kind of model.
struct Sums {
    lanes: usize,
    /// `(n_users, lanes)` in the order of passes; empty if one strip has all items, since users are then answered at once.
    kept: Vec<f64>,
    /// For the users of a batch if nothing is kept.
    passing: Vec<f64>,
    /// By user.
    answers: Vec<u32>,
}

impl Scores {
    pub fn new(users: &Users, kind: Kind, n_clusters: usize) -> Scores {
        Scores { kind, of_all: Sums::new(users, n_clusters), out_of_fold: Sums::new(users, n_clusters) }
    }

    /// Bytes of scores that are kept from strip to strip.
    pub fn bytes_kept(n_users: usize, n_clusters: usize) -> usize {
        2 * size_of::<f64>() * n_users * bayes::lanes(n_clusters)
    }

    /// The segments that the model of all users predicts, and those that the ones without the users' folds do.
    pub fn into_answers(self) -> [Vec<u32>; 2] {
        [self.of_all.answers, self.out_of_fold.answers]
    }

    /// Adds the scores of a strip's entries in the model of all users, and in the one without the user's fold, if these are
    /// among the models of `weights`. `constants` come with the last strip, by model.
    pub fn question(&mut self, users: &Users, weights: &Weights, constants: Option<&[Vec<f64>]>) {
        let end = weights.items().end;
        let is_asked = |model: &usize| weights.models().contains(model);
        for block in users.ratings.blocks() {
            let (mut at, mut entries) = (block.first_row, Entries::default());
            for fold in users.of_block(&block).chunk_by(|&a, &b| users.group_of(a).0 == users.group_of(b).0) {
                let models = [0, 1 + users.group_of(fold[0]).0];
                if !models.iter().any(is_asked) {
                    at += fold.len();
                    continue;
                }
                for batch in fold.chunks(BATCH) {
                    entries.clear();
                    for &user in batch {
                        let row = block.rows().row(user as usize - block.first_row);
                        entries.push(self.kind, users.in_strip(user, row, end));
                    }
                    for (sums, model) in self.each().into_iter().zip(models).filter(|(_, model)| is_asked(model)) {
                        let constants = constants.map(|constants| &constants[model][..]);
                        sums.add((weights, model), (at, batch), &entries, constants);
                    }
                    at += batch.len();
                }
            }
        }
    }

    /// Asks the one model of `weights`, which has all items, about this worker's users: about all of them, or about those of
    /// the fold that it is without.
    pub fn answer(&mut self, users: &Users, weights: &Weights, outlook: &Outlook, constants: &[Vec<f64>]) {
        let model = weights.models().start;
        let answers = if model == 0 { &mut self.of_all.answers } else { &mut self.out_of_fold.answers };
        for block in users.ratings.blocks() {
            let (mut desk, mut rows) = (Desk::default(), Vec::with_capacity(BATCH));
            let asked = if model == 0 { users.of_block(&block) } else { users.of_fold(&block, model - 1) };
            for batch in asked.chunks(BATCH) {
                rows.clear();
                rows.extend(batch.iter().map(|&user| block.rows().row(user as usize - block.first_row)));
                let classes = desk.classes((weights, model), outlook, &constants[model], &rows);
                batch.iter().zip(classes).for_each(|(&user, &class)| answers[user as usize] = class);
            }
        }
    }

    fn each(&mut self) -> [&mut Sums; 2] {
        [&mut self.of_all, &mut self.out_of_fold]
    }
}

impl Sums {
    fn new(users: &Users, n_clusters: usize) -> Sums {
        let (n_users, lanes) = (users.labels.len(), bayes::lanes(n_clusters));
        let kept = vec![0.0; if users.one_strip() { 0 } else { n_users * lanes }];
        Sums { lanes, kept, passing: vec![0.0; BATCH * lanes], answers: vec![0; n_users] }
    }

    /// Adds the scores of a strip's entries of `users`, which begin at `at` in the order of passes. With the constants of the
    /// model it also answers.
    fn add(
        &mut self,
        (weights, model): (&Weights, usize),
        (at, users): (usize, &[u32]),
        entries: &Entries<'_>,
        constants: Option<&[f64]>,
    ) {
        let size = users.len() * self.lanes;
        let scores = if self.kept.is_empty() {
            self.passing[..size].fill(0.0);
            &mut self.passing[..size]
        } else {
            &mut self.kept[at * self.lanes..][..size]
        };
        weights.add(model, entries, scores);
        if let Some(constants) = constants {
            for (&user, scores) in users.iter().zip(scores.chunks_exact(self.lanes)) {
                self.answers[user as usize] = bayes::best_class(scores, constants);
            }
        }
    }
}
