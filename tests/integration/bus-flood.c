/*
 * bus-flood ADDRESS WHAT...: asks fotad as fast as it answers, WINDOW calls at a time on each of CONNECTIONS connections,
 * until SIGTERM; then says how many were answered. WHAT: get, objects, plan, metrics, history.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/macros.h"

#define CONNECTIONS 4
#define WINDOW	    50

static const struct question {
	const char *word, *path, *interface, *member, *signature, *first;
} questions[] = {
	{ "get", "/org/fotad1", "org.freedesktop.DBus.Properties", "Get", "ss",
		"org.fotad1.Manager" },
	{ "objects", "/org/fotad1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "",
		NULL },
	{ "plan", "/org/fotad1", "org.fotad1.Manager", "Plan", "s", "" },
	{ "metrics", "/org/fotad1", "org.fotad1.Manager", "Metrics", "", NULL },
	{ "history", "/org/fotad1", "org.fotad1.Manager", "History", "su", "" },
};

static struct {
	sd_bus *buses[CONNECTIONS];
	const struct question *questions[ELEMENTSOF(questions)];
	size_t n, next;
	unsigned long long answers, errors;
} flood;

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error);

static int ask(sd_bus *bus)
{
	const struct question *q = flood.questions[flood.next++ % flood.n];
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(
		bus, &m, "org.fotad1", q->path, q->interface, q->member);

	if (r >= 0 && q->first)
		r = sd_bus_message_append(m, "s", q->first);
	if (r >= 0 && strcmp(q->signature, "ss") == 0)
		r = sd_bus_message_append(m, "s", "ModemCount");
	if (r >= 0 && strcmp(q->signature, "su") == 0)
		r = sd_bus_message_append(m, "u", 1000);
	if (r >= 0)
		r = sd_bus_call_async(bus, NULL, m, on_answer, bus, 0);
	sd_bus_message_unref(m);
	return r;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error UNUSED)
{
	flood.answers++;
	if (sd_bus_message_is_method_error(m, NULL) && flood.errors++ == 0)
		fprintf(stderr, "error: %s\n", sd_bus_message_get_error(m)->message);
	return ask(userdata);
}

static int connect_to(sd_event *event, const char *address, sd_bus **ret)
{
	sd_bus *bus;
	int r = sd_bus_new(&bus);

	if (r < 0)
		return r;
	*ret = bus;

	r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_attach_event(bus, event, 0);
	for (size_t i = 0; i < WINDOW && r >= 0; i++)
		r = ask(bus);
	return r;
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	sd_event *event;
	sigset_t term;
	double seconds;
	int r;

	for (int i = 2; i < argc; i++)
		for (size_t q = 0; q < ELEMENTSOF(questions); q++)
			if (strcmp(questions[q].word, argv[i]) == 0 &&
				flood.n < ELEMENTSOF(flood.questions))
				flood.questions[flood.n++] = &questions[q];
	if (flood.n == 0)
		return 64;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	r = sd_event_default(&event);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	for (size_t i = 0; i < CONNECTIONS && r >= 0; i++)
		r = connect_to(event, argv[1], &flood.buses[i]);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	puts("asking");
	fflush(stdout);
	if (r >= 0)
		r = sd_event_loop(event);
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds =
		(double) (end.tv_sec - begin.tv_sec) + (double) (end.tv_nsec - begin.tv_nsec) / 1e9;
	printf("%llu answers, %llu errors, %.0f a second\n", flood.answers, flood.errors,
		(double) flood.answers / seconds);
	for (size_t i = 0; i < CONNECTIONS; i++)
		sd_bus_close_unref(flood.buses[i]);
	sd_event_unref(event);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
