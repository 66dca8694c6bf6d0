#include "daemon/clock-watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/macros.h"

#define TIMESYNCD_FLAG "/run/systemd/timesync/synchronized"

struct clock_watch {
	int fd;
	sd_event_source *source;
	void (*callback)(void *userdata);
	void *userdata;
};

/* A timer that never runs out, but is cancelled when the clock is set (timerfd_create(2)). */
static int arm(const struct clock_watch *watch)
{
	const struct itimerspec never = { .it_value = { .tv_sec = INT_MAX } };
	int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;

	return timerfd_settime(watch->fd, flags, &never, NULL) < 0 ? -errno : 0;
}

static int on_event(sd_event_source *source UNUSED, int fd, uint32_t events UNUSED, void *userdata)
{
	const struct clock_watch *watch = userdata;
	uint64_t expirations;
	ssize_t n = read(fd, &expirations, sizeof(expirations));

	if (n >= 0 || errno != ECANCELED)
		return 0;
	(void) arm(watch);
	watch->callback(watch->userdata);
	return 0;
}

int clock_watch_new(
	sd_event *event, void (*callback)(void *userdata), void *userdata, struct clock_watch **ret)
{
	struct clock_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->callback = callback;
	watch->userdata = userdata;
	watch->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	r = watch->fd < 0 ? -errno : arm(watch);
	if (r >= 0)
		r = sd_event_add_io(event, &watch->source, watch->fd, EPOLLIN, on_event, watch);
	if (r < 0) {
		clock_watch_free(watch);
		return r;
	}
	*ret = watch;
	return 0;
}

struct clock_watch *clock_watch_free(struct clock_watch *watch)
{
	if (!watch)
		return NULL;
	sd_event_source_disable_unref(watch->source);
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch);
	return NULL;
}

static enum clock_witness clock_witness;

void clock_set_witness(enum clock_witness witness)
{
	clock_witness = witness;
}

bool clock_is_synchronised(void)
{
	struct timex now = { .modes = 0 };

	switch (clock_witness) {
	case CLOCK_WITNESS_NO:
		return false;
	case CLOCK_WITNESS_YES:
		return true;
	case CLOCK_WITNESS_NONE:
		break;
	}
	if (adjtimex(&now) >= 0)
		return !(now.status & STA_UNSYNC);
	return access(TIMESYNCD_FLAG, F_OK) == 0;
}
