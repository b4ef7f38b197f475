/* The inner loops of `metrics`: counting labels, and measuring two surfaces against each other.
 *
 * There is no floating point in here. What is nearer than the tolerance is decided once, by
 * Python, as a list of offsets; this file only looks voxels up and counts them. So its results
 * cannot depend on the compiler, its options or the processor.
 *
 * A mask is a set of bits, 64 voxels of a row to a word: whether a corner point of the voxel grid
 * is a surface element, and whether the other surface comes near it, is then decided for 64 points
 * at a time.
 *
 * The caller has checked every argument. Functions return 0, or -1 where memory ran out.
 */

#include "kernel.h"

#include <stddef.h>
#include <stdlib.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#ifndef SEGJUDGE_SOURCE
#define SEGJUDGE_SOURCE "unknown"
#endif

__extension__ typedef unsigned __int128 two_words;
enum { WORD = 64, AXES = 3, CODES = 256 };

/* Which source this library was made from. */
EXPORT const char *segjudge_source(void) { return SEGJUDGE_SOURCE; }

/* Keep freed memory in the process: a fresh page is cleared before it is used. */
EXPORT void segjudge_keep_memory(void) {
#if defined(__GLIBC__)
    mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024 * (int)sizeof(long)); /* the most that it takes */
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}

/* ---- One pass over both label maps ---------------------------------------------------------- */

/* One label in both maps. The box is half open, and empty (stop 0) where neither map has it. */
typedef struct {
    int64_t reference, prediction, shared;
    int64_t start[AXES], stop[AXES];
} extent;

static inline void enclose(extent *label, int64_t a, int64_t b, int64_t from, int64_t to) {
    /* Rows come in order of a, so the first has the smallest. */
    if (label->stop[0] == 0) {
        label->start[0] = a;
        label->start[1] = b, label->stop[1] = b + 1;
        label->start[2] = from, label->stop[2] = to;
    } else {
        if (b < label->start[1]) label->start[1] = b;
        if (b >= label->stop[1]) label->stop[1] = b + 1;
        if (from < label->start[2]) label->start[2] = from;
        if (to > label->stop[2]) label->stop[2] = to;
    }
    label->stop[0] = a + 1;
}

#define DEFINE_COUNT(name, ref_voxel, ref_end, pred_voxel, pred_end)                               \
    static void name(const ref_voxel *reference, const pred_voxel *prediction,                     \
                     const int64_t *shape, extent *labels) {                                       \
        const int64_t length = shape[2];                                                           \
        for (int64_t a = 0; a < shape[0]; a++)                                                     \
            for (int64_t b = 0; b < shape[1]; b++) {                                               \
                int64_t ref_stop = 0, pred_stop = 0;                                               \
                for (int64_t at = 0; at < length;) {                                               \
                    if (ref_stop <= at) ref_stop = ref_end(reference, at, length);                 \
                    if (pred_stop <= at) pred_stop = pred_end(prediction, at, length);             \
                    const int64_t stop = ref_stop < pred_stop ? ref_stop : pred_stop;              \
                    const size_t r = reference[at], p = prediction[at];                            \
                    if (r) {                                                                       \
                        labels[r].reference += stop - at;                                          \
                        if (r == p) labels[r].shared += stop - at;                                 \
                        enclose(&labels[r], a, b, at, stop);                                       \
                    }                                                                              \
                    if (p) {                                                                       \
                        labels[p].prediction += stop - at;                                         \
                        if (r != p) enclose(&labels[p], a, b, at, stop);                           \
                    }                                                                              \
                    at = stop;                                                                     \
                }                                                                                  \
                reference += length, prediction += length;                                         \
            }                                                                                      \
    }

