/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/base/string-list.h"
#include "manager/order/dependency.h"

#define HASH_FUNCTION(key, size, hash) HASH_OAT(key, size, hash)
#include <uthash.h>

struct DependencyNode {
        char *name;
        UT_hash_handle hh;
        const ContainerSpec *spec; /* keeps the lines of its edges */
        DependencyEdge *declared;  /* what its own unit says; the edges themselves */
        size_t n_declared;
        DependencyEdge **out, **in; /* borrowed, also from other nodes */
        size_t n_out, n_in;

        /* --- order, valid while the graph is not dirty */
        size_t component;
        uint32_t depth; /* how many it stands behind, one upon the other */
        bool cyclic;
        /* --- scratch of the walks below */
        DependencyMarks marks;
        size_t index, low, cursor;
        bool on_stack;
        const DependencyEdge *came_by;
};

struct DependencyGraph {
        DependencyNode *nodes; /* hash */
        bool dirty;            /* components are to be found again */
};

/* THE table: what each kind means, seen from the unit that has it and from the one that it names. */
static const struct {
        const char *name, *inverse;
        unsigned forwards, backwards;
} kinds[_DEPENDENCY_MAX] = {
        [DEPENDENCY_REQUIRES] = { "Requires", "RequiredBy", EFFECT_START | EFFECT_HOLDS,
                                  EFFECT_STOP | EFFECT_RESTART | EFFECT_FAIL | EFFECT_HELD },
        [DEPENDENCY_REQUISITE] = { "Requisite", "RequisiteOf", EFFECT_VERIFY | EFFECT_HOLDS,
                                   EFFECT_STOP | EFFECT_RESTART | EFFECT_FAIL | EFFECT_HELD },
        [DEPENDENCY_WANTS] = { "Wants", "WantedBy", EFFECT_START_WEAKLY | EFFECT_HOLDS, EFFECT_HELD },
        [DEPENDENCY_BINDS_TO] = { "BindsTo", "BoundBy", EFFECT_START | EFFECT_HOLDS | EFFECT_NEEDS,
                                  EFFECT_STOP | EFFECT_RESTART | EFFECT_FAIL | EFFECT_HELD | EFFECT_NEEDED },
        [DEPENDENCY_PART_OF] = { "PartOf", "ConsistsOf", 0, EFFECT_STOP | EFFECT_RESTART },
        [DEPENDENCY_UPHOLDS] = { "Upholds", "UpheldBy", EFFECT_START_WEAKLY | EFFECT_HOLDS | EFFECT_UPHOLDS,
                                 EFFECT_HELD | EFFECT_UPHELD },
        [DEPENDENCY_CONFLICTS] = { "Conflicts", "ConflictedBy", EFFECT_STOP_BY_START, EFFECT_STOP_BY_START_WEAKLY },
        [DEPENDENCY_AFTER] = { "After", "Before", EFFECT_AFTER, EFFECT_BEFORE },
        [DEPENDENCY_ON_FAILURE] = { "OnFailure", "OnFailureOf", EFFECT_ON_FAILURE, 0 },
        [DEPENDENCY_ON_SUCCESS] = { "OnSuccess", "OnSuccessOf", EFFECT_ON_SUCCESS, 0 },
        [DEPENDENCY_PROPAGATES_STOP_TO] = { "PropagatesStopTo", "StopPropagatedFrom", EFFECT_STOP | EFFECT_STOP_BY_END,
                                            0 },
        [DEPENDENCY_PROPAGATES_RELOAD_TO] = { "PropagatesReloadTo", "ReloadPropagatedFrom", EFFECT_RELOAD, 0 },
};

