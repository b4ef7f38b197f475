/* What the kernel's files share: words of bits, and runs of one value along a row. */

#ifndef SEGJUDGE_KERNEL_H
#define SEGJUDGE_KERNEL_H

#include <stdint.h>
#include <string.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

typedef uint64_t word;

/* Voxels `start` to `stop` (not included) of a row; rows are numbered through all planes. */
typedef struct {
    int32_t row, start, stop, value;
} span;

/* The first of a word's bytes, as they lie in memory, that is not 0. */
static inline int64_t first_byte(word bytes) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_clzll(bytes) / 8;
#else
    return __builtin_ctzll(bytes) / 8;
#endif
}

/* The end of the run of one value that begins at `from`: words first, then the last few. */
#define DEFINE_RUN_END(name, voxel, ones)                                                          \
    static inline int64_t name(const voxel *row, int64_t from, int64_t to) {                       \
        const int64_t step = (int64_t)(sizeof(word) / sizeof(voxel));                              \
        const word pattern = (word)row[from] * (ones);                                             \
        int64_t at = from + 1;                                                                     \
        for (; at + 4 * step <= to; at += 4 * step) {                                              \
            word four[4];                                                                          \
            memcpy(four, row + at, sizeof four);                                                   \
            if ((four[0] ^ pattern) | (four[1] ^ pattern) | (four[2] ^ pattern) |                  \
                (four[3] ^ pattern))                                                               \
                break;                                                                             \
        }                                                                                          \
        for (; at + step <= to; at += step) {                                                      \
            word others;                                                                           \
            memcpy(&others, row + at, sizeof others);                                              \
            others ^= pattern;                                                                     \
            if (others) return at + first_byte(others) / (int64_t)sizeof(voxel);                   \
        }                                                                                          \
        while (at < to && row[at] == row[from]) at++;                                              \
        return at;                                                                                 \
    }

DEFINE_RUN_END(run_end_8, uint8_t, UINT64_C(0x0101010101010101))
DEFINE_RUN_END(run_end_16, uint16_t, UINT64_C(0x0001000100010001))

#endif
