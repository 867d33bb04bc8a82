use std::path::Path;

use super::*;
use crate::job::{Column, FilesSpec, RatingColumn};

fn spec() -> FilesSpec {
    FilesSpec::by_position(Vec::new())
}

fn found(spec: &FilesSpec, head: &str) -> Dialect {
    detect(spec, Path::new("r.csv"), head.as_bytes()).unwrap()
}

fn refused(spec: &FilesSpec, head: &str) -> String {
    detect(spec, Path::new("r.csv"), head.as_bytes()).unwrap_err().to_string()
}

fn delimiter(head: &str) -> String {
    String::from_utf8(found(&spec(), head).delimiter).unwrap()
}

#[test]
fn delimiters_are_found() {
    assert_eq!(delimiter("196\t242\t3\t881250949\n186\t302\t3\t891717742\n"), "\t");
    assert_eq!(delimiter("1::1193::5::978300760\r\n1::661::3::978302109\r\n"), "::");
    assert_eq!(delimiter("1|2|3\n"), "|");
    assert_eq!(delimiter("userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n"), ",");
    assert_eq!(delimiter("1;2;3,5\n4;5;2,5\n"), ";", "a decimal comma delimits nothing");
    assert_eq!(delimiter("1,2,3,a|b\n1,3,4,c|d\n"), ",", "a list in a later column delimits nothing");
    assert_eq!(delimiter("\"a;b\",\"x|y\",3\n\"c\",\"z\",4\n\"c\",\"z\",4\n"), ",");
    assert_eq!(delimiter("u,1\nv|2,3\nw,4\n"), ",", "one odd line changes nothing");
    assert!(refused(&spec(), "hello world\n").starts_with("input.delimiter: r.csv: no delimiter found"));
}

#[test]
fn headers_are_told_from_data() {
    for (head, header) in [
        ("user,item,rating\n1,2,3\n", true),
        ("a,b,c\nann,book,3\nbob,pen,4\n", true),
        ("ann,book,3\nbob,pen,4\n", false),
        ("1,2,oops\n3,4,5\n", false),
        ("ann,book,oops\nbob,pen,4\nann,ink,2\n", false),
        ("ann,book,\nbob,pen,4\n", false),
        ("customer_id,SKU\nann,book\nbob,pen\n", true),
        ("ann,book\nbob,pen\n", false),
        ("u,i\n1,2\n", true),
        ("page,url\npage,x\n", false),
        ("user,item,rating\n", true),
        ("user,item\n", true),
        ("ann,12\n3,4\n5,6\n7,8\n", false),
    ] {
        assert_eq!(found(&spec(), head).data_start > 0, header, "{head}");
    }
}

#[test]
fn data_start_after_mark_and_header() {
    assert_eq!(found(&spec(), "\u{feff}1,2,3\n").data_start, 3);
    assert_eq!(found(&spec(), "\u{feff}\r\nuser,item\r\n1,2\r\n").data_start, 16);
    assert_eq!(found(&spec(), "user,item").data_start, 9);
    let given = FilesSpec { header: Some(true), ..spec() };
    assert_eq!(found(&given, "1,2\n3,4\n").data_start, 4);
    assert_eq!(found(&spec(), "").data_start, 0);
    assert_eq!(found(&spec(), "\n\n").data_start, 2);
}

#[test]
fn columns_by_name_and_index() {
    let name = |n: &str| Column::Name(n.into());
    let named =
        FilesSpec { user: name("who"), item: name("what"), rating: RatingColumn::Given(name("how much")), ..spec() };
    let dialect = found(&named, "\"when\",what,\"how much\" , who\n1,2,3,4\n");
    assert_eq!((dialect.user, dialect.item, dialect.rating, dialect.columns), (3, 1, Some(2), 4));
    assert_eq!(
        refused(&named, "a,what,c\n1,2,3\n"),
        "input.user: r.csv: no column is called \"who\": the columns are a, what, c; name one of them, or give its \
         index, counted from 0"
    );
    assert!(refused(&named, "who,who,what\n1,2,3\n").contains("columns 0 and 1 are both called"));
    assert!(refused(&FilesSpec { header: Some(false), ..named }, "who,what,a\n").contains("header is false"));
    assert_eq!(found(&spec(), "1,2\n").rating, None);
    assert_eq!(found(&FilesSpec { rating: RatingColumn::None, ..spec() }, "1,2,3\n").rating, None);
    let far = FilesSpec { rating: RatingColumn::Given(Column::Index(2)), ..spec() };
    assert!(refused(&far, "1,2\n").contains("no column 2, counted from 0: delimiter \",\" makes 2 columns"));
    assert!(refused(&FilesSpec { user: Column::Index(1), ..spec() }, "1,2,3\n").contains("same column"));
    let swapped = FilesSpec { user: Column::Index(1), item: Column::Index(2), ..spec() };
    assert_eq!(found(&swapped, "9,1,2\n").rating, None, "the default rating gives way to an id");
}

#[test]
fn the_number_of_columns_is_the_usual_one() {
    assert_eq!(found(&spec(), "1,2\n1,2,3,4\n1,3,3,4\n").columns, 4);
    assert_eq!(found(&spec(), "user,item,rating\n1,2,3,4\n").columns, 3);
}

#[test]
fn what_is_no_text_is_refused() {
    for head in [&b"\xff\xfe1\0,\0"[..], b"1,2\0"] {
        let error = detect(&spec(), Path::new("r"), head).unwrap_err();
        assert_eq!(error.exit_code(), 3);
    }
    assert!(detect(&spec(), Path::new("r"), &vec![b'1'; HEAD_BYTES]).is_err());
    let odd = FilesSpec { delimiter: Some("\"".into()), ..spec() };
    assert!(refused(&odd, "1,2\n").starts_with("input.delimiter"));
}

#[test]
fn a_line_cut_by_the_end_of_the_head_is_not_looked_at() {
    let mut head = b"1,2,3\n".repeat(HEAD_BYTES / 6);
    head.resize(HEAD_BYTES, b'x');
    head.extend(b",,,,\n");
    assert_eq!(detect(&spec(), Path::new("r"), &head).unwrap().columns, 3);
}
