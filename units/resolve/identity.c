/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "units/resolve/resolve-steps.h"

/* One line of passwd(5) or group(5), cut at its colons. A line that is not exactly of that form never
 * matches a number, and a name on it is an error: half-read identities have been root before. */
#define FIELDS_MAX 7U
typedef struct Record {
        char *line;
        char *fields[FIELDS_MAX];
        bool well_formed;
} Record;

typedef struct Database {
        const char *file; /* "/etc/passwd" */
        const char *what; /* "user" */
        const char *text;
        int error;
        unsigned n_fields;
        const char *root; /* RootDirectory=, for words */
} Database;

/* Strict: digits only, no sign, no leading zero, and none of the two "no id" values of 16 and 32 bits. */
static bool id_parse(const char *s, uint32_t *ret) {
        uint64_t v = 0;

        if (!*s || (*s == '0' && s[1]))
                return false;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return false;
                v = v * 10 + (uint64_t)(*s - '0');
                if (v >= UINT32_MAX)
                        return false;
        }
        if (v == UINT16_MAX)
                return false;
        *ret = (uint32_t)v;
        return true;
}

static void record_cut(Record *r, unsigned n_fields) {
        char *p = r->line;
        unsigned n = 0;
        uint32_t id;

        for (;;) {
                char *colon = strchr(p, ':');

                if (n < FIELDS_MAX)
                        r->fields[n] = p;
                n++;
                if (!colon)
                        break;
                *colon = 0;
                p = colon + 1;
        }
        r->well_formed = n == n_fields && *r->fields[0] && id_parse(r->fields[2], &id) &&
                         (n_fields != 7 || id_parse(r->fields[3], &id));
}

static void record_done(Record *r) {
        free(r->line);
        *r = (Record){};
}

/* The next line of the text; r->line NULL at the end. */
static int record_next(const Database *db, const char **p, Record *r) {
        const char *end;

        record_done(r);
        while (*p && **p) {
                const char *start = *p;

                end = strchrnul(start, '\n');
                *p = *end ? end + 1 : end;
                if (end == start || *start == '#' || *start == '+' || *start == '-')
                        continue; /* comments and NIS entries */
                r->line = strndup(start, (size_t)(end - start));
                if (!r->line)
                        return -ENOMEM;
                record_cut(r, db->n_fields);
                return 0;
        }
        return 0;
}

static int report_unreadable(const Database *db, const Origin *origin, const char *directive, Diag *diag) {
        return diag_errno(diag, ERROR_MISSING, origin, directive, db->error,
                          "cannot read %s%s, which must be a regular file of at most 1 MiB",
                          strempty(db->root), db->file);
}

/* Finds a record by name or, where name is NULL, by number. r->line stays NULL where there is none. */
static int database_find(const Database *db, const char *name, uint32_t id, const Origin *origin,
                         const char *directive, Diag *diag, Record *ret) {
        const char *p = db->text;
        int r;

        if (db->error > 0)
                return report_unreadable(db, origin, directive, diag);
        for (;;) {
                uint32_t found;

                r = record_next(db, &p, ret);
                if (r < 0 || !ret->line)
                        return r;
                if (name && streq(ret->fields[0], name)) {
                        if (ret->well_formed)
                                return 0;
                        record_done(ret);
                        return diag_error(
                                diag, ERROR_BAD_VALUE, origin, directive,
                                "the line of %s '%s' in %s%s is malformed; it must have %u fields and a "
                                "decimal id",
                                db->what, name, strempty(db->root), db->file, db->n_fields);
                }
                if (!name && ret->well_formed && id_parse(ret->fields[2], &found) && found == id)
                        return 0;
        }
}

static int report_unknown(const Database *db, const char *name, const Origin *origin, const char *directive,
                          Diag *diag) {
        return diag_error(diag, ERROR_MISSING, origin, directive,
                          "there is no %s '%s' in %s%s%s; add it there, or give a number", db->what, name,
                          db->root ? db->root : "the container's ", db->file,
                          db->text ? "" : " (the file does not exist)");
}

static Database passwd_of(const UnitFacts *facts) {
        return (Database){"/etc/passwd", "user", facts->passwd, facts->passwd_error, 7, facts->root_path};
}

static Database group_of(const UnitFacts *facts) {
        return (Database){"/etc/group", "group", facts->group, facts->group_error, 4, facts->root_path};
}

