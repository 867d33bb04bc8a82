//! `[filter]`.

use crate::error::Result;
use crate::job::filter::Filter;
use crate::job::refuse::{at_least, refuse};
use crate::job::spec::{FilterSpec, InputSpec, Moment};
use crate::job::time::TimeUnit;

pub fn filter(spec: &FilterSpec, input: &InputSpec) -> Result<Filter> {
    let count = |key: &str, count: Option<u64>| count.map(|count| at_least(key, count, 1)).transpose();
    let bound = |key: &str, value: Option<f64>| value.map(|value| rating_bound(key, value)).transpose();
    let time = |key: &str, given: &Option<Moment>| given.as_ref().map(|given| time(key, given, input)).transpose();
    let filter = Filter {
        min_ratings_per_user: count("filter.min_ratings_per_user", spec.min_ratings_per_user)?,
        min_users_per_item: count("filter.min_users_per_item", spec.min_users_per_item)?,
        top_items: count("filter.top_items", spec.top_items)?,
        min_rating: bound("filter.min_rating", spec.min_rating)?,
        max_rating: bound("filter.max_rating", spec.max_rating)?,
        after: time("filter.after", &spec.after)?,
        before: time("filter.before", &spec.before)?,
    };
    refuse_empty_ranges(&filter)?;
    Ok(filter)
}

fn refuse_empty_ranges(filter: &Filter) -> Result<()> {
    if let (Some(least), Some(most)) = (filter.min_rating, filter.max_rating)
        && least > most
    {
        let problem = format!("{most} is less than filter.min_rating = {least}, so no rating passes");
        return refuse("filter.max_rating", problem, "raise it, or remove one of them");
    }
    if let (Some(first), Some(end)) = (filter.after, filter.before)
        && first >= end
    {
        return refuse("filter.before", "it is not later than filter.after, so no row passes", "name a later time");
    }
    Ok(())
}

/// A time needs a column that it is compared with, which is found in files where the job does not name it.
fn time(key: &str, moment: &Moment, input: &InputSpec) -> Result<i64> {
    match input.generate {
        Some(_) => refuse(key, "data that are made have no time", "remove it"),
        None => point_in_time(key, moment, input.time_unit.unwrap_or_default()),
    }
}

fn rating_bound(key: &str, value: f64) -> Result<f64> {
    if !(value >= 0.0 && value.is_finite()) {
        return refuse(key, format!("{value} is no rating"), "write a number, 0 or more");
    }
    // Adding 0 turns −0 into 0.
    Ok(value + 0.0)
}

fn point_in_time(key: &str, moment: &Moment, unit: TimeUnit) -> Result<i64> {
    let (found, text) = match moment {
        Moment::Whole(number) => (unit.of_number(*number), number.to_string()),
        Moment::Number(number) => (unit.read(number.to_string().as_bytes()), number.to_string()),
        Moment::Text(text) => (unit.read(text.trim().as_bytes()), format!("{text:?}")),
    };
    let remedy = "write a date such as \"2024-05-01\", or a date and time such as \"2024-05-01T17:30:00Z\"";
    found.map_or_else(|| refuse(key, format!("{text} is no point in time"), remedy), Ok)
}
