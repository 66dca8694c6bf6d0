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

/*
 * By what a witness says (the bus, which asks timedate1: the sandbox hides the kernel's word from us, conduct 27), else as the
 * kernel sees it, else by what systemd-timesyncd leaves behind.
 */
bool clock_is_synchronised(void);

enum clock_witness { CLOCK_WITNESS_NONE, CLOCK_WITNESS_NO, CLOCK_WITNESS_YES };
void clock_set_witness(enum clock_witness witness);
