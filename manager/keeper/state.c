/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "manager/base/io.h"
#include "manager/keeper/state.h"

/* --- what there is: a row a member. A tag is never used again for anything else. */

typedef struct Field {
        uint16_t tag;
        bool descriptors; /* one, or an array of them */
        size_t offset, size;
        size_t count_offset, count_size; /* of an array: the member that says how many; 0 = all */
} Field;

#define DATA(TAG, TYPE, MEMBER)                                                                                \
        { .tag = (TAG), .offset = offsetof(TYPE, MEMBER), .size = sizeof(((TYPE *)0)->MEMBER) }
#define DESCRIPTOR(TAG, TYPE, MEMBER)                                                                          \
        { .tag = (TAG), .descriptors = true, .offset = offsetof(TYPE, MEMBER), .size = sizeof(int) }
#define DESCRIPTORS(TAG, TYPE, MEMBER, COUNT)                                                                  \
        { .tag = (TAG), .descriptors = true, .offset = offsetof(TYPE, MEMBER), .size = sizeof(((TYPE *)0)->MEMBER), \
          .count_offset = offsetof(TYPE, COUNT), .count_size = sizeof(((TYPE *)0)->COUNT) }

static const Field connection_fields[] = {
        DESCRIPTOR(1, Connection, fd), DATA(2, Connection, listing), DATA(3, Connection, list_from),
        DATA(4, Connection, list_reply), DATA(5, Connection, store_from),
};

static const Field outgoing_fields[] = {
        DATA(1, Outgoing, message), DESCRIPTOR(2, Outgoing, fd),
};

static const Field record_fields[] = {
        DATA(1, Record, id), DATA(2, Record, sequence), DATA(3, Record, state), DATA(4, Record, join),
        DATA(5, Record, doomed), DATA(6, Record, silent), DATA(7, Record, created), DATA(8, Record, depth),
        DATA(9, Record, stop_phase), DATA(10, Record, stop_deadline), DATA(11, Record, outer), DATA(12, Record, inner),
        DATA(13, Record, outer_alive), DATA(14, Record, inner_alive), DESCRIPTOR(15, Record, pidfd),
        DESCRIPTOR(16, Record, page_fd), DESCRIPTOR(17, Record, plan_fd), DESCRIPTOR(18, Record, cgroup_fd),
        DESCRIPTOR(19, Record, blob_fd), DESCRIPTOR(20, Record, status_fd), DATA(21, Record, n_held),
        DESCRIPTORS(22, Record, held, n_held), DATA(23, Record, init_role), DATA(24, Record, last_step),
        DATA(25, Record, stop_signal), DATA(26, Record, stop_timeout_usec), DATA(27, Record, failure),
        DATA(28, Record, exit_code), DATA(29, Record, exit_status), DATA(30, Record, payload_pid),
        DATA(31, Record, started_realtime), DATA(32, Record, exited_realtime), DATA(33, Record, started_monotonic),
        DATA(34, Record, exited_monotonic), DATA(35, Record, awaits_go),
};

static const Field stored_fields[] = {
        DATA(1, StoredSet, id), DATA(2, StoredSet, number), DATA(3, StoredSet, sequence), DESCRIPTOR(4, StoredSet, blob_fd),
        DATA(5, StoredSet, n_fds), DESCRIPTORS(6, StoredSet, fds, n_fds),
};

static const Field keeper_fields[] = {
        DESCRIPTOR(1, Keeper, listen_fd), DESCRIPTOR(2, Keeper, proc_fd), DESCRIPTOR(3, Keeper, socket_directory_fd),
        DATA(4, Keeper, last_sequence), DATA(5, Keeper, store.last_sequence), DATA(6, Keeper, stopping),
        DATA(7, Keeper, exit_at_end), DATA(8, Keeper, stop_end), DATA(9, Keeper, asked_by),
};

/* A member more changes these: give it a row, where its successor has to know it. */
_Static_assert(sizeof(void *) != 8 || sizeof(Connection) == 680, "Connection");
_Static_assert(sizeof(void *) != 8 || sizeof(Outgoing) == 648, "Outgoing");
_Static_assert(sizeof(void *) != 8 || sizeof(Record) == 352, "Record");
_Static_assert(sizeof(void *) != 8 || sizeof(StoredSet) == 680, "StoredSet");
_Static_assert(sizeof(void *) != 8 || sizeof(Keeper) == 11008, "Keeper");

typedef enum ObjectKind {
        OBJECT_CONNECTION, /* place: which */
        OBJECT_OUTGOING,   /* place: of its connection */
        OBJECT_RECORD,     /* place: of its owner, -1 = none */
        OBJECT_STORED,
        OBJECT_KEEPER, /* comes last, and says that nothing is missing */
        _OBJECT_MAX,
} ObjectKind;

static const struct {
        const Field *fields;
        size_t n;
} objects[_OBJECT_MAX] = {
        [OBJECT_CONNECTION] = { connection_fields, ELEMENTSOF(connection_fields) },
        [OBJECT_OUTGOING] = { outgoing_fields, ELEMENTSOF(outgoing_fields) },
        [OBJECT_RECORD] = { record_fields, ELEMENTSOF(record_fields) },
        [OBJECT_STORED] = { stored_fields, ELEMENTSOF(stored_fields) },
        [OBJECT_KEEPER] = { keeper_fields, ELEMENTSOF(keeper_fields) },
};

