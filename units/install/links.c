/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The links of [Install] on disk: made, removed, listed. */
#include <dirent.h>
#include <stdio.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "manager/base/string-list.h"
#include "units/install/links.h"

static const char *const kinds[] = { "wants", "requires", "upholds" };

void install_changes_done(InstallChanges *c) {
        for (size_t i = 0; i < c->n; i++) {
                free(c->items[i].path);
                free(c->items[i].target);
        }
        free(c->items);
        *c = (InstallChanges){};
}

static int note(InstallChanges *c, const char *path, const char *target) {
        InstallChange *grown = reallocarray(c->items, c->n + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        c->items = grown;
        c->items[c->n] = (InstallChange){ .path = strdup(path), .target = target ? strdup(target) : NULL };
        c->n++;
        return c->items[c->n - 1].path && (!target || c->items[c->n - 1].target) ? 0 : -ENOMEM;
}

int link_read(const char *path, char **ret) {
        char buffer[4096];
        ssize_t n = readlink(path, buffer, sizeof(buffer));

        if (n < 0)
                return -errno;
        if ((size_t)n == sizeof(buffer))
                return -ENAMETOOLONG;
        *ret = strndup(buffer, (size_t)n);
        return *ret ? 0 : -ENOMEM;
}

static int make_parents(const char *path) {
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                if (mkdir(copy, 0755) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return 0;
}

int link_make(const char *path, const char *target, bool force, Diag *diag, InstallChanges *changes) {
        _cleanup_free_ char *found = NULL, *temporary = NULL;
        int r;

        r = link_read(path, &found);
        if (r >= 0 && streq(found, target))
                return 0;
        if (r >= 0 && !force)
                return diag_error(diag, ERROR_CONFLICT, &(Origin){ path, 0 }, NULL,
                                  "is a link to %s already; remove it, or use --force", found);
        if (r < 0 && r != -ENOENT)
                return r == -EINVAL ? diag_error(diag, ERROR_CONFLICT, &(Origin){ path, 0 }, NULL,
                                                 "a file stands where the link would be made; remove it first")
                                    : diag_errno(diag, ERROR_FAILED, &(Origin){ path, 0 }, NULL, -r, "cannot look at it");
        r = make_parents(path);
        if (r < 0)
                return diag_errno(diag, ERROR_FAILED, &(Origin){ path, 0 }, NULL, -r, "cannot make its directory");
        /* Over an old link: at no time is there none. */
        r = str_append(&temporary, "%s.new", path);
        if (r < 0)
                return r;
        (void)unlink(temporary);
        if (symlink(target, temporary) < 0 || rename(temporary, path) < 0) {
                r = -errno;
                (void)unlink(temporary);
                return diag_errno(diag, ERROR_FAILED, &(Origin){ path, 0 }, NULL, -r, "cannot make the link");
        }
        return note(changes, path, target);
}

/* "multi-user.target.wants" -> "multi-user.target", "wants" */
static const char *kind_of(const char *directory, size_t *ret_wanter) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                const char *end = endswith(directory, kinds[i]);

                if (end && end > directory + 1 && end[-1] == '.') {
                        *ret_wanter = (size_t)(end - 1 - directory);
                        return kinds[i];
                }
        }
        return NULL;
}

int link_remove(const char *path, Diag *diag, InstallChanges *changes) {
        _cleanup_free_ char *directory = NULL;
        size_t n;
        char *slash;

        if (unlink(path) < 0)
                return errno == ENOENT ? 0 : diag_errno(diag, ERROR_FAILED, &(Origin){ path, 0 }, NULL, errno, "cannot remove the link");
        directory = strdup(path);
        slash = directory ? strrchr(directory, '/') : NULL;
        if (slash) {
                *slash = 0;
                if (kind_of(directory, &n))
                        (void)rmdir(directory); /* where it was the last one */
        }
        return note(changes, path, NULL);
}