/* Which row of the language makes which. */
static const struct {
        DirectiveId directive;
        DependencyKind kind;
        bool reversed; /* the unit that has the line is the edge's target */
} sources[] = {
        { DIRECTIVE_Requires, DEPENDENCY_REQUIRES, false },
        { DIRECTIVE_Requisite, DEPENDENCY_REQUISITE, false },
        { DIRECTIVE_Wants, DEPENDENCY_WANTS, false },
        { DIRECTIVE_BindsTo, DEPENDENCY_BINDS_TO, false },
        { DIRECTIVE_PartOf, DEPENDENCY_PART_OF, false },
        { DIRECTIVE_Upholds, DEPENDENCY_UPHOLDS, false },
        { DIRECTIVE_Conflicts, DEPENDENCY_CONFLICTS, false },
        { DIRECTIVE_After, DEPENDENCY_AFTER, false },
        { DIRECTIVE_Before, DEPENDENCY_AFTER, true },
        { DIRECTIVE_OnFailure, DEPENDENCY_ON_FAILURE, false },
        { DIRECTIVE_OnSuccess, DEPENDENCY_ON_SUCCESS, false },
        { DIRECTIVE_PropagatesStopTo, DEPENDENCY_PROPAGATES_STOP_TO, false },
        { DIRECTIVE_StopPropagatedFrom, DEPENDENCY_PROPAGATES_STOP_TO, true },
        { DIRECTIVE_PropagatesReloadTo, DEPENDENCY_PROPAGATES_RELOAD_TO, false },
        { DIRECTIVE_ReloadPropagatedFrom, DEPENDENCY_PROPAGATES_RELOAD_TO, true },
};

const char *dependency_kind_to_string(DependencyKind k, bool backwards) {
        if (k < 0 || k >= _DEPENDENCY_MAX)
                return NULL;
        return backwards ? kinds[k].inverse : kinds[k].name;
}

/* --- nodes and edges */

DependencyNode *dependency_find(const DependencyGraph *g, const char *name) {
        DependencyNode *n;

        HASH_FIND_STR(g->nodes, name, n);
        return n;
}

const char *dependency_name(const DependencyNode *n) {
        return n->name;
}

DependencyMarks *dependency_marks(DependencyNode *n) {
        return &n->marks;
}

static int find_or_add(DependencyGraph *g, const char *name, DependencyNode **ret) {
        DependencyNode *n = dependency_find(g, name);

        if (!n) {
                n = calloc(1, sizeof(*n));
                if (!n)
                        return -ENOMEM;
                n->name = strdup(name);
                if (!n->name) {
                        free(n);
                        return -ENOMEM;
                }
                HASH_ADD_KEYPTR(hh, g->nodes, n->name, strlen(n->name), n);
        }
        *ret = n;
        return 0;
}

static void node_free(DependencyNode *n) {
        if (n->spec)
                (void)container_spec_unref((ContainerSpec *)n->spec);
        free(n->declared);
        free(n->out);
        free(n->in);
        free(n->name);
        free(n);
}

static void forget_unused(DependencyGraph *g, DependencyNode *n) {
        if (n->n_out > 0 || n->n_in > 0)
                return;
        HASH_DEL(g->nodes, n);
        node_free(n);
}

static int list_add(DependencyEdge ***list, size_t *n, DependencyEdge *e) {
        /* doubled at every power of two */
        if ((*n & (*n - 1)) == 0) {
                DependencyEdge **grown = reallocarray(*list, *n > 0 ? 2 * *n : 1, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                *list = grown;
        }
        (*list)[(*n)++] = e;
        return 0;
}

static void list_remove(DependencyEdge **list, size_t *n, const DependencyEdge *e) {
        for (size_t i = 0; i < *n; i++)
                if (list[i] == e) {
                        memmove(list + i, list + i + 1, (--*n - i) * sizeof(*list));
                        return;
                }
}

static DependencyNode *declarer(const DependencyEdge *e) {
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                if (sources[i].directive == e->directive)
                        return sources[i].reversed ? e->to : e->from;
        return e->from;
}

const char *dependency_edge_written(const DependencyEdge *e) {
        return declarer(e) == e->from ? e->to->name : e->from->name;
}

char *dependency_edge_to_string(const DependencyEdge *e) {
        char *text = NULL;

        if (str_append(&text, "%s:%u: %s=%s", strempty(e->origin.file), e->origin.line, directives[e->directive].name,
                       dependency_edge_written(e)) < 0)
                return NULL;
        return text;
}

static size_t count_items(const ContainerSpec *spec) {
        size_t n = 0;

        for (size_t i = 0; spec && i < ELEMENTSOF(sources); i++)
                n += ((const value_units *)container_spec_field_const(spec, sources[i].directive))->n;
        return n;
}

/* A unit is read again before each start: mostly it says what it said before. */
static bool says_the_same(const DependencyNode *n, const ContainerSpec *spec) {
        size_t k = 0;

        if (n->n_declared != count_items(spec))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(sources); i++) {
                const value_units *v = container_spec_field_const(spec, sources[i].directive);

                for (size_t j = 0; j < v->n; j++, k++)
                        if (n->declared[k].directive != sources[i].directive ||
                            !streq(dependency_edge_written(n->declared + k), v->items[j].name))
                                return false;
        }
        return true;
}

