//! From numbers to places on an axis, and the round numbers that are marked there.

/// A stretch of numbers, drawn from one end of an axis to the other. Never empty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
}

/// Round numbers, equally far apart: each is a whole multiple of `step`, which is 1, 2 or 5 times a power of ten.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticks {
    pub values: Vec<f64>,
    /// The power of ten of the step.
    exponent: i32,
}

impl Scale {
    /// From `low` to `high`. Where that is nothing (both the same, or no numbers), room is made around it.
    pub fn new(low: f64, high: f64) -> Scale {
        let (low, high) = (finite(low), finite(high));
        let (low, high) = (low.min(high), low.max(high));
        // Less than this could not be told apart in digits.
        let least = 1e-9 * low.abs().max(high.abs()).max(1e-9);
        if high - low > least {
            return Scale { low, high };
        }
        let room = if low == 0.0 { 1.0 } else { 0.5 * low.abs() };
        Scale { low: low - room, high: high + room }
    }

    /// Over all of `values`.
    pub fn over(values: impl IntoIterator<Item = f64>) -> Scale {
        let numbers = values.into_iter().filter(|value| value.is_finite());
        let ends = numbers.fold(None, |ends: Option<(f64, f64)>, value| {
            Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        });
        let (low, high) = ends.unwrap_or((0.0, 0.0));
        Scale::new(low, high)
    }

    /// Over 0 and all of `values`.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Scale {
        Scale::over(values.into_iter().chain([0.0]))
    }

    /// Longer by a share of itself at each end that is not 0: what lies at an end is drawn whole.
    pub fn padded(self, share: f64) -> Scale {
        let room = share * (self.high - self.low);
        let away = |end: f64| if end == 0.0 { 0.0 } else { room };
        Scale { low: self.low - away(self.low), high: self.high + away(self.high) }
    }

    pub fn ends(self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where a number lies: 0 at the low end, 1 at the high one. What is no number lies at the low end.
    pub fn place(self, value: f64) -> f64 {
        if value.is_finite() { (value - self.low) / (self.high - self.low) } else { 0.0 }
    }

    /// As many round numbers in the scale as there are, but `most` (at least 2).
    pub fn ticks(self, most: usize) -> Ticks {
        let span = self.high - self.low;
        let first = libm::floor(libm::log10(span / most.max(2) as f64)) as i32;
        let steps = (first..).flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| (digit, exponent)));
        let of_step = |(digit, exponent): (f64, i32)| {
            let at = |value: f64| times_ten(value / digit, -exponent);
            let (low, high) = (at(self.low), at(self.high));
            // A tick that a rounding error alone puts outside is in.
            let slack = 1e-9 * (high - low);
            let (from, to) = (libm::ceil(low - slack), libm::floor(high + slack));
            let count = (to - from + 1.0).max(0.0) as usize;
            (count <= most.max(2)).then(|| Ticks {
                values: (0..count).map(|i| times_ten((from + i as f64) * digit, exponent)).collect(),
                exponent,
            })
        };
        steps.into_iter().find_map(of_step).expect("steps grow until there are few enough")
    }
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// `value · 10^exponent`, by the power of ten that is a whole number: no rounding error where the result has none.
fn times_ten(value: f64, exponent: i32) -> f64 {
    let power: f64 = format!("1e{}", exponent.abs()).parse().expect("a power of ten");
    let product = if exponent < 0 { value / power } else { value * power };
    // −0 is no number to show.
    product + 0.0
}

impl Ticks {
    /// Each number as people write it, with the decimals that the step needs.
    pub fn labels(&self) -> Vec<String> {
        self.texts(0, "")
    }

    /// Each number as a percentage.
    pub fn percents(&self) -> Vec<String> {
        self.texts(2, "%")
    }

    fn texts(&self, shift: i32, unit: &str) -> Vec<String> {
        let decimals = (-self.exponent - shift).max(0) as usize;
        let text = |&value: &f64| {
            // 0 needs no decimals to be read.
            let decimals = if value == 0.0 { 0 } else { decimals };
            let text = format!("{:.decimals$}", times_ten(value, shift));
            format!("{}{unit}", text.replacen('-', "−", 1))
        };
        self.values.iter().map(text).collect()
    }
}

