/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Quoting, the lines of a profile and the unit's lines behind them, the compiler as a piece of work, and the cache. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "manager/base/io.h"
#include "policies/apparmor/apparmor.h"
#include "policies/apparmor/profile-cache.h"
#include "policies/apparmor/profile-compile.h"
#include "policies/apparmor/profile-files.h"
#include "policies/apparmor/quote.h"
#include "tests/unit/policies/fixture.h"

static void quoting(void **state) {
        static const struct {
                const char *text, *quoted; /* NULL = cannot be said */
        } rows[] = {
                { "/plain-file.1_2", "/plain-file.1_2" },
                { "/a b#c;d'e<f>g=h:i", "/a b#c;d'e<f>g=h:i" },
                { "\"", "\\\"" },
                { "\\", "\\\\" },
                { "{a,b}", "\\{a\\,b\\}" },
                { "*?[^x]", "\\*\\?\\[\\^x\\]" },
                { "@{HOME}", "\\@\\{HOME\\}" },
                { "\xc3\xa9", "\\303\\251" },
                { "\n", NULL },
                { "/a\tb", NULL },
                { "\x7f", NULL },
                { "", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *quoted = NULL;

                assert_int_equal(apparmor_quote(rows[i].text, &quoted), rows[i].quoted ? 0 : -EINVAL);
                if (rows[i].quoted)
                        assert_string_equal(quoted, rows[i].quoted);
        }
}

static void names(void **state) {
        static const char *const containers[] = { "web", "web@blue", "a:b", "a\\b", "a+3ab", "a.b_c-d" };
        static const char *const profiles[] = { "bulwark-web", "bulwark-web@blue", "bulwark-a+3ab", "bulwark-a+5cb", NULL,
                                                "bulwark-a.b_c-d" };

        for (size_t i = 0; i < ELEMENTSOF(containers); i++) {
                _cleanup_free_ char *profile = NULL;

                /* What would come to the same name is no container's. */
                assert_int_equal(container_name_valid(containers[i]), profiles[i] != NULL);
                if (!profiles[i])
                        continue;
                assert_int_equal(apparmor_profile_name(containers[i], &profile), 0);
                assert_string_equal(profile, profiles[i]);
        }
}

static void other_names(void **state) {
        char *one[] = { (char *)"proc" }, *two[] = { (char *)"a", (char *)"a-b" }, *comma[] = { (char *)"," };
        _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;

        assert_int_equal(apparmor_other_names(one, 1, &a), 0);
        assert_string_equal(a, "[^/p]*,p,p[^/r]*,pr,pr[^/o]*,pro,pro[^/c]*,proc[^/]*");
        assert_int_equal(apparmor_other_names(two, 2, &b), 0);
        assert_string_equal(b, "[^/a]*,a[^-/]*,a-,a-[^/b]*,a-b[^/]*");
        assert_int_equal(apparmor_other_names(comma, 1, &c), 0);
        assert_string_equal(c, "[^/,]*,\\,[^/]*");
}

static void origins(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("ReadOnly=no\nBindReadOnlyPaths=/s:/data\nAppArmorExtraRules=/x r",
                                                                           -EBADF);
        const AppArmorPolicy *p = &set->apparmor;
        const PolicyRule *bind = fixture_rule(&p->rules, "\"/data{,/,/**}\" mrkix,"), *extra = fixture_rule(&p->rules, "/x r,");

        assert_non_null(bind);
        assert_int_equal(bind->origin.line, 2);
        assert_non_null(extra);
        assert_int_equal(extra->origin.line, 3);
        assert_ptr_equal(apparmor_rule_at(p, (unsigned)(extra - p->rules.items) + 3), extra);
        assert_null(apparmor_rule_at(p, 0));
        assert_null(apparmor_rule_at(p, 2));
        assert_null(apparmor_rule_at(p, (unsigned)p->rules.n + 3));
}

static void own_words(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *named = fixture_compile("AppArmorProfile=-lxc", -EBADF),
                                                    *unconfined = fixture_compile("AppArmorProfile=unconfined", -EBADF),
                                                    *generated = fixture_compile("", -EBADF);

        assert_string_equal(named->apparmor.profile, "lxc");
        assert_true(named->apparmor.optional && !named->apparmor.text);
        assert_null(unconfined->apparmor.profile);
        assert_string_equal(generated->apparmor.profile, "bulwark-web");
        assert_false(digest_equal(&named->digest, &unconfined->digest));
        assert_false(digest_equal(&generated->digest, &unconfined->digest));
}

/* --- the compiler */

static int run_work(const PolicyWork *w, char errors[static 4096]) {
        int ends[2], status;
        ssize_t n, k = 0;
        pid_t pid;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (dup2(w->input, STDIN_FILENO) >= 0 && dup2(w->output, STDOUT_FILENO) >= 0 && dup2(ends[1], STDERR_FILENO) >= 0)
                        (void)execv(w->argv[0], w->argv);
                _exit(127);
        }
        close(ends[1]);
        while ((n = read(ends[0], errors + k, 4095 - (size_t)k)) > 0)
                k += n;
        errors[k] = 0;
        close(ends[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static int compile_with(const PolicySet *set, Diag *diag, void **ret, size_t *ret_size) {
        _cleanup_(policy_work_freep) PolicyWork *w = NULL;
        char errors[4096];
        Digest key;
        int r;

        r = profile_compile_key(&set->apparmor, "features", diag, &key);
        if (r >= 0)
                r = profile_compile_work(&set->apparmor, &key, APPARMOR_FEATURES, diag, &w);
        if (r < 0)
                return r;
        r = run_work(w, errors);
        return profile_compile_result(set, w, r, errors, diag, ret, ret_size);
}

static void compiled(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("AppArmorExtraRules=/x r,", -EBADF);
        _cleanup_free_ void *binary = NULL;
        _cleanup_(diag_done) Diag diag = {};
        size_t size;

        assert_int_equal(compile_with(set, &diag, &binary, &size), 0);
        assert_int_equal(diag.n_errors, 0);
        assert_true(size > 1000);
        assert_non_null(memmem(binary, size, "bulwark-web", sizeof("bulwark-web")));
}

static void refused_with_the_line(void **state) {
        static const struct {
                const char *unit, *words;
        } rows[] = {
                { "ReadOnly=no\nAppArmorExtraRules=capability no_such", "web.container:2: AppArmorExtraRules=: 'capability no_such,' does not compile: " },
                { "AppArmorExtraRules=/x r\nAppArmorExtraRules=network none_such,\nAppArmorExtraRules=/y r",
                  "web.container:2: AppArmorExtraRules=: 'network none_such,' does not compile: AppArmor parser error" },
                { "AppArmorExtraRules=/x r\nAppArmorExtraRules=/y{} r,\nAppArmorExtraRules=/z r", "web.container:2: AppArmorExtraRules=: '/y{} r,' does not compile: " },
                { "AppArmorExtraRules=signal\nReadOnly=no\nAppArmorExtraRules=signal bad_word", "web.container:3: AppArmorExtraRules=: " },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile(rows[i].unit, -EBADF);
                _cleanup_free_ void *binary = NULL;
                _cleanup_free_ char *words = NULL;
                _cleanup_(diag_done) Diag diag = {};
                size_t size;

                assert_true(compile_with(set, &diag, &binary, &size) < 0);
                words = diag_to_string(&diag, true);
                if (!strstr(words, rows[i].words))
                        fail_msg("row %zu: %s", i, words);
                assert_null(strchr(words, '\n'));
                assert_null(strstr(words, "Cache read/write"));
        }
}

static void empty_output(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *set = fixture_compile("", -EBADF);
        _cleanup_(policy_work_freep) PolicyWork *w = NULL;
        _cleanup_(diag_done) Diag diag = {};
        void *binary = NULL;
        size_t size;

        assert_int_equal(profile_compile_work(&set->apparmor, &(Digest){}, NULL, &diag, &w), 0);
        assert_true(profile_compile_result(set, w, 0, "", &diag, &binary, &size) < 0);
        assert_int_equal(diag.n_errors, 1);
        assert_true(profile_compile_result(set, w, 9, "", &diag, &binary, &size) < 0);
        assert_non_null(strstr(diag.entries[1].text, "signal 9"));
}

static void keys(void **state) {
        _cleanup_(policy_set_unrefp) const PolicySet *a = fixture_compile("", -EBADF), *b = fixture_compile("ReadOnly=no", -EBADF);
        Digest first, again, other_features, other_text;

        assert_int_equal(profile_compile_key(&a->apparmor, "f", NULL, &first), 0);
        assert_int_equal(profile_compile_key(&a->apparmor, "f", NULL, &again), 0);
        assert_int_equal(profile_compile_key(&a->apparmor, "g", NULL, &other_features), 0);
        assert_int_equal(profile_compile_key(&b->apparmor, "f", NULL, &other_text), 0);
        assert_true(digest_equal(&first, &again));
        assert_false(digest_equal(&first, &other_features));
        assert_false(digest_equal(&first, &other_text));
}

static void cache(void **state) {
        char path[] = "/tmp/bulwark-apparmor-XXXXXX", name[80] = "apparmor-";
        const Digest key = { { 1, 2, 3 } }, other = { { 4 } };
        void *data = NULL;
        size_t size;
        int dir, fd;

        assert_non_null(mkdtemp(path));
        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        digest_to_hex(&key, name + strlen(name));
        assert_int_equal(profile_cache_read(dir, &key, &data, &size), -ENOENT);
        assert_int_equal(profile_cache_write(dir, &key, "binary", 6), 0);
        assert_int_equal(profile_cache_read(dir, &other, &data, &size), -ENOENT);
        assert_int_equal(profile_cache_read(dir, &key, &data, &size), 0);
        assert_int_equal(size, 6);
        assert_memory_equal(data, "binary", 6);
        free(data);
        /* Every byte counts. */
        for (off_t at = 0;; at++) {
                uint8_t byte;

                fd = openat(dir, name, O_RDWR | O_CLOEXEC);
                if (pread(fd, &byte, 1, at) != 1) {
                        close(fd);
                        break;
                }
                byte ^= 0x10;
                assert_int_equal(pwrite(fd, &byte, 1, at), 1);
                assert_int_equal(profile_cache_read(dir, &key, &data, &size), -ENOENT);
                byte ^= 0x10;
                assert_int_equal(pwrite(fd, &byte, 1, at), 1);
                close(fd);
        }
        /* Another's under this key's name. */
        assert_int_equal(profile_cache_write(dir, &other, "other", 5), 0);
        {
                char theirs[80] = "apparmor-";

                digest_to_hex(&other, theirs + strlen(theirs));
                assert_int_equal(renameat(dir, theirs, dir, name), 0);
        }
        assert_int_equal(profile_cache_read(dir, &key, &data, &size), -ENOENT);
        assert_int_equal(unlinkat(dir, name, 0), 0);
        close(dir);
        assert_int_equal(rmdir(path), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(quoting),  cmocka_unit_test(names),    cmocka_unit_test(other_names),
                cmocka_unit_test(origins),  cmocka_unit_test(own_words), cmocka_unit_test(compiled),
                cmocka_unit_test(refused_with_the_line), cmocka_unit_test(empty_output), cmocka_unit_test(keys),
                cmocka_unit_test(cache),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
