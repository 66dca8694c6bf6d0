#include "io/metrics.h"

#include <inttypes.h>

#include "base/macros.h"

/* Of a phase of an upgrade: the waits of protocol, 12.1, lie between them. */
static const unsigned bounds[METRICS_BUCKETS] = { 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600,
	7200, 14400 };

static const char *type_name(enum metrics_type type)
{
	switch (type) {
	case METRICS_GAUGE:
		return "gauge";
	case METRICS_COUNTER:
		return "counter";
	case METRICS_HISTOGRAM:
		return "histogram";
	}
	return "untyped";
}

void metrics_family(FILE *stream, const char *name, enum metrics_type type, const char *help)
{
	fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type_name(type));
}

static void put_value(FILE *stream, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', stream);
		if (*value == '\n')
			fputs("\\n", stream);
		else
			fputc(*value, stream);
	}
}

/* le: of a bucket; NULL: none. */
static void put_name(FILE *stream, const char *name, const char *suffix,
	const struct metrics_label *labels, const char *le)
{
	const char *between = "{";

	fprintf(stream, "%s%s", name, suffix);
	for (; labels && labels->name; labels++) {
		fprintf(stream, "%s%s=\"", between, labels->name);
		put_value(stream, labels->value);
		fputc('"', stream);
		between = ",";
	}
	if (le)
		fprintf(stream, "%sle=\"%s\"", between, le);
	fputs(le || *between == ',' ? "} " : " ", stream);
}

void metrics_number(
	FILE *stream, const char *name, const struct metrics_label *labels, uint64_t value)
{
	put_name(stream, name, "", labels, NULL);
	fprintf(stream, "%" PRIu64 "\n", value);
}

/* Whatever the locale is. */
static void put_seconds(FILE *stream, usec_t value)
{
	fprintf(stream, "%" PRIu64 ".%06" PRIu64 "\n", value / SEC, value % SEC);
}

void metrics_seconds(
	FILE *stream, const char *name, const struct metrics_label *labels, usec_t value)
{
	put_name(stream, name, "", labels, NULL);
	put_seconds(stream, value);
}

void metrics_observe(struct metrics_histogram *h, usec_t duration)
{
	size_t i = 0;

	while (i < METRICS_BUCKETS && duration > bounds[i] * SEC)
		i++;
	h->buckets[i]++;
	h->sum = usec_add(h->sum, duration);
}

void metrics_durations(FILE *stream, const char *name, const struct metrics_label *labels,
	const struct metrics_histogram *h)
{
	uint64_t count = 0;
	char le[16];

	for (size_t i = 0; i <= METRICS_BUCKETS; i++) {
		count += h->buckets[i];
		if (i < METRICS_BUCKETS)
			(void) snprintf(le, sizeof(le), "%u", bounds[i]);
		put_name(stream, name, "_bucket", labels, i < METRICS_BUCKETS ? le : "+Inf");
		fprintf(stream, "%" PRIu64 "\n", count);
	}
	put_name(stream, name, "_sum", labels, NULL);
	put_seconds(stream, h->sum);
	put_name(stream, name, "_count", labels, NULL);
	fprintf(stream, "%" PRIu64 "\n", count);
}
