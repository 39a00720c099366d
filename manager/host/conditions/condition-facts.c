/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/host/conditions/condition-facts.h"
#include "units/values/text.h"

#define TEXT_MAX (256 * 1024)

/* NULL where there is none, which is an answer. */
static char *facts_text(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char *text = NULL;
        size_t n;

        return fd >= 0 && read_file(fd, TEXT_MAX, &text, &n) >= 0 ? text : NULL;
}

static bool facts_text_is(const char *path, const char *word) {
        _cleanup_free_ char *text = facts_text(path);

        return text && streq(text_strip(text), word);
}

static bool exists(const char *path) {
        return access(path, F_OK) == 0;
}

/* --- paths */

static bool directory_not_empty(const char *path) {
        DIR *d = opendir(path);
        bool found = false;

        for (const struct dirent *e = d ? readdir(d) : NULL; e && !found; e = readdir(d))
                found = !streq(e->d_name, ".") && !streq(e->d_name, "..");
        if (d)
                (void)closedir(d);
        return found;
}

static bool is_encrypted(const struct stat *st) {
        _cleanup_free_ char *uuid = NULL;
        char path[64];

        (void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/uuid", major(st->st_dev), minor(st->st_dev));
        uuid = facts_text(path);
        return uuid && startswith(uuid, "CRYPT-");
}

static int gather_path(const char *path, const HostFacts *host, ConditionFacts *f) {
        struct statx sx;
        struct stat st;

        f->symlink = lstat(path, &st) >= 0 && S_ISLNK(st.st_mode);
        if (stat(path, &st) < 0)
                return 0;
        f->exists = true;
        f->directory = S_ISDIR(st.st_mode);
        f->socket = S_ISSOCK(st.st_mode);
        f->writable = access(path, W_OK) == 0;
        f->not_empty = f->directory ? directory_not_empty(path) : S_ISREG(st.st_mode) && st.st_size > 0;
        f->executable = S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
        f->mount_point = statx(AT_FDCWD, path, 0, STATX_TYPE, &sx) >= 0 &&
                         (sx.stx_attributes_mask & sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
        f->encrypted = is_encrypted(&st);
        return 0;
}

static int gather_glob(const char *pattern, const HostFacts *host, ConditionFacts *f) {
        glob_t g = {};

        f->exists = glob(pattern, GLOB_NOSORT | GLOB_BRACE, NULL, &g) == 0 && g.gl_pathc > 0;
        globfree(&g);
        return 0;
}

/* As systemd-update-done(8) leaves it: a stamp of what /usr was like. */
static int gather_needs_update(const char *path, const HostFacts *host, ConditionFacts *f) {
        _cleanup_free_ char *stamp = NULL;
        struct stat usr, done;
        int r;

        r = gather_path(path, host, f);
        if (r >= 0)
                r = str_append(&stamp, "%s/.updated", path);
        if (r < 0)
                return r;
        if (stat("/usr", &usr) < 0)
                return -errno;
        f->flag = lstat(stamp, &done) < 0 || usr.st_mtim.tv_sec > done.st_mtim.tv_sec ||
                  (usr.st_mtim.tv_sec == done.st_mtim.tv_sec && usr.st_mtim.tv_nsec > done.st_mtim.tv_nsec);
        return 0;
}

/* --- the machine */

/* On mains unless every one that there is says no. */
static int gather_ac_power(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        static const char *const folder = "/sys/class/power_supply";
        DIR *d = opendir(folder);
        bool on = false, off = false;

        for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
                char path[PATH_MAX];

                if (e->d_name[0] == '.')
                        continue;
                (void)snprintf(path, sizeof(path), "%s/%s/type", folder, e->d_name);
                if (!facts_text_is(path, "Mains"))
                        continue;
                (void)snprintf(path, sizeof(path), "%s/%s/online", folder, e->d_name);
                *(facts_text_is(path, "1") ? &on : &off) = true;
        }
        if (d)
                (void)closedir(d);
        f->flag = on || !off;
        return 0;
}

static int keep_text(ConditionFacts *f, const char *text) {
        f->text = text ? strdup(text) : NULL;
        return text && !f->text ? -ENOMEM : 0;
}

static int gather_architecture(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        return keep_text(f, host->specifiers.architecture);
}

static int gather_cpu_feature(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->text = facts_text("/proc/cpuinfo");
        return 0;
}

static int gather_cpus(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) >= 0)
                n = CPU_COUNT(&set);
        f->number = n > 0 ? (uint64_t)n : 0;
        return n > 0 ? 0 : -ENODATA;
}

