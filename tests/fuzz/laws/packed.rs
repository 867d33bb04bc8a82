//! Any bytes as packed ratings, and any ratings packed.

use super::Taken;
use crate::ingest::rows::{Narrow, Ordered, Record, Wide};
use crate::kernel::csr::packed::{Packed, Unpacked, unpack};
use crate::kernel::csr::{Rows, Values};
use crate::shard::chunk;

/// After `b` a block of ratings, after `n`, `w` and `o` a chunk of rows of a kind, after `r` ratings to pack. What is packed comes
/// back as it was.
pub fn packed(data: &[u8]) {
    let mut data = Taken(data);
    match data.byte() {
        b'b' => {
            let words: Vec<u64> = bytemuck::pod_collect_to_vec(data.0);
            let mut unpacked = Unpacked::default();
            if unpack(&words, &mut unpacked).is_some() {
                is_the_same_again(&unpacked.view().to_owned());
            }
        }
        b'n' => chunk_of::<Narrow>(data.0),
        b'w' => chunk_of::<Wide>(data.0),
        b'o' => chunk_of::<Ordered>(data.0),
        b'r' => is_the_same_again(&rows(data)),
        _ => {}
    }
}

/// Rows whose columns rise, with at most 256 different values or more.
fn rows(mut data: Taken) -> Rows {
    let (mut rows, is_coded) = (Rows::empty(), data.byte() & 1 == 0);
    let mut codes = Vec::new();
    while !data.is_empty() {
        let mut column = 0u32;
        for _ in 0..data.byte() {
            let gap = u32::from(data.byte()) << (data.byte() % 24);
            column = column.saturating_add(gap);
            rows.indices.push(column);
            codes.push(data.byte());
        }
        rows.indptr.push(rows.indices.len() as u32);
    }
    rows.values = if is_coded {
        Values::Coded { codes, table: Box::new(std::array::from_fn(|code| code as f64 / 4.0)) }
    } else {
        Values::Plain(codes.iter().zip(1..).map(|(&code, at)| f64::from(code) / f64::from(at)).collect())
    };
    rows
}

fn is_the_same_again(rows: &Rows) {
    let entries = |rows: &Rows| -> Vec<Vec<(usize, u64)>> {
        rows.view().rows().map(|row| row.iter().map(|(column, x)| (column, x.to_bits())).collect()).collect()
    };
    // Only rows whose columns rise are packed.
    if rows.view().rows().any(|row| !row.indices.is_sorted()) {
        return;
    }
    let mut again = Vec::new();
    for block in Packed::blocks(rows.view()) {
        let mut unpacked = Unpacked::default();
        unpack(&block.words, &mut unpacked).expect("packed words are read");
        again.extend(entries(&unpacked.view().to_owned()));
    }
    assert_eq!(again, entries(rows));
}

fn chunk_of<R: Record>(bytes: &[u8]) {
    if let Some(records) = chunk::unpack::<R>(&mut &*bytes) {
        let mut packed = Vec::new();
        chunk::pack(&records, &mut packed);
        let again: Vec<R> = chunk::unpack(&mut &packed[..]).expect("packed rows are read");
        assert!(bytemuck::cast_slice::<R, u8>(&again) == bytemuck::cast_slice::<R, u8>(&records));
    }
}
