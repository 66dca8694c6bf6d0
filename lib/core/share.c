#include "core/share.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

int share_parse(const char *text, struct share *ret)
{
	size_t digits = strspn(text, "0123456789");
	struct share share = { .percent = text_equal(text + digits, "%") };

	if (digits == 0 || digits > 6 || (!share.percent && text[digits] != '\0'))
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		share.value = share.value * 10 + (unsigned) (text[i] - '0');
	if (share.value == 0 || text[0] == '0' || (share.percent && share.value > 100))
		return -EINVAL;
	*ret = share;
	return 0;
}

unsigned share_of(struct share share, unsigned n)
{
	unsigned value =
		share.percent ? (unsigned) (((uint64_t) n * share.value + 99) / 100) : share.value;

	return value < n ? value : n;
}
