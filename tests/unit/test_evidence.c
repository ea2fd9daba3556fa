/* "Provably not run?", asked of every combination of what can be known. */
#include "policy/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct pol_evidence evidence(unsigned bits)
{
    return (struct pol_evidence){
        .dial_failed = bits & 1,
        .leased = bits & 2,
        .first_done = bits & 4,
        .answered = bits & 8,
        .fault_dne = bits & 16,
    };
}

/* The same in other words: an answer says it all; before the lease the request is with us; after it, the kernel must
 * not have had the first fragment whole. */
static enum pol_proof expected(struct pol_evidence e)
{
    if (e.answered)
        return e.fault_dne ? POL_P5_FAULT_DNE : POL_UNPROVEN;
    if (!e.leased)
        return e.dial_failed ? POL_P1_NOT_CONNECTED : POL_P6_IN_PROXY;
    return e.first_done ? POL_UNPROVEN : POL_P3_FIRST_PARTIAL;
}

static void test_all(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 32; bits++)
        assert_int_equal(pol_provably_not_run(evidence(bits)), expected(evidence(bits)));
}

static void test_each_proof(void **state)
{
    (void)state;
    static const struct {
        struct pol_evidence known;
        enum pol_proof proof;
    } cases[] = {
        { { .dial_failed = true }, POL_P1_NOT_CONNECTED },
        { { .leased = true }, POL_P3_FIRST_PARTIAL },
        { { .leased = true, .first_done = true, .answered = true, .fault_dne = true }, POL_P5_FAULT_DNE },
        { { 0 }, POL_P6_IN_PROXY },
        { { .bind_failed = true }, POL_P2_NOT_BOUND },
        { { .bind_failed = true, .leased = true, .first_done = true }, POL_UNPROVEN },
        { { .leased = true, .first_done = true }, POL_UNPROVEN },
        { { .leased = true, .first_done = true, .answered = true }, POL_UNPROVEN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(pol_provably_not_run(cases[i].known), cases[i].proof);
}

/* What becomes known later must never turn "may have run" into "has not run", except by the server's word. */
static void test_written_is_never_unwritten(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 32; bits++) {
        struct pol_evidence e = evidence(bits);
        if (e.leased && e.first_done && !(e.answered && e.fault_dne))
            assert_int_equal(pol_provably_not_run(e), POL_UNPROVEN);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_each_proof),
        cmocka_unit_test(test_written_is_never_unwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
