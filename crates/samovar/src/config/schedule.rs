//! Times of the week as they are written: `"+02:00"`, `"mon-fri 22:00-06:00"`.

use super::schema::ScheduleSection;
use samovar_pipelines::Schedule;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MIN: u16 = 24 * 60;
const WEEK_MIN: u16 = 7 * DAY_MIN;

/// The times that are meant.
///
/// # Errors
/// What cannot be read, and how it is written.
pub fn schedule(section: &ScheduleSection) -> Result<Schedule, String> {
    let utc_offset_min = offset(&section.utc_offset)
        .ok_or_else(|| format!("`schedule`: \"{}\" is no offset; write it like \"+02:00\"", section.utc_offset))?;
    let wrong = |text: &String| {
        format!("`schedule`: \"{text}\" are no times of a week; write them like \"mon-fri 22:00-06:00\"")
    };
    let spans = section.spans.iter().map(|text| spans(text).ok_or_else(|| wrong(text)));
    let spans = merged(spans.collect::<Result<Vec<_>, _>>()?.concat());
    if spans.is_empty() {
        return Err("`schedule`: without spans nothing would ever be told; leave `schedule` out for always".to_owned());
    }
    Ok(Schedule { utc_offset_min, spans })
}

/// In the order of the week; what overlaps or touches is one.
fn merged(mut spans: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    spans.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, end) in spans {
        match merged.last_mut() {
            Some(last) if first <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((first, end)),
        }
    }
    merged
}

/// Minutes of `+02:00`.
fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let minutes = clock(rest)?;
    // From Baker Island to Kiritimati.
    (minutes <= 14 * 60).then_some(sign * i32::from(minutes))
}

/// One span for each day; one that goes beyond midnight belongs to the day it begins on, and Sunday's goes on on Monday.
fn spans(text: &str) -> Option<Vec<(u16, u16)>> {
    let (days, hours) = text.trim().split_once(' ')?;
    let (from, to) = hours.trim().split_once('-')?;
    let (from, to) = (clock(from)?, clock(to)?);
    let length = if to > from { to - from } else { to + DAY_MIN - from };
    let days = days_of(days)?;
    Some(days.into_iter().flat_map(|day| within_week(day * DAY_MIN + from, length)).collect())
}

fn within_week(first: u16, length: u16) -> Vec<(u16, u16)> {
    match first + length {
        end if end <= WEEK_MIN => vec![(first, end)],
        end => vec![(first, WEEK_MIN), (0, end - WEEK_MIN)],
    }
}

/// Days of `mon`, `mon-fri` or `sat-mon`.
fn days_of(text: &str) -> Option<Vec<u16>> {
    let day = |text: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(text.trim()));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    let count = (last + DAYS.len() - first) % DAYS.len() + 1;
    Some((0..count).map(|step| ((first + step) % DAYS.len()) as u16).collect())
}

/// Minutes of `22:30`, up to `24:00`.
fn clock(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok())?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && all <= DAY_MIN).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(utc_offset: &str, span: &str) -> Result<Schedule, String> {
        schedule(&ScheduleSection { utc_offset: utc_offset.to_owned(), spans: vec![span.to_owned()] })
    }

    #[test]
    fn a_span_may_go_beyond_midnight_and_beyond_the_week() {
        let of = |text: &str| read("+02:00", text).unwrap().spans;
        assert_eq!(of("mon 08:00-17:30"), [(480, 1_050)]);
        assert_eq!(of("tue 22:00-06:00"), [(1_440 + 1_320, 2_880 + 360)]);
        assert_eq!(of("sun 22:00-06:00"), [(0, 360), (6 * 1_440 + 1_320, 10_080)]);
        assert_eq!(of("sat-mon 00:00-24:00"), [(0, 1_440), (7_200, 10_080)]);
        assert_eq!(of("Wed-Wed 0:00-0:00"), [(2_880, 4_320)], "the same time on both sides is a whole day");
    }

    #[test]
    fn spans_come_in_order_and_apart() {
        let spans = ["tue 08:00-12:00", "mon 22:00-09:00", "mon 01:00-02:00"].map(str::to_owned).to_vec();
        let section = ScheduleSection { utc_offset: "+00:00".to_owned(), spans };
        assert_eq!(schedule(&section).unwrap().spans, [(60, 120), (1_320, 1_440 + 720)]);
    }

    #[test]
    fn offsets_have_a_sign() {
        let of = |text: &str| read(text, "mon 00:00-24:00").map(|schedule| schedule.utc_offset_min);
        assert_eq!((of("+02:00"), of("-09:30"), of("+00:00")), (Ok(120), Ok(-570), Ok(0)));
        for wrong in ["", "2", "02:00", "+15:00", "+02", "±02:00", "+-1:00"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_time_is_told_as_it_was_written() {
        for wrong in ["", "mon", "mon 8-17", "moon 08:00-17:00", "mon 25:00-26:00", "mon 08:60-09:00", "mon 08:00"] {
            let said = read("+00:00", wrong).unwrap_err();
            assert!(said.starts_with(&format!("`schedule`: \"{wrong}\" ")), "{said}");
        }
    }
}
