//! A card per segment: who its members are, and what they like more than others do.

use super::parts::{bar, dot, stands_out};
use crate::report::{charts, verdict};
use crate::results::shown::{Ratings, Shown};
use crate::results::{Activity, Category, ItemShare, Profile, ProfileItem, Summary, SummaryOf};
use crate::watch::format::{count, html, percent, plural, significant};

/// Values of a column of metadata on a card: what members like, and what they avoid.
const LIKED: usize = 3;
const AVOIDED: usize = 1;

/// Multiples of the share among all users: from the first on a value is liked, up to the second it is avoided.
const LIKED_LIFT: f64 = 1.1;
const AVOIDED_LIFT: f64 = 0.7;

/// Items that are named as what a segment stands out for, and as missing.
const STANDS_OUT: usize = 2;
const MISSING: usize = 3;

pub fn section(shown: &Shown) -> String {
    let ratings = shown.ratings;
    let cards: String = shown.profiles.iter().map(|profile| card(shown, profile, ratings)).collect();
    format!(
        "<section id=\"segments\">\n<h2>Each segment</h2>\n<p class=\"how\">Each card lists the items that weigh most for the \
         segment’s members (by mean TF-IDF). The bar and the first number show the share of members who have the item, the \
         tick the share of all users. The second number is the ratio of the two: a bar far past its tick marks what is \
         special about the segment.</p>\n\
         <div class=\"cards\">\n{cards}</div>\n</section>\n"
    )
}

fn card(shown: &Shown, profile: &Profile, ratings: Ratings) -> String {
    let segment = profile.segment as usize;
    let share = percent(shown.share(profile.size));
    let members = [tastes(&profile.metadata), activity(&profile.activity, &profile.activity_all)];
    let others = [missing(shown, &profile.missing), nearest(shown, profile), stability(shown, segment)];
    format!(
        "<article class=\"card\" id=\"segment-{segment}\" style=\"--c: {}\">\n<header><h3>{}{}</h3>\
         <p class=\"size\">{}, {share}</p></header>\n{}{}{}{}</article>\n",
        charts::segment_color(segment),
        dot(segment),
        shown.label_html(segment),
        plural(profile.size, "user"),
        for_what(shown, profile),
        facts(&members),
        items(shown, profile, ratings),
        facts(&others),
    )
}

fn for_what(shown: &Shown, profile: &Profile) -> String {
    let items = stands_out(shown, profile, STANDS_OUT).into_iter().map(|item| format!("<b>{item}</b>"));
    match items.collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        items => format!("<p class=\"for\">Stands out for {}</p>\n", items.join(" and ")),
    }
}

fn facts(facts: &[String]) -> String {
    let facts = facts.concat();
    if facts.is_empty() { facts } else { format!("<dl class=\"facts\">\n{facts}</dl>\n") }
}

fn fact(what: &str, text: &str) -> String {
    format!("<div><dt>{what}</dt><dd>{text}</dd></div>\n")
}

fn stability(shown: &Shown, segment: usize) -> String {
    shown.evidence.as_ref().map_or(String::new(), |evidence| {
        let jaccard = evidence.stability.jaccard[segment];
        let (word, number) = (verdict::stability(jaccard), verdict::digits(jaccard));
        fact("Stability", &format!("{word} <span class=\"muted\">(Jaccard {number})</span>"))
    })
}

fn activity(own: &Activity, all: &Activity) -> String {
    let whole = |number: f64| count(number.round() as u64);
    let times = match own.median / all.median {
        times if times.is_finite() => format!(", {} the median of all users, {}", lift(times), whole(all.median)),
        _ => String::new(),
    };
    let text = format!(
        "{}{times} <span class=\"muted\">(middle half of the members: {} to {})</span>",
        plural(own.median.round() as u64, "item"),
        whole(own.lower_quartile),
        whole(own.upper_quartile),
    );
    fact("Activity", &text)
}

/// A multiple, as `3.1×`.
fn lift(times: f64) -> String {
    match times {
        t if !t.is_finite() => "–".into(),
        t if t < 9.95 => format!("{t:.1}×"),
        t => format!("{}×", count(t.round() as u64)),
    }
}

fn tastes(metadata: &[Summary]) -> String {
    metadata.iter().map(|summary| fact(&html(&summary.name), &taste(summary))).collect()
}

