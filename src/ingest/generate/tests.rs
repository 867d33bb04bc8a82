use super::laws::ACTIVITY_SIGMA;
use super::ranks::{ZIPF_SHIFT, rank_in_theme, theme_of_rank};
use super::words::THEMES;
use super::*;
use crate::job::{Feedback, GenerateSpec};

fn spec() -> GenerateSpec {
    GenerateSpec {
        users: 3000,
        items: 1200,
        ratings_per_user: 40.0,
        segments: 6,
        feedback: Feedback::Explicit,
        affinity: 0.7,
        seed: 1,
        ..GenerateSpec::default()
    }
}

fn rows(generator: &Generator, user: u64) -> Vec<(u64, f64)> {
    let mut rows = Vec::new();
    generator.user(user, &mut rows);
    rows
}

fn all(spec: &GenerateSpec) -> (Generator, Vec<Vec<(u64, f64)>>) {
    let generator = Generator::new(spec).unwrap();
    let rows = (1..=spec.users).map(|u| rows(&generator, u)).collect();
    (generator, rows)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    sum / n
}

#[test]
fn explicit_ratings_are_half_stars_of_distinct_items() {
    let (generator, users) = all(&spec());
    for (u, rows) in users.iter().enumerate() {
        let mut items: Vec<u64> = rows.iter().map(|r| r.0).collect();
        items.sort();
        assert!(items.windows(2).all(|w| w[0] < w[1]), "user {} rates an item twice", u + 1);
        assert!(items[0] >= 1 && items[items.len() - 1] <= 1200);
        assert!(rows.iter().all(|&(_, r)| (0.5..=5.0).contains(&r) && (2.0 * r).fract() == 0.0));
    }
    let own = |own: bool| {
        let of_user = |(u, rows): (usize, &Vec<(u64, f64)>)| {
            let label = generator.label(u as u64 + 1);
            rows.iter().filter(|r| (generator.theme(r.0) == label) == own).map(|r| r.1).collect::<Vec<_>>()
        };
        mean(users.iter().enumerate().flat_map(of_user))
    };
    assert!((own(true) - 4.0).abs() < 0.15 && (own(false) - 2.75).abs() < 0.15, "{} {}", own(true), own(false));
}

#[test]
fn implicit_events_repeat_and_count_one() {
    let (_, users) = all(&GenerateSpec { feedback: Feedback::Implicit, ..spec() });
    let events: usize = users.iter().map(Vec::len).sum();
    let distinct = |rows: &Vec<(u64, f64)>| rows.iter().map(|r| r.0).collect::<std::collections::HashSet<_>>().len();
    let repeats = 1.0 - users.iter().map(distinct).sum::<usize>() as f64 / events as f64;
    assert!((0.28..0.5).contains(&repeats), "{repeats}");
    assert!(users.iter().flatten().all(|r| r.1 == 1.0));
}

#[test]
fn popularity_is_a_power_law() {
    let (generator, users) =
        all(&GenerateSpec { feedback: Feedback::Implicit, users: 20_000, affinity: 0.5, ..spec() });
    let mut counts = vec![0u32; 1200];
    users.iter().flatten().for_each(|r| counts[r.0 as usize - 1] += 1);
    // Against rank + shift, the counts fall on a line of slope −1 in the logarithms.
    let points = (0..1200).map(|rank| {
        let count = counts[generator.item_of[rank] as usize] as f64;
        (libm::log(rank as f64 + 1.0 + ZIPF_SHIFT), libm::log(count + 0.5))
    });
    let points: Vec<(f64, f64)> = points.collect();
    let (mx, my) = (mean(points.iter().map(|p| p.0)), mean(points.iter().map(|p| p.1)));
    let covariance = mean(points.iter().map(|p| (p.0 - mx) * (p.1 - my)));
    let slope = covariance / mean(points.iter().map(|p| (p.0 - mx) * (p.0 - mx)));
    assert!((-1.1..-0.9).contains(&slope), "{slope}");
}

