//! What can be read, and what becomes of every row.

use crate::util::Sandbox;
use crate::util::data::{Row, SMALL_JOB, delimited, small_ratings};
use crate::util::outputs::{assert_same_answer, ledger, parquet_rows, run_json, segments, titles};

/// A sandbox whose folder `out` holds the answer for the small ratings, read in the plainest way.
fn plain() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("plain.csv", delimited(&small_ratings(), None, ",", "\n"));
    sandbox.run(&job("plain.csv", "delimiter = ','\nheader = false"), &["-w", "1"]).succeeded();
    sandbox
}

fn job(file: &str, keys: &str) -> String {
    format!("[input]\nratings = ['{file}']\n{keys}\n{SMALL_JOB}")
}

/// Asserts that `content`, read under `keys`, gives the answer of the plain file, and this ledger.
#[track_caller]
fn assert_reads_like_plain(content: impl AsRef<[u8]>, keys: &str, ledger_expected: [u64; 4]) {
    let sandbox = plain();
    sandbox.write("other.txt", content);
    sandbox.run_to("other", &job("other.txt", keys), &["-w", "2"]).succeeded();
    assert_same_answer(&sandbox.path("out"), &sandbox.path("other"), keys);
    assert_eq!(ledger(&sandbox.path("other")), ledger_expected);
}

fn rows() -> u64 {
    small_ratings().len() as u64
}

fn all_accepted() -> [u64; 4] {
    [rows(), rows(), 0, 0]
}

#[test]
fn delimiters_are_found_or_named() {
    for delimiter in ["\t", ",", "|", "::", ";"] {
        let text = delimited(&small_ratings(), None, delimiter, "\n");
        assert_reads_like_plain(&text, "", all_accepted());
        let named = toml::Value::String(delimiter.into());
        assert_reads_like_plain(&text, &format!("delimiter = {named}\nheader = false"), all_accepted());
    }
}

#[test]
fn a_header_is_found_or_named() {
    let text = delimited(&small_ratings(), Some("user,item,rating"), ",", "\n");
    assert_reads_like_plain(&text, "", all_accepted());
    assert_reads_like_plain(&text, "header = true", all_accepted());
    assert_reads_like_plain(&text, "user = 'user'\nitem = 'item'\nrating = 'rating'", all_accepted());
}

#[test]
fn columns_are_found_by_name_or_index_among_others() {
    let row = |(user, item, rating): Row| format!("{rating}\tx\t{item}\t\t{user}\n");
    let text: String = small_ratings().into_iter().map(row).collect();
    assert_reads_like_plain(&text, "header = false\nuser = 4\nitem = 2\nrating = 0", all_accepted());
    let headed = format!("Stars\tjunk\tfilm id\tnone\twho\n{text}");
    let keys = "header = true\nuser = 'who'\nitem = 'film id'\nrating = 'Stars'";
    assert_reads_like_plain(headed, keys, all_accepted());
}

#[test]
fn a_column_that_is_not_there_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), Some("user,item,rating"), ",", "\n"));
    sandbox.run(&job("r.csv", "user = 'customer'"), &[]).refused(2, &["input.user", "customer"]);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn line_ends_and_byte_order_marks_do_not_matter() {
    let crlf = delimited(&small_ratings(), None, ",", "\r\n");
    assert_reads_like_plain(&crlf, "", all_accepted());
    assert_reads_like_plain(crlf.trim_end(), "", all_accepted());
    assert_reads_like_plain(format!("\u{feff}{crlf}"), "header = false", all_accepted());
    let headed = delimited(&small_ratings(), Some("user,item,rating"), ",", "\n");
    assert_reads_like_plain(format!("\u{feff}{headed}"), "user = 'user'\nitem = 'item'", all_accepted());
}

#[test]
fn quoted_fields_are_read() {
    let row = |(user, item, rating): Row| format!("\"{user}\",{item},\"{rating}\",\"a, \"\"b\"\"\"\n");
    let text: String = small_ratings().into_iter().map(row).collect();
    assert_reads_like_plain(text, "header = false", all_accepted());
}

