#!/usr/bin/python3
"""Windows against systemd's calendar, for every day of five years in many time zones.

Both must name the same openings, but for one kind of day: systemd skips a local time that does not exist, and a window
opens at the first instant after it. These days are listed. Who is right about them, and about every close, is said by a
third party: Python's zoneinfo.

$FOTAD_BUILDDIR holds tests/window/window-next. Exits with 77 (skipped) without systemd-analyze.
"""
import collections
import datetime
import os
import re
import shutil
import subprocess
import sys
import zoneinfo

BUILD = os.environ.get("FOTAD_BUILDDIR") or os.getcwd()
WINDOW_NEXT = os.path.join(BUILD, "tests", "window", "window-next")
UTC = datetime.timezone.utc
DAY = 86400
YEARS = 5
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# A zone and the first of its five years: among them half hours and quarters, the south, winter time that is the change
# (Dublin, Casablanca), a day that was skipped (Apia, 2011-12-30), a change at midnight (Cairo, Santiago, Gaza) and on the
# evening before (Nuuk), two hours at once (Troll), and none at all.
ZONES = (("Europe/Berlin", 2022), ("America/New_York", 2022), ("Australia/Lord_Howe", 2022), ("Pacific/Apia", 2009),
	("Africa/Casablanca", 2022), ("Asia/Kathmandu", 2022), ("Pacific/Chatham", 2022), ("Asia/Tehran", 2020),
	("America/St_Johns", 2022), ("UTC", 2022), ("Europe/Dublin", 2022), ("Africa/Cairo", 2022), ("America/Santiago", 2022),
	("Asia/Gaza", 2022), ("America/Nuuk", 2022), ("Antarctica/Troll", 2022))
STARTS = ("00:00", "00:30", "01:00", "01:45", "02:00", "02:15", "02:30", "03:00", "12:00", "22:00", "23:30")
LENGTH = 5 * 60  # minutes: longer than any gap but Apia's
WEEKS = (("every day", range(7)), ("Mon..Fri", range(5)), ("Sat, Sun", (5, 6)))


class Zone:
	"""What zoneinfo knows of a zone: from local time to instants."""

	def __init__(self, name):
		self.info = zoneinfo.ZoneInfo(name)

	def offset(self, second):
		return int(datetime.datetime.fromtimestamp(second, self.info).utcoffset().total_seconds())

	def first(self, day, minute):
		"""The first second at which the clocks show this minute of this day or a later one."""
		local = (day - datetime.date(1970, 1, 1)).days * DAY + minute * 60
		naive = datetime.datetime.combine(day, datetime.time()) + datetime.timedelta(minutes=minute)
		early = naive.replace(tzinfo=self.info, fold=0)
		second = local - int(early.utcoffset().total_seconds())
		if second + self.offset(second) == local:
			return second, True
		low, high = local - 2 * DAY, local + 2 * DAY  # in between the clocks jump over it, once
		while high - low > 1:
			middle = (low + high) // 2
			if middle + self.offset(middle) < local:
				low = middle
			else:
				high = middle
		return high, False


