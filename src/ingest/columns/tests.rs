use std::fs;

use super::*;
use crate::error::Result;
use crate::ingest::files;
use crate::job::{Column, Duplicates, FilesSpec, Input, MetadataFrom, OnBad, RatingColumn, Source, TimeUnit, of_data};

/// What is found in a file with this text, with keys set as by `--set`.
fn settled(text: &str, set: &[(&str, &str)]) -> Result<Settled> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    fs::write(&path, text).unwrap();
    let set: Vec<(String, String)> =
        set.iter().map(|(key, value)| (format!("input.{key}"), value.to_string())).collect();
    let job = of_data(std::slice::from_ref(&path), &set, None)?;
    settle(&job.input, &files::expand(&[path])?)
}

fn spec(found: &Settled) -> &FilesSpec {
    match &found.input.source {
        Source::Files(spec) => spec,
        Source::Generate(_) => panic!("files are read"),
    }
}

/// User, item and rating that are found, by name or index; `-` for no rating, `usual` where it is where it usually is.
fn roles(text: &str, set: &[(&str, &str)]) -> [String; 3] {
    let found = settled(text, set).unwrap_or_else(|error| panic!("{error}"));
    let spec = spec(&found);
    assert!(spec.find.is_nothing() && spec.time.is_none(), "a time that nobody asks for");
    let rating = match &spec.rating {
        RatingColumn::Given(column) => shown(column),
        RatingColumn::None => "-".to_string(),
        RatingColumn::Default => "usual".to_string(),
    };
    [shown(&spec.user), shown(&spec.item), rating]
}

fn shown(column: &Column) -> String {
    match column {
        Column::Index(index) => index.to_string(),
        Column::Name(name) => name.clone(),
    }
}

/// What is found where a filter asks for the time.
fn timed(text: &str) -> Result<Settled> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    fs::write(&path, text).unwrap();
    let filter = ("filter.after".to_string(), "2001-01-01".to_string());
    let job = of_data(std::slice::from_ref(&path), &[filter], None)?;
    settle(&job.input, &files::expand(&[path])?)
}

/// A text with this header and 300 rows; `{n}` of a column's pattern is a number made of the row's.
fn table(header: &str, columns: &[fn(u64) -> String]) -> String {
    let row = |at: u64| columns.iter().map(|column| column(at)).collect::<Vec<_>>().join(",") + "\n";
    let rows: String = (0..300).map(row).collect();
    if header.is_empty() { rows } else { format!("{header}\n{rows}") }
}

fn mixed(at: u64, stream: u64) -> u64 {
    (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ stream.wrapping_mul(0xbf58_476d_1ce4_e5b9)) >> 33
}

fn line(at: u64) -> String {
    (at + 1).to_string()
}

fn order(at: u64) -> String {
    (70_000 + at / 3).to_string()
}

fn customer(at: u64) -> String {
    format!("C{:04}", mixed(at / 3, 1) % 60)
}

fn number_of_customer(at: u64) -> String {
    (10_000 + mixed(at / 3, 1) % 60).to_string()
}

fn country(at: u64) -> String {
    ["DE", "FR", "ES"][(mixed(at / 3, 1) % 60 % 3) as usize].to_string()
}

fn product(at: u64) -> String {
    format!("P-{}", mixed(at, 2) % 40)
}

fn product_name(at: u64) -> String {
    format!("Product number {}", mixed(at, 2) % 40)
}

fn category(at: u64) -> String {
    ["toys", "food", "tools", "books"][(mixed(at, 2) % 40 % 4) as usize].to_string()
}

fn price(at: u64) -> String {
    format!("{}.99", mixed(at, 2) % 40)
}

fn quantity(at: u64) -> String {
    (1 + mixed(at, 3) % 6).to_string()
}

fn stars(at: u64) -> String {
    (1 + mixed(at, 4) % 5).to_string()
}

fn day(at: u64) -> String {
    format!("2025-03-{:02}", 1 + at / 12)
}

fn seconds(at: u64) -> String {
    (1_600_000_000 + 61 * at).to_string()
}

fn milliseconds(at: u64) -> String {
    (1_600_000_000_000 + 61_007 * at).to_string()
}

