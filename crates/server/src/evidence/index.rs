//! Which evidence there is, oldest first, and which must go. Time is an argument.

use super::{EvidenceFacts, EvidenceSettings};
use crate::random_id::RandomId;
use std::collections::{BTreeMap, HashMap};

/// Which evidence there is. Holds as many entries as may be kept.
#[derive(Debug, Default)]
pub(super) struct EvidenceIndex {
    /// By time, then name.
    by_time: BTreeMap<(u64, RandomId), EvidenceFacts>,
    times: HashMap<RandomId, u64>,
    bytes: u64,
}

/// Which evidence is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct EvidenceSearch {
    /// Of this source alone.
    pub(crate) source: Option<String>,
    /// From this time on, in milliseconds of Unix time.
    pub(crate) since_unix_ms: u64,
    /// Before this time.
    pub(crate) until_unix_ms: Option<u64>,
    /// So many at most, the newest.
    pub(crate) count_max: usize,
}

impl EvidenceIndex {
    /// Adds or replaces.
    pub(super) fn put(&mut self, facts: EvidenceFacts) {
        self.remove(facts.id);
        self.bytes = self.bytes.saturating_add(facts.bytes());
        self.times.insert(facts.id, facts.time_unix_ms);
        self.by_time.insert((facts.time_unix_ms, facts.id), facts);
    }

    pub(super) fn remove(&mut self, id: RandomId) -> Option<EvidenceFacts> {
        let time = self.times.remove(&id)?;
        let facts = self.by_time.remove(&(time, id))?;
        self.bytes = self.bytes.saturating_sub(facts.bytes());
        Some(facts)
    }

    pub(super) fn get(&self, id: RandomId) -> Option<&EvidenceFacts> {
        self.by_time.get(&(*self.times.get(&id)?, id))
    }

    /// What is asked for, newest first.
    pub(super) fn find(&self, search: &EvidenceSearch) -> Vec<EvidenceFacts> {
        let newest = self.by_time.values().rev();
        let wanted = |facts: &&EvidenceFacts| search.source.is_none() || facts.source == search.source;
        newest
            .skip_while(|facts| search.until_unix_ms.is_some_and(|until| facts.time_unix_ms >= until))
            .take_while(|facts| facts.time_unix_ms >= search.since_unix_ms)
            .filter(wanted)
            .take(search.count_max)
            .cloned()
            .collect()
    }

    /// What must go, oldest first, so that the rest is within the limits at this time.
    pub(super) fn surplus(&self, limits: &EvidenceSettings, now_unix_ms: u64) -> Vec<RandomId> {
        let age_ms = u64::try_from(limits.age_max.as_millis()).unwrap_or(u64::MAX);
        let (mut count, mut bytes) = (self.by_time.len(), self.bytes);
        let mut surplus = Vec::new();
        for facts in self.by_time.values() {
            let young = now_unix_ms.saturating_sub(facts.time_unix_ms) <= age_ms;
            if young && count <= limits.count_max && bytes <= limits.bytes_max {
                break;
            }
            count -= 1;
            bytes = bytes.saturating_sub(facts.bytes());
            surplus.push(facts.id);
        }
        surplus
    }

    pub(super) fn len(&self) -> usize {
        self.by_time.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn facts(time: u64, source: &str, clip_bytes: u64) -> EvidenceFacts {
        EvidenceFacts {
            id: RandomId::new(),
            time_unix_ms: time,
            source: Some(source.to_owned()),
            stream: String::new(),
            snapshot_bytes: Some(10),
            clip_bytes: Some(clip_bytes),
            sidecar_bytes: 1,
        }
    }

    fn limits(bytes_max: u64, age_ms: u64, count_max: usize) -> EvidenceSettings {
        let age_max = Duration::from_millis(age_ms);
        EvidenceSettings { bytes_max, age_max, count_max, ..EvidenceSettings::new("evidence") }
    }

    fn index(all: &[EvidenceFacts]) -> EvidenceIndex {
        let mut index = EvidenceIndex::default();
        all.iter().rev().for_each(|facts| index.put(facts.clone()));
        index
    }

    #[test]
    fn the_oldest_goes_first_whatever_the_limit() {
        let all: Vec<_> = [100, 200, 300].map(|time| facts(time, "yard", 89)).into();
        let index = index(&all);
        let ids: Vec<_> = all.iter().map(|facts| facts.id).collect();
        assert_eq!((index.len(), index.bytes()), (3, 300));
        assert!(index.surplus(&limits(300, 1_000, 3), 1_100).is_empty(), "each limit is reached and none passed");
        assert_eq!(index.surplus(&limits(299, 1_000, 3), 1_100), ids[..1]);
        assert_eq!(index.surplus(&limits(300, 1_000, 1), 1_100), ids[..2]);
        assert_eq!(index.surplus(&limits(300, 1_000, 3), 1_201), ids[..2]);
        assert_eq!(index.surplus(&limits(0, 1_000, 3), 0), ids, "what is larger than all space goes at once");
    }

    #[test]
    fn what_is_put_again_takes_its_own_place() {
        let mut one = facts(100, "yard", 89);
        let mut index = index(&[one.clone()]);
        one.clip_bytes = None;
        index.put(one.clone());
        assert_eq!((index.len(), index.bytes(), index.get(one.id)), (1, 11, Some(&one)));
        assert_eq!(index.remove(one.id), Some(one.clone()));
        assert_eq!((index.len(), index.bytes(), index.remove(one.id)), (0, 0, None));
    }

    #[test]
    fn a_search_gives_the_newest_first() {
        let all = [facts(100, "yard", 1), facts(200, "door", 1), facts(300, "yard", 1), facts(400, "yard", 1)];
        let index = index(&all);
        let times = |search: EvidenceSearch| -> Vec<u64> {
            index.find(&search).iter().map(|facts| facts.time_unix_ms).collect()
        };
        let search = EvidenceSearch { count_max: 10, ..EvidenceSearch::default() };
        assert_eq!(times(search.clone()), [400, 300, 200, 100]);
        let yard = EvidenceSearch { source: Some("yard".into()), ..search.clone() };
        assert_eq!(times(EvidenceSearch { count_max: 2, ..yard.clone() }), [400, 300]);
        assert_eq!(times(EvidenceSearch { since_unix_ms: 101, until_unix_ms: Some(400), ..yard }), [300]);
        assert!(times(EvidenceSearch { since_unix_ms: 401, ..search }).is_empty());
    }
}
