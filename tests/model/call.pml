/* The life of one plain call, with its retry, for spin: policy/call.c and policy/retry.c between everything that may
 * happen around them. Checked over the whole state space (model.py):
 *
 *   - at most once: an operation that is not idempotent never runs twice (execute);
 *   - no false claim: what was said not to have run, on the wire or in the log, has not, nor will it (claim, execute);
 *   - no endless wait: every call ends (ends), and whoever waits for it is told something, once (tell, finish).
 *
 * The states, the allowed moves (MAY) and the rows of evidence (VERDICT) are not written here: model.py makes
 * policy.pml of policy's own text. Where policy decides by settings, budget or chance, both ways are tried: that a call may be
 * repeated is MAY_REPEAT, and beside it stands that it is not.
 *
 * A request is four pieces, or two where it is a single fragment: its first fragment is whole with the second, its last
 * with the last. Of time there is only that it is up. What may happen has an idle step beside it (IDLE) and may fail to
 * happen for ever; what has none must happen at last (weak fairness).
 *
 * One attempt at a time has a link. Of an earlier one, whose link is closed, only this can still matter: will its
 * server come to run what has reached it, or is on its way? Such attempts are counted (ghosts). */
#include "policy.pml"

#define ATTEMPTS 3
#define FIRST    2 /* pieces that make the first fragment whole */

#define IDLE (over || !over) /* spin refuses a bare `true` */

/* a link */
#define NONE 0
#define UP   1
#define FIN  2 /* its server has closed; the kernel goes on sending what it has */
#define DEAD 3 /* tcpi_state CLOSE: nothing more leaves this host */

/* what its server has said */
#define NOTHING 0
#define ANSWER  1 /* or a fault that promises nothing */
#define REFUSAL 2 /* a fault with did-not-execute: too busy */

/* the call */
bool idempotent, whole_only, maybe, pending;
byte last;

/* what policy knows of it */
byte state = FREE, attempts, proof;
bool first_done, last_done, dne, may_have_run, was_refused, overdue, is_away;
bool client = true;    /* somebody waits for it */
bool long_ago = false; /* it began longer ago than a call may stand in line */

/* its attempt, as it is */
byte link, written, left, arrived, reply;
bool ran, complete;

/* the ledger */
byte ghosts;
bool has_run, claimed, told, gone, over;

#define NEED     (whole_only -> last : FIRST)     /* what its server begins with */
#define TO_COME  (link == DEAD -> left : written) /* what may reach it at most */
#define ON_LINK  (state == INSIDE || state == ANSWERING || state == ABANDONED)
#define PROOF(a) (may_have_run -> UNPROVEN : (state == AGAIN -> proof : \
    VERDICT(is_away && state == WAITING, state != WAITING, first_done, last_done, whole_only, a, dne)))

inline move(from, to)
{
    assert(state == from && MAY(from, to));
    state = to
}

inline execute()
{
    assert(idempotent || !has_run);
    assert(!claimed);
    has_run = true
}

inline claim()
{
    assert(!has_run);
    claimed = true
}

inline tell()
{
    assert(client && !gone && !told);
    told = true
}

inline let_go()
{
    ghosts = ghosts + ((TO_COME >= NEED && !ran && reply != REFUSAL) -> 1 : 0);
    link = NONE; written = 0; left = 0; arrived = 0; reply = NOTHING;
    ran = false; complete = false
}

/* The log names the proof, and that is a claim too. Of an abandoned call it has been written. */
inline finish(from, answered)
{
    if
    :: state != ABANDONED && PROOF(answered) != UNPROVEN -> claim()
    :: else
    fi;
    assert(told || gone || maybe);
    let_go();
    move(from, FREE);
    over = true
}

/* policy/call.c: again() */
inline again()
{
    may_have_run = may_have_run || proof == UNPROVEN;
    let_go();
    move(INSIDE, AGAIN);
    first_done = false; last_done = false; dne = false
}

/* policy/call.c: pol_call_lease() */
inline lease(from)
{
    move(from, INSIDE);
    attempts = (attempts < ATTEMPTS -> attempts + 1 : attempts);
    was_refused = false;
    link = UP
}

/* policy/retry.c: pol_retry_may(), where its settings, its budget and its time allow */
#define REPEATABLE (client && !overdue)
#define MAY_REPEAT (REPEATABLE && attempts < ATTEMPTS && (PROOF(false) != UNPROVEN || idempotent))
#define MAY_ASK_BUSY (REPEATABLE && !long_ago)

/* What is known at the end: the bound counts only where nothing more can leave (proxy/unsent.c). */
#define SENT (link == DEAD -> left : written)

/* policy/call.c: pol_call_lost() */
inline lost()
{
    first_done = SENT >= FIRST;
    last_done = SENT >= last;
    if
    :: state == ABANDONED -> finish(ABANDONED, false)
    :: state == ANSWERING -> finish(ANSWERING, false) /* its client is cut */
    :: state == INSIDE && !client -> finish(INSIDE, false)
    :: state == INSIDE && MAY_REPEAT -> proof = PROOF(false); again()
    :: state == INSIDE && client ->
        if
        :: maybe
        :: !maybe && PROOF(false) != UNPROVEN -> tell(); claim() /* 1727 */
        :: !maybe && PROOF(false) == UNPROVEN -> tell()          /* 1726, 1818, or a reset */
        fi;
        finish(INSIDE, false)
    fi
}

