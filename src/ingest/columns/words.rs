//! What headers call users, items, ratings and times: English, German, French, Spanish, Portuguese and Italian, without
//! accents.

/// Words, and how surely each of them names the role.
pub type Words = (&'static [&'static str], i32);

/// At least so much makes a name one of the role.
pub const NAMED: i32 = 4;
/// A word of the role itself.
const SURE: i32 = 10;
/// A word of something that may stand for it.
const LIKELY: i32 = 6;

/// Whoever buys, plays or rates.
pub const USERS: &[Words] = &[
    (
        &[
            "user",
            "usr",
            "uid",
            "customer",
            "cust",
            "client",
            "visitor",
            "member",
            "account",
            "acct",
            "person",
            "people",
            "reviewer",
            "buyer",
            "shopper",
            "subscriber",
            "profile",
            "reader",
            "listener",
            "viewer",
            "player",
            "student",
            "patient",
            "guest",
            "respondent",
            "participant",
            "household",
            "consumer",
            "who",
            "taster",
            "rater",
            "voter",
            "critic",
            "borrower",
            "kunde",
            "kunden",
            "kundin",
            "benutzer",
            "nutzer",
            "mitglied",
            "konto",
            "besucher",
            "kaufer",
            "leser",
            "horer",
            "spieler",
            "teilnehmer",
            "haushalt",
            "utilisateur",
            "membre",
            "compte",
            "visiteur",
            "acheteur",
            "abonne",
            "lecteur",
            "usuario",
            "cliente",
            "miembro",
            "cuenta",
            "visitante",
            "comprador",
            "utilizador",
            "membro",
            "conta",
            "utente",
            "visitatore",
            "acquirente",
            "abbonato",
        ],
        SURE,
    ),
    (
        &[
            "session", "visit", "device", "cookie", "email", "mail", "card", "sitzung", "gerat", "seance", "sesion",
            "sessao",
        ],
        LIKELY,
    ),
];

/// One purchase of somebody: it can stand for a customer, but only if somebody says so.
pub const BASKETS: &[&str] = &[
    "order",
    "invoice",
    "basket",
    "cart",
    "transaction",
    "receipt",
    "ticket",
    "bestellung",
    "rechnung",
    "warenkorb",
    "bon",
    "commande",
    "facture",
    "panier",
    "pedido",
    "factura",
    "fatura",
    "ordine",
    "fattura",
];

/// What is bought, played or rated.
pub const ITEMS: &[Words] = &[
    (
        &[
            "item", "product", "prod", "sku", "asin", "isbn", "ean", "gtin", "upc", "movie", "film", "track", "song",
            "page", "url", "article", "artist", "album", "game", "book", "show", "video", "episode", "stock",
            "question", "podcast", "station", "wine", "beer", "service", "feature", "app", "series", "dish", "recipe",
            "course", "thing", "what", "artikel", "produkt", "ware", "seite", "lied", "buch", "spiel", "frage", "kurs",
            "produit", "chanson", "morceau", "livre", "jeu", "producto", "articulo", "pelicula", "cancion", "pagina",
            "libro", "juego", "produto", "artigo", "filme", "musica", "livro", "jogo", "prodotto", "articolo",
            "canzone", "brano", "gioco",
        ],
        SURE,
    ),
    (&["title", "titel", "titre", "titulo", "titolo", "reference", "referenz", "referencia", "riferimento"], NAMED),
];

/// What somebody says of an item.
pub const OPINIONS: &[&str] = &[
    "rating",
    "stars",
    "star",
    "score",
    "grade",
    "overall",
    "points",
    "answer",
    "antwort",
    "reponse",
    "respuesta",
    "resposta",
    "risposta",
    "vote",
    "bewertung",
    "sterne",
    "note",
    "etoiles",
    "evaluation",
    "puntuacion",
    "valoracion",
    "calificacion",
    "estrellas",
    "avaliacao",
    "nota",
    "estrelas",
    "voto",
    "punteggio",
    "valutazione",
    "stelle",
];