DEFINE_COUNT(count_8_8, uint8_t, run_end_8, uint8_t, run_end_8)
DEFINE_COUNT(count_8_16, uint8_t, run_end_8, uint16_t, run_end_16)
DEFINE_COUNT(count_16_8, uint16_t, run_end_16, uint8_t, run_end_8)
DEFINE_COUNT(count_16_16, uint16_t, run_end_16, uint16_t, run_end_16)

/* Count every label but 0 of two label maps, and find its joint bounding box.
 *
 * Maps are C-contiguous, of `shape` (3 lengths) and of 1 or 2 bytes a voxel. `labels` is zeroed,
 * and has an entry for every value that occurs.
 */
EXPORT void segjudge_count(const void *reference, int64_t reference_bytes, const void *prediction,
                           int64_t prediction_bytes, const int64_t *shape, extent *labels) {
    if (reference_bytes == 1 && prediction_bytes == 1)
        count_8_8(reference, prediction, shape, labels);
    else if (reference_bytes == 1)
        count_8_16(reference, prediction, shape, labels);
    else if (prediction_bytes == 1)
        count_16_8(reference, prediction, shape, labels);
    else
        count_16_16(reference, prediction, shape, labels);
}

/* The same from the spans of two maps, which is faster where there are few. */
EXPORT void segjudge_count_spans(const span *reference, int64_t reference_count,
                                 const span *prediction, int64_t prediction_count,
                                 const int64_t *shape, extent *labels) {
    for (int side = 0; side < 2; side++) {
        const span *spans = side ? prediction : reference;
        const int64_t count = side ? prediction_count : reference_count;
        for (int64_t i = 0, plane = 0; i < count; i++) {
            const span own = spans[i];
            extent *label = &labels[own.value];
            *(side ? &label->prediction : &label->reference) += own.stop - own.start;
            while (own.row >= (plane + 1) * shape[1]) plane++;
            if (!label->stop[0] || plane < label->start[0]) label->start[0] = plane;
            const int64_t furthest = label->stop[0];
            enclose(label, plane, own.row - plane * shape[1], own.start, own.stop);
            if (furthest > label->stop[0]) label->stop[0] = furthest;
        }
    }
    for (int64_t i = 0, j = 0; i < reference_count && j < prediction_count;) {
        const span *one = &reference[i], *other = &prediction[j];
        if (one->row != other->row) {
            *(one->row < other->row ? &i : &j) += 1;
            continue;
        }
        const int32_t from = one->start > other->start ? one->start : other->start;
        const int32_t to = one->stop < other->stop ? one->stop : other->stop;
        if (one->value == other->value && from < to) labels[one->value].shared += to - from;
        *(one->stop < other->stop ? &i : &j) += 1;
    }
}

/* ---- A label's box as bits ------------------------------------------------------------------ */

/* 64 voxels to a word: bit i is set where voxel i has the label. */
static inline word equal_8(const uint8_t *voxels, uint8_t label) {
    word found = 0;
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi8((char)label);
    for (int part = 0; part < 4; part++) {
        const __m128i here = _mm_loadu_si128((const __m128i *)(voxels + 16 * part));
        const word bits = (word)(uint16_t)_mm_movemask_epi8(_mm_cmpeq_epi8(here, wanted));
        found |= bits << (16 * part);
    }
#else
    for (int i = 0; i < WORD; i++) found |= (word)(voxels[i] == label) << i;
#endif
    return found;
}

static inline word equal_16(const uint16_t *voxels, uint16_t label) {
    word found = 0;
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi16((short)label);
    for (int part = 0; part < 4; part++) {
        const __m128i *here = (const __m128i *)(voxels + 16 * part);
        const __m128i low = _mm_cmpeq_epi16(_mm_loadu_si128(here), wanted);
        const __m128i high = _mm_cmpeq_epi16(_mm_loadu_si128(here + 1), wanted);
        found |= (word)(uint16_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)) << (16 * part);
    }
#else
    for (int i = 0; i < WORD; i++) found |= (word)(voxels[i] == label) << i;
#endif
    return found;
}

