/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of parts (parts.c), forwards and back. */
#include "manager/container/container-internal.h"
#include "manager/container/life/parts.h"

#define EACH_PART(p) (const LifePart *const *p = life_parts; p < life_parts + life_parts_count(); p++)
#define EACH_PART_BACKWARDS(p) (const LifePart *const *p = life_parts + life_parts_count(); p-- > life_parts;)

void life_parts_begin(Container *c) {
        c->parts_begun = 0;
        for EACH_PART(p)
                if ((*p)->begin)
                        (*p)->begin(c);
}

int life_parts_check(const Container *c, Diag *diag) {
        for EACH_PART(p) {
                int r = (*p)->check ? (*p)->check(c, diag) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

int life_parts_prepare(Container *c, Launch *launch, bool of_the_end, Diag *diag) {
        c->parts_begun = 0;
        for EACH_PART(p) {
                int r;

                c->parts_begun++;
                r = (*p)->prepare && (!of_the_end || (*p)->of_the_end) ? (*p)->prepare(c, launch, diag) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int life_parts_fill(Container *c, Launch *launch, Diag *diag) {
        for EACH_PART(p) {
                int r = (*p)->fill ? (*p)->fill(c, launch, diag) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

int life_parts_live(Container *c, int pid, int pidfd, Diag *diag) {
        for EACH_PART(p) {
                int r = (*p)->live ? (*p)->live(c, pid, pidfd, diag) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

void life_parts_started(Container *c, int payload_pid) {
        for EACH_PART(p)
                if ((*p)->started)
                        (*p)->started(c, payload_pid);
}

void life_parts_moved(Container *c) {
        for EACH_PART(p)
                if ((*p)->moved)
                        (*p)->moved(c);
}

void life_parts_undo(Container *c) {
        while (c->parts_begun > 0) {
                const LifePart *p = life_parts[--c->parts_begun];

                if (p->undo)
                        p->undo(c);
        }
}

void life_parts_release(Container *c) {
        for EACH_PART_BACKWARDS(p)
                if ((*p)->release)
                        (*p)->release(c);
}

void life_parts_save(const Container *c, Blob *b) {
        for EACH_PART(p)
                if ((*p)->save)
                        (*p)->save(c, b);
}

void life_parts_adopt(Container *c, Adoption *a) {
        for EACH_PART(p)
                if ((*p)->adopt)
                        (*p)->adopt(c, a);
        c->parts_begun = life_parts_count();
}

void life_parts_resume(Container *c, const Adoption *a) {
        for EACH_PART(p)
                if ((*p)->resume)
                        (*p)->resume(c, a);
}

void life_parts_settle(Container *c, bool first) {
        for EACH_PART(p)
                if ((*p)->settle)
                        (*p)->settle(c, first);
}

void life_parts_forget(Container *c) {
        for EACH_PART_BACKWARDS(p)
                if ((*p)->forget)
                        (*p)->forget(c);
}

void life_parts_sweep(Manager *m) {
        for EACH_PART_BACKWARDS(p)
                if ((*p)->sweep)
                        (*p)->sweep(m);
}

void life_parts_done(Container *c) {
        for EACH_PART_BACKWARDS(p)
                if ((*p)->done)
                        (*p)->done(c);
}