/* A path of passwd that ends up in the environment: absolute and printable, else not used. */
static int copy_path(const char *path, const char *otherwise, char **ret) {
        bool good = *path == '/';

        for (const char *p = path; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 127)
                        good = false;
        *ret = strdup(good ? path : otherwise);
        return *ret ? 0 : -ENOMEM;
}

static int identity_from_record(const Record *record, Identity *i) {
        int r;

        if (!id_parse(record->fields[2], &i->uid) || !id_parse(record->fields[3], &i->gid))
                return -EBADMSG;
        i->user_name = strdup(record->fields[0]);
        if (!i->user_name)
                return -ENOMEM;
        r = copy_path(record->fields[5], "/", &i->home);
        if (r < 0)
                return r;
        return copy_path(record->fields[6], "/bin/sh", &i->shell);
}

/* Root needs no entry; any other number without one has no name and no home, and its own number as group. */
static int identity_without_record(uint32_t uid, Identity *i) {
        i->uid = uid;
        i->gid = uid;
        if (uid != 0)
                return 0;
        i->user_name = strdup("root");
        i->home = strdup("/root");
        i->shell = strdup("/bin/sh");
        return i->user_name && i->home && i->shell ? 0 : -ENOMEM;
}

/* The ids that systemd keeps for users that are made when they are needed. */
#define DYNAMIC_FIRST 61184U
#define DYNAMIC_LAST 65519U

/* One of the container's own ids that no user of its passwd has: the same for the same name, so that files stay its own. */
static int identity_dynamic(const IdentityRequest *q, const Database *db, const char *name, Diag *diag, Identity *i) {
        uint32_t hash = UINT32_C(2166136261);

        for (const char *p = name; *p; p++)
                hash = (hash ^ (unsigned char)*p) * UINT32_C(16777619);
        for (uint32_t k = 0; k <= DYNAMIC_LAST - DYNAMIC_FIRST; k++) {
                const uint32_t uid = DYNAMIC_FIRST + (hash + k) % (DYNAMIC_LAST - DYNAMIC_FIRST + 1);
                _cleanup_(record_done) Record record = {};
                int r = database_find(db, NULL, uid, q->user_origin, q->user_directive, diag, &record);

                if (r < 0)
                        return r;
                if (record.line)
                        continue;
                i->uid = uid;
                i->gid = uid;
                i->user_name = strdup(name);
                return i->user_name ? 0 : -ENOMEM;
        }
        return diag_error(diag, ERROR_CONFLICT, q->user_origin, "DynamicUser", "%s of the root uses up all ids from %u to %u", db->file,
                          DYNAMIC_FIRST, DYNAMIC_LAST);
}

static int resolve_user(const IdentityRequest *q, const UnitFacts *facts, Diag *diag, Identity *i) {
        _cleanup_(record_done) Record record = {};
        Database db = passwd_of(facts);
        const char *user = q->user ? q->user : "0";
        uint32_t uid = 0;
        bool number;
        int r;

        /* A number is a number even where passwd has a user of that name (CVE-2016-3697). */
        number = id_parse(user, &uid);
        if (!number && strspn(user, "0123456789+-") == strlen(user))
                return diag_error(
                        diag, ERROR_BAD_VALUE, q->user_origin, q->user_directive,
                        "'%s' is not a user id; a number from 0 to 4294967294 without leading zeros is",
                        user);

        if (q->dynamic && !q->user)
                return identity_dynamic(q, &db, q->dynamic, diag, i);
        /* Nobody asked for a lookup of root: an unreadable passwd must not stop the container then. */
        if (!q->user && db.error > 0)
                return identity_without_record(0, i);
        r = database_find(&db, number ? NULL : user, uid, q->user_origin, q->user_directive, diag, &record);
        if (r < 0)
                return r;
        if (record.line)
                return identity_from_record(&record, i);
        if (number || streq(user, "root"))
                return identity_without_record(uid, i);
        if (q->dynamic)
                return identity_dynamic(q, &db, user, diag, i);
        return report_unknown(&db, user, q->user_origin, q->user_directive, diag);
}

