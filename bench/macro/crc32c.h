/*
 * CRC32C (RFC 7143 13.1), as fast as the processor can, for else the client would be the limit and not the server: long data
 * by carry-less multiplication (VPCLMULQDQ, AVX-512), other data by the CRC instruction in three lanes (it takes three
 * cycles, and one may begin in each), and a table where there is neither. crc32c_prepare() makes the tables.
 */
#ifndef BENCH_CRC32C_H
#define BENCH_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define CRC32C_LONG_LANE 4096u
#define CRC32C_SHORT_LANE 256u

/* What the register becomes by a number of zero bytes: one table for each byte of it. */
struct crc32c_shift {
  uint32_t of[4][256];
};

static uint32_t crc32c_table[256];
static bool crc32c_can_fold;
static struct crc32c_shift crc32c_long_shift, crc32c_short_shift;

static inline uint32_t crc32c_portable(uint32_t crc, const uint8_t *data, size_t length) {
  for (size_t i = 0; i < length; i++) crc = crc32c_table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
  return crc;
}

/* Bit by bit through the zero bytes: the map is linear, so 32 of its values are all of it. */
static void crc32c_make_shift(struct crc32c_shift *shift, size_t bytes) {
  static const uint8_t zeros[CRC32C_LONG_LANE];
  uint32_t bits[32];
  for (int bit = 0; bit < 32; bit++) bits[bit] = crc32c_portable(1u << bit, zeros, bytes);
  for (int byte = 0; byte < 4; byte++) {
    for (uint32_t value = 0; value < 256; value++) {
      shift->of[byte][value] = 0;
      for (int bit = 0; bit < 8; bit++) {
        if (value >> bit & 1) shift->of[byte][value] ^= bits[8 * byte + bit];
      }
    }
  }
}

#ifdef __x86_64__
/* Bytes in a round of folding: four vectors. */
#define CRC32C_ROUND 256

/* By what the halves of 16 bytes are multiplied to carry them over a distance: x^(8 D + 63) and x^(8 D - 1), reversed. */
static uint64_t crc32c_round[2], crc32c_lane[2];

static uint64_t crc32c_power_of_x(int exponent) {
  uint32_t power = 0x80000000u;
  for (int i = 0; i < exponent; i++) power = power & 1 ? power >> 1 ^ 0x82f63b78u : power >> 1;
  return (uint64_t)power << 32;
}

static void crc32c_set_distance(uint64_t *distance, int bytes) {
  distance[0] = crc32c_power_of_x(8 * bytes + 63);
  distance[1] = crc32c_power_of_x(8 * bytes - 1);
}
#endif

/* Before anything else here. */
static void crc32c_prepare(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
    crc32c_table[i] = value;
  }
  crc32c_make_shift(&crc32c_long_shift, CRC32C_LONG_LANE);
  crc32c_make_shift(&crc32c_short_shift, CRC32C_SHORT_LANE);
#ifdef __x86_64__
  crc32c_can_fold = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
  crc32c_set_distance(crc32c_round, CRC32C_ROUND);
  crc32c_set_distance(crc32c_lane, 16);
#endif
}

#ifdef __x86_64__
static inline uint64_t crc32c_word(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word;
}

static inline uint32_t crc32c_shifted(const struct crc32c_shift *shift, uint32_t crc) {
  return shift->of[0][crc & 0xff] ^ shift->of[1][crc >> 8 & 0xff] ^ shift->of[2][crc >> 16 & 0xff] ^ shift->of[3][crc >> 24];
}

/* Three lanes of `lane` bytes. */
__attribute__((target("sse4.2"))) static inline uint32_t crc32c_lanes(
    uint32_t crc, const uint8_t *data, size_t lane, const struct crc32c_shift *shift) {
  uint64_t first = crc, second = 0, third = 0;
  for (size_t i = 0; i < lane; i += 8) {
    first = __builtin_ia32_crc32di(first, crc32c_word(data + i));
    second = __builtin_ia32_crc32di(second, crc32c_word(data + lane + i));
    third = __builtin_ia32_crc32di(third, crc32c_word(data + 2 * lane + i));
  }
  crc = crc32c_shifted(shift, (uint32_t)first) ^ (uint32_t)second;
  return crc32c_shifted(shift, crc) ^ (uint32_t)third;
}

