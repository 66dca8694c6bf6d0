/*
 * trace-internal - for trace*.c only.
 */
#pragma once

#include "core/trace.h"

void trace_prepare(struct trace *t, const struct dialogue *d, usec_t now);
void trace_append(struct trace *t, enum trace_type type, usec_t now, uint64_t number, const char *data, size_t size);
