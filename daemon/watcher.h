/*
 * watcher - who is told what changes in the manager. It does not know who that is: in fotad the bus, in tests nobody.
 *
 * All of it is said often and costs little; the one who is told looks later what is different, once for many. Nothing of
 * the manager may be changed from in here.
 */
#pragma once

struct modem;

struct watcher {
	void (*changed)(void *userdata, struct modem *m); /* it is new, or something of it or of its job is different */
	void (*gone)(void *userdata, struct modem *m);    /* it is about to be freed */
	void (*settled)(void *userdata);                  /* a turn is over: campaigns and what waits may be different */
};
