#include "core/zone-internal.h"

#include <errno.h>
#include <string.h>

/* RFC 9636, 3.1: magic, version, 15 unused bytes, six counts. */
#define HEADER_SIZE 44
#define COUNTS_AT   20
#define TYPE_SIZE   6 /* offset, is it summer, index of the name */
#define VERSION_2   '2'

const struct zone zone_utc = { .name = "UTC", .rule_from = INT64_MIN };

struct header {
	uint8_t version;
	uint32_t n_utc, n_standard, n_leaps, n_changes, n_types, n_chars;
};

struct input {
	const uint8_t *data;
	size_t size;
};

static uint32_t read_32(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

static int64_t read_64(const uint8_t *p)
{
	return (int64_t) ((uint64_t) read_32(p) << 32 | read_32(p + 4));
}

static const uint8_t *take(struct input *input, uint64_t size)
{
	const uint8_t *data = input->data;

	if (size > input->size)
		return NULL;
	input->data += size;
	input->size -= (size_t) size;
	return data;
}

static int take_header(struct input *input, struct header *ret)
{
	const uint8_t *p = take(input, HEADER_SIZE);

	if (!p || memcmp(p, "TZif", 4) != 0)
		return -EBADMSG;
	*ret = (struct header){
		.version = p[4],
		.n_utc = read_32(p + COUNTS_AT),
		.n_standard = read_32(p + COUNTS_AT + 4),
		.n_leaps = read_32(p + COUNTS_AT + 8),
		.n_changes = read_32(p + COUNTS_AT + 12),
		.n_types = read_32(p + COUNTS_AT + 16),
		.n_chars = read_32(p + COUNTS_AT + 20),
	};
	return 0;
}

/* The block for those who know no 64-bit times. */
static int skip_version_1(struct input *input)
{
	struct header h;

	if (take_header(input, &h) < 0)
		return -EBADMSG;
	if (h.version < VERSION_2)
		return -EOPNOTSUPP;
	return take(input, UINT64_C(5) * h.n_changes + UINT64_C(6) * h.n_types + h.n_chars +
				   UINT64_C(8) * h.n_leaps + h.n_standard + h.n_utc)
		       ? 0
		       : -EBADMSG;
}

/* What of the 64-bit block is used. */
struct block {
	const uint8_t *times, *indices, *types;
	uint32_t n_changes, n_types;
};

static int take_block(struct input *input, struct block *ret)
{
	struct header h;

	if (take_header(input, &h) < 0)
		return -EBADMSG;
	if (h.n_leaps > 0) /* they count otherwise than CLOCK_REALTIME */
		return -EOPNOTSUPP;
	*ret = (struct block){ .n_changes = h.n_changes, .n_types = h.n_types };
	ret->times = take(input, UINT64_C(8) * h.n_changes);
	ret->indices = ret->times ? take(input, h.n_changes) : NULL;
	ret->types = ret->indices ? take(input, UINT64_C(6) * h.n_types) : NULL;
	if (!ret->types || h.n_types == 0 ||
		!take(input, (uint64_t) h.n_chars + h.n_standard + h.n_utc))
		return -EBADMSG;
	return 0;
}

static int offset_of(const struct block *block, uint32_t type, int32_t *ret)
{
	int32_t offset;

	if (type >= block->n_types)
		return -EBADMSG;
	offset = (int32_t) read_32(block->types + (size_t) type * TYPE_SIZE);
	if (offset <= -ZONE_OFFSET_MAX || offset >= ZONE_OFFSET_MAX)
		return -EBADMSG;
	*ret = offset;
	return 0;
}

static int read_changes(const struct block *block, int64_t since, struct zone_change *memory,
	size_t max, struct zone *zone)
{
	int64_t before = INT64_MIN;
	int32_t offset = 0;

	if (offset_of(block, 0, &zone->first) < 0)
		return -EBADMSG;
	for (uint32_t i = 0; i < block->n_changes; i++) {
		int64_t at = read_64(block->times + (size_t) i * 8);
		int32_t old = zone->n_changes > 0 ? memory[zone->n_changes - 1].offset
						  : zone->first;

		if (offset_of(block, block->indices[i], &offset) < 0 || (i > 0 && at <= before))
			return -EBADMSG;
		before = at;
		if (at < since)
			zone->first = offset;
		else if (offset != old && zone->n_changes == max)
			return -EMSGSIZE;
		else if (offset != old)
			memory[zone->n_changes++] = (struct zone_change){ at, offset };
	}
	zone->changes = memory;
	zone->rule_from = before;
	return 0;
}

/* A line of its own; empty: the last offset stays. */
static int read_footer(struct input *input, struct zone *zone)
{
	char text[ZONE_RULE_MAX + 1];
	const uint8_t *p = take(input, 1), *end;
	size_t n;

	if (!p || *p != '\n')
		return -EBADMSG;
	end = memchr(input->data, '\n', input->size);
	n = end ? (size_t) (end - input->data) : sizeof(text);
	if (n >= sizeof(text) || memchr(input->data, '\0', n))
		return -EBADMSG;
	memcpy(text, input->data, n);
	text[n] = '\0';
	zone->has_rule = n > 0;
	return n > 0 ? zone_rule_parse(text, &zone->rule) : 0;
}

int zone_parse(const void *data, size_t size, int64_t since, struct zone_change *memory, size_t max,
	struct zone *ret)
{
	struct input input = { data, size };
	struct zone zone = { 0 };
	struct block block;
	int r;

	r = skip_version_1(&input);
	if (r == 0)
		r = take_block(&input, &block);
	if (r == 0)
		r = read_changes(&block, since, memory, max, &zone);
	if (r == 0)
		r = read_footer(&input, &zone);
	if (r == 0)
		*ret = zone;
	return r;
}

/* How many changes are not after `at`. */
static size_t count_until(const struct zone *zone, int64_t at)
{
	size_t low = 0, high = zone->n_changes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->changes[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void zone_span(const struct zone *zone, int64_t at, struct zone_span *ret)
{
	size_t n;

	if (zone->has_rule && at >= zone->rule_from) {
		zone_rule_span(&zone->rule, at, ret);
		if (ret->begin < zone->rule_from)
			ret->begin = zone->rule_from;
		return;
	}
	n = count_until(zone, at);
	ret->offset = n > 0 ? zone->changes[n - 1].offset : zone->first;
	ret->begin = n > 0 ? zone->changes[n - 1].at : INT64_MIN;
	ret->end = n < zone->n_changes ? zone->changes[n].at
		   : zone->has_rule    ? zone->rule_from
				       : INT64_MAX;
}

int32_t zone_offset(const struct zone *zone, usec_t at)
{
	struct zone_span span;

	zone_span(zone, (int64_t) (at / SEC), &span);
	return span.offset;
}

int64_t zone_first(const struct zone *zone, int64_t local)
{
	int64_t at = local - ZONE_OFFSET_MAX;

	/* Each span ends after it began, and at the latest 26 hours after `local` its clock is there. */
	for (;;) {
		struct zone_span span;
		int64_t hit;

		zone_span(zone, at, &span);
		hit = local - span.offset > at ? local - span.offset : at;
		if (hit < span.end)
			return hit;
		at = span.end;
	}
}
