//! The three kinds of model, and what each takes of an entry.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Multinomial,
    Bernoulli,
    Gaussian,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Multinomial => "multinomial",
            Kind::Bernoulli => "bernoulli",
            Kind::Gaussian => "gaussian",
        }
    }

    /// The tables `(n_classes, n_items)` of a model by scikit-learn's names; `feature_log_absent` is ln(1 − p) where
    /// `feature_log_prob` is ln p. With the prior they are the whole model ([`Classifier`](super::Classifier)).
    pub fn tables(self) -> &'static [&'static str] {
        match self {
            Kind::Multinomial => &["feature_log_prob"],
            Kind::Bernoulli => &["feature_log_prob", "feature_log_absent"],
            Kind::Gaussian => &["theta", "var"],
        }
    }

    pub(super) fn has_squares(self) -> bool {
        self == Kind::Gaussian
    }
}

/// 1 for an entry that counts as present for Bernoulli, else 0.
#[inline(always)]
pub(super) fn presence(x: f64) -> f64 {
    f64::from(u8::from(x > 0.0))
}
