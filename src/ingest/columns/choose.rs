//! From the names of columns, and what they hold, to roles.

use super::content::Content;
use super::look::Look;
use super::words::{AMOUNTS, BASKETS, CATEGORIES, COUNTS, ITEMS, NAMED, Name, OPINIONS, TIMES, TITLES, USERS, Words};
use crate::job::TimeUnit;

/// Two names that are nearer than this are equally good.
const CLEARLY: i32 = 2;
/// The column of ratings in a file that names none.
const USUAL_RATING: usize = 2;
/// The most columns of ids in a file whose order alone says what they are.
const BY_ORDER: usize = 3;

/// The most columns of categories that are looked for.
const MOST_CATEGORIES: usize = 8;

/// A column with a role, and why it has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub column: usize,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The job names it.
    Given,
    /// By its name.
    Named,
    /// By its place among the columns.
    Order,
    /// It is what is left.
    Left,
    /// By what it holds.
    Content,
}

/// What a rating says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// What somebody thinks of an item: a later one corrects an earlier one.
    Opinion,
    /// How often, how much: they add up.
    Amount,
    /// Nothing says which.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    pub user: Chosen,
    pub item: Chosen,
    pub rating: Option<Chosen>,
    pub meaning: Meaning,
    pub time: Option<(Chosen, TimeUnit)>,
    /// Found, where the job leaves it open.
    pub title: Option<Chosen>,
    pub categories: Vec<Category>,
}

/// A column of categories that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    pub column: usize,
    /// What stands between several values of a field.
    pub separator: Option<&'static str>,
}

/// No column, or several, could have a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The role: `user`, `item` or `rating`.
    pub role: &'static str,
    /// The columns that are equally good, or at least possible.
    pub among: Vec<usize>,
    /// One of them is a purchase, not a person.
    pub baskets: bool,
}

/// The columns that the job names.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub user: Option<usize>,
    pub item: Option<usize>,
    /// `Some(None)`: the job says that there is none.
    pub rating: Option<Option<usize>>,
    pub time: Option<(usize, TimeUnit)>,
    /// The title is given, or is not to be looked for; likewise the categories.
    pub title: bool,
    pub categories: bool,
    /// Columns of titles and categories that are given.
    pub texts: Vec<usize>,
}

/// Chooses the columns that `given` leaves open.
pub fn choose(look: &Look, given: &Given) -> Result<Roles, Open> {
    let columns = Columns::of(look);
    let time = given.time.map(|(column, unit)| (Chosen { column, why: Why::Given }, unit));
    let time = time.or_else(|| columns.time(given));
    let taken = Taken { given: given.clone(), time: time.as_ref().map(|(chosen, _)| chosen.column) };
    let user = columns.user(&taken)?;
    let item = columns.item(&taken, &user)?;
    let (rating, meaning) = columns.rating(&taken, [user.column, item.column], time.is_some())?;
    let roles = Roles { user, item, rating, meaning, time, title: None, categories: Vec::new() };
    let title = if given.title { None } else { columns.title(given, &roles) };
    let roles = Roles { title, ..roles };
    let categories = if given.categories { Vec::new() } else { columns.categories(given, &roles) };
    Ok(Roles { categories, ..roles })
}

impl Roles {
    fn has(&self, column: usize) -> bool {
        let time = self.time.as_ref().map(|(chosen, _)| chosen);
        let chosen = [Some(&self.user), Some(&self.item), self.rating.as_ref(), time, self.title.as_ref()];
        chosen.into_iter().flatten().any(|chosen| chosen.column == column)
    }
}

/// Columns that are not free for another role.
struct Taken {
    given: Given,
    time: Option<usize>,
}

impl Taken {
    fn has(&self, column: usize) -> bool {
        let &Given { user, item, rating, .. } = &self.given;
        [user, item, rating.flatten(), self.time].contains(&Some(column))
    }
}

struct Columns<'a> {
    /// Empty names where there is no header.
    names: Vec<Name>,
    has_header: bool,
    contents: Vec<Content<'a>>,
}

