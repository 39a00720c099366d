/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* binds and tmpfs: words of colon separated pieces, the last of them a list of options. */
#include <ctype.h>
#include <inttypes.h>

#include "units/values/parse.h"

/* Calls option() with each piece of a comma separated list. */
static int each_option(const ValueContext *c, char *options, void *item,
                       int (*option)(const ValueContext *, const char *, void *)) {
        while (options) {
                char *o = strsep(&options, ",");
                int r = *o ? option(c, o, item) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int print_items(char **words, char **ret) {
        _cleanup_strv_ char **owned = words;
        char *text = strv_join(owned, " ");

        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

/* --- binds */

static void bind_done(BindMount *b) {
        free(b->source);
        free(b->destination);
        *b = (BindMount){};
}

static void binds_done(void *field) {
        value_binds *v = field;

        for (size_t i = 0; i < v->n; i++)
                bind_done(&v->items[i]);
        free(v->items);
        *v = (value_binds){};
}

static const char *const bind_options[] = {"rbind",  "norbind", "idmap",   "noidmap", "noexec",
                                           "exec",   "shared",  "nolabel", NULL};

static int bind_option(const ValueContext *c, const char *o, void *item) {
        BindMount *b = item;
        const struct {
                const char *word;
                bool *flag, value;
        } known[] = {
                {"rbind", &b->recursive, true}, {"norbind", &b->recursive, false},
                {"idmap", &b->idmap, true},     {"noidmap", &b->idmap, false},
                {"noexec", &b->noexec, true},   {"exec", &b->noexec, false},
        };
        const char *near;

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(known[i].word, o)) {
                        *known[i].flag = known[i].value;
                        return 0;
                }
        if (streq(o, "shared") || streq(o, "nolabel")) {
                b->label = *o == 's' ? BIND_LABEL_SHARED : BIND_LABEL_NONE;
                return 0;
        }
        if (streq(o, "ro") || streq(o, "rw"))
                return value_error(
                        c, "'%s' is not an option here; BindPaths= is writable, BindReadOnlyPaths= is not",
                        o);
        near = text_nearest(o, bind_options);
        return value_error(c,
                           "'%s' is not an option of a bind mount; write rbind, norbind, idmap, noidmap, "
                           "noexec, exec, shared or nolabel%s%s%s",
                           o, near ? "; did you mean " : "", strempty(near), near ? "?" : "");
}

static int binds_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_(bind_done) BindMount b = {.recursive = true, .idmap = true, .origin = c->origin};
        _cleanup_free_ char *source = NULL, *destination = NULL, *options = NULL, *more = NULL;
        char **pieces[] = {&source, &destination, &options, &more};
        value_binds *v = field;
        const char *p = word;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(pieces); i++) {
                r = value_next_piece(c, &p, pieces[i]);
                if (r < 0)
                        return r;
        }
        if (more)
                return value_error(c,
                                   "'%s' has too many colons; write SOURCE:DESTINATION:OPTIONS, and '\\:' "
                                   "for a colon in "
                                   "a path",
                                   word);
        b.missing_ok = *source == '-';
        r = value_check_path(c, source + b.missing_ok, &b.source);
        if (r < 0)
                return r;
        r = value_check_path(c, isempty(destination) ? b.source : destination, &b.destination);
        if (r < 0)
                return r;
        if (streq(b.destination, "/"))
                return value_error(c, "nothing can be mounted over the container's '/'; use RootDirectory=");
        r = each_option(c, options, &b, bind_option);
        if (r < 0)
                return r;
        r = value_grow(c, &v->items, v->n, sizeof(BindMount));
        if (r < 0)
                return r;
        v->items[v->n++] = b;
        b = (BindMount){};
        return 0;
}

static int binds_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                binds_done(field);
                return 0;
        }
        return value_each_raw_word(c, text, binds_item, field);
}

