//! What the queue promises, one promise at a time.

use crate::support::{Place, at, claim, enqueue, fail, failure, id, kind, policy, run, submission};
use samovar_jobs::{
    Attempted, JobCounts, JobErrorKind, JobFilter, JobPolicy, JobProgress, JobQueue, JobState, JobTime, LeaseKey,
    Submission,
};
use std::time::Duration;

#[test]
fn a_job_goes_from_accepted_to_done_and_says_so_at_every_step() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        let accepted = enqueue(&queue, 1, "a", at(0)).await;
        assert_eq!((accepted.state, accepted.attempts, accepted.revision), (JobState::Queued, 0, 1));
        let lease = claim(&queue, at(1)).await;
        assert_eq!((lease.job.state, lease.job.attempts, lease.job.started), (JobState::Running, 1, Some(at(1))));
        assert_eq!(lease.until, at(31));
        let told = JobProgress { done: 40, total: Some(100) };
        assert_eq!(queue.renew(lease.key, told, at(10)).await.unwrap().until, at(40));
        assert_eq!(queue.get(id(1)).await.unwrap().progress, told);
        queue.complete(lease.key, "{\"frames\":100}".to_owned(), at(12)).await.unwrap();
        let job = queue.get(id(1)).await.unwrap();
        assert_eq!(
            (job.state, job.ended, job.result.as_deref()),
            (JobState::Done, Some(at(12)), Some("{\"frames\":100}"))
        );
        assert_eq!(queue.counts(at(12)).await.unwrap(), JobCounts { done: 1, ..JobCounts::default() });
        assert_eq!(queue.changes(0, 10).await.unwrap(), [job]);
        assert_eq!(queue.claim("worker", at(13)).await.unwrap(), None);
    });
}

#[test]
fn everything_is_there_after_a_restart() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        enqueue(&queue, 1, "a", at(0)).await;
        enqueue(&queue, 2, "a", at(0)).await;
        let lease = claim(&queue, at(1)).await;
        drop(queue);
        let queue = place.open();
        queue.complete(lease.key, "{}".to_owned(), at(2)).await.unwrap();
        let next = claim(&queue, at(3)).await;
        assert_eq!(next.job.id, id(2));
        assert!(next.key.token > lease.key.token, "tokens grow over restarts");
    });
}

#[test]
fn the_highest_priority_goes_first_then_owners_by_turns_then_the_oldest() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        for (number, owner, priority) in
            [(1, "a", 5), (2, "a", 5), (3, "a", 5), (4, "b", 5), (5, "c", 5), (6, "a", 9), (7, "b", 0)]
        {
            let new = Submission { priority, ..submission(number, owner) };
            queue.enqueue(new, at(number)).await.unwrap();
        }
        let mut order = Vec::new();
        while let Some(lease) = queue.claim("worker", at(10)).await.unwrap() {
            order.push(lease.job.id);
        }
        assert_eq!(order, [6, 1, 4, 5, 2, 3, 7].map(id));
    });
}

#[test]
fn an_owner_who_hands_in_thousands_does_not_delay_another() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        for number in 0..100 {
            enqueue(&queue, number, "many", at(0)).await;
        }
        assert_eq!(claim(&queue, at(0)).await.job.owner, "many");
        for number in 100..110 {
            enqueue(&queue, number, "few", at(1)).await;
        }
        let mut owners = Vec::new();
        for _ in 0..20 {
            owners.push(claim(&queue, at(2)).await.job.owner);
        }
        assert_eq!(owners.iter().filter(|owner| *owner == "few").count(), 10, "{owners:?}");
    });
}

