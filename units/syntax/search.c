/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "manager/base/string-list.h"
#include "units/spec/container-spec.h"
#include "units/syntax/search.h"
#include "units/syntax/unit-load.h"
#include "units/values/text.h"

static int join(const char *a, const char *b, const char *c, char **ret) {
        char *s = NULL;
        int r;

        r = str_append(&s, "%s%s%s", a, b, c);
        if (r < 0)
                return r;
        *ret = s;
        return 0;
}

/* "web@blue" -> "web@"; NULL where name is no instance or already the template. */
static int template_of(const char *name, char **ret) {
        const char *at = strchr(name, '@');
        char *template = NULL;

        if (at && at[1]) {
                template = strndup(name, (size_t)(at + 1 - name));
                if (!template)
                        return -ENOMEM;
        }
        *ret = template;
        return 0;
}

/* A directory that root alone may enter, as the manager's is while it runs: who reads as a user sees no unit there, and
 * bulwark-analyze says so. For root it is a mistake of the host. */
static bool is_shut_to_us(int error) {
        return error == EACCES && geteuid() != 0;
}

static int find_file(const char *name, char *const *search_path, char **ret_path) {
        for (char *const *d = search_path; d && *d; d++) {
                _cleanup_free_ char *folder = NULL, *path = NULL;
                struct stat st;
                int r;

                r = join(*d, "/", name, &folder);
                if (r < 0)
                        return r;
                r = join(folder, UNIT_SUFFIX, "", &path);
                if (r < 0)
                        return r;
                /* Whatever stands there decides, also a broken link: it must be told, not passed over. */
                if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                        *ret_path = TAKE_PTR(path);
                        return 0;
                }
                if (errno != ENOENT && errno != ENOTDIR && !is_shut_to_us(errno))
                        return -errno;
        }
        return -ENOENT;
}

int unit_find_fragment(const char *name, char *const *search_path, char **ret_path) {
        _cleanup_free_ char *template = NULL;
        int r;

        r = find_file(name, search_path, ret_path);
        if (r != -ENOENT)
                return r;
        r = template_of(name, &template);
        if (r < 0)
                return r;
        return template ? find_file(template, search_path, ret_path) : -ENOENT;
}

/* "web@.container" -> "web@" where that is a name; else NULL. */
static char *name_of_path(const char *path) {
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *suffix = endswith(base, UNIT_SUFFIX);

        return suffix && suffix != base ? strndup(base, (size_t)(suffix - base)) : NULL;
}

/* As systemd: a link whose end is the file of another unit that the search path has. A link to a file elsewhere is the
 * unit's own, and one to /dev/null a mask. */
int unit_alias_of(const char *name, char *const *search_path, char **ret) {
        _cleanup_free_ char *path = NULL, *end = NULL, *base = NULL, *own = NULL, *other = NULL;
        const char *at = strchr(name, '@');
        struct stat st, file;
        int r;

        *ret = NULL;
        r = unit_find_fragment(name, search_path, &path);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
                return 0;
        end = realpath(path, NULL);
        base = end ? name_of_path(end) : NULL;
        own = name_of_path(path);
        if (!base || !own || streq(base, own) || !endswith(base, "@") != !endswith(own, "@"))
                return 0;
        r = find_file(base, search_path, &other);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (stat(other, &file) < 0 || stat(path, &st) < 0 || st.st_dev != file.st_dev || st.st_ino != file.st_ino)
                return 0;
        if (endswith(base, "@") && at && at[1])
                return str_append(ret, "%s%s", base, at + 1);
        *ret = TAKE_PTR(base);
        return 0;
}

/* --- drop-ins */

typedef struct DropIn {
        char *name; /* file name */
        char *path;
        size_t rank; /* lower wins */
} DropIn;

typedef struct DropIns {
        DropIn *items;
        size_t n, size;
} DropIns;

static void drop_ins_done(DropIns *l) {
        for (size_t i = 0; i < l->n; i++) {
                free(l->items[i].name);
                free(l->items[i].path);
        }
        free(l->items);
}

