/* One line for each: tests/sim/schedules.py adds them up over its processes. */
#include "counts.h"

#include <stdio.h>
#include <string.h>

struct counts counts;

/* "ADDRESS EVIDENCE PROOF": the last word begins with a P, or is "none". */
static void count_one(const char *word)
{
    unsigned proof = word[0] == 'P' ? (unsigned)(word[1] - '0') : 0;
    counts.again[proof < PROOFS ? proof : 0]++;
}

void counts_tries(const char *tries)
{
    for (const char *end = tries; *tries; tries = *end ? end + 2 : end) {
        const char *word = tries;
        end = strstr(tries, ", ");
        end = end ? end : tries + strlen(tries);
        for (const char *at = tries; at < end; at++)
            word = *at == ' ' ? at + 1 : word;
        count_one(word);
    }
}

static void print(const char *what, const char *detail, uint64_t count)
{
    printf("# count %lu %s%s\n", (unsigned long)count, what, detail);
}

void counts_print(void)
{
    print("calls", "", counts.calls);
    print("executed", "", counts.executed);
    print("servers killed", "", counts.restarts);
    for (unsigned i = 0; i < CUTS; i++)
        print("cut by ", cut_names[i], counts.cuts[i]);
    for (unsigned i = 1; i < PROOFS; i++) {
        const char name[] = { 'P', (char)('0' + i), 0 };
        if (counts.again[i])
            print("sent again by ", name, counts.again[i]);
    }
    print("sent again as idempotent", "", counts.again[0]);
}
