#include "core/window.h"

#include "core/civil.h"

/*
 * How far is looked. Of two weeks one may miss its only day to a gap, and where the only closed hours of a week are in a
 * gap, an opening lasts two weeks: what lasts longer lasts always. Back, a week will do: who asks wants to know whether an
 * opening has just begun.
 */
#define BEFORE      (7 * DAY)
#define BEGIN_AFTER (15 * DAY)
#define END_AFTER   (29 * DAY)

/* Local days. Where the few show an opening as a whole, the others need not be looked at. */
static const struct range {
	int before, after;
} few = { 3, 3 }, all = { 9, 31 };

#define FEW_SURE (1 * DAY) /* before and after now: nothing that the few do not show reaches in */
#define DAYS_MAX (9 + 1 + 31)

/* Seconds: from begin until before end. Empty, when all of it is skipped. */
struct span {
	int64_t begin, end;
};

struct spans {
	size_t n;
	struct span items[WINDOWS_MAX * DAYS_MAX];
};

static int64_t local_second(int64_t day, unsigned minute)
{
	return day * CIVIL_DAY + (int64_t) minute * 60;
}

/* Kept sorted by begin; they come nearly so. */
static void add(struct spans *spans, const struct window *w, int64_t day)
{
	struct span span;
	size_t i = spans->n;

	if (!(w->days & 1U << civil_weekday(day)))
		return;
	span.begin = zone_first(w->zone, local_second(day, w->start));
	span.end = zone_first(w->zone, local_second(day + (w->end <= w->start), w->end));
	for (; i > 0 && spans->items[i - 1].begin > span.begin; i--)
		spans->items[i] = spans->items[i - 1];
	spans->items[i] = span;
	spans->n++;
}

static void collect(struct spans *spans, const struct window *windows, size_t n, usec_t now,
	const struct range *range)
{
	int64_t today[WINDOWS_MAX];

	spans->n = 0;
	for (size_t i = 0; i < n; i++)
		today[i] = civil_floor(
			(int64_t) (now / SEC) + zone_offset(windows[i].zone, now), CIVIL_DAY);
	for (int day = -range->before; day <= range->after; day++)
		for (size_t i = 0; i < n; i++)
			add(spans, &windows[i], today[i] + day);
}

/* The spans that overlap or touch, from the i-th on; i becomes the next one that does not. */
static struct span merge(const struct spans *spans, size_t *i)
{
	struct span span = spans->items[(*i)++];

	for (; *i < spans->n && spans->items[*i].begin <= span.end; (*i)++)
		if (spans->items[*i].end > span.end)
			span.end = spans->items[*i].end;
	return span;
}

static usec_t to_usec(int64_t seconds)
{
	if (seconds < 0)
		return 0;
	return (usec_t) seconds < USEC_INFINITY / SEC ? (usec_t) seconds * SEC : USEC_INFINITY;
}

static struct window_opening to_opening(struct span span, usec_t now)
{
	struct window_opening opening = { to_usec(span.begin), to_usec(span.end) };

	if (usec_add(opening.since, BEFORE) <= now)
		opening.since = 0;
	if (opening.until >= usec_add(now, END_AFTER))
		opening.until = USEC_INFINITY;
	return opening;
}

static bool find(const struct spans *spans, usec_t now, usec_t length, struct window_opening *ret)
{
	for (size_t i = 0; i < spans->n;) {
		struct window_opening opening = to_opening(merge(spans, &i), now);
		usec_t begin = usec_max(opening.since, now);

		if (begin > usec_add(now, BEGIN_AFTER))
			break;
		if (opening.until > begin && opening.until - begin >= length) {
			*ret = opening;
			return true;
		}
	}
	return false;
}

bool window_next(const struct window *windows, size_t n, usec_t now, usec_t length,
	struct window_opening *ret)
{
	struct spans spans;

	if (n == 0) {
		*ret = (struct window_opening){ 0, USEC_INFINITY };
		return true;
	}
	if (n > WINDOWS_MAX)
		n = WINDOWS_MAX;
	collect(&spans, windows, n, now, &few);
	if (find(&spans, now, length, ret) && usec_add(ret->since, FEW_SURE) > now &&
		ret->until < usec_add(now, FEW_SURE))
		return true;
	collect(&spans, windows, n, now, &all);
	return find(&spans, now, length, ret);
}

bool window_is_open(const struct window *windows, size_t n, usec_t now)
{
	struct window_opening opening;

	return window_next(windows, n, now, 0, &opening) && opening.since <= now;
}

usec_t window_next_opening(const struct window *windows, size_t n, usec_t now)
{
	struct window_opening opening;

	if (!window_next(windows, n, now, 0, &opening))
		return USEC_INFINITY;
	return usec_max(opening.since, now);
}

usec_t window_closes(const struct window *windows, size_t n, usec_t now)
{
	struct window_opening opening;

	if (!window_next(windows, n, now, 0, &opening) || opening.since > now)
		return now;
	return opening.until;
}
