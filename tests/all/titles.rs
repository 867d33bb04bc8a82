//! Titles and categories that stand in the ratings themselves.

use serde_json::{Value, json};

use crate::util::data::shuffled;
use crate::util::draws::Draws;
use crate::util::files::{Values, gzip, properties, write_parquet};
use crate::util::outputs::{assert_same_answer, digests, run_json};
use crate::util::{Sandbox, cluster};

const QUICK: [&str; 8] = [
    "--set",
    "kmeans.clusters=3",
    "--set",
    "sweep.clusters=[]",
    "--set",
    "evidence.enabled=false",
    "--set",
    "pca.components=3",
];

fn quick<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [words, &QUICK].concat()
}

/// Customer, product, its name, its genres and how many; some rows have no name, or a remark in its place.
type Sale = [String; 5];

const HEADER: &str = "customer,sku,product_name,genre,qty";

fn name(product: u64) -> String {
    format!("Product, the {product}.")
}

fn genre(product: u64) -> String {
    ["food", "tools|toys", "toys"][(product / 10) as usize].to_string()
}

fn sales() -> Vec<Sale> {
    let mut draws = Draws(11);
    let mut sales = Vec::new();
    for row in 0..1_500u64 {
        let customer = row % 90;
        let product = customer % 3 * 10 + draws.below(10);
        let name = match row % 17 {
            3 => String::new(),
            9 => "damaged?".to_string(),
            _ => name(product),
        };
        sales.push([
            format!("K{customer}"),
            format!("A{product}"),
            name,
            genre(product),
            (1 + draws.below(4)).to_string(),
        ]);
    }
    sales
}

fn text(sales: &[Sale], delimiter: &str) -> String {
    let quoted = |field: &String| if field.contains(',') { format!("\"{field}\"") } else { field.clone() };
    let line = |sale: &Sale| sale.iter().map(quoted).collect::<Vec<_>>().join(delimiter) + "\n";
    format!("{}\n", HEADER.replace(',', delimiter)) + &sales.iter().map(line).collect::<String>()
}

fn parquet(sales: &[Sale], sandbox: &Sandbox, name: &str) {
    let column = |at: usize| sales.iter().map(move |sale| Some(sale[at].clone()).filter(|text| !text.is_empty()));
    let [customer, sku, title, genre] = [0, 1, 2, 3].map(|at| Values::Text(column(at).collect()));
    let quantity = Values::Int32(sales.iter().map(|sale| sale[4].parse().ok()).collect());
    let schema = "message sales { optional binary customer (UTF8); optional binary sku (UTF8); \
                  optional binary product_name (UTF8); optional binary genre (UTF8); optional int32 qty; }";
    let columns = [customer, sku, title, genre, quantity];
    write_parquet(&sandbox.path(name), schema, &columns, 300, properties(parquet::basic::Compression::SNAPPY));
}

/// The same titles and categories in a file of their own.
fn with_a_file_of_items(sandbox: &Sandbox, out: &str) {
    let items: String = (0..30).map(|product| format!("A{product};{};{}\n", name(product), genre(product))).collect();
    sandbox.write("items.csv", format!("id;title;genre\n{items}"));
    let job = "[input]\nratings = 'sales.csv'\n[input.items]\npath = 'items.csv'\n\
               metadata = [{ column = 'genre', separator = '|' }]\n[kmeans]\nclusters = 3\n[sweep]\nclusters = []\n\
               [evidence]\nenabled = false\n[pca]\ncomponents = 3\n";
    sandbox.run_to(out, job, &["-q"]).succeeded();
}

fn items(sandbox: &Sandbox, out: &str) -> Value {
    run_json(&sandbox.path(out))["job"]["input"]["source"]["Files"]["items"].clone()
}

// The same bits in every layout and from every kind of source, and the same as from a file of items.
#[test]
fn titles_in_the_ratings_are_those_of_a_file_of_items() {
    let sandbox = Sandbox::new();
    let sales = sales();
    let csv = text(&sales, ",");
    sandbox.write("sales.csv", &csv);
    sandbox.write("sales.csv.gz", gzip(csv.as_bytes()));
    sandbox.write("wide.txt", text(&sales, "::").replace('"', ""));
    sandbox.write("mixed.csv", text(&shuffled(&sales, 3), ";"));
    parquet(&sales, &sandbox, "sales.parquet");
    with_a_file_of_items(&sandbox, "named");
    let page = std::fs::read_to_string(sandbox.path("named/report.html")).unwrap();
    assert!(page.contains("Product, the 7.") && page.contains("tools"));
    for (out, words) in [
        ("one", vec!["run", "sales.csv", "-w", "1"]),
        ("two", vec!["run", "sales.csv", "-w", "2"]),
        ("gz", vec!["run", "sales.csv.gz", "-w", "2"]),
        ("wide", vec!["run", "wide.txt", "-w", "2"]),
        ("mixed", vec!["run", "mixed.csv", "-w", "2"]),
        ("parquet", vec!["run", "sales.parquet", "-w", "2"]),
        ("launched", vec!["launch", "sales.csv", "--processes", "2", "-w", "1"]),
    ] {
        sandbox.segmill(&quick(&[&words[..], &["-o", out, "-q"]].concat())).succeeded();
        assert_same_answer(&sandbox.path("named"), &sandbox.path(out), out);
    }
    sandbox.segmill_fed(csv.into_bytes(), &quick(&["run", "-", "-o", "stdin", "-q"])).succeeded();
    assert_same_answer(&sandbox.path("named"), &sandbox.path("stdin"), "stdin");
    for member in cluster::run(&sandbox, &quick(&["run", "sales.csv", "-o", "members", "-q"]), 3, 1) {
        member.succeeded();
    }
    assert_same_answer(&sandbox.path("named"), &sandbox.path("members"), "members");
}