/// How often or how much of it.
pub const COUNTS: &[&str] = &[
    "quantity",
    "qte",
    "qtd",
    "cant",
    "anz",
    "qty",
    "count",
    "plays",
    "playcount",
    "views",
    "clicks",
    "listens",
    "scrobbles",
    "purchases",
    "times",
    "units",
    "hits",
    "visits",
    "frequency",
    "played",
    "viewed",
    "watched",
    "bought",
    "clicked",
    "menge",
    "anzahl",
    "stuck",
    "aufrufe",
    "quantite",
    "nombre",
    "ecoutes",
    "vues",
    "cantidad",
    "unidades",
    "visitas",
    "reproducciones",
    "quantidade",
    "quantita",
    "ascolti",
    "visite",
];

/// What it was worth.
pub const AMOUNTS: &[&str] = &[
    "revenue",
    "amount",
    "total",
    "spend",
    "spent",
    "sales",
    "turnover",
    "value",
    "weight",
    "umsatz",
    "betrag",
    "wert",
    "montant",
    "importe",
    "ingresos",
    "valor",
    "receita",
    "importo",
    "fatturato",
    "valore",
];

pub const TIMES: &[&str] = &[
    "time",
    "timestamp",
    "date",
    "datetime",
    "day",
    "month",
    "week",
    "year",
    "when",
    "created",
    "ts",
    "datum",
    "zeit",
    "zeitpunkt",
    "tag",
    "monat",
    "woche",
    "heure",
    "jour",
    "fecha",
    "hora",
    "dia",
    "data",
    "ora",
    "giorno",
];

/// What an item is called, the best words first.
pub const TITLES: [&[&str]; 2] = [
    &[
        "title",
        "name",
        "label",
        "titel",
        "bezeichnung",
        "produktname",
        "artikelname",
        "titre",
        "nom",
        "intitule",
        "libelle",
        "designation",
        "titulo",
        "nombre",
        "denominacion",
        "nome",
        "denominacao",
        "titolo",
        "denominazione",
    ],
    &["description", "desc", "beschreibung", "text", "descripcion", "descricao", "descrizione"],
];

/// What kind of item it is.
pub const CATEGORIES: &[&str] = &[
    "category",
    "categories",
    "subcategory",
    "genre",
    "department",
    "dept",
    "brand",
    "manufacturer",
    "aisle",
    "section",
    "family",
    "class",
    "kategorie",
    "warengruppe",
    "produktgruppe",
    "abteilung",
    "marke",
    "hersteller",
    "sparte",
    "categorie",
    "rayon",
    "marque",
    "famille",
    "categoria",
    "subcategoria",
    "genero",
    "marca",
    "departamento",
    "familia",
    "genere",
    "reparto",
    "famiglia",
];

/// What describes a user or an item and is none itself.
const ATTRIBUTES: &[&str] = &[
    "country",
    "city",
    "region",
    "state",
    "zip",
    "postcode",
    "age",
    "gender",
    "sex",
    "type",
    "group",
    "category",
    "categories",
    "genre",
    "genres",
    "brand",
    "department",
    "segment",
    "color",
    "colour",
    "size",
    "price",
    "cost",
    "discount",
    "currency",
    "status",
    "channel",
    "date",
    "time",
    "count",
    "land",
    "stadt",
    "plz",
    "alter",
    "geschlecht",
    "typ",
    "gruppe",
    "kategorie",
    "marke",
    "abteilung",
    "preis",
    "farbe",
    "pays",
    "ville",
    "categorie",
    "marque",
    "prix",
    "pais",
    "ciudad",
    "categoria",
    "marca",
    "precio",
    "genero",
    "cidade",
    "preco",
    "paese",
    "citta",
    "genere",
    "prezzo",
];

/// Endings of names of ids.
const ID_ENDINGS: [&str; 12] =
    ["id", "ids", "key", "code", "no", "nr", "num", "number", "nummer", "numero", "hash", "uuid"];

/// First words of names of ids, where the language has the other order.
const ID_BEGINNINGS: [&str; 8] = ["id", "codigo", "code", "codice", "cod", "numero", "num", "ref"];

