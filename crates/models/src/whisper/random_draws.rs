//! Draws that the same seed repeats on every machine.

/// SplitMix64 (Steele, Lea and Flood 2014): one word of state, good enough to choose tokens with, and never to keep secrets.
#[derive(Clone, Debug)]
pub(super) struct RandomDraws(u64);

impl RandomDraws {
    /// The draws of a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, evenly from 0 up to but not including 1.
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        (word >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_repeat() {
        let draws = |seed| {
            let mut random = RandomDraws::new(seed);
            (0..10_000).map(|_| random.unit()).collect::<Vec<_>>()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        let mean = draws(1).iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        // The first number of the authors' program for this seed.
        assert_eq!(draws(1_234_567)[0], (6_457_827_717_110_365_317_u64 >> 11) as f64 / (1_u64 << 53) as f64);
        assert!(draws(3).iter().all(|draw| (0.0..1.0).contains(draw)));
    }
}
