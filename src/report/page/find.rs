//! The search box: what it says, and the users that it knows. Segments and their items `page.js` finds in the page itself.

use serde_json::{Value, json};

use super::detail::Detail;
use crate::report::charts;
use crate::results::shown::Shown;
use crate::results::{Id, MapPoint};
use crate::watch::format::{count, script_json};

/// The largest whole number that JavaScript has exactly.
const EXACT: u64 = (1 << 53) - 1;

/// Users by segment, as the page carries them.
pub struct Users {
    json: String,
    known: u64,
}

impl Users {
    /// As many as fit, those on the map first.
    pub fn of(shown: &Shown, detail: &Detail) -> Users {
        let drawn = charts::drawn(shown, detail.points);
        let numeric = shown.map.iter().all(|point| matches!(point.user, Id::Number(id) if id <= EXACT));
        let by_segment = |users: &[&MapPoint]| -> Value {
            (0..shown.kmeans.sizes.len() as u32)
                .map(|segment| {
                    let own = users.iter().filter(|point| point.segment == segment).map(|point| &point.user);
                    if numeric { gaps(own) } else { own.map(ToString::to_string).collect() }
                })
                .collect()
        };
        let json = json!({ "numeric": numeric, "drawn": by_segment(&drawn) }).to_string();
        Users { json: script_json(&json), known: drawn.len() as u64 }
    }

    /// The users in a script that is only data: `numeric` says whether ids are numbers, each then the difference from the one
    /// before it; `drawn` has a list for each segment, in the order of its marks on the map.
    pub fn script(&self) -> String {
        format!("<script type=\"application/json\" id=\"users\">{}</script>\n", self.json)
    }
}

/// Numbers in order as differences: fewer digits.
fn gaps<'a>(ids: impl Iterator<Item = &'a Id>) -> Value {
    let mut before = 0;
    ids.map(|id| {
        let Id::Number(id) = *id else { return 0 };
        let gap = id - before;
        before = id;
        gap
    })
    .collect()
}

/// Hidden until `page.js` answers it.
pub fn form(shown: &Shown, users: &Users) -> String {
    let all = shown.measured.n_users;
    let known = if users.known >= all {
        "users by id".to_string()
    } else {
        format!("users by id ({} of {}; <code>segments.parquet</code> has all)", count(users.known), count(all))
    };
    format!(
        "<form class=\"find scripted\" role=\"search\" hidden>\n<label for=\"find\">Find a segment, an item or a user</label>\n\
         <div class=\"field\"><input id=\"find\" type=\"search\" role=\"combobox\" aria-expanded=\"false\" aria-controls=\"found\" \
         aria-autocomplete=\"list\" aria-describedby=\"finds\" autocomplete=\"off\" autocapitalize=\"off\" spellcheck=\"false\">\n\
         <ul id=\"found\" role=\"listbox\" aria-label=\"What was found\" hidden></ul></div>\n\
         <p id=\"finds\" class=\"muted\">Finds segments by name, the items on their cards, and {known}. Press <kbd>/</kbd> to get here.</p>\n\
         </form>\n<p id=\"said\" class=\"unseen\" role=\"status\"></p>\n"
    )
}
