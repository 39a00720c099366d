/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "manager/base/codec.h"
#include "manager/record/exit-record.h"

#define MAGIC UINT32_C(0x54584542) /* "BEXT" */
#define VERSION 1

static bool has_bit(const uint64_t *set, size_t words, int bit) {
        return bit >= 0 && (size_t)bit < words * 64 && (set[bit / 64] >> (bit % 64) & 1);
}

/* As systemd: a daemon that dies by one of these was told to. A oneshot has to come to its end. */
static bool is_clean_signal(int signal) {
        return signal == SIGHUP || signal == SIGINT || signal == SIGTERM || signal == SIGPIPE;
}

static bool is_clean(const ExitFacts *f) {
        if (f->code == CLD_EXITED)
                return f->status == 0 || (f->success && has_bit(f->success->codes, 4, f->status));
        return (!f->oneshot && is_clean_signal(f->status)) || (f->stop_requested && f->status == f->stop_signal) ||
               (f->success && has_bit(f->success->signals, 2, f->status));
}

ContainerResult exit_classify(const ExitFacts *f) {
        if (f->timed_out)
                return RESULT_TIMEOUT;
        if (f->canceled)
                return RESULT_SUCCESS;
        if (f->code == 0)
                return RESULT_UNKNOWN;
        if (is_clean(f))
                return RESULT_SUCCESS;
        if (f->oom)
                return RESULT_OOM_KILL;
        if (f->code == CLD_EXITED)
                return RESULT_EXIT_CODE;
        return f->code == CLD_DUMPED ? RESULT_CORE_DUMP : RESULT_SIGNAL;
}

void exit_of_init(ExitReport *report, bool *ret_reboot) {
        bool killed = report->code == CLD_KILLED;

        *ret_reboot = killed && report->status == SIGHUP;
        if (killed && report->status == SIGINT) {
                report->code = CLD_EXITED;
                report->status = 0;
        }
}

/* never renumbered */
typedef enum Tag {
        TAG_NAME = 1,
        TAG_INVOCATION,
        TAG_LAST_ERROR,
        TAG_STATE = 16,
        TAG_RESULT,
        TAG_EXIT_VALID,
        TAG_EXIT_CODE,
        TAG_EXIT_STATUS,
        TAG_EXIT_REALTIME,
        TAG_EXIT_MONOTONIC,
        TAG_START_REALTIME,
        TAG_ENTER_REALTIME,
        TAG_ENTER_MONOTONIC,
        TAG_LEAVE_REALTIME,
        TAG_LEAVE_MONOTONIC,
        TAG_STATE_CHANGE,
        TAG_ID_BASE,
        TAG_ID_COUNT,
        TAG_LOGS_TO_JOURNAL,
        TAG_RESTART_AT,
        TAG_RESTARTS,
        TAG_LIMIT_SINCE,
        TAG_LIMIT_COUNT,
} Tag;

void exit_record_done(ExitRecord *r) {
        free(r->name);
        free(r->last_error);
        *r = (ExitRecord){};
}

int exit_record_encode(const ExitRecord *r, void **ret, size_t *ret_size) {
        _cleanup_(encoder_done) Encoder e = {};
        int q;

        encoder_begin(&e, MAGIC, VERSION);
        encode_string(&e, TAG_NAME, r->name);
        encode_bytes(&e, TAG_INVOCATION, &r->invocation, sizeof(r->invocation));
        encode_string(&e, TAG_LAST_ERROR, r->last_error);
        encode_u64(&e, TAG_STATE, (uint64_t)r->state);
        encode_u64(&e, TAG_RESULT, (uint64_t)r->result);
        encode_u64(&e, TAG_EXIT_VALID, r->exit.valid);
        encode_u64(&e, TAG_EXIT_CODE, (uint32_t)r->exit.code);
        encode_u64(&e, TAG_EXIT_STATUS, (uint32_t)r->exit.status);
        encode_u64(&e, TAG_EXIT_REALTIME, r->exit.realtime_usec);
        encode_u64(&e, TAG_EXIT_MONOTONIC, r->exit.monotonic_usec);
        encode_u64(&e, TAG_START_REALTIME, r->start_realtime);
        encode_u64(&e, TAG_ENTER_REALTIME, r->active_enter[0]);
        encode_u64(&e, TAG_ENTER_MONOTONIC, r->active_enter[1]);
        encode_u64(&e, TAG_LEAVE_REALTIME, r->active_exit[0]);
        encode_u64(&e, TAG_LEAVE_MONOTONIC, r->active_exit[1]);
        encode_u64(&e, TAG_STATE_CHANGE, r->state_change);
        encode_u64(&e, TAG_ID_BASE, r->id_base);
        encode_u64(&e, TAG_ID_COUNT, r->id_count);
        encode_u64(&e, TAG_LOGS_TO_JOURNAL, r->logs_to_journal);
        encode_u64(&e, TAG_RESTART_AT, r->restart_at);
        encode_u64(&e, TAG_RESTARTS, r->n_restarts);
        encode_u64(&e, TAG_LIMIT_SINCE, r->start_limit.since);
        encode_u64(&e, TAG_LIMIT_COUNT, r->start_limit.count);
        q = encoder_finish(&e);
        if (q < 0)
                return q;
        *ret = TAKE_PTR(e.data);
        *ret_size = e.size;
        return 0;
}