/* Set bit i + 1 of a zeroed row of words where voxel i has the label; whether there is any. */
#define DEFINE_PACK(name, voxel, equal)                                                            \
    static inline int name(const voxel *voxels, int64_t length, voxel label, word *row) {          \
        word any = 0;                                                                              \
        int64_t at = 0;                                                                            \
        for (; at + WORD <= length; at += WORD, row++) {                                           \
            const word found = equal(voxels + at, label);                                          \
            row[0] |= found << 1;                                                                  \
            row[1] |= found >> (WORD - 1);                                                         \
            any |= found;                                                                          \
        }                                                                                          \
        word found = 0;                                                                            \
        for (int64_t i = at; i < length; i++) found |= (word)(voxels[i] == label) << (i - at);     \
        row[0] |= found << 1;                                                                      \
        return (any | found) != 0;                                                                 \
    }

DEFINE_PACK(pack_8, uint8_t, equal_8)
DEFINE_PACK(pack_16, uint16_t, equal_16)

/* One surface on the grid of corner points, (planes, rows, words), and the mask around it.
 *
 * The mask has a row of zeros before and after the rows of each plane, in 3D also a plane before
 * and after. Surface rows have a word of zeros before and after, so that neighbours may be read.
 */
typedef struct {
    int axes, has_widest;
    int64_t planes, rows, words;
    word *mask, *surface;
    uint8_t *mask_any, *surface_any; /* whether a row holds anything */
    word *widest; /* for a large ball: the surface, each row with those that the ball reaches */
} grid;

static inline int64_t mask_row(const grid *g, int64_t a, int64_t b) {
    return a * (g->rows + 1) + b;
}

static size_t grid_bytes(const grid *g) {
    const size_t masks = (size_t)((g->planes + 1) * (g->rows + 1));
    const size_t surfaces = (size_t)(g->planes * g->rows), words = (size_t)g->words;
    const size_t copies = g->has_widest ? 2 : 1;
    return sizeof(word) * (masks * (words + 1) + copies * surfaces * (words + 2)) + masks + surfaces;
}

static void place_grid(grid *g, char *memory) {
    const size_t masks = (size_t)((g->planes + 1) * (g->rows + 1));
    const size_t surfaces = (size_t)(g->planes * g->rows), words = (size_t)g->words;
    g->mask = (word *)memory;
    g->surface = g->mask + masks * (words + 1);
    g->widest = g->surface + (g->has_widest ? surfaces * (words + 2) : 0);
    g->mask_any = (uint8_t *)(g->widest + surfaces * (words + 2));
    g->surface_any = g->mask_any + masks;
}

/* The four rows of the mask around the corner points of one row, two words of each. In 2D the
 * plane before is the plane itself, so that "all inside" and "all outside" mean the same. */
static inline void rows_around(const grid *g, int64_t a, int64_t b, const word *rows[4]) {
    const int64_t before = g->axes == 3 ? a : a + 1;
    rows[0] = g->mask + mask_row(g, before, b) * (g->words + 1);
    rows[1] = g->mask + mask_row(g, before, b + 1) * (g->words + 1);
    rows[2] = g->mask + mask_row(g, a + 1, b) * (g->words + 1);
    rows[3] = g->mask + mask_row(g, a + 1, b + 1) * (g->words + 1);
}

static inline word next_bits(const word *row, int64_t at) {
    return row[at] >> 1 | row[at + 1] << (WORD - 1);
}

/* Corner points whose voxels are not all alike. Memory is zeroed, and stays zero where the
 * surface is not. */
