/* What a replay shows, and what a broken promise leaves. */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stdbool.h>
#include <stdint.h>

extern bool tracing;

/* A line with the virtual time before it. */
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define trace(...)                   \
    do {                             \
        if (tracing)                 \
            trace_line(__VA_ARGS__); \
    } while (0)

#endif