#[test]
fn activity_is_log_normal_with_the_mean_asked_for() {
    let spec = GenerateSpec { users: 20_000, items: 5000, ratings_per_user: 80.0, ..spec() };
    let (_, users) = all(&spec);
    let sizes: Vec<f64> = users.iter().map(|rows| rows.len() as f64).collect();
    let average = mean(sizes.iter().copied());
    assert!((average / 80.0 - 1.0).abs() < 0.03, "{average}");
    let logs: Vec<f64> = sizes.iter().map(|&n| libm::log(n)).collect();
    let centre = mean(logs.iter().copied());
    let moment = |p: i32| mean(logs.iter().map(|l| (0..p).fold(1.0, |x, _| x * (l - centre))));
    let sigma = moment(2).sqrt();
    assert!((sigma - ACTIVITY_SIGMA).abs() < 0.03, "{sigma}");
    let skewness = moment(3) / (sigma * sigma * sigma);
    assert!(skewness.abs() < 0.15, "{skewness}");
}

#[test]
fn users_draw_from_their_theme_what_affinity_says() {
    for affinity in [0.0, 0.6, 1.0] {
        let spec = GenerateSpec { feedback: Feedback::Implicit, affinity, ..spec() };
        let (generator, users) = all(&spec);
        let own = users.iter().enumerate().flat_map(|(u, rows)| {
            let label = generator.label(u as u64 + 1);
            let generator = &generator;
            rows.iter().map(move |r| f64::from(generator.theme(r.0) == label))
        });
        let (share, expected) = (mean(own), affinity + (1.0 - affinity) / 6.0);
        assert!((share - expected).abs() < 0.02, "{share} and not {expected}");
    }
}

#[test]
fn segments_are_uneven_but_none_is_tiny() {
    let generator = Generator::new(&GenerateSpec { users: 60_000, ..spec() }).unwrap();
    let mut sizes = [0u32; 6];
    (1..=60_000).for_each(|u| sizes[generator.label(u) as usize] += 1);
    for (s, size) in sizes.iter().enumerate() {
        let expected = 60_000.0 * (15.0 - 2.0 * s as f64) / 60.0;
        assert!((*size as f64 - expected).abs() < 5.0 * expected.sqrt(), "{sizes:?}");
    }
    let single = Generator::new(&GenerateSpec { segments: 1, ..spec() }).unwrap();
    assert!((1..=100).all(|u| single.label(u) == 0));
}

#[test]
fn single_draws_and_the_race_have_one_law() {
    let spec = GenerateSpec { users: 4000, items: 60, segments: 3, ratings_per_user: 4.0, ..spec() };
    let generator = Generator::new(&spec).unwrap();
    let mut counts = [[0.0f64; 60]; 2];
    for user in 1..=spec.users {
        let ways = [generator.distinct_ranks(user, 1, 4).unwrap(), generator.raced_ranks(user, 1, 4)];
        for (counts, ranks) in counts.iter_mut().zip(ways) {
            ranks.iter().for_each(|&rank| counts[rank as usize] += 1.0);
        }
    }
    // A homogeneity statistic with 59 degrees of freedom; a little less, since each user draws without replacement.
    let chi: f64 = counts[0].iter().zip(&counts[1]).map(|(a, b)| (a - b) * (a - b) / (a + b).max(1.0)).sum();
    assert!(chi < 110.0, "{chi}");
}

#[test]
fn small_and_extreme_catalogues() {
    let tiny = GenerateSpec { users: 1, items: 1, segments: 1, ratings_per_user: 1.0, affinity: 1.0, ..spec() };
    let (_, users) = all(&tiny);
    assert_eq!((users[0].len(), users[0][0].0), (1, 1));
    let full = GenerateSpec { users: 50, items: 20, segments: 4, ratings_per_user: 5.0, affinity: 1.0, ..spec() };
    let (generator, users) = all(&full);
    for (u, rows) in users.iter().enumerate() {
        assert!(rows.len() <= 5 && rows.iter().all(|r| generator.theme(r.0) == generator.label(u as u64 + 1)));
    }
}

