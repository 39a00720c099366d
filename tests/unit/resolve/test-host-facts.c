/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/resolve/draft.h"

static char *top;

static void path_of(char ret[static 512], const char *name) {
        assert_true(snprintf(ret, 512, "%s/%s", top, name) < 512);
}

static void write_text(const char *name, const char *text, size_t size) {
        char path[512];
        int fd;

        path_of(path, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, size), (ssize_t)size);
        close(fd);
}

static void forget(const char *name) {
        char path[512];

        path_of(path, name);
        if (unlink(path) < 0 && errno != ENOENT)
                assert_int_equal(rmdir(path), 0);
}

static void make_root(void) {
        char path[512];

        top = strdup("/tmp/bulwark-test-XXXXXX");
        assert_non_null(mkdtemp(top));
        path_of(path, "etc");
        assert_int_equal(mkdir(path, 0755), 0);
}

static void remove_root(void) {
        static const char *const names[] = { "etc/passwd", "etc/group", "x.env", "etc" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                forget(names[i]);
        assert_int_equal(rmdir(top), 0);
        free(top);
        top = NULL;
}

static UnitFacts gather(const char *extra) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = NULL;
        char lines[600];
        UnitFacts facts = {};

        (void)snprintf(lines, sizeof(lines), "RootDirectory=%s\n%s", top, extra);
        s = draft_new(lines);
        assert_int_equal(unit_facts_gather(s, NULL, &facts), 0);
        return facts;
}

static void the_host(void **state) {
        _cleanup_(host_facts_done) HostFacts f = {};

        assert_int_equal(host_facts_gather(&f), 0);
        assert_true(f.memory_total > 0);
        assert_true(f.tasks_max > 0);
        assert_true(f.last_capability >= 37);
        assert_string_equal(f.specifiers.user_name, "root");
        assert_string_equal(f.specifiers.runtime_directory, "/run");
        assert_non_null(f.specifiers.kernel_release);
        assert_non_null(f.specifiers.architecture);
        assert_null(strchr(f.specifiers.short_host_name, '.'));
        assert_int_equal(strlen(f.specifiers.boot_id), 32);
        if (f.specifiers.machine_id)
                assert_int_equal(strlen(f.specifiers.machine_id), 32);
}

static void a_good_root(void **state) {
        UnitFacts f;

        make_root();
        write_text("etc/passwd", PASSWD, strlen(PASSWD));
        f = gather("");
        assert_true(f.root_exists && f.root_is_directory && !f.root_is_host);
        assert_int_equal(f.root_error, 0);
        assert_string_equal(f.root_path, top);
        assert_string_equal(f.passwd, PASSWD);
        assert_null(f.group);
        assert_int_equal(f.passwd_error, 0);
        assert_int_equal(f.group_error, 0);
        unit_facts_done(&f);
        remove_root();
}

/* A link may lead anywhere, but never out of the root; what is no regular file is never opened, and nothing blocks. */
static void hostile_roots(void **state) {
        static char big[(1 << 20) + 1];
        char path[512];
        UnitFacts f;

        make_root();
        path_of(path, "etc/passwd");

        assert_int_equal(symlink("/etc/hostname", path), 0); /* is not in this root */
        f = gather("");
        assert_null(f.passwd);
        assert_int_equal(f.passwd_error, 0);
        unit_facts_done(&f);
        forget("etc/passwd");

        assert_int_equal(symlink("/../../../etc/group", path), 0); /* stays inside */
        write_text("etc/group", GROUP, strlen(GROUP));
        f = gather("");
        assert_string_equal(f.passwd, GROUP);
        unit_facts_done(&f);
        forget("etc/passwd");

        assert_int_equal(symlink("passwd", path), 0);
        f = gather("");
        assert_null(f.passwd);
        assert_int_equal(f.passwd_error, ELOOP);
        unit_facts_done(&f);
        forget("etc/passwd");

        assert_int_equal(mkfifo(path, 0644), 0);
        f = gather("");
        assert_null(f.passwd);
        assert_int_equal(f.passwd_error, EINVAL);
        unit_facts_done(&f);
        forget("etc/passwd");

        assert_int_equal(mkdir(path, 0755), 0);
        f = gather("");
        assert_int_equal(f.passwd_error, EISDIR);
        unit_facts_done(&f);
        forget("etc/passwd");

        write_text("etc/passwd", "a\0b", 3);
        f = gather("");
        assert_null(f.passwd);
        assert_int_equal(f.passwd_error, EBADMSG);
        unit_facts_done(&f);

        memset(big, 'x', sizeof(big));
        write_text("etc/passwd", big, sizeof(big));
        f = gather("");
        assert_null(f.passwd);
        assert_int_equal(f.passwd_error, EFBIG);
        unit_facts_done(&f);
        remove_root();
}