#[test]
fn orders_of_a_shop() {
    let columns: [fn(u64) -> String; 9] =
        [line, order, day, number_of_customer, country, product, product_name, quantity, price];
    let text =
        table("line,order_id,order_date,customer_id,country,product_id,product_name,quantity,unit_price", &columns);
    assert_eq!(roles(&text, &[]), ["customer_id", "product_id", "quantity"]);
    assert_eq!(settled(&text, &[]).unwrap().input.duplicates, Duplicates::Sum);
    let german = table("Zeile,Bestellnummer,Datum,Kundennummer,Land,Artikelnummer,Bezeichnung,Menge,Preis", &columns);
    assert_eq!(roles(&german, &[]), ["Kundennummer", "Artikelnummer", "Menge"]);
    let french = table("ligne,commande,date,id_client,pays,id_produit,nom_produit,quantité,prix", &columns);
    assert_eq!(roles(&french, &[]), ["id_client", "id_produit", "quantité"]);
    let spanish = table("línea,pedido,fecha,cliente,país,producto,nombre,cantidad,precio", &columns);
    assert_eq!(roles(&spanish, &[]), ["cliente", "producto", "cantidad"]);
    let portuguese = table("linha,pedido,data,ID do Cliente,país,ID do Produto,nome,quantidade,preço", &columns);
    assert_eq!(roles(&portuguese, &[]), ["ID do Cliente", "ID do Produto", "quantidade"]);
    let italian = table("riga,ordine,data,codice_cliente,paese,articolo,nome,quantità,prezzo", &columns);
    assert_eq!(roles(&italian, &[]), ["codice_cliente", "articolo", "quantità"]);
}

#[test]
fn ratings_plays_and_views() {
    let ratings = table("userId,movieId,rating,timestamp", &[number_of_customer, product, stars, seconds]);
    assert_eq!(roles(&ratings, &[]), ["0", "1", "usual"]);
    assert_eq!(settled(&ratings, &[]).unwrap().input.duplicates, Duplicates::Last);
    let turned = table("stars,asin,reviewer", &[stars, product, customer]);
    assert_eq!(roles(&turned, &[]), ["reviewer", "asin", "stars"]);
    assert_eq!(settled(&turned, &[]).unwrap().input.duplicates, Duplicates::Error);
    let plays = table("user,artist,plays", &[customer, product, quantity]);
    assert_eq!(roles(&plays, &[]), ["0", "1", "usual"]);
    let views = table("ts,visitor_id,url,category", &[milliseconds, customer, product, category]);
    assert_eq!(roles(&views, &[]), ["visitor_id", "url", "-"]);
}

#[test]
fn a_time_is_found_where_a_filter_asks_for_it() {
    let ratings = table("userId,movieId,rating,timestamp", &[number_of_customer, product, stars, seconds]);
    let found = timed(&ratings).unwrap();
    let time = spec(&found).time.as_ref().unwrap();
    assert_eq!((shown(&time.column).as_str(), time.unit, time.asked), ("timestamp", TimeUnit::S, true));
    let views = table("ts,visitor_id,url", &[milliseconds, customer, product]);
    // Plain numbers in the filter would be read as seconds.
    let refused = timed(&views).unwrap_err().to_string();
    assert!(refused.contains("input.time_unit"), "{refused}");
    let none = timed(&table("visitor_id,url", &[customer, product])).unwrap_err().to_string();
    assert!(none.contains("input.time") && none.contains("--time"), "{none}");
}

#[test]
fn without_a_header_the_order_counts() {
    let four = table("", &[number_of_customer, product, stars, seconds]);
    assert_eq!(roles(&four, &[]), ["0", "1", "usual"]);
    assert_eq!(roles(&table("", &[customer, product]), &[]), ["0", "1", "usual"]);
    assert_eq!(roles("1,10,5\n2,11,4\n3,10,5\n", &[]), ["0", "1", "usual"]);
    let numbered = table("", &[line, customer, product, quantity, day]);
    assert_eq!(roles(&numbered, &[("rating", "false")]), ["1", "2", "-"]);
    let rating = settled(&numbered, &[]).unwrap_err();
    assert!(rating.to_string().contains("--rating 3, or --rating false"), "{rating}");
}

