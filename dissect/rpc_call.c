/* Words and times of calls. */
#include "rpc_call.h"

const char *dis_ending_name(enum dis_ending ending)
{
    static const char *const names[DIS_END_COUNT] = {
        [DIS_END_OPEN] = "open",
        [DIS_END_ANSWERED] = "answered",
        [DIS_END_FAULT] = "fault",
        [DIS_END_MAYBE] = "no-answer-wanted",
        [DIS_END_CLOSED] = "closed",
        [DIS_END_RESET] = "reset",
        [DIS_END_GAP] = "gap",
        [DIS_END_ONE_SIDED] = "one-sided",
        [DIS_END_CAPTURE] = "capture-ends",
        [DIS_END_FORGOTTEN] = "forgotten",
    };
    return names[ending];
}

bool dis_is_unanswered(enum dis_ending ending)
{
    return ending == DIS_END_CLOSED || ending == DIS_END_RESET;
}

/* Clocks of captures may go backwards: a time is never negative for that. */
static int64_t between(const struct dis_place *from, const struct dis_place *to)
{
    int64_t time = 0;
    if (__builtin_sub_overflow(to->time, from->time, &time) || time < 0)
        return 0;
    return time;
}

int64_t dis_call_first(const struct dis_call *call)
{
    if (!call->has_request || call->answer_fragments == 0)
        return -1;
    return between(&call->request_first, &call->answer_first);
}

int64_t dis_call_last(const struct dis_call *call)
{
    if (!call->has_request || (call->ending != DIS_END_ANSWERED && call->ending != DIS_END_FAULT))
        return -1;
    return between(&call->request_first, &call->answer_last);
}
