/* The distance of two words: how many letters must be put in, taken out or changed. */
#include "nearest.h"

#include <string.h>

#define LONGEST 64u /* longer words are near to nothing */

/* About one letter in three may be wrong, but never the only one. */
struct px_nearest px_nearest_to(const char *word)
{
    size_t length = strlen(word);
    return (struct px_nearest){ .word = word, .distance = length > LONGEST ? 0 : (unsigned)(length + 4) / 3 };
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Levenshtein's table, one row at a time: row[j] is the distance of what was read of a to the first j of b. */
static unsigned distance_of(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned row[LONGEST + 1];
    for (unsigned j = 0; j <= b_length; j++)
        row[j] = j;
    for (unsigned i = 0; i < a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = i + 1;
        for (unsigned j = 0; j < b_length; j++) {
            unsigned changed = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(changed, least(row[j], diagonal) + 1);
        }
    }
    return row[b_length];
}

void px_nearest_offer(struct px_nearest *nearest, const char *known, size_t length)
{
    if (nearest->distance == 0 || length > LONGEST)
        return;
    unsigned distance = distance_of(nearest->word, strlen(nearest->word), known, length);
    if (distance < nearest->distance) {
        *nearest = (struct px_nearest){ nearest->word, known, length, distance };
    }
}
