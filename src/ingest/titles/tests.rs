use std::fs;
use std::path::Path;

use super::*;
use crate::error::Result;
use crate::ingest::ids::Id;
use crate::ingest::metadata::Values;
use crate::job::{Column, Encoding, MetadataFrom, MetadataSpec, TitlesSpec};

fn spec(path: &Path) -> TitlesSpec {
    TitlesSpec {
        path: path.to_path_buf(),
        delimiter: None,
        header: None,
        id: Column::Index(0),
        title: Column::Index(1),
        encoding: Encoding::Utf8,
        metadata: Vec::new(),
    }
}

fn read_text(bytes: &[u8], change: impl FnOnce(&mut TitlesSpec)) -> Result<Vec<(String, String)>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let mut spec = spec(file.path());
    change(&mut spec);
    let described = read(&spec)?;
    let mut titles: Vec<_> = described.titles().collect();
    titles.sort();
    Ok(titles.into_iter().map(|(id, title)| (id.to_string(), title.to_string())).collect())
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, title)| (id.to_string(), title.to_string())).collect()
}

#[test]
fn quoted_titles_with_commas_under_a_header() {
    let text = "\u{feff}movieId,title,genres\r\n1,Toy Story (1995),Animation|Comedy\r\n\r\n\
                11,\"American President, The (1995)\",Drama\r\n4,\"The \"\"Best\"\"\nof\",x\r\n11,again,x\r\n5,,x\r\n";
    let expected =
        pairs(&[("1", "Toy Story (1995)"), ("4", "The \"Best\" of"), ("11", "American President, The (1995)")]);
    assert_eq!(read_text(text.as_bytes(), |_| {}).unwrap(), expected);
    let by_name = |s: &mut TitlesSpec| (s.id, s.title) = (Column::Name("movieId".into()), Column::Name("title".into()));
    assert_eq!(read_text(text.as_bytes(), by_name).unwrap(), expected);
}

#[test]
fn latin1_and_delimiters_of_several_bytes() {
    let text = b"1::Caf\xe9 :: au lait::Drama\n\n2::\"Open::x\n";
    let latin1 = |s: &mut TitlesSpec| s.encoding = Encoding::Latin1;
    assert_eq!(read_text(text, latin1).unwrap(), pairs(&[("1", "Café"), ("2", "\"Open")]));
    let error = read_text(b"1|a\n2|caf\xe9\n", |_| {}).unwrap_err();
    assert!(error.to_string().contains(":2: not valid UTF-8; set input.items.encoding = \"latin1\""), "{error}");
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let error = read_text(b"sku,title\na,b\n\nlonely\n", |_| {}).unwrap_err();
    assert!(error.to_string().contains(":4: the row has fewer than the 2 columns"), "{error}");
    let error = read_text(b"1::a\n::b\n", |_| {}).unwrap_err();
    assert!(error.to_string().contains(":2: the item id must have"), "{error}");
    let error = read_text(b"1,a\n", |s| s.title = Column::Index(5)).unwrap_err();
    assert!(error.to_string().starts_with("input.items.title: "), "{error}");
    let nowhere = spec(Path::new("/nonexistent/titles.csv"));
    assert_eq!(read(&nowhere).unwrap_err().exit_code(), 4);
    assert_eq!(read_text(b"", |_| {}), Ok(Vec::new()));
}

/// The metadata of items by name: each item's categories, or its number.
fn metadata_of(bytes: &[u8], from: MetadataFrom, ids: &[&str]) -> Result<Vec<String>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let metadata = vec![MetadataSpec { name: "kind".into(), from }];
    let spec = TitlesSpec { metadata, ..spec(file.path()) };
    let items = read(&spec)?.of(ids.iter().map(|id| Id::parse(id)).collect());
    assert_eq!(items.metadata[0].name, "kind");
    let text = |item: usize| match &items.metadata[0].values {
        Values::Categories(all) => {
            all.of_item(item).iter().map(|&at| all.names[at as usize].as_str()).collect::<Vec<_>>().join("+")
        }
        Values::Numbers(numbers) => numbers[item].map_or(String::new(), |number| number.to_string()),
    };
    Ok((0..ids.len()).map(text).collect())
}

#[test]
fn metadata_follows_the_items_through_the_file() {
    let text = "id,title,genres\n7,A,War|Drama\n9,\"B, again\",\n7,again,Comedy\n8,short\n";
    let by_name = || MetadataFrom::Column { column: Column::Name("genres".into()), separator: Some("|".into()) };
    let found = metadata_of(text.as_bytes(), by_name(), &["7", "8", "9", "10"]).unwrap();
    assert_eq!(found, ["Drama+War", "", "", ""]);
    let error = metadata_of(b"id,title\n1,a\n", by_name(), &["1"]).unwrap_err();
    assert!(error.to_string().starts_with("input.items.metadata: "), "{error}");
    assert!(error.to_string().contains("no column is called \"genres\""), "{error}");
    let flags = [("b", 3), ("a", 2)].map(|(name, at)| (name.to_string(), Column::Index(at)));
    let found = metadata_of(b"1::x::1::1\n2::y::0::1\n", MetadataFrom::Flags(flags.into()), &["1", "2"]).unwrap();
    assert_eq!(found, ["a+b", "b"]);
}

#[test]
fn titles_of_movielens_100k() {
    let Some(path) = crate::ingest::movielens_100k("u.item") else { return };
    let spec = TitlesSpec { encoding: Encoding::Latin1, ..spec(&path) };
    let described = read(&spec).unwrap();
    assert_eq!(described.n_titles(), 1682);
    let items = described.of(vec![Id::Number(1), Id::Number(543), Id::Number(2000)]);
    assert_eq!(items.titles[0].as_deref(), Some("Toy Story (1995)"));
    assert_eq!(items.titles[1].as_deref(), Some("Misérables, Les (1995)"));
    assert_eq!(items.titles[2], None);
}
