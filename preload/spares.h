/* Aliases that were given out beyond the one that was asked for, to a program that connects to one destination again and
 * again: the next connects need not ask. */
#ifndef SHIM_SPARES_H
#define SHIM_SPARES_H

#include <stdbool.h>

#include "question.h"

/* Before main(): gets the memory that they are kept in. Children made by fork() find it empty. */
void shim_spares_open(void);

/* A spare for the socket of that question, which is to connect to that destination; false: there is none. */
bool shim_spares_take(int fd, const struct shim_question *question, struct shim_address *alias);

/* How many to ask for, and what to remember until the answer is there. */
struct shim_spares_wish {
    int64_t began; /* ms; when the question was put */
    uint32_t uid;
};
struct shim_spares_wish shim_spares_ask(int fd, struct shim_question *question);

/* Keeps those of an answer that grants an alias. */
void shim_spares_keep(const struct shim_spares_wish *wish, const struct shim_question *question,
                      const struct shim_answer *answer);

#endif