static void take_spec(DependencyNode *n, const ContainerSpec *spec) {
        const ContainerSpec *old = n->spec;
        size_t k = 0;

        n->spec = spec ? container_spec_ref(spec) : NULL;
        for (size_t i = 0; n->n_declared > 0 && i < ELEMENTSOF(sources); i++) {
                const value_units *v = container_spec_field_const(spec, sources[i].directive);

                for (size_t j = 0; j < v->n; j++)
                        n->declared[k++].origin = v->items[j].origin;
        }
        if (old)
                (void)container_spec_unref((ContainerSpec *)old);
}

static void drop_declared(DependencyGraph *g, DependencyNode *n) {
        for (size_t i = 0; i < n->n_declared; i++) {
                DependencyEdge *e = n->declared + i;

                list_remove(e->from->out, &e->from->n_out, e);
                list_remove(e->to->in, &e->to->n_in, e);
                forget_unused(g, e->from == n ? e->to : e->from);
        }
        free(n->declared);
        n->declared = NULL;
        n->n_declared = 0;
        g->dirty = true;
}

static int declare(DependencyGraph *g, DependencyNode *n, size_t source, const UnitItem *item) {
        DependencyEdge *e = n->declared + n->n_declared;
        DependencyNode *other;
        int r;

        if (streq(item->name, n->name))
                return 0; /* units/resolve has refused it; a last good definition never had it */
        r = find_or_add(g, item->name, &other);
        if (r < 0)
                return r;
        *e = (DependencyEdge){ .kind = sources[source].kind,
                               .from = sources[source].reversed ? other : n,
                               .to = sources[source].reversed ? n : other,
                               .directive = sources[source].directive,
                               .origin = item->origin };
        r = list_add(&e->from->out, &e->from->n_out, e);
        if (r >= 0) {
                r = list_add(&e->to->in, &e->to->n_in, e);
                if (r < 0)
                        list_remove(e->from->out, &e->from->n_out, e);
        }
        if (r < 0) {
                forget_unused(g, other);
                return r;
        }
        n->n_declared++;
        return 0;
}

int dependency_graph_set(DependencyGraph *g, const char *name, const ContainerSpec *spec) {
        DependencyNode *n = dependency_find(g, name);
        size_t total = count_items(spec);
        int r = 0;

        if (total == 0 && (!n || n->n_declared == 0))
                return 0;
        if (n && spec && says_the_same(n, spec)) {
                take_spec(n, total > 0 ? spec : NULL);
                return 0;
        }
        if (!n)
                r = find_or_add(g, name, &n);
        if (r < 0)
                return r;
        drop_declared(g, n);
        take_spec(n, total > 0 ? spec : NULL);
        if (total > 0)
                n->declared = calloc(total, sizeof(DependencyEdge));
        if (total > 0 && !n->declared)
                r = -ENOMEM;
        for (size_t i = 0; r >= 0 && total > 0 && i < ELEMENTSOF(sources); i++) {
                const value_units *v = container_spec_field_const(spec, sources[i].directive);

                for (size_t j = 0; r >= 0 && j < v->n; j++)
                        r = declare(g, n, i, v->items + j);
        }
        if (r < 0)
                drop_declared(g, n);
        forget_unused(g, n);
        return r;
}

int dependency_graph_new(DependencyGraph **ret) {
        DependencyGraph *g = calloc(1, sizeof(*g));

        if (!g)
                return -ENOMEM;
        *ret = g;
        return 0;
}

