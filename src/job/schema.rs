//! The JSON Schema of the job file, for editors that complete and check TOML by it.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};

use super::spec::JobSpec;

/// The schema of a job file (JSON Schema, draft 7, which is what editors of TOML read): every key with its type, its default and what it
/// means. It says no more than the types do: ranges and combinations are checked when a job is loaded.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft07().with_transform(WithoutNull);
    let mut schema = settings.into_generator().into_root_schema_for::<JobSpec>();
    schema.insert("title".into(), "A job of segmill".into());
    schema
}

/// TOML has no null: a key that may be left out is left out.
#[derive(Debug, Clone)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        // A section's default follows from those of its keys.
        if schema.get("default").is_some_and(|default| default.is_null() || default.is_object()) {
            schema.remove("default");
        }
        for key in ["type", "enum"] {
            if let Some(serde_json::Value::Array(values)) = schema.get_mut(key) {
                values.retain(|value| !value.is_null() && value.as_str() != Some("null"));
            }
        }
        if let Some(serde_json::Value::Array(any)) = schema.get_mut("anyOf") {
            any.retain(|one| one.get("type").and_then(serde_json::Value::as_str) != Some("null"));
        }
        transform_subschemas(self, schema);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::job::keys;

    fn json(toml: &str) -> Value {
        serde_json::to_value(toml.parse::<toml::Table>().expect("TOML")).expect("TOML is JSON")
    }

    /// What `$ref` names, or the schema itself.
    fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
        let named =
            |schema: &'a Value| schema.get("$ref")?.as_str()?.strip_prefix('#').map(|at| root.pointer(at).unwrap());
        let only = |key: &str| schema.get(key)?.as_array().filter(|all| all.len() == 1).map(|all| &all[0]);
        let inner = only("allOf").or_else(|| only("anyOf")).unwrap_or(schema);
        named(inner).unwrap_or(inner)
    }

    fn keys_of(root: &Value, schema: &Value, above: &str, found: &mut BTreeSet<String>) {
        for (name, schema) in schema["properties"].as_object().expect("a section") {
            let (key, inner) = (format!("{above}{name}"), resolved(root, schema));
            assert!(schema["description"].as_str().is_some_and(|text| text.ends_with('.')), "{key} is not explained");
            match inner.get("properties") {
                Some(_) => keys_of(root, inner, &format!("{key}."), found),
                None => drop(found.insert(key)),
            }
        }
    }

    #[test]
    fn every_key_is_there_and_explained() {
        let root = schema().to_value();
        let mut found = BTreeSet::new();
        keys_of(&root, &root, "", &mut found);
        assert_eq!(found, keys::KEYS.iter().map(|key| key.to_string()).collect());
    }

    #[test]
    fn defaults_are_those_of_the_job() {
        let root = schema().to_value();
        let default = |section: &str, key: &str| {
            let section = &root["properties"][section];
            resolved(&root, section)["properties"][key]["default"].clone()
        };
        assert_eq!(root["properties"]["memory"]["default"], "4GiB");
        assert_eq!((default("pca", "tol"), default("kmeans", "n_init")), (Value::from(1e-8), Value::from(10)));
        assert_eq!(default("kmeans", "clusters"), "auto");
        assert!(!schema().to_value().to_string().contains("null"));
    }

    /// The schema and the types agree on what a job is.
    #[test]
    fn the_schema_takes_what_the_types_take() {
        let validator = jsonschema::draft7::new(&schema().to_value()).expect("a schema");
        let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs");
        for entry in std::fs::read_dir(jobs).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                let job = json(&std::fs::read_to_string(&path).unwrap());
                let problems: Vec<String> = validator.iter_errors(&job).map(|error| error.to_string()).collect();
                assert!(problems.is_empty(), "{}: {problems:?}", path.display());
            }
        }
        for text in [
            "seed = 3",
            "seed = -1",
            "seed = 'three'",
            "memory = '2GiB'",
            "memory = 1000000",
            "memory = true",
            "sead = 3",
            "checkpoint_every = 2",
            "input.ratings = 'a.csv'",
            "input.ratings = ['a.csv', 'b.csv']",
            "input.ratings = [1]",
            "input.user = 0",
            "input.user = 'who'",
            "input.user = false",
            "input.rating = false",
            "input.rating = -1",
            "input.duplicates = 'auto'",
            "input.duplicates = 'sum'",
            "input.duplicates = 'sums'",
            "input.max_bad = '1%'",
            "input.max_bad = 0.5",
            "input.items = { path = 'u.item', metadata = [3, 'genre', { name = 'genre', flags = { Action = 6 } }] }",
            "input.items.metadata = [{ nam = 'genre' }]",
            "input.categories = false",
            "input.categories = ['genre']",
            "input.generate.users = 10",
            "input.generate.feedback = 'implicit'",
            "input.generate.feedback = 'none'",
            "filter.after = '2024-05-01'",
            "filter.after = 5",
            "filter.after = 5.5",
            "filter.top_items = 1.5",
            "matrix.weighting = 'auto'",
            "matrix.weighting = 'tfidf'",
            "matrix.weighting = 'tf-idf'",
            "matrix.missing = 'user-mean'",
            "pca.components = 'auto'",
            "pca.components = 7",
            "pca.components = 'seven'",
            "pca.components = 7.5",
            "kmeans.refine = 'mixture'",
            "sweep.clusters = []",
            "sweep.clusters = ['5']",
            "sweep.spaces = ['full']",
            "sweep.spaces = ['fool']",
            "evidence.enabled = 'yes'",
            "compare.previous = 'out/may'",
            "compare = 'out/may'",
        ] {
            let read = JobSpec::deserialize(text.parse::<toml::Table>().unwrap());
            assert_eq!(validator.is_valid(&json(text)), read.is_ok(), "{text}: {read:?}");
        }
    }
}