/* policy/call.c: give_up() */
inline give_up()
{
    if
    :: state == ANSWERING -> overdue = true; client = false /* cut */
    :: state == INSIDE -> overdue = true; lost()
    :: state == INSIDE && last_done -> tell(); client = false; move(INSIDE, ABANDONED) /* 1818 */
    fi
}

/* policy/call.c: pol_call_give_up_again(); with 1818 where it is the administrator who gives up */
inline give_up_again()
{
    tell();
    if
    :: may_have_run
    :: else -> claim()
    fi;
    finish(AGAIN, false)
}

/* policy/pool.c: break_promise(), of a call that stands in line: no member offers its presentation any more */
inline refused_everywhere(from)
{
    tell();
    if
    :: may_have_run /* 1726 */
    :: else -> claim() /* 1727 */
    fi;
    finish(from, false)
}

inline give_up_waiting()
{
    if
    :: is_away = true
    :: is_away = false
    fi;
    tell();
    claim();
    finish(WAITING, false)
}

init
{
    atomic {
        if :: idempotent = true :: idempotent = false fi;
        if :: whole_only = true :: whole_only = false fi;
        if :: maybe = true :: maybe = false fi;
        if :: pending = true :: pending = false fi;
        if :: last = FIRST :: last = 2 * FIRST fi;
        move(FREE, WAITING)
    }
}

/* ---- what may happen ---- */

/* One process, for fairness is dear. */
active proctype Chance()
{
    do
    /* there is a slot and a link */
    :: atomic { state == WAITING -> lease(WAITING) }
    :: atomic { state == AGAIN -> lease(AGAIN) }
    /* write() takes a piece, which is told at once; a call that wants no answer is over with its last piece */
    :: atomic { state == INSIDE && link == UP && written < last ->
        written++;
        first_done = written >= FIRST;
        last_done = written >= last;
        if
        :: maybe && last_done -> finish(INSIDE, false)
        :: else
        fi }
    /* what has left may arrive however the link ends */
    :: atomic { (link == UP || link == FIN) && left < written -> left++ }
    :: atomic { arrived < left -> arrived++ }
    :: atomic { link == UP -> link = FIN }
    :: atomic { link == UP || link == FIN -> link = DEAD }
    /* the server runs what it has, and says something or not; a link that is closed takes no answer */
    :: atomic { arrived >= NEED && !ran && reply != REFUSAL -> execute(); ran = true }
    :: atomic { ghosts > 0 -> ghosts--; execute() }
    :: atomic { link == UP && reply == NOTHING && arrived >= FIRST -> reply = ANSWER }
    :: atomic { link == UP && reply == NOTHING && arrived >= FIRST && !ran -> reply = REFUSAL }
    :: atomic { link == UP && reply != NOTHING && !complete -> complete = true }
    /* its server is back without the interface */
    :: atomic { client && state == WAITING -> refused_everywhere(WAITING) }
    :: atomic { client && state == AGAIN -> refused_everywhere(AGAIN) }
    /* the client leaves */
    :: atomic { client && state == WAITING -> gone = true; client = false; finish(WAITING, false) }
    :: atomic { client && state == AGAIN -> gone = true; client = false; finish(AGAIN, false) }
    :: atomic { client && (state == INSIDE || state == ANSWERING) -> gone = true; client = false }
    /* the administrator cancels it */
    :: atomic { client && state == WAITING -> give_up_waiting() }
    :: atomic { client && state == AGAIN -> give_up_again() }
    :: atomic { client && (state == INSIDE || state == ANSWERING) -> give_up() }
    :: IDLE
    od
}

/* ---- what must happen ---- */

/* policy/call.c: pol_answer_begin(), pol_answer_end(); a link that has ended is settled */
active proctype Loop()
{
end:
    do
    :: atomic { state == INSIDE && reply == REFUSAL && MAY_ASK_BUSY ->
        was_refused = true;
        proof = POL_P5_FAULT_DNE;
        again() }
    :: atomic { state == INSIDE && reply != NOTHING ->
        move(INSIDE, ANSWERING);
        dne = reply == REFUSAL;
        if
        :: client -> tell()
        :: else
        fi;
        if
        :: client && dne && !may_have_run -> claim() /* else passed without did-not-execute */
        :: else
        fi }
    :: atomic { state == ANSWERING && complete -> finish(ANSWERING, true) }
    :: atomic { state == ABANDONED && complete -> finish(ABANDONED, true) }
    :: atomic { ON_LINK && (link == FIN || link == DEAD) -> lost() }
    od
}

/* waiting.longest, deadline, unavailable-wait */
active proctype Patience()
{
end:
    do
    :: atomic { state == WAITING && client -> give_up_waiting() }
    :: atomic { state == AGAIN -> give_up_again() }
    od
}

/* call-timeout, deadline */
active proctype Timeout()
{
end:
    do
    :: atomic { (state == INSIDE || state == ANSWERING) && client && !pending -> give_up() }
    od
}

active proctype Clock()
{
    long_ago = true
}

/* A call for which nobody waits, or that may take any time, ends with its server's answer, or its link: keep-alive sees
 * to it where the server is gone. (One that is there and works for ever keeps its slot; `abandoned` is their limit.) */
active proctype Fate()
{
end:
    do
    :: atomic { ON_LINK && (!client || pending) && link == UP -> link = DEAD }
    od
}

ltl ends { <> over }