DependencyGraph *dependency_graph_free(DependencyGraph *g) {
        DependencyNode *n, *next;

        if (!g)
                return NULL;
        HASH_ITER(hh, g->nodes, n, next) {
                HASH_DEL(g->nodes, n);
                node_free(n);
        }
        free(g);
        return NULL;
}

bool dependency_next(const DependencyNode *n, unsigned effects, size_t *cursor, DependencyStep *ret) {
        while (n && *cursor < n->n_out + n->n_in) {
                bool backwards = *cursor >= n->n_out;
                const DependencyEdge *e = backwards ? n->in[*cursor - n->n_out] : n->out[*cursor];
                unsigned has = backwards ? kinds[e->kind].backwards : kinds[e->kind].forwards;

                (*cursor)++;
                if ((has & effects) == 0 && effects != EFFECT_ANY)
                        continue;
                *ret = (DependencyStep){ e, backwards ? e->from : e->to, has, backwards };
                return true;
        }
        return false;
}

/* --- order: strongly connected components of After= (Tarjan), without recursion: a chain can be long */

typedef struct Walk {
        DependencyNode **path, **stack;
        size_t n_path, n_stack, last_index, last_component;
} Walk;

static void enter(Walk *w, DependencyNode *n) {
        n->index = n->low = ++w->last_index;
        n->cursor = 0;
        n->on_stack = true;
        w->path[w->n_path++] = n;
        w->stack[w->n_stack++] = n;
}

/* Whatever a component leads to was left before it. */
static void set_depth(DependencyNode *const *members, size_t n) {
        uint32_t depth = 0;

        for (size_t i = 0; i < n; i++) {
                DependencyStep s;

                for (size_t cursor = 0; dependency_next(members[i], EFFECT_AFTER, &cursor, &s);)
                        if (s.other->component != members[i]->component)
                                depth = MAX_OF(depth, s.other->depth + 1);
        }
        for (size_t i = 0; i < n; i++)
                members[i]->depth = depth;
}

static void leave(Walk *w, DependencyNode *n) {
        size_t size = 0;
        DependencyNode *member;

        w->n_path--;
        if (w->n_path > 0)
                w->path[w->n_path - 1]->low = MIN_OF(w->path[w->n_path - 1]->low, n->low);
        if (n->low != n->index)
                return;
        w->last_component++;
        do {
                member = w->stack[--w->n_stack];
                member->on_stack = false;
                member->component = w->last_component;
                size++;
        } while (member != n);
        set_depth(w->stack + w->n_stack, size); /* they still lie above the top */
        for (size_t i = 0; i < size; i++)
                w->stack[w->n_stack + i]->cyclic = size > 1;
}

static void walk_from(Walk *w, DependencyNode *start) {
        enter(w, start);
        while (w->n_path > 0) {
                DependencyNode *n = w->path[w->n_path - 1];
                DependencyStep s;

                if (!dependency_next(n, EFFECT_AFTER, &n->cursor, &s))
                        leave(w, n);
                else if (s.other->index == 0)
                        enter(w, s.other);
                else if (s.other->on_stack)
                        n->low = MIN_OF(n->low, s.other->index);
        }
}

static int find_components(DependencyGraph *g) {
        _cleanup_free_ DependencyNode **path = NULL, **stack = NULL;
        size_t count = HASH_COUNT(g->nodes);
        Walk w = {};

        if (!g->dirty)
                return 0;
        path = calloc(count + 1, sizeof(*path));
        stack = calloc(count + 1, sizeof(*stack));
        if (!path || !stack)
                return -ENOMEM;
        w.path = path;
        w.stack = stack;
        for (DependencyNode *n = g->nodes; n; n = n->hh.next)
                n->index = 0;
        for (DependencyNode *n = g->nodes; n; n = n->hh.next)
                if (n->index == 0)
                        walk_from(&w, n);
        g->dirty = false;
        return 0;
}

int dependency_in_cycle(DependencyGraph *g, const DependencyNode *n, bool *ret) {
        int r = find_components(g);

        if (r < 0)
                return r;
        *ret = n && n->cyclic;
        return 0;
}

