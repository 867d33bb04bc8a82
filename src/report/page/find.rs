//! The search box: what it says, and the users that it knows. Segments and their items `page.js` finds in the page itself.

use serde_json::{Value, json};

use super::detail::Detail;
use crate::report::charts;
use crate::results::Id;
use crate::results::shown::{Known, Shown};
use crate::watch::format::{count, script_json};

/// Users by segment, as the page carries them.
pub struct Users {
    json: String,
    known: u64,
}

impl Users {
    /// Those on the map, and as many more as fit.
    pub fn of(shown: &Shown, detail: &Detail) -> Users {
        let points = charts::drawn(shown, detail.points);
        let drawn = Known::of(points.iter().map(|point| (&point.user, point.segment)), shown.kmeans.sizes.len());
        let known = shown.known.within(detail.users);
        let more = known.users() > drawn.users();
        let json = json!({ "drawn": drawn.json(), "known": if more { known.json() } else { Value::Null } });
        Users { json: script_json(&json.to_string()), known: known.users().max(drawn.users()) as u64 }
    }

    /// The users in a script that is only data, each list as [`Known`] is written: `drawn` in the order of the marks on the
    /// map, and `known`, where that is more.
    pub fn script(&self) -> String {
        format!("<script type=\"application/json\" id=\"users\">{}</script>\n", self.json)
    }
}

/// The bytes that the id of a user on the map takes in the page, on average.
pub fn id_bytes(shown: &Shown) -> usize {
    let bytes = |user: &Id| script_json(&json!(user.to_string()).to_string()).len() + 1;
    shown.map.iter().map(|point| bytes(&point.user)).sum::<usize>() / shown.map.len().max(1)
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
         <p id=\"finds\" class=\"muted\">Finds segments by their names or the items on their cards, and {known}. Press <kbd>/</kbd> to get here.</p>\n\
         </form>\n<p id=\"said\" class=\"unseen\" role=\"status\"></p>\n"
    )
}
