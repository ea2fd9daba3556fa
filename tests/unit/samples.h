/* Real PDUs, as hexadecimal text, from captures of Samba, impacket and Windows. */
#ifndef TESTS_SAMPLES_H
#define TESTS_SAMPLES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_ROOM 512u /* bytes of the longest sample */

struct sample {
    uint8_t bytes[SAMPLE_ROOM];
    size_t length;
};

#define NDR_LE "045d888aeb1cc9119fe808002b10486002000000"
#define NDR_BE "8a885d041ceb11c99fe808002b10486000000002"
#define FEATURES_LE                    \
    "2c1cb76c129840450300000000000000" \
    "01000000"
#define NTLM_NEGOTIATE \
    "0a060000010000004e544c4d53535000010000003582086200000000280000000000000028000000060100000000000f"

/* Samba's client to dssetup: two contexts, the second one the feature negotiation; NTLM at privacy. */
#define BIND_NTLM                                                     \
    "05000b0710000000a400280001000000d016d01600000000020000000000010" \
    "06a2819390cb1d0119ba800c04fd92ef500000000" NDR_LE                \
    "010001006a2819390cb1d0119ba800c04fd92ef500000000" FEATURES_LE NTLM_NEGOTIATE

/* The same client, big-endian, to rpcecho. */
#define BIND_BIG_ENDIAN                                                                                       \
    "05000b0300000000007400000000000116d016d000000000020000000000010060a15ec54de811d7a637005056a201820000000" \
    "1" NDR_BE "0001010060a15ec54de811d7a637005056a20182000000016cb71c2c981245400300000000000000"             \
    "00000001"

#define BIND_ACK_FEATURES                                                                     \
    "05000c03100000005400000001000000d016d01644da000004003133350000000200000000000000" NDR_LE \
    "0300030000000000000000000000000000000000"                                                \
    "00000000"

/* The secondary address is "ABC" in three bytes: no NUL. */
#define BIND_ACK_NO_NUL "05000c03100000003c00000001000000b810b8107856341203004142430000000100000000000000" NDR_LE

#define BIND_NAK "05000d031000000018000000000000000000010500000000"

#define ALTER_CONTEXT                                                                                         \
    "05000e03100000004800000001000000b810b81000000000010000000100010080bda8af8a7dc911bef408002b1029890100000" \
    "0" NDR_LE

#define ALTER_CONTEXT_RESP "05000f03100000003800000001000000b810b810943d0000000000000100000000000000" NDR_LE

#define REQUEST_BIG_ENDIAN "0500000300000000001c000000000003000000040000000000000001"

/* Eight bytes of stub, eight of padding; NTLM at connect. */
#define REQUEST_SIGNED                                                                                             \
    "050000031000000060001000040000002800000000004000000002000100000000000000010000000000000001000000010000000100" \
    "000000000000000000000000000000000000090508000100000001000000aa6674b1b42bebb903000000"

/* Windows to IRemUnknown2: an object UUID. */
#define REQUEST_OBJECT                                                                                         \
    "0500008310000000580000004700000030000000080003000e3c0000ac0f00008d9b58a63aa615c5050007000000000000000000" \
    "f9fab8b12798db439da24909a7b589780000000001000000010000000100000058819e01"

#define RESPONSE "05000203100000001c00000002000000040000000000000001000000"

/* Windows: op_rng_error, did not execute. */
#define FAULT_DNE "0500032310000000200000000100000020000000000000000200011c00000000"

/* SPNEGO at connect; four bytes of padding, then the trailer. */
#define AUTH3                                                                                                      \
    "050010031000000066004a0000000000000000000902000002000000604806062b0601050502a03e303ca00e300c060a2b0601040182" \
    "3702020aa22a04284e544c4d53535000010000000582086200000000280000000000000028000000060100000000000f"

#define CO_CANCEL "05001203100000001000000003000000"
#define ORPHANED  "05001303100000001000000003000000"

/* Every sample above. */
static const char *const all_samples[] = {
    BIND_NTLM,      BIND_BIG_ENDIAN,    BIND_ACK_FEATURES,  BIND_ACK_NO_NUL, BIND_NAK,       ALTER_CONTEXT,
    REQUEST_SIGNED, ALTER_CONTEXT_RESP, REQUEST_BIG_ENDIAN, RESPONSE,        REQUEST_OBJECT, FAULT_DNE,
    AUTH3,          CO_CANCEL,          ORPHANED,
};

enum { SAMPLE_COUNT = sizeof(all_samples) / sizeof(all_samples[0]) };

static inline uint8_t hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = strchr(digits, c);
    if (c == '\0' || at == NULL)
        abort();
    return (uint8_t)(at - digits);
}

static inline struct sample sample(const char *hex)
{
    struct sample s = { .length = strlen(hex) / 2 };
    if (strlen(hex) % 2 != 0 || s.length > SAMPLE_ROOM)
        abort();
    for (size_t i = 0; i < s.length; i++)
        s.bytes[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    return s;
}

/* The same PDU, `length` bytes long and saying so. */
static inline struct sample shortened(const struct sample *whole, size_t length)
{
    struct sample s = *whole;
    int big_endian = (s.bytes[4] & 0xf0) == 0;
    s.length = length;
    s.bytes[big_endian ? 9 : 8] = (uint8_t)length;
    s.bytes[big_endian ? 8 : 9] = (uint8_t)(length >> 8);
    return s;
}

#endif