fn taste(summary: &Summary) -> String {
    match &summary.of {
        SummaryOf::Categories(categories) => categories_of(categories),
        SummaryOf::Number { mean: Some(mean), mean_all: Some(all), .. } => {
            let (mean, all) = (significant(*mean, 4), significant(*all, 4));
            format!("{mean} on average <span class=\"muted\">(all users {all})</span>")
        }
        SummaryOf::Number { .. } => "–".into(),
    }
}

fn categories_of(categories: &[Category]) -> String {
    let liked = categories.iter().filter(|category| category.lift() >= LIKED_LIFT).take(LIKED);
    let avoided = categories.iter().rev().filter(|category| category.lift() <= AVOIDED_LIFT).take(AVOIDED);
    let shown = |category: &Category| {
        let (value, share) = (html(&category.value), percent_short(category.share));
        format!("{value} {share} <span class=\"muted\">({})</span>", lift(category.lift()))
    };
    let avoided = avoided.map(|category| format!("less {}", shown(category)));
    match liked.map(shown).chain(avoided).collect::<Vec<_>>() {
        none if none.is_empty() => "close to all users".into(),
        shown => shown.join(", "),
    }
}

/// Whole percent, below one the first decimal.
fn percent_short(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0%".into(),
        whole if whole >= 0.95 => format!("{whole:.0}%"),
        part if part >= 0.05 => format!("{part:.1}%"),
        _ => "under 0.1%".into(),
    }
}

fn missing(shown: &Shown, items: &[ItemShare]) -> String {
    let told = |item: &ItemShare| {
        let (share, all) = (percent_short(item.share), percent_short(item.share_all));
        format!("{} {share} <span class=\"muted\">(all users {all})</span>", shown.items.name(item.item))
    };
    let items: Vec<String> = items.iter().take(MISSING).map(told).collect();
    if items.is_empty() { String::new() } else { fact("Missing most", &items.join(", ")) }
}

fn nearest(shown: &Shown, profile: &Profile) -> String {
    let link = |segment: usize| format!("<a href=\"#segment-{segment}\">{}</a>", shown.label_html(segment));
    let links: Vec<String> = profile.nearest.iter().take(2).map(|near| link(near.segment as usize)).collect();
    if links.is_empty() { String::new() } else { fact("Nearest", &links.join(", ")) }
}

fn items(shown: &Shown, profile: &Profile, ratings: Ratings) -> String {
    if profile.top.is_empty() {
        return "<p class=\"muted\">No items.</p>\n".into();
    }
    let rated = match ratings {
        Ratings::Rated => "<span class=\"figure\">rated</span>",
        Ratings::Times => "<span class=\"figure\">times each</span>",
        Ratings::Alike => "",
    };
    let class = match ratings {
        Ratings::Rated => "items",
        Ratings::Times => "items times",
        Ratings::Alike => "items unrated",
    };
    let items: String = profile.top.iter().map(|top| card_item(shown, top, ratings)).collect();
    format!(
        "<p class=\"{class} over\" aria-hidden=\"true\"><span></span><span class=\"figure\">have it</span>\
         <span class=\"figure\">× all</span>{rated}</p>\n\
         <ol class=\"{class}\">\n{items}</ol>\n"
    )
}

/// A number for the eye. A screen reader gets it in words instead.
fn figure(text: &str) -> String {
    format!("<span class=\"figure\" aria-hidden=\"true\">{text}</span>")
}