/// Endings of names of what an id is called.
const LABELS: [&str; 12] =
    ["name", "title", "description", "desc", "label", "text", "nom", "nombre", "nome", "bezeichnung", "titel", "email"];

/// A name of a column, taken apart.
pub struct Name {
    tokens: Vec<String>,
}

impl Name {
    /// `CustomerID`, `customer_id` and `Customer Id` are the same two words.
    pub fn of(name: &str) -> Name {
        let mut tokens = vec![String::new()];
        let mut last_is_lower = false;
        for letter in name.chars() {
            if !letter.is_alphanumeric() || letter.is_uppercase() && last_is_lower {
                tokens.push(String::new());
            }
            last_is_lower = letter.is_lowercase();
            let at = tokens.len() - 1;
            tokens[at].extend(letter.to_lowercase().filter(|c| c.is_alphanumeric()).map(plain));
        }
        tokens.retain(|token| !token.is_empty());
        Name { tokens }
    }

    /// How surely the name is that of ids which these words are for; 0 where it has none of them.
    pub fn names(&self, words: &[Words]) -> i32 {
        let best = words.iter().filter(|(words, _)| self.has(words)).map(|(_, surely)| *surely).max();
        best.map_or(0, |surely| surely + self.of_an_id() - self.of_something_else())
    }

    /// Whether one of its words is one of these.
    pub fn has(&self, words: &[&str]) -> bool {
        self.tokens.iter().any(|token| words.iter().any(|word| is(token, word)))
    }

    /// Whether it describes a user or an item.
    pub fn is_attribute(&self) -> bool {
        self.tokens.iter().any(|token| ATTRIBUTES.contains(&token.as_str()))
    }

    /// Whether it ends as the names of ids do.
    pub fn ends_as_an_id(&self) -> bool {
        let ends = |token: &String| ID_ENDINGS.iter().any(|end| token == end || stem(token, end).is_some());
        self.tokens.last().is_some_and(ends)
    }

    fn of_an_id(&self) -> i32 {
        let begins = || self.tokens.len() > 1 && ID_BEGINNINGS.contains(&self.tokens[0].as_str());
        if self.ends_as_an_id() || begins() { 2 } else { 0 }
    }

    fn of_something_else(&self) -> i32 {
        let exactly = |words: &[&str]| self.tokens.iter().any(|token| words.contains(&token.as_str()));
        8 * i32::from(exactly(ATTRIBUTES)) + 3 * i32::from(self.tokens.len() > 1 && exactly(&LABELS))
    }
}

/// A word itself, in the plural, before an ending of ids (`userid`), or as the beginning of a longer one (`Kundennummer`).
fn is(token: &str, word: &str) -> bool {
    const LONG: usize = 6;
    token == word
        || token.strip_suffix('s') == Some(word)
        || ID_ENDINGS.iter().chain(&LABELS).any(|end| stem(token, end) == Some(word))
        || word.len() >= LONG && token.starts_with(word)
}

fn stem<'a>(token: &'a str, end: &str) -> Option<&'a str> {
    token.strip_suffix(end).filter(|stem| stem.len() > 1)
}

/// A letter without its accent.
fn plain(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        for name in
            ["user", "userId", "USER_ID", "Customer ID", "cust_no", "Kundennummer", "ID cliente", "Usuário", "uid"]
        {
            assert!(Name::of(name).names(USERS) >= NAMED, "{name}");
        }
        for name in
            ["movieId", "StockCode", "sku", "Artikelnummer", "ID do Produto", "página", "product_name", "Référence"]
        {
            assert!(Name::of(name).names(ITEMS) >= NAMED, "{name}");
        }
        for name in ["Country", "customer_age", "product_category", "quantity", "used", "", "price"] {
            assert!(Name::of(name).names(USERS) < NAMED && Name::of(name).names(ITEMS) < NAMED, "{name}");
        }
    }

    #[test]
    fn the_name_of_an_id_comes_before_what_the_id_is_called() {
        let [id, bare, label] = ["product_id", "product", "product_name"].map(|name| Name::of(name).names(ITEMS));
        assert!(id > bare && bare > label, "{id} {bare} {label}");
    }
}
