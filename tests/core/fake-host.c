/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "manager/base/io.h"
#include "manager/images/image-store.h"
#include "manager/record/exit-record.h"
#include "tests/core/fake-host.h"
#include "tests/core/wrapped.h"

#define PARTS_MAX 32

static FakeHost *host;

/* --- what happens, in words */

static void note(const char *format, ...) _printf_(1, 2);

static FakeContainer *known(const char *name) {
        size_t n = strcspn(name, "/");
        FakeContainer *f;

        for (size_t i = 0; i < host->n_containers; i++)
                if (strlen(host->containers[i].name) == n && memcmp(host->containers[i].name, name, n) == 0)
                        return host->containers + i;
        if (host->n_containers == ELEMENTSOF(host->containers) || n >= sizeof(f->name))
                abort();
        f = host->containers + host->n_containers++;
        *f = (FakeContainer){ .seen = CONTAINER_INACTIVE };
        memcpy(f->name, name, n);
        return f;
}

void fake_note(const char *words);

void fake_violation(FakeHost *h, const char *format, ...) {
        va_list ap;

        if (h->violation)
                return;
        fake_note("VIOLATION");
        va_start(ap, format);
        if (vasprintf(&h->violation, format, ap) < 0)
                abort();
        va_end(ap);
}

static bool is_rest(ContainerState s) {
        return container_state_row(s)->recorded || s == CONTAINER_LISTENING;
}

/* A life comes to rest once. */
static void state_moved(FakeContainer *f, const Container *c) {
        if (c->state == CONTAINER_ASSEMBLING) {
                if (f->lives && !f->undone)
                        fake_violation(host, "%s: a life begins while the one before it stands", c->name);
                f->lives = false;
        }
        if (f->lives && is_rest(c->state) && !is_rest(f->seen))
                f->ends++;
        if (f->seen == CONTAINER_EXITED && c->state == CONTAINER_STOP)
                f->ends = 0; /* of what remained */
        f->seen = c->state;
        host->n_events++;
}

static void observe(void) {
        for (size_t i = 0; host->watched && i < host->manager->n_sorted; i++) {
                const Container *c = host->manager->sorted[i];
                FakeContainer *f = known(c->name);

                if (f->seen == c->state)
                        continue;
                state_moved(f, c);
                if (host->tracing && str_append(&host->trace, " %s%s>%s", host->manager->n_sorted > 1 ? c->name : "",
                                                host->manager->n_sorted > 1 ? ":" : "", container_state_to_string(c->state)) < 0)
                        abort();
        }
}

static void note(const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        observe();
        if (!host->tracing)
                return;
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0 || str_append(&host->trace, " %s", text) < 0)
                abort();
        va_end(ap);
}

Transition __wrap_container_transition(ContainerState state, ContainerEvent event) {
        observe();
        return __real_container_transition(state, event);
}

/* --- the parts of a life */

extern const LifePart *const __real_life_parts[];
extern const LifePart *__wrap_life_parts[PARTS_MAX];
const LifePart *__wrap_life_parts[PARTS_MAX];

size_t __wrap_life_parts_count(void) {
        return __real_life_parts_count();
}

static int part_prepare(size_t i, Container *c, Launch *launch, Diag *diag) {
        const LifePart *p = __real_life_parts[i];
        FakeContainer *f = known(c->name);

        if (i == 0) {
                if (f->lives && !f->undone)
                        fake_violation(host, "%s: a life is prepared while the one before it stands", c->name);
                f->lives = true;
                f->undone = false;
                f->ends = 0;
                host->n_lives++;
        }
        return p->prepare ? p->prepare(c, launch, diag) : 0;
}

static void part_undo(size_t i, Container *c) {
        const LifePart *p = __real_life_parts[i];

        if (host->n_undone < ELEMENTSOF(host->undone))
                host->undone[host->n_undone++] = i;
        if (p->undo && host->without_undo != i + 1)
                p->undo(c);
}

#define THUNKS(i)                                                                                             \
        static int prepare_##i(Container *c, Launch *l, Diag *d) {                                            \
                return part_prepare(i, c, l, d);                                                              \
        }                                                                                                     \
        static void undo_##i(Container *c) {                                                                  \
                part_undo(i, c);                                                                              \
        }
THUNKS(0) THUNKS(1) THUNKS(2) THUNKS(3) THUNKS(4) THUNKS(5) THUNKS(6) THUNKS(7) THUNKS(8) THUNKS(9) THUNKS(10) THUNKS(11)
THUNKS(12) THUNKS(13) THUNKS(14) THUNKS(15) THUNKS(16) THUNKS(17) THUNKS(18) THUNKS(19) THUNKS(20) THUNKS(21) THUNKS(22) THUNKS(23)
#define THUNK(i) { prepare_##i, undo_##i }

