/* Lines for people and for programs: gathered over a turn of the loop, written once at its end.
 *
 * The reader of the log must never be able to stop the proxy: what a full pipe does not take waits up to a bound;
 * lines beyond it are counted, and the count is told in the log as soon as there is room. */
#ifndef PX_LOG_H
#define PX_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "settings.h"

#define PX_LOG_ROOM   (1u << 20) /* bytes that may wait */
#define PX_LOG_MEMORY (-2)       /* as `fd`: the lines are for whoever takes them from `text` */

struct px_log {
    char *text; /* PX_LOG_ROOM bytes */
    size_t length;
    size_t line;   /* where the line that is being written began */
    bool overflow; /* it did not fit */
    uint64_t lost; /* lines since the last that fitted */
    uint64_t lost_ever;
    int fd;         /* -1: nothing is written */
    bool is_socket; /* non-blocking by flag and not by mode */
    bool owns_fd;
    enum px_log_format format;
    int64_t stamp_second; /* the second that `stamp` spells */
    char stamp[24];
};

/* 0, or errno of the path that could not be opened. */
int px_log_open(struct px_log *log, const struct px_settings *settings);
/* As other settings want it, which also opens a file anew that was moved away. 0, or errno: then nothing has changed. */
int px_log_reopen(struct px_log *log, const struct px_settings *settings);
int px_log_open_memory(struct px_log *log); /* JSON lines that stay in `text`; 0, or ENOMEM */
void px_log_close(struct px_log *log);      /* writes what waits, waiting up to a second for a slow reader */
void px_log_flush(struct px_log *log);

/* ---- lines ---- */

/* A line is begun, gets its fields in order, and is ended. `kind` says what the line is of: "call", "connection" … */
void px_log_begin(struct px_log *log, const char *kind);
void px_log_end(struct px_log *log);

/* A line of the kind "notice" with one text. */
void px_log_notice(struct px_log *log, const char *client, const char *what);

/* The name of a field, spelled for both formats when the program is built. A line has some thirty fields and there is
 * a line for each call: what the compiler knows is copied inline. */
struct px_log_key {
    const char *json, *logfmt;
    uint8_t json_length, logfmt_length;
};
#define PX_LOG_KEY(name)                                                                     \
    (struct px_log_key)                                                                      \
    {                                                                                        \
        ",\"" name "\":", " " name "=", sizeof ",\"" name "\":" - 1, sizeof " " name "=" - 1 \
    }

static inline void px_log_put(struct px_log *log, const char *text, size_t length)
{
    if (PX_LOG_ROOM - log->length < length) {
        log->overflow = true;
        return;
    }
    memcpy(log->text + log->length, text, length);
    log->length += length;
}

static inline void px_log_put_key(struct px_log *log, struct px_log_key key)
{
    if (log->format == PX_LOG_JSON)
        px_log_put(log, key.json, key.json_length);
    else
        px_log_put(log, key.logfmt, key.logfmt_length);
}

void px_log_put_text(struct px_log *log, const char *text); /* quoted and escaped as it needs; NULL: null */
void px_log_put_word(struct px_log *log, const char *word); /* known to need no escapes; NULL: null */
void px_log_put_number(struct px_log *log, uint64_t value);

static inline void px_log_text(struct px_log *log, struct px_log_key key, const char *text)
{
    px_log_put_key(log, key);
    px_log_put_text(log, text);
}

static inline void px_log_word(struct px_log *log, struct px_log_key key, const char *word)
{
    px_log_put_key(log, key);
    px_log_put_word(log, word);
}

static inline void px_log_number(struct px_log *log, struct px_log_key key, uint64_t value)
{
    px_log_put_key(log, key);
    px_log_put_number(log, value);
}

/* Microseconds between two times; null where there is no such time. */
static inline void px_log_time(struct px_log *log, struct px_log_key key, int64_t from_us, int64_t to_us)
{
    px_log_put_key(log, key);
    if (from_us >= 0 && to_us >= from_us)
        px_log_put_number(log, (uint64_t)(to_us - from_us));
    else
        px_log_put_word(log, NULL);
}

#endif
