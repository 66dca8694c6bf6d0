/*
 * route - default routes, as the kernel lists them: /proc/net/route and /proc/net/ipv6_route.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define INTERFACE_MAX 16 /* IFNAMSIZ */

/* Is this line a default route that is up and rejects nothing? Over which interface? ret is untouched otherwise. */
bool route_read_ipv4(const char *line, size_t n, char ret[static INTERFACE_MAX]);
bool route_read_ipv6(const char *line, size_t n, char ret[static INTERFACE_MAX]);