static void parts_set_up(void) {
        static const struct {
                int (*prepare)(Container *c, Launch *l, Diag *d);
                void (*undo)(Container *c);
        } thunks[] = { THUNK(0), THUNK(1), THUNK(2), THUNK(3), THUNK(4), THUNK(5), THUNK(6), THUNK(7), THUNK(8), THUNK(9),
                       THUNK(10), THUNK(11), THUNK(12), THUNK(13), THUNK(14), THUNK(15), THUNK(16), THUNK(17), THUNK(18),
                       THUNK(19), THUNK(20), THUNK(21), THUNK(22), THUNK(23) };
        static LifePart rows[ELEMENTSOF(thunks)];

        if (__real_life_parts_count() > ELEMENTSOF(thunks))
                abort();
        for (size_t i = 0; i < __real_life_parts_count(); i++) {
                rows[i] = *__real_life_parts[i];
                if (i == 0 || rows[i].prepare)
                        rows[i].prepare = thunks[i].prepare;
                rows[i].undo = thunks[i].undo;
                __wrap_life_parts[i] = rows + i;
        }
}

size_t fake_parts_count(void) {
        return __real_life_parts_count();
}

const char *fake_part_name(size_t part) {
        return __real_life_parts[part]->name;
}

bool fake_part_has_undo(size_t part) {
        return __real_life_parts[part]->undo;
}

static bool is_there(const char *name) {
        _cleanup_free_ char *path = NULL;
        struct stat st;

        return str_append(&path, "%s/run/%s", host->directory, name) >= 0 && lstat(path, &st) >= 0;
}

/* Does a file of that container lie in a directory of the manager's? */
static bool has_file(int directory, const char *name) {
        int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = copy < 0 ? NULL : fdopendir(copy);
        bool found = false;

        for (const struct dirent *e; d && !found && (e = readdir(d));) {
                const char *colon = strchr(e->d_name, ':');

                found = colon && streq(colon + 1, name);
        }
        if (d)
                (void)closedir(d);
        return found;
}

static bool has_lease(const char *name) {
        _cleanup_free_ char *path = NULL;

        return str_append(&path, "%s/state/images/leases/%s", host->directory, name) >= 0 && access(path, F_OK) >= 0;
}

/* Nothing of the life may be left. */
static void check_undone(const Container *c, const FakeContainer *f) {
        const ContainerSpec *s = c->spec;
        bool others = false;

        if (f->group.exists)
                fake_violation(host, "%s: its control group is left", c->name);
        if (f->policy)
                fake_violation(host, "%s: its policy is left in the kernel", c->name);
        if (host->watched && has_file(host->manager->names_fd, c->name)) /* else the sweep is still to come */
                fake_violation(host, "%s: its names are left", c->name);
        if (host->watched && has_lease(c->name))
                fake_violation(host, "%s: its image is kept", c->name);
        if (s && s->file_descriptor_store_preserve == STORE_PRESERVE_NO && c->store.n > 0)
                fake_violation(host, "%s: its store is left", c->name);
        for (size_t i = 0; s && i < s->runtime_directory.n; i++)
                if (s->runtime_directory_preserve == STORE_PRESERVE_NO && is_there(s->runtime_directory.items[i].name))
                        fake_violation(host, "%s: its runtime directory is left", c->name);
        for (size_t i = 0; i < host->manager->n_sorted; i++)
                others |= host->manager->sorted[i] != c && host->manager->sorted[i]->network.held;
        if (host->watched && s && container_spec_has_network(s) && host->n_links > 0 && !others)
                fake_violation(host, "%s: its link is left", c->name);
}

void __wrap_life_parts_undo(Container *c) {
        const size_t begun = c->parts_begun;
        FakeContainer *f = known(c->name);

        host->n_undone = 0;
        __real_life_parts_undo(c);
        if (host->n_undone != begun)
                fake_violation(host, "%s: %zu parts were begun, %zu undone", c->name, begun, host->n_undone);
        for (size_t i = 0; i < host->n_undone; i++)
                if (host->undone[i] != begun - 1 - i)
                        fake_violation(host, "%s: part %zu was undone out of order", c->name, host->undone[i]);
        if (begun > 0 && f->undone)
                fake_violation(host, "%s: its life was undone twice", c->name);
        f->undone = true;
        check_undone(c, f);
        note("undo");
}

/* --- control groups */

static FakeContainer *of_fd(int fd) {
        return fd >= 0 && (size_t)fd < ELEMENTSOF(host->group_of_fd) && host->group_of_fd[fd] > 0 ?
                       host->containers + host->group_of_fd[fd] - 1 : NULL;
}