static int resolve_group(const char *group, const Origin *origin, const char *directive,
                         const UnitFacts *facts, Diag *diag, gid_t *ret) {
        _cleanup_(record_done) Record record = {};
        Database db = group_of(facts);
        uint32_t gid = 0;
        int r;

        if (id_parse(group, &gid)) {
                *ret = gid;
                return 0;
        }
        if (strspn(group, "0123456789+-") == strlen(group))
                return diag_error(
                        diag, ERROR_BAD_VALUE, origin, directive,
                        "'%s' is not a group id; a number from 0 to 4294967294 without leading zeros is",
                        group);
        r = database_find(&db, group, 0, origin, directive, diag, &record);
        if (r < 0)
                return r;
        if (record.line && id_parse(record.fields[2], &gid)) {
                *ret = gid;
                return 0;
        }
        if (!record.line && streq(group, "root")) {
                *ret = 0;
                return 0;
        }
        return report_unknown(&db, group, origin, directive, diag);
}

/* Keeps the list sorted and free of doubles. */
static int add_group(Identity *i, gid_t gid) {
        gid_t *grown;
        size_t at = 0;

        while (at < i->n_groups && i->groups[at] < gid)
                at++;
        if (at < i->n_groups && i->groups[at] == gid)
                return 0;
        grown = reallocarray(i->groups, i->n_groups + 1, sizeof(gid_t));
        if (!grown)
                return -ENOMEM;
        i->groups = grown;
        memmove(grown + at + 1, grown + at, (i->n_groups - at) * sizeof(gid_t));
        grown[at] = gid;
        i->n_groups++;
        return 0;
}

static bool is_member(const char *members, const char *user) {
        size_t n = strlen(user);

        while (*members) {
                size_t k = strcspn(members, ",");

                if (k == n && memcmp(members, user, n) == 0)
                        return true;
                members += k + (members[k] == ',');
        }
        return false;
}

static int add_memberships(const UnitFacts *facts, const IdentityRequest *q, Diag *diag, Identity *i) {
        _cleanup_(record_done) Record record = {};
        Database db = group_of(facts);
        const char *p = db.text;

        if (db.error > 0)
                return report_unreadable(&db, q->user_origin, q->user_directive, diag);
        for (;;) {
                uint32_t gid;
                int r;

                r = record_next(&db, &p, &record);
                if (r < 0)
                        return r;
                if (!record.line)
                        return 0;
                if (!record.well_formed || !is_member(record.fields[3], i->user_name) ||
                    !id_parse(record.fields[2], &gid))
                        continue;
                r = add_group(i, gid);
                if (r < 0)
                        return r;
        }
}

static int resolve_supplementary(const IdentityRequest *q, const UnitFacts *facts, Diag *diag, Identity *i) {
        int error = 0, r;

        /* As with initgroups(3) the own group is in the list, so that giving it up gains nothing. */
        if (q->user) {
                r = add_group(i, i->gid);
                if (r < 0)
                        return r;
        }
        if (q->user && i->user_name) {
                r = add_memberships(facts, q, diag, i);
                if (r < 0)
                        return r;
        }
        for (char *const *s = q->supplementary; s && *s; s++) {
                gid_t gid = 0;

                r = resolve_group(*s, q->supplementary_origin, q->supplementary_directive, facts, diag,
                                  &gid);
                if (r >= 0)
                        r = add_group(i, gid);
                if (r < 0)
                        error = r;
        }
        return error;
}

void identity_done(Identity *i) {
        free(i->groups);
        free(i->user_name);
        free(i->home);
        free(i->shell);
        *i = (Identity){};
}

int identity_lookup(const IdentityRequest *q, const UnitFacts *facts, Diag *diag, Identity *ret) {
        _cleanup_(identity_done) Identity i = {};
        int error = 0, r;

        r = resolve_user(q, facts, diag, &i);
        if (r < 0)
                error = r;
        if (q->group) {
                r = resolve_group(q->group, q->group_origin, q->group_directive, facts, diag, &i.gid);
                if (r < 0)
                        error = r;
        }
        r = resolve_supplementary(q, facts, diag, &i);
        if (r < 0)
                error = r;
        if (error < 0)
                return error;

        *ret = i;
        i = (Identity){};
        return 0;
}

int identity_resolve(const char *user, const char *group, char *const *supplementary, const UnitFacts *facts,
                     const Origin *origin, const char *directive, Diag *diag, Identity *ret) {
        IdentityRequest q = {
                .user = user,
                .group = group,
                .supplementary = supplementary,
                .user_origin = origin,
                .group_origin = origin,
                .supplementary_origin = origin,
                .user_directive = directive,
                .group_directive = directive,
                .supplementary_directive = directive,
        };

        return identity_lookup(&q, facts, diag, ret);
}
