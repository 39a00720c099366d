/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the keeper answers to a manager that errs or lies, without root: nothing here gets as far as a clone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "manager/base/io.h"
#include "manager/keeper/keeper.h"
#include "manager/stage/stage.h"
#include "tests/unit/plan/plan-fixture.h"

/* What main.c has for the loop. */
int keeper_watch(Keeper *k, int fd, void *what) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = what };

        return epoll_ctl(k->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int keeper_unwatch(Keeper *k, int fd) {
        return safe_close(fd);
}

typedef struct Fixture {
        Keeper keeper;
        int client;
} Fixture;

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        int pair[2];

        if (!f || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
                return -1;
        f->keeper = (Keeper){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC), .proc_fd = -EBADF };
        for (size_t i = 0; i < KEEPER_MAX_CONNECTIONS; i++)
                f->keeper.connections[i].fd = -EBADF;
        f->keeper.connections[0].fd = pair[0];
        f->client = pair[1];
        *state = f;
        return keeper_watch(&f->keeper, pair[0], &f->keeper.connections[0]);
}

static int teardown(void **state) {
        Fixture *f = *state;

        while (f->keeper.first)
                record_free(&f->keeper, f->keeper.first);
        store_done(&f->keeper.store);
        if (f->keeper.connections[0].fd >= 0)
                connection_close(&f->keeper, &f->keeper.connections[0]);
        (void)close(f->client);
        (void)close(f->keeper.epoll_fd);
        free(f);
        return 0;
}

static KeeperMessage request(KeeperType type, const char *id) {
        KeeperMessage m = { .magic = KEEPER_MAGIC, .version = KEEPER_VERSION, .type = type, .cookie = 42 };

        (void)strncpy(m.id, id, sizeof(m.id) - 1);
        return m;
}

/* The reply's error; every request has exactly one. */
static int ask(Fixture *f, const KeeperMessage *m, const int *fds, size_t n_fds) {
        KeeperMessage reply;
        int got[SOCKET_MAX_FDS];
        size_t size = 0, n = 0;

        assert_int_equal(socket_send(f->client, m, sizeof(*m), fds, n_fds), 0);
        connection_ready(&f->keeper, &f->keeper.connections[0]);
        assert_int_equal(socket_receive(f->client, &reply, sizeof(reply), &size, got, ELEMENTSOF(got), &n), 0);
        assert_int_equal(size, sizeof(reply));
        assert_int_equal(n, 0);
        assert_int_equal(reply.type, KEEPER_REPLY);
        assert_int_equal(reply.cookie, 42);
        assert_int_equal(socket_receive(f->client, &reply, sizeof(reply), &size, got, ELEMENTSOF(got), &n), -EAGAIN);
        return reply.error;
}

static void test_unknown_ids(void **state) {
        static const KeeperType types[] = { KEEPER_GO, KEEPER_SIGNAL, KEEPER_ACK, KEEPER_STATE };

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                KeeperMessage m = request(types[i], "nobody");

                assert_int_equal(ask(*state, &m, NULL, 0), -ESRCH);
        }
}

static void test_empty_list(void **state) {
        KeeperMessage m = request(KEEPER_LIST, "");

        assert_int_equal(ask(*state, &m, NULL, 0), 0);
}

/* In whatever version, the first words are understood. */
static void test_handshake(void **state) {
        KeeperHandshake h = { .magic = KEEPER_HANDSHAKE_MAGIC, .type = KEEPER_HANDSHAKE_HELLO, .version = UINT16_MAX };
        static const uint16_t wrong[] = { KEEPER_HANDSHAKE_REEXEC /* without a program */, KEEPER_HANDSHAKE_ANSWER, UINT16_MAX };
        Fixture *f = *state;
        size_t size = 0, n = 0;

        for (size_t i = 0; i <= ELEMENTSOF(wrong); i++) {
                KeeperHandshake answer;

                assert_int_equal(socket_send(f->client, &h, sizeof(h), NULL, 0), 0);
                connection_ready(&f->keeper, &f->keeper.connections[0]);
                assert_int_equal(socket_receive(f->client, &answer, sizeof(answer), &size, NULL, 0, &n), 0);
                assert_int_equal(size, sizeof(answer));
                assert_int_equal(answer.magic, KEEPER_HANDSHAKE_MAGIC);
                assert_int_equal(answer.type, KEEPER_HANDSHAKE_ANSWER);
                assert_int_equal(answer.version, KEEPER_VERSION);
                assert_int_equal(answer.pid, getpid());
                assert_string_equal(answer.release, BULWARK_VERSION);
                assert_int_equal(answer.error, i == 0 ? 0 : -EBADMSG);
                h.type = wrong[MIN_OF(i, ELEMENTSOF(wrong) - 1)];
        }
}