static int group_fd(const FakeContainer *f) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (fd < 0 || (size_t)fd >= ELEMENTSOF(host->group_of_fd))
                abort();
        host->group_of_fd[fd] = (int)(f - host->containers) + 1;
        return fd;
}

int __wrap_cgroup_root_open(const char *path, bool enable_above, pid_t keeper, Diag *diag, CgroupRoot *ret) {
        *ret = CGROUP_ROOT_EMPTY;
        ret->path = strdup("/fake");
        return ret->path ? 0 : -ENOMEM;
}

int __wrap_cgroup_root_take_keeper(const CgroupRoot *r, pid_t pid) {
        return 0;
}

void __wrap_cgroup_root_remove(const CgroupRoot *r) {
}

int __wrap_cgroup_limits_check(const CgroupRoot *r, const CgroupLimit *limits, size_t n, Diag *diag) {
        return 0;
}

int __wrap_cgroup_create(const CgroupRoot *root, const char *name, const CgroupLimit *limits, size_t n, const CgroupOwner *owner,
                         Diag *diag, Cgroup *ret) {
        FakeContainer *f = known(name);

        if (f->group.populated)
                return -EBUSY;
        f->group = (FakeGroup){ .exists = true };
        *ret = (Cgroup){ .fd = group_fd(f), .payload_fd = group_fd(f) };
        note("+cgroup");
        return 0;
}

int __wrap_cgroup_open(const CgroupRoot *root, const char *name, Cgroup *ret) {
        FakeContainer *f = known(name);

        if (!f->group.exists)
                return -ENOENT;
        *ret = (Cgroup){ .fd = group_fd(f), .payload_fd = group_fd(f) };
        return 0;
}

int __wrap_cgroup_renew(const CgroupRoot *root, Cgroup *c, const CgroupOwner *owner) {
        return of_fd(c->fd) && of_fd(c->fd)->group.populated ? -EBUSY : 0;
}

int __wrap_cgroup_open_beside(const Cgroup *c, const char *path, pid_t leader, int *ret) {
        *ret = group_fd(of_fd(c->fd));
        return 0;
}

int __wrap_cgroup_apply(const CgroupRoot *root, const Cgroup *c, const CgroupLimit *limits, size_t n, Diag *diag) {
        return 0;
}

int __wrap_cgroup_events(int fd, CgroupEvents *ret) {
        const FakeContainer *f = of_fd(fd);

        if (!f || !f->group.exists)
                return -ENODEV;
        *ret = (CgroupEvents){ .populated = f->group.populated, .frozen = f->group.frozen };
        return 0;
}

/* A manager that begins waits for what no life has. */
static bool is_swept(const FakeContainer *f) {
        const Container *c = host->watched ? NULL : manager_find(host->manager, f->name);

        return !host->watched && (!c || c->cgroup.fd < 0);
}

/* Who is in it ends; that its leader has is told by the keeper. */
int __wrap_cgroup_kill(int fd) {
        FakeContainer *f = of_fd(fd);

        if (f && f->group.populated)
                note("cgroup.kill");
        if (f && is_swept(f))
                f->group.populated = false;
        return 0;
}

int __wrap_cgroup_freeze(int fd, bool freeze) {
        FakeContainer *f = of_fd(fd);

        if (f && f->group.frozen != freeze) {
                f->group.frozen = freeze;
                note("%s", freeze ? "freeze" : "thaw");
        }
        return 0;
}

uint64_t __wrap_cgroup_number(int fd, const char *file, const char *key) {
        const FakeContainer *f = of_fd(fd);

        return f && f->group.exists && streq_ptr(key, "oom_kill") ? f->group.oom_kills : UINT64_MAX;
}

int __wrap_cgroup_processes(int fd, pid_t **ret, size_t *ret_n) {
        const FakeContainer *f = of_fd(fd);
        pid_t *pids = malloc(FAKE_LAUNCHES_MAX * sizeof(*pids));
        size_t n = 0;

        if (!pids)
                return -ENOMEM;
        for (size_t i = 0; f && i < FAKE_LAUNCHES_MAX; i++)
                if (host->launches[i].used && host->launches[i].state == KEEPER_RUNNING && known(host->launches[i].id) == f)
                        pids[n++] = host->launches[i].pid;
        *ret = pids;
        *ret_n = n;
        return 0;
}

int __wrap_cgroup_remove(const CgroupRoot *root, const char *name) {
        FakeContainer *f = known(name);

        if (!f->group.exists)
                return -ENOENT;
        if (f->group.populated)
                return -EBUSY;
        f->group = (FakeGroup){};
        note("-cgroup");
        return 0;
}

