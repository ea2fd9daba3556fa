/* Which of the known words is the nearest to a misspelt one. */
#ifndef PX_NEAREST_H
#define PX_NEAREST_H

#include <stddef.h>

struct px_nearest {
    const char *word;
    const char *best; /* not owned, nor terminated; NULL: none is near */
    size_t best_length;
    unsigned distance; /* only what is nearer than this is taken */
};

struct px_nearest px_nearest_to(const char *word);
void px_nearest_offer(struct px_nearest *nearest, const char *known, size_t length);

#endif
