use super::number::decimal;
use super::plain::{Plain, UserItemRating};
use super::*;
use crate::ingest::dialect::Dialect;
use crate::ingest::ids::{Id, MAX_ID_BYTES};
use crate::ingest::numbers::Reading;
use proptest::prelude::*;

#[derive(Debug, Default, PartialEq)]
struct Collected {
    /// User, item, bits of the rating, byte.
    rows: Vec<(Id, Id, u64, u64)>,
    bad: Vec<(BadCode, &'static str, String, u64)>,
    /// Line numbers of rows and bad rows, as counted in their range.
    lines: Vec<u64>,
}

impl RowSink for Collected {
    fn row(&mut self, row: RawRow<'_>) {
        self.rows.push((row.user.into(), row.item.into(), row.rating.to_bits(), row.byte));
        self.lines.push(row.line);
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        self.bad.push((bad.code, bad.field, bad.problem, bad.byte));
        self.lines.push(bad.line);
    }
}

fn read(text: &[u8], dialect: &Dialect) -> Collected {
    let mut sink = Collected::default();
    scan(text, &Range { start: 0, end: text.len() as u64 }, dialect, &mut sink);
    sink
}

fn codes(text: &[u8]) -> Vec<(BadCode, String)> {
    read(text, &Dialect::example(",", 3)).bad.into_iter().map(|b| (b.0, b.2)).collect()
}

#[test]
fn rows_of_all_kinds() {
    let text = "1,2,3\r\n\r\n  \n 07 ,\"a,b\", 4.5 \n9223372036854775807,x y,1e2\n3,4,5";
    let read = read(text.as_bytes(), &Dialect::example(",", 3));
    let rows: Vec<_> = read.rows.iter().map(|r| (r.0.to_string(), r.1.to_string(), f64::from_bits(r.2))).collect();
    let expected = [("1", "2", 3.0), ("07", "a,b", 4.5), ("9223372036854775807", "x y", 100.0), ("3", "4", 5.0)];
    assert_eq!(rows, expected.map(|(u, i, r)| (u.to_string(), i.to_string(), r)));
    assert_eq!(read.lines, [0, 3, 4, 5]);
    assert!(read.bad.is_empty());
    assert_eq!(read.rows[0].0, Id::Number(1));
    assert_eq!(read.rows[1].0, Id::Text("07".into()));
}

#[test]
fn what_is_bad_is_said() {
    let long = "x".repeat(257);
    let text = format!(
        "1,2,abc\n1,2\n1,2,3,4\n ,2,3\n1,,3\n1,2,\n1,2,inf\n1,2,NaN\n1,2,1e999\n1,2,-0.5\n{long},2,3\n1,\"2,3\n"
    );
    use BadCode::*;
    let expected = [
        (BadRating, "rating \"abc\" is not a number (column 3)".to_string()),
        (ShortRow, "the row has 2 of the 3 columns that are needed".into()),
        (LongRow, "the row has 4 columns, the file 3".into()),
        (EmptyId, "user is empty (column 1)".into()),
        (EmptyId, "item is empty (column 2)".into()),
        (BadRating, "rating is empty (column 3)".into()),
        (NotFinite, "rating \"inf\" is not finite (column 3)".into()),
        (NotFinite, "rating \"NaN\" is not finite (column 3)".into()),
        (NotFinite, "rating \"1e999\" is not finite (column 3)".into()),
        (Negative, "rating \"-0.5\" is negative (column 3)".into()),
        (LongId, "user has 257 bytes, more than 256".to_string() + " (column 1)"),
        (BadQuote, "a quote stays open".into()),
    ];
    assert_eq!(codes(text.as_bytes()), expected);
    assert_eq!(codes(b"1,\xff\xfe,3\n")[0].0, BadUtf8);
    assert_eq!(read(b"1,2,-0\n", &Dialect::example(",", 3)).rows[0].2, 0);
}

#[test]
fn columns_may_stand_anywhere() {
    let text = b"x,7,y,4.5,u1,z\n";
    let dialect = Dialect { user: 4, item: 1, rating: Some(3), ..Dialect::example(",", 6) };
    let expected = (Id::Text("u1".into()), Id::Number(7), 4.5f64.to_bits(), 0);
    assert_eq!(read(text, &dialect).rows, [expected]);
    let counted = Dialect { rating: None, ..dialect };
    assert_eq!(read(text, &counted).rows[0].2, 1f64.to_bits());
}

#[test]
fn long_delimiters() {
    let read = read(b"1::2:::3::4\n5::6::1\n", &Dialect::example("::", 4));
    assert_eq!(read.rows.len(), 1);
    assert_eq!(read.bad[0].2, "rating \":3\" is not a number (column 3)");
}

#[test]
fn movielens_100k_as_it_is() {
    let Some(path) = crate::ingest::movielens_100k("u.data") else { return };
    let bytes = std::fs::read(&path).unwrap();
    let spec = crate::job::FilesSpec::by_position(vec![path.clone()]);
    let found = crate::ingest::dialect::detect(&spec, &path, &bytes).unwrap();
    assert_eq!(found, Dialect::example("\t", 4));
    let mut sink = Collected::default();
    scan(&bytes, &Range { start: 0, end: bytes.len() as u64 }, &found, &mut sink);
    assert_eq!(sink.rows.len(), 100_000);
    assert_eq!(sink.rows.iter().map(|r| f64::from_bits(r.2)).sum::<f64>(), 352_986.0);
    assert!(sink.bad.is_empty());
}

/// What the `csv` crate and the standard library make of a text, row by row.
fn reference(text: &[u8], dialect: &Dialect) -> (Vec<(Id, Id, u64)>, usize) {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(dialect.delimiter[0])
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(text);
    let (mut rows, mut bad) = (Vec::new(), 0);
    for record in reader.byte_records() {
        match reference_row(&record.unwrap(), dialect) {
            Some(row) => rows.push(row),
            None => bad += 1,
        }
    }
    (rows, bad)
}

fn reference_row(record: &csv::ByteRecord, dialect: &Dialect) -> Option<(Id, Id, u64)> {
    if record.len() > dialect.columns {
        return None;
    }
    let field = |i: usize| Some(std::str::from_utf8(record.get(i)?).ok()?.trim_matches([' ', '\t']));
    let id = |i: usize| field(i).filter(|t| !t.is_empty() && t.len() <= MAX_ID_BYTES).map(Id::parse);
    let rating = field(dialect.rating?)?.parse::<f64>().ok().filter(|r| (0.0..=MAX_RATING).contains(r))?;
    Some((id(dialect.user)?, id(dialect.item)?, (rating + 0.0).to_bits()))
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[0-9]{1,20}",
        3 => "[0-9]{0,8}\\.?[0-9]{0,8}",
        1 => "-?[0-9]{1,3}(e-?[0-9]{1,3})?",
        1 => "[ a-zé,\t.;|\"-]{0,12}",
        1 => " ?(inf|nan|1e400|0|-0) ?",
    ]
}

fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(cell(), 2..6), 1..20)
}

fn write(table: &[Vec<String>], delimiter: u8, style: csv::QuoteStyle) -> Vec<u8> {
    let mut writer =
        csv::WriterBuilder::new().flexible(true).delimiter(delimiter).quote_style(style).from_writer(Vec::new());
    for row in table {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

/// What the general path makes of a text by itself.
fn read_generally(text: &[u8], dialect: &Dialect) -> Collected {
    let mut sink = Collected::default();
    let range = Range { start: 0, end: text.len() as u64 };
    scan_generally(text, &range, dialect, &mut sink);
    sink
}

/// A field that is plain, or nearly.
fn near_plain() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[0-9]{1,6}",
        3 => "[1-9][0-9]{5,19}",
        4 => "[0-9]\\.[0-9]",
        2 => "[0-9]{0,5}\\.[0-9]{0,5}",
        1 => "0{0,5}[0-9]{0,12}\\.[0-9]{0,26}",
        1 => "[0-9]{1,3}[.eE+ x\"\r\\-][0-9]{0,3}",
        1 => "[ .\t\"\r,;|:a-z]{0,3}",
        1 => "[a-zA-Zé ]{20,50}",
    ]
}

fn near_plain_line() -> impl Strategy<Value = (Vec<String>, &'static str)> {
    let end = prop_oneof![6 => Just("\n"), 3 => Just("\r\n"), 1 => Just("\n\n"), 1 => Just("\r"), 1 => Just(" \n")];
    (prop_oneof![4 => prop::collection::vec(near_plain(), 3..5), 1 => prop::collection::vec(near_plain(), 0..7)], end)
}

/// Lines of fields between delimiters, with the text after the last cut off anywhere.
fn near_plain_text(delimiter: u8) -> impl Strategy<Value = Vec<u8>> {
    let join = move |(fields, end): (Vec<String>, &str)| fields.join(&(delimiter as char).to_string()) + end;
    let text = prop::collection::vec(near_plain_line().prop_map(join), 1..24).prop_map(|lines| lines.concat());
    (text, 0usize..8).prop_map(|(text, cut)| text.as_bytes()[..text.len() - cut.min(text.len())].to_vec())
}

const LIKELY: &[u8] = b"0123456789123456789.,,,\t;| \n\n\n\r\"a";

fn delimiter() -> impl Strategy<Value = u8> {
    prop::sample::select(b"\t,;| 5.a".to_vec())
}

/// User, item and rating in any of the first five columns.
fn columns() -> impl Strategy<Value = (usize, usize, Option<usize>)> {
    let anywhere = Just([0, 1, 2, 3, 4]).prop_shuffle();
    let spread = (anywhere, any::<bool>()).prop_map(|(place, rated)| (place[0], place[1], rated.then_some(place[2])));
    prop_oneof![2 => Just((0, 1, Some(2))), 1 => Just((1, 0, None)), 2 => spread]
}