/// The distance between marked ones of `n` whole numbers, of which at most `most` are marked: 1, 2, 5, 10, 20, 50, …, and a
/// multiple of `of`, one of these.
pub fn whole_step(n: usize, most: usize, of: usize) -> usize {
    let steps = (0..).flat_map(|exponent| [1, 2, 5].map(|digit| digit * 10usize.pow(exponent)));
    let mut fitting = steps.into_iter().filter(|step| step.is_multiple_of(of) && n.div_ceil(*step) <= most.max(1));
    fitting.next().expect("steps grow until one is as large as n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers of any size that a chart may have to show.
    fn number() -> impl Strategy<Value = f64> {
        (-1.0..1.0f64, -12..12i32).prop_map(|(digits, exponent)| digits * 10f64.powi(exponent))
    }

    proptest! {
        #[test]
        fn places_are_in_order_and_the_ends_at_the_ends(a in number(), b in number(), share in 0.0..=1.0f64) {
            let scale = Scale::new(a, b);
            let (low, high) = scale.ends();
            prop_assert!(low < high && low <= a.min(b) && a.max(b) <= high);
            prop_assert_eq!((scale.place(low), scale.place(high)), (0.0, 1.0));
            let between = low + share * (high - low);
            let place = scale.place(between);
            prop_assert!((place - share).abs() < 1e-6, "{} for {}", place, share);
        }

        #[test]
        fn ticks_are_round_in_the_scale_few_and_equally_far_apart(a in number(), b in number(), most in 2..20usize) {
            let scale = Scale::new(a, b);
            let (low, high) = scale.ends();
            let ticks = scale.ticks(most);
            let slack = 1e-8 * (high - low);
            prop_assert!(ticks.values.len() <= most);
            prop_assert!(ticks.values.iter().all(|tick| (low - slack..=high + slack).contains(tick)), "{ticks:?}");
            let gaps: Vec<f64> = ticks.values.windows(2).map(|pair| pair[1] - pair[0]).collect();
            prop_assert!(gaps.iter().all(|gap| *gap > 0.0 && (gap - gaps[0]).abs() <= slack), "{ticks:?}");
            // The next smaller step would have given too many: at most 2.5 times as many, and one more at an end.
            prop_assert!(ticks.values.len() as f64 >= (most as f64 + 1.0) / 2.5 - 2.0, "{} of {most}", ticks.values.len());
        }

        #[test]
        fn the_label_of_a_tick_reads_back_as_its_number(a in number(), b in number(), most in 2..20usize) {
            let ticks = Scale::new(a, b).ticks(most);
            let labels = ticks.labels();
            for (label, &tick) in labels.iter().zip(&ticks.values) {
                let read: f64 = label.replace('−', "-").parse().unwrap();
                prop_assert!((read - tick).abs() <= 1e-9 * tick.abs(), "{label} for {tick}");
            }
            let distinct: std::collections::BTreeSet<&String> = labels.iter().collect();
            prop_assert_eq!(distinct.len(), labels.len());
            for (label, &tick) in ticks.percents().iter().zip(&ticks.values) {
                let read: f64 = label.trim_end_matches('%').replace('−', "-").parse().unwrap();
                prop_assert!((read / 100.0 - tick).abs() <= 1e-9 * tick.abs(), "{label} for {tick}");
            }
        }

        #[test]
        fn marked_whole_numbers_are_few_and_those_on_a_phone_are_among_those_on_a_desk(n in 1..5_000usize) {
            let desk = whole_step(n, 26, 1);
            let phone = whole_step(n, 12, desk);
            prop_assert!(n.div_ceil(desk) <= 26 && n.div_ceil(phone) <= 12 && phone.is_multiple_of(desk));
        }
    }

    #[test]
    fn ticks_are_those_that_a_person_would_choose() {
        let ticks = |low, high, most| Scale::new(low, high).ticks(most).labels();
        assert_eq!(ticks(0.0, 200.0, 5), ["0", "50", "100", "150", "200"]);
        assert_eq!(ticks(-0.02, 0.37, 6), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(ticks(-18.0, 57.0, 9), ["−10", "0", "10", "20", "30", "40", "50"]);
        assert_eq!(Scale::new(0.0, 0.42).ticks(6).percents(), ["0%", "10%", "20%", "30%", "40%"]);
        assert_eq!(Scale::new(0.0, 0.012).ticks(5).percents(), ["0%", "0.5%", "1.0%"]);
    }

    #[test]
    fn there_is_a_scale_for_anything() {
        for values in [vec![], vec![f64::NAN], vec![0.0; 3], vec![7.0], vec![f64::INFINITY, -1.0], vec![1e-300]] {
            for scale in [Scale::over(values.clone()), Scale::from_zero(values)] {
                let (low, high) = scale.padded(0.05).ends();
                assert!(low < high && low.is_finite() && high.is_finite());
                assert!(!scale.ticks(5).values.is_empty());
            }
        }
        assert_eq!(Scale::from_zero([3.0]).padded(0.1).ends(), (0.0, 3.3));
        assert_eq!(Scale::new(0.0, 1.0).place(f64::NAN), 0.0);
        assert_eq!([whole_step(20, 26, 1), whole_step(25, 12, 1), whole_step(256, 12, 5)], [1, 5, 50]);
    }
}
