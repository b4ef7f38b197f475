/* A label map as spans of one value along its rows, and spans that touch joined to components.
 *
 * Most of a map is background, and most of a row of an object is one span: whatever counts voxels
 * of objects looks at thousands of spans instead of millions of voxels.
 */

#include "kernel.h"

#include <stdlib.h>

/* Find the spans of all values but 0, in order; those beyond the capacity are only counted. */
#define DEFINE_FIND_SPANS(name, voxel, run_end)                                                    \
    static int64_t name(const voxel *map, int64_t rows, int64_t length, span *spans,               \
                        int64_t capacity) {                                                        \
        int64_t count = 0;                                                                         \
        for (int64_t row = 0; row < rows; row++, map += length)                                    \
            for (int64_t at = 0, stop; at < length; at = stop) {                                   \
                stop = run_end(map, at, length);                                                   \
                if (!map[at]) continue;                                                            \
                if (count < capacity)                                                              \
                    spans[count] = (span){.row = (int32_t)row,                                     \
                                          .start = (int32_t)at,                                    \
                                          .stop = (int32_t)stop,                                   \
                                          .value = (int32_t)map[at]};                              \
                count++;                                                                           \
            }                                                                                      \
        return count;                                                                              \
    }

DEFINE_FIND_SPANS(find_spans_8, uint8_t, run_end_8)
DEFINE_FIND_SPANS(find_spans_16, uint16_t, run_end_16)

/* The spans of a C-contiguous map of `shape` (3 lengths) and 1 or 2 bytes a voxel; how many. */
EXPORT int64_t segjudge_find_spans(const void *map, int64_t bytes, const int64_t *shape,
                                   span *spans, int64_t capacity) {
    const int64_t rows = shape[0] * shape[1];
    return bytes == 1 ? find_spans_8(map, rows, shape[2], spans, capacity)
                      : find_spans_16(map, rows, shape[2], spans, capacity);
}

/* Spans with those of one value together, else in the same order. `firsts` is zeroed, and is then
 * where each value's begin; it has an entry for every value, and one more. */
EXPORT void segjudge_sort_spans(const span *spans, int64_t count, int64_t values, int64_t *firsts,
                                span *sorted) {
    for (int64_t i = 0; i < count; i++) firsts[spans[i].value]++;
    for (int64_t value = 0, before = 0; value <= values; value++) {
        const int64_t own = firsts[value];
        firsts[value] = before;
        before += own;
    }
    for (int64_t i = 0; i < count; i++) sorted[firsts[spans[i].value]++] = spans[i];
    memmove(firsts + 1, firsts, (size_t)values * sizeof *firsts);
    firsts[0] = 0;
}

/* The first span of each row and of the row after the last, and `more` bytes behind them; to be
 * freed. NULL where memory ran out. */
static int64_t *firsts_of_rows(const span *spans, int64_t count, int64_t rows, size_t more) {
    int64_t *firsts = malloc((size_t)(rows + 1) * sizeof(int64_t) + more);
    if (firsts == NULL) return NULL;
    for (int64_t row = 0, i = 0; row <= rows; row++) {
        while (i < count && spans[i].row < row) i++;
        firsts[row] = i;
    }
    return firsts;
}

