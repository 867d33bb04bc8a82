//! A card per segment: who its members are, and what they like more than others do.

use super::detail::Detail;
use super::parts::{color, dot, item, stands_out};
use crate::report::verdict;
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

pub fn section(shown: &Shown, detail: &Detail) -> String {
    let ratings = shown.ratings;
    let segments = detail.segments(&shown.kmeans.sizes);
    let card = |&segment: &usize| card(shown, &shown.profiles[segment], ratings, detail);
    let cards: String = segments.iter().map(card).collect();
    format!(
        "<section id=\"segments\">\n<h2>Each segment</h2>\n<p class=\"how\">Each card lists the items that weigh most for the \
         segment’s members (by mean TF-IDF). The bar and the first number show the share of members who have the item, the \
         tick the share of all users. The second number is the ratio of the two: a bar far past its tick marks what is \
         special about the segment.{}</p>\n\
         <div class=\"cards\">\n{cards}</div>\n</section>\n",
        left_out(shown, detail)
    )
}

/// What is not on the cards because the page would grow too large.
fn left_out(shown: &Shown, detail: &Detail) -> String {
    let most = shown.profiles.iter().map(|profile| profile.top.len()).max().unwrap_or(0);
    let items = (detail.items < most)
        .then(|| format!("the first {} of {most} items (<code>profiles.parquet</code> has all)", detail.items));
    let all = shown.profiles.len();
    let segments =
        (detail.segments < all).then(|| format!("the {} largest of {} segments", detail.segments, count(all as u64)));
    let columns = shown.profiles.iter().map(|profile| profile.metadata.len()).max().unwrap_or(0);
    let columns = (detail.columns < columns).then(|| format!("{} of {columns} columns of metadata", detail.columns));
    match segments.into_iter().chain(items).chain(columns).collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        left => format!(" To keep this page small, it shows {}.", left.join(", and ")),
    }
}

fn card(shown: &Shown, profile: &Profile, ratings: Ratings, detail: &Detail) -> String {
    let segment = profile.segment as usize;
    let share = percent(shown.share(profile.size));
    let members = [tastes(&profile.metadata, detail), activity(&profile.activity, &profile.activity_all)];
    let others = [missing(shown, &profile.missing, detail), nearest(shown, profile, detail), stability(shown, segment)];
    format!(
        "<article class=\"card {}\" id=\"segment-{segment}\">\n<header><h3>{}{}</h3>\
         <p class=\"size\">{}, {share}</p></header>\n{}{}{}{}</article>\n",
        color(segment),
        dot(segment),
        shown.label_html(segment),
        plural(profile.size, "user"),
        for_what(shown, profile, detail),
        facts(&members),
        items(shown, profile, ratings, detail),
        facts(&others),
    )
}