int __wrap_cgroup_names(const CgroupRoot *root, char ***ret) {
        *ret = NULL;
        for (size_t i = 0; i < host->n_containers; i++)
                if (host->containers[i].group.exists && strv_extend(ret, host->containers[i].name) < 0)
                        return -ENOMEM;
        return 0;
}

int __wrap_cgroup_path_of_process(pid_t pid, char **ret) {
        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++)
                if (host->launches[i].used && host->launches[i].pid == pid)
                        return str_append(ret, "/fake/containers/%s/payload", known(host->launches[i].id)->name);
        return -ESRCH;
}

int __wrap_cgroup_watch_open(Manager *m) {
        return 0;
}

void __wrap_cgroup_watch_add(Container *c) {
        c->watch = 1;
}

void __wrap_cgroup_watch_remove(Container *c) {
        c->watch = -1;
}

/* --- processes */

int __wrap_pidfd_open_checked(pid_t pid, int *ret_fd) {
        int fd = -EBADF;

        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++)
                if (host->launches[i].used && host->launches[i].pid == pid && host->launches[i].state == KEEPER_RUNNING)
                        fd = host->launches[i].pidfd;
        if (fd < 0)
                return -ESRCH;
        *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return *ret_fd < 0 ? -errno : 0;
}

int __wrap_pidfd_signal(int pidfd, int signal) {
        if (pidfd < 0)
                return -EBADF;
        if (signal > 0)
                note("%s", signal_to_string(signal));
        return 0;
}

int __wrap_pidfd_signal_awake(int pidfd, int signal) {
        return __wrap_pidfd_signal(pidfd, signal);
}

/* --- what is on disk */

static int directory_of(int fd) {
        return fd == host->manager->records_fd ? 0 : fd == host->manager->lives_fd ? 1 : -1;
}

static FakeRecord *record_find(int directory, const char *name) {
        for (size_t i = 0; i < host->n_records; i++)
                if (host->records[i].directory == directory && streq(host->records[i].name, name))
                        return host->records + i;
        return NULL;
}

static void note_record(int directory, const void *data, size_t size) {
        _cleanup_(exit_record_done) ExitRecord r = {};

        if (!host->tracing || directory != 0)
                return;
        if (exit_record_decode(data, size, &r) < 0)
                fake_violation(host, "a record that cannot be read was written");
        else
                note("record:%s/%s", container_state_to_string(r.state), container_result_to_string(r.result));
}

int __wrap_record_save(int dir_fd, const char *name, const void *data, size_t size) {
        int directory = directory_of(dir_fd);
        FakeRecord *r = record_find(directory, name);
        void *copy = malloc(size);

        if (!copy || (!r && host->n_records == ELEMENTSOF(host->records)) || strlen(name) >= sizeof(r->name))
                abort();
        if (!r) {
                r = host->records + host->n_records++;
                *r = (FakeRecord){ .directory = directory };
                memcpy(r->name, name, strlen(name) + 1);
        }
        free(r->data);
        memcpy(copy, data, size);
        r->data = copy;
        r->size = size;
        note_record(directory, data, size);
        return 0;
}

void __wrap_record_remove(int dir_fd, const char *name) {
        FakeRecord *r = record_find(directory_of(dir_fd), name);

        if (!r)
                return;
        free(r->data);
        *r = host->records[--host->n_records];
}

int __wrap_records_load(int dir_fd, RecordLoader load, void *userdata, size_t *ret_damaged) {
        int directory = directory_of(dir_fd);

        for (size_t i = host->n_records; i > 0; i--) /* what is loaded may be removed */
                if (i <= host->n_records && host->records[i - 1].directory == directory &&
                    load(host->records[i - 1].data, host->records[i - 1].size, userdata) < 0)
                        fake_violation(host, "%s: its record is not understood", host->records[i - 1].name);
        return 0;
}

int __wrap_id_ranges_load(int dir_fd, const char *file, Diag *diag, IdRanges *ret) {
        *ret = (IdRanges){};
        return 0;
}

int __wrap_id_ranges_save(const IdRanges *r, int dir_fd, const char *file) {
        return 0;
}

int __wrap_life_log_new(Manager *m, LifeLog **ret) {
        *ret = NULL;
        return 0;
}

void __wrap_life_log_open(LifeLog *l) {
}

LifeLog *__wrap_life_log_free(LifeLog *l) {
        return NULL;
}

/* --- policies */

int __wrap_mac_open(Manager *m) {
        return 0;
}

int __wrap_mac_load(Container *c, Diag *diag) {
        known(c->name)->policy = true;
        note("+policy");
        return 0;
}

void __wrap_mac_release(Container *c) {
        FakeContainer *f = known(c->name);

        if (f->group.populated)
                fake_violation(host, "%s: its policy is released under a process", c->name);
        if (f->policy)
                note("-policy");
        f->policy = false;
}