static void test_events_are_no_requests(void **state) {
        for (unsigned t = KEEPER_REPLY; t <= _KEEPER_TYPE_MAX; t++) {
                KeeperMessage m = request(t, "web");

                if (t != KEEPER_STORE && t != KEEPER_CRASH_AT && t != KEEPER_PAYLOAD) /* which came later */
                        assert_int_equal(ask(*state, &m, NULL, 0), -EBADMSG);
        }
}

/* --- what is kept beyond a container's lives */

static int text_memfd(const char *text) {
        int fd;

        assert_int_equal(memfd_sealed("test", text, strlen(text), &fd), 0);
        return fd;
}

static int store(Fixture *f, const char *id, int number, const char *const *texts, size_t n) {
        KeeperMessage m = request(KEEPER_STORE, id);
        int fds[KEEPER_STORE_MAX + 2] = {}, r;

        m.value = number;
        for (size_t i = 0; i < n; i++)
                fds[i] = text_memfd(texts[i]);
        r = ask(f, &m, fds, n);
        for (size_t i = 0; i < n; i++)
                (void)close(fds[i]);
        return r;
}

/* What LIST tells, one line a set: "id number: text text ...". */
static void expect_stored(Fixture *f, const char *expected) {
        KeeperMessage m = request(KEEPER_LIST, "");
        char told[512] = "";

        assert_int_equal(socket_send(f->client, &m, sizeof(m), NULL, 0), 0);
        connection_ready(&f->keeper, &f->keeper.connections[0]);
        for (;;) {
                int fds[SOCKET_MAX_FDS];
                size_t size, n_fds, n = strlen(told);

                assert_int_equal(socket_receive(f->client, &m, sizeof(m), &size, fds, ELEMENTSOF(fds), &n_fds), 0);
                if (m.type == KEEPER_REPLY)
                        break;
                assert_int_equal(m.type, KEEPER_EVENT_STORED);
                n += (size_t)snprintf(told + n, sizeof(told) - n, "%s %d:", m.id, m.value);
                for (size_t i = 0; i < n_fds; i++) {
                        char text[16] = "";

                        assert_true(pread(fds[i], text, sizeof(text) - 1, 0) >= 0);
                        (void)close(fds[i]);
                        n += (size_t)snprintf(told + n, sizeof(told) - n, " %s", text);
                }
                (void)snprintf(told + n, sizeof(told) - n, "\n");
        }
        assert_string_equal(told, expected);
}

static void test_stored_is_told_until_dropped(void **state) {
        Fixture *f = *state;

        assert_int_equal(store(f, "web", 0, (const char *[]){ "blob", "a", "b" }, 3), 0);
        assert_int_equal(store(f, "web", 1, (const char *[]){ "other" }, 1), 0);
        assert_int_equal(store(f, "db", 0, (const char *[]){ "blob", "c" }, 2), 0);
        expect_stored(f, "web 0: blob a b\nweb 1: other\ndb 0: blob c\n");
        assert_int_equal(store(f, "web", 0, (const char *[]){ "new", "d" }, 2), 0);
        expect_stored(f, "web 1: other\ndb 0: blob c\nweb 0: new d\n");
        assert_int_equal(store(f, "web", 1, NULL, 0), 0);
        assert_int_equal(store(f, "db", 0, NULL, 0), 0);
        assert_int_equal(store(f, "nobody", 0, NULL, 0), 0);
        expect_stored(f, "web 0: new d\n");
        assert_int_equal(f->keeper.store.n, 1);
}