/* Numbers first gathered by tag, then judged together. */
#define N_NUMBERS (TAG_LIMIT_COUNT - TAG_STATE + 1)

static int take_numbers(const uint64_t v[static N_NUMBERS], ExitRecord *r) {
#define N(tag) v[TAG_##tag - TAG_STATE]
        if (N(STATE) >= _CONTAINER_STATE_MAX || !container_state_row((ContainerState)N(STATE))->recorded)
                return -EBADMSG;
        if (N(RESULT) >= _RESULT_MAX || N(ID_BASE) > UINT32_MAX || N(ID_COUNT) > UINT32_MAX)
                return -EBADMSG;
        r->state = (ContainerState)N(STATE);
        r->result = (ContainerResult)N(RESULT);
        r->exit = (ExitReport){ .valid = N(EXIT_VALID) != 0,
                                .code = (int)(uint32_t)N(EXIT_CODE),
                                .status = (int)(uint32_t)N(EXIT_STATUS),
                                .realtime_usec = N(EXIT_REALTIME),
                                .monotonic_usec = N(EXIT_MONOTONIC) };
        r->start_realtime = N(START_REALTIME);
        r->active_enter[0] = N(ENTER_REALTIME);
        r->active_enter[1] = N(ENTER_MONOTONIC);
        r->active_exit[0] = N(LEAVE_REALTIME);
        r->active_exit[1] = N(LEAVE_MONOTONIC);
        r->state_change = N(STATE_CHANGE);
        r->id_base = (uint32_t)N(ID_BASE);
        r->id_count = (uint32_t)N(ID_COUNT);
        r->restart_at = N(RESTART_AT);
        r->n_restarts = N(RESTARTS);
        r->start_limit = (StartLimit){ N(LIMIT_SINCE), N(LIMIT_COUNT) };
        r->logs_to_journal = N(LOGS_TO_JOURNAL) != 0;
        return 0;
#undef N
}

static int decode_text(const Field *f, char **s) {
        free(*s);
        *s = NULL;
        return field_string(f, s);
}

int exit_record_decode(const void *data, size_t size, ExitRecord *ret) {
        _cleanup_(exit_record_done) ExitRecord record = {};
        uint64_t numbers[N_NUMBERS] = {};
        Decoder d;
        Field f;
        int r;

        r = decoder_begin(&d, data, size, MAGIC);
        if (r < 0)
                return r;
        while ((r = decode_next(&d, &f)) >= 0) {
                if (f.tag == TAG_NAME)
                        r = decode_text(&f, &record.name);
                else if (f.tag == TAG_LAST_ERROR)
                        r = decode_text(&f, &record.last_error);
                else if (f.tag == TAG_INVOCATION && f.size == sizeof(record.invocation))
                        memcpy(&record.invocation, f.data, f.size);
                else if (f.tag >= TAG_STATE && f.tag - TAG_STATE < N_NUMBERS)
                        r = field_u64(&f, numbers + (f.tag - TAG_STATE));
                if (r < 0)
                        return r;
        }
        if (r != -ENODATA)
                return r;
        r = take_numbers(numbers, &record);
        if (r < 0)
                return r;
        if (!record.name || !container_name_valid(record.name))
                return -EBADMSG;
        *ret = record;
        record = (ExitRecord){};
        return 0;
}