fn card_item(shown: &Shown, top: &ProfileItem, ratings: Ratings) -> String {
    let title = shown.items.name(top.item);
    let (share, times) = (percent_short(top.share), lift(top.lift()));
    let high = if top.lift() >= 2.0 { " high" } else { "" };
    let mean = format!("{:.1}", top.mean_rating);
    let (rated, said) = match ratings {
        Ratings::Rated => (figure(&mean), format!("; rated {mean}")),
        Ratings::Times => (figure(&mean), format!("; {mean} times each")),
        Ratings::Alike => (String::new(), String::new()),
    };
    format!(
        "<li><span class=\"title\" title=\"{title}\">{title}</span>{}\
         <span class=\"figure lift{high}\" aria-hidden=\"true\">{times}</span>{rated}\
         <span class=\"unseen\">{share} have it, {times} the share of all users{said}</span>{}</li>\n",
        figure(&share),
        bar(top.share, Some(top.share_all))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Duplicates, RatingColumn, Source};
    use crate::results::Outcome;
    use crate::results::fixture::{self, SMALL};
    use crate::results::run::Digests;

    fn section(outcome: &Outcome) -> String {
        super::section(&Shown::of(outcome, Digests::new(), false))
    }

    #[test]
    fn names_and_metadata_do_not_become_markup() {
        let mut outcome = fixture::outcome(SMALL);
        let hostile = "</h3><b>\"&'";
        outcome.names.fill(hostile.into());
        for profile in &mut outcome.profiles {
            profile.distinctive = profile.missing.clone();
            profile.metadata[0].name = hostile.into();
            let SummaryOf::Categories(genres) = &mut profile.metadata[0].of else { panic!("categories") };
            genres.iter_mut().for_each(|genre| genre.value = hostile.into());
        }
        outcome.items.titles.fill(Some(hostile.into()));
        let cards = section(&outcome);
        assert!(!cards.contains("<b>\"") && !cards.contains("&'"));
        assert_eq!(cards.matches("</h3>").count(), SMALL.clusters);
        assert_eq!(cards.matches("<article").count(), cards.matches("</article>").count());
    }

    #[test]
    fn a_card_says_what_there_is_to_say() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.names[1] = "Horror & Thriller".into();
        outcome.evidence.as_mut().unwrap().stability.jaccard = vec![0.9, 0.8, 0.65, 0.2];
        let all = section(&outcome);
        let card = &all[all.find("id=\"segment-1\"").unwrap()..all.find("id=\"segment-2\"").unwrap()];
        for text in
            ["1 · Horror &amp; Thriller</h3>", "<dt>genre</dt>", "Missing most", "<dd>stable <span", "(Jaccard 0.80)"]
        {
            assert!(card.contains(text), "{text} is not in {card}");
        }
        assert!(
            card.contains("49 items, 0.8× the median of all users, 65 <span class=\"muted\">(middle half of the members: 33 to 148)"),
            "{card}"
        );
        assert!(all.contains("<a href=\"#segment-1\">1 · Horror &amp; Thriller</a>"));
        let words: Vec<bool> = ["very stable", "fairly stable", "unstable"].map(|word| all.contains(word)).to_vec();
        assert_eq!(words, [true; 3]);
        outcome.evidence = None;
        assert!(!section(&outcome).contains("Jaccard"));
    }

    #[test]
    fn a_mean_rating_is_shown_where_it_says_something() {
        let mut outcome = fixture::outcome(SMALL);
        assert!(section(&outcome).contains("; rated "));
        let top = |outcome: &mut Outcome, mean: f64| {
            let tops = outcome.profiles.iter_mut().flat_map(|profile| &mut profile.top);
            tops.for_each(|top| (top.mean_rating, top.mean_rating_all) = (mean, mean));
        };
        top(&mut outcome, 1.0);
        assert!(!section(&outcome).contains("; rated ") && section(&outcome).contains("items unrated"));
        top(&mut outcome, 2.0);
        outcome.job.input.duplicates = Duplicates::Sum;
        let Source::Files(files) = &mut outcome.job.input.source else { panic!("files") };
        files.rating = RatingColumn::None;
        assert!(section(&outcome).contains("; 2.0 times each"));
    }

    #[test]
    fn an_empty_segment_has_a_card() {
        let mut outcome = fixture::outcome(SMALL);
        let profile = &mut outcome.profiles[2];
        profile.top.clear();
        profile.missing.clear();
        profile.nearest.clear();
        (profile.activity, profile.activity_all) = (Activity::default(), Activity::default());
        profile.metadata[0].of = SummaryOf::Number { mean: None, mean_all: None, deviation_all: 0.0 };
        let all = section(&outcome);
        assert!(all.contains("No items.") && !all.contains("NaN") && !all.contains("inf"));
        assert_eq!([0.0, 0.0004, 0.0037, 0.62].map(percent_short), ["0%", "under 0.1%", "0.4%", "62%"]);
        assert_eq!([lift(0.52), lift(3.13), lift(12.3), lift(f64::NAN)], ["0.5×", "3.1×", "12×", "–"]);
    }
}
