#include "core/route.h"

#include <stdint.h>

#include "base/macros.h"
#include "base/text.h"

#define FLAG_UP	    0x0001 /* linux/route.h */
#define FLAG_REJECT 0x0200

#define FIELDS 10

struct word {
	const char *text;
	size_t n;
};

/* Words between blanks; how many there are, at most FIELDS. */
static size_t split(const char *line, size_t n, struct word ret[static FIELDS])
{
	size_t words = 0;

	for (size_t i = 0; i < n && words < FIELDS;) {
		size_t begin = i;

		while (i < n && line[i] != ' ' && line[i] != '\t')
			i++;
		if (i > begin)
			ret[words++] = (struct word){ line + begin, i - begin };
		else
			i++;
	}
	return words;
}

static bool read_hex(const struct word *word, uint64_t *ret)
{
	uint64_t value = 0;

	if (word->n == 0 || word->n > 16)
		return false;
	for (size_t i = 0; i < word->n; i++) {
		char c = word->text[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t) (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t) (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value << 4 | (uint64_t) (c - 'A' + 10);
		else
			return false;
	}
	*ret = value;
	return true;
}

static bool is_zero(const struct word *word, size_t digits)
{
	for (size_t i = 0; i < word->n; i++)
		if (word->text[i] != '0')
			return false;
	return word->n == digits;
}

static bool is_in_use(const struct word *word)
{
	uint64_t flags;

	return read_hex(word, &flags) && (flags & FLAG_UP) && !(flags & FLAG_REJECT);
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT */
bool route_read_ipv4(const char *line, size_t n, char ret[static INTERFACE_MAX])
{
	struct word w[FIELDS];

	return split(line, n, w) >= 8 && is_zero(&w[1], 8) && is_zero(&w[7], 8) &&
	       is_in_use(&w[3]) && text_copy_n(ret, INTERFACE_MAX, w[0].text, w[0].n) == 0;
}

/* destination, its length, source, its length, next hop, metric, references, use, flags, interface */
bool route_read_ipv6(const char *line, size_t n, char ret[static INTERFACE_MAX])
{
	struct word w[FIELDS];

	return split(line, n, w) == FIELDS && is_zero(&w[0], 32) && is_zero(&w[1], 2) &&
	       is_in_use(&w[8]) && text_copy_n(ret, INTERFACE_MAX, w[9].text, w[9].n) == 0;
}
