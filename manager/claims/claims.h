/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a unit promises, as questions with the answers that keep the promise. Pure: made from the spec, its policies and
 * the plans that carry them out; asked by bulwark-probe from inside, or through /proc from outside; judged here. */

#include "manager/plan/plan.h"
#include "manager/probe/probe-format.h"

typedef enum ClaimTopic {
        TOPIC_NAMESPACE,
        TOPIC_ID_MAP,
        TOPIC_IDENTITY,
        TOPIC_CAPABILITIES,
        TOPIC_NO_NEW_PRIVILEGES,
        TOPIC_FILTER,
        TOPIC_LABEL,
        TOPIC_LANDLOCK,
        TOPIC_MOUNT,
        TOPIC_MASK,
        TOPIC_READ_ONLY,
        TOPIC_NO_EXEC,
        TOPIC_DEVICE,
        TOPIC_DESCRIPTORS,
        TOPIC_ENVIRONMENT,
        TOPIC_PROCESS,
        TOPIC_NETWORK,
        TOPIC_KEYRING,
        _CLAIM_TOPIC_MAX,
} ClaimTopic;
const char *claim_topic_to_string(ClaimTopic t); /* "no-new-privileges" */

/* Of whom it is asked. */
typedef enum ClaimView {
        VIEW_PROBE,   /* the probe itself, under the confinement */
        VIEW_LEADER,  /* PID 1 of the container, from outside */
        VIEW_PAYLOAD, /* its program, from outside */
        _CLAIM_VIEW_MAX,
} ClaimView;
const char *claim_view_to_string(ClaimView v);

typedef enum ClaimTest {
        TEST_EQUAL,
        TEST_DIFFERS,
        TEST_INCLUDES, /* every word (separated by commas) of one of the alternatives (separated by '|') */
        TEST_WITHIN,   /* a set of bits as hexadecimal: no other bit */
} ClaimTest;

typedef enum ClaimResult {
        CLAIM_HOLDS,
        CLAIM_DIFFERS,
        CLAIM_NOT_ASKED, /* the unit's filter denies what the question takes */
        _CLAIM_RESULT_MAX,
} ClaimResult;
const char *claim_result_to_string(ClaimResult r); /* "ok", "differs", "not asked" */

typedef struct Claim {
        ClaimTopic topic;
        ClaimView view;
        char *words;    /* what is claimed, for people */
        char *file, *directive; /* the unit line that claims it; NULL = every container does */
        unsigned line;

        QuestionKind kind;
        char *text;
        uint32_t number;
        uint64_t arguments[PROBE_ARGUMENTS];

        ClaimTest test;
        char *expected;
        char *observed; /* NULL = no answer came */
        bool askable;
} Claim;

typedef struct Claims Claims;
struct Claims {
        Claim *items;
        size_t n;
};
void claims_done(Claims *c);

typedef enum ClaimNamespace {
#define NAMESPACES(X) X(USER, "user") X(MOUNT, "mnt") X(PID, "pid") X(NET, "net") X(IPC, "ipc") X(UTS, "uts") X(CGROUP, "cgroup")
#define X(id, name) CLAIM_NAMESPACE_##id,
        NAMESPACES(X)
#undef X
        _CLAIM_NAMESPACE_MAX,
} ClaimNamespace;
const char *claim_namespace_to_string(ClaimNamespace n); /* "mnt": its link in /proc/PID/ns */

/* What only the host knows. */
typedef struct ClaimFacts {
        const char *host_namespaces[_CLAIM_NAMESPACE_MAX];   /* the links, "pid:[4026531836]" */
        const char *leader_namespaces[_CLAIM_NAMESPACE_MAX]; /* of the running container; NULL = nothing runs yet */
        uint64_t capabilities; /* that this kernel knows and whoever launches can pass on */
        long keyring;          /* the manager's own session keyring; <= 0 = none */
        bool leader_is_init;   /* the keeper's, not the payload */
} ClaimFacts;

/* start: the unit's plan of a start. process: the plan whose last step the probe is (start itself before a start). */
int claims_build(const ContainerSpec *spec, const PolicySet *policies, const PlanView *start, const PlanView *process,
                 const ClaimFacts *facts, Claims *ret);

/* The questions to the probe as bytes, in the order of its claims. Owned. */
int claims_questions(const Claims *c, void **ret, size_t *ret_size);
/* Takes the probe's answers: bytes that nobody vouches for. What comes after the first damage, or is missing, counts as
 * not answered. -EBADMSG where not every question has an answer. */
int claims_take_answers(Claims *c, const void *data, size_t size);

ClaimResult claim_result(const Claim *c);
int claim_expected(const Claim *c, char **ret); /* for people: "not pid:[4026531836]", "EPERM or EROFS" */
size_t claims_count(const Claims *c, ClaimResult result);
