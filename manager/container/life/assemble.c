/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outside compilers run as programs of their own beside the loop. A container that starts stays "assembling" until every
 * loader has what it needs; who needs the same work as another waits for that one. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "manager/base/io.h"
#include "manager/container/container-internal.h"

#define ASSEMBLIES_MAX 4          /* at once: more would only compete for the processors */
#define ERRORS_MAX (16U << 10)    /* of a program's standard error, kept */
#define PROGRESS_MAX 200U         /* bytes of a line for people */

typedef struct Assembly Assembly;
struct Assembly {
        Assembly *next;
        Manager *manager;
        const PolicyLoader *loader;
        PolicyWork *work;
        const PolicySet *set; /* of who asked first */
        char *name;
        int errors;           /* memfd: its standard error */
        int progress;         /* read end of its standard output, where that is for people */
        sd_event_source *child_source, *progress_source;
};

static Assembly *assembly_free(Assembly *a) {
        if (!a)
                return NULL;
        a->child_source = sd_event_source_disable_unref(a->child_source);
        a->progress_source = sd_event_source_disable_unref(a->progress_source);
        (void)safe_close(a->errors);
        (void)safe_close(a->progress);
        a->work = policy_work_free(a->work);
        a->set = policy_set_unref(a->set);
        free(a->name);
        free(a);
        return NULL;
}
DEFINE_CLEANUP(Assembly, assembly_free)

static void set_progress(Container *c, const char *text) {
        char *copy = text ? strdup(text) : NULL;

        if (streq_ptr(c->progress, text)) {
                free(copy);
                return;
        }
        free(c->progress);
        c->progress = copy;
        container_notify(c);
}

/* --- the program */

/* After fork, before exec: only calls that are safe there. */
static _Noreturn void become(char *const *argv, int input, int output, int errors) {
        static char *const environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C.UTF-8",
                                             NULL };
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        for (int s = 1; s < NSIG; s++)
                if (s != SIGKILL && s != SIGSTOP)
                        (void)signal(s, SIG_DFL);
        if (input < 0)
                input = open("/dev/null", O_RDONLY | O_CLOEXEC);
        /* All three have numbers above the standard ones, so that none is closed by the others' dup2(). */
        if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0 &&
            chdir("/") >= 0)
                (void)execve(argv[0], argv, environment);
        (void)dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata);
