/* A label map as spans of one value along its rows, and spans that touch joined to components.
 *
 * Most of a map is background, and most of a row of an object is one span: whatever counts voxels
 * of objects looks at thousands of spans instead of millions of voxels.
 */

#include "kernel.h"

#include <stdlib.h>

/* Voxels `start` to `stop` (not included) of a row; rows are numbered through all planes. */
typedef struct {
    int32_t row, start, stop, value;
} span;

/* Find the spans of all values but 0, in order; or, where `spans` is NULL, count them. */
#define DEFINE_FIND_SPANS(name, voxel, run_end)                                                    \
    static int64_t name(const voxel *map, int64_t rows, int64_t length, span *spans) {             \
        int64_t count = 0;                                                                         \
        for (int64_t row = 0; row < rows; row++, map += length)                                    \
            for (int64_t at = 0, stop; at < length; at = stop) {                                   \
                stop = run_end(map, at, length);                                                   \
                if (!map[at]) continue;                                                            \
                if (spans != NULL)                                                                 \
                    spans[count] = (span){.row = (int32_t)row,                                     \
                                        .start = (int32_t)at,                                      \
                                        .stop = (int32_t)stop,                                     \
                                        .value = (int32_t)map[at]};                                \
                count++;                                                                           \
            }                                                                                      \
        return count;                                                                              \
    }

DEFINE_FIND_SPANS(find_spans_8, uint8_t, run_end_8)
DEFINE_FIND_SPANS(find_spans_16, uint16_t, run_end_16)

/* The spans of a C-contiguous map of `shape` (3 lengths) and 1 or 2 bytes a voxel; how many. */
EXPORT int64_t segjudge_find_spans(const void *map, int64_t bytes, const int64_t *shape,
                                   span *spans) {
    const int64_t rows = shape[0] * shape[1];
    return bytes == 1 ? find_spans_8(map, rows, shape[2], spans)
                      : find_spans_16(map, rows, shape[2], spans);
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
    const size_t lines = (size_t)(planes * rows) + 1;
    int64_t *firsts = malloc(lines * sizeof(int64_t) + (size_t)count * sizeof(int32_t));
    if (firsts == NULL) return -1;
    int32_t *parents = (int32_t *)(firsts + lines);
    for (int64_t line = 0, i = 0; line < (int64_t)lines; line++) {
        while (i < count && spans[i].row < line) i++;
        firsts[line] = i;
    }
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
