//! What the queue must be, as plain as it can be written: a list of jobs that is walked through.

use samovar_jobs::{Job, JobCounts, JobErrorKind, JobId, JobPolicy, JobState, JobTime, Lease, LeaseKey, Submission};
use std::collections::{BTreeMap, BTreeSet};

/// What the queue must be.
pub struct Model {
    pub policy: JobPolicy,
    /// In the order in which they were accepted.
    pub jobs: Vec<Known>,
    /// The greatest fence yet.
    token: u64,
    /// Who was served how often at a priority while an owner waited there.
    passed: BTreeMap<(u8, String), BTreeMap<String, u32>>,
}

/// A job as the model knows it.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: JobId,
    pub owner: String,
    pub key: Option<String>,
    pub payload: String,
    pub priority: u8,
    pub state: JobState,
    /// Whether it waits and its backoff was seen to be over.
    pub ready: bool,
    pub attempts: u32,
    pub token: u64,
    pub until: JobTime,
    pub not_before: JobTime,
    pub cancel_asked: bool,
    pub result: Option<String>,
    pub ended: Option<JobTime>,
}

type Answer<T> = Result<T, JobErrorKind>;

impl Model {
    pub fn new(policy: JobPolicy) -> Self {
        Self { policy, jobs: Vec::new(), token: 0, passed: BTreeMap::new() }
    }

    pub fn enqueue(&mut self, new: &Submission, now: JobTime) -> Answer<(JobId, bool)> {
        let same_key =
            |job: &&Known| new.idempotency_key.is_some() && job.owner == new.owner && job.key == new.idempotency_key;
        if let Some(earlier) = self.jobs.iter().find(same_key) {
            return if earlier.payload == new.payload { Ok((earlier.id, true)) } else { Err(JobErrorKind::Conflict) };
        }
        self.room(&new.owner)?;
        self.jobs.push(Known {
            id: new.id,
            owner: new.owner.clone(),
            key: new.idempotency_key.clone(),
            payload: new.payload.clone(),
            priority: new.priority,
            state: JobState::Queued,
            ready: true,
            attempts: 0,
            token: 0,
            until: JobTime(0),
            not_before: now,
            cancel_asked: false,
            result: None,
            ended: None,
        });
        Ok((new.id, false))
    }

    /// Holds a claim against the rules: a job that might begin, of the highest priority, its owner's oldest, and nobody passed twice.
    pub fn claimed(&mut self, lease: Option<&Lease>, now: JobTime) {
        self.notice_rested(now);
        let Some(lease) = lease else {
            assert!(!self.jobs.iter().any(|job| job.ready), "a job may begin, but none was given");
            return;
        };
        let highest = self.jobs.iter().filter(|job| job.ready).map(|job| job.priority).max();
        let job = self.get(lease.key.id).expect("the job is known");
        assert!(job.ready && job.attempts < self.policy.attempts_max, "{job:?} may not begin");
        assert_eq!(Some(job.priority), highest, "another has a higher priority");
        let (owner, priority) = (job.owner.clone(), job.priority);
        let oldest = self.jobs.iter().find(|job| job.ready && job.owner == owner && job.priority == priority);
        assert_eq!(oldest.map(|job| job.id), Some(lease.key.id), "the owner has an older one");
        assert!(lease.key.token > self.token, "fences grow");
        self.pass(&owner, priority);
        self.token = lease.key.token;
        let job = self.known(lease.key.id);
        (job.state, job.ready, job.token, job.until) = (JobState::Running, false, lease.key.token, lease.until);
        job.attempts += 1;
        assert_eq!((lease.job.attempts, lease.job.state), (job.attempts, job.state));
        self.forget_absent();
    }

    pub fn renew(&mut self, lease: LeaseKey, now: JobTime) -> Answer<bool> {
        let until = now.after(self.policy.lease);
        let job = self.held(lease)?;
        job.until = until;
        Ok(job.cancel_asked)
    }

