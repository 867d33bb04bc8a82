//! Columns in the names of folders: `sales/year=2024/region=north/part-0.csv`, as Hive and Spark lay out a table.
//!
//! Each folder `name=value` gives a column to all rows below it. Values may be percent-encoded. Hive's mark for a
//! missing value is read as an empty one.

use std::path::{Component, Path};

use percent_encoding::percent_decode_str;

/// What Hive writes for a missing value.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// Name and value of each column that the folders of `path` give, outermost first. Of two folders with the same name
/// the inner one counts.
pub fn of(path: &Path) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for folder in path.parent().into_iter().flat_map(Path::components) {
        let Component::Normal(folder) = folder else { continue };
        let Some((name, value)) = folder.to_str().and_then(|folder| folder.split_once('=')) else { continue };
        if name.is_empty() {
            continue;
        }
        let value = if value == MISSING { String::new() } else { decoded(value) };
        let name = decoded(name);
        found.retain(|(known, _)| *known != name);
        found.push((name, value));
    }
    found
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_give_columns_and_file_names_do_not() {
        let found = of(Path::new("/data/a=0/year=2024/region=north%20east/a=1/=x/part=3.csv"));
        let expected = [("year", "2024"), ("region", "north east"), ("a", "1")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_string(), value.to_string())));
        assert_eq!(of(Path::new("s3://bucket/day=__HIVE_DEFAULT_PARTITION__/x")), [("day".into(), String::new())]);
        assert!(of(Path::new("a=b")).is_empty());
    }
}
