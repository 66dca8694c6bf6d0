/*
 * uplink - has this gateway another route than over a certain modem? From /proc and /sys, without a socket.
 *
 *      /sys/dev/char/188:5 -> .../usb1/1-2/1-2:1.5/ttyUSB5     the modem is the USB device 1-2
 *      /sys/class/net/wwan0/device -> .../usb1/1-2/1-2:1.3     ... and wwan0 its own interface
 *      /proc/net/route: default over eth0                      another one that is a device, and has a carrier
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/route.h"

/*
 * False also when nobody can say: the modem is no USB device, has no interface of its own (a data connection by ppp over one
 * of its ports has none), or the other route goes over something that is no device, as tunnels do: what they go over is not
 * known. root: "" but for tests. ret: the interface.
 */
bool uplink_has_other_route(const char *root, dev_t tty, char ret[static INTERFACE_MAX]);