    pub fn complete(&mut self, lease: LeaseKey, result: &str, now: JobTime) -> Answer<()> {
        let recorded = |job: &&Known| {
            job.token == lease.token && job.state == JobState::Done && job.result.as_deref() == Some(result)
        };
        if self.get(lease.id).filter(recorded).is_some() {
            return Ok(());
        }
        let job = self.held(lease)?;
        assert_eq!(job.result, None, "a result is recorded once");
        job.result = Some(result.to_owned());
        job.end(JobState::Done, now);
        Ok(())
    }

    /// `not_before` is what the queue chose; it lies within the backoff.
    pub fn fail(&mut self, lease: LeaseKey, never: bool, now: JobTime, told: Option<&Job>) -> Answer<()> {
        let attempts_max = self.policy.attempts_max;
        let job = self.held(lease)?;
        match (job.cancel_asked, never || job.attempts >= attempts_max) {
            (true, _) => job.end(JobState::Cancelled, now),
            (false, true) => job.end(JobState::Failed, now),
            (false, false) => job.put_back(told.expect("the queue heard it too").not_before),
        }
        self.rested(told, now);
        Ok(())
    }

    pub fn give_back(&mut self, lease: LeaseKey, now: JobTime) -> Answer<()> {
        let job = self.held(lease)?;
        if job.cancel_asked {
            job.end(JobState::Cancelled, now);
        } else {
            job.attempts -= 1;
            job.put_back(now);
            job.ready = true;
        }
        Ok(())
    }

    pub fn cancelled(&mut self, lease: LeaseKey, now: JobTime) -> Answer<()> {
        self.held(lease)?.end(JobState::Cancelled, now);
        Ok(())
    }

    pub fn cancel(&mut self, id: JobId, now: JobTime) -> Answer<()> {
        let job = self.jobs.iter_mut().find(|job| job.id == id).ok_or(JobErrorKind::Unknown)?;
        match job.state {
            JobState::Queued => job.end(JobState::Cancelled, now),
            JobState::Running => job.cancel_asked = true,
            JobState::Cancelled => {}
            JobState::Done | JobState::Failed => return Err(JobErrorKind::State),
        }
        self.forget_absent();
        Ok(())
    }

    pub fn retry(&mut self, id: JobId, now: JobTime) -> Answer<()> {
        let job = self.get(id).ok_or(JobErrorKind::Unknown)?;
        if !matches!(job.state, JobState::Failed | JobState::Cancelled) {
            return Err(JobErrorKind::State);
        }
        self.room(&job.owner)?;
        let job = self.known(id);
        job.put_back(now);
        (job.ready, job.attempts, job.cancel_asked, job.ended) = (true, 0, false, None);
        Ok(())
    }

    pub fn delete(&mut self, id: JobId) -> Answer<()> {
        let job = self.get(id).ok_or(JobErrorKind::Unknown)?;
        if !job.state.is_end() {
            return Err(JobErrorKind::State);
        }
        self.jobs.retain(|job| job.id != id);
        Ok(())
    }

    /// What a sweep told must be all that had ended, and nothing else.
    pub fn swept(&mut self, expired: &[Job], forgotten: &[JobId], now: JobTime) {
        self.notice_rested(now);
        let over = |job: &&Known| job.state == JobState::Running && job.until <= now;
        let expected: BTreeSet<JobId> = self.jobs.iter().filter(over).map(|job| job.id).collect();
        assert_eq!(expired.iter().map(|job| job.id).collect::<BTreeSet<_>>(), expected);
        for told in expired {
            let attempts_max = self.policy.attempts_max;
            let job = self.known(told.id);
            match (job.cancel_asked, job.attempts >= attempts_max) {
                (true, _) => job.end(JobState::Cancelled, now),
                (false, true) => job.end(JobState::Failed, now),
                (false, false) => job.put_back(told.not_before),
            }
            self.rested(Some(told), now);
        }
        for id in forgotten {
            let job = self.get(*id).expect("what is forgotten was known");
            let age = job.ended.expect("only what has ended is forgotten").until(now);
            let finished = self.jobs.iter().filter(|job| job.state.is_end()).count();
            let many = u64::try_from(finished).unwrap() > self.policy.finished_max;
            assert!(age > self.policy.retention || many, "{job:?} is kept");
            self.jobs.retain(|job| job.id != *id);
        }
    }

