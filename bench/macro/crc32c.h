/*
 * CRC32C (RFC 7143 13.1): with the processor's instruction where there is one, else a table. The instruction takes three
 * cycles and one may begin in each, so three lanes run side by side: else the client would be the limit, and not the server.
 * Both take their tables from crc32c_prepare().
 */
#ifndef BENCH_CRC32C_H
#define BENCH_CRC32C_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CRC32C_LONG_LANE 4096u
#define CRC32C_SHORT_LANE 256u

/* What the register becomes by a number of zero bytes: one table for each byte of it. */
struct crc32c_shift {
  uint32_t of[4][256];
};

static uint32_t crc32c_table[256];
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

/* Before anything else here. */
static void crc32c_prepare(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
    crc32c_table[i] = value;
  }
  crc32c_make_shift(&crc32c_long_shift, CRC32C_LONG_LANE);
  crc32c_make_shift(&crc32c_short_shift, CRC32C_SHORT_LANE);
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

__attribute__((target("sse4.2"))) static inline uint32_t crc32c_sse42(uint32_t crc, const uint8_t *data, size_t length) {
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