void __wrap_mac_adopt(Container *c) {
}

void __wrap_mac_forget(Container *c) {
}

void __wrap_mac_sweep(Manager *m) {
        for (size_t i = 0; i < m->n_sorted; i++)
                if (is_rest(m->sorted[i]->state))
                        known(m->sorted[i]->name)->policy = false;
}

int __wrap_mac_give(const Container *c, int fd, const char *path, Diag *diag) {
        return 0;
}

void __wrap_mac_verify_start(Container *c) {
        c->verified = true;
}

void __wrap_mac_verify(Container *c) {
}

void __wrap_mac_session_settled(Container *c) {
}

bool __wrap_mac_verify_session(Container *c, int leader_fd, pid_t leader, Diag *diag) {
        return true;
}

/* Filters take long to compile, and none of them matters here: all have those of the first unit. */
int __wrap_policy_compile(const ContainerSpec *spec, int cache_fd, Diag *diag, const PolicySet **ret) {
        static const PolicySet *first;
        int r = first ? 0 : __real_policy_compile(spec, -EBADF, diag, &first);

        if (r >= 0)
                *ret = policy_set_ref(first);
        return r;
}

/* --- trees, streams, messages, sockets */

int __wrap_slots_open_trees(const PlanView *plan, const PathTrees *trees, Diag *diag, SlotSet *set) {
        return 0;
}

int __wrap_held_path_open(const char *path, const PathTrees *trees, unsigned flags, HeldPath *ret) {
        _cleanup_free_ char *ours = NULL;

        if (startswith(path, "/run") && str_append(&ours, "%s%s", host->directory, path) < 0)
                return -ENOMEM;
        return __real_held_path_open(ours ? ours : path, trees, flags, ret);
}