static int each_entry(const char *directory, int (*each)(const char *directory, const char *name, void *userdata), void *userdata) {
        DIR *d = opendir(directory);
        int r = 0;

        if (!d)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        for (struct dirent *e = readdir(d); e && r >= 0; e = readdir(d))
                if (e->d_name[0] != '.')
                        r = each(directory, e->d_name, userdata);
        (void)closedir(d);
        return r;
}

typedef struct Files {
        const char *suffix;
        char **list;
} Files;

static int add_file(const char *directory, const char *name, void *userdata) {
        Files *f = userdata;
        char *path = NULL;
        int r;

        if (!endswith(name, f->suffix))
                return 0;
        r = str_append(&path, "%s/%s", directory, name);
        return r < 0 ? r : strv_push(&f->list, path);
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int files_list(const char *directory, const char *suffix, char ***ret) {
        Files f = { .suffix = suffix };
        int r = each_entry(directory, add_file, &f);

        if (r < 0) {
                strv_free(f.list);
                return r;
        }
        if (strv_length(f.list) > 1)
                qsort(f.list, strv_length(f.list), sizeof(char *), compare_texts);
        *ret = f.list;
        return 0;
}

typedef struct Walk {
        LinkFunc each;
        void *userdata;
        const char *wanter_directory; /* NULL at the top */
} Walk;

static int one_link(const char *directory, const char *name, void *userdata) {
        _cleanup_free_ char *path = NULL, *target = NULL;
        Walk *w = userdata;
        int r;

        r = str_append(&path, "%s/%s", directory, name);
        if (r < 0)
                return r;
        if (!w->wanter_directory) {
                Walk inner = { w->each, w->userdata, name };
                size_t n;

                if (kind_of(name, &n))
                        return each_entry(path, one_link, &inner);
        }
        if (!endswith(name, ".container") || link_read(path, &target) < 0)
                return 0;
        return w->each(path, name, w->wanter_directory, target, w->userdata);
}

int links_walk(const char *directory, LinkFunc each, void *userdata) {
        return each_entry(directory, one_link, &(Walk){ each, userdata, NULL });
}

/* --- listing */

void install_links_free(InstallLink *links, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(links[i].wanter);
                free(links[i].kind);
                free(links[i].name);
        }
        free(links);
}

typedef struct List {
        InstallLink *items;
        size_t n;
} List;

static int add_link(const char *path, const char *name, const char *wanter_directory, const char *target, void *userdata) {
        _cleanup_free_ char *bare = strndup(name, strlen(name) - strlen(".container"));
        List *l = userdata;
        InstallLink *grown;
        const char *kind;
        size_t n;

        if (!bare)
                return -ENOMEM;
        if (!wanter_directory || !container_name_valid(bare) || streq(target, "/dev/null"))
                return 0;
        grown = reallocarray(l->items, l->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        l->items = grown;
        kind = kind_of(wanter_directory, &n);
        l->items[l->n] = (InstallLink){ .wanter = strndup(wanter_directory, n), .kind = strdup(kind), .name = TAKE_PTR(bare) };
        l->n++;
        return l->items[l->n - 1].wanter && l->items[l->n - 1].kind ? 0 : -ENOMEM;
}

static int compare(const void *a, const void *b) {
        const InstallLink *x = a, *y = b;
        int d = strcmp(x->name, y->name);

        if (d == 0)
                d = strcmp(x->wanter, y->wanter);
        return d != 0 ? d : strcmp(x->kind, y->kind);
}

int install_links(char *const *search_path, InstallLink **ret, size_t *ret_n) {
        List l = {};
        int r = 0;

        for (char *const *d = search_path; d && *d && r >= 0; d++)
                r = links_walk(*d, add_link, &l);
        if (r < 0) {
                install_links_free(l.items, l.n);
                return r;
        }
        if (l.n > 1)
                qsort(l.items, l.n, sizeof(*l.items), compare);
        *ret = l.items;
        *ret_n = l.n;
        return 0;
}
