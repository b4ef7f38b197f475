/* A mask thinned to a skeleton one voxel wide: Lee, Kashyap and Chu, CVGIP 56(6), 1994.
 *
 * Voxels are taken away in turns, one direction after the other, if that changes neither how many
 * pieces there are nor the Euler characteristic, and if they are no end of a line.
 */

#include "kernel.h"

#include <stdlib.h>

enum { AROUND = 26 };

/* What the 26 neighbours of a voxel are to each other and to the closed cube of the voxel. */
typedef struct {
    int64_t offsets[AROUND];
    uint32_t touching[AROUND]; /* the neighbours that touch one, by corners too */
    uint32_t covering[AROUND]; /* the neighbours that share one face, edge or corner of the cube */
    int sign[AROUND];          /* of that face, edge or corner in the Euler characteristic */
} neighbours;

static neighbours neighbours_in(const int64_t *shape) {
    neighbours all;
    int at[AROUND][3], count = 0;
    for (int a = -1; a <= 1; a++)
        for (int b = -1; b <= 1; b++)
            for (int c = -1; c <= 1; c++) {
                if (!a && !b && !c) continue;
                all.offsets[count] = (a * shape[1] + b) * shape[2] + c;
                at[count][0] = a, at[count][1] = b, at[count][2] = c;
                count++;
            }
    for (int i = 0; i < AROUND; i++) {
        const int fixed = abs(at[i][0]) + abs(at[i][1]) + abs(at[i][2]);
        all.sign[i] = fixed == 2 ? -1 : 1;
        all.touching[i] = all.covering[i] = 0;
        for (int j = 0; j < AROUND; j++) {
            int touches = 1, covers = 1;
            for (int axis = 0; axis < 3; axis++) {
                touches &= abs(at[i][axis] - at[j][axis]) <= 1;
                covers &= at[j][axis] == 0 || at[j][axis] == at[i][axis];
            }
            all.touching[i] |= (uint32_t)touches << j;
            all.covering[i] |= (uint32_t)covers << j;
        }
    }
    return all;
}

static inline uint32_t set_around(const uint8_t *voxel, const neighbours *all) {
    uint32_t around = 0;
    for (int i = 0; i < AROUND; i++) around |= (uint32_t)(voxel[all->offsets[i]] != 0) << i;
    return around;
}

/* Whether a voxel's neighbours hang together without it; true of none. */
static inline int in_one_piece(uint32_t around, const neighbours *all) {
    uint32_t fresh = around & (0 - around), left = around ^ fresh;
    while (fresh && left) {
        const int i = __builtin_ctz(fresh);
        const uint32_t more = all->touching[i] & left;
        fresh = (fresh & (fresh - 1)) | more;
        left ^= more;
    }
    return left == 0;
}

/* Whether the union of closed cubes keeps its Euler characteristic without a voxel: what the
 * voxel alone holds (its inside, with sign -1, and the faces, edges and corners that no neighbour
 * shares) sums to 0. */
static inline int keeps_euler(uint32_t around, const neighbours *all) {
    int sum = -1;
    for (int i = 0; i < AROUND; i++) sum += around & all->covering[i] ? 0 : all->sign[i];
    return sum == 0;
}

static inline int may_go(const uint8_t *voxel, int64_t towards, const neighbours *all) {
    if (voxel[towards]) return 0;
    const uint32_t around = set_around(voxel, all);
    const int is_end = around && !(around & (around - 1));
    return !is_end && keeps_euler(around, all) && in_one_piece(around, all);
}

/* Thin a C-contiguous mask of 0 and 1 in place; its outermost voxels are 0.
 *
 * `directions` is 4 for a mask of one plane (and that of its border), else 6. Returns 0, or -1
 * where memory ran out.
 */
EXPORT int segjudge_thin(uint8_t *mask, const int64_t *shape, int64_t directions) {
    const neighbours all = neighbours_in(shape);
    const int64_t plane = shape[1] * shape[2], voxels = shape[0] * plane;
    /* West, east, south, north, up, down: the order decides which of several skeletons it is. */
    const int64_t towards[6] = {-shape[2], shape[2], 1, -1, plane, -plane};
    int64_t left = 0;
    for (int64_t i = 0; i < voxels; i++) left += mask[i] != 0;
    int64_t *object = malloc((size_t)left * 2 * sizeof(int64_t) + 1);
    if (object == NULL) return -1;
    int64_t *candidates = object + left;
    for (int64_t i = 0, count = 0; i < voxels; i++)
        if (mask[i]) object[count++] = i;
    int64_t unchanged = 0;
    while (unchanged < directions) {
        unchanged = 0;
        for (int64_t k = 0; k < directions; k++) {
            int64_t count = 0, kept = 0;
            for (int64_t i = 0; i < left; i++) {
                if (!mask[object[i]]) continue;
                object[kept++] = object[i];
                if (may_go(mask + object[i], towards[k], &all)) candidates[count++] = object[i];
            }
            left = kept;
            int changed = 0;
            for (int64_t i = 0; i < count; i++) {
                uint8_t *voxel = mask + candidates[i];
                if (!in_one_piece(set_around(voxel, &all), &all)) continue;
                *voxel = 0;
                changed = 1;
            }
            unchanged += !changed;
        }
    }
    free(object);
    return 0;
}
