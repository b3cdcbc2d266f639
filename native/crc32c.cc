#include "crc32c.h"

#include <string.h>

#include <array>

#include "crc32c_fold.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace gotgt {

namespace {

// RFC 3720 12.1: generator 0x11edc6f41, here with its bits reversed.
constexpr uint32_t kPolynomial = 0x82f63b78;

// Linear maps on a CRC register, as four tables of 256: one for each byte of the register.
using ByteTables = std::array<std::array<uint32_t, 256>, 4>;
using SliceTables = std::array<std::array<uint32_t, 256>, 8>;
// What each single bit of the register becomes.
using BitMatrix = std::array<uint32_t, 32>;

constexpr uint32_t step_bit(uint32_t crc) { return (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0); }

constexpr uint32_t apply(const BitMatrix& matrix, uint32_t vector) {
  uint32_t sum = 0;
  for (int bit = 0; bit < 32; bit++) {
    if ((vector >> bit) & 1) sum ^= matrix[bit];
  }
  return sum;
}

// slices[k][b]: the register after byte b and k zero bytes, started from 0.
constexpr SliceTables make_slices() {
  SliceTables slices{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = step_bit(crc);
    slices[0][byte] = crc;
  }
  for (size_t slice = 1; slice < slices.size(); slice++) {
    for (uint32_t byte = 0; byte < 256; byte++) {
      const uint32_t previous = slices[slice - 1][byte];
      slices[slice][byte] = (previous >> 8) ^ slices[0][previous & 0xff];
    }
  }
  return slices;
}

// The register after 2^log2_bytes zero bytes.
constexpr ByteTables make_shift(int log2_bytes) {
  BitMatrix matrix{};
  for (int bit = 0; bit < 32; bit++) matrix[bit] = step_bit(1u << bit);
  for (int doubling = 0; doubling < log2_bytes + 3; doubling++) {
    BitMatrix squared{};
    for (int bit = 0; bit < 32; bit++) squared[bit] = apply(matrix, matrix[bit]);
    matrix = squared;
  }
  ByteTables tables{};
  for (int byte = 0; byte < 4; byte++) {
    for (uint32_t value = 0; value < 256; value++) tables[byte][value] = apply(matrix, value << (8 * byte));
  }
  return tables;
}

constexpr SliceTables kSlices = make_slices();

uint64_t load_u64(const uint8_t* at) {
  uint64_t word;
  memcpy(&word, at, sizeof(word));
  return word;
}

uint32_t slice_byte(uint32_t crc, uint8_t byte) { return (crc >> 8) ^ kSlices[0][(crc ^ byte) & 0xff]; }

#if defined(__x86_64__) || defined(__aarch64__)

#if defined(__x86_64__)
#define GOTGT_CRC_TARGET __attribute__((target("sse4.2")))
#else
#define GOTGT_CRC_TARGET __attribute__((target("+crc")))
#endif

// The instruction takes three cycles and one can start each cycle, so three lanes run side by side. Long lanes for data
// segments, short ones for what is left; a header of 48 bytes goes straight through.
constexpr int kLongLaneLog2 = 12;
constexpr int kShortLaneLog2 = 8;
constexpr ByteTables kLongShift = make_shift(kLongLaneLog2);
constexpr ByteTables kShortShift = make_shift(kShortLaneLog2);

uint32_t shift(const ByteTables& tables, uint32_t crc) {
  return tables[0][crc & 0xff] ^ tables[1][(crc >> 8) & 0xff] ^ tables[2][(crc >> 16) & 0xff] ^ tables[3][crc >> 24];
}

#if defined(__x86_64__)
GOTGT_CRC_TARGET inline uint32_t step_u64(uint32_t crc, uint64_t word) {
  return static_cast<uint32_t>(_mm_crc32_u64(crc, word));
}
GOTGT_CRC_TARGET inline uint32_t step_u8(uint32_t crc, uint8_t byte) { return _mm_crc32_u8(crc, byte); }
bool has_instruction() { return __builtin_cpu_supports("sse4.2") != 0; }
#else
GOTGT_CRC_TARGET inline uint32_t step_u64(uint32_t crc, uint64_t word) { return __crc32cd(crc, word); }
GOTGT_CRC_TARGET inline uint32_t step_u8(uint32_t crc, uint8_t byte) { return __crc32cb(crc, byte); }
bool has_instruction() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#endif

// Takes whole groups of three lanes from [*at, end).
GOTGT_CRC_TARGET uint32_t run_lanes(uint32_t crc, const uint8_t** at, const uint8_t* end, int lane_log2,
                                    const ByteTables& tables) {
  const size_t lane = size_t{1} << lane_log2;
  const uint8_t* data = *at;
  while (static_cast<size_t>(end - data) >= 3 * lane) {
    uint32_t second = 0;
    uint32_t third = 0;
    for (size_t i = 0; i < lane; i += 8) {
      crc = step_u64(crc, load_u64(data + i));
      second = step_u64(second, load_u64(data + lane + i));
      third = step_u64(third, load_u64(data + 2 * lane + i));
    }
    crc = shift(tables, crc) ^ second;
    crc = shift(tables, crc) ^ third;
    data += 3 * lane;
  }
  *at = data;
  return crc;
}

GOTGT_CRC_TARGET uint32_t crc32c_instruction(uint32_t crc, const uint8_t* data, size_t bytes, bool may_fold) {
  const uint8_t* const end = data + bytes;
  crc = ~crc;
  if (may_fold && bytes >= kFoldBytesMin && can_fold_crc32c()) {
    crc = fold_crc32c(crc, &data, end);
  } else {
    crc = run_lanes(crc, &data, end, kLongLaneLog2, kLongShift);
    crc = run_lanes(crc, &data, end, kShortLaneLog2, kShortShift);
  }
  for (; end - data >= 8; data += 8) crc = step_u64(crc, load_u64(data));
  for (; data < end; data++) crc = step_u8(crc, *data);
  return ~crc;
}

#endif

uint32_t crc32c_best(uint32_t crc, const void* data, size_t bytes, bool may_fold) {
#if defined(__x86_64__) || defined(__aarch64__)
  if (has_instruction()) return crc32c_instruction(crc, static_cast<const uint8_t*>(data), bytes, may_fold);
#endif
  return crc32c_portable(crc, data, bytes);
}

}  // namespace

uint32_t crc32c_portable(uint32_t crc, const void* data, size_t bytes) {
  const uint8_t* at = static_cast<const uint8_t*>(data);
  const uint8_t* const end = at + bytes;
  crc = ~crc;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  for (; end - at >= 8; at += 8) {
    const uint64_t word = load_u64(at) ^ crc;
    crc = 0;
    for (int byte = 0; byte < 8; byte++) crc ^= kSlices[7 - byte][(word >> (8 * byte)) & 0xff];
  }
#endif
  for (; at < end; at++) crc = slice_byte(crc, *at);
  return ~crc;
}

uint32_t crc32c(uint32_t crc, const void* data, size_t bytes) { return crc32c_best(crc, data, bytes, true); }

uint32_t crc32c_unfolded(uint32_t crc, const void* data, size_t bytes) { return crc32c_best(crc, data, bytes, false); }

}  // namespace gotgt