static int drop_ins_add(DropIns *l, const char *folder, const char *name, size_t rank) {
        DropIn item = {.name = strdup(name), .rank = rank};
        int r;

        r = item.name ? join(folder, "/", name, &item.path) : -ENOMEM;
        if (r == 0 && l->n == l->size) {
                size_t size = l->size ? 2 * l->size : 8;
                DropIn *grown = reallocarray(l->items, size, sizeof(DropIn));

                if (grown) {
                        l->items = grown;
                        l->size = size;
                } else
                        r = -ENOMEM;
        }
        if (r < 0) {
                free(item.name);
                free(item.path);
                return r;
        }
        l->items[l->n++] = item;
        return 0;
}

static int drop_ins_read(DropIns *l, const char *folder, size_t rank) {
        DIR *d = opendir(folder);
        int r = 0;

        if (!d)
                return errno == ENOENT || errno == ENOTDIR || is_shut_to_us(errno) ? 0 : -errno;
        for (;;) {
                struct dirent *e;

                errno = 0;
                e = readdir(d);
                if (!e) {
                        r = -errno;
                        break;
                }
                if (e->d_name[0] == '.' || !endswith(e->d_name, ".conf"))
                        continue;
                r = drop_ins_add(l, folder, e->d_name, rank);
                if (r < 0)
                        break;
        }
        (void)closedir(d);
        return r;
}

static int drop_in_compare(const void *a, const void *b) {
        const DropIn *x = a, *y = b;
        int k = strcmp(x->name, y->name);

        return k != 0 ? k : x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int drop_ins_finish(DropIns *l, char ***ret_paths) {
        _cleanup_strv_ char **paths = NULL;
        int r;

        if (l->n > 0)
                qsort(l->items, l->n, sizeof(DropIn), drop_in_compare);
        for (size_t i = 0; i < l->n; i++) {
                if (i > 0 && streq(l->items[i].name, l->items[i - 1].name))
                        continue;
                r = strv_extend(&paths, l->items[i].path);
                if (r < 0)
                        return r;
        }
        *ret_paths = TAKE_PTR(paths);
        return 0;
}

/* The names whose folders apply, most specific first: foo-bar@x, foo-bar@, foo-@x, foo-@; or foo-bar, foo-.
 */
static int folder_names(const char *name, char ***ret) {
        _cleanup_strv_ char **names = NULL;
        size_t prefix = strcspn(name, "@");
        const char *rest = name + prefix;
        int r;

        for (;;) {
                _cleanup_free_ char *own = NULL, *template = NULL;

                own = strndup(name, prefix);
                if (!own)
                        return -ENOMEM;
                r = str_append(&own, "%s", rest);
                if (r < 0)
                        return r;
                r = template_of(own, &template);
                if (r < 0)
                        return r;
                r = strv_push(&names, TAKE_PTR(own));
                if (r == 0 && template)
                        r = strv_push(&names, TAKE_PTR(template));
                if (r < 0)
                        return r;

                /* The dash itself stays: "foo-" is a prefix, "foo" another unit. */
                if (prefix > 0 && name[prefix - 1] == '-')
                        prefix--;
                while (prefix > 0 && name[prefix - 1] != '-')
                        prefix--;
                if (prefix == 0)
                        break;
        }
        *ret = TAKE_PTR(names);
        return 0;
}

int unit_find_drop_ins(const char *name, char *const *search_path, char ***ret_paths) {
        _cleanup_(drop_ins_done) DropIns l = {};
        _cleanup_strv_ char **names = NULL;
        size_t rank = 0, all;
        int r;

        r = folder_names(name, &names);
        if (r < 0)
                return r;
        /* container.d/ is for every unit, and yields to whatever names the unit, in any directory. */
        all = strv_length(search_path) * strv_length(names);
        for (char *const *d = search_path; d && *d; d++) {
                _cleanup_free_ char *common = NULL;

                for (char **n = names; *n; n++) {
                        _cleanup_free_ char *folder = NULL;

                        r = str_append(&folder, "%s/%s" UNIT_SUFFIX ".d", *d, *n);
                        if (r == 0)
                                r = drop_ins_read(&l, folder, rank++);
                        if (r < 0)
                                return r;
                }
                r = join(*d, "/", "container.d", &common);
                if (r == 0)
                        r = drop_ins_read(&l, common, all++);
                if (r < 0)
                        return r;
        }
        return drop_ins_finish(&l, ret_paths);
}

int unit_find_drop_ins_in(const char *folder, char ***ret_paths) {
        _cleanup_(drop_ins_done) DropIns l = {};
        int r;

        r = drop_ins_read(&l, folder, 0);
        if (r < 0)
                return r;
        return drop_ins_finish(&l, ret_paths);
}

/* --- listing */

static const char *const state_names[_UNIT_FILE_STATE_MAX] = {
        [UNIT_FILE_STATIC] = "static",
        [UNIT_FILE_MASKED] = "masked",
        [UNIT_FILE_BAD] = "bad",
        [UNIT_FILE_MISNAMED] = "misnamed",
        [UNIT_FILE_TEMPLATE] = "template",
        [UNIT_FILE_ALIAS] = "alias",
};

const char *unit_file_state_to_string(UnitFileState s) {
        return s >= 0 && s < _UNIT_FILE_STATE_MAX ? state_names[s] : NULL;
}

typedef struct Listing {
        UnitFileEntry *items;
        size_t n, size;
} Listing;

void unit_files_free(UnitFileEntry *entries, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(entries[i].name);
                free(entries[i].path);
        }
        free(entries);
}