static void test_stored_has_bounds(void **state) {
        const char *texts[KEEPER_STORE_MAX + 2];
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                texts[i] = "x";
        assert_int_equal(store(f, "web", 0, (const char *[]){ "blob" }, 1), 0);
        assert_int_equal(store(f, "web", 0, texts, ELEMENTSOF(texts)), -EBADMSG);
        assert_int_equal(store(f, "", 0, texts, 1), -EBADMSG);
        expect_stored(f, "web 0: blob\n");
        assert_int_equal(store(f, "web", 0, texts, ELEMENTSOF(texts) - 1), 0);
        for (int i = 1; i < KEEPER_STORES_MAX; i++) {
                int fd = -EBADF; /* the number of sets is what counts */

                assert_int_equal(store_put(&f->keeper.store, "many", i, &fd, 1), 0);
        }
        assert_int_equal(store(f, "web", 1, texts, 1), -ENOSPC);
        assert_int_equal(store(f, "many", 1, texts, 1), 0);
}

static void expect_closed(Fixture *f, const void *data, size_t size) {
        assert_int_equal(socket_send(f->client, data, size, NULL, 0), 0);
        connection_ready(&f->keeper, &f->keeper.connections[0]);
        assert_true(f->keeper.connections[0].fd < 0);
}

static void test_short_message_closes(void **state) {
        KeeperMessage m = request(KEEPER_LIST, "");

        expect_closed(*state, &m, sizeof(m) - 1);
}

static void test_other_version_closes(void **state) {
        KeeperMessage m = request(KEEPER_LIST, "");

        m.version++;
        expect_closed(*state, &m, sizeof(m));
}

static void test_unterminated_id_closes(void **state) {
        KeeperMessage m = request(KEEPER_LIST, "");

        memset(m.id, 'x', sizeof(m.id));
        expect_closed(*state, &m, sizeof(m));
}

static int spawn(Fixture *f, int plan_fd, uint32_t n_slots, const int16_t *slots, uint32_t n_held, size_t n_fds) {
        KeeperMessage m = request(KEEPER_SPAWN, "web");
        int fds[16], null = open("/dev/null", O_RDWR | O_CLOEXEC), r;

        m.n_slots = n_slots;
        m.n_held = n_held;
        for (uint32_t i = 0; slots && i < n_slots; i++)
                m.slots[i] = slots[i];
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = i == 0 ? plan_fd : null;
        r = ask(f, &m, fds, n_fds);
        (void)close(null);
        assert_null(f->keeper.first); /* nothing is left of a refused launch */
        return r;
}

static int good_plan(void) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = fixture_spec();
        _cleanup_(plan_freep) Plan *p = NULL;
        int fd = -EBADF;

        s->boot = true; /* an init brings its own files with names, and /dev/log */
        assert_int_equal(fixture_plan(s, &p), 0);
        assert_int_equal(memfd_sealed("plan", p->data, p->size, &fd), 0);
        return fd;
}

static void test_spawn_refused(void **state) {
        static const int16_t all[] = { 0, 1, 2, 3 }, twice[] = { 0, 1, 2, 2 }, made[] = { 0, 1, 2, 4 };
        int plan = good_plan(), soft = memfd_create("plan", MFD_CLOEXEC);

        assert_int_equal(spawn(*state, soft, 4, all, 0, 7), -EPERM); /* not sealed: could change after the check */
        assert_int_equal(spawn(*state, plan, 4, all, 0, 6), -EBADMSG);
        assert_int_equal(spawn(*state, plan, 4, all, KEEPER_MAX_HELD + 1, 16), -EBADMSG);
        assert_int_equal(spawn(*state, plan, 3, all, 0, 6), -EBADMSG); /* stderr is missing */
        assert_int_equal(spawn(*state, plan, 4, twice, 0, 7), -EBADMSG);
        assert_int_equal(spawn(*state, plan, 4, made, 0, 7), -EBADMSG);
        assert_int_equal(spawn(*state, plan, KEEPER_MAX_SLOTS + 1, NULL, 0, 7), -EBADMSG);
        assert_int_equal(spawn(*state, plan, 4, all, 0, 7), -EBADF); /* all is well but the cgroup */
        (void)close(plan);
        (void)close(soft);
}

static void test_stopping_takes_no_launch(void **state) {
        static const int16_t all[] = { 0, 1, 2, 3 };
        Fixture *f = *state;
        int plan = good_plan();

        stop_all(&f->keeper, true);
        assert_int_equal(spawn(f, plan, 4, all, 0, 7), -ESHUTDOWN);
        (void)close(plan);
}