static void find_surface(grid *g) {
    for (int64_t a = 0; a < g->planes; a++)
        for (int64_t b = 0; b < g->rows; b++) {
            const int64_t before = g->axes == 3 ? a : a + 1;
            if (!(g->mask_any[mask_row(g, before, b)] | g->mask_any[mask_row(g, before, b + 1)] |
                  g->mask_any[mask_row(g, a + 1, b)] | g->mask_any[mask_row(g, a + 1, b + 1)]))
                continue;
            const word *rows[4];
            rows_around(g, a, b, rows);
            word *surface = g->surface + (a * g->rows + b) * (g->words + 2) + 1;
            word found = 0;
            for (int64_t at = 0; at < g->words; at++) {
                const word any = rows[0][at] | rows[1][at] | rows[2][at] | rows[3][at];
                const word all = rows[0][at] & rows[1][at] & rows[2][at] & rows[3][at];
                const word any_next = next_bits(rows[0], at) | next_bits(rows[1], at) |
                                      next_bits(rows[2], at) | next_bits(rows[3], at);
                const word all_next = next_bits(rows[0], at) & next_bits(rows[1], at) &
                                      next_bits(rows[2], at) & next_bits(rows[3], at);
                surface[at] = (any | any_next) & ~(all & all_next);
                found |= surface[at];
            }
            g->surface_any[a * g->rows + b] = found != 0;
        }
}

/* ---- The ball ------------------------------------------------------------------------------- */

/* A row of offsets around (a, b): from -reach to reach along the last axis, nearest rows first; or
 * a single offset (a, b, reach). */
typedef struct {
    int32_t a, b, reach;
} ball_row;

typedef struct {
    const ball_row *rows;
    int64_t count;
    const ball_row *by_plane; /* of a large ball: the rows again, those of one plane together */
    int32_t to_sides;         /* of a large ball: the furthest row along b */
} ball;

enum { FEW_ROWS = 48 }; /* that are looked along one by one; a larger ball goes by planes then */

/* Bits that a set bit is at most `half` away from, half < 64, in the middle one of three words. */
static inline word widened(word before, word here, word after, int half) {
    two_words up = (two_words)here << WORD | before, down = (two_words)after << WORD | here;
    int covered = 0; /* the widest shift so far */
    while (covered < half) {
        const int step = covered + 1 < half - covered ? covered + 1 : half - covered;
        up |= up << step;
        down |= down >> step;
        covered += step;
    }
    return (word)(up >> WORD) | (word)down;
}

static inline word shifted(word before, word here, word after, int step) {
    if (step == 0) return here;
    return step > 0 ? here >> step | after << (WORD - step) : here << -step | before >> (WORD + step);
}

static inline word reached(const word *there, int reach, int single) {
    return single ? shifted(there[-1], there[0], there[1], reach)
                  : widened(there[-1], there[0], there[1], reach);
}

/* Whether any bit is set from `reach` before the first of `elements` to `reach` after the last:
 * most rows that can't help are told from the others by that. */
static inline int any_around(const word *there, word elements, int reach) {
    const int from = __builtin_ctzll(elements) - reach;
    const int to = WORD - 1 - __builtin_clzll(elements) + reach;
    const word all = ~(word)0;
    word found = there[0] & all << (from > 0 ? from : 0) & all >> (to < WORD ? WORD - 1 - to : 0);
    if (from < 0) found |= there[-1] & all << (WORD + from);
    if (to >= WORD) found |= there[1] & all >> (2 * WORD - 1 - to);
    return found != 0;
}

/* What is left to look for in one row of a surface; arrays of the grid's length. */
typedef struct {
    word *far;        /* of each word, the elements that nothing was found near to */
    int64_t *pending; /* the words that hold such elements */
    int64_t pending_count;
} search;

/* A row of the other surface, between its two words of zeros; NULL where it has no elements. */
static inline const word *row_of(const grid *other, int64_t a, int64_t b) {
    if (a < 0 || a >= other->planes || b < 0 || b >= other->rows) return NULL;
    const int64_t line = a * other->rows + b;
    return other->surface_any[line] ? other->surface + line * (other->words + 2) + 1 : NULL;
}