#[test]
fn what_was_found_is_said_recorded_and_printed_by_init() {
    let sandbox = Sandbox::new();
    sandbox.write("sales.csv", text(&sales(), ","));
    let ran = sandbox.segmill(&quick(&["run", "sales.csv"])).succeeded();
    for line in ["title: column \"product_name\", by its name", "category: column \"genre\", by its name"] {
        assert!(ran.stderr.lines().any(|said| said == format!("segmill: sales.csv: {line}")), "{line}\n{}", ran.stderr);
    }
    let of_genre = json!({ "Column": { "column": "genre", "separator": "|" } });
    let expected = json!({ "title": "product_name", "categories": [{ "name": "genre", "from": of_genre }] });
    assert_eq!(items(&sandbox, "out/sales"), expected);
    sandbox.segmill(&["run", "out/sales/run.json", "-o", "again", "-q"]).succeeded();
    assert_same_answer(&sandbox.path("out/sales"), &sandbox.path("again"), "the record");
    sandbox.segmill(&["verify", "out/sales"]).succeeded();
    let printed = sandbox.segmill(&["init", "sales.csv", "-q"]).succeeded();
    for line in
        ["title = \"product_name\"", "categories = [{ column = \"genre\", name = \"genre\", separator = \"|\" }]"]
    {
        assert!(printed.stdout.lines().any(|printed| printed == line), "{line}\n{}", printed.stdout);
    }
    sandbox.write("mine.toml", &printed.stdout);
    sandbox.segmill(&quick(&["run", "mine.toml", "-o", "mine", "-q"])).succeeded();
    assert_same_answer(&sandbox.path("out/sales"), &sandbox.path("mine"), "the job of init");
    let shown = sandbox.segmill(&["run", "sales.csv", "--dry-run"]).succeeded();
    assert!(shown.stdout.contains("titles    in column product_name of the ratings"), "{}", shown.stdout);
}

/// New ratings need no titles: the items are those of the model.
#[test]
fn other_ratings_need_no_titles() {
    let sandbox = Sandbox::new();
    sandbox.write("sales.csv", text(&sales(), ","));
    sandbox.segmill(&quick(&["run", "sales.csv", "-q"])).succeeded();
    sandbox.write("new.csv", "sku,qty,customer\nA3,2,K900\nA4,1,K900\n");
    sandbox.segmill(&["assign", "out/sales", "new.csv", "-o", "-"]).succeeded();
    let followed =
        sandbox.segmill_fed("op,user,item,rating\nadd,K901,A3,2\n", &["follow", "out/sales", "--input", "-"]);
    assert!(followed.succeeded().stdout.contains("K901"));
}

#[test]
fn titles_can_be_named_or_left_out() {
    let sandbox = Sandbox::new();
    sandbox.write("sales.csv", text(&sales(), ","));
    let run = |out: &str, words: &[&str]| {
        sandbox.segmill(&quick(&[&["run", "sales.csv", "-q", "-o", out], words].concat())).succeeded();
        items(&sandbox, out)
    };
    let found = run("found", &[]);
    assert_eq!(run("bare", &["--title", "false", "--set", "input.categories=false"]), Value::Null);
    assert_eq!(run("named", &["--title", "product_name"]), found);
    assert_ne!(digests(&sandbox.path("bare")), digests(&sandbox.path("found")));
    assert_eq!(run("other", &["--title", "genre"])["title"], "genre");
    let missing = sandbox.segmill(&quick(&["run", "sales.csv", "--title", "nowhere", "-q"]));
    missing.refused(2, &["input.title", "sales.csv", "no column is called \"nowhere\""]);
    let twice = sandbox.segmill(&quick(&["run", "sales.csv", "--set", "input.categories=['genre', 'genre']"]));
    twice.refused(2, &["input.categories", "two entries are called \"genre\""]);
}
