/* CRC32C (RFC 7143 13.1): with the processor's instruction where there is one, else a table made at the first use. */
#ifndef BENCH_CRC32C_H
#define BENCH_CRC32C_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t crc32c_portable(uint32_t crc, const uint8_t *data, size_t length) {
  static uint32_t table[256];
  if (table[1] == 0) {
    for (uint32_t i = 0; i < 256; i++) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
      table[i] = value;
    }
  }
  for (size_t i = 0; i < length; i++) crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
  return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static inline uint32_t crc32c_sse42(uint32_t crc, const uint8_t *data, size_t length) {
  uint64_t wide = crc;
  for (; length >= 8; data += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, data, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
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