/* Look from the pending elements of one row along one row of the other surface. */
static inline void look_along(search *row, const word *other, int reach) {
    for (int64_t i = row->pending_count - 1; i >= 0; i--) {
        const int64_t at = row->pending[i];
        if (!any_around(other + at, row->far[at], reach)) continue;
        row->far[at] &= ~reached(other + at, reach, 0);
        if (!row->far[at]) row->pending[i] = row->pending[--row->pending_count];
    }
}

/* Look along a large ball's rows plane by plane: where nothing at all is near in a plane, one look
 * is enough. Without that, the cost of surfaces far apart would grow with the ball. */
static void look_by_planes(const grid *other, int64_t a, int64_t b, const ball *near, search *row) {
    for (int64_t k = 0, end; k < near->count && row->pending_count; k = end) {
        const ball_row middle = near->by_plane[k];
        for (end = k; end < near->count && near->by_plane[end].a == middle.a; end++) continue;
        const int64_t plane = a + middle.a;
        if (plane < 0 || plane >= other->planes) continue;
        const word *widest = other->widest + (plane * other->rows + b) * (other->words + 2) + 1;
        int hopeful = 0;
        for (int64_t i = 0; i < row->pending_count && !hopeful; i++)
            hopeful = any_around(widest + row->pending[i], row->far[row->pending[i]], middle.reach);
        for (int64_t j = k; hopeful && j < end && row->pending_count; j++) {
            const word *there = row_of(other, plane, b + near->by_plane[j].b);
            if (there != NULL) look_along(row, there, near->by_plane[j].reach);
        }
    }
}

/* Look from the elements of one row along every row of the ball, nearest rows first, until each
 * has found an element of the other surface or there are no rows left. */
static void search_row(const grid *own, const grid *other, int64_t a, int64_t b, const ball *near,
                       search *row) {
    const int64_t line = a * own->rows + b;
    const word *surface = own->surface + line * (own->words + 2) + 1;
    const word *opposite = other->surface + line * (other->words + 2) + 1;
    row->pending_count = 0;
    for (int64_t at = 0; at < own->words; at++) {
        /* The ball's first row is the one through its centre. */
        row->far[at] = surface[at];
        if (!surface[at]) continue;
        row->far[at] &= ~reached(opposite + at, near->rows[0].reach, 0);
        if (row->far[at]) row->pending[row->pending_count++] = at;
    }
    for (int64_t k = 1; k < near->count && k < FEW_ROWS && row->pending_count; k++) {
        const word *there = row_of(other, a + near->rows[k].a, b + near->rows[k].b);
        if (there != NULL) look_along(row, there, near->rows[k].reach);
    }
    if (near->by_plane != NULL) look_by_planes(other, a, b, near, row);
}

/* Of the elements `pending` in one word, those that no single offset takes to the other surface. */
static word beyond_offsets(word pending, const grid *other, int64_t a, int64_t b, int64_t at,
                           const ball *offsets) {
    for (int64_t k = 0; k < offsets->count && pending; k++) {
        const ball_row offset = offsets->rows[k];
        const word *there = row_of(other, a + offset.a, b + offset.b);
        if (there != NULL) pending &= ~reached(there + at, offset.reach, 1);
    }
    return pending;
}

/* ---- Counting a surface's elements ---------------------------------------------------------- */