fn for_what(shown: &Shown, profile: &Profile, detail: &Detail) -> String {
    let items = stands_out(shown, profile, STANDS_OUT, detail).into_iter().map(|item| format!("<b>{item}</b>"));
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

fn tastes(metadata: &[Summary], detail: &Detail) -> String {
    metadata
        .iter()
        .take(detail.columns)
        .map(|summary| fact(&html(&detail.cut(&summary.name)), &taste(summary, detail)))
        .collect()
}

fn taste(summary: &Summary, detail: &Detail) -> String {
    match &summary.of {
        SummaryOf::Categories(categories) => categories_of(categories, detail),
        SummaryOf::Number { mean: Some(mean), mean_all: Some(all), .. } => {
            let (mean, all) = (significant(*mean, 4), significant(*all, 4));
            format!("{mean} on average <span class=\"muted\">(all users {all})</span>")
        }
        SummaryOf::Number { .. } => "–".into(),
    }
}

fn categories_of(categories: &[Category], detail: &Detail) -> String {
    let liked = categories.iter().filter(|category| category.lift() >= LIKED_LIFT).take(LIKED);
    let avoided = categories.iter().rev().filter(|category| category.lift() <= AVOIDED_LIFT).take(AVOIDED);
    let shown = |category: &Category| {
        let (value, share) = (html(&detail.cut(&category.value)), percent_short(category.share));
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

fn missing(shown: &Shown, items: &[ItemShare], detail: &Detail) -> String {
    let told = |missing: &ItemShare| {
        let (share, all) = (percent_short(missing.share), percent_short(missing.share_all));
        format!("{} {share} <span class=\"muted\">(all users {all})</span>", item(shown, missing.item, detail))
    };
    let items: Vec<String> = items.iter().take(MISSING.min(detail.columns)).map(told).collect();
    if items.is_empty() { String::new() } else { fact("Missing most", &items.join(", ")) }
}

fn nearest(shown: &Shown, profile: &Profile, detail: &Detail) -> String {
    let listed = detail.segments(&shown.kmeans.sizes);
    let link = |segment: usize| match listed.binary_search(&segment) {
        Ok(_) => format!("<a href=\"#segment-{segment}\">{}</a>", shown.label_html(segment)),
        Err(_) => shown.label_html(segment),
    };
    let links: Vec<String> = profile.nearest.iter().take(2).map(|near| link(near.segment as usize)).collect();
    if links.is_empty() { String::new() } else { fact("Nearest", &links.join(", ")) }
}

/// The items as a table, which `page.js` can copy.
fn items(shown: &Shown, profile: &Profile, ratings: Ratings, detail: &Detail) -> String {
    if profile.top.is_empty() {
        return "<p class=\"muted\">No items.</p>\n".into();
    }
    let (class, rated) = match ratings {
        Ratings::Rated => ("", "<th scope=\"col\">rated"),
        Ratings::Times => (" times", "<th scope=\"col\">times each"),
        Ratings::Alike => (" unrated", ""),
    };
    let rows: String = profile.top.iter().take(detail.items).map(|top| row(shown, top, ratings, detail)).collect();
    // Cells and rows of a table end by themselves where the next begins.
    format!(
        "<table class=\"items{class}\">\n<thead><tr><th scope=\"col\">item<th scope=\"col\">have it<th scope=\"col\">× all{rated}\
         <tbody>\n{rows}</table>\n"
    )
}

fn row(shown: &Shown, top: &ProfileItem, ratings: Ratings, detail: &Detail) -> String {
    let title = item(shown, top.item, detail);
    let (share, times) = (percent_short(top.share), lift(top.lift()));
    let high = if top.lift() >= 2.0 { " class=\"high\"" } else { "" };
    let rated = match ratings {
        Ratings::Rated | Ratings::Times => format!("<td>{:.1}", top.mean_rating),
        Ratings::Alike => String::new(),
    };
    let width = |share: f64| (share.clamp(0.0, 1.0) * 1000.0).round() / 10.0;
    format!(
        "<tr style=\"--v:{}%;--all:{}%\"><th scope=\"row\">{title}<td>{share}<td{high}>{times}{rated}\n",
        width(top.share),
        width(top.share_all)
    )
}

#[cfg(test)]
mod tests {
    use super::super::detail::DETAILS;
    use super::*;
    use crate::job::{Duplicates, RatingColumn, Source};
    use crate::results::Outcome;
    use crate::results::fixture::{self, SMALL};
    use crate::results::run::Digests;

    fn section(outcome: &Outcome) -> String {
        super::section(&Shown::of(outcome, Digests::new(), false), &DETAILS[0])
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
        assert!(section(&outcome).contains("<th scope=\"col\">rated"));
        let top = |outcome: &mut Outcome, mean: f64| {
            let tops = outcome.profiles.iter_mut().flat_map(|profile| &mut profile.top);
            tops.for_each(|top| (top.mean_rating, top.mean_rating_all) = (mean, mean));
        };
        top(&mut outcome, 1.0);
        assert!(!section(&outcome).contains("rated<") && section(&outcome).contains("items unrated"));
        top(&mut outcome, 2.0);
        outcome.job.input.duplicates = Duplicates::Sum;
        let Source::Files(files) = &mut outcome.job.input.source else { panic!("files") };
        files.rating = RatingColumn::None;
        assert!(section(&outcome).contains("<th scope=\"col\">times each") && section(&outcome).contains("<td>2.0\n"));
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