#[test]
fn several_files_folders_and_globs_are_one_input() {
    let rows = small_ratings();
    let (left, right) = rows.split_at(17);
    let sandbox = plain();
    std::fs::create_dir(sandbox.path("parts")).expect("a folder");
    sandbox.write("parts/a.csv", delimited(left, Some("user,item,rating"), ",", "\n"));
    sandbox.write("parts/b.csv", delimited(right, Some("user,item,rating"), ",", "\n"));
    for ratings in ["'parts/a.csv', 'parts/b.csv'", "'parts'", "'parts/*.csv'"] {
        sandbox.run_to("other", &format!("[input]\nratings = [{ratings}]\n{SMALL_JOB}"), &["-w", "2"]).succeeded();
        assert_same_answer(&sandbox.path("out"), &sandbox.path("other"), ratings);
        assert_eq!(ledger(&sandbox.path("other")), all_accepted(), "{ratings}");
    }
}

#[test]
fn ids_of_text_come_out_as_they_went_in() {
    let sandbox = Sandbox::new();
    let row = |(user, item, rating): Row| format!("ü{user:03}::007-{item}::{rating}\n");
    sandbox.write("r.dat", small_ratings().into_iter().map(row).collect::<String>());
    sandbox.run(&job("r.dat", ""), &[]).succeeded();
    let users: Vec<String> = segments(&sandbox.path("out")).into_keys().collect();
    assert_eq!(users, (1..=12).map(|user| format!("ü{user:03}")).collect::<Vec<_>>());
    let items: Vec<String> = titles(&sandbox.path("out")).into_keys().collect();
    assert_eq!(items, (1..=8).map(|item| format!("007-{item}")).collect::<Vec<_>>());
}

#[test]
fn the_two_groups_of_the_small_ratings_are_found() {
    let sandbox = plain();
    let segments = segments(&sandbox.path("out"));
    let odd = segments["1"];
    for (user, segment) in segments {
        let is_odd = user.parse::<u32>().expect("a number") % 2 == 1;
        assert_eq!(segment == odd, is_odd, "user {user}");
    }
}

#[test]
fn titles_come_in_utf8_or_latin1() {
    let mut latin1 = b"2|Caf\xe9 au Lait|x\n1|\"Quoted|bar\"|y\n".to_vec();
    let utf8 = "\u{feff}item,title\n1,\"Quoted|bar\"\n2,Café au Lait\n99,Never rated\n";
    let sandbox = plain();
    sandbox.write("latin1.txt", &latin1);
    sandbox.write("utf8.csv", utf8);
    for titles_keys in [
        "path = 'latin1.txt'\ndelimiter = '|'\nencoding = 'latin1'",
        "path = 'utf8.csv'\nid = 'item'\ntitle = 'title'\nheader = true",
    ] {
        let job = format!("[input]\nratings = ['plain.csv']\n[input.items]\n{titles_keys}\n{SMALL_JOB}");
        sandbox.run(&job, &[]).succeeded();
        let titles = titles(&sandbox.path("out"));
        assert_eq!(titles.len(), 8, "only rated items are in the dictionary");
        assert_eq!((titles["1"].as_str(), titles["2"].as_str()), ("Quoted|bar", "Café au Lait"));
        assert_eq!(titles["3"], "", "no title");
    }
    latin1.truncate(5);
    sandbox.write("latin1.txt", [latin1.as_slice(), b"\xff\n"].concat());
    let job = "[input]\nratings = ['plain.csv']\n[input.items]\npath = 'latin1.txt'\ndelimiter = '|'\n";
    sandbox.run_to("new", &format!("{job}{SMALL_JOB}"), &[]).refused(3, &["latin1.txt", "latin1"]);
}