/* How many bits are set; most often it is one. */
static inline int64_t count_bits(word bits) {
    if (!(bits & (bits - 1))) return bits != 0;
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (int64_t)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* A bit of each plane: the code of the element there. */
static inline unsigned code_at(const word planes[8], int bit) {
    unsigned code = 0;
#if defined(__SSE2__)
    for (int i = 0; i < 4; i++) { /* as the signs of two planes at a time */
        const __m128i two = _mm_loadu_si128((const __m128i *)planes + i);
        const __m128i signs = _mm_sll_epi64(two, _mm_cvtsi32_si128(WORD - 1 - bit));
        code |= (unsigned)_mm_movemask_pd(_mm_castsi128_pd(signs)) << 2 * i;
    }
#else
    for (int i = 0; i < 8; i++) code |= (unsigned)(planes[i] >> bit & 1) << i;
#endif
    return code;
}

/* Count the elements of one word by their codes.
 *
 * An element's code has a bit for each voxel around it; that at offset (a, b, c) is bit
 * 4a + 2b + c, in 2D 2b + c. Many elements of one code, as in a plane, are counted together. */
static inline void count_word(const word *const around[4], int64_t at, int bits, word elements,
                              int64_t *counts) {
    word planes[8] = {0};
    for (int i = 0; i < bits / 2; i++) {
        const int row = bits == 8 ? i : i + 2; /* in 2D both planes are the same */
        planes[2 * i] = around[row][at];
        planes[2 * i + 1] = next_bits(around[row], at);
    }
    int64_t left = count_bits(elements), count = left;
    while (left >= 28 && count >= 8) {
        const unsigned code = code_at(planes, __builtin_ctzll(elements));
        word alike = elements;
        for (int i = 0; i < bits; i++) alike &= ~(planes[i] ^ (0 - (word)(code >> i & 1)));
        count = count_bits(alike);
        counts[code] += count;
        elements &= ~alike;
        left -= count;
    }
    for (; elements; elements &= elements - 1) counts[code_at(planes, __builtin_ctzll(elements))]++;
}

/* Count a surface's elements by their codes: those near the other surface, if `near` is not NULL,
 * and those far from it.
 * Elements that only `within` reaches and `beyond` reaches too are counted as far; the function
 * returns how many these are. */
static int64_t count_elements(const grid *own, const grid *other, const ball *certain,
                              const ball *within, const ball *beyond, search *row, int64_t *near,
                              int64_t *far) {
    int64_t disputed = 0;
    for (int64_t a = 0; a < own->planes; a++)
        for (int64_t b = 0; b < own->rows; b++) {
            if (!own->surface_any[a * own->rows + b]) continue;
            search_row(own, other, a, b, certain, row);
            for (int64_t i = 0; within->count && i < row->pending_count; i++) {
                const int64_t at = row->pending[i];
                const word left = row->far[at];
                const word just = left & ~beyond_offsets(left, other, a, b, at, within);
                const word sure = beyond_offsets(just, other, a, b, at, beyond);
                row->far[at] &= ~sure;
                disputed += count_bits(just & ~sure);
            }
            const word *around[4];
            rows_around(own, a, b, around);
            const word *surface = own->surface + (a * own->rows + b) * (own->words + 2) + 1;
            for (int64_t at = 0; at < own->words; at++) {
                const word near_ones = near == NULL ? 0 : surface[at] & ~row->far[at];
                const word far_ones = row->far[at];
                /* a constant number of bits, for the compiler */
                if (near_ones && own->axes == 3) count_word(around, at, 8, near_ones, near);
                if (near_ones && own->axes != 3) count_word(around, at, 4, near_ones, near);
                if (far_ones && own->axes == 3) count_word(around, at, 8, far_ones, far);
                if (far_ones && own->axes != 3) count_word(around, at, 4, far_ones, far);
            }
        }
    return disputed;
}

/* Each row of the surface together with the rows up to `to_sides` before and after it. */
static void widen_rows(grid *g, int64_t to_sides) {
    const size_t length = (size_t)g->words + 2;
    for (int64_t plane = 0; plane < g->planes; plane++) {
        const word *surface = g->surface + (size_t)(plane * g->rows) * length;
        word *widest = g->widest + (size_t)(plane * g->rows) * length;
        memcpy(widest, surface, (size_t)g->rows * length * sizeof(word));
        for (int64_t b = 0; b < g->rows; b++) {
            if (!g->surface_any[plane * g->rows + b]) continue;
            const int64_t from = b > to_sides ? b - to_sides : 0;
            const int64_t to = b + to_sides < g->rows ? b + to_sides + 1 : g->rows;
            for (int64_t line = from; line < to; line++)
                for (size_t at = 0; at < length; at++)
                    widest[(size_t)line * length + at] |= surface[(size_t)b * length + at];
        }
    }
}

/* The rows of a large ball with those of one plane together, nearest first; in `sorted`. */
static void sort_by_plane(ball *near, ball_row *sorted) {
    int32_t furthest = 0;
    near->to_sides = 0;
    for (int64_t k = 0; k < near->count; k++) {
        if (near->rows[k].a > furthest) furthest = near->rows[k].a;
        if (near->rows[k].b > near->to_sides) near->to_sides = near->rows[k].b;
    }
    int64_t count = 0;
    for (int32_t a = 0; a <= furthest; a++)
        for (int sign = 1; sign >= (a ? -1 : 1); sign -= 2)
            for (int64_t k = 0; k < near->count; k++)
                if (near->rows[k].a == sign * a) sorted[count++] = near->rows[k];
    near->by_plane = sorted;
}

/* ---- Labels, one after the other ------------------------------------------------------------ */

/* A map, its spans sorted by their values, and where those of each begin; NULL, or its voxels alone
 * where it has too many spans. */
typedef struct {
    const void *voxels;
    int64_t bytes;
    const span *spans;
    const int64_t *firsts;
} label_map;

static void pack(grid *g, const void *map, int64_t bytes, const int64_t *shape, int64_t label,
                 const extent *box) {
    const int64_t length = box->stop[2] - box->start[2];
    for (int64_t a = box->start[0]; a < box->stop[0]; a++)
        for (int64_t b = box->start[1]; b < box->stop[1]; b++) {
            const int64_t voxel = (a * shape[1] + b) * shape[2] + box->start[2];
            const int64_t row = mask_row(g, a - box->start[0] + 1, b - box->start[1] + 1);
            word *words = g->mask + row * (g->words + 1);
            g->mask_any[row] = (uint8_t)(bytes == 1 ? pack_8((const uint8_t *)map + voxel, length,
                                                             (uint8_t)label, words)
                                                    : pack_16((const uint16_t *)map + voxel, length,
                                                              (uint16_t)label, words));
        }
}

static void set_bits(word *row, int64_t from, int64_t to) {
    const int64_t first = from / WORD, last = (to - 1) / WORD;
    const word begin = ~(word)0 << from % WORD, end = ~(word)0 >> (WORD - 1 - (to - 1) % WORD);
    if (first == last) {
        row[first] |= begin & end;
        return;
    }
    row[first] |= begin;
    for (int64_t at = first + 1; at < last; at++) row[at] = ~(word)0;
    row[last] |= end;
}

/* The same from the label's spans. */
static void pack_spans(grid *g, const span *spans, int64_t count, const int64_t *shape,
                       const extent *box) {
    for (int64_t i = 0, plane = box->start[0]; i < count; i++) {
        while (spans[i].row >= (plane + 1) * shape[1]) plane++;
        const int64_t line = spans[i].row - plane * shape[1];
        const int64_t row = mask_row(g, plane - box->start[0] + 1, line - box->start[1] + 1);
        const int64_t before = box->start[2] - 1;
        set_bits(g->mask + row * (g->words + 1), spans[i].start - before, spans[i].stop - before);
        g->mask_any[row] = 1;
    }
}

static void fill(grid *g, const label_map *map, const int64_t *shape, int64_t label,
                 const extent *box) {
    if (map->spans == NULL)
        pack(g, map->voxels, map->bytes, shape, label, box);
    else
        pack_spans(g, map->spans + map->firsts[label], map->firsts[label + 1] - map->firsts[label],
                   shape, box);
    find_surface(g);
}

static grid grid_of(const extent *box, int axes) {
    const int64_t width = box->stop[2] - box->start[2];
    return (grid){.axes = axes,
                  .planes = axes == 3 ? box->stop[0] - box->start[0] + 1 : 1,
                  .rows = box->stop[1] - box->start[1] + 1,
                  /* bits 0 to width are corner points, 1 to width voxels */
                  .words = width / WORD + 1};
}

/* Measure labels' two surfaces against each other.
 *
 * Voxels are as for segjudge_count; in 2D the first of the three lengths is 1. `boxes` has an entry
 * for each label, with what segjudge_count found. `is_known` has one too: where it is set, the
 * reference's near elements are not counted, since the caller knows how many there are in all. The tolerance is a ball in three parts: the
 * `certain` rows; single offsets whose length is the tolerance itself, and in float64 not more
 * (`within`), or more (`beyond`).
 *
 * `counts` is zeroed, (labels, 4, codes): elements of the reference's surface near the
 * prediction's and far from it, the same two of the prediction's surface; 256 codes in 3D, 16 in 2D.
 * `disputed` is (labels, 2): how many elements of either surface are near it or not depending on
 * which of their neighbours is taken for the nearest.
 */
EXPORT int segjudge_measure(const label_map *reference, const label_map *prediction,
                            const int64_t *shape, int64_t axes, int64_t label_count,
                            const int64_t *labels, const extent *boxes, const uint8_t *is_known,
                            const ball_row *certain, int64_t certain_count, const ball_row *within,
                            int64_t within_count, const ball_row *beyond, int64_t beyond_count,
                            int64_t *counts, int64_t *disputed) {
    ball balls[3] = {{.rows = certain, .count = certain_count},
                     {.rows = within, .count = within_count},
                     {.rows = beyond, .count = beyond_count}};
    const int is_large = certain_count > FEW_ROWS;
    const int64_t codes = axes == 3 ? CODES : 16;
    size_t largest = 0, longest = 0;
    for (int64_t i = 0; i < label_count; i++) {
        grid g = grid_of(&boxes[i], (int)axes);
        g.has_widest = is_large;
        if (grid_bytes(&g) > largest) largest = grid_bytes(&g);
        if ((size_t)g.words > longest) longest = (size_t)g.words;
    }
    /* a multiple of a word, so that what follows is aligned */
    largest = (largest + sizeof(word) - 1) / sizeof(word) * sizeof(word);
    char *memory = malloc(2 * largest + longest * (sizeof(word) + sizeof(int64_t)) +
                          (size_t)certain_count * sizeof(ball_row) + 1);
    if (memory == NULL) return -1;
    search row;
    row.far = (word *)(memory + 2 * largest);
    row.pending = (int64_t *)(row.far + longest);
    if (is_large) sort_by_plane(&balls[0], (ball_row *)(row.pending + longest));
    for (int64_t i = 0; i < label_count; i++) {
        grid first = grid_of(&boxes[i], (int)axes), second;
        first.has_widest = is_large;
        second = first;
        memset(memory, 0, grid_bytes(&first));
        memset(memory + largest, 0, grid_bytes(&second));
        place_grid(&first, memory);
        place_grid(&second, memory + largest);
        fill(&first, reference, shape, labels[i], &boxes[i]);
        fill(&second, prediction, shape, labels[i], &boxes[i]);
        if (is_large) {
            widen_rows(&first, balls[0].to_sides);
            widen_rows(&second, balls[0].to_sides);
        }
        int64_t *count = counts + 4 * codes * i;
        disputed[2 * i] = count_elements(&first, &second, &balls[0], &balls[1], &balls[2], &row,
                                         is_known[i] ? NULL : count, count + codes);
        disputed[2 * i + 1] = count_elements(&second, &first, &balls[0], &balls[1], &balls[2],
                                             &row, count + 2 * codes, count + 3 * codes);
    }
    free(memory);
    return 0;
}