#[test]
fn names_that_say_nothing_leave_it_to_the_order_where_there_are_few() {
    let few = table("a,b,c", &[customer, product, stars]);
    assert_eq!(roles(&few, &[]), ["0", "1", "usual"]);
    let many = settled(&table("a,b,c,d,e", &[customer, product, category, country, order]), &[]).unwrap_err();
    assert_eq!(many.exit_code(), 2);
    assert!(many.to_string().contains("--user a or --user b"), "{many}");
}

#[test]
fn two_close_readings_are_a_question() {
    let text = table("user,artist,track,plays", &[customer, category, product, quantity]);
    let error = settled(&text, &[]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("artist and track could each be the item"), "{error}");
    assert!(error.to_string().contains("--item artist or --item track"), "{error}");
    assert_eq!(roles(&text, &[("item", "track")]), ["user", "track", "plays"]);
    let scale =
        settled(&table("reviewer,asin,name,feeling", &[customer, product, product_name, stars]), &[]).unwrap_err();
    assert!(scale.to_string().contains("--rating feeling, or --rating false"), "{scale}");
    let baskets = settled(&table("order id,sku,qty", &[order, product, quantity]), &[]).unwrap_err();
    assert!(baskets.to_string().contains("order id is one purchase"), "{baskets}");
    assert!(baskets.to_string().contains("--user 'order id'"), "{baskets}");
}

#[test]
fn what_the_job_gives_stays() {
    let columns: [fn(u64) -> String; 5] = [customer, product, product_name, quantity, price];
    let text = table("customer,sku,name,qty,price", &columns);
    assert_eq!(roles(&text, &[("rating", "false")]), ["customer", "sku", "-"]);
    assert_eq!(roles(&text, &[("rating", "price"), ("item", "name")]), ["customer", "name", "price"]);
    assert_eq!(settled(&text, &[("duplicates", "max")]).unwrap().input.duplicates, Duplicates::Max);
    let given = settled(&text, &[("user", "nobody")]).unwrap();
    assert_eq!(given.input.duplicates, Duplicates::Error, "what is not there is refused where it is read");
}

#[test]
fn each_line_says_what_and_why() {
    let text = table("visits,sku,customer", &[quantity, product, customer]);
    let found = settled(&text, &[]).unwrap().found;
    let said: Vec<&str> = found.iter().map(|line| line.split_once("log.csv: ").unwrap().1).collect();
    let expected = [
        "user: column \"customer\", by its name",
        "item: column \"sku\", by its name",
        "rating: column \"visits\", by its name",
        "repeats: the rows of one user and item are added up",
    ];
    assert_eq!(said, expected);
}

#[test]
fn files_with_other_headers_are_known_by_index() {
    let folder = tempfile::tempdir().unwrap();
    let text = table("customer,sku,qty", &[customer, product, quantity]);
    fs::write(folder.path().join("a.csv"), &text).unwrap();
    fs::write(folder.path().join("b.csv"), text.split_once('\n').unwrap().1).unwrap();
    let job = of_data(&[folder.path().to_path_buf()], &[], None).unwrap();
    let found = settle(&job.input, &files::expand(&[folder.path().to_path_buf()]).unwrap()).unwrap();
    assert_eq!((&spec(&found).user, &spec(&found).item), (&Column::Index(0), &Column::Index(1)));
}

#[test]
fn nothing_open_changes_nothing() {
    let spec = FilesSpec::by_position(vec!["nowhere.csv".into()]);
    let (duplicates, on_bad) = (Duplicates::Error, OnBad::Fail);
    let input = Input { source: Source::Files(spec), duplicates, on_bad, max_bad: 0.0, items: None };
    let found = settle(&input, &[]).unwrap();
    assert_eq!((found.input, found.found), (input, Vec::new()));
}

/// The title that is found, and the categories.
fn texts(text: &str, set: &[(&str, &str)]) -> (String, Vec<String>) {
    let found = settled(text, set).unwrap_or_else(|error| panic!("{error}"));
    let items = &spec(&found).items;
    let title = items.title.as_ref().map_or("-".to_string(), shown);
    (title, items.categories.iter().map(|category| category.name.clone()).collect())
}

fn remarked_name(at: u64) -> String {
    if at.is_multiple_of(23) { "damaged".to_string() } else { product_name(at) }
}

