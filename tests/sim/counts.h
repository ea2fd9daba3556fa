/* What has come to pass in all schedules, for people: a promise that nothing puts to the test is none. */
#ifndef SIM_COUNTS_H
#define SIM_COUNTS_H

#include <stdint.h>

enum cut_kind { CUT_FIN, CUT_RESET, CUT_SILENCE, CUT_HALF, CUTS };

#define PROOFS 7u /* P1 to P6; 0: none, of what is idempotent */

extern struct counts {
    uint64_t calls, executed, again[PROOFS], cuts[CUTS], restarts;
} counts;

extern const char *const cut_names[CUTS];

void counts_tries(const char *tries); /* of a call's line: "10.0.1.1:5000 part P3, …" */
void counts_print(void);

#endif
