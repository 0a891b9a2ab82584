//! Who gets how many lines of a screen that is too small for all.

/// Lines for each that wants some: what it wants where there is enough, else as evenly as their wants allow.
pub fn share_out(wants: &[u16], lines: u16) -> Vec<u16> {
    let mut given = vec![0; wants.len()];
    let mut order: Vec<usize> = (0..wants.len()).collect();
    order.sort_by_key(|&at| wants[at]);
    let mut left = lines;
    for (place, &at) in order.iter().enumerate() {
        // Whoever wants less than its part leaves the rest to those that want more.
        let part = left / (wants.len() - place) as u16;
        given[at] = wants[at].min(part);
        left -= given[at];
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_wants_are_met_and_the_rest_is_even() {
        assert_eq!(share_out(&[3, 2, 4], 20), [3, 2, 4]);
        assert_eq!(share_out(&[30, 2, 50, 4], 26), [10, 2, 10, 4]);
        assert_eq!(share_out(&[30, 40], 5), [2, 3]);
        assert_eq!(share_out(&[3, 3, 3], 0), [0, 0, 0]);
        assert_eq!(share_out(&[], 7), [] as [u16; 0]);
    }
}