#[test]
fn plain_lines_are_read_by_the_plain_path() {
    let dialect = Dialect::example(",", 4);
    let longest = "9223372036854775807";
    let lines =
        ["1,2,3", "162541,59047,4.5\r", "0,0,0", "1,2,.5,x", "1,2,5.,1147880044,", "12345678,9,0004.50,\"", longest];
    let plain = [true, true, true, true, false, false, false];
    for (line, plain_line) in lines.iter().zip(plain) {
        let text = format!("{line}\n{}", "1,2,3\n".repeat(20));
        let row = Plain::new(UserItemRating, &dialect).unwrap().read(text.as_bytes(), 0);
        assert_eq!(row.map(|row| row.length), plain_line.then_some(line.len() + 1), "{line}");
        assert!(Plain::new(&dialect, &dialect).unwrap().read(text.as_bytes(), 0).is_some() == plain_line);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_plain_path_reads_what_the_general_path_reads(
        (delimiter, text) in delimiter().prop_flat_map(|d| (Just(d), near_plain_text(d))),
        most_columns in 2usize..7, (user, item, rating) in columns(),
    ) {
        let dialect = Dialect { delimiter: vec![delimiter], data_start: 0, columns: most_columns, user, item, rating, reading: Reading::default(), time: None, texts: Vec::new(), partitions: Vec::new() };
        prop_assert_eq!(read(&text, &dialect), read_generally(&text, &dialect));
    }

    #[test]
    fn both_paths_read_any_bytes_alike(
        bytes in prop::collection::vec(any::<u8>(), 0..400), delimiter in delimiter(), (user, item, rating) in columns(),
    ) {
        let dialect = Dialect { delimiter: vec![delimiter], data_start: 0, columns: 4, user, item, rating, reading: Reading::default(), time: None, texts: Vec::new(), partitions: Vec::new() };
        let few = bytes.iter().map(|&b| LIKELY[b as usize % LIKELY.len()]).collect();
        for text in [bytes, few] {
            prop_assert_eq!(read(&text, &dialect), read_generally(&text, &dialect));
        }
    }
}

proptest! {
    #[test]
    fn the_scanner_reads_what_the_csv_crate_reads(
        table in table(), columns in 3usize..6, order in 0usize..6, delimiter in prop::sample::select(b",;|".to_vec()),
    ) {
        let (user, item, rating) = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)][order];
        let dialect = Dialect { delimiter: vec![delimiter], data_start: 0, columns, user, item, rating: Some(rating), reading: Reading::default(), time: None, texts: Vec::new(), partitions: Vec::new() };
        let written = [csv::QuoteStyle::Necessary, csv::QuoteStyle::Always].map(|s| write(&table, delimiter, s));
        let (plain, quoted) = (read(&written[0], &dialect), read(&written[1], &dialect));
        let rows = |c: &Collected| c.rows.iter().map(|r| (r.0.clone(), r.1.clone(), r.2)).collect::<Vec<_>>();
        let bad = |c: &Collected| c.bad.iter().map(|b| (b.0, b.1, b.2.clone())).collect::<Vec<_>>();
        prop_assert_eq!(rows(&plain), rows(&quoted));
        prop_assert_eq!(bad(&plain), bad(&quoted));
        prop_assert_eq!((rows(&plain), plain.bad.len()), reference(&written[0], &dialect));
    }

    // arrival-blind: the rows do not depend on how the text is cut.
    #[test]
    fn any_text_gives_the_same_rows_for_any_cut(
        text in "([0-9]{1,3},[0-9]{1,3},[1-5](\r?\n)|[0-9,\"\n\r a]{0,6}){0,12}",
        header in 0usize..8,
        cuts in prop::collection::vec(0usize..60, 0..6),
        long in any::<bool>(),
    ) {
        let text = if long { text.replace(',', "::") } else { text };
        let data_start = text.as_bytes().iter().take(header).rposition(|&b| b == b'\n').map_or(0, |i| i as u64 + 1);
        let dialect = Dialect { data_start, ..Dialect::example(if long { "::" } else { "," }, 3) };
        let whole = read(text.as_bytes(), &dialect);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).chain([0, text.len()]).collect();
        cuts.sort();
        let (mut pieces, mut lines) = (Collected::default(), 0);
        for pair in cuts.windows(2) {
            let range = Range { start: pair[0] as u64, end: pair[1] as u64 };
            let before = pieces.lines.len();
            let seen = scan(text.as_bytes(), &range, &dialect, &mut pieces);
            pieces.lines[before..].iter_mut().for_each(|line| *line += lines);
            lines += seen;
        }
        prop_assert_eq!(&pieces, &whole);
        prop_assert_eq!(lines as usize, text[data_start as usize..].lines().count());
    }

    #[test]
    fn numbers_parsed_by_hand_are_correctly_rounded(text in "[0-9]{0,20}(\\.[0-9]{0,20})?|\\PC{0,5}") {
        if let Some(value) = decimal(text.as_bytes()) {
            prop_assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(value.to_bits()));
        }
    }

    #[test]
    fn short_ratings_are_parsed_by_hand(whole in 0u32..1_000_000, places in "[0-9]{0,6}") {
        let text = format!("{whole}.{places}");
        prop_assert!(decimal(text.as_bytes()).is_some());
        prop_assert!(decimal(whole.to_string().as_bytes()).is_some());
    }
}