typedef int (*Visit)(ObjectKind kind, int32_t place, void *object, void *userdata);

static int visit_connections(Keeper *k, Visit visit, void *userdata) {
        for (int32_t i = 0; i < KEEPER_MAX_CONNECTIONS; i++) {
                Connection *c = k->connections + i;
                int r = c->fd < 0 ? 0 : visit(OBJECT_CONNECTION, i, c, userdata);

                for (Outgoing *o = c->outgoing; r >= 0 && o; o = o->next)
                        r = visit(OBJECT_OUTGOING, i, o, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int visit_all(Keeper *k, Visit visit, void *userdata) {
        int r = visit_connections(k, visit, userdata);

        for (Record *one = k->first; r >= 0 && one; one = one->next)
                r = visit(OBJECT_RECORD, one->owner ? (int32_t)(one->owner - k->connections) : -1, one, userdata);
        for (StoredSet *s = k->store.first; r >= 0 && s; s = s->next)
                r = visit(OBJECT_STORED, 0, s, userdata);
        return r < 0 ? r : visit(OBJECT_KEEPER, 0, k, userdata);
}

/* --- the bytes: objects of fields, each with a head */

typedef struct ObjectHead {
        uint32_t kind;
        int32_t place;
        uint32_t size; /* of its fields */
} ObjectHead;

typedef struct FieldHead {
        uint32_t tag, size;
} FieldHead;

typedef struct Buffer {
        char *data;
        size_t size, room;
} Buffer;

static int append(Buffer *b, const void *data, size_t size) {
        if (size > b->room - b->size) {
                size_t room = 2 * b->room + size + 4096;
                char *grown = realloc(b->data, room);

                if (!grown)
                        return -ENOMEM;
                b->data = grown;
                b->room = room;
        }
        memcpy(b->data + b->size, data, size);
        b->size += size;
        return 0;
}

static bool is_zero(const char *data, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (data[i] != 0)
                        return false;
        return true;
}

static size_t count_of(const Field *f, const char *object) {
        uint32_t small;
        size_t large;

        if (f->count_size == sizeof(large)) {
                memcpy(&large, object + f->count_offset, sizeof(large));
                return large;
        }
        if (f->count_size == 0)
                return f->size / sizeof(int);
        memcpy(&small, object + f->count_offset, sizeof(small));
        return small;
}

static int encode_field(const Field *f, const char *object, Buffer *b) {
        FieldHead head = { .tag = f->tag, .size = (uint32_t)f->size };
        const char *value = object + f->offset;
        int r;

        if (f->descriptors) {
                head.size = (uint32_t)(count_of(f, object) * sizeof(int));
                if (head.size == 0 || (f->count_size == 0 && *(const int *)(const void *)value < 0))
                        return 0;
        } else if (is_zero(value, f->size))
                return 0;
        r = append(b, &head, sizeof(head));
        return r < 0 ? r : append(b, value, head.size);
}

static int encode_object(ObjectKind kind, int32_t place, void *object, void *userdata) {
        ObjectHead head = { .kind = (uint32_t)kind, .place = place };
        Buffer *b = userdata;
        size_t at = b->size;
        int r;

        r = append(b, &head, sizeof(head));
        for (size_t i = 0; r >= 0 && i < objects[kind].n; i++)
                r = encode_field(objects[kind].fields + i, object, b);
        if (r < 0)
                return r;
        head.size = (uint32_t)(b->size - at - sizeof(head));
        memcpy(b->data + at, &head, sizeof(head));
        return 0;
}

int keeper_state_encode(Keeper *k, void **ret, size_t *ret_size) {
        Buffer b = {};
        int r = visit_all(k, encode_object, &b);

        if (r < 0) {
                free(b.data);
                return r;
        }
        *ret = b.data;
        *ret_size = b.size;
        return 0;
}

/* --- and back */

static void *make_outgoing(Connection *c) {
        Outgoing **end = &c->outgoing, *o = keeper_new(sizeof(*o));

        if (!o)
                return NULL;
        o->fd = -EBADF;
        while (*end)
                end = &(*end)->next;
        *end = o;
        c->n_outgoing++;
        return o;
}

static void *make_stored(Store *s) {
        StoredSet **end = &s->first, *set = keeper_new(sizeof(*set));

        if (!set)
                return NULL;
        set->blob_fd = -EBADF;
        for (size_t i = 0; i < ELEMENTSOF(set->fds); i++)
                set->fds[i] = -EBADF;
        while (*end)
                end = &(*end)->next;
        *end = set;
        s->n++;
        return set;
}

static int make_record(Keeper *k, int32_t place, void **ret) {
        Record *r = record_new(k, "");

        if (!r)
                return -ENOMEM;
        r->owner = place < 0 ? NULL : k->connections + place;
        *ret = r;
        return 0;
}

static int make_object(Keeper *k, const ObjectHead *head, void **ret) {
        bool placed = head->place >= 0 && head->place < KEEPER_MAX_CONNECTIONS;

        switch ((ObjectKind)head->kind) {
        case OBJECT_CONNECTION:
                *ret = placed ? k->connections + head->place : NULL;
                return placed ? 0 : -EBADMSG;
        case OBJECT_OUTGOING:
                if (!placed)
                        return -EBADMSG;
                *ret = make_outgoing(k->connections + head->place);
                return *ret ? 0 : -ENOMEM;
        case OBJECT_RECORD:
                return placed || head->place == -1 ? make_record(k, head->place, ret) : -EBADMSG;
        case OBJECT_STORED:
                *ret = make_stored(&k->store);
                return *ret ? 0 : -ENOMEM;
        case OBJECT_KEEPER:
                *ret = k;
                return 0;
        case _OBJECT_MAX:
                break;
        }
        return -EBADMSG;
}

static int decode_field(ObjectKind kind, const FieldHead *head, const char *data, char *object) {
        for (size_t i = 0; i < objects[kind].n; i++) {
                const Field *f = objects[kind].fields + i;

                if (f->tag != head->tag)
                        continue;
                if (head->size > f->size || (head->size < f->size && f->count_size == 0) ||
                    (f->descriptors && head->size % sizeof(int) != 0))
                        return -EBADMSG;
                memcpy(object + f->offset, data, head->size);
                return 0;
        }
        return -EBADMSG;
}

static bool is_valid(ObjectKind kind, const void *object) {
        const StoredSet *s = object;
        const Record *r = object;

        if (kind == OBJECT_RECORD)
                return memchr(r->id, 0, sizeof(r->id)) && r->id[0] != 0 && (int)r->state >= 0 && r->state <= KEEPER_EXITED &&
                       (int)r->stop_phase >= 0 && r->stop_phase <= STOP_GIVEN_UP && r->n_held <= KEEPER_MAX_HELD;
        if (kind == OBJECT_STORED)
                return memchr(s->id, 0, sizeof(s->id)) && s->id[0] != 0 && s->n_fds <= KEEPER_STORE_MAX;
        return true;
}

static int decode_object(const ObjectHead *head, const char *data, char *object) {
        for (size_t at = 0; at < head->size;) {
                FieldHead f;
                int r;

                if (head->size - at < sizeof(f))
                        return -EBADMSG;
                memcpy(&f, data + at, sizeof(f));
                at += sizeof(f);
                if (f.size > head->size - at)
                        return -EBADMSG;
                r = decode_field((ObjectKind)head->kind, &f, data + at, object);
                if (r < 0)
                        return r;
                at += f.size;
        }
        return is_valid((ObjectKind)head->kind, object) ? 0 : -EBADMSG;
}

int keeper_state_decode(Keeper *k, const void *data, size_t size) {
        ObjectHead head = { .kind = _OBJECT_MAX };
        const char *p = data;

        for (size_t at = 0; at < size; at += head.size) {
                void *object = NULL;
                int r;

                if (size - at < sizeof(head) || head.kind == OBJECT_KEEPER)
                        return -EBADMSG;
                memcpy(&head, p + at, sizeof(head));
                at += sizeof(head);
                if (head.size > size - at)
                        return -EBADMSG;
                r = make_object(k, &head, &object);
                if (r >= 0)
                        r = decode_object(&head, p + at, object);
                if (r < 0)
                        return r;
        }
        return head.kind == OBJECT_KEEPER ? 0 : -EBADMSG;
}

/* --- descriptors */

static int set_inherit(ObjectKind kind, int32_t place, void *object, void *userdata) {
        const bool *inherit = userdata;

        for (size_t i = 0; i < objects[kind].n; i++) {
                const Field *f = objects[kind].fields + i;
                const int *fds = (const int *)(const void *)((char *)object + f->offset);

                for (size_t n = 0; f->descriptors && n < count_of(f, object); n++)
                        if (fds[n] >= 0 && fcntl(fds[n], F_SETFD, *inherit ? 0 : FD_CLOEXEC) < 0)
                                return -errno;
        }
        return 0;
}

int keeper_state_inherit(Keeper *k, bool inherit) {
        return visit_all(k, set_inherit, &inherit);
}

static int drop_descriptors(ObjectKind kind, int32_t place, void *object, void *userdata) {
        for (size_t i = 0; i < objects[kind].n; i++) {
                const Field *f = objects[kind].fields + i;
                int *fds = (int *)(void *)((char *)object + f->offset);

                for (size_t n = 0; f->descriptors && n < f->size / sizeof(int); n++)
                        fds[n] = -EBADF;
        }
        return 0;
}

void keeper_state_forget(Keeper *k) {
        (void)visit_all(k, drop_descriptors, NULL);
        for (size_t i = 0; i < KEEPER_MAX_CONNECTIONS; i++)
                while (k->connections[i].outgoing) {
                        Outgoing *o = k->connections[i].outgoing;

                        k->connections[i].outgoing = o->next;
                        keeper_delete(o, sizeof(*o));
                }
        while (k->first)
                record_free(k, k->first);
        store_done(&k->store);
}