static inline int32_t root_of(int32_t *parents, int32_t at) {
    while (parents[at] != at) {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    return at;
}

/* The earlier of the two roots becomes the root of both. */
static inline void join(int32_t *parents, int32_t one, int32_t other) {
    const int32_t first = root_of(parents, one), second = root_of(parents, other);
    if (first < second)
        parents[second] = first;
    else
        parents[first] = second;
}

static inline void join_if_touching(const span *spans, int32_t *parents, int64_t one,
                                    int64_t other, int32_t reach) {
    const span *here = spans + one, *there = spans + other;
    if (here->value == there->value && here->start < there->stop + reach &&
        there->start < here->stop + reach)
        join(parents, (int32_t)one, (int32_t)other);
}

/* Join the spans of two rows that have one value and touch; `reach` is 1 if corners count. */
static void join_rows(const span *spans, int32_t *parents, int64_t from, int64_t to, int64_t other,
                      int64_t other_to, int32_t reach) {
    while (from < to && other < other_to) {
        join_if_touching(spans, parents, from, other, reach);
        const int32_t ahead = spans[from].stop - spans[other].stop;
        /* Spans that end together may each touch the other's successor, at a corner. */
        if (ahead == 0 && from + 1 < to) join_if_touching(spans, parents, from + 1, other, reach);
        if (ahead == 0 && other + 1 < other_to)
            join_if_touching(spans, parents, from, other + 1, reach);
        from += ahead <= 0;
        other += ahead >= 0;
    }
}

/* Number the components of spans, which come in order of rows and starts, in place of their values.
 *
 * Spans of one value join where their voxels touch: by faces (6), also by edges (18), also by
 * corners (26). Components are numbered from 1 in the order of their first spans. Returns how many
 * there are, or -1 where memory ran out.
 */
EXPORT int64_t segjudge_join_spans(span *spans, int64_t count, int64_t planes, int64_t rows,
                                  int64_t connectivity) {
    static const int8_t before[4][2] = {{0, -1}, {-1, 0}, {-1, -1}, {-1, 1}};
    const size_t numbers = (size_t)count * sizeof(int32_t);
    int64_t *firsts = firsts_of_rows(spans, count, planes * rows, numbers);
    if (firsts == NULL) return -1;
    int32_t *parents = (int32_t *)(firsts + planes * rows + 1);
    for (int32_t i = 0; i < count; i++) parents[i] = i;
    for (int64_t a = 0; a < planes; a++)
        for (int64_t b = 0; b < rows; b++) {
            const int64_t line = a * rows + b;
            if (firsts[line] == firsts[line + 1]) continue;
            for (int k = 0; k < (connectivity == 6 ? 2 : 4); k++) {
                const int64_t plane = a + before[k][0], beside = b + before[k][1];
                if (plane < 0 || beside < 0 || beside >= rows) continue;
                const int64_t other = plane * rows + beside;
                const int32_t reach = connectivity == 26 || (connectivity == 18 && k < 2);
                join_rows(spans, parents, firsts[line], firsts[line + 1], firsts[other],
                          firsts[other + 1], reach);
            }
        }
    int32_t components = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t root = root_of(parents, i);
        /* A root comes before all others of its component: it has its number already. */
        spans[i].value = root == i ? ++components : spans[root].value;
    }
    free(firsts);
    return components;
}

/* Grow spans of one value by their neighbours: the voxels that touch one by faces (6), also by
 * edges (18), also by corners (26). `grown` has room for 9 times as many; none of these touch end
 * to end. Returns how many there are, or -1 where memory ran out. */
EXPORT int64_t segjudge_grow_spans(const span *spans, int64_t count, const int64_t *shape,
                                   int64_t connectivity, span *grown) {
    const int64_t planes = shape[0], rows = shape[1];
    const int32_t length = (int32_t)shape[2];
    int64_t *firsts = firsts_of_rows(spans, count, planes * rows, 0);
    if (firsts == NULL) return -1;
    int64_t made = 0;
    for (int64_t a = 0; a < planes; a++)
        for (int64_t b = 0; b < rows; b++) {
            int64_t at[9], end[9], sources = 0;
            int32_t reach[9];
            for (int64_t k = 0; k < 9; k++) {
                const int64_t plane = a + k / 3 - 1, row = b + k % 3 - 1;
                if (plane < 0 || plane >= planes || row < 0 || row >= rows) continue;
                const int apart = (k / 3 != 1) + (k % 3 != 1);
                if (apart == 2 && connectivity == 6) continue;
                at[sources] = firsts[plane * rows + row];
                end[sources] = firsts[plane * rows + row + 1];
                reach[sources] = apart == 0 || connectivity == 26 ||
                                 (apart == 1 && connectivity == 18);
                sources += at[sources] < end[sources];
            }
            span next = {.row = (int32_t)(a * rows + b), .start = 0, .stop = -1, .value = 1};
            for (;;) {
                int64_t first = -1;
                int32_t start = 0;
                for (int64_t k = 0; k < sources; k++) {
                    if (at[k] == end[k]) continue;
                    const int32_t its = spans[at[k]].start - reach[k];
                    if (first < 0 || its < start) first = k, start = its;
                }
                if (first < 0) break;
                int32_t stop = spans[at[first]++].stop + reach[first];
                if (stop > length) stop = length;
                if (start < 0) start = 0;
                if (next.stop >= start) {
                    if (stop > next.stop) next.stop = stop;
                    continue;
                }
                if (next.stop > 0) grown[made++] = next;
                next.start = start, next.stop = stop;
            }
            if (next.stop > 0) grown[made++] = next;
        }
    free(firsts);
    return made;
}
