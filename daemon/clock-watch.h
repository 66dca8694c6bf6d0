/*
 * clock-watch - the wall clock: is it set while we run, and is it synchronised? sd-event has no source for the former.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

struct clock_watch;

/* Calls back whenever somebody sets CLOCK_REALTIME (not when it is only slewed). */
int clock_watch_new(
	sd_event *event, void (*callback)(void *userdata), void *userdata, struct clock_watch **ret);
struct clock_watch *clock_watch_free(struct clock_watch *watch); /* NULL is fine; returns NULL */

/* As the kernel sees it, or (where the sandbox does not let us ask it) systemd-timesyncd. */
bool clock_is_synchronised(void);