fn customer_name(at: u64) -> String {
    format!("Customer number {}", mixed(at / 3, 1) % 60)
}

fn genres(at: u64) -> String {
    ["Drama|War", "Comedy", "War", "Drama"][(mixed(at, 2) % 40 % 4) as usize].to_string()
}

fn review(at: u64) -> String {
    format!("I have bought {at} of them")
}

#[test]
fn titles_and_categories_are_found_beside_the_ids() {
    let columns: [fn(u64) -> String; 7] =
        [number_of_customer, customer_name, product, remarked_name, category, country, quantity];
    for header in [
        "customer_id,customer_name,product_id,product_name,category,country,quantity",
        "Kundennummer,Kundenname,Artikelnummer,Bezeichnung,Warengruppe,Land,Menge",
        "id_client,nom_client,id_produit,libellé,rayon,pays,quantité",
        "cliente,nombre_cliente,producto,nombre_producto,categoría,país,cantidad",
        "Cliente,Nombre,Referencia,Descripción,categoría,país,Cantidad",
        "client,nom,Référence,Désignation,rayon,pays,quantité",
        "ID do Cliente,Nome do Cliente,ID do Produto,Descrição,departamento,país,quantidade",
        "codice_cliente,nome_cliente,articolo,descrizione,reparto,paese,quantità",
    ] {
        let names: Vec<&str> = header.split(',').collect();
        assert_eq!(texts(&table(header, &columns), &[]), (names[3].into(), vec![names[4].into()]), "{header}");
    }
}

#[test]
fn a_title_says_more_than_the_id_and_belongs_to_the_item() {
    let films = table(
        "userId,movieId,rating,timestamp,title,genres",
        &[customer, product, stars, seconds, product_name, genres],
    );
    assert_eq!(texts(&films, &[]), ("title".into(), vec!["genres".into()]));
    let found = settled(&films, &[]).unwrap();
    let MetadataFrom::Column { separator, .. } = &spec(&found).items.categories[0].from else { panic!("a column") };
    assert_eq!(separator.as_deref(), Some("|"));
    let unnamed = table("customer,sku,qty,what it is", &[customer, product, quantity, product_name]);
    assert_eq!(texts(&unnamed, &[]).0, "what it is");
    let bare = table("", &[customer, product, stars, product_name]);
    assert_eq!(texts(&bare, &[("user", "0"), ("item", "1"), ("rating", "2")]).0, "3");
    for not_of_items in [review as fn(u64) -> String, customer_name, country, price, day] {
        let text = table("customer,sku,qty,name", &[customer, product, quantity, not_of_items]);
        assert_eq!(texts(&text, &[]).0, "-", "{}", not_of_items(0));
    }
    let few = "customer,sku,name,qty\na,1,Nut,1\nb,2,Bolt,2\na,2,Bolt,3\n";
    assert_eq!(texts(few, &[]).0, "name");
}

#[test]
fn titles_that_are_given_or_in_a_file_are_not_looked_for() {
    let columns: [fn(u64) -> String; 5] = [customer, product, product_name, category, quantity];
    let text = table("customer,sku,name,category,qty", &columns);
    let none = ("-".to_string(), Vec::new());
    assert_eq!(texts(&text, &[("items.path", "items.csv")]), none);
    assert_eq!(texts(&text, &[("title", "false"), ("categories", "false")]), none);
    assert_eq!(texts(&text, &[("title", "category"), ("categories", "[]")]), ("category".into(), Vec::new()));
    assert_eq!(texts(&text, &[("categories", "name")]), ("-".into(), vec!["name".into()]), "it has its role already");
    assert_eq!(texts(&text, &[]), ("name".into(), vec!["category".into()]));
}

#[test]
fn files_that_are_not_alike_need_no_titles() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("a.csv"),
        table("customer,sku,qty,name", &[customer, product, quantity, product_name]),
    )
    .unwrap();
    fs::write(folder.path().join("b.csv"), table("customer,sku,qty", &[customer, product, quantity])).unwrap();
    let paths = [folder.path().to_path_buf()];
    let found = settle(&of_data(&paths, &[], None).unwrap().input, &files::expand(&paths).unwrap()).unwrap();
    assert!(spec(&found).items.is_empty());
}