static void listing_done(Listing *l) {
        unit_files_free(l->items, l->n);
}

static UnitFileState file_state(int dir_fd, const char *file, const char *name) {
        struct stat st;

        if (fstatat(dir_fd, file, &st, 0) < 0)
                return UNIT_FILE_BAD;
        if ((S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) || (S_ISREG(st.st_mode) && st.st_size == 0))
                return UNIT_FILE_MASKED;
        if (!S_ISREG(st.st_mode))
                return UNIT_FILE_BAD;
        return endswith(name, "@") ? UNIT_FILE_TEMPLATE : UNIT_FILE_STATIC;
}

static int listing_add(Listing *l, const char *directory, const char *file, UnitFileEntry entry) {
        int r;

        if (l->n == l->size) {
                size_t size = l->size ? 2 * l->size : 64;
                UnitFileEntry *grown = reallocarray(l->items, size, sizeof(UnitFileEntry));

                if (!grown) {
                        free(entry.name);
                        return -ENOMEM;
                }
                l->items = grown;
                l->size = size;
        }
        r = join(directory, "/", file, &entry.path);
        if (r < 0) {
                free(entry.name);
                return r;
        }
        l->items[l->n++] = entry;
        return 0;
}

static bool template_name_valid(const char *name) {
        _cleanup_free_ char *probe = NULL;

        return endswith(name, "@") && str_append(&probe, "%sx", name) == 0 && container_name_valid(probe);
}

static int listing_add_misnamed(Listing *l, const char *directory, const char *file) {
        _cleanup_free_ char *shown = text_shorten(file, NAME_MAX);
        char *name;

        if (!shown)
                return -ENOMEM;
        if (!utf8_valid(shown, strlen(shown)))
                for (char *p = shown; *p; p++)
                        if (*p & 0x80)
                                *p = '?';
        name = strndup(shown, strlen(shown) - strlen(UNIT_SUFFIX));
        return name ? listing_add(l, directory, shown, (UnitFileEntry){.name = name, .state = UNIT_FILE_MISNAMED}) : -ENOMEM;
}