static int gather_memory(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->number = host->memory_total;
        return host->memory_total > 0 ? 0 : -ENODATA;
}

static int gather_cpu_pressure(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->text = facts_text("/proc/pressure/cpu");
        return 0;
}

static int gather_io_pressure(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->text = facts_text("/proc/pressure/io");
        return 0;
}

static int gather_memory_pressure(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->text = facts_text("/proc/pressure/memory");
        return 0;
}

/* uefi, device-tree, device-tree-compatible(WORD), smbios-field(NAME OPERATOR VALUE). */
static int gather_firmware(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        const char *tree = startswith(parameter, "device-tree-compatible("), *field = startswith(parameter, "smbios-field(");
        _cleanup_free_ char *inner = NULL, *text = NULL, *path = NULL;

        if (streq(parameter, "uefi") || streq(parameter, "device-tree")) {
                f->flag = exists(streq(parameter, "uefi") ? "/sys/firmware/efi" : "/sys/firmware/devicetree/base");
                return 0;
        }
        if ((!tree && !field) || !endswith(parameter, ")"))
                return -EINVAL;
        inner = strndup(tree ? tree : field, strlen(tree ? tree : field) - 1);
        if (!inner)
                return -ENOMEM;
        if (tree) {
                /* names one behind the other, each with its NUL */
                _cleanup_close_ int fd = open("/proc/device-tree/compatible", O_RDONLY | O_CLOEXEC);
                size_t n = 0;

                if (fd >= 0 && read_file(fd, TEXT_MAX, &text, &n) >= 0)
                        for (size_t i = 0; i < n && !f->flag; i += strlen(text + i) + 1)
                                f->flag = streq(text + i, inner);
                return 0;
        }
        const char *rest = inner + strcspn(inner, "<>=! \t");
        _cleanup_free_ char *name = strndup(inner, (size_t)(rest - inner));
        CompareOperator o = compare_operator_read(&rest);

        if (!name)
                return -ENOMEM;
        if (strchr(name, '/') || (o != COMPARE_EQUAL && o != COMPARE_UNEQUAL))
                return -EINVAL;
        if (str_append(&path, "/sys/class/dmi/id/%s", name) < 0)
                return -ENOMEM;
        text = facts_text(path);
        f->flag = text && (strcmp(text_strip(text), rest) == 0) == (o == COMPARE_EQUAL);
        return text ? 0 : -ENODATA;
}

/* --- the system */

static int gather_capability(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->number = host->capabilities;
        return 0;
}

static int gather_controllers(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->text = facts_text("/sys/fs/cgroup/cgroup.controllers");
        f->flag = f->text;
        if (!f->text)
                f->text = facts_text("/sys/fs/cgroup/unified/cgroup.controllers");
        return 0;
}

/* Those that the manager itself was given, and those of the system. */
static int gather_credential(const char *name, const HostFacts *host, ConditionFacts *f) {
        const char *folders[] = { getenv("CREDENTIALS_DIRECTORY"), "/run/credentials/@system", "/run/credentials/@encrypted" };

        for (size_t i = 0; i < ELEMENTSOF(folders) && !f->flag; i++) {
                _cleanup_free_ char *path = NULL;

                if (!folders[i])
                        continue;
                if (str_append(&path, "%s/%s", folders[i], name) < 0)
                        return -ENOMEM;
                f->flag = exists(path);
        }
        return 0;
}