def wanted(zone, days, start, year):
	"""By zoneinfo: {since: (until, does the start exist)} of the openings that begin in these years."""
	begin, end = span(year)
	day = datetime.date(year, 1, 1) - datetime.timedelta(days=2)
	found, result = [], {}
	while day < datetime.date(year + YEARS, 1, 3):
		if day.weekday() in days:
			close = start + LENGTH
			since, exists = zone.first(day, start)
			until, _ = zone.first(day + datetime.timedelta(days=close // 1440), close % 1440)
			if since < until:
				found.append((since, until, exists))
		day += datetime.timedelta(days=1)
	last = None
	for since, until, exists in found:  # what touches is one: the nights on both sides of a day that is skipped
		if last is not None and since <= result[last][0]:
			result[last] = (until, result[last][1])
		else:
			last = since
			result[last] = (until, exists)
	return {since: rest for since, rest in result.items() if begin <= since < end}


def span(year):
	return tuple(int(datetime.datetime(y, 1, 1, tzinfo=UTC).timestamp()) for y in (year, year + YEARS))


def by_window(name, days, start, year):
	begin, end = span(year)
	bits = sum(1 << day for day in days)
	result = subprocess.run([WINDOW_NEXT, name, str(bits), str(start), str((start + LENGTH) % 1440), str(begin), str(end)],
		stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
	lines = [line.split() for line in result.stdout.splitlines()]
	return {int(since): int(until) for since, until in lines}


def by_systemd(name, days, start, year):
	begin, end = span(year)
	week = ",".join(DAYS[day] for day in days)
	result = subprocess.run(["systemd-analyze", "calendar", f"--base-time=@{begin - 1}", f"--iterations={YEARS * 366 + 3}",
		f"{week} *-*-* {start // 60:02}:{start % 60:02}:00"], env={**os.environ, "TZ": name, "LC_ALL": "C"},
		stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
	# In UTC itself there is no line of its own for it.
	pattern = r"(?:Next elapse|Iter\. #\d+): \w+ (.*) UTC" if name == "UTC" else r"\(in UTC\): \w+ (.*) UTC"
	found = re.findall(pattern, result.stdout)
	seconds = [int(datetime.datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) for text in found]
	return {second for second in seconds if begin <= second < end}


def show(second, zone):
	return datetime.datetime.fromtimestamp(second, zone.info).strftime("%a %Y-%m-%d %H:%M:%S %z")


def compare(name, year, days, start, listed):
	"""(openings, what is wrong)"""
	zone, wrong = Zone(name), []
	ours, right = by_window(name, days, start, year), wanted(zone, days, start, year)
	systemd = by_systemd(name, days, start, year)
	clock = f"{start // 60:02}:{start % 60:02}"
	if ours != {since: until for since, (until, _) in right.items()}:
		for since in sorted(set(ours) ^ set(right)):
			wrong.append(f"{name} {clock}: {show(since, zone)} is {'not ' if since in ours else ''}an opening by zoneinfo")
		for since in sorted(set(ours) & set(right)):
			if ours[since] != right[since][0]:
				wrong.append(f"{name} {clock}: {show(since, zone)} closes {show(ours[since], zone)}, "
					f"by zoneinfo {show(right[since][0], zone)}")
	gaps = {since for since, (_, exists) in right.items() if not exists}
	for since in sorted(set(ours) - systemd):
		if since in gaps:
			listed[name][show(since, zone)].append(clock)
		else:
			wrong.append(f"{name} {clock}: {show(since, zone)} is no opening for systemd")
	for since in sorted(systemd - set(ours)):
		wrong.append(f"{name} {clock}: {show(since, zone)} is an opening for systemd alone")
	for since in sorted(gaps & systemd - {since for since in gaps if is_due_anyway(zone, since, start)}):
		wrong.append(f"{name} {clock}: {show(since, zone)} was to be skipped by systemd")
	return len(ours), wrong


def is_due_anyway(zone, since, start):
	"""Is the instant after the gap the start of a day that exists?"""
	local = datetime.datetime.fromtimestamp(since, zone.info)
	return local.hour * 60 + local.minute == start


def main():
	if not shutil.which("systemd-analyze"):
		print("SKIPPED: there is no systemd-analyze here, so windows are not compared with systemd's calendar")
		return 77
	missing = [name for name, _ in ZONES if name not in zoneinfo.available_timezones()]
	if missing:
		print("SKIPPED: tzdata lacks", ", ".join(missing))
		return 77
	listed = collections.defaultdict(lambda: collections.defaultdict(list))
	openings, wrong = 0, []
	for name, year in ZONES:
		for what, days in WEEKS:
			starts = STARTS if what == "every day" else STARTS[::5]
			for start in starts:
				minute = int(start[:2]) * 60 + int(start[3:])
				n, more = compare(name, year, days, minute, listed if what == "every day" else
					collections.defaultdict(lambda: collections.defaultdict(list)))
				openings += n
				wrong += more
	print("Days on which systemd's calendar skips a start that does not exist, and a window opens after the gap:")
	for name, days in listed.items():
		for day, clocks in days.items():
			print(f"  {name:22} {day}  ({', '.join(clocks)})")
	gaps = sum(len(clocks) for days in listed.values() for clocks in days.values())
	for text in wrong:
		print("WRONG:", text)
	print(f"{openings} openings in {len(ZONES)} zones: {gaps} after a gap, {len(wrong)} differences that should not be")
	return 1 if wrong or gaps < 100 or openings < 100_000 else 0


sys.exit(main())
