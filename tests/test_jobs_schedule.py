"""When the job runs: cron's fields, read by us, by Debian's cron and by systemd."""

import shutil
import subprocess
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings, strategies

from pypimirror.jobs.schedule import parse

GOOD = ("17 */6 * * *", "0 0 1,15 * 3", "*/30 * * * *", "5 4 * * sun", "0 22 * * 1-5", "23 0-23/2 * jan-mar Mon,Fri",
        "0 0 1-7 * */2", "59 23 31 12 7", "0 0 * * 5-7", "0,10,20-30/5 * * * *", "0 0 29 feb *", "0 0 31 2 1",
        "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@reboot")
BAD = ("", "* * * *", "* * * * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 32 * *", "0 0 * 13 *", "0 0 * * 8",
       "0 0 * * son", "0 0 * foo *", "5/10 * * * *", "*/0 * * * *", "*/70 * * * *", "30-10 * * * *", "1- * * * *",
       "1,,2 * * * *", ", * * * *", "-1 * * * *", "1;2 * * * *", "٣ * * * *", "0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6,9,11 *",
       "@nightly", "@")


@pytest.mark.parametrize("text", GOOD)
def test_what_cron_takes_is_taken(text):
    parse(text)


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_is_refused(text):
    with pytest.raises(ValueError, match=r"fields, or one of @annually|valid in each field|a date that exists"):
        parse(text)


@pytest.mark.parametrize("text, message", [
    ("0 24 * * *", "the hour '24' is not 0 to 23"),
    ("0 0 * * son", "the day of week 'son' is not 0 to 7 or sun to sat"),
    ("*/70 * * * *", "the minute '*/70' has a step that exceeds its range"),
    ("0 0 31 2 *", "none of the months 2 has a day 31"),
])
def test_the_message_names_the_field(text, message):
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("text, minutes", [
    ("0 0 * * *", 1440), ("*/30 * * * *", 30), ("*/20 * * * *", 20), ("0 */6 * * *", 360), ("0,50 3 * * *", 50),
    ("59 23,0 * * *", 60), ("30 23 * * *", 1440), ("0,30 0,23 * * *", 30), ("@hourly", 60), ("@reboot", 1440),
    ("50 * * * *", 60), ("5,55 * * * *", 10),
])
def test_the_shortest_time_between_two_runs(text, minutes):
    assert parse(text).shortest == minutes


needs_cron = pytest.mark.skipif(not shutil.which("crontab"), reason="no cron here")
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")


@needs_cron
@pytest.mark.parametrize("text", GOOD)
def test_the_real_cron_takes_what_we_take(text, tmp_path):
    (tmp_path / "crontab").write_text(f"{text} true\n")
    done = subprocess.run(["crontab", "-n", str(tmp_path / "crontab")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


_NUMBERS = [strategies.integers(first, last).map(str) for first, last in ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))]
_ITEMS = [strategies.one_of(number, strategies.just("*"), strategies.tuples(number, number).map("-".join),
                            strategies.integers(1, 30).map("*/{}".format)) for number in _NUMBERS]
_TIMES = strategies.tuples(*(strategies.lists(item, min_size=1, max_size=3).map(",".join) for item in _ITEMS)).map(" ".join)


@needs_cron
@settings(max_examples=60)
@given(_TIMES)
def test_whatever_we_take_the_real_cron_takes(tmp_path_factory, text):
    try:
        parse(text)
    except ValueError:
        return
    path = tmp_path_factory.getbasetemp() / "generated-crontab"
    path.write_text(f"{text} true\n")
    assert subprocess.run(["crontab", "-n", str(path)], capture_output=True).returncode == 0


def matching(schedule, moment):
    """Whether the job runs at this minute, by the words of crontab(5)."""
    by_day, by_week = moment.day in schedule.days, moment.isoweekday() % 7 in schedule.weekdays
    day = by_day or by_week if schedule.either else by_day and by_week
    return moment.minute in schedule.minutes and moment.hour in schedule.hours and moment.month in schedule.months and day


@needs_systemd
@pytest.mark.parametrize("text", [text for text in GOOD if text != "@reboot"])
def test_systemd_runs_it_when_cron_would(text):
    schedule = parse(text)
    start = datetime(2027, 1, 1)
    moments = (start + timedelta(minutes=count) for count in range(1, 366 * 24 * 60))
    expected = []
    for moment in moments:
        if matching(schedule, moment):
            expected.append(moment)
            if len(expected) == 5:
                break
    found = set()
    for trigger in schedule.triggers:
        done = subprocess.run(["systemd-analyze", "calendar", "--iterations=5", f"--base-time={start:%Y-%m-%d %H:%M:%S} UTC",
                               trigger.removeprefix("OnCalendar=")], capture_output=True, text=True, check=True,
                              env={"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"})
        found |= {datetime.strptime(" ".join(line.split()[-3:-1]), "%Y-%m-%d %H:%M:%S")
                  for line in done.stdout.splitlines()
                  if line.strip().startswith(("Next elapse:", "Iter")) and not line.endswith("never")}
    assert sorted(found)[:len(expected)] == expected