/// The small ratings with two more rows of user 1: the true ones lie between what is read.
fn with_repeats() -> (Vec<Row>, Row) {
    let rows = small_ratings();
    let repeated = rows[0];
    (rows, repeated)
}

#[test]
fn repeated_rows_are_an_error_until_the_job_says_otherwise() {
    let (mut rows, (user, item, rating)) = with_repeats();
    rows.push((user, item, rating));
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&rows, None, ",", "\n"));
    sandbox.run(&job("r.csv", ""), &[]).refused(3, &["user 1", "input.duplicates"]);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn the_last_of_repeated_rows_counts() {
    let (mut rows, (user, item, rating)) = with_repeats();
    rows[0].2 = 0.5;
    rows.push((user, item, 0.5));
    rows.push((user, item, rating));
    let merged = [rows_count(&rows), rows_count(&rows) - 2, 0, 2];
    assert_reads_like_plain(delimited(&rows, None, ",", "\n"), "duplicates = 'last'", merged);
}

#[test]
fn the_last_row_of_the_last_file_counts() {
    let (mut rows, (user, item, rating)) = with_repeats();
    rows[0].2 = 0.5;
    let sandbox = plain();
    sandbox.write("a.csv", delimited(&rows, None, ",", "\n"));
    sandbox.write("b.csv", delimited(&[(user, item, rating)], None, ",", "\n"));
    let job = format!("[input]\nratings = ['a.csv', 'b.csv']\nheader = false\nduplicates = 'last'\n{SMALL_JOB}");
    for workers in ["1", "3"] {
        sandbox.run_to("other", &job, &["-w", workers]).succeeded();
        assert_same_answer(&sandbox.path("out"), &sandbox.path("other"), "the last file counts");
    }
}

#[test]
fn repeated_rows_are_summed_averaged_or_maximised() {
    let (mut rows, (user, item, rating)) = with_repeats();
    let merged = [rows_count(&rows) + 1, rows_count(&rows), 0, 1];
    rows.push((user, item, 0.5));
    rows[0].2 = rating - 0.5;
    assert_reads_like_plain(delimited(&rows, None, ",", "\n"), "duplicates = 'sum'", merged);
    rows[0].2 = 2.0 * rating - 0.5;
    assert_reads_like_plain(delimited(&rows, None, ",", "\n"), "duplicates = 'mean'", merged);
    rows[0].2 = rating;
    assert_reads_like_plain(delimited(&rows, None, ",", "\n"), "duplicates = 'max'", merged);
}

fn rows_count(rows: &[Row]) -> u64 {
    rows.len() as u64
}

#[test]
fn without_a_rating_column_each_row_counts_one() {
    let sandbox = Sandbox::new();
    let events: Vec<Row> = small_ratings().iter().map(|&(user, item, _)| (user, item, 1.0)).collect();
    let twice: Vec<Row> = small_ratings().iter().map(|&(user, item, _)| (user, item, 2.0)).collect();
    let bare = |rows: &[Row]| rows.iter().map(|(u, i, _)| format!("{u},{i}\n")).collect::<String>();
    sandbox.write("ones.csv", delimited(&events, None, ",", "\n"));
    sandbox.write("bare.csv", bare(&events));
    sandbox.write("twos.csv", delimited(&twice, None, ",", "\n"));
    sandbox.write("repeated.csv", bare(&events) + &bare(&events));
    sandbox.run_to("ones", &job("ones.csv", "header = false"), &[]).succeeded();
    sandbox.run_to("twos", &job("twos.csv", "header = false"), &[]).succeeded();
    for (file, keys) in [("bare.csv", "header = false"), ("bare.csv", "rating = false"), ("twos.csv", "rating = false")]
    {
        sandbox.run_to("other", &job(file, keys), &[]).succeeded();
        assert_same_answer(&sandbox.path("ones"), &sandbox.path("other"), &format!("{file}, {keys}"));
    }
    sandbox.run_to("other", &job("repeated.csv", "duplicates = 'sum'"), &[]).succeeded();
    assert_same_answer(&sandbox.path("twos"), &sandbox.path("other"), "each row twice");
}