#[test]
fn themes_and_ranks_are_inverse() {
    for n_themes in [1, 2, 5, 12] {
        for rank in 0..200 {
            let theme = theme_of_rank(rank, n_themes);
            assert_eq!(rank_in_theme(theme, rank / n_themes, n_themes), rank);
        }
    }
}

#[test]
fn titles_are_unique_and_carry_their_theme() {
    let generator = Generator::new(&GenerateSpec { segments: 60, ..spec() }).unwrap();
    let titles: std::collections::HashSet<String> = (1..=1200).map(|i| generator.title(i)).collect();
    assert_eq!(titles.len(), 1200);
    assert!(
        (1..=1200).all(|i| generator.title(i).contains(&format!("({} ", generator.theme_name(generator.theme(i)))))
    );
    assert_eq!(generator.theme_name(48), "mystery-2");
    let words: std::collections::HashSet<&str> = THEMES.into_iter().collect();
    assert_eq!(words.len(), THEMES.len());
}

#[test]
fn another_seed_makes_other_data() {
    let seeds = [1, 2].map(|seed| all(&GenerateSpec { seed, ..spec() }).1);
    assert_ne!(seeds[0], seeds[1]);
    assert_eq!(seeds[0], all(&spec()).1);
}

#[test]
fn what_cannot_be_made_is_refused() {
    let refused = |spec: GenerateSpec, key: &str| {
        let error = Generator::new(&spec).unwrap_err();
        assert!(error.to_string().starts_with(&format!("input.generate.{key}: ")), "{error}");
        assert_eq!(error.exit_code(), 2);
    };
    refused(GenerateSpec { users: 0, ..spec() }, "users");
    refused(GenerateSpec { items: 0, ..spec() }, "items");
    refused(GenerateSpec { segments: 0, ..spec() }, "segments");
    refused(GenerateSpec { segments: 1201, ..spec() }, "segments");
    refused(GenerateSpec { users: 5, ..spec() }, "segments");
    refused(GenerateSpec { affinity: 1.1, ..spec() }, "affinity");
    refused(GenerateSpec { affinity: f64::NAN, ..spec() }, "affinity");
    refused(GenerateSpec { ratings_per_user: 0.5, ..spec() }, "ratings_per_user");
    refused(GenerateSpec { ratings_per_user: 1201.0, ..spec() }, "ratings_per_user");
    refused(GenerateSpec { ratings_per_user: 201.0, affinity: 1.0, ..spec() }, "ratings_per_user");
}

#[test]
fn months_share_users_and_items_and_some_users_change_taste() {
    let first = GenerateSpec { born: 2, movers: 0.2, ..spec() };
    let second = GenerateSpec { month: 1, ..first.clone() };
    let ((before, rows_before), (now, rows_now)) = (all(&first), all(&second));
    let (mut moved, mut born, mut again) = (0, 0, 0);
    for user in 1..=first.users {
        let (a, b) = (before.label(user), now.label(user));
        assert!(a < 6 && b < 8);
        moved += u32::from(a != b);
        born += u32::from(b >= 6);
        assert_eq!(before.activity(user), now.activity(user));
        again += usize::from(rows_before[user as usize - 1] == rows_now[user as usize - 1]);
    }
    assert!((500..700).contains(&moved), "{moved} of 3000 moved");
    assert!((240..360).contains(&born), "{born} founded a segment");
    assert!(again < 30, "{again} users rated the same again");
    assert!((1..=first.items).all(|item| before.title(item) == now.title(item)));
    let third = Generator::new(&GenerateSpec { month: 2, ..first.clone() }).unwrap();
    let moved_again = (1..=first.users).filter(|&user| third.label(user) != now.label(user)).count();
    assert!((450..700).contains(&moved_again), "{moved_again}");
    let alone = GenerateSpec { segments: 1, month: 3, movers: 1.0, ..spec() };
    let alone = Generator::new(&alone).unwrap();
    assert!((1..=9).all(|user| alone.label(user) == 0), "there is nowhere to go");
}
