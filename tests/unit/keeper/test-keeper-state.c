/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a keeper hands to its successor: everything comes back, and what cannot be understood is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>

#include "manager/keeper/state.h"

/* What main.c has for the loop. */
int keeper_watch(Keeper *k, int fd, void *what) {
        return 0;
}

int keeper_unwatch(Keeper *k, int fd) {
        return safe_close(fd);
}

/* Bytes that are no descriptor of anybody's, and not zero anywhere. */
static void fill(void *object, size_t size) {
        for (size_t i = 0; i < size; i++)
                ((unsigned char *)object)[i] = (unsigned char)(1 + i % 0x3f);
}

static Record *add_record(Keeper *k, const char *id) {
        Record *r = record_new(k, id), *next = r->next, *previous = r->previous;

        fill(r, sizeof(*r));
        r->next = next;
        r->previous = previous;
        memset(r->id, 0, sizeof(r->id));
        (void)snprintf(r->id, sizeof(r->id), "%s", id);
        r->state = KEEPER_RUNNING;
        r->stop_phase = STOP_KILLED;
        r->join = r->doomed = r->silent = r->created = r->outer_alive = r->inner_alive = r->init_role = true;
        r->n_held = KEEPER_MAX_HELD;
        r->owner = k->connections + 3;
        r->page = NULL;
        return r;
}

static void fill_keeper(Keeper *k) {
        Connection *c = k->connections + 3;
        KeeperMessage m;
        int fd;

        keeper_empty(k);
        fill(&m, sizeof(m));
        *c = (Connection){ .fd = 1234, .listing = true, .store_from = 7, .list_from = 8, .list_reply = m };
        m.cookie++;
        assert_int_equal(outgoing_add(c, &m, -EBADF), 0);
        (void)add_record(k, "web");
        add_record(k, "db")->owner = NULL;
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        assert_int_equal(store_put(&k->store, "web", -5, &(int[]){ fd, 2001, 2002 }[0], 3), 0);
        k->listen_fd = 2003;
        k->proc_fd = 2004;
        k->socket_directory_fd = 2005;
        k->last_sequence = 99;
        k->stopping = k->exit_at_end = true;
        k->stop_end = 1U << 30;
        k->asked_by = 3;
}

static void test_round_trip(void **state) {
        static Keeper old, new;
        _cleanup_free_ void *data = NULL, *again = NULL;
        size_t size = 0, size_again = 0;
        const Connection *c = new.connections + 3;

        fill_keeper(&old);
        keeper_empty(&new);
        assert_int_equal(keeper_state_encode(&old, &data, &size), 0);
        assert_int_equal(keeper_state_decode(&new, data, size), 0);
        assert_int_equal(keeper_state_encode(&new, &again, &size_again), 0);
        assert_int_equal(size_again, size);
        assert_memory_equal(again, data, size);

        assert_string_equal(new.first->id, "web");
        assert_ptr_equal(new.first->owner, c);
        assert_int_equal(new.first->pidfd, old.first->pidfd);
        assert_int_equal(new.first->held[KEEPER_MAX_HELD - 1], old.first->held[KEEPER_MAX_HELD - 1]);
        assert_null(new.first->page);
        assert_string_equal(new.last->id, "db");
        assert_null(new.last->owner);
        assert_int_equal(new.last_sequence, 99);
        assert_int_equal(c->n_outgoing, 1);
        assert_memory_equal(&c->list_reply, &old.connections[3].list_reply, sizeof(KeeperMessage));
        assert_int_equal(new.store.n, 1);
        assert_int_equal(new.store.first->number, -5);
        assert_int_equal(new.store.first->fds[1], 2002);
        assert_int_equal(new.store.first->fds[2], -EBADF);
        assert_int_equal(new.connections[0].fd, -EBADF);
        keeper_state_forget(&old);
        keeper_state_forget(&new);
}

static int decode(const void *data, size_t size) {
        static Keeper k;
        int r;

        keeper_empty(&k);
        r = keeper_state_decode(&k, data, size);
        keeper_state_forget(&k);
        return r;
}

/* Cut anywhere, it is refused; and so is a field that nobody knows, or of another size. */
static void test_refused(void **state) {
        static Keeper old;
        _cleanup_free_ void *data = NULL;
        _cleanup_free_ unsigned char *copy = NULL;
        size_t size = 0;

        fill_keeper(&old);
        assert_int_equal(keeper_state_encode(&old, &data, &size), 0);
        for (size_t n = 0; n < size; n++)
                assert_int_equal(decode(data, n), -EBADMSG);
        copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, data, size);
        copy[size] = 0;
        assert_int_equal(decode(copy, size + 1), -EBADMSG);
        copy[0] = 0x7f; /* kind of the first object */
        assert_int_equal(decode(copy, size), -EBADMSG);
        memcpy(copy, data, size);
        copy[4] = 0x7f; /* its place */
        assert_int_equal(decode(copy, size), -EBADMSG);
        memcpy(copy, data, size);
        copy[12] = 0x7f; /* tag of its first field */
        assert_int_equal(decode(copy, size), -EBADMSG);
        memcpy(copy, data, size);
        copy[16] = 3; /* and its size */
        assert_int_equal(decode(copy, size), -EBADMSG);
        keeper_state_forget(&old);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