/// The small ratings with four rows in between that nobody can read, and the lines of those.
fn with_bad_rows() -> (String, Vec<u64>) {
    let bad = ["3,4,abc", "7", ",2,3.0", "5,5,nan"];
    let mut lines: Vec<String> = delimited(&small_ratings(), None, ",", "\n").lines().map(str::to_string).collect();
    let places = [4, 11, 12, 40];
    for (at, row) in places.iter().zip(bad) {
        lines.insert(*at as usize - 1, row.to_string());
    }
    (lines.join("\n") + "\n", places.to_vec())
}

#[test]
fn a_bad_row_ends_the_run_with_its_place() {
    let (text, places) = with_bad_rows();
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", text);
    for workers in ["1", "3"] {
        let place = format!("r.csv:{}: ", places[0]);
        sandbox.run(&job("r.csv", "header = false"), &["-w", workers]).refused(3, &[&place, "abc", "input.on_bad"]);
        assert!(!sandbox.path("out").exists());
    }
}

#[test]
fn rejected_rows_are_written_down_and_the_rest_counts() {
    let (text, places) = with_bad_rows();
    let sandbox = plain();
    sandbox.write("r.csv", &text);
    for workers in ["1", "3"] {
        sandbox.run_to("other", &job("r.csv", "header = false\non_bad = 'reject'"), &["-w", workers]).succeeded();
        let warnings = run_json(&sandbox.path("other"))["warnings"].to_string();
        assert!(warnings.contains("4 of 64 rows were rejected"), "{warnings}");
        assert_same_answer(&sandbox.path("out"), &sandbox.path("other"), "rejecting");
        assert_eq!(ledger(&sandbox.path("other")), [rows() + 4, rows(), 4, 0]);

        let rejects = std::fs::read_to_string(sandbox.path("other/rejects.tsv")).expect("rejects.tsv is there");
        let mut lines = rejects.lines();
        assert_eq!(lines.next(), Some("file\tline\tbyte\tcode\tfield\traw"));
        let mut found = Vec::new();
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            let [file, number, byte, code, field, raw] = fields[..] else { panic!("not six fields: {line}") };
            assert!(file.ends_with("r.csv"), "{line}");
            assert!(!code.is_empty() && !field.is_empty(), "{line}");
            let at: usize = byte.parse().expect("a byte");
            assert!(text[at..].starts_with(&format!("{raw}\n")), "byte {at} is not where {raw:?} begins");
            found.push(number.parse::<u64>().expect("a line"));
        }
        assert_eq!(found, places);
    }
}

#[test]
fn too_many_rejected_rows_end_the_run() {
    let (text, _) = with_bad_rows();
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", text);
    let with = |share: &str| job("r.csv", &format!("header = false\non_bad = 'reject'\nmax_bad = '{share}'"));
    sandbox.run(&with("6%"), &[]).refused(3, &["input.max_bad"]);
    assert!(!sandbox.path("out").exists());
    // 4 of 64 rows are 6.25 %.
    sandbox.run(&with("6.25%"), &[]).succeeded();
}

#[test]
fn segments_have_the_columns_that_are_promised() {
    let sandbox = plain();
    let rows = parquet_rows(&sandbox.path("out/segments.parquet"));
    assert_eq!(rows.len(), 12);
    for name in ["user", "segment", "distance", "second", "second_distance", "nb_segment"] {
        assert!(rows[0].contains_key(name), "{name} is missing: {:?}", rows[0]);
    }
    let profiles = parquet_rows(&sandbox.path("out/profiles.parquet"));
    for name in ["segment", "size", "rank", "item", "title", "score", "name", "share", "lift", "mean_rating"] {
        assert!(profiles[0].contains_key(name), "{name} is missing: {:?}", profiles[0]);
    }
}
