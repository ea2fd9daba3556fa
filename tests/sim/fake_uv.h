/* The loop under the simulator's hand. */
#ifndef SIM_FAKE_UV_H
#define SIM_FAKE_UV_H

void fake_uv_begin(void);
unsigned fake_uv_handles(void); /* that are not closed */
void fake_uv_signal(int number);

/* For the simulator to define: after each turn; and when nothing can go on. */
void fake_uv_turned(void);
void fake_uv_stuck(const char *why);

#endif
