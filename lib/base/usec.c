#include "base/usec.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"

struct unit {
	const char *name;
	usec_t size;
};

/* From large to small: the order in which the parts of a duration may stand. */
static const struct unit units[] = {
	{ "d", DAY },
	{ "h", HOUR },
	{ "min", MINUTE },
	{ "s", SEC },
	{ "ms", MSEC },
	{ "us", 1 },
};

static int read_number(const char **p, usec_t *ret)
{
	usec_t n = 0;

	if (**p < '0' || **p > '9')
		return -EINVAL;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		usec_t digit = (usec_t) (**p - '0');

		if (n > (USEC_INFINITY - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	*ret = n;
	return 0;
}

/* Finds the unit whose name is the whole run of letters at *p. */
static int read_unit(const char **p, size_t *ret)
{
	size_t n = 0;

	while ((*p)[n] >= 'a' && (*p)[n] <= 'z')
		n++;
	for (size_t i = 0; i < ELEMENTSOF(units); i++)
		if (strlen(units[i].name) == n && memcmp(units[i].name, *p, n) == 0) {
			*p += n;
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

int usec_parse(const char *text, usec_t *ret)
{
	const char *p = text;
	size_t next = 0; /* first unit that may still come: "30min 1h" is a slip of the pen */
	bool too_large = false;
	usec_t sum = 0;

	for (;;) {
		usec_t n = 0;
		size_t unit;
		int r = read_number(&p, &n);

		if (r == -EINVAL)
			return r;
		while (*p >= '0' && *p <= '9')
			p++;
		if (read_unit(&p, &unit) < 0 || unit < next)
			return -EINVAL;
		next = unit + 1;
		/* A wrong word after a number that is too large is still a wrong word. */
		if (r == -ERANGE || n > (USEC_INFINITY - 1 - sum) / units[unit].size)
			too_large = true;
		else
			sum += n * units[unit].size;
		if (*p == '\0')
			break;
		while (*p == ' ')
			p++;
	}

	if (too_large)
		return -ERANGE;
	*ret = sum;
	return 0;
}

/* People who read hours do not want microseconds. */
static usec_t finest(usec_t duration)
{
	return duration >= MINUTE ? SEC : duration >= SEC ? MSEC : 1;
}

const char *usec_format(char buffer[static USEC_FORMAT_MAX], usec_t duration)
{
	usec_t smallest = finest(duration);
	size_t used = 0;
	int parts = 0;

	if (duration == USEC_INFINITY)
		return strcpy(buffer, "never");
	if (duration == 0)
		return strcpy(buffer, "0s");
	for (size_t i = 0; i < ELEMENTSOF(units) && parts < 2 && units[i].size >= smallest; i++) {
		usec_t n = duration / units[i].size;

		if (n == 0)
			continue;
		duration -= n * units[i].size;
		used += (size_t) snprintf(buffer + used, USEC_FORMAT_MAX - used, "%s%llu%s",
			parts > 0 ? " " : "", (unsigned long long) n, units[i].name);
		parts++;
	}
	return buffer;
}
