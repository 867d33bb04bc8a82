//! The users whom the search box of the page knows, each with a segment.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::ingest::ids::Id;

/// The largest whole number that JavaScript, like JSON at large, has exactly.
const EXACT: u64 = (1 << 53) - 1;

/// Users by segment, those of each in order of their ids.
///
/// Written it is `{"numeric": true, "ids": [[3, 4, 1], …]}`, a list for each segment: where all ids are numbers, each as the
/// difference from the one before it, or else as text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known(Vec<Vec<Id>>);

impl Known {
    /// Of users in order of their ids, with the segment of each.
    pub fn of<'a>(users: impl Iterator<Item = (&'a Id, u32)>, segments: usize) -> Known {
        let mut ids = vec![Vec::new(); segments];
        users.for_each(|(id, segment)| ids[segment as usize].push(id.clone()));
        Known(ids)
    }

    /// How many users it has.
    pub fn users(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// How many segments it has users of.
    pub fn segments(&self) -> usize {
        self.0.len()
    }

    /// Every so manieth of them, so that they take no more than so many bytes.
    pub fn within(&self, bytes: usize) -> Known {
        let size = |known: &Known| known.json().to_string().len();
        let mut step = size(self).div_ceil(bytes.max(1)).max(1);
        loop {
            let thinned = self.every(step);
            if size(&thinned) <= bytes || thinned.users() <= self.0.len() {
                return thinned;
            }
            step += step.div_ceil(4);
        }
    }

    fn every(&self, step: usize) -> Known {
        Known(self.0.iter().map(|ids| ids.iter().step_by(step).cloned().collect()).collect())
    }

    /// As it is written.
    pub fn json(&self) -> Value {
        let numeric = self.0.iter().flatten().all(|id| matches!(id, Id::Number(id) if *id <= EXACT));
        let of_segment =
            |ids: &Vec<Id>| if numeric { gaps(ids) } else { ids.iter().map(ToString::to_string).collect() };
        json!({ "numeric": numeric, "ids": self.0.iter().map(of_segment).collect::<Value>() })
    }
}

fn gaps(ids: &[Id]) -> Value {
    let numbers = ids.iter().map(|id| if let Id::Number(id) = id { *id } else { 0 });
    numbers
        .scan(0, |before, id| {
            let gap = id.wrapping_sub(*before);
            *before = id;
            Some(gap)
        })
        .collect()
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Known, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Ids {
            Numbers(Vec<u64>),
            Texts(Vec<String>),
        }
        #[derive(Deserialize)]
        struct Written {
            ids: Vec<Ids>,
        }
        let sums = |gaps: Vec<u64>| {
            gaps.into_iter()
                .scan(0u64, |sum, gap| {
                    *sum = sum.wrapping_add(gap);
                    Some(Id::Number(*sum))
                })
                .collect()
        };
        let of_segment = |ids: Ids| match ids {
            Ids::Numbers(gaps) => sums(gaps),
            Ids::Texts(texts) => texts.iter().map(|text| Id::parse(text)).collect(),
        };
        Ok(Known(Written::deserialize(from)?.ids.into_iter().map(of_segment).collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids() -> impl Strategy<Value = Vec<(Id, u32)>> {
        let number = prop_oneof![0..2_000u64, any::<u64>().prop_map(|n| n >> 1)].prop_map(Id::Number);
        let text = "[a-z\"<&é\n]{1,12}".prop_map(|text| Id::Text(text.into()));
        let ids = prop_oneof![
            prop::collection::btree_set(number.clone(), 0..200),
            prop::collection::btree_set(prop_oneof![number, text], 0..50),
        ];
        ids.prop_flat_map(|ids| {
            let n = ids.len();
            (Just(ids), prop::collection::vec(0..5u32, n))
                .prop_map(|(ids, segments)| ids.into_iter().zip(segments).collect())
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(users in ids()) {
            let known = Known::of(users.iter().map(|(id, segment)| (id, *segment)), 5);
            prop_assert_eq!(known.users(), users.len());
            let read: Known = serde_json::from_str(&serde_json::to_string(&known).unwrap()).unwrap();
            prop_assert_eq!(&read, &known);
        }

        #[test]
        fn what_is_thinned_fits_and_is_of_those_that_were_there(users in ids(), bytes in 100..4_000usize) {
            let known = Known::of(users.iter().map(|(id, segment)| (id, *segment)), 5);
            let thinned = known.within(bytes);
            prop_assert!(thinned.json().to_string().len() <= bytes || thinned.users() <= 5);
            prop_assert!(thinned.0.iter().zip(&known.0).all(|(few, all)| few.iter().all(|id| all.contains(id))));
            if known.json().to_string().len() <= bytes {
                prop_assert_eq!(thinned, known);
            }
        }
    }
}
