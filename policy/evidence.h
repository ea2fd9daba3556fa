/* What is known of one attempt of one call, and what that proves. The verdict is computed, never stored. */
#ifndef POL_EVIDENCE_H
#define POL_EVIDENCE_H

#include "policy.h"

struct pol_evidence {
    bool dial_failed; /* no connection to the server came about */
    bool bind_failed; /* one did, and the server refused its bind, or it ended before that was answered */
    bool leased;      /* the request was let go onto a connection */
    bool first_done;  /* write() took its first fragment whole */
    bool last_done;   /* and its last */
    bool whole_only;  /* its server does not begin before it has the last one */
    bool answered;    /* by a response or a fault */
    bool fault_dne;   /* by a fault with PFC_DID_NOT_EXECUTE */
};

/* Did it provably not run? POL_UNPROVEN says only that nothing here proves it. For POL_P3_FIRST_PARTIAL and
 * POL_P4_LAST_PARTIAL the caller closes the connection: only then can the rest of the fragment never follow. */
enum pol_proof pol_provably_not_run(struct pol_evidence evidence);

#endif