static void no_root(void **state) {
        _cleanup_(container_spec_unrefp) ContainerSpec *s = NULL;
        UnitFacts f = {};

        s = draft_new("RootDirectory=/nonexistent/of/course");
        assert_int_equal(unit_facts_gather(s, NULL, &f), 0);
        assert_false(f.root_exists);
        assert_int_equal(f.root_error, ENOENT);
        unit_facts_done(&f);
        s = container_spec_unref(s);

        s = draft_new("RootDirectory=/proc/self/status");
        assert_int_equal(unit_facts_gather(s, NULL, &f), 0);
        assert_true(f.root_exists);
        assert_false(f.root_is_directory);
        unit_facts_done(&f);
        s = container_spec_unref(s);

        s = draft_new("RootDirectory=/proc/self/root"); /* the host's root by another name: not followed */
        assert_int_equal(unit_facts_gather(s, NULL, &f), 0);
        assert_false(f.root_exists);
        assert_int_equal(f.root_error, ELOOP);
        unit_facts_done(&f);
        s = container_spec_unref(s);

        s = draft_new("RootDirectory=/");
        assert_int_equal(unit_facts_gather(s, NULL, &f), 0);
        assert_true(f.root_is_host);
        unit_facts_done(&f);
}

static void environment_files(void **state) {
        char extra[600];
        UnitFacts f;

        make_root();
        write_text("x.env", "A=1\n", 4);
        (void)snprintf(extra, sizeof(extra), "EnvironmentFile=%s/x.env\nEnvironmentFile=-%s/y.env\nEnvironmentFile=%s", top,
                       top, top);
        f = gather(extra);
        assert_int_equal(f.n_environment_files, 3);
        assert_string_equal(f.environment_files[0].text, "A=1\n");
        assert_int_equal(f.environment_files[0].error, 0);
        assert_null(f.environment_files[1].text);
        assert_int_equal(f.environment_files[1].error, ENOENT);
        assert_int_equal(f.environment_files[2].error, EISDIR);
        unit_facts_done(&f);
        remove_root();
}

/* A link is followed where only root could have made it, not where the container that reads it could. */
static void environment_link(void **state) {
        char extra[600], link[512];
        UnitFacts f;

        make_root();
        write_text("etc/group", "A=1\n", 4);
        path_of(link, "x.env");
        assert_int_equal(symlink("etc/group", link), 0);
        (void)snprintf(extra, sizeof(extra), "EnvironmentFile=%s\nReadOnly=no", link);
        f = gather(extra); /* the link lies in its own root, which it can write */
        assert_null(f.environment_files[0].text);
        assert_int_equal(f.environment_files[0].error, EPERM);
        assert_non_null(strstr(f.environment_files[0].refused, "a container that has the place writable"));
        unit_facts_done(&f);
        (void)snprintf(extra, sizeof(extra), "EnvironmentFile=%s\nReadOnly=yes", link);
        f = gather(extra);
        assert_string_equal(f.environment_files[0].text, "A=1\n");
        assert_null(f.environment_files[0].refused);
        unit_facts_done(&f);
        remove_root();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_host),  cmocka_unit_test(a_good_root), cmocka_unit_test(hostile_roots),
                cmocka_unit_test(no_root),   cmocka_unit_test(environment_files),
                cmocka_unit_test(environment_link),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
