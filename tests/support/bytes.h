/* A growable run of bytes: stub data being written, or a stream waiting to go out. Running out of memory ends
 * the program: these are test tools. */
#ifndef SUP_BYTES_H
#define SUP_BYTES_H

#include "dissect/uuid.h"

/* Zero-initialise. Owns `data`; bytes_free() gives it back. */
struct bytes {
    uint8_t *data;
    size_t length;
    size_t room;
    bool big_endian; /* how integers are written (C706 ch. 14) */
};

/* The address of `n` bytes of room behind the last one; the caller adds to `length` what it used. */
uint8_t *bytes_reserve(struct bytes *b, size_t n);

void bytes_put(struct bytes *b, const void *data, size_t n);
void bytes_u8(struct bytes *b, uint8_t value);
void bytes_u16(struct bytes *b, uint16_t value);
void bytes_u32(struct bytes *b, uint32_t value);
void bytes_u64(struct bytes *b, uint64_t value);
void bytes_uuid(struct bytes *b, const struct dis_uuid *uuid);

/* Zeros up to the next multiple of `alignment` (a power of two), counted from the first byte. */
void bytes_align(struct bytes *b, size_t alignment);

void bytes_drop(struct bytes *b, size_t n); /* takes n bytes off the front */
void bytes_clear(struct bytes *b);          /* empties; keeps a small buffer for the next use, frees a large one */
void bytes_free(struct bytes *b);

#endif
