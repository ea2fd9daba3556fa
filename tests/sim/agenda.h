/* Virtual time: what happens when. Nothing waits; the clock jumps from one entry to the next. */
#ifndef SIM_AGENDA_H
#define SIM_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#define MS      1000        /* µs */
#define SECOND  (1000 * MS) /* µs */
#define NO_TIME INT64_MAX

extern int64_t now; /* µs */

/* `what` runs at `when` (or at once, where that is past). There is no way to take it off again: whoever may have changed
 * his mind passes a number and compares. */
typedef void agenda_job(void *who, uint32_t number);
void agenda_at(int64_t when, agenda_job *what, void *who, uint32_t number);

void agenda_begin(void);   /* empty, at the time at which every schedule begins */
int64_t agenda_next(void); /* NO_TIME: nothing is left */
void agenda_run_one(void);

/* The clock goes on by itself, as it does while a program computes. What is due by then runs later. */
void agenda_spend(int64_t us);

#endif