#[test]
fn the_same_key_is_the_same_job_and_another_payload_a_conflict() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        let new = Submission { idempotency_key: Some("k".to_owned()), ..submission(1, "a") };
        assert!(!queue.enqueue(new.clone(), at(0)).await.unwrap().existed);
        let again = Submission { id: id(2), ..new.clone() };
        let found = queue.enqueue(again.clone(), at(1)).await.unwrap();
        assert!(found.existed && found.job.id == id(1));
        let other = Submission { payload: "{}".to_owned(), ..again.clone() };
        assert_eq!(kind(queue.enqueue(other, at(1)).await), JobErrorKind::Conflict);
        let stranger = Submission { owner: "b".to_owned(), ..again };
        assert!(!queue.enqueue(stranger, at(1)).await.unwrap().existed, "keys of two owners are two keys");
        assert_eq!(kind(queue.enqueue(submission(1, "c"), at(1)).await), JobErrorKind::Conflict, "a name is used once");
        queue.cancel(id(1), at(2)).await.unwrap();
        queue.delete(id(1)).await.unwrap();
        let anew = Submission { id: id(3), ..new };
        assert!(!queue.enqueue(anew, at(3)).await.unwrap().existed, "a key is kept as long as its job");
    });
}

#[test]
fn full_is_full_in_all_and_for_each_owner() {
    run(async {
        let mut place = Place::new();
        place.policy = JobPolicy { jobs_max: 3, owner_jobs_max: 2, ..policy() };
        let queue = place.open();
        enqueue(&queue, 1, "a", at(0)).await;
        enqueue(&queue, 2, "a", at(0)).await;
        assert_eq!(kind(queue.enqueue(submission(3, "a"), at(0)).await), JobErrorKind::QueueFull);
        enqueue(&queue, 4, "b", at(0)).await;
        assert_eq!(kind(queue.enqueue(submission(5, "c"), at(0)).await), JobErrorKind::QueueFull);
        let lease = claim(&queue, at(1)).await;
        assert_eq!(kind(queue.enqueue(submission(5, "c"), at(1)).await), JobErrorKind::QueueFull, "running jobs count");
        queue.complete(lease.key, String::new(), at(2)).await.unwrap();
        enqueue(&queue, 5, "c", at(2)).await;
        queue.cancel(id(2), at(2)).await.unwrap();
        enqueue(&queue, 6, "b", at(2)).await;
        assert_eq!(kind(queue.retry(id(2), at(2)).await), JobErrorKind::QueueFull);
    });
}

#[test]
fn a_failed_attempt_rests_longer_each_time_and_the_last_one_is_a_dead_letter() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        enqueue(&queue, 1, "a", at(0)).await;
        let mut now = at(0);
        for (attempt, rest_ms) in [(1, 500..=1_000), (2, 1_000..=2_000)] {
            let lease = claim(&queue, now).await;
            let job = fail(&queue, &lease, now).await;
            assert_eq!(
                (job.state, job.attempts, job.failure.unwrap().code),
                (JobState::Queued, attempt, "video_broken".to_owned())
            );
            let rest = now.until(job.not_before);
            assert!(rest_ms.contains(&rest.as_millis()), "{rest:?}");
            assert_eq!(queue.claim("worker", JobTime(job.not_before.0 - 1)).await.unwrap(), None);
            now = job.not_before;
        }
        let job = fail(&queue, &claim(&queue, now).await, now).await;
        assert_eq!((job.state, job.attempts, job.ended), (JobState::Failed, 3, Some(now)));
        assert_eq!(queue.claim("worker", at(9_999)).await.unwrap(), None);
        let again = queue.retry(id(1), at(10_000)).await.unwrap();
        assert_eq!((again.state, again.attempts, again.failure, again.ended), (JobState::Queued, 0, None, None));
        assert_eq!(claim(&queue, at(10_000)).await.job.attempts, 1);
    });
}

#[test]
fn what_cannot_succeed_is_a_dead_letter_at_once() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        enqueue(&queue, 1, "a", at(0)).await;
        let lease = claim(&queue, at(0)).await;
        let job = queue.fail(lease.key, failure("no_video"), Attempted::Never, at(1)).await.unwrap();
        assert_eq!((job.state, job.attempts), (JobState::Failed, 1));
    });
}

#[test]
fn what_comes_back_by_itself_is_waited_for_and_uses_up_no_attempt() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        enqueue(&queue, 1, "a", at(0)).await;
        let mut now = 0;
        for _ in 0..20 {
            let lease = claim(&queue, at(now)).await;
            assert_eq!(lease.job.attempts, 1);
            let job = queue.fail(lease.key, failure("storage_full"), Attempted::Later, at(now)).await.unwrap();
            assert_eq!((job.state, job.attempts, job.failure), (JobState::Queued, 0, Some(failure("storage_full"))));
            assert_eq!(queue.claim("worker", at(now + 1)).await.unwrap(), None);
            now += 5;
        }
    });
}