impl<'a> Columns<'a> {
    fn of(look: &'a Look) -> Columns<'a> {
        let name = |column: usize| look.names.as_ref().and_then(|names| names.get(column)).map_or("", String::as_str);
        Columns {
            names: (0..look.columns).map(|column| Name::of(name(column))).collect(),
            has_header: look.names.is_some(),
            contents: (0..look.columns).map(|column| Content::of(&look.rows, column)).collect(),
        }
    }

    /// The best of several by name; of equally good ones the first.
    fn time(&self, given: &Given) -> Option<(Chosen, TimeUnit)> {
        let free = Taken { given: given.clone(), time: None };
        let is_named = |column: usize| self.names[column].has(TIMES);
        // Numbers may be ids, unless a name says that they are times, or they come after ids and a rating.
        let is_behind = |column: usize| !self.has_header && column > USUAL_RATING;
        let is_told = |column: usize| is_named(column) || is_behind(column) || self.contents[column].is_date();
        let times = (0..self.names.len()).filter(|&column| !free.has(column) && is_told(column));
        let times = times.filter_map(|column| Some((column, self.contents[column].time()?)));
        let (column, unit) = times.min_by_key(|&(column, _)| !is_named(column))?;
        let why = if is_named(column) { Why::Named } else { Why::Content };
        Some((Chosen { column, why }, unit))
    }

    /// Columns that can be ids, but for those that only count the rows.
    fn ids(&self, taken: &Taken) -> Vec<usize> {
        let mut ids: Vec<usize> =
            (0..self.names.len()).filter(|&column| !taken.has(column) && self.contents[column].can_be_ids()).collect();
        if ids.len() > BY_ORDER || self.has_header {
            ids.retain(|&column| !self.contents[column].counts_rows());
        }
        ids
    }

    fn user(&self, taken: &Taken) -> Result<Chosen, Open> {
        if let Some(column) = taken.given.user {
            return Ok(Chosen { column, why: Why::Given });
        }
        let ids = self.ids(taken);
        if let Some(chosen) = self.named("user", USERS, &ids)? {
            return Ok(chosen);
        }
        let is_other = |column: usize| self.names[column].names(ITEMS) >= NAMED || self.is_no_id(column);
        let others: Vec<usize> = ids.iter().copied().filter(|&column| !is_other(column)).collect();
        if let Some(&basket) = others.iter().find(|&&column| self.names[column].has(BASKETS)) {
            return Err(Open { role: "user", among: vec![basket], baskets: true });
        }
        self.unnamed("user", &ids, &others)
    }

    fn item(&self, taken: &Taken, user: &Chosen) -> Result<Chosen, Open> {
        if let Some(column) = taken.given.item {
            return Ok(Chosen { column, why: Why::Given });
        }
        let mut ids = self.ids(taken);
        ids.retain(|&column| column != user.column);
        if let Some(chosen) = self.named("item", ITEMS, &ids)? {
            return Ok(chosen);
        }
        // What a user's id tells says something of the user.
        let of_user = |column: usize| self.contents[user.column].tells(&self.contents[column]);
        let is_other = |column: usize| {
            let name = &self.names[column];
            name.has(BASKETS) || name.names(USERS) >= NAMED || of_user(column) || self.is_no_id(column)
        };
        let others: Vec<usize> = ids.iter().copied().filter(|&column| !is_other(column)).collect();
        self.unnamed("item", &ids, &others)
    }

    /// The column that is named best. Of two that are named equally well, and tell each other, it is the first.
    fn named(&self, role: &'static str, words: &[Words], ids: &[usize]) -> Result<Option<Chosen>, Open> {
        let mut named: Vec<(i32, usize)> = ids.iter().map(|&column| (self.surely(column, words), column)).collect();
        named.retain(|(surely, _)| *surely >= NAMED);
        named.sort_by_key(|&(surely, column)| (-surely, column));
        let Some(&(best, column)) = named.first() else { return Ok(None) };
        let (chosen, content) = (Chosen { column, why: Why::Named }, &self.contents[column]);
        let same = |other: usize| content.tells(&self.contents[other]) && self.contents[other].tells(content);
        let rivals = named[1..].iter().filter(|(surely, other)| best - surely < CLEARLY && !same(*other));
        let rivals: Vec<usize> = rivals.map(|(_, other)| *other).collect();
        match rivals.is_empty() {
            true => Ok(Some(chosen)),
            false => Err(Open { role, among: [vec![column], rivals].concat(), baskets: false }),
        }
    }

    /// Its name says that it is something else.
    fn is_no_id(&self, column: usize) -> bool {
        [OPINIONS, COUNTS, AMOUNTS, TIMES].iter().any(|words| self.names[column].has(words))
    }

    /// Ids of which every row has another one are hardly those of users or items, and neither are counts of these ("Episodes played").
    fn surely(&self, column: usize, words: &[Words]) -> i32 {
        let is_other = self.contents[column].is_unique() || self.is_no_id(column);
        self.names[column].names(words) - 8 * i32::from(is_other)
    }

    /// A column that no name gives the role: the only one of `others`, or the first where the order says it.
    fn unnamed(&self, role: &'static str, ids: &[usize], others: &[usize]) -> Result<Chosen, Open> {
        match others {
            [column] => Ok(Chosen { column: *column, why: Why::Left }),
            [column, ..] if ids.len() <= BY_ORDER => Ok(Chosen { column: *column, why: Why::Order }),
            _ => Err(Open { role, among: others.to_vec(), baskets: false }),
        }
    }

    fn rating(&self, taken: &Taken, ids: [usize; 2], is_timed: bool) -> Result<(Option<Chosen>, Meaning), Open> {
        match taken.given.rating {
            Some(None) => return Ok((None, Meaning::Amount)),
            Some(Some(column)) => {
                return Ok((Some(Chosen { column, why: Why::Given }), self.meaning(column, is_timed)));
            }
            None => {}
        }
        let is_free = |column: &usize| !ids.contains(column) && !taken.has(*column);
        let free: Vec<usize> = (0..self.names.len()).filter(is_free).collect();
        let chosen = match self.named_rating(&free, ids)? {
            Some(column) => Some(Chosen { column, why: Why::Named }),
            None => self.unnamed_rating(&free, ids)?,
        };
        let meaning = chosen.as_ref().map_or(Meaning::Amount, |chosen| self.meaning(chosen.column, is_timed));
        Ok((chosen, meaning))
    }

    /// An opinion comes before a count, a count before what it was worth.
    fn named_rating(&self, free: &[usize], ids: [usize; 2]) -> Result<Option<usize>, Open> {
        for words in [OPINIONS, COUNTS, AMOUNTS] {
            // What an id tells (an average, a number in stock) is nothing that a user has said or done.
            let is_own = |column: usize| !ids.iter().any(|&id| self.contents[id].tells(&self.contents[column]));
            let is_number = |column: usize| self.contents[column].is_number_mostly();
            let is_named = |column: usize| self.names[column].has(words) && is_number(column) && is_own(column);
            let named = free.iter().copied().filter(|&column| is_named(column));
            match named.collect::<Vec<_>>()[..] {
                [] => {}
                [column] => return Ok(Some(column)),
                ref several => return Err(Open { role: "rating", among: several.to_vec(), baskets: false }),
            }
        }
        Ok(None)
    }

    /// Where no name says it, the third column has ratings, if ids come before it. Without a header that is so whatever it holds: what is no
    /// number is a bad row. With one it has to be numbers, and the last column.
    /// Elsewhere, a column that looks like a scale is a question.
    fn unnamed_rating(&self, free: &[usize], ids: [usize; 2]) -> Result<Option<Chosen>, Open> {
        let in_order = ids.iter().all(|&id| id < USUAL_RATING) && free.contains(&USUAL_RATING);
        let is_last = || self.names.len() == 1 + USUAL_RATING && self.contents[USUAL_RATING].is_number_mostly();
        if in_order && (!self.has_header || is_last()) {
            return Ok(Some(Chosen { column: USUAL_RATING, why: Why::Order }));
        }
        let is_own = |column: usize| !ids.iter().any(|&id| self.contents[id].tells(&self.contents[column]));
        let is_scale = |column: &usize| {
            self.contents[*column].is_scale() && !self.names[*column].is_attribute() && is_own(*column)
        };
        let among: Vec<usize> = free.iter().copied().filter(is_scale).collect();
        if among.is_empty() { Ok(None) } else { Err(Open { role: "rating", among, baskets: false }) }
    }

    /// A text for each item: by its name, which may be that of what an id is called, or because it says more than the id.
    fn title(&self, given: &Given, roles: &Roles) -> Option<Chosen> {
        let (user, item) = (&self.contents[roles.user.column], &self.contents[roles.item.column]);
        let is_free = |column: &usize| !roles.has(*column) && !given.texts.contains(column);
        let free = (0..self.names.len()).filter(is_free).filter(|&column| {
            let content = &self.contents[column];
            content.is_text() && item.may_tell(content) && content.tells_apart(item)
        });
        let free: Vec<usize> = free.collect();
        // Where all is too new to be told apart, what has the name of a user's column is the user's.
        let is_of_user = |column: usize| self.names[column].names(USERS) > 0 || user.tells(&self.contents[column]);
        let named = |words: &&[&str]| {
            let is_named = |column: usize| self.names[column].has(words) && !self.names[column].ends_as_an_id();
            free.iter().copied().find(|&column| is_named(column) && !is_of_user(column))
        };
        if let Some(column) = TITLES.iter().find_map(named) {
            return Some(Chosen { column, why: Why::Named });
        }
        let says_more = |column: &usize| self.contents[*column].is_wordy() && !item.is_wordy();
        let told = |column: &usize| item.tells(&self.contents[*column]) && !self.names[*column].is_attribute();
        let column = free.iter().copied().find(|column| says_more(column) && told(column))?;
        Some(Chosen { column, why: Why::Content })
    }

    /// Columns with the names of categories, of which an item has always the same one.
    fn categories(&self, given: &Given, roles: &Roles) -> Vec<Category> {
        let item = &self.contents[roles.item.column];
        let is_category = |column: &usize| {
            let (name, content) = (&self.names[*column], &self.contents[*column]);
            let is_free = !roles.has(*column) && !given.texts.contains(column);
            is_free && name.has(CATEGORIES) && name.names(USERS) == 0 && content.groups(item) && item.may_tell(content)
        };
        let found = (0..self.names.len()).filter(is_category).take(MOST_CATEGORIES);
        found.map(|column| Category { column, separator: self.contents[column].separator() }).collect()
    }

    fn meaning(&self, column: usize, is_timed: bool) -> Meaning {
        let (name, content) = (&self.names[column], &self.contents[column]);
        let counts = name.has(COUNTS) || name.has(AMOUNTS);
        match (counts, content.is_scale() && is_timed) {
            (true, _) if !name.has(OPINIONS) => Meaning::Amount,
            (_, true) => Meaning::Opinion,
            _ => Meaning::Unknown,
        }
    }
}
