//! Writes and reads the snapshot: users and their rows, in frames.

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::ingest::ids::Id;
use crate::live::engine::Engine;
use crate::live::row::Row;
use crate::live::state::coding::{self, Coding};
use crate::live::state::{Recovered, SnapshotWriter};
use crate::shard::incoming::worker_of;

use super::header::Header;
use super::lead::Lead;
use super::standing::Origins;

/// A user on the way to the disk or from there: id, where they were when the model took over, and rows, each with how often it
/// is there.
pub type Kept = (Id, Option<u32>, Vec<(Row, i32)>);

/// Rows of a frame, about.
const ROWS: usize = 1 << 17;
/// Frames that are taken in at a time.
const FRAMES: usize = 8;

/// Writes the snapshot of the last batch. All workers call it together; `lead` is the coordinator's, which completes the
/// header.
pub fn keep<C: Collective>(
    c: &mut C,
    lead: Option<&mut Lead>,
    settings: Header,
    engine: &mut Engine,
    origins: &Origins,
) -> Result<()> {
    let mut next = 0;
    let Some(lead) = lead else {
        while send(c, engine, origins, &mut next).0 {}
        return c.agree(Ok(()));
    };
    let others = lead.items.others().to_vec();
    let header = Header { totals: lead.totals, others, refits: lead.refits, ..settings };
    let number = lead.state.last();
    let mut writer = lead.sync().and_then(|()| lead.state.snapshot(&coding::encode(&header), number));
    loop {
        let (more, frames) = send(c, engine, origins, &mut next);
        writer = writer.and_then(|writer| write(writer, &frames));
        if !more {
            break;
        }
    }
    let kept = writer.and_then(SnapshotWriter::finish);
    lead.has_begun();
    c.agree(kept)
}

/// Writes the frames that have users.
fn write<'s>(mut writer: SnapshotWriter<'s>, frames: &[Vec<u8>]) -> Result<SnapshotWriter<'s>> {
    let mut full = frames.iter().filter(|frame| !frame.is_empty());
    full.try_for_each(|frame| writer.write(frame)).map(|()| writer)
}

/// Sends the users from number `next` on that make a frame to the coordinator. Returns whether any worker has more, and on the
/// coordinator the frames.
fn send<C: Collective>(c: &mut C, engine: &mut Engine, origins: &Origins, next: &mut u32) -> (bool, Vec<Vec<u8>>) {
    let frame = frame(engine, origins, next);
    let mut more = [u32::from((*next as usize) < engine.users().len())];
    let frames = c.gather(frame);
    c.max(&mut more);
    (more[0] > 0, frames)
}

/// The next users, as many as make a frame; empty at the end.
fn frame(engine: &mut Engine, origins: &Origins, next: &mut u32) -> Vec<u8> {
    let first = *next;
    let mut found = engine.take_users(next, ROWS).into_iter().peekable();
    let mut kept: Vec<Kept> = Vec::new();
    for user in first..*next {
        let rows = found.next_if(|(other, _)| *other == user).map(|(_, rows)| rows).unwrap_or_default();
        let origin = origins.of_user(user);
        // Who has no rows and was not there either may be forgotten.
        if !rows.is_empty() || origin.is_some() {
            kept.push((engine.users().id(user).clone(), origin, rows));
        }
    }
    if kept.is_empty() { Vec::new() } else { coding::encode(&kept) }
}

/// What the coordinator hands to a worker: whether there is more, and users.
type Handed = (bool, Vec<Kept>);

/// Takes in the users of a snapshot. Returns where they were when the model took over.
pub fn restore<C: Collective>(
    c: &mut C,
    mut recovered: Option<&mut Recovered>,
    hash_seed: u64,
    engine: &mut Engine,
) -> Result<Origins> {
    let mut of_users: Vec<Option<u32>> = Vec::new();
    let mut read = Ok(());
    loop {
        let mut outgoing: Vec<Handed> = vec![(false, Vec::new()); c.peers()];
        if let Some(recovered) = recovered.as_deref_mut() {
            read = deal(recovered, hash_seed, &mut outgoing);
        }
        let (more, users) = hand_out(c, &outgoing);
        users.into_iter().for_each(|user| load(engine, &mut of_users, user));
        engine.settle();
        if !more {
            break;
        }
    }
    c.agree(read)?;
    Ok(Origins::restored(engine, of_users))
}

/// Reads some frames, and deals their users to the workers.
fn deal(recovered: &mut Recovered, hash_seed: u64, outgoing: &mut [Handed]) -> Result<()> {
    for _ in 0..FRAMES {
        let Some(frame) = recovered.next_frame()? else { return Ok(()) };
        for user in read_users(recovered.coding, &frame)? {
            let to = worker_of(user.0.key(hash_seed), outgoing.len());
            outgoing[to].1.push(user);
        }
    }
    outgoing.iter_mut().for_each(|handed| handed.0 = true);
    Ok(())
}

/// Returns what the coordinator hands to this worker.
fn hand_out<C: Collective>(c: &mut C, outgoing: &[Handed]) -> Handed {
    let outgoing = outgoing.iter().map(|handed| bincode::serialize(handed).expect("users serialise")).collect();
    let handed = c.exchange(outgoing).swap_remove(0);
    bincode::deserialize(&handed).expect("the coordinator sends users")
}

fn load(engine: &mut Engine, of_users: &mut Vec<Option<u32>>, (id, origin, rows): Kept) {
    let number = engine.load(&id, rows) as usize;
    if of_users.len() <= number {
        of_users.resize(number + 1, None);
    }
    of_users[number] = origin;
}

/// The users of a frame.
pub fn read_users(coding: Coding, frame: &[u8]) -> Result<Vec<Kept>> {
    coding.decode(frame).map_err(|e| {
        let problem = format!("the snapshot holds something else than users: {e}");
        Error::job("--state", problem, "put back a copy of the folder, or begin anew with another --state")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Duplicates;
    use crate::results::followed::Changes;

    /// What segmill 0.1 wrote, and what is written now.
    #[test]
    fn header_and_users_are_read_in_both_codings() {
        let totals = Changes { changes: 9, made: 7, rejected: 1, filtered: 1, unknown: 2 };
        let (others, duplicates) = (vec![Id::Number(5), Id::parse("new")], Duplicates::Last);
        let header =
            Header { hash_seed: 3, totals, others, refits: 1, duplicates, drift: 0.1, refit: true, is_due: false };
        let users: Vec<Kept> = vec![
            (Id::Number(7), Some(2), vec![(Row::new(0, 4.0), 1), (Row::new(5, 0.1), -2)]),
            (Id::parse("u"), None, vec![(Row::new(u32::MAX, 0.0), 1)]),
        ];
        let of_format_1 = [bincode::serialize(&header).unwrap(), bincode::serialize(&users).unwrap()];
        let of_format_2 = [coding::encode(&header), coding::encode(&users)];
        for (coding, [head, frame]) in [(Coding::Bincode, of_format_1), (Coding::Postcard, of_format_2)] {
            assert_eq!(Header::read(coding, &head).unwrap().as_ref(), Some(&header));
            assert_eq!(read_users(coding, &frame).unwrap(), users);
        }
    }
}
