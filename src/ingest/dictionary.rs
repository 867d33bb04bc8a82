//! The item dictionary: every item of every worker, sorted by id.

use super::ids::Id;
use super::keys::{ItemIndex, KeyMap, Noted, id_of, note_name};
use super::rows::Name;
use crate::collective::Collective;

/// Index of every item by its key, on every worker, and the items' ids, rising, on the coordinator; nothing if two texts
/// share a key anywhere. `keys` are those of the items that came to this worker, `names` the texts it read, `collision`
/// whether it met two texts of one key itself.
pub fn item_dictionary<C: Collective>(
    c: &mut C,
    keys: &[u64],
    item_names: KeyMap<Box<str>>,
    collision: bool,
) -> Option<(ItemIndex, Vec<Id>)> {
    let mut mine: Vec<Name> = item_names.into_iter().map(|(key, text)| Name { key, text }).collect();
    mine.sort_unstable_by_key(|name| name.key);
    let mut names = KeyMap::default();
    let gathered: Vec<Vec<Name>> = c.gather_values(&mine);
    let mut clash = false;
    for Name { key, text } in gathered.iter().flatten() {
        clash |= note_name(&mut names, *key, text) == Noted::Collision;
    }
    let mut collided = [u64::from(clash || collision)];
    c.max(&mut collided);
    if collided[0] > 0 {
        return None;
    }
    let gathered = c.gather(bytemuck::cast_slice(keys).to_vec());
    let mut keys: Vec<u64> = gathered.iter().flat_map(|bytes| bytemuck::pod_collect_to_vec::<u8, u64>(bytes)).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut sorted: Vec<(Id, u64)> = keys.into_iter().map(|key| (id_of(key, &mut names), key)).collect();
    sorted.sort_unstable();
    let keys: Vec<u64> = sorted.iter().map(|(_, key)| *key).collect();
    let told = c.broadcast(bytemuck::cast_slice(&keys).to_vec());
    let keys: Vec<u64> = bytemuck::pod_collect_to_vec(&told);
    Some((ItemIndex::new(&keys), sorted.into_iter().map(|(id, _)| id).collect()))
}
