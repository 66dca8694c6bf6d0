/*
 * What of a line may be stored (conduct 12).
 */
#include <string.h>

#include "base/text.h"
#include "core/trace-state.h"

#define MASK "***"
#define TELLING                                                                                    \
	4 /* bytes of a secret; a shorter one stands in many a line by chance, so only its quoted  \
	     form counts */

struct secrets {
	const char *text[3]; /* NULL: none */
};

static const char *query_of(const struct gtota_request *request)
{
	const char *query =
		request->type == GTOTA_HTTP && request->url ? strchr(request->url, '?') : NULL;

	return query ? query + 1 : NULL;
}

static struct secrets secrets_of(const struct upgrade_task *task)
{
	if (!task)
		return (struct secrets){ { NULL } };
	return (struct secrets){ { task->request.password, task->apn.password,
		query_of(&task->request) } };
}

/* How many bytes of what begins at p are a secret, with its quotes where those are needed? */
static size_t secret_at(const struct secrets *s, const char *p, size_t left)
{
	for (size_t i = 0; i < 3; i++) {
		size_t n = s->text[i] ? strlen(s->text[i]) : 0;

		if (n >= TELLING && n <= left && memcmp(p, s->text[i], n) == 0)
			return n;
		if (n > 0 && n < TELLING && n + 2 <= left && p[0] == '"' &&
			memcmp(p + 1, s->text[i], n) == 0 && p[n + 1] == '"')
			return n + 2;
	}
	return 0;
}

static size_t replace(
	const struct secrets *s, const char *line, size_t size, char ret[static TRACE_LINE_MAX])
{
	size_t used = 0;

	/* Every report of a download passes here, and most tasks have none. */
	if (!s->text[0] && !s->text[1] && !s->text[2] && size + sizeof(MASK) <= TRACE_LINE_MAX) {
		memcpy(ret, line, size);
		return size;
	}
	for (size_t i = 0; i < size && used + sizeof(MASK) < TRACE_LINE_MAX;) {
		size_t n = secret_at(s, line + i, size - i);

		if (n > 0) {
			memcpy(ret + used, MASK, sizeof(MASK) - 1);
			used += sizeof(MASK) - 1;
			i += n;
		} else {
			ret[used++] = line[i++];
		}
	}
	return used;
}

static bool begins(const char *line, size_t size, const char *with)
{
	return size >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static size_t tail_of(const char *line, size_t size)
{
	size_t n = 0;

	while (n < size && (line[size - n - 1] == '\r' || line[size - n - 1] == '\n'))
		n++;
	return n;
}

size_t trace_mask(const struct upgrade_task *task, const char *line, size_t size,
	char ret[static TRACE_LINE_MAX])
{
	struct secrets secrets = secrets_of(task);
	size_t tail = tail_of(line, size), n;
	int r = -1;

	if (task && begins(line, size, "AT+GTOTA=") && !begins(line, size, "AT+GTOTA=?"))
		r = gtota_build_masked(&task->request, ret, TRACE_LINE_MAX);
	else if (task && task->apn.password && begins(line, size, "AT+MIPCALL=1,"))
		r = text_format(ret, TRACE_LINE_MAX, "AT+MIPCALL=1,\"%s\",\"%s\",\"" MASK "\"",
			task->apn.name, task->apn.username);
	if (r < 0)
		return replace(&secrets, line, size, ret);
	n = strlen(ret);
	tail = tail < TRACE_LINE_MAX - n ? tail : TRACE_LINE_MAX - n;
	memcpy(ret + n, line + size - tail, tail);
	return n + tail;
}

size_t trace_mask_done(size_t done, size_t size, size_t masked)
{
	if (done == 0 || masked == 0)
		return 0;
	if (done >= size)
		return masked;
	return done < masked ? done : masked - 1;
}
