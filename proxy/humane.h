/* Numbers as people read them: three digits and a unit. */
#ifndef PX_HUMANE_H
#define PX_HUMANE_H

#include <stdint.h>

#define PX_HUMANE 24u

char *px_humane_time(uint64_t us, char text[PX_HUMANE]); /* "820 us", "1.25 ms", "3.4 s", "2 m 05 s", "3 h 07 m" */
char *px_humane_bytes(uint64_t bytes, char text[PX_HUMANE]); /* "512 B", "1.5 KiB", "20 MiB" */

#endif
