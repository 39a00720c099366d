/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "policies/apparmor/apparmor.h"
#include "policies/apparmor/profile-cache.h"
#include "policies/apparmor/profile-compile.h"

#define CACHE_FORMAT 1 /* raise it when the same text is to give another binary */
#define ABI "/etc/apparmor.d/abi/3.0"
#define WORDS_MAX 400U

static const char *const parsers[] = { "/usr/sbin/apparmor_parser", "/sbin/apparmor_parser" };

static const char *find_parser(void) {
        for (size_t i = 0; i < ELEMENTSOF(parsers); i++)
                if (access(parsers[i], X_OK) >= 0)
                        return parsers[i];
        return NULL;
}

static int no_parser(Diag *diag) {
        return diag_error(diag, ERROR_HOST_LACKS, NULL, "AppArmorProfile",
                          "generated needs apparmor_parser, which is neither in /usr/sbin nor in /sbin; install the package "
                          "apparmor");
}

/* A file as it is now: replacing or editing it changes this. */
typedef struct FileIdentity {
        uint64_t device, inode, size, modified, modified_nsec, changed, changed_nsec;
} FileIdentity;

static FileIdentity identity_of(const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return (FileIdentity){};
        return (FileIdentity){ .device = st.st_dev, .inode = st.st_ino, .size = (uint64_t)st.st_size,
                               .modified = (uint64_t)st.st_mtim.tv_sec, .modified_nsec = (uint64_t)st.st_mtim.tv_nsec,
                               .changed = (uint64_t)st.st_ctim.tv_sec, .changed_nsec = (uint64_t)st.st_ctim.tv_nsec };
}

int profile_compile_key(const AppArmorPolicy *policy, const char *kernel_features, Diag *diag, Digest *ret) {
        const char *parser = find_parser();
        struct {
                Digest text, features;
                FileIdentity parser, abi;
                uint64_t format;
        } all = { .text = policy->digest, .format = CACHE_FORMAT, .abi = identity_of(ABI) };

        if (!parser)
                return no_parser(diag);
        all.parser = identity_of(parser);
        digest_of(kernel_features, strlen(kernel_features), &all.features);
        digest_of(&all, sizeof(all), ret);
        return 0;
}

/* No cache of the parser's own, no kernel, no settings of the host: only this text. */
static int arguments(const char *parser, const char *features, char ***ret) {
        const char *const fixed[] = { parser, "--config-file=/dev/null", "-QTKS" };
        _cleanup_strv_ char **argv = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(fixed); i++)
                r = strv_extend(&argv, fixed[i]);
        if (r >= 0 && features)
                r = strv_extend(&argv, "-M");
        if (r >= 0 && features)
                r = strv_extend(&argv, features);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

int profile_compile_work(const AppArmorPolicy *policy, const Digest *key, const char *features, Diag *diag,
                         PolicyWork **ret) {
        _cleanup_(policy_work_freep) PolicyWork *w = NULL;
        const char *parser = find_parser();
        int r;

        if (!parser)
                return no_parser(diag);
        w = policy_work_new("compiling the AppArmor profile", key);
        if (!w)
                return -ENOMEM;
        r = arguments(parser, features, &w->argv);
        if (r >= 0)
                r = memfd_sealed("bulwark-profile", policy->text, strlen(policy->text), &w->input);
        if (r < 0)
                return r;
        if (lseek(w->input, 0, SEEK_SET) < 0)
                return -errno;
        w->output = memfd_create("bulwark-profile-binary", MFD_CLOEXEC);
        if (w->output < 0)
                return -errno;
        *ret = TAKE_PTR(w);
        return 0;
}

/* --- a refusal */

/* "at line 12:" or "in stdin line 12"; 0 where it names none. */
static unsigned long line_named(const char *errors) {
        for (const char *p = strstr(errors, "line "); p; p = strstr(p + 1, "line "))
                if (p[strlen("line ")] >= '1' && p[strlen("line ")] <= '9')
                        return strtoul(p + strlen("line "), NULL, 10);
        return 0;
}

/* Everything but an extra rule of the unit is ours, and compiles: when the parser only notices later that something is
 * missing, the extra rule before is what is wrong. */
static const PolicyRule *guilty_rule(const PolicySet *set, const char *errors) {
        const AppArmorPolicy *p = &set->apparmor;
        const size_t n_extra = set->spec->apparmor_extra_rules.n;
        const PolicyRule *first = p->rules.items + p->rules.n - n_extra, *found = NULL;
        unsigned long line = line_named(errors);

        if (n_extra == 0)
                return NULL;
        if (line > 0) {
                for (; line > 0 && !found; line--)
                        found = apparmor_rule_at(p, (unsigned)MIN_OF(line, UINT32_MAX));
                return found && found >= first ? found : first;
        }
        /* Otherwise it quotes what it could not read. */
        for (const PolicyRule *r = first; r < first + n_extra; r++) {
                _cleanup_free_ char *word = NULL;
                const char *path = strchr(r->text, '/');

                word = path ? strndup(path, strcspn(path, " \t\",")) : NULL;
                if (word && strstr(errors, word))
                        return r;
        }
        return first;
}

/* Its complaint in one line; not that it has no cache. */
static char *words_of(const char *errors) {
        _cleanup_free_ char *copy = strdup(errors), *text = NULL;
        char *rest = copy;

        while (rest) {
                char *line = strsep(&rest, "\n");

                if (!*line || startswith(line, "Cache read/write disabled"))
                        continue;
                if (str_append(&text, "%s%.*s", text ? "; " : "", (int)WORDS_MAX, line) < 0)
                        break;
                if (strlen(text) >= WORDS_MAX)
                        break;
        }
        for (char *p = text; p && *p; p++)
                if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
                        *p = '?';
        return TAKE_PTR(text);
}

static int refused(const PolicySet *set, int status, const char *errors, Diag *diag) {
        _cleanup_free_ char *words = words_of(errors);
        const PolicyRule *rule = guilty_rule(set, errors);

        if (!WIFEXITED(status))
                return diag_error(diag, ERROR_POLICY, NULL, "AppArmorProfile",
                                  "apparmor_parser was ended by signal %d%s%s", WTERMSIG(status), words ? ": " : "",
                                  strempty(words));
        if (rule)
                return diag_error(diag, ERROR_POLICY, &rule->origin, "AppArmorExtraRules",
                                  "'%s' does not compile: %s", rule->text, words ? words : "apparmor_parser gave no reason");
        return diag_error(diag, ERROR_POLICY, NULL, "AppArmorProfile", "the generated profile does not compile: %s",
                          words ? words : "apparmor_parser gave no reason");
}

int profile_compile_result(const PolicySet *set, const PolicyWork *work, int status, const char *errors, Diag *diag,
                           void **ret, size_t *ret_size) {
        static const uint8_t head[] = { 4, 8, 0, 'v', 'e', 'r', 's', 'i', 'o', 'n', 0 };
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return refused(set, status, errors, diag);
        if (lseek(work->output, 0, SEEK_SET) < 0)
                return -errno;
        r = read_file(work->output, PROFILE_BINARY_MAX, &data, &size);
        if (r < 0)
                return r;
        if (size <= sizeof(head) || memcmp(data, head, sizeof(head)) != 0)
                return diag_error(diag, ERROR_POLICY, NULL, "AppArmorProfile",
                                  "apparmor_parser ended well but wrote no profile");
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}