#[test]
fn a_poison_job_is_begun_exactly_as_often_as_allowed_and_hurts_nobody() {
    run(async {
        let mut place = Place::new();
        place.policy.attempts_max = 5;
        enqueue(&place.open(), 1, "a", at(0)).await;
        let (mut now, mut begun) = (0, 0);
        while now < 2_000 {
            // Each restart is a worker that died.
            let queue = place.open();
            queue.sweep(at(now)).await.unwrap();
            begun += usize::from(queue.claim("worker", at(now)).await.unwrap().is_some());
            now += 31;
        }
        let queue = place.open();
        let job = queue.get(id(1)).await.unwrap();
        assert_eq!((begun, job.attempts, job.state), (5, 5, JobState::Failed));
        assert_eq!(job.failure.unwrap().code, "attempts_exhausted");
        enqueue(&queue, 2, "a", at(now)).await;
        assert_eq!(claim(&queue, at(now)).await.job.id, id(2));
    });
}

#[test]
fn fewer_attempts_in_a_later_policy_are_kept_too() {
    run(async {
        let mut place = Place::new();
        let queue = place.open();
        enqueue(&queue, 1, "a", at(0)).await;
        enqueue(&queue, 2, "a", at(0)).await;
        fail(&queue, &claim(&queue, at(0)).await, at(0)).await;
        drop(queue);
        place.policy.attempts_max = 1;
        let queue = place.open();
        let first = claim(&queue, at(60)).await;
        assert_eq!((first.job.id, queue.claim("worker", at(60)).await.unwrap()), (id(2), None));
        assert_eq!(queue.get(id(1)).await.unwrap().state, JobState::Failed);
    });
}

#[test]
fn only_the_newest_holder_is_heard() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        enqueue(&queue, 1, "a", at(0)).await;
        let stale = claim(&queue, at(0)).await;
        let swept = queue.sweep(at(30)).await.unwrap();
        assert_eq!(swept.expired.len(), 1);
        assert_eq!(swept.expired[0].failure.as_ref().unwrap().code, "worker_lost");
        let newest = claim(&queue, at(40)).await;
        let before = queue.get(id(1)).await.unwrap();
        let forged = LeaseKey { token: u64::MAX, ..newest.key };
        for key in [stale.key, forged, LeaseKey { id: id(9), ..newest.key }] {
            assert_eq!(kind(queue.renew(key, JobProgress::default(), at(41)).await), JobErrorKind::LeaseLost);
            assert_eq!(kind(queue.complete(key, "stale".to_owned(), at(41)).await), JobErrorKind::LeaseLost);
            assert_eq!(kind(queue.fail(key, failure("x"), Attempted::Never, at(41)).await), JobErrorKind::LeaseLost);
            assert_eq!(kind(queue.give_back(key, at(41)).await), JobErrorKind::LeaseLost);
            assert_eq!(kind(queue.cancelled(key, at(41)).await), JobErrorKind::LeaseLost);
        }
        assert_eq!(queue.get(id(1)).await.unwrap(), before);
        queue.complete(newest.key, "{}".to_owned(), at(42)).await.unwrap();
        queue.complete(newest.key, "{}".to_owned(), at(43)).await.expect("the first answer may have been lost");
        assert_eq!(kind(queue.complete(newest.key, "other".to_owned(), at(44)).await), JobErrorKind::LeaseLost);
        let job = queue.get(id(1)).await.unwrap();
        assert_eq!((job.result.as_deref(), job.ended, job.failure), (Some("{}"), Some(at(42)), None));
    });
}

#[test]
fn a_job_that_is_given_back_waits_at_its_old_place_and_has_lost_no_attempt() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        enqueue(&queue, 1, "a", at(0)).await;
        enqueue(&queue, 2, "a", at(0)).await;
        let lease = claim(&queue, at(1)).await;
        queue.give_back(lease.key, at(2)).await.unwrap();
        let job = queue.get(id(1)).await.unwrap();
        assert_eq!((job.state, job.attempts, job.not_before), (JobState::Queued, 0, at(2)));
        assert_eq!(claim(&queue, at(2)).await.job.id, id(1));
    });
}