static int gather_environment(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        for (char *const *e = environ; e && *e; e++)
                if (str_append(&f->text, "%s\n", *e) < 0)
                        return -ENOMEM;
        return 0;
}

static int gather_first_boot(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->flag = exists("/run/systemd/first-boot");
        return 0;
}

static int gather_user(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        const struct passwd *pw = getpwuid(geteuid());

        f->number = geteuid();
        return keep_text(f, pw ? pw->pw_name : NULL);
}

static int gather_group(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        gid_t groups[256] = { getegid() };
        int n = getgroups((int)ELEMENTSOF(groups) - 1, groups + 1);

        f->number = getegid();
        for (int i = 0; i <= n; i++) {
                const struct group *gr = getgrgid(groups[i]);

                if (str_append(&f->text, "%u %s ", (unsigned)groups[i], gr ? gr->gr_name : "") < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int gather_host(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        return str_append(&f->text, "%s\n%s", strempty(host->specifiers.host_name), strempty(host->specifiers.machine_id));
}

static int gather_command_line(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->text = facts_text("/proc/cmdline");
        return f->text ? 0 : -ENODATA;
}

static int gather_kernel_module(const char *name, const HostFacts *host, ConditionFacts *f) {
        _cleanup_free_ char *path = NULL, *state = NULL;

        if (str_append(&path, "/sys/module/%s", name) < 0)
                return -ENOMEM;
        if (!exists(path))
                return 0;
        if (str_append(&path, "/initstate") < 0)
                return -ENOMEM;
        state = facts_text(path); /* what is built in has none */
        f->flag = !state || streq(text_strip(state), "live");
        return 0;
}

static int gather_kernel_version(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        return keep_text(f, host->specifiers.kernel_release);
}

static int gather_os_release(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        f->text = facts_text("/etc/os-release");
        if (!f->text)
                f->text = facts_text("/usr/lib/os-release");
        return f->text ? 0 : -ENODATA;
}

static bool secure_boot(void) {
        _cleanup_close_ int fd = open("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", O_RDONLY | O_CLOEXEC);
        unsigned char value[5] = {};

        return fd >= 0 && read(fd, value, sizeof(value)) == (ssize_t)sizeof(value) && value[4] == 1;
}

static int gather_security(const char *word, const HostFacts *host, ConditionFacts *f) {
        const struct {
                const char *word;
                bool there;
        } rows[] = {
                { "apparmor", host->mac.apparmor },
                { "selinux", host->mac.selinux },
                { "smack", exists("/sys/fs/smackfs/version") },
                { "tomoyo", exists("/sys/kernel/security/tomoyo/version") },
                { "ima", exists("/sys/kernel/security/ima") },
                { "audit", exists("/proc/self/loginuid") },
                { "uefi-secureboot", secure_boot() },
                { "tpm2", exists("/sys/class/tpmrm/tpmrm0") },
                { "measured-uki", exists("/sys/firmware/efi/efivars/StubPcrKernelImage-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f") },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(rows[i].word, word)) {
                        f->flag = rows[i].there;
                        return 0;
                }
        return -EINVAL;
}

/* What the firmware says of the maker; a processor that says "hypervisor" and no more is some machine. */
static const char *machine_kind(void) {
        static const char *const files[] = { "/sys/class/dmi/id/product_name", "/sys/class/dmi/id/sys_vendor",
                                             "/sys/class/dmi/id/board_vendor", "/sys/class/dmi/id/bios_vendor" };
        static const struct {
                const char *maker, *kind;
        } rows[] = {
                { "KVM", "kvm" },          { "OpenStack", "kvm" },      { "KubeVirt", "kvm" },     { "Amazon EC2", "amazon" },
                { "QEMU", "qemu" },        { "VMware", "vmware" },      { "VMW", "vmware" },       { "innotek GmbH", "oracle" },
                { "VirtualBox", "oracle" }, { "Xen", "xen" },           { "Bochs", "bochs" },      { "Parallels", "parallels" },
                { "BHYVE", "bhyve" },      { "Hyper-V", "microsoft" },  { "Apple Virtualization", "apple" }, { "Google Compute Engine", "google" },
        };
        _cleanup_free_ char *cpu = NULL;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_free_ char *text = facts_text(files[i]);

                for (size_t k = 0; text && k < ELEMENTSOF(rows); k++)
                        if (startswith(text, rows[k].maker))
                                return rows[k].kind;
        }
        cpu = facts_text("/proc/cpuinfo");
        return cpu && strstr(cpu, " hypervisor") ? "vm-other" : NULL;
}

static int gather_virtualization(const char *parameter, const HostFacts *host, ConditionFacts *f) {
        _cleanup_free_ char *container = facts_text("/run/systemd/container"), *map = facts_text("/proc/self/uid_map");
        const char *kind = container && *text_strip(container) ? text_strip(container) : NULL;
        unsigned long inside = 0, outside = 0, count = 0;

        if (!kind && exists("/.dockerenv"))
                kind = "docker";
        if (!kind && exists("/run/.containerenv"))
                kind = "podman";
        f->number = kind ? 2 : 0;
        if (!kind) {
                kind = machine_kind();
                f->number = kind ? 1 : 0;
        }
        f->flag = map && (sscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3 || inside != outside || count != UINT32_MAX);
        return keep_text(f, kind ? kind : "none");
}

typedef int (*GatherOne)(const char *parameter, const HostFacts *host, ConditionFacts *f);

static const GatherOne gathers[_CONDITION_KIND_MAX] = {
        [CONDITION_ACPower] = gather_ac_power,
        [CONDITION_Architecture] = gather_architecture,
        [CONDITION_CPUFeature] = gather_cpu_feature,
        [CONDITION_CPUPressure] = gather_cpu_pressure,
        [CONDITION_CPUs] = gather_cpus,
        [CONDITION_Capability] = gather_capability,
        [CONDITION_ControlGroupController] = gather_controllers,
        [CONDITION_Credential] = gather_credential,
        [CONDITION_DirectoryNotEmpty] = gather_path,
        [CONDITION_Environment] = gather_environment,
        [CONDITION_FileIsExecutable] = gather_path,
        [CONDITION_FileNotEmpty] = gather_path,
        [CONDITION_Firmware] = gather_firmware,
        [CONDITION_FirstBoot] = gather_first_boot,
        [CONDITION_Group] = gather_group,
        [CONDITION_Host] = gather_host,
        [CONDITION_IOPressure] = gather_io_pressure,
        [CONDITION_KernelCommandLine] = gather_command_line,
        [CONDITION_KernelModuleLoaded] = gather_kernel_module,
        [CONDITION_KernelVersion] = gather_kernel_version,
        [CONDITION_Memory] = gather_memory,
        [CONDITION_MemoryPressure] = gather_memory_pressure,
        [CONDITION_NeedsUpdate] = gather_needs_update,
        [CONDITION_OSRelease] = gather_os_release,
        [CONDITION_PathExists] = gather_path,
        [CONDITION_PathExistsGlob] = gather_glob,
        [CONDITION_PathIsDirectory] = gather_path,
        [CONDITION_PathIsEncrypted] = gather_path,
        [CONDITION_PathIsMountPoint] = gather_path,
        [CONDITION_PathIsReadWrite] = gather_path,
        [CONDITION_PathIsSocket] = gather_path,
        [CONDITION_PathIsSymbolicLink] = gather_path,
        [CONDITION_Security] = gather_security,
        [CONDITION_User] = gather_user,
        [CONDITION_Virtualization] = gather_virtualization,
};

int condition_facts_gather(ConditionKind kind, const char *parameter, const HostFacts *host, ConditionFacts *ret) {
        return gathers[kind](parameter, host, ret);
}