/* A tree of a file is the file: to clone one takes privileges. */
long __wrap_syscall(long number, ...) {
        long a[6];
        va_list ap;

        va_start(ap, number);
        for (size_t i = 0; i < ELEMENTSOF(a); i++)
                a[i] = va_arg(ap, long);
        va_end(ap);
        if (number == SYS_open_tree)
                return open("/dev/null", O_RDWR | O_CLOEXEC);
        if (number == SYS_mount_setattr)
                return 0;
        return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __wrap_fchown(int fd, uid_t uid, gid_t gid) {
        return 0;
}

struct LogStream {
        int fd;
        bool drained;
};

static int stream_new(Container *c, int fd) {
        LogStream *s = malloc(sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = (LogStream){ .fd = fd >= 0 ? fd : open("/dev/null", O_RDWR | O_CLOEXEC) };
        c->streams[c->n_streams++] = s;
        return 0;
}

int __wrap_outputs_open(Container *c, const PlanView *plan, Launch *launch, Diag *diag) {
        return stream_new(c, -EBADF);
}

int __wrap_outputs_reopen(Container *c, const PlanView *plan, Launch *launch) {
        return 0;
}

int __wrap_outputs_open_again(Container *c, int ret[static 3]) {
        for (size_t i = 0; i < 3; i++)
                ret[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
        return 0;
}

int __wrap_outputs_adopt(Container *c, const ContainerSpec *spec, LogSource from, LogSink sink, LogOrigin origin, int fd, int file_fd) {
        (void)safe_close(file_fd);
        return stream_new(c, fd);
}

void __wrap_log_stream_drain(LogStream *s) {
        if (!s->drained)
                note("drain");
        s->drained = true;
}

LogStream *__wrap_log_stream_free(LogStream *s) {
        if (!s)
                return NULL;
        if (host->manager && !s->drained)
                fake_violation(host, "a stream is closed before it was read to its end");
        (void)safe_close(s->fd);
        free(s);
        return NULL;
}

int __wrap_log_stream_fd(const LogStream *s) {
        return s->fd;
}

int __wrap_log_stream_file(const LogStream *s) {
        return -EBADF;
}

LogSource __wrap_log_stream_source(const LogStream *s) {
        return LOG_SOURCE_PIPE;
}

LogSink __wrap_log_stream_sink(const LogStream *s) {
        return LOG_SINK_LINES;
}

LogOrigin __wrap_log_stream_origin(const LogStream *s) {
        return 0;
}

int __wrap_log_socket_open(Container *c, const PlanView *plan, SlotSet *slots, Diag *diag) {
        return 0;
}

void __wrap_log_sockets_sweep(Manager *m) {
}

int __wrap_message_socket_new(const Container *c, int directory, bool credentials, int *ret) {
        *ret = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return *ret < 0 ? -errno : 0;
}

int __wrap_message_socket_mount(int directory, const char *name, int *ret) {
        *ret = open("/dev/null", O_RDWR | O_CLOEXEC);
        return *ret < 0 ? -errno : 0;
}

void __wrap_message_sockets_sweep(Manager *m, int directory, bool (*is_used)(Manager *m, const char *name)) {
}

int __wrap_socket_bind(const ContainerSpec *spec, const SpecSocket *s, const PathTrees *trees, Diag *diag, int *ret, uint64_t *ret_inode) {
        FakeContainer *f = known(spec->name);
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        if (fd < 0)
                abort();
        while (f->n_sockets > 0 && f->n_sockets == ELEMENTSOF(f->sockets))
                (void)safe_close(f->sockets[--f->n_sockets]);
        f->sockets[f->n_sockets++] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        *ret = fd;
        *ret_inode = 1;
        note("+socket");
        return 0;
}

void __wrap_socket_remove(const char *path, const PathTrees *trees, uint64_t inode) {
        note("-socket");
}

CloseApart *__wrap_close_apart_unref(CloseApart *a) {
        return NULL;
}

void __wrap_close_apart(CloseApart **a, const int *fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void)safe_close(fds[i]);
}

/* --- links */

static size_t link_index(const char *name) {
        for (size_t i = 0; i < host->n_links; i++)
                if (streq(host->links[i], name))
                        return i;
        return host->n_links;
}

int __wrap_netlink_open(int protocol, Netlink **ret) {
        *ret = NULL;
        return 0;
}

/* What has no table here is done, and there is none of it. */
int __wrap_netlink_call(Netlink *n, NetlinkMessage *m, NetlinkError *reterr) {
        return 0;
}

int __wrap_netlink_call_batch(Netlink *n, NetlinkMessage *m, NetlinkError *reterr) {
        return 0;
}

int __wrap_netlink_dump(Netlink *n, NetlinkMessage *m, int (*each)(const struct nlmsghdr *m, void *userdata), void *userdata) {
        return 0;
}

int __wrap_netlink_open_in(int namespace_fd, int protocol, Netlink **ret) {
        *ret = NULL;
        return 0;
}

int __wrap_netlink_fd(const Netlink *n) {
        return -EBADF;
}

int __wrap_netlink_subscribe(Netlink *n, unsigned group) {
        return 0;
}

int __wrap_netlink_receive(Netlink *n, int (*each)(const struct nlmsghdr *m, void *userdata), void *userdata) {
        return -EAGAIN;
}

Netlink *__wrap_netlink_free(Netlink *n) {
        return NULL;
}

int __wrap_link_find(Netlink *n, const char *name, Link *ret) {
        size_t i = link_index(name);

        if (i == host->n_links)
                return -ENODEV;
        *ret = (Link){ .index = (int)i + 1, .kind = "bridge", .group = network_group(host->manager->config.runtime_directory) };
        return 0;
}

int __wrap_links_list(Netlink *n, Link **ret, size_t *ret_n) {
        Link *links = calloc(host->n_links + 1, sizeof(*links));

        if (!links)
                return -ENOMEM;
        for (size_t i = 0; i < host->n_links; i++) {
                links[i] = (Link){ .index = (int)i + 1, .group = network_group(host->manager->config.runtime_directory) };
                memcpy(links[i].name, host->links[i], sizeof(links[i].name));
        }
        *ret = links;
        *ret_n = host->n_links;
        return 0;
}

int __wrap_link_make_bridge(Netlink *n, const char *name, uint32_t group, const uint8_t mac[static MAC_SIZE], NetlinkError *reterr) {
        if (host->n_links == ELEMENTSOF(host->links))
                return -ENOSPC;
        (void)snprintf(host->links[host->n_links++], sizeof(host->links[0]), "%s", name);
        note("+link");
        return 0;
}

int __wrap_link_set_up(Netlink *n, int index, int master, const char *alias, NetlinkError *reterr) {
        return 0;
}

int __wrap_link_add_address(Netlink *n, int index, const IpPrefix *address, NetlinkError *reterr) {
        return 0;
}

int __wrap_link_delete(Netlink *n, int index) {
        host->n_links--;
        memmove(host->links[index - 1], host->links[index], (host->n_links - (size_t)index + 1) * sizeof(host->links[0]));
        note("-link");
        return 0;
}

int __wrap_routes_list(Netlink *n, IpPrefix **ret, size_t *ret_n) {
        *ret = NULL;
        *ret_n = 0;
        return 0;
}

/* --- the host and its manager */

static void on_changed(Container *c, void *userdata) {
        const char *active = container_active_state(c);

        observe();
        if (!streq(active, "active"))
                return;
        if (c->state == CONTAINER_LISTENING && c->sockets.n == 0)
                fake_violation(host, "%s: it is said to listen, and does not", c->name);
        if (c->state != CONTAINER_RUNNING)
                return;
        if (c->watch < 0 || c->n_streams == 0)
                fake_violation(host, "%s: it is said to run, and is not watched", c->name);
        if (c->spec && container_type_waits(c->spec->type) && !c->notify.source)
                fake_violation(host, "%s: it is said to be ready, and is not heard", c->name);
}

static void on_job_new(uint32_t id, Container *c, void *userdata) {
        note("job:%s", job_type_to_string(c->job->type));
}

static void on_job_removed(uint32_t id, Container *c, const char *result, void *userdata) {
        (void)snprintf(host->last_result, sizeof(host->last_result), "%s", result);
        note("job-%s", result);
}

static const ManagerListener listener = { .container_changed = on_changed, .job_new = on_job_new, .job_removed = on_job_removed };

/* What went with an earlier manager before the keeper had it, or with its launch, is taken away by the sweep. */
static void lives_swept(FakeHost *h) {
        for (size_t i = 0; i < h->manager->n_sorted; i++) {
                const Container *c = h->manager->sorted[i];
                FakeContainer *f = known(c->name);

                if (!f->lives || !is_rest(c->state))
                        continue;
                if (!f->undone)
                        f->ends = is_rest(f->seen) ? f->ends : 0;
                f->undone = true;
                check_undone(c, f);
        }
}

void fake_manager_new(FakeHost *h) {
        _cleanup_free_ char *units = NULL, *runtime = NULL, *state = NULL, *file = NULL;
        _cleanup_(diag_done) Diag diag = {};
        char *path[] = { NULL, NULL };
        int r;

        if (str_append(&units, "%s/units", h->directory) < 0 || str_append(&runtime, "%s/runtime", h->directory) < 0 ||
            str_append(&state, "%s/state", h->directory) < 0 || str_append(&file, "%s/bulwarkd.conf", h->directory) < 0)
                abort();
        path[0] = units;
        h->loop = fake_loop_new();
        r = manager_new(&(ManagerConfig){ .unit_path = path,
                                          .config_file = file,
                                          .runtime_directory = runtime,
                                          .state_directory = state,
                                          .cgroup = (char *)"/fake",
                                          .log = { .max_priority = -1 } },
                        fake_loop_event(h->loop), &diag, &h->manager);
        if (r >= 0)
                r = manager_listen(h->manager, &listener, h);
        if (r >= 0)
                r = manager_start(h->manager, &diag);
        if (r < 0) {
                _cleanup_free_ char *text = diag_to_string(&diag, false);

                (void)fprintf(stderr, "the manager does not start: %s (%s)\n", strempty(text), strerror(-r));
                abort();
        }
        h->watched = true;
        lives_swept(h);
        fake_loop_run(h->loop);
        observe();
}

void fake_manager_free(FakeHost *h) {
        Manager *m = h->manager;

        observe();
        h->manager = NULL;
        h->watched = false;
        h->reply_source = NULL;
        h->n_replies = 0;
        h->client = NULL;
        (void)manager_free(m);
        h->loop = fake_loop_free(h->loop);
}

Container *fake_container(FakeHost *h, const char *name) {
        _cleanup_(diag_done) Diag diag = {};
        Container *c;

        return manager_get(h->manager, name, &diag, &c) < 0 ? NULL : c;
}

static void write_file(const char *directory, const char *name, const char *text) {
        _cleanup_free_ char *path = NULL;
        FILE *f;

        if (str_append(&path, "%s/%s", directory, name) < 0)
                abort();
        f = fopen(path, "we");
        if (!f || fputs(text, f) == EOF || fclose(f) == EOF)
                abort();
}

/* One image, of one layer with nothing in it. */
static void make_store(void) {
        static const char *const directories[] = { "", "/refs", "/images", "/layers" };
        ImageRecord record = {};
        ImageLayer layer = { .kind = LAYER_DIFF };
        _cleanup_free_ char *text = NULL, *path = NULL, *tree = NULL, *name = NULL;
        char hex[DIGEST_HEX_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_free_ char *directory = NULL;

                if (str_append(&directory, "%s/state/images%s", host->directory, directories[i]) < 0 || mkdir(directory, 0700) < 0)
                        abort();
        }
        layer_id(LAYER_DIFF, &layer.diff_id, layer.id);
        digest_to_hex(&record.manifest, hex);
        if (image_record_add_layer(&record, &layer) < 0 || image_record_print(&record, &text) < 0 ||
            str_append(&path, "%s/state/images", host->directory) < 0 || str_append(&name, "images/%s", hex) < 0)
                abort();
        write_file(path, name, text);
        write_file(path, "refs/sample:latest", hex);
        free(record.layers);
        if (str_append(&tree, "%s/layers/%s", path, layer.id) < 0 || mkdir(tree, 0700) < 0)
                abort();
        write_file(tree, "opaque", "");
        if (str_append(&tree, "/tree") < 0 || mkdir(tree, 0755) < 0)
                abort();
}

FakeHost *fake_host_new(const char *const *units) {
        static const char *const directories[] = { "units", "runtime", "state", "root", "run" };
        _cleanup_free_ char *below = NULL;
        char template[] = "/tmp/bulwark-core-XXXXXX";

        host = calloc(1, sizeof(*host));
        if (!host || !mkdtemp(template) || !(host->directory = strdup(template)))
                abort();
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_free_ char *path = NULL;

                if (str_append(&path, "%s/%s", host->directory, directories[i]) < 0 || mkdir(path, 0700) < 0)
                        abort();
        }
        write_file(host->directory, "bulwarkd.conf", "");
        make_store();
        if (str_append(&below, "%s/units", host->directory) < 0)
                abort();
        for (size_t i = 0; units[i]; i += 2) {
                _cleanup_free_ char *text = NULL, *name = NULL;

                if (str_append(&text, "%s\n", units[i + 1]) < 0 ||
                    (!strstr(units[i + 1], "Image=") && str_append(&text, "RootDirectory=%s/root\n", host->directory) < 0) ||
                    str_append(&text, "MandatoryAccessControl=no\n") < 0 || str_append(&name, "%s.container", units[i]) < 0)
                        abort();
                write_file(below, name, text);
        }
        parts_set_up();
        fake_clock_set(1000 * USEC_PER_SEC);
        fake_manager_new(host);
        return host;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

FakeHost *fake_host_free(FakeHost *h) {
        if (!h)
                return NULL;
        fake_manager_free(h);
        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++)
                if (h->launches[i].used) {
                        (void)safe_close(h->launches[i].pidfd);
                        (void)safe_close(h->launches[i].blob);
                        for (size_t k = 0; k < h->launches[i].n_held; k++)
                                (void)safe_close(h->launches[i].held[k]);
                }
        for (size_t i = 0; i < h->n_containers; i++)
                for (size_t k = 0; k < h->containers[i].n_sockets; k++)
                        (void)safe_close(h->containers[i].sockets[k]);
        for (size_t i = 0; i < h->n_records; i++)
                free(h->records[i].data);
        (void)nftw(h->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        free(h->directory);
        free(h->trace);
        free(h->violation);
        free(h);
        host = NULL;
        return NULL;
}

FakeHost *fake_host_current(void) {
        return host;
}

FakeContainer *fake_known(const char *name) {
        return known(name);
}

void fake_note(const char *words) {
        note("%s", words);
}

/* --- what has to hold */

static void check_timers(FakeHost *h, const Container *c) {
        const struct {
                const sd_event_source *source;
                unsigned timers;
                const char *name;
        } rows[] = {
                { c->life_timer, TIMER_START | TIMER_RUN, "of its life" },
                { c->stop_timer, TIMER_STOP, "of its stop" },
                { c->restart.timer, TIMER_RESTART, "of its restart" },
                { c->commands.reload_timer, TIMER_RELOAD, "of its reload" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (fake_source_is_armed(rows[i].source) && !(rows[i].timers & container_state_row(c->state)->timers))
                        fake_violation(h, "%s: the timer %s runs while it is %s", c->name, rows[i].name,
                                       container_state_to_string(c->state));
}

void fake_check(FakeHost *h) {
        observe();
        for (size_t i = 0; i < h->manager->n_sorted; i++) {
                const Container *c = h->manager->sorted[i];
                const FakeContainer *f = known(c->name);

                check_timers(h, c);
                if (!is_rest(c->state))
                        continue;
                if (c->leader_fd >= 0 || c->launch || c->n_streams > 0 || f->group.exists)
                        fake_violation(h, "%s: it is %s, and something of its life is left", c->name,
                                       container_state_to_string(c->state));
                if (f->lives && (!f->undone || f->ends != 1))
                        fake_violation(h, "%s: its life has had %u ends%s", c->name, f->ends, f->undone ? "" : ", and was not undone");
        }
}

void fake_check_rest(FakeHost *h) {
        fake_check(h);
        for (size_t i = 0; i < h->n_containers; i++)
                if (h->containers[i].group.exists || h->containers[i].policy ||
                    (h->containers[i].lives && !h->containers[i].undone))
                        fake_violation(h, "%s: something of it is left when all is down", h->containers[i].name);
        for (size_t i = 0; i < FAKE_LAUNCHES_MAX; i++)
                if (h->launches[i].used)
                        fake_violation(h, "%s: the keeper still has it when all is down", h->launches[i].id);
        if (h->n_links > 0)
                fake_violation(h, "a link is left when all is down");
}