static int bind_text(const BindMount *b, char **ret) {
        _cleanup_free_ char *source = value_escape_piece(b->source),
                            *destination = value_escape_piece(b->destination);
        const char *const options[] = {b->recursive ? NULL : "norbind", b->idmap ? NULL : "noidmap",
                                       b->noexec ? "noexec" : NULL,
                                       b->label == BIND_LABEL_SHARED ? "shared"
                                       : b->label == BIND_LABEL_NONE ? "nolabel"
                                                                     : NULL};
        _cleanup_free_ char *s = NULL;
        char separator = ':';
        int r;

        if (!source || !destination)
                return -ENOMEM;
        r = str_append(&s, "%s%s:%s", b->missing_ok ? "-" : "", source, destination);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(options); i++)
                if (options[i]) {
                        r = str_append(&s, "%c%s", separator, options[i]);
                        separator = ',';
                }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int binds_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_binds *v = field;
        int r;

        for (size_t i = 0; i < v->n; i++) {
                char *s = NULL;

                if (v->items[i].directive)
                        continue;
                r = bind_text(&v->items[i], &s);
                if (r < 0)
                        return r;
                r = strv_push(&l, s);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int binds_print(const void *field, char **ret) {
        char **l = NULL;
        int r;

        r = binds_explode(field, &l);
        if (r < 0)
                return r;
        return print_items(l, ret);
}

/* Each word is a whole item, escaped already; a blank in it would begin another. */
static int binds_implode(char *const *words, char **ret) {
        char *text;

        for (char *const *w = words; w && *w; w++)
                if ((*w)[strcspn(*w, WHITESPACE)])
                        return -EINVAL;
        text = strv_join(words, " ");
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

const ValueType value_type_binds = {
        .name = "binds",
        .syntax = "SOURCE[:DESTINATION[:OPTIONS]], options rbind, norbind, idmap, noidmap, noexec, exec, shared, nolabel; a "
                  "leading '-' ignores a "
                  "source that does not exist",
        .signature = "as",
        .size = sizeof(value_binds),
        .list = true,
        .parse = binds_parse,
        .print = binds_print,
        .explode = binds_explode,
        .implode = binds_implode,
        .done = binds_done,
};

/* --- tmpfs */

static void tmpfs_item_done(TmpfsMount *t) {
        free(t->path);
        *t = (TmpfsMount){};
}

static void tmpfs_done(void *field) {
        value_tmpfs *v = field;

        for (size_t i = 0; i < v->n; i++)
                tmpfs_item_done(&v->items[i]);
        free(v->items);
        *v = (value_tmpfs){};
}

/* The kernel takes 10m for 10M here, and so does systemd, which hands the options through. */
static int kernel_size(const char *value, uint64_t *ret) {
        _cleanup_free_ char *upper = strdup(value);

        for (char *p = upper; p && *p; p++)
                *p = (char)toupper((unsigned char)*p);
        return upper ? value_parse_size(upper, ret) : -ENOMEM;
}

static int tmpfs_size(const ValueContext *c, const char *value, TmpfsMount *t) {
        uint32_t permyriad;
        uint64_t size;
        int r;

        r = value_parse_permyriad(value, &permyriad, 10000);
        if (r == 0) {
                /* The kernel knows whole percents only, and takes "0%" for no limit. */
                if (permyriad == 0 || permyriad % 100 != 0)
                        return value_error(c, "'size=%s' is not a whole percentage from 1%% to 100%%", value);
                t->size_permille = permyriad / 10;
                t->size = 0;
                return 0;
        }
        /* 0 means "without limit" to the kernel: the opposite of what it looks like. */
        if (kernel_size(value, &size) < 0 || size == 0)
                return value_error(c, "'size=%s' is not a size; write for example 10M, 1.5G or 10%%", value);
        t->size = size;
        t->size_permille = 0;
        return 0;
}

static int tmpfs_inodes(const ValueContext *c, const char *value, TmpfsMount *t) {
        uint64_t n;

        if (kernel_size(value, &n) < 0 || n == 0)
                return value_error(
                        c, "'nr_inodes=%s' is not a number of files; write for example 1000 or 10K", value);
        t->inodes = n;
        return 0;
}

static int tmpfs_mode(const ValueContext *c, const char *value, TmpfsMount *t) {
        size_t n = strlen(value);
        mode_t mode = 0;

        if (n == 0 || n > 5 || strspn(value, "01234567") != n)
                return value_error(
                        c, "'mode=%s' is not an access mode; write it in octal, for example 0755 or 1777",
                        value);
        for (; *value; value++)
                mode = mode << 3 | (mode_t)(*value - '0');
        if (mode > 07777)
                return value_error(c, "'mode=%o' is out of range; the highest mode is 7777", mode);
        t->mode = mode;
        return 0;
}

/* Numbers alone, as the kernel has it: the names of a container's users are its own. */
static int tmpfs_id(const ValueContext *c, const char *what, const char *value, uint32_t *ret) {
        uint64_t id;

        if (parse_u64(value, &id) < 0 || id >= UINT32_MAX)
                return value_error(c, "'%s=%s' is not a number of a user or group of the container", what, value);
        *ret = (uint32_t)id;
        return 0;
}

static int tmpfs_uid(const ValueContext *c, const char *value, TmpfsMount *t) {
        return tmpfs_id(c, "uid", value, &t->uid);
}

static int tmpfs_gid(const ValueContext *c, const char *value, TmpfsMount *t) {
        return tmpfs_id(c, "gid", value, &t->gid);
}

static const char *const tmpfs_atime_words[_TMPFS_ATIME_MAX] = {
        [TMPFS_RELATIME] = "relatime",
        [TMPFS_NOATIME] = "noatime",
        [TMPFS_STRICTATIME] = "strictatime",
};

static int tmpfs_option(const ValueContext *c, const char *o, void *item) {
        TmpfsMount *t = item;
        static const struct {
                const char *name;
                int (*apply)(const ValueContext *, const char *, TmpfsMount *);
        } valued[] = {{"size=", tmpfs_size}, {"nr_inodes=", tmpfs_inodes}, {"mode=", tmpfs_mode},
                      {"uid=", tmpfs_uid},   {"gid=", tmpfs_gid}};
        const struct {
                const char *word;
                bool *flag, value;
        } plain[] = {
                {"ro", &t->read_only, true},  {"rw", &t->read_only, false},
                {"noexec", &t->noexec, true}, {"exec", &t->noexec, false},
                {"nosuid", NULL, false},      {"nodev", NULL, false}, /* always so */
                {"nodiratime", &t->nodiratime, true}, {"diratime", &t->nodiratime, false},
                {"defaults", NULL, false},
        };

        for (TmpfsAtime a = 0; a < _TMPFS_ATIME_MAX; a++)
                if (streq(tmpfs_atime_words[a], o)) {
                        t->atime = a;
                        return 0;
                }

        for (size_t i = 0; i < ELEMENTSOF(valued); i++) {
                const char *value = startswith(o, valued[i].name);

                if (value)
                        return valued[i].apply(c, value, t);
        }
        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                if (streq(plain[i].word, o)) {
                        if (plain[i].flag)
                                *plain[i].flag = plain[i].value;
                        return 0;
                }
        if (streq(o, "suid") || streq(o, "dev"))
                return value_error(c, "'%s' is refused: a temporary file system is always nosuid and nodev",
                                   o);
        return value_error(c,
                           "'%s' is not an option of a temporary file system; write size=, nr_inodes=, "
                           "mode=, uid=, gid=, ro, rw, noexec, exec, noatime, relatime, strictatime or nodiratime",
                           o);
}

static int tmpfs_item(const ValueContext *c, const char *word, void *field) {
        _cleanup_(tmpfs_item_done)
                TmpfsMount t = {.inodes = UINT64_MAX, .mode = (mode_t)-1, .uid = UINT32_MAX, .gid = UINT32_MAX, .origin = c->origin};
        _cleanup_free_ char *path = NULL, *options = NULL, *more = NULL;
        value_tmpfs *v = field;
        const char *p = word;
        int r;

        r = value_next_piece(c, &p, &path);
        if (r < 0)
                return r;
        /* No specifiers in the options: "size=10%" means a percentage. */
        r = value_next_colon(c, &p, &options);
        if (r < 0)
                return r;
        r = value_next_colon(c, &p, &more);
        if (r < 0)
                return r;
        if (more)
                return value_error(
                        c, "'%s' has too many colons; write PATH:OPTIONS, and '\\:' for a colon in a path",
                        word);
        r = value_check_path(c, path, &t.path);
        if (r < 0)
                return r;
        if (streq(t.path, "/"))
                return value_error(c, "nothing can be mounted over the container's '/'; use RootDirectory=");
        r = each_option(c, options, &t, tmpfs_option);
        if (r < 0)
                return r;
        r = value_grow(c, &v->items, v->n, sizeof(TmpfsMount));
        if (r < 0)
                return r;
        v->items[v->n++] = t;
        t = (TmpfsMount){};
        return 0;
}

static int tmpfs_parse(const ValueContext *c, const char *text, void *field) {
        if (value_is_reset(text)) {
                tmpfs_done(field);
                return 0;
        }
        return value_each_raw_word(c, text, tmpfs_item, field);
}

static int tmpfs_options(const TmpfsMount *t, char **ret) {
        _cleanup_strv_ char **l = NULL;
        char *s = NULL, *text;
        int r = 0;

        if (t->size > 0)
                r = str_append(&s, "size=%" PRIu64, t->size);
        else if (t->size_permille > 0)
                r = str_append(&s, "size=%" PRIu32 "%%", t->size_permille / 10);
        if (r == 0 && s)
                r = strv_push(&l, TAKE_PTR(s));
        if (r == 0 && t->inodes != UINT64_MAX)
                r = str_append(&s, "nr_inodes=%" PRIu64, t->inodes);
        if (r == 0 && s)
                r = strv_push(&l, TAKE_PTR(s));
        if (r == 0 && t->mode != (mode_t)-1)
                r = str_append(&s, "mode=%04o", (unsigned)t->mode);
        if (r == 0 && s)
                r = strv_push(&l, TAKE_PTR(s));
        if (r == 0 && t->uid != UINT32_MAX)
                r = str_append(&s, "uid=%" PRIu32, t->uid);
        if (r == 0 && s)
                r = strv_push(&l, TAKE_PTR(s));
        if (r == 0 && t->gid != UINT32_MAX)
                r = str_append(&s, "gid=%" PRIu32, t->gid);
        if (r == 0 && s)
                r = strv_push(&l, TAKE_PTR(s));
        if (r == 0 && t->read_only)
                r = strv_extend(&l, "ro");
        if (r == 0 && t->atime != TMPFS_RELATIME)
                r = strv_extend(&l, tmpfs_atime_words[t->atime]);
        if (r == 0 && t->nodiratime)
                r = strv_extend(&l, "nodiratime");
        if (r == 0 && t->noexec)
                r = strv_extend(&l, "noexec");
        if (r < 0) {
                free(s);
                return r;
        }
        text = strv_join(l, ",");
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

static int tmpfs_explode(const void *field, char ***ret) {
        _cleanup_strv_ char **l = NULL;
        const value_tmpfs *v = field;
        int r;

        for (size_t i = 0; i < v->n; i++) {
                char *options = NULL;

                if (v->items[i].implied)
                        continue;
                r = tmpfs_options(&v->items[i], &options);
                if (r < 0)
                        return r;
                r = strv_extend(&l, v->items[i].path);
                if (r < 0) {
                        free(options);
                        return r;
                }
                r = strv_push(&l, options);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

static int tmpfs_implode(char *const *pairs, char **ret) {
        char **words = NULL;
        int r = 0;

        if (strv_length(pairs) % 2 != 0)
                return -EINVAL;
        for (size_t i = 0; r == 0 && pairs && pairs[i]; i += 2) {
                _cleanup_free_ char *path = value_escape_piece(pairs[i]);
                const char *options = pairs[i + 1];
                char *s = NULL;

                if (options[strcspn(options, WHITESPACE)]) {
                        r = -EINVAL;
                        break;
                }
                r = path ? str_append(&s, "%s%s%s", path, *options ? ":" : "", options) : -ENOMEM;
                if (r == 0)
                        r = strv_push(&words, s);
        }
        if (r < 0) {
                strv_free(words);
                return r;
        }
        return print_items(words, ret);
}

static int tmpfs_print(const void *field, char **ret) {
        _cleanup_strv_ char **pairs = NULL;
        int r;

        r = tmpfs_explode(field, &pairs);
        return r < 0 ? r : tmpfs_implode(pairs, ret);
}

const ValueType value_type_tmpfs = {
        .name = "tmpfs",
        .syntax = "PATH[:OPTIONS], options size=, nr_inodes=, mode=, uid=, gid=, ro, rw, noexec, exec, noatime, relatime, "
                  "strictatime, nodiratime",
        .signature = "a(ss)",
        .size = sizeof(value_tmpfs),
        .list = true,
        .parse = tmpfs_parse,
        .print = tmpfs_print,
        .explode = tmpfs_explode,
        .implode = tmpfs_implode,
        .done = tmpfs_done,
};
