/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same claims asked from outside, of what runs already: through /proc of processes that a pidfd vouches for. */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"
#include "manager/container/session/probe-outside.h"
#include "manager/probe/proc-text.h"

#define PROC_FILE_MAX (64U << 10)
#define PAYLOAD_OF_INIT 2 /* the first that the init forks, in its process namespace */

void outside_facts_done(OutsideFacts *f) {
        for (size_t i = 0; i < _CLAIM_NAMESPACE_MAX; i++) {
                free(f->host[i]);
                free(f->leader[i]);
        }
        *f = (OutsideFacts){};
}

static int proc_open(pid_t pid, int *ret) {
        char path[32];

        (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
        *ret = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return *ret < 0 ? -errno : 0;
}

static int read_link(int proc, const char *name, char **ret) {
        char target[256];
        ssize_t n = readlinkat(proc, name, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        target[n] = 0;
        *ret = strdup(target);
        return *ret ? 0 : -ENOMEM;
}

static int read_text(int proc, const char *name, char **ret) {
        _cleanup_close_ int fd = openat(proc, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_free_ char *text = malloc(PROC_FILE_MAX + 1);
        size_t n = 0;
        int r;

        if (fd < 0)
                return -errno;
        if (!text)
                return -ENOMEM;
        r = read_all(fd, text, PROC_FILE_MAX, &n);
        if (r < 0)
                return r;
        text[n] = 0;
        *ret = TAKE_PTR(text);
        return 0;
}

static int namespaces_of(pid_t pid, char *names[static _CLAIM_NAMESPACE_MAX]) {
        _cleanup_close_ int proc = -EBADF;
        int r = proc_open(pid, &proc);

        for (int i = 0; r >= 0 && i < _CLAIM_NAMESPACE_MAX; i++) {
                char path[32];

                (void)snprintf(path, sizeof(path), "ns/%s", claim_namespace_to_string((ClaimNamespace)i));
                r = read_link(proc, path, &names[i]);
        }
        return r;
}

static uint64_t own_capabilities(void) {
        _cleanup_close_ int proc = -EBADF;
        _cleanup_free_ char *status = NULL;
        char value[64];

        if (proc_open(getpid(), &proc) < 0 || read_text(proc, "status", &status) < 0 ||
            !proc_field(status, "CapBnd", value, sizeof(value)))
                return CAPABILITY_MASK_ALL;
        return strtoull(value, NULL, 16);
}

int outside_facts(const Container *c, OutsideFacts *ret) {
        OutsideFacts f = {};
        int r;

        r = namespaces_of(getpid(), f.host);
        if (r >= 0 && c->leader > 0) {
                r = namespaces_of(c->leader, f.leader);
                if (r >= 0 && pidfd_signal(c->leader_fd, 0) < 0)
                        r = -ESRCH; /* it has ended: the number may have meant another */
        }
        if (r < 0) {
                outside_facts_done(&f);
                return r;
        }
        f.facts.capabilities = own_capabilities();
        f.facts.keyring = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
        f.facts.leader_is_init = c->spec->init_role;
        for (size_t i = 0; i < _CLAIM_NAMESPACE_MAX; i++) {
                f.facts.host_namespaces[i] = f.host[i];
                f.facts.leader_namespaces[i] = f.leader[i];
        }
        *ret = f;
        return 0;
}

/* --- answers */

static int answer(int proc, const Claim *claim, char **ret) {
        _cleanup_free_ char *text = NULL;
        char value[PROBE_ANSWER_MAX];
        int r;

        switch (claim->kind) {
        case QUESTION_LINK:
                return read_link(proc, claim->text, ret);
        case QUESTION_FILE:
                r = read_text(proc, claim->text, ret);
                if (r >= 0)
                        proc_fold(*ret);
                return r;
        case QUESTION_FIELD:
                r = read_text(proc, "status", &text);
                if (r < 0)
                        return r;
                if (!proc_field(text, claim->text, value, sizeof(value)))
                        return -ENODATA;
                *ret = strdup(value);
                return *ret ? 0 : -ENOMEM;
        default: /* only the process itself can tell */
                return -EOPNOTSUPP;
        }
}

static int answer_all(Claims *claims, ClaimView view, int proc) {
        for (size_t i = 0; i < claims->n; i++) {
                Claim *claim = claims->items + i;
                char *observed = NULL;
                int r;

                if (claim->view != view)
                        continue;
                r = answer(proc, claim, &observed);
                if (r < 0 && r != -ENOMEM)
                        r = (observed = strdup(strempty(strerrorname_np(-r)))) ? 0 : -ENOMEM;
                if (r < 0)
                        return r;
                free(claim->observed);
                claim->observed = observed;
        }
        return 0;
}

static bool is_payload(int proc, pid_t init) {
        _cleanup_free_ char *status = NULL;
        char value[256];
        const char *last;

        if (read_text(proc, "status", &status) < 0 || !proc_field(status, "PPid", value, sizeof(value)) ||
            strtol(value, NULL, 10) != init || !proc_field(status, "NSpid", value, sizeof(value)))
                return false;
        last = strrchr(value, ' ');
        return last && strtol(last, NULL, 10) == PAYLOAD_OF_INIT;
}

/* The init's number holds while its pidfd does; its child keeps its own until the init has reaped it, and the init's
 * is the only namespace where it is the second. */
static int find_payload(const Container *c, int *ret) {
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;
        int r;

        if (!c->spec->init_role)
                return proc_open(c->leader, ret);
        r = container_processes(c, &pids, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                _cleanup_close_ int proc = -EBADF;

                if (proc_open(pids[i], &proc) >= 0 && is_payload(proc, c->leader)) {
                        *ret = TAKE_FD(proc);
                        return 0;
                }
        }
        return -ESRCH;
}

int outside_answer(const Container *c, Claims *claims) {
        _cleanup_close_ int leader = -EBADF, payload = -EBADF;
        int r;

        if (c->leader <= 0 || c->leader_fd < 0)
                return -ESRCH;
        r = proc_open(c->leader, &leader);
        if (r >= 0)
                r = find_payload(c, &payload);
        if (r >= 0)
                r = answer_all(claims, VIEW_LEADER, leader);
        if (r >= 0)
                r = answer_all(claims, VIEW_PAYLOAD, payload);
        if (r >= 0 && pidfd_signal(c->leader_fd, 0) < 0)
                r = -ESRCH;
        return r;
}
