//! Parts of the date, UTC. Without an argument they are about the time of the step.

use super::convert::unnamed;
use crate::error::Error;
use crate::eval::{Eval, unique};
use crate::number::{seconds, to_i64};
use crate::parse::ast::{Call, Node};
use crate::series::Evaluated;

const DAY: i64 = 86_400;

/// A day of the Gregorian calendar.
struct Date {
    year: i64,
    /// 1 to 12.
    month: i64,
    /// 1 to 31.
    day: i64,
}

impl Date {
    /// From days since 1970-01-01 ("chrono-compatible low-level date algorithms", Howard Hinnant:
    /// years that begin in March, in eras of 400 years).
    fn from_days(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = (month_from_march + 2) % 12 + 1;
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        }
    }

    fn is_leap_year(&self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    fn days_in_month(&self) -> i64 {
        match self.month {
            2 => 28 + i64::from(self.is_leap_year()),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn day_of_year(&self) -> i64 {
        let before = (1..self.month).map(|month| {
            Self {
                year: self.year,
                month,
                day: 1,
            }
            .days_in_month()
        });
        before.sum::<i64>() + self.day
    }
}

fn date(time: i64) -> Date {
    Date::from_days(time.div_euclid(DAY))
}

/// A time in seconds as `2026-11-20T18:30:00Z`.
pub(super) fn rfc3339(time: i64) -> String {
    let Date { year, month, day } = date(time);
    let of_day = time.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Seconds from the first day that Go's calendar knows to 1970: it counts from there, modulo 2^64.
const BEFORE_1970: i128 = 9_223_371_966_606_163_200 + 62_135_596_800;

/// A day, counted from 1970-01-01, and a second of it.
struct Moment {
    days: i64,
    second: i64,
}

impl Moment {
    /// As Prometheus takes a number of seconds, on the processors it mostly runs on: without its
    /// fraction; NaN and what is too large is the least number there is.
    fn of(seconds: f64) -> Self {
        const TOO_MANY: f64 = (1_u64 << 63) as f64;
        let whole = if (-TOO_MANY..TOO_MANY).contains(&seconds) {
            to_i64(seconds)
        } else {
            i64::MIN
        };
        let counted = (i128::from(whole) + BEFORE_1970).rem_euclid(1 << 64) - BEFORE_1970;
        let day = i128::from(DAY);
        Self {
            days: i64::try_from(counted.div_euclid(day)).unwrap_or_default(),
            second: i64::try_from(counted.rem_euclid(day)).unwrap_or_default(),
        }
    }

    fn date(&self) -> Date {
        Date::from_days(self.days)
    }
}

fn part(eval: &Eval<'_>, call: &Call, of: fn(&Moment) -> i64) -> Result<Evaluated, Error> {
    let value = |time: f64| of(&Moment::of(time)) as f64;
    let Some(arg) = call.args.first() else {
        return Ok(unnamed(eval.grid.times().map(|time| value(seconds(time)))));
    };
    let mut vector = eval.vector(arg)?;
    for series in &mut vector {
        series.points.take_histograms();
        series.points.map(|_, time| Some(value(time)));
        eval.drop_name(series);
    }
    unique(vector).map(Evaluated::Vector)
}

pub(super) fn minute(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    part(eval, call, |time| time.second / 60 % 60)
}

pub(super) fn hour(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    part(eval, call, |time| time.second / 3_600)
}

pub(super) fn day_of_week(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    // 1970-01-01 was a Thursday, and Sunday is 0.
    part(eval, call, |time| (time.days + 4).rem_euclid(7))
}

pub(super) fn day_of_month(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    part(eval, call, |time| time.date().day)
}

pub(super) fn day_of_year(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    part(eval, call, |time| time.date().day_of_year())
}

pub(super) fn days_in_month(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    part(eval, call, |time| time.date().days_in_month())
}

pub(super) fn month(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    part(eval, call, |time| time.date().month)
}

pub(super) fn year(eval: &Eval<'_>, _: &Node, call: &Call) -> Result<Evaluated, Error> {
    part(eval, call, |time| time.date().year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_time_is_one_that_prometheus_makes_of_it() {
        for seconds in [f64::NAN, f64::INFINITY] {
            let moment = Moment::of(seconds);
            assert_eq!(moment.second / 60 % 60, 30);
            assert_eq!(moment.date().day_of_year(), 339);
        }
        assert_eq!(Moment::of(-1e17).second / 60 % 60, 13);
        assert_eq!(Moment::of(-0.5).days, 0);
    }

    #[test]
    fn days_are_the_dates_of_the_calendar() {
        for (days, year, month, day, of_year, in_month) in [
            (0, 1970, 1, 1, 1, 31),
            (-1, 1969, 12, 31, 365, 31),
            (11_016, 2000, 2, 29, 60, 29),
            (20_777, 2026, 11, 20, 324, 30),
            (47_540, 2100, 2, 28, 59, 28),
            (-719_468, 0, 3, 1, 61, 31),
        ] {
            let date = Date::from_days(days);
            assert_eq!((date.year, date.month, date.day), (year, month, day));
            assert_eq!(
                (date.day_of_year(), date.days_in_month()),
                (of_year, in_month)
            );
        }
    }
}