#[test]
fn cancel_ends_what_waits_at_once_and_what_runs_when_its_worker_hears() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        for number in 1..=5 {
            enqueue(&queue, number, "a", at(0)).await;
        }
        assert_eq!(queue.cancel(id(5), at(1)).await.unwrap().state, JobState::Cancelled);
        assert_eq!(queue.cancel(id(5), at(1)).await.unwrap().state, JobState::Cancelled, "twice is once");
        let leases = [
            claim(&queue, at(1)).await,
            claim(&queue, at(1)).await,
            claim(&queue, at(1)).await,
            claim(&queue, at(1)).await,
        ];
        for lease in &leases {
            assert!(queue.cancel(lease.job.id, at(2)).await.unwrap().cancel_asked);
            assert!(queue.renew(lease.key, JobProgress::default(), at(2)).await.unwrap().cancel_asked);
        }
        queue.cancelled(leases[0].key, at(3)).await.unwrap();
        assert_eq!(fail(&queue, &leases[1], at(3)).await.state, JobState::Cancelled, "a failure is not tried again");
        queue.complete(leases[2].key, "{}".to_owned(), at(3)).await.unwrap();
        assert_eq!(queue.get(id(3)).await.unwrap().state, JobState::Done, "what was finished already is kept");
        assert_eq!(kind(queue.cancel(id(3), at(4)).await), JobErrorKind::State);
        let swept = queue.sweep(at(60)).await.unwrap();
        assert_eq!((swept.expired[0].id, swept.expired[0].state), (id(4), JobState::Cancelled));
        assert_eq!(queue.counts(at(60)).await.unwrap(), JobCounts { done: 1, cancelled: 4, ..JobCounts::default() });
        assert!(!queue.retry(id(5), at(61)).await.unwrap().cancel_asked);
    });
}

#[test]
fn only_what_has_ended_is_deleted_or_forgotten() {
    run(async {
        let mut place = Place::new();
        place.policy.finished_max = 2;
        let queue = place.open();
        for number in 1..=5 {
            enqueue(&queue, number, "a", at(0)).await;
        }
        assert_eq!(kind(queue.delete(id(5)).await), JobErrorKind::State);
        assert_eq!(kind(queue.delete(id(9)).await), JobErrorKind::Unknown);
        assert_eq!(kind(queue.retry(id(5), at(0)).await), JobErrorKind::State);
        for second in 1..=4 {
            let lease = claim(&queue, at(second)).await;
            queue.complete(lease.key, String::new(), at(second)).await.unwrap();
        }
        queue.delete(id(4)).await.unwrap();
        assert_eq!(queue.sweep(at(10)).await.unwrap().forgotten, [id(1)], "the oldest, as many as are too many");
        assert_eq!(queue.sweep(at(3_602)).await.unwrap().forgotten, []);
        assert_eq!(queue.sweep(at(3_603)).await.unwrap().forgotten, [id(2)], "an hour after its end");
        assert_eq!(kind(queue.get(id(2)).await), JobErrorKind::Unknown);
        let counts = JobCounts { queued: 1, done: 1, oldest_queued_ms: 3_603_000, ..JobCounts::default() };
        assert_eq!(queue.counts(at(3_603)).await.unwrap(), counts);
    });
}

#[test]
fn lists_are_newest_first_by_owner_state_and_page() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        for number in 1..=6 {
            enqueue(&queue, number, if number % 2 == 0 { "even" } else { "odd" }, at(number)).await;
        }
        queue.cancel(id(4), at(7)).await.unwrap();
        let list =
            async |filter: JobFilter| queue.list(filter).await.unwrap().iter().map(|job| job.id).collect::<Vec<_>>();
        let all = JobFilter { limit: 2, ..JobFilter::default() };
        assert_eq!(list(all.clone()).await, [id(6), id(5)]);
        assert_eq!(list(JobFilter { before: Some(id(5)), ..all.clone() }).await, [id(4), id(3)]);
        assert_eq!(list(JobFilter { before: Some(id(9)), ..all.clone() }).await, []);
        let even = JobFilter { owner: Some("even".to_owned()), limit: 10, ..JobFilter::default() };
        assert_eq!(list(even.clone()).await, [id(6), id(4), id(2)]);
        let waiting = JobFilter { state: Some(JobState::Queued), before: Some(id(6)), ..even };
        assert_eq!(list(waiting).await, [id(2)]);
    });
}