/* The whole rounds of `length` bytes, at least two. */
__attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.2"))) static inline uint32_t crc32c_folded(
    uint32_t crc, const uint8_t *data, size_t length) {
  const __m512i distance = _mm512_broadcast_i32x4(_mm_set_epi64x((long long)crc32c_round[1], (long long)crc32c_round[0]));
  __m512i sums[4];
  for (int i = 0; i < 4; i++) sums[i] = _mm512_loadu_si512(data + 64 * i);
  sums[0] = _mm512_xor_si512(sums[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
  for (size_t at = CRC32C_ROUND; at + CRC32C_ROUND <= length; at += CRC32C_ROUND) {
    for (int i = 0; i < 4; i++) {
      const __m512i low = _mm512_clmulepi64_epi128(sums[i], distance, 0x00);
      const __m512i high = _mm512_clmulepi64_epi128(sums[i], distance, 0x11);
      sums[i] = _mm512_ternarylogic_epi64(low, high, _mm512_loadu_si512(data + at + 64 * i), 0x96);
    }
  }
  /* The sums leave the same remainder as all the data, and 16 bytes of them after 16. */
  const __m128i step = _mm_set_epi64x((long long)crc32c_lane[1], (long long)crc32c_lane[0]);
  const uint8_t *lanes = (const uint8_t *)sums;
  __m128i sum = _mm_loadu_si128((const __m128i *)lanes);
  for (int at = 16; at < CRC32C_ROUND; at += 16) {
    const __m128i low = _mm_clmulepi64_si128(sum, step, 0x00);
    const __m128i high = _mm_clmulepi64_si128(sum, step, 0x11);
    sum = _mm_xor_si128(_mm_xor_si128(low, high), _mm_loadu_si128((const __m128i *)(lanes + at)));
  }
  const uint64_t half = __builtin_ia32_crc32di(0, (uint64_t)_mm_extract_epi64(sum, 0));
  return (uint32_t)__builtin_ia32_crc32di(half, (uint64_t)_mm_extract_epi64(sum, 1));
}

__attribute__((target("sse4.2"))) static inline uint32_t crc32c_sse42(uint32_t crc, const uint8_t *data, size_t length) {
  if (crc32c_can_fold && length >= 2 * CRC32C_ROUND) {
    crc = crc32c_folded(crc, data, length);
    data += length - length % CRC32C_ROUND;
    length %= CRC32C_ROUND;
  }
  for (; length >= 3 * CRC32C_LONG_LANE; data += 3 * CRC32C_LONG_LANE, length -= 3 * CRC32C_LONG_LANE) {
    crc = crc32c_lanes(crc, data, CRC32C_LONG_LANE, &crc32c_long_shift);
  }
  for (; length >= 3 * CRC32C_SHORT_LANE; data += 3 * CRC32C_SHORT_LANE, length -= 3 * CRC32C_SHORT_LANE) {
    crc = crc32c_lanes(crc, data, CRC32C_SHORT_LANE, &crc32c_short_shift);
  }
  uint64_t wide = crc;
  for (; length >= 8; data += 8, length -= 8) wide = __builtin_ia32_crc32di(wide, crc32c_word(data));
  crc = (uint32_t)wide;
  for (; length > 0; data++, length--) crc = __builtin_ia32_crc32qi(crc, *data);
  return crc;
}
#endif

/* Start with 0xffffffff and invert the end; pieces may follow each other. */
static inline uint32_t crc32c_update(uint32_t crc, const uint8_t *data, size_t length) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(crc, data, length);
#endif
  return crc32c_portable(crc, data, length);
}

static inline uint32_t crc32c(const uint8_t *data, size_t length) { return ~crc32c_update(0xffffffffu, data, length); }

#endif
