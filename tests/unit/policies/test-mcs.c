/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "manager/base/string-list.h"
#include "policies/selinux/mcs.h"
#include "policies/selinux/selinux.h"

#define CONTAINERS 2000U

static void no_two_have_the_same_pair(void **state) {
        _cleanup_(mcs_store_done) McsStore s = {};
        _cleanup_free_ uint8_t *taken = calloc(MCS_CATEGORIES, MCS_CATEGORIES);
        unsigned differs = 0;
        uint32_t first = 0;

        assert_non_null(taken);
        for (unsigned i = 0; i < CONTAINERS; i++) {
                char name[32];
                McsEntry *e;
                bool is_new;

                (void)snprintf(name, sizeof(name), "c%u", i);
                assert_int_equal(mcs_get(&s, name, &e, &is_new), 0);
                assert_true(is_new);
                assert_true(e->pair >> 16 < (e->pair & 0xffff));
                assert_true((e->pair & 0xffff) < MCS_CATEGORIES);
                assert_int_equal(taken[(e->pair >> 16) * MCS_CATEGORIES + (e->pair & 0xffff)]++, 0);
                differs += e->pair != first + 1;
                first = e->pair;
        }
        assert_true(differs > CONTAINERS / 2); /* nobody can guess the next one */
}

static void a_container_keeps_its_pair(void **state) {
        _cleanup_(mcs_store_done) McsStore s = {};
        McsEntry *e;
        uint32_t pair;
        bool is_new;

        assert_int_equal(mcs_get(&s, "web", &e, &is_new), 0);
        pair = e->pair;
        assert_int_equal(mcs_get(&s, "db", &e, &is_new), 0);
        assert_int_not_equal(e->pair, pair);
        assert_int_equal(mcs_get(&s, "web", &e, &is_new), 0);
        assert_false(is_new);
        assert_int_equal(e->pair, pair);
        /* A running container is what it is; nobody else's pair is given to it. */
        assert_int_equal(mcs_take(&s, "other", pair, &e, &is_new), -EEXIST);
        assert_int_equal(mcs_take(&s, "web", pair, &e, &is_new), 0);
        mcs_remove(&s, mcs_find(&s, "web"));
        assert_int_equal(mcs_take(&s, "other", pair, &e, &is_new), 0);
        assert_true(is_new);
}

static void the_last_pair_is_found_and_no_more(void **state) {
        McsStore s = { .items = calloc(MCS_PAIRS, sizeof(McsEntry)), .n = MCS_PAIRS };
        char nobody[] = "";
        uint32_t missing = 3U << 16 | 7;
        McsEntry *e;
        bool is_new;
        size_t n = 0;

        assert_non_null(s.items);
        for (uint32_t high = 1; high < MCS_CATEGORIES; high++)
                for (uint32_t low = 0; low < high; low++)
                        s.items[n++] = (McsEntry){ .name = nobody, .pair = low << 16 | high };
        assert_int_equal(n, MCS_PAIRS);
        assert_int_equal(mcs_take(&s, "one-more", missing, &e, &is_new), -EEXIST);
        free(s.items);
}

static void levels_are_read_as_they_are_written(void **state) {
        static const char *const bad[] = { "u:r:t:s0", "u:r:t:s0:c1", "u:r:t:s0:c2,c1", "u:r:t:s0:c1,c1", "u:r:t:s0:c1,c1024",
                                           "u:r:t:s0:c1,c2,c3", "u:r:t:s0:c1.c2", "u:r:t:s0-s0:c1,c2", "" };
        char level[MCS_LEVEL_SIZE];
        uint32_t pair = 0;

        mcs_level(1022U << 16 | 1023U, level);
        assert_string_equal(level, "s0:c1022,c1023");
        assert_int_equal(mcs_pair_of("system_u:system_r:bulwark_c_t:s0:c1022,c1023", &pair), 0);
        assert_int_equal(pair, 1022U << 16 | 1023U);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(mcs_pair_of(bad[i], &pair), -EINVAL);
}

static void stored_and_read_again(void **state) {
        _cleanup_(mcs_store_done) McsStore s = {}, again = {};
        _cleanup_free_ void *data = NULL;
        McsEntry *e;
        bool is_new;
        size_t size;

        assert_int_equal(mcs_get(&s, "web", &e, &is_new), 0);
        assert_int_equal(mcs_add_volume(e, "/srv/web", &is_new), 0);
        assert_true(is_new);
        assert_int_equal(mcs_add_volume(e, "/srv/web", &is_new), 0);
        assert_false(is_new);
        e->block = strdup("(block bw_1)\n");
        assert_int_equal(mcs_get(&s, "db", &e, &is_new), 0);
        e->name[0] = 0;
        assert_int_equal(mcs_encode(&s, &data, &size), 0);
        assert_int_equal(mcs_decode(data, size, &again), 0);
        assert_int_equal(again.n, 2);
        assert_string_equal(mcs_find(&again, "web")->block, "(block bw_1)\n");
        assert_string_equal(mcs_find(&again, "web")->volumes[0], "/srv/web");
        assert_null(mcs_find(&again, "db"));
        assert_int_equal(again.items[1].pair, s.items[1].pair);
}

/* Two containers of one pair are one container to SELinux: such a file is not believed. */
static void a_pair_given_twice_is_damage(void **state) {
        _cleanup_(mcs_store_done) McsStore s = {}, again = {};
        _cleanup_free_ void *data = NULL;
        McsEntry *e;
        bool is_new;
        size_t size;

        assert_int_equal(mcs_get(&s, "web", &e, &is_new), 0);
        assert_int_equal(mcs_get(&s, "db", &e, &is_new), 0);
        s.items[1].pair = s.items[0].pair;
        assert_int_equal(mcs_encode(&s, &data, &size), 0);
        assert_int_equal(mcs_decode(data, size, &again), -EBADMSG);
        free(data);
        data = NULL;
        s.items[1].pair = 7U << 16 | 7U;
        assert_int_equal(mcs_encode(&s, &data, &size), 0);
        assert_int_equal(mcs_decode(data, size, &again), -EBADMSG);
}

static void the_host_is_not_relabelled(void **state) {
        static const char *const system[] = { "/", "/etc", "/usr", "/usr/share/x", "/home", "/var/lib", "/proc/1", "/dev/sda", "/lib64" };
        static const char *const own[] = { "/srv/web", "/var/lib/web", "/home/web", "/etc/web", "/library", "/usrlocal", "/data" };

        for (size_t i = 0; i < ELEMENTSOF(system); i++)
                assert_true(selinux_path_is_system(system[i]));
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                assert_false(selinux_path_is_system(own[i]));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_two_have_the_same_pair),
                cmocka_unit_test(a_container_keeps_its_pair),
                cmocka_unit_test(the_last_pair_is_found_and_no_more),
                cmocka_unit_test(levels_are_read_as_they_are_written),
                cmocka_unit_test(stored_and_read_again),
                cmocka_unit_test(a_pair_given_twice_is_damage),
                cmocka_unit_test(the_host_is_not_relabelled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
