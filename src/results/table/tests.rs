use std::fs::File;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

use super::columns::{Table, Values, all_numbers};
use super::to_parquet::ROW_GROUP;
use crate::ingest::ids::Id;

fn table<'a>(ids: &'a [Id], reals: &'a [f64], titles: Vec<Option<&'a str>>) -> Table<'a> {
    Table::new(
        "sample",
        vec![
            ("id", Values::ids(ids, all_numbers(ids))),
            ("real", Values::F64(reals.into())),
            ("title", Values::Nullable(titles)),
        ],
    )
}

fn numbers() -> Vec<Id> {
    [1, 2, 9].map(Id::Number).to_vec()
}

const REALS: [f64; 3] = [0.1, -0.0, 1e-300];
const TITLES: [Option<&str>; 3] = [Some("a, \"b\"\nc"), None, Some("")];

/// Invariant `digests-see-content`. The form must not change, since users keep
/// digests: the expected value follows the description in the module `digest` alone.
#[test]
fn the_digest_is_blake3_of_the_documented_form() {
    let mut form = b"segmill table 1\n".to_vec();
    let whole = |form: &mut Vec<u8>, value: u64| form.extend(value.to_le_bytes());
    let text = |form: &mut Vec<u8>, text: &str| {
        form.extend((text.len() as u64).to_le_bytes());
        form.extend(text.as_bytes());
    };
    text(&mut form, "sample");
    whole(&mut form, 3);
    whole(&mut form, 3);
    text(&mut form, "id");
    form.push(b'i');
    [1, 2, 9].iter().for_each(|&id| whole(&mut form, id));
    text(&mut form, "real");
    form.push(b'f');
    REALS.iter().for_each(|real| whole(&mut form, real.to_bits()));
    text(&mut form, "title");
    form.push(b'o');
    text(&mut form, TITLES[0].unwrap());
    whole(&mut form, u64::MAX);
    text(&mut form, "");
    assert_eq!(table(&numbers(), &REALS, TITLES.to_vec()).digest(), blake3::hash(&form).to_hex().to_string());
}

/// Invariant `digests-see-content`.
#[test]
fn the_digest_sees_every_change_and_no_width() {
    let ids = numbers();
    let digest = table(&ids, &REALS, TITLES.to_vec()).digest();
    let text_ids = ["1", "2", "x"].map(Id::parse);
    let others = [
        table(&text_ids, &REALS, TITLES.to_vec()).digest(),
        table(&ids, &[0.1, 0.0, 1e-300], TITLES.to_vec()).digest(),
        table(&ids, &REALS, vec![TITLES[0], Some(""), Some("")]).digest(),
        table(&ids, &REALS, vec![TITLES[2], None, TITLES[0]]).digest(),
    ];
    for (i, other) in others.iter().enumerate() {
        assert!(*other != digest && !others[..i].contains(other), "change {i} is not seen");
    }
    let narrow = Table::new("t", vec![("n", Values::U32(vec![1, 2].into()))]);
    let wide = Table::new("t", vec![("n", Values::U64(vec![1, 2].into()))]);
    assert_eq!(narrow.digest(), wide.digest());
    assert_ne!(
        narrow.digest(),
        Table::new("u", narrow.columns.iter().map(|c| (c.name, c.values.clone())).collect()).digest()
    );
}

#[test]
fn csv_reads_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let reals = [0.1 + 0.2, f64::MIN_POSITIVE, 123456789.12345679];
    table(&numbers(), &reals, TITLES.to_vec()).write_csv(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("id,real,title\n1,0.30000000000000004,\"a, \"\"b\"\"\nc\"\n2,"), "{text}");
    assert!(!text.contains('\r'));
    let mut reader = csv::Reader::from_path(&path).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    for (row, real) in rows.iter().zip(reals) {
        assert_eq!(row[1].parse::<f64>().unwrap().to_bits(), real.to_bits());
    }
    assert_eq!(&rows[0][2], TITLES[0].unwrap());
}

#[test]
fn parquet_reads_back_in_row_groups_of_bounded_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let n = ROW_GROUP + 5;
    let reals: Vec<f64> = (0..n).map(|i| i as f64 / 3.0).collect();
    let titles = (0..n).map(|i| (i % 3 > 0).then_some("Söner")).collect();
    let ids: Vec<Id> = (0..n as u64).map(Id::Number).collect();
    table(&ids, &reals, titles).write_parquet(&path).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [ROW_GROUP as i64, 5]);
    let mut rows = 0;
    for (i, row) in reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).enumerate() {
        assert_eq!(row.get_long(0).unwrap(), i as i64);
        assert_eq!(row.get_double(1).unwrap().to_bits(), reals[i].to_bits());
        match i % 3 {
            0 => assert!(row.get_string(2).is_err(), "row {i} should have no title"),
            _ => assert_eq!(row.get_string(2).unwrap(), "Söner"),
        }
        rows += 1;
    }
    assert_eq!(rows, n);
}

#[test]
fn parquet_refuses_a_number_it_cannot_hold() {
    let folder = tempfile::tempdir().unwrap();
    let table = Table::new("t", vec![("n", Values::U64(vec![1 << 63].into()))]);
    assert_eq!(table.write_parquet(&folder.path().join("t.parquet")).unwrap_err().exit_code(), 4);
}
