//! Sets of numbers and addresses as sorted, disjoint, non-adjacent inclusive ranges.

/// A set of `T`, kept canonical: equal sets have equal representations.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RangeSet<T>(Vec<(T, T)>);

/// Mathematical integers: neither width nor signedness of a type matters here.
pub type IntSet = RangeSet<i128>;
/// IPv4 addresses in host byte order.
pub type V4Set = RangeSet<u32>;
/// IPv6 addresses in host byte order.
pub type V6Set = RangeSet<u128>;

/// Numbers with a successor.
pub trait Step: Copy + Ord {
    /// The next number; `None` at the type's end.
    fn next(self) -> Option<Self>;
}

impl Step for i128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Step for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Step for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl<T: Step> RangeSet<T> {
    /// The union of inclusive ranges in any order; ranges with `lo > hi` are empty.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|(lo, hi)| lo <= hi).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(sorted.len());
        for (lo, hi) in sorted {
            match merged.last_mut() {
                Some(last) if last.1.next().is_none_or(|after| lo <= after) => {
                    last.1 = last.1.max(hi);
                }
                _ => merged.push((lo, hi)),
            }
        }
        Self(merged)
    }

    pub fn from_values(values: impl IntoIterator<Item = T>) -> Self {
        Self::from_ranges(values.into_iter().map(|value| (value, value)))
    }

    /// Inclusive ranges in ascending order.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, value: T) -> bool {
        let after = self.0.partition_point(|(lo, _)| *lo <= value);
        after > 0 && value <= self.0[after - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_and_adjacent_ranges_merge() {
        let set = IntSet::from_ranges([(5, 9), (1, 2), (3, 3), (7, 12), (20, 19)]);
        assert_eq!(set.ranges(), [(1, 3), (5, 12)]);
    }

    #[test]
    fn the_last_number_has_no_successor() {
        let set = V4Set::from_ranges([(10, u32::MAX), (u32::MAX, u32::MAX)]);
        assert_eq!(set.ranges(), [(10, u32::MAX)]);
    }

    #[test]
    fn contains_looks_at_both_bounds() {
        let set = IntSet::from_ranges([(1, 3), (8, 8)]);
        let inside: Vec<_> = (0..10).filter(|value| set.contains(*value)).collect();
        assert_eq!(inside, [1, 2, 3, 8]);
    }
}