    /// Holds everything that the queue shows against what it must be.
    pub fn compare(&self, all: &[Job], counts: &JobCounts) {
        let told: Vec<&Job> = all.iter().rev().collect();
        assert_eq!(told.len(), self.jobs.len(), "a job was lost, or came twice");
        for (job, known) in told.iter().zip(&self.jobs) {
            assert_eq!((job.id, job.state, job.attempts), (known.id, known.state, known.attempts));
            assert_eq!(
                (&job.result, job.cancel_asked, job.ended),
                (&known.result, known.cancel_asked, known.ended),
                "{}",
                job.id
            );
            assert_eq!((&job.payload, &job.owner, job.priority), (&known.payload, &known.owner, known.priority));
            assert!(job.attempts <= self.policy.attempts_max);
        }
        let count = |state| u64::try_from(self.jobs.iter().filter(|job| job.state == state).count()).unwrap();
        let found = [counts.queued, counts.running, counts.done, counts.failed, counts.cancelled];
        assert_eq!(found, JobState::ALL.map(count));
    }

    fn get(&self, id: JobId) -> Option<&Known> {
        self.jobs.iter().find(|job| job.id == id)
    }

    fn known(&mut self, id: JobId) -> &mut Known {
        self.jobs.iter_mut().find(|job| job.id == id).expect("the job is known")
    }

    fn held(&mut self, lease: LeaseKey) -> Answer<&mut Known> {
        let holds = |job: &&mut Known| job.id == lease.id && job.token == lease.token && job.state == JobState::Running;
        self.jobs.iter_mut().find(holds).ok_or(JobErrorKind::LeaseLost)
    }

    fn room(&self, owner: &str) -> Answer<()> {
        let active: Vec<&Known> = self.jobs.iter().filter(|job| !job.state.is_end()).collect();
        let own = active.iter().filter(|job| job.owner == owner).count();
        let has_room = u64::try_from(active.len()).unwrap() < self.policy.jobs_max
            && u64::try_from(own).unwrap() < self.policy.owner_jobs_max;
        has_room.then_some(()).ok_or(JobErrorKind::QueueFull)
    }

    fn rested(&self, told: Option<&Job>, now: JobTime) {
        if let Some(job) = told.filter(|job| job.state == JobState::Queued) {
            let doublings = job.attempts.saturating_sub(1).min(20);
            let whole = (self.policy.backoff_first * (1 << doublings)).min(self.policy.backoff_max);
            let rest = now.until(job.not_before);
            assert!(rest >= whole / 2 - std::time::Duration::from_millis(1) && rest <= whole, "{rest:?} of {whole:?}");
        }
    }

    fn notice_rested(&mut self, now: JobTime) {
        let waits = |job: &&mut Known| job.state == JobState::Queued && job.not_before <= now;
        self.jobs.iter_mut().filter(waits).for_each(|job| job.ready = true);
    }

    fn pass(&mut self, served: &str, priority: u8) {
        let others = self.jobs.iter().filter(|job| job.ready && job.priority == priority && job.owner != served);
        for owner in others.map(|job| job.owner.clone()).collect::<BTreeSet<_>>() {
            let times = self.passed.entry((priority, owner.clone())).or_default().entry(served.to_owned()).or_default();
            *times += 1;
            assert_eq!(*times, 1, "{served} was served twice while {owner} waited");
        }
        self.passed.remove(&(priority, served.to_owned()));
    }

    /// Who has nothing that may begin loses the place in the round.
    fn forget_absent(&mut self) {
        let waits: BTreeSet<(u8, String)> =
            self.jobs.iter().filter(|job| job.ready).map(|job| (job.priority, job.owner.clone())).collect();
        self.passed.retain(|place, _| waits.contains(place));
    }
}

impl Known {
    fn end(&mut self, state: JobState, now: JobTime) {
        (self.state, self.ready, self.ended) = (state, false, Some(now));
    }

    fn put_back(&mut self, not_before: JobTime) {
        (self.state, self.ready, self.not_before) = (JobState::Queued, false, not_before);
    }
}
