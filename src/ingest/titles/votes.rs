//! What rows of ratings say of one item: the most frequent of the texts that a few of its users have for it.
//!
//! Which users are asked is drawn by their keys and the item's, so that the answer depends neither on the order of the rows nor on
//! who reads them (arrival-blind), and an item takes the same small room however often it is rated.

use serde::{Deserialize, Serialize};

/// The users of an item that are asked.
const ASKED: usize = 5;
/// Bytes of a text that are kept.
const LONGEST: usize = 1 << 10;

/// What was said in one column of one item: each text, and the draws of the users who have it. No draw is there twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Votes(Vec<(Box<str>, Vec<u32>)>);

impl Votes {
    /// The largest draw that still counts.
    pub fn highest(&self) -> u32 {
        let draws = || self.0.iter().flat_map(|(_, draws)| draws);
        if draws().count() < ASKED { u32::MAX } else { draws().copied().max().unwrap_or(u32::MAX) }
    }

    /// Hears the user with this draw say `text`. Who says several things has said the smallest of them; an empty text says nothing.
    pub fn hear(&mut self, draw: u32, text: &str) {
        let text = cut(text.trim());
        if text.is_empty() || draw > self.highest() {
            return;
        }
        let said = self.0.iter().position(|(_, draws)| draws.contains(&draw));
        match said {
            Some(at) if *self.0[at].0 <= *text => return,
            Some(_) => self.forget(draw),
            None => {}
        }
        match self.0.iter_mut().find(|(known, _)| **known == *text) {
            Some((_, draws)) => draws.push(draw),
            None => self.0.push((text.into(), vec![draw])),
        }
        if self.0.iter().map(|(_, draws)| draws.len()).sum::<usize>() > ASKED {
            let last = self.0.iter().flat_map(|(_, draws)| draws).copied().max();
            last.into_iter().for_each(|draw| self.forget(draw));
        }
    }

    fn forget(&mut self, draw: u32) {
        self.0.iter_mut().for_each(|(_, draws)| draws.retain(|&other| other != draw));
        self.0.retain(|(_, draws)| !draws.is_empty());
    }

    /// Hears all that others have heard.
    pub fn merge(&mut self, other: &Votes) {
        for (text, draws) in &other.0 {
            draws.iter().for_each(|&draw| self.hear(draw, text));
        }
    }

    /// The most frequent text; of equally frequent ones the smallest.
    pub fn winner(&self) -> Option<&str> {
        let best = self.0.iter().max_by(|(a, of_a), (b, of_b)| of_a.len().cmp(&of_b.len()).then(b.cmp(a)));
        best.map(|(text, _)| &**text)
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heard(said: &[(u32, &str)]) -> Votes {
        let mut votes = Votes::default();
        said.iter().for_each(|(draw, text)| votes.hear(*draw, text));
        votes
    }

    #[test]
    fn the_most_frequent_text_wins_and_of_equals_the_smallest() {
        assert_eq!(heard(&[]).winner(), None);
        assert_eq!(heard(&[(1, ""), (2, "  ")]).winner(), None);
        assert_eq!(heard(&[(1, "b"), (2, "a"), (3, " b ")]).winner(), Some("b"));
        assert_eq!(heard(&[(1, "b"), (2, "a")]).winner(), Some("a"));
        assert_eq!(
            heard(&[(1, "b"), (1, "b"), (1, "b"), (2, "a"), (3, "a")]).winner(),
            Some("a"),
            "one user, one voice"
        );
        assert_eq!(heard(&[(7, &"ä".repeat(LONGEST))]).winner().map(str::len), Some(LONGEST));
    }

    proptest! {
        // arrival-blind: neither the order nor the number of hearers matters.
        #[test]
        fn the_winner_is_the_same_whoever_hears_what(
            said in prop::collection::vec((0u32..12, "[abc]{0,2}"), 0..40),
            cuts in prop::collection::vec(0usize..3, 40),
            turned in any::<bool>(),
        ) {
            let mut whole = Votes::default();
            said.iter().for_each(|(draw, text)| whole.hear(*draw, text));
            let mut parts = [Votes::default(), Votes::default(), Votes::default()];
            for ((draw, text), part) in said.iter().rev().zip(cuts) {
                parts[part].hear(*draw, text);
            }
            if turned {
                parts.reverse();
            }
            let mut merged = Votes::default();
            parts.iter().for_each(|part| merged.merge(part));
            prop_assert_eq!(merged.winner(), whole.winner());
            prop_assert_eq!(merged.highest(), whole.highest());
            prop_assert!(whole.0.iter().map(|(_, draws)| draws.len()).sum::<usize>() <= ASKED);
        }
    }
}