/* Many more than a socket holds; each comes once, the reply last, and an exit on the way is not told twice. */
static void test_long_list(void **state) {
        enum { MANY = 2000 };
        Fixture *f = *state;
        KeeperMessage m = request(KEEPER_LIST, "");
        unsigned listed = 0, exited = 0, at_once = 0;
        bool done = false;

        for (unsigned i = 0; i < MANY; i++) {
                char id[32];
                Record *r;

                (void)snprintf(id, sizeof(id), "c%u", i);
                r = record_new(&f->keeper, id);
                assert_non_null(r);
                r->state = KEEPER_RUNNING;
                r->pidfd = r->blob_fd = r->plan_fd = r->cgroup_fd = f->client;
        }
        assert_int_equal(socket_send(f->client, &m, sizeof(m), NULL, 0), 0);
        connection_ready(&f->keeper, &f->keeper.connections[0]);
        while (!done || exited < 2) {
                KeeperMessage got;
                int fds[SOCKET_MAX_FDS];
                size_t size = 0, n = 0;
                int r = socket_receive(f->client, &got, sizeof(got), &size, fds, ELEMENTSOF(fds), &n);

                if (r == -EAGAIN) {
                        if (at_once++ == 0) { /* the socket was full: the first is told already, the last is not */
                                assert_in_range(listed, 1, MANY - 1);
                                for (Record *one = f->keeper.first; one;
                                     one = one == f->keeper.first ? f->keeper.last : NULL) {
                                        KeeperMessage e;

                                        one->state = KEEPER_EXITED;
                                        record_describe(one, KEEPER_EVENT_EXITED, &e);
                                        keeper_send_exit(&f->keeper, one, &e);
                                }
                        }
                        connection_ready(&f->keeper, &f->keeper.connections[0]);
                        continue;
                }
                assert_int_equal(r, 0);
                assert_int_equal(size, sizeof(got));
                for (size_t i = 0; i < n; i++)
                        (void)close(fds[i]);
                if (got.type == KEEPER_EVENT_LISTED) {
                        assert_false(done);
                        assert_int_equal(n, 4);
                        listed++;
                        exited += got.keeper_state == KEEPER_EXITED; /* the last one */
                } else if (got.type == KEEPER_EVENT_EXITED) {
                        assert_true(done);
                        assert_string_equal(got.id, "c0");
                        exited++;
                } else {
                        assert_int_equal(got.type, KEEPER_REPLY);
                        assert_int_equal(got.cookie, 42);
                        done = true;
                }
        }
        assert_int_equal(listed, MANY);
        for (Record *r = f->keeper.first; r; r = r->next)
                r->pidfd = r->blob_fd = r->plan_fd = r->cgroup_fd = -EBADF;
}

/* A manager that only asks and never reads is answered later, not dropped; one that never reads at all is. */
static void test_unread_answers(void **state) {
        enum { MANY = 1000 };
        Fixture *f = *state;
        KeeperMessage m = request(KEEPER_GO, "nobody");
        unsigned answers = 0;

        for (unsigned i = 0; i < MANY; i++) {
                assert_int_equal(socket_send(f->client, &m, sizeof(m), NULL, 0), 0);
                connection_ready(&f->keeper, &f->keeper.connections[0]);
        }
        assert_true(f->keeper.connections[0].n_outgoing > 0);
        while (answers < MANY) {
                KeeperMessage got;
                size_t size = 0, n = 0;
                int r = socket_receive(f->client, &got, sizeof(got), &size, NULL, 0, &n);

                if (r == -EAGAIN)
                        connection_ready(&f->keeper, &f->keeper.connections[0]);
                else {
                        assert_int_equal(r, 0);
                        assert_int_equal(got.type, KEEPER_REPLY);
                        answers++;
                }
        }
        assert_int_equal(f->keeper.connections[0].n_outgoing, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
                ROW(test_unknown_ids),
                ROW(test_empty_list),
                ROW(test_handshake),
                ROW(test_events_are_no_requests),
                ROW(test_stored_is_told_until_dropped),
                ROW(test_stored_has_bounds),
                ROW(test_short_message_closes),
                ROW(test_other_version_closes),
                ROW(test_unterminated_id_closes),
                ROW(test_spawn_refused),
                ROW(test_long_list),
                ROW(test_unread_answers),
                ROW(test_stopping_takes_no_launch),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
