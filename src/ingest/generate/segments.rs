//! The planted segment of a user.

use super::draws::{Purpose, scaled, unit};
use super::generator::Generator;
use crate::job::GenerateSpec;

impl Generator {
    /// The planted segment, from 0, of user `user` in 1..=users, in the month of the spec. In month 0 the first users
    /// have one segment each, so none is empty.
    pub fn label(&self, user: u64) -> u32 {
        (1..=self.spec.month).fold(self.first_label(user), |label, month| self.next_label(user, label, month))
    }

    /// In month 0.
    fn first_label(&self, user: u64) -> u32 {
        let segments = self.spec.segments;
        if user <= segments {
            return (user - 1) as u32;
        }
        let last = self.shares[segments as usize - 1];
        let draw = scaled(self.draw(Purpose::Label, 0, user), last);
        self.shares.partition_point(|&upto| upto <= draw) as u32
    }

    /// In `month`, for a user who had `label` in the month before.
    fn next_label(&self, user: u64, label: u32, month: u64) -> u32 {
        if unit(self.draw(Purpose::Mover, month, user)) >= self.spec.movers {
            return label;
        }
        let GenerateSpec { segments, born, .. } = self.spec;
        let target = self.draw(Purpose::Target, 2 * month, user);
        let founds = born > 0 && self.draw(Purpose::Target, 2 * month + 1, user) & 1 == 0;
        let (first, n) = if founds { (segments, born) } else { (0, segments) };
        // Any of these but the user's own.
        let own = (u64::from(label) >= first && u64::from(label) < first + n).then_some(u64::from(label));
        match n - u64::from(own.is_some()) {
            0 => label,
            others => {
                let drawn = first + scaled(target, others);
                (drawn + u64::from(own.is_some_and(|own| drawn >= own))) as u32
            }
        }
    }
}