#[test]
fn changes_tell_each_job_once_in_the_order_of_its_last_change() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        for number in 1..=3 {
            enqueue(&queue, number, "a", at(0)).await;
        }
        let lease = claim(&queue, at(1)).await;
        let told = queue.changes(0, 10).await.unwrap();
        assert_eq!(told.iter().map(|job| job.id).collect::<Vec<_>>(), [id(2), id(3), id(1)]);
        let last = told.last().unwrap().revision;
        queue.renew(lease.key, JobProgress::default(), at(2)).await.unwrap();
        assert_eq!(queue.changes(last, 10).await.unwrap(), [], "a sign of life alone is no news");
        queue.renew(lease.key, JobProgress { done: 1, total: None }, at(2)).await.unwrap();
        assert_eq!(queue.changes(last, 10).await.unwrap().len(), 1);
        assert_eq!(queue.changes(0, 1).await.unwrap()[0].id, id(2));
    });
}

#[test]
fn the_oldest_counts_from_when_it_might_have_begun() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        enqueue(&queue, 1, "a", at(0)).await;
        assert_eq!(queue.counts(at(7)).await.unwrap().oldest_queued_ms, 7_000);
        let rested = fail(&queue, &claim(&queue, at(8)).await, at(8)).await.not_before;
        assert_eq!(queue.counts(at(8)).await.unwrap().oldest_queued_ms, 0);
        assert_eq!(queue.counts(rested.after(Duration::from_millis(3))).await.unwrap().oldest_queued_ms, 3);
    });
}

#[test]
fn a_change_in_this_process_wakes_who_listens() {
    run(async {
        let place = Place::new();
        let queue = place.open();
        let mut wakes = queue.wakes();
        assert_eq!(queue.claim("worker", at(0)).await.unwrap(), None);
        assert!(!wakes.has_changed().unwrap(), "nothing has changed");
        enqueue(&queue, 1, "a", at(0)).await;
        wakes.changed().await.unwrap();
    });
}

#[test]
fn whoever_would_be_refused_hears_it_before_sending_and_a_known_key_never_is() {
    let place = Place { policy: JobPolicy { owner_jobs_max: 1, jobs_max: 2, ..policy() }, ..Place::new() };
    let queue = place.open();
    run(async {
        queue.admits("a", Some("key")).await.unwrap();
        let keyed = Submission { idempotency_key: Some("key".to_owned()), ..submission(1, "a") };
        queue.enqueue(keyed, at(0)).await.unwrap();
        assert_eq!(kind(queue.admits("a", None).await), JobErrorKind::QueueFull);
        assert_eq!(kind(queue.admits("a", Some("other")).await), JobErrorKind::QueueFull);
        queue.admits("a", Some("key")).await.unwrap();
        queue.admits("b", None).await.unwrap();
        enqueue(&queue, 2, "b", at(0)).await;
        assert_eq!(kind(queue.admits("c", Some("key")).await), JobErrorKind::QueueFull);
    });
}

#[test]
fn a_clock_that_was_set_back_holds_up_no_job() {
    let place = Place::new();
    let queue = place.open();
    let (before, after) = (1_000_000, 1_000);
    run(async {
        enqueue(&queue, 1, "a", at(before)).await;
        enqueue(&queue, 2, "a", at(before)).await;
        let first = claim(&queue, at(before)).await;
        fail(&queue, &first, at(before)).await;
        claim(&queue, at(before)).await;
        queue.sweep(at(after)).await.unwrap();
        let swept = queue.sweep(at(after + 31)).await.unwrap();
        assert_eq!(swept.expired.iter().map(|job| job.id).collect::<Vec<_>>(), [id(2)], "its worker is dead");
        assert_eq!(claim(&queue, at(after + 31)).await.job.id, id(1), "it has rested");
    });
}
