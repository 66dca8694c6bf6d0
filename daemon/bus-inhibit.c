/*
 * Manager.Inhibit: site software holds new starts for as long as it keeps a descriptor open (conduct 25), as logind does it:
 * who dies lets go. What runs goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/bus-internal.h"

#define INHIBITORS_MAX 64
#define WORDS_MAX      128 /* bytes of who and of why */

struct bus_inhibitor {
	struct bus_inhibitor *next;
	struct bus *bus;
	int fd; /* the reading end */
	sd_event_source *source;
	char who[4 * WORDS_MAX + 1], why[4 * WORDS_MAX + 1]; /* escaped */
};

static void let_go(struct bus_inhibitor *inhibitor)
{
	struct bus *b = inhibitor->bus;
	struct bus_inhibitor **p = &b->inhibitors;

	while (*p != inhibitor)
		p = &(*p)->next;
	*p = inhibitor->next;
	sd_event_source_disable_unref(inhibitor->source);
	close(inhibitor->fd);
	free(inhibitor);
	manager_inhibit(b->manager, false);
}

static int on_closed(sd_event_source *source UNUSED, int fd, uint32_t events UNUSED, void *userdata)
{
	struct bus_inhibitor *inhibitor = userdata;
	char byte[64];

	if (read(fd, byte, sizeof(byte)) > 0) /* what is written means nothing */
		return 0;
	log_event(LOG_NOTICE, LOG_MESSAGE_CAMPAIGN_OPERATED, NULL, "%s lets new starts go on",
		inhibitor->who);
	let_go(inhibitor);
	return 0;
}

static int new_inhibitor(
	struct bus *b, const char *who, const char *why, int fd, struct bus_inhibitor **ret)
{
	struct bus_inhibitor *inhibitor = calloc(1, sizeof(*inhibitor));
	int r;

	if (!inhibitor)
		return -ENOMEM;
	inhibitor->bus = b;
	inhibitor->fd = fd;
	text_escape(inhibitor->who, sizeof(inhibitor->who), who, strlen(who));
	text_escape(inhibitor->why, sizeof(inhibitor->why), why, strlen(why));
	r = sd_event_add_io(b->event, &inhibitor->source, fd, EPOLLIN, on_closed, inhibitor);
	if (r < 0)
		free(inhibitor);
	else
		*ret = inhibitor;
	return r;
}

static unsigned count(const struct bus *b)
{
	unsigned n = 0;

	for (const struct bus_inhibitor *i = b->inhibitors; i; i = i->next)
		n++;
	return n;
}

int bus_inhibit(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	struct bus_inhibitor *inhibitor;
	const char *who, *why;
	int ends[2], r;

	r = sd_bus_message_read(m, "ss", &who, &why);
	if (r < 0)
		return r;
	if (!who[0] || !why[0] || strlen(who) > WORDS_MAX || strlen(why) > WORDS_MAX)
		return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
			"who and why are each 1 to 128 bytes, for those who wonder why nothing "
			"starts");
	if (count(b) >= INHIBITORS_MAX)
		return sd_bus_error_set(
			error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many hold new starts already");
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	r = new_inhibitor(b, who, why, ends[0], &inhibitor);
	if (r < 0) {
		close(ends[0]);
		close(ends[1]);
		return r;
	}
	inhibitor->next = b->inhibitors;
	b->inhibitors = inhibitor;
	manager_inhibit(b->manager, true);
	log_event(LOG_NOTICE, LOG_MESSAGE_CAMPAIGN_OPERATED, NULL, "%s holds new starts: %s",
		inhibitor->who, inhibitor->why);
	r = sd_bus_reply_method_return(m, "h", ends[1]);
	close(ends[1]);
	return r;
}

int bus_list_inhibitors(struct bus *b, sd_bus_message *m, sd_bus_error *error UNUSED)
{
	sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(m, &reply);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ss)");
	for (const struct bus_inhibitor *i = b->inhibitors; i && r >= 0; i = i->next)
		r = sd_bus_message_append(reply, "(ss)", i->who, i->why);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

void bus_inhibitors_drop(struct bus *b)
{
	while (b->inhibitors)
		let_go(b->inhibitors);
}