static int listing_read(Listing *l, const char *directory) {
        DIR *d = opendir(directory);
        int r = 0;

        if (!d)
                return errno == ENOENT || errno == ENOTDIR || is_shut_to_us(errno) ? 0 : -errno;
        for (;;) {
                const char *suffix;
                struct dirent *e;
                char *name;

                errno = 0;
                e = readdir(d);
                if (!e) {
                        r = -errno;
                        break;
                }
                suffix = endswith(e->d_name, UNIT_SUFFIX);
                if (!suffix || e->d_name[0] == '.') /* an editor's */
                        continue;
                name = strndup(e->d_name, (size_t)(suffix - e->d_name));
                if (!name) {
                        r = -ENOMEM;
                        break;
                }
                if (!container_name_valid(name) && !template_name_valid(name)) {
                        free(name);
                        r = listing_add_misnamed(l, directory, e->d_name);
                } else
                        r = listing_add(l, directory, e->d_name,
                                        (UnitFileEntry){.name = name, .state = file_state(dirfd(d), e->d_name, name)});
                if (r < 0)
                        break;
        }
        (void)closedir(d);
        return r;
}

static int entry_compare(const void *a, const void *b) {
        return strcmp(((const UnitFileEntry *)a)->name, ((const UnitFileEntry *)b)->name);
}

static bool listed(const Listing *l, size_t n_sorted, const char *name) {
        UnitFileEntry key = {.name = (char *)name};

        return n_sorted > 0 && bsearch(&key, l->items, n_sorted, sizeof(UnitFileEntry), entry_compare);
}

int unit_files_list(char *const *search_path, UnitFileEntry **ret, size_t *ret_n) {
        _cleanup_(listing_done) Listing l = {};
        int r;

        for (char *const *d = search_path; d && *d; d++) {
                size_t before = l.n, kept = l.n;

                r = listing_read(&l, *d);
                if (r < 0)
                        return r;
                /* What an earlier directory has hides this one's. */
                for (size_t i = before; i < l.n; i++) {
                        if (listed(&l, before, l.items[i].name)) {
                                free(l.items[i].name);
                                free(l.items[i].path);
                                l.items[i] = (UnitFileEntry){};
                        } else
                                l.items[kept++] = l.items[i];
                }
                l.n = kept;
                if (l.n > 0)
                        qsort(l.items, l.n, sizeof(UnitFileEntry), entry_compare);
        }
        for (size_t i = 0; i < l.n; i++) {
                _cleanup_free_ char *other = NULL;
                struct stat st;

                if (l.items[i].state != UNIT_FILE_STATIC && l.items[i].state != UNIT_FILE_TEMPLATE)
                        continue;
                if (lstat(l.items[i].path, &st) < 0 || !S_ISLNK(st.st_mode)) /* nearly all: ten thousand units are listed at once */
                        continue;
                r = unit_alias_of(l.items[i].name, search_path, &other);
                if (r < 0)
                        return r;
                if (other)
                        l.items[i].state = UNIT_FILE_ALIAS;
        }
        *ret = TAKE_PTR(l.items);
        *ret_n = l.n;
        l.n = 0;
        return 0;
}

int unit_paths(const char *name, char *const *search_path, char ***ret_paths) {
        _cleanup_free_ char *bare = NULL, *fragment = NULL;
        _cleanup_strv_ char **paths = NULL, **drop_ins = NULL;
        const char *suffix = endswith(name, UNIT_SUFFIX);
        int r;

        bare = suffix ? strndup(name, (size_t)(suffix - name)) : strdup(name);
        if (!bare)
                return -ENOMEM;
        if (!container_name_valid(bare) && !template_name_valid(bare))
                return -EINVAL;
        r = unit_find_fragment(bare, search_path, &fragment);
        if (r < 0)
                return r;
        r = strv_push(&paths, TAKE_PTR(fragment));
        if (r < 0)
                return r;
        r = unit_find_drop_ins(bare, search_path, &drop_ins);
        for (char **p = drop_ins; r == 0 && p && *p; p++)
                r = strv_extend(&paths, *p);
        if (r < 0)
                return r;
        *ret_paths = TAKE_PTR(paths);
        return 0;
}
