use proptest::prelude::*;

use super::pieces::places;
use super::take::{of_files, of_generated};
use super::*;
use crate::collective::Solo;
use crate::ingest::plan::{self, Plan};
use crate::job::GenerateSpec;

proptest! {
    #[test]
    fn places_lie_in_their_files_and_do_not_overlap(
        sizes in prop::collection::vec(0u64..5_000_000, 1..20), most in 1u64 << 10..1 << 22,
    ) {
        prop_assume!(sizes.iter().sum::<u64>() > most);
        let places = places(&sizes, most);
        for (file, range) in &places {
            prop_assert!(range.start < range.end && range.end <= sizes[*file as usize]);
        }
        prop_assert!(places.is_sorted_by(|a, b| a.0 < b.0 || a.0 == b.0 && a.1.end <= b.1.start));
        let read: u64 = places.iter().map(|(_, range)| range.end - range.start).sum();
        prop_assert!(read <= most);
    }
}

fn text(rows: u64) -> String {
    (0..rows).map(|i| format!("{},{},{}\n", 1 + i / 50, i * 7919 % 300, 1 + i % 5)).collect()
}

fn sampled(name: &str, bytes: &[u8], most: u64) -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let spec = crate::job::JobSpec {
        input: toml::from_str(&format!("ratings = {:?}", path.to_str().unwrap())).unwrap(),
        ..Default::default()
    };
    let job = spec.check(folder.path(), "out".into()).unwrap();
    let planned = plan::plan(&mut Solo, &job.input, folder.path()).unwrap();
    let Plan::Files(files) = &planned.plan else { unreachable!("files were named") };
    of_files(files, most).unwrap()
}

#[test]
fn packed_texts_are_begun_and_counted_by_their_packed_bytes() {
    use std::io::Write;
    const ROWS: u64 = 400_000;
    let text = text(ROWS);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    let packed = packer.finish().unwrap();
    let whole = sampled("r.csv.gz", &packed, 1 << 30);
    assert!(whole.whole && whole.rows.len() as u64 == ROWS && whole.bad == 0);
    let part = sampled("r.csv.gz", &packed, 2 << 20);
    assert!(!part.whole && part.bad == 0 && part.bytes_read < part.bytes);
    let rows = part.rows.len() as f64 * part.bytes as f64 / part.bytes_read as f64;
    assert!((rows / ROWS as f64 - 1.0).abs() < 0.25, "{rows}");
    let plain = sampled("r.csv", text.as_bytes(), 1 << 20);
    assert!(!plain.whole && plain.n_ranges as u64 == RANGES && plain.bad == 0);
    let rows = plain.rows.len() as f64 * plain.bytes as f64 / plain.bytes_read as f64;
    assert!((rows / ROWS as f64 - 1.0).abs() < 0.02, "{rows}");
}

#[test]
fn generated_data_are_sampled_by_whole_users() {
    let spec = GenerateSpec { users: 500, items: 100, ratings_per_user: 10.0, ..GenerateSpec::default() };
    let sample = of_generated(&spec).unwrap();
    assert!(sample.whole && sample.rows.len() > 3000);
    let large = of_generated(&GenerateSpec { users: 1_000_000, ..spec }).unwrap();
    assert!(!large.whole && large.whole_users);
    assert!((1_500_000..2_500_000).contains(&large.rows.len()));
}