uint32_t dependency_depth(DependencyGraph *g, const DependencyNode *n) {
        return n && find_components(g) >= 0 ? n->depth : 0;
}

int dependency_each_cycle(DependencyGraph *g, void (*found)(const DependencyNode *n, void *userdata), void *userdata) {
        _cleanup_free_ bool *told = NULL;
        int r = find_components(g);

        if (r < 0)
                return r;
        told = calloc(HASH_COUNT(g->nodes) + 1, sizeof(bool));
        if (!told)
                return -ENOMEM;
        for (DependencyNode *n = g->nodes; n; n = n->hh.next) {
                if (!n->cyclic || told[n->component])
                        continue;
                told[n->component] = true;
                found(n, userdata);
        }
        return 0;
}

/* Breadth first inside the component, so that the cycle told is as short as can be. */
static int shortest_cycle(DependencyGraph *g, DependencyNode *start, const DependencyEdge **ret_last) {
        _cleanup_free_ DependencyNode **queue = calloc(HASH_COUNT(g->nodes) + 1, sizeof(*queue));
        size_t head = 0, tail = 0;

        if (!queue)
                return -ENOMEM;
        for (DependencyNode *n = g->nodes; n; n = n->hh.next)
                n->came_by = NULL;
        queue[tail++] = start;
        while (head < tail) {
                DependencyNode *n = queue[head++];
                DependencyStep s;

                for (size_t cursor = 0; dependency_next(n, EFFECT_AFTER, &cursor, &s);) {
                        if (s.other == start) {
                                *ret_last = s.edge;
                                return 0;
                        }
                        if (s.other->component != start->component || s.other->came_by)
                                continue;
                        s.other->came_by = s.edge;
                        queue[tail++] = s.other;
                }
        }
        return -ENOENT;
}

#define CYCLE_WORDS "%s is to start after %s, in a circle of %zu; take one of its lines away"

int dependency_explain_cycle(DependencyGraph *g, const DependencyNode *n, bool warn, Diag *diag) {
        _cleanup_free_ const DependencyEdge **edges = NULL;
        const DependencyEdge *last = NULL;
        size_t count = 0;
        int r;

        r = find_components(g);
        if (r >= 0)
                r = shortest_cycle(g, (DependencyNode *)n, &last);
        if (r < 0)
                return r;
        for (const DependencyEdge *e = last; e; e = e->from->came_by)
                count++;
        edges = calloc(count, sizeof(*edges));
        if (!edges)
                return -ENOMEM;
        for (size_t i = count; i > 0; i--) {
                edges[i - 1] = last;
                last = last->from->came_by;
        }
        for (size_t i = 0; i < count; i++) {
                const DependencyEdge *e = edges[i];
                if (warn)
                        diag_warning(diag, ERROR_CONFLICT, &e->origin, directives[e->directive].name, CYCLE_WORDS,
                                     e->from->name, e->to->name, count);
                else
                        (void)diag_error(diag, ERROR_CONFLICT, &e->origin, directives[e->directive].name, CYCLE_WORDS,
                                         e->from->name, e->to->name, count);
        }
        return 0;
}

const DependencyEdge *dependency_waits_for(DependencyGraph *g, const DependencyNode *n, JobPhase mine,
                                           JobPhase (*phase_of)(const char *name, void *userdata), void *userdata) {
        DependencyStep s;

        if (!n || mine == PHASE_NONE || find_components(g) < 0)
                return NULL;
        for (size_t cursor = 0; dependency_next(n, EFFECT_AFTER | EFFECT_BEFORE, &cursor, &s);) {
                bool other_is_earlier = FLAGS_SET(s.effects, EFFECT_AFTER);
                JobPhase theirs;

                if (n->cyclic && s.other->component == n->component)
                        continue;
                theirs = phase_of(s.other->name, userdata);
                if (theirs == PHASE_STOP && (mine == PHASE_START || !other_is_earlier))
                        return s.edge;
                if (theirs == PHASE_START && mine == PHASE_START && other_is_earlier)
                        return s.edge;
        }
        return NULL;
}
