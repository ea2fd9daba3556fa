/* "Provably not run?" as one small table (rpcward(8) says what each proof means; the first row that fits wins). */
#include "evidence.h"

enum want { NO, YES, ANY };

static const struct {
    enum want dial_failed, leased, first_done, last_done, whole_only, answered, fault_dne;
    enum pol_proof proof;
} rows[] = {
    { ANY, ANY, ANY, ANY, ANY, YES, YES, POL_P5_FAULT_DNE },
    { ANY, ANY, ANY, ANY, ANY, YES, NO, POL_UNPROVEN },
    { YES, NO, ANY, ANY, ANY, NO, ANY, POL_P1_NOT_CONNECTED },
    { NO, NO, ANY, ANY, ANY, NO, ANY, POL_P6_IN_PROXY },
    { ANY, YES, NO, ANY, ANY, NO, ANY, POL_P3_FIRST_PARTIAL },
    { ANY, YES, YES, NO, YES, NO, ANY, POL_P4_LAST_PARTIAL },
};

static bool fits(enum want want, bool is)
{
    return want == ANY || (want == YES) == is;
}

/* A bind that failed says why the request is still with us, so it only names the proof. */
enum pol_proof pol_provably_not_run(struct pol_evidence e)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fits(rows[i].dial_failed, e.dial_failed) && fits(rows[i].leased, e.leased) &&
            fits(rows[i].first_done, e.first_done) && fits(rows[i].last_done, e.last_done) &&
            fits(rows[i].whole_only, e.whole_only) && fits(rows[i].answered, e.answered) &&
            fits(rows[i].fault_dne, e.fault_dne))
            return rows[i].proof == POL_P6_IN_PROXY && e.bind_failed ? POL_P2_NOT_BOUND : rows[i].proof;
    return POL_UNPROVEN;
}
