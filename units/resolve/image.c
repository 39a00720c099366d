/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Image=: the layers that are the root, and what the image says of the program in it. The record of the store was written by the
 * import from what it had checked; its values are a stranger's all the same, and reach the inside of the container alone. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>

#include "manager/base/io.h"
#include "manager/base/string-list.h"
#include "manager/images/layer-view.h"
#include "units/resolve/resolve-steps.h"
#include "units/values/text.h"

#define DATABASE_MAX (1U << 20)
#define LAYERS "layers/"
#define TREE "/tree"

/* --- facts */

void image_fact_done(ImageFact *f) {
        (void)image_record_free(f->record);
        free(f->store);
        strv_free(f->layers);
        free(f->volume_missing);
        *f = (ImageFact){};
}

/* names: ID/tree, below the directory of all layers. */
static int image_view(const char *directory, char *const *names, View *v) {
        _cleanup_close_ int all = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (all < 0)
                return -errno;
        for (; *names; names++) {
                const char *end = strrchr(*names, '/');
                _cleanup_free_ char *id = strndup(*names, (size_t)(end - *names));
                _cleanup_close_ int layer = id ? image_tree_open(all, id, O_RDONLY | O_DIRECTORY) : -ENOMEM;
                char **opaque = NULL;
                int tree, r;

                if (layer < 0)
                        return layer;
                tree = image_tree_open(layer, end + 1, O_RDONLY | O_DIRECTORY);
                if (tree < 0)
                        return tree;
                r = opaque_read(layer, "opaque", &opaque);
                if (r < 0) {
                        (void)safe_close(tree);
                        return r;
                }
                r = view_add(v, tree, opaque);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void image_database(const View *v, const char *path, char **ret, int *ret_error) {
        _cleanup_close_ int held = -EBADF, fd = -EBADF;
        char link[64];
        struct stat st;
        size_t size;
        int r = view_open(v, path, &held, &st);

        if (r >= 0 && !S_ISREG(st.st_mode))
                r = -ELOOP;
        if (r >= 0) {
                (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", held);
                fd = open(link, O_RDONLY | O_CLOEXEC);
                r = fd < 0 ? -errno : read_file(fd, DATABASE_MAX, ret, &size);
        }
        if (r >= 0 && strlen(*ret) != size) {
                free(*ret);
                *ret = NULL;
                r = -EBADMSG;
        }
        *ret_error = r < 0 && r != -ENOENT ? -r : 0;
}

static int image_volumes(const View *v, ImageFact *f) {
        size_t n = strv_length(f->record->volumes);

        f->volume_missing = calloc(n + 1, sizeof(bool));
        if (!f->volume_missing)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const char *path = f->record->volumes[i];
                _cleanup_close_ int fd = -EBADF;
                struct stat st;

                f->volume_missing[i] = view_open(v, path + strspn(path, "/"), &fd, &st) < 0 || !S_ISDIR(st.st_mode);
        }
        return 0;
}

/* The names of the layers alone: an overlay has to find room for all of them. */
static int image_layers(ImageFact *f) {
        _cleanup_strv_ char **directories = NULL;
        int r = image_store_directories(f->record, &directories);

        for (char **d = directories; r >= 0 && d && *d; d++)
                r = strv_extend(&f->layers, startswith(*d, LAYERS));
        return r;
}

static int image_find(const ContainerSpec *draft, const char *store, ImageFact *f) {
        _cleanup_close_ int fd = -EBADF;
        Digest digest;
        int r = image_store_open(store, &fd);

        if (r >= 0)
                r = image_store_find(fd, draft->image, &digest);
        if (r >= 0)
                r = image_store_load(fd, &digest, &f->record);
        if (r >= 0)
                r = image_layers(f);
        return r;
}

int image_gather(const ContainerSpec *draft, const char *store, UnitFacts *f) {
        __attribute__((cleanup(view_done))) View v = {};
        _cleanup_free_ char *directory = NULL;
        ImageFact *i = &f->image;
        int r = 0;

        if (!draft->image || draft->root_directory)
                return 0;
        if (!draft->layers)
                r = image_find(draft, store, i);
        if (r >= 0 && !draft->layers)
                r = str_append(&directory, "%s/%s", store, "layers");
        if (r >= 0)
                r = image_view(draft->layers ? draft->layers_path : directory, draft->layers ? draft->layers : i->layers, &v);
        if (r >= 0 && i->record)
                r = image_volumes(&v, i);
        if (r < 0) {
                i->error = -r;
                return r == -ENOMEM ? r : 0;
        }
        i->store = TAKE_PTR(directory);
        f->root_exists = f->root_is_directory = true;
        image_database(&v, "etc/passwd", &f->passwd, &f->passwd_error);
        image_database(&v, "etc/group", &f->group, &f->group_error);
        return str_append(&f->root_path, "image %s:", draft->image);
}

/* --- what follows for the unit */

static int image_missing(const ContainerSpec *s, int error, const Origin *origin, Diag *diag) {
        switch (error) {
        case ENOENT:
                return diag_error(diag, ERROR_MISSING, origin, "Image",
                                  "there is no image %s here; \"bulwarkctl image import SOURCE %s\" brings it, \"bulwarkctl image list\" shows what is "
                                  "there", s->image, s->image);
        case EINVAL:
                return diag_error(diag, ERROR_BAD_VALUE, origin, "Image",
                                  "'%s' is no name of an image: [HOST/]NAME[:TAG], NAME@sha256:DIGEST, or the beginning of its digest", s->image);
        case ENOTUNIQ:
                return diag_error(diag, ERROR_BAD_VALUE, origin, "Image", "several images begin with %s; write more of the digest", s->image);
        case EPERM:
                return diag_error(diag, ERROR_POLICY, origin, "Image", "the store of images belongs to another user, or others may write to it");
        case EBADMSG:
                return diag_error(diag, ERROR_STATE, origin, "Image",
                                  "the image %s is damaged; \"bulwarkctl image check\" tells what is wrong with it", s->image);
        default:
                return diag_errno(diag, ERROR_MISSING, origin, "Image", error, "cannot read the image %s", s->image);
        }
}

/* Lives as long as the spec; the digest stands for the image as it was, whatever its name leads to later. */
static int image_origin(ContainerSpec *s, const ImageRecord *record, Origin *ret) {
        char *source = NULL, hex[DIGEST_HEX_SIZE];
        int r;

        digest_to_hex(&record->manifest, hex);
        r = str_append(&source, "sha256:%s", hex);
        if (r >= 0)
                r = strv_push(&s->sources, source);
        if (r < 0)
                return r;
        *ret = (Origin){ .file = source };
        return 0;
}

static bool is_said(const ContainerSpec *s, DirectiveId id) {
        return s->origins[id].file != NULL;
}

/* One with a slash begins where the program does; without, PATH is searched. -EINVAL: outside of the root, or empty. */
static int program_path(const ContainerSpec *s, const char *word, char **ret) {
        const char *from = s->working_directory.path ? s->working_directory.path : "";
        _cleanup_free_ char *path = NULL;
        int r;

        if (!*word)
                return -EINVAL;
        if (!strchr(word, '/')) {
                *ret = strdup(word);
                return *ret ? 0 : -ENOMEM;
        }
        r = *word == '/' ? str_append(&path, "%s", word) : str_append(&path, "%s/%s", from, word);
        return r < 0 ? r : path_normalize(path, ret);
}

/* After the directory, from which a relative program is named. */
static int take_command(ContainerSpec *s, const ImageRecord *i, const Origin *origin) {
        ExecCommand *command;
        int r = 0;

        if (s->boot || s->exec_start.n > 0 || is_said(s, DIRECTIVE_ExecStart) || (!i->entrypoint && !i->command))
                return 0;
        s->exec_start.items = calloc(1, sizeof(*command));
        if (!s->exec_start.items)
                return -ENOMEM;
        s->exec_start.n = 1;
        command = s->exec_start.items;
        *command = (ExecCommand){ .no_env_expand = true, .origin = *origin };
        for (char *const *a = i->entrypoint; r >= 0 && a && *a; a++)
                r = strv_extend(&command->argv, *a);
        for (char *const *a = i->command; r >= 0 && a && *a; a++)
                r = strv_extend(&command->argv, *a);
        s->origins[DIRECTIVE_ExecStart] = *origin;
        return r < 0 ? r : program_path(s, command->argv[0], &command->path);
}

static int take_user(ContainerSpec *s, const ImageRecord *i, const Origin *origin) {
        const char *colon = i->user ? strchr(i->user, ':') : NULL;

        if (isempty(i->user) || is_said(s, DIRECTIVE_User) || s->dynamic_user)
                return 0;
        s->user = strndup(i->user, colon ? (size_t)(colon - i->user) : strlen(i->user));
        s->origins[DIRECTIVE_User] = *origin;
        if (colon && colon[1] && !is_said(s, DIRECTIVE_Group)) {
                s->group = strdup(colon + 1);
                s->origins[DIRECTIVE_Group] = *origin;
                if (!s->group)
                        return -ENOMEM;
        }
        return s->user ? 0 : -ENOMEM;
}

static int take_directory(ContainerSpec *s, const ImageRecord *i, const Origin *origin) {
        if (isempty(i->directory) || is_said(s, DIRECTIVE_WorkingDirectory))
                return 0;
        s->origins[DIRECTIVE_WorkingDirectory] = *origin;
        return path_normalize(i->directory, &s->working_directory.path);
}

static void take_signal(ContainerSpec *s, const ImageRecord *i, const Origin *origin) {
        int number = i->stop_signal && !is_said(s, DIRECTIVE_KillSignal) ? signal_from_string(i->stop_signal) : 0;

        if (number <= 0)
                return;
        s->kill_signal = number;
        s->origins[DIRECTIVE_KillSignal] = *origin;
}

static int grow(void *items, size_t n, size_t size, void **ret) {
        *ret = reallocarray(items, n + 1, size);
        return *ret ? 0 : -ENOMEM;
}

/* Writable, and gone with the life: with what the image has there, or empty. A mount of the unit's at the same place is what it says. */
static int take_volume(ContainerSpec *s, const char *path, bool missing, const Origin *origin) {
        void *items;

        for (size_t i = 0; i < s->bind_paths.n; i++)
                if (streq(s->bind_paths.items[i].destination, path))
                        return 0;
        for (size_t i = 0; i < s->bind_read_only_paths.n; i++)
                if (streq(s->bind_read_only_paths.items[i].destination, path))
                        return 0;
        for (size_t i = 0; i < s->temporary_file_system.n; i++)
                if (streq(s->temporary_file_system.items[i].path, path))
                        return 0;
        if (missing) {
                if (grow(s->temporary_file_system.items, s->temporary_file_system.n, sizeof(TmpfsMount), &items) < 0)
                        return -ENOMEM;
                s->temporary_file_system.items = items;
                s->temporary_file_system.items[s->temporary_file_system.n] =
                        (TmpfsMount){ .path = strdup(path), .inodes = UINT64_MAX, .mode = 0755, .uid = UINT32_MAX, .gid = UINT32_MAX, .origin = *origin };
                return s->temporary_file_system.items[s->temporary_file_system.n++].path ? 0 : -ENOMEM;
        }
        if (!s->read_only || (s->root_ephemeral && !is_said(s, DIRECTIVE_ReadOnly)))
                return 0;
        if (grow(s->read_write_paths.items, s->read_write_paths.n, sizeof(PathItem), &items) < 0)
                return -ENOMEM;
        s->read_write_paths.items = items;
        s->read_write_paths.items[s->read_write_paths.n] = (PathItem){ .path = strdup(path), .origin = *origin };
        return s->read_write_paths.items[s->read_write_paths.n++].path ? 0 : -ENOMEM;
}

/* What cannot be a text of a unit cannot be printed, sent or compared. */
static int check_texts(const ContainerSpec *s, const ImageRecord *i, const Origin *origin, Diag *diag) {
        char *const *lists[] = { i->entrypoint, i->command, i->environment, i->volumes };
        const char *texts[] = { i->user, i->directory };
        bool valid = true;

        for (size_t k = 0; k < ELEMENTSOF(lists); k++)
                for (char *const *t = lists[k]; t && *t; t++)
                        valid &= utf8_valid(*t, strlen(*t));
        for (size_t k = 0; k < ELEMENTSOF(texts); k++)
                valid &= !texts[k] || utf8_valid(texts[k], strlen(texts[k]));
        if (!valid)
                return diag_error(diag, ERROR_BAD_VALUE, origin, "Image", "the configuration of %s has a text that is no UTF-8", s->image);
        for (char *const *e = i->environment; e && *e; e++)
                if (!strchr(*e, '=') || **e == '=')
                        return diag_error(diag, ERROR_BAD_VALUE, origin, "Image", "the configuration of %s sets the variable '%s', without a value or a name", s->image, *e);
        return 0;
}

/* What the record of a life says has to be read back by the next manager, and be the same. */
static int check_reads_back(const ContainerSpec *s, const Origin *origin, Diag *diag) {
        _cleanup_(container_spec_unrefp) ContainerSpec *back = NULL;
        _cleanup_free_ char *text = NULL, *again = NULL;
        _cleanup_(diag_done) Diag words = {};
        int r;

        r = container_spec_print(s, &text);
        if (r < 0)
                return r;
        r = unit_load_text(s->name, text, strlen(text), NULL, &words, &back);
        if (r == -ENOMEM)
                return r;
        if (r >= 0)
                r = container_spec_print(back, &again);
        if (r < 0 || !streq(text, again))
                return diag_error(diag, ERROR_BAD_VALUE, origin, "Image", "the configuration of %s has a value that no unit can have%s%s", s->image,
                                  words.n_entries > 0 ? ": " : "", words.n_entries > 0 ? words.entries[0].text : "");
        return 0;
}

static int take_volumes(ContainerSpec *s, const ImageFact *f, const Origin *origin, Diag *diag) {
        int r = 0;

        for (size_t i = 0; r >= 0 && f->record->volumes && f->record->volumes[i]; i++) {
                _cleanup_free_ char *path = NULL;

                if (path_normalize(f->record->volumes[i], &path) < 0 || streq(path, "/"))
                        return diag_error(diag, ERROR_BAD_VALUE, container_spec_origin(s, DIRECTIVE_Image), "Image",
                                          "the configuration of %s has the volume '%s', which is no path below /", s->image, f->record->volumes[i]);
                r = take_volume(s, path, f->volume_missing && f->volume_missing[i], origin);
        }
        return r;
}

int image_resolve(ContainerSpec *s, const UnitFacts *unit, Diag *diag) {
        const ImageFact *f = &unit->image;
        const Origin *said;
        Origin origin;
        int r;

        if (!s->image || s->layers)
                return 0;
        said = container_spec_origin(s, DIRECTIVE_Image);
        if (s->root_directory)
                return diag_error(diag, ERROR_CONFLICT, said, "Image", "contradicts RootDirectory=%s: a container has one root; take one of them out",
                                  s->root_directory);
        if (s->volatile_mode == VOLATILE_YES)
                return diag_error(diag, ERROR_CONFLICT, container_spec_origin(s, DIRECTIVE_Volatile), "Volatile",
                                  "takes /usr alone of a directory, and the root is an image; write RootEphemeral=yes");
        if (f->error != 0 || !f->record)
                return image_missing(s, f->error != 0 ? f->error : ENOENT, said, diag);
        r = check_texts(s, f->record, said, diag);
        if (r < 0)
                return r;
        s->layers_path = strdup(f->store);
        s->layers = strv_copy(f->layers);
        s->layers_directive = DIRECTIVE_Image;
        s->image_digest = f->record->manifest;
        if (!s->layers_path || !s->layers)
                return -ENOMEM;
        r = image_origin(s, f->record, &origin);
        if (r < 0)
                return r;
        r = take_directory(s, f->record, &origin);
        if (r == -EINVAL)
                return diag_error(diag, ERROR_BAD_VALUE, said, "Image",
                                  "the configuration of %s has the working directory '%s', which is no absolute path in the root; write "
                                  "WorkingDirectory=", s->image, f->record->directory);
        if (r >= 0)
                r = take_command(s, f->record, &origin);
        if (r == -EINVAL)
                return diag_error(diag, ERROR_BAD_VALUE, said, "Image",
                                  "the configuration of %s has the program '%s', which is no path in the root; write ExecStart=", s->image,
                                  s->exec_start.items[0].argv[0]);
        if (r >= 0)
                r = take_user(s, f->record, &origin);
        if (r < 0)
                return r;
        take_signal(s, f->record, &origin);
        r = take_volumes(s, f, &origin, diag);
        return r < 0 ? r : check_reads_back(s, said, diag);
}