static int on_progress(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static int spawn(Assembly *a) {
        _cleanup_close_ int write_end = -EBADF;
        int output = a->work->output, pipe_fds[2], r;
        pid_t pid;

        a->errors = memfd_create("bulwark-errors", MFD_CLOEXEC);
        if (a->errors < 0)
                return -errno;
        if (output < 0) {
                if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                        return -errno;
                a->progress = pipe_fds[0];
                output = write_end = pipe_fds[1];
                if (fcntl(a->progress, F_SETFL, O_NONBLOCK) < 0)
                        return -errno;
                r = sd_event_add_io(a->manager->event, &a->progress_source, a->progress, EPOLLIN, on_progress, a);
                if (r < 0)
                        return r;
        }
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                become(a->work->argv, a->work->input, output, a->errors);
        r = sd_event_add_child(a->manager->event, &a->child_source, pid, WEXITED, on_child, a);
        if (r < 0) {
                (void)kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
        }
        return r;
}

static char *read_errors(int fd) {
        char *text = calloc(1, ERRORS_MAX + 1);

        if (text && pread(fd, text, ERRORS_MAX, 0) < 0)
                text[0] = 0;
        return text;
}

/* --- containers that wait */

static PolicyClient client_of(const Container *c) {
        return (PolicyClient){ .name = c->name, .set = c->policies };
}

static Assembly *find(Manager *m, const Digest *key) {
        for (Assembly *a = m->assemblies; a; a = a->next)
                if (digest_equal(&a->work->key, key))
                        return a;
        return NULL;
}

static void await(Container *c, const Digest *key, const char *what) {
        c->awaits_work = true;
        c->awaited = *key;
        set_progress(c, what);
}

/* *work is taken. Nothing is begun where too much runs already: the container is asked again when something ends. */
static int begin(Container *c, const PolicyLoader *loader, PolicyWork **work) {
        _cleanup_(assembly_freep) Assembly *a = NULL;
        Manager *m = c->manager;
        int r;

        if (find(m, &(*work)->key) || m->n_assemblies >= ASSEMBLIES_MAX) {
                await(c, &(*work)->key, (*work)->what);
                return 0;
        }
        a = malloc(sizeof(*a));
        if (!a)
                return -ENOMEM;
        *a = (Assembly){ .manager = m,
                         .loader = loader,
                         .work = TAKE_PTR(*work),
                         .set = policy_set_ref(c->policies),
                         .name = strdup(c->name),
                         .errors = -EBADF,
                         .progress = -EBADF };
        if (!a->name)
                return -ENOMEM;
        r = spawn(a);
        if (r < 0)
                return r;
        await(c, &a->work->key, a->work->what);
        log_message(&m->config.log, LOG_DEBUG, "%s: %s", c->name, a->work->what);
        a->next = m->assemblies;
        m->assemblies = TAKE_PTR(a);
        m->n_assemblies++;
        return 0;
}

/* *ret_waits: something runs that the container has to wait for. */
static int assemble_next(Container *c, Diag *diag, bool *ret_waits) {
        int r;

        *ret_waits = false;
        r = container_compile(c, diag);
        if (r < 0)
                return r;
        for (size_t i = 0; i < policy_loaders_count(); i++) {
                _cleanup_(policy_work_freep) PolicyWork *work = NULL;
                const PolicyClient client = client_of(c);

                if (!policy_loaders[i]->used(c->loaded))
                        continue;
                r = policy_loaders[i]->work(c->manager->policies, &client, diag, &work);
                if (r >= 0 && work) {
                        *ret_waits = true;
                        r = begin(c, policy_loaders[i], &work);
                }
                if (r < 0 || *ret_waits)
                        return r;
        }
        return 0;
}

ContainerEvent container_refuse_start(Container *c, ContainerResult result, Diag *diag, int r) {
        if (diag->n_errors == 0)
                (void)diag_errno(diag, r == -ENOMEM || r == -EMFILE || r == -ENFILE ? ERROR_NO_MEMORY : ERROR_POLICY,
                                 NULL, NULL, -r, "cannot assemble the policies");
        container_begin_life(c);
        c->result = result;
        diag_keep(diag, &c->last_error);
        container_save_end(c, CONTAINER_FAILED);
        return EVENT_NOT_ASSEMBLED;
}

ContainerEvent action_assemble(Container *c) {
        _cleanup_(diag_done) Diag diag = {};
        bool waits;
        int r;

        c->awaits_work = false;
        r = assemble_next(c, &diag, &waits);
        if (r >= 0 && waits)
                return _CONTAINER_EVENT_NONE;
        free(TAKE_PTR(c->progress));
        if (r < 0)
                return container_refuse_start(c, RESULT_POLICY, &diag, r);
        r = machine_prepare(c, &diag, &waits);
        if (r < 0)
                return container_refuse_start(c, RESULT_RESOURCES, &diag, r);
        return waits ? _CONTAINER_EVENT_NONE : EVENT_ASSEMBLED;
}

/* --- and what comes back */

static int on_progress(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Assembly *a = userdata;
        char line[PROGRESS_MAX + 1];
        ssize_t n;

        n = read(fd, line, PROGRESS_MAX);
        if (n <= 0) {
                if (n == 0 || (errno != EAGAIN && errno != EINTR))
                        a->progress_source = sd_event_source_disable_unref(a->progress_source);
                return 0;
        }
        while (n > 0 && line[n - 1] == '\n')
                n--;
        line[n] = 0;
        if (strrchr(line, '\n')) /* the newest one counts */
                memmove(line, strrchr(line, '\n') + 1, strlen(strrchr(line, '\n')));
        if (!*line)
                return 0;
        for (size_t i = 0; i < a->manager->n_sorted; i++) {
                Container *c = a->manager->sorted[i];

                if (c->state == CONTAINER_ASSEMBLING && c->awaits_work && digest_equal(&c->awaited, &a->work->key))
                        set_progress(c, line);
        }
        return 0;
}

static void unlink_assembly(Assembly *a) {
        Assembly **at = &a->manager->assemblies;

        while (*at != a)
                at = &(*at)->next;
        *at = a->next;
        a->manager->n_assemblies--;
}

/* Those who waited for this one go on or fail; those who only waited for a place are asked again. */
static void wake(Manager *m, const Digest *key, int error, const Diag *diag) {
        for (size_t i = 0; i < m->n_sorted; i++) {
                Container *c = m->sorted[i];
                _cleanup_(diag_done) Diag own = {};
                ContainerEvent e;

                if (c->state != CONTAINER_ASSEMBLING || !c->awaits_work)
                        continue;
                if (error < 0 && digest_equal(&c->awaited, key)) {
                        for (size_t k = 0; k < diag->n_entries; k++)
                                if (diag->entries[k].level != DIAG_WARNING)
                                        (void)diag_error(&own, diag->entries[k].code,
                                                         &(Origin){ diag->entries[k].file, diag->entries[k].line },
                                                         diag->entries[k].directive, "%s", diag->entries[k].text);
                        c->awaits_work = false;
                        e = container_refuse_start(c, RESULT_POLICY, &own, error);
                } else
                        e = action_assemble(c);
                if (e != _CONTAINER_EVENT_NONE)
                        (void)container_event(c, e);
        }
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        _cleanup_(assembly_freep) Assembly *a = userdata;
        _cleanup_free_ char *errors = read_errors(a->errors);
        _cleanup_(diag_done) Diag diag = {};
        /* as wait(2) tells it */
        const int status = si->si_code == CLD_EXITED ? (si->si_status & 0xff) << 8 : si->si_status & 0x7f;
        const PolicyClient client = { .name = a->name, .set = a->set };
        Manager *m = a->manager;
        Digest key = a->work->key;
        int r;

        unlink_assembly(a);
        r = a->loader->finish(m->policies, &client, a->work, status, strempty(errors), &diag);
        if (r < 0 && diag.n_errors == 0)
                (void)diag_errno(&diag, ERROR_POLICY, NULL, NULL, -r, "%s failed%s%s", a->work->what,
                                 isempty(errors) ? "" : ": ", strempty(errors));
        wake(m, &key, r, &diag);
        return 0;
}

/* The programs run on to their end; what they made is made once more when it is needed. */
void assemblies_free(Manager *m) {
        while (m->assemblies) {
                Assembly *a = m->assemblies;

                m->assemblies = a->next;
                (void)assembly_free(a);
        }
        m->n_assemblies = 0;
}
