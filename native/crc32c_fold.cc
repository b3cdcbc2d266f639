#include "crc32c_fold.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace gotgt {

namespace {

#define GOTGT_FOLD_TARGET __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.2")))

// RFC 3720 12.1 with its bits reversed: bit 31 of a register is x^0, bit 0 is x^31.
constexpr uint32_t kPolynomial = 0x82f63b78;
constexpr uint32_t kOne = 0x80000000;

constexpr uint32_t power_of_x(int exponent) {
  uint32_t power = kOne;
  for (int i = 0; i < exponent; i++) power = (power >> 1) ^ ((power & 1) ? kPolynomial : 0);
  return power;
}

// 16 bytes, loaded little-endian, are a polynomial of degree 127 whose x^127 is bit 0: the low half stands for its
// value times x^64. To carry them over a distance of D bits is to multiply the halves by x^(D+64) and x^D. A product of
// two such reversed halves comes out once more multiplied by x, which is why both exponents are one less.
struct Distance {
  uint64_t low;
  uint64_t high;
};

constexpr Distance distance_of(int bytes) {
  return {static_cast<uint64_t>(power_of_x(8 * bytes + 63)) << 32, static_cast<uint64_t>(power_of_x(8 * bytes - 1))
                                                                       << 32};
}

constexpr Distance kRound = distance_of(256);
constexpr Distance kVector = distance_of(64);
constexpr Distance kLane = distance_of(16);

GOTGT_FOLD_TARGET inline __m512i load(const uint8_t* at) { return _mm512_loadu_si512(at); }

GOTGT_FOLD_TARGET inline __m512i distance_vector(const Distance& distance) {
  return _mm512_broadcast_i32x4(
      _mm_set_epi64x(static_cast<int64_t>(distance.high), static_cast<int64_t>(distance.low)));
}

// `sum` carried over the distance, and `next` added.
GOTGT_FOLD_TARGET inline __m512i fold(__m512i sum, __m512i distance, __m512i next) {
  const __m512i low = _mm512_clmulepi64_epi128(sum, distance, 0x00);
  const __m512i high = _mm512_clmulepi64_epi128(sum, distance, 0x11);
  constexpr int kXorOfThree = 0x96;
  return _mm512_ternarylogic_epi64(low, high, next, kXorOfThree);
}

GOTGT_FOLD_TARGET inline __m128i fold_lane(__m128i sum, __m128i distance, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(sum, distance, 0x00);
  const __m128i high = _mm_clmulepi64_si128(sum, distance, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// The CRC instruction divides what is left: 16 bytes that leave the same remainder as all before.
GOTGT_FOLD_TARGET inline uint32_t remainder_of(__m512i sum) {
  const __m128i distance = _mm_set_epi64x(static_cast<int64_t>(kLane.high), static_cast<int64_t>(kLane.low));
  __m128i lane = _mm512_extracti32x4_epi32(sum, 0);
  lane = fold_lane(lane, distance, _mm512_extracti32x4_epi32(sum, 1));
  lane = fold_lane(lane, distance, _mm512_extracti32x4_epi32(sum, 2));
  lane = fold_lane(lane, distance, _mm512_extracti32x4_epi32(sum, 3));
  const uint64_t crc = _mm_crc32_u64(0, static_cast<uint64_t>(_mm_extract_epi64(lane, 0)));
  return static_cast<uint32_t>(_mm_crc32_u64(crc, static_cast<uint64_t>(_mm_extract_epi64(lane, 1))));
}

}  // namespace

bool can_fold_crc32c() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0 &&
         __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.2") != 0;
}

GOTGT_FOLD_TARGET uint32_t fold_crc32c(uint32_t crc, const uint8_t** at, const uint8_t* end) {
  const uint8_t* data = *at;
  const __m512i start = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc)));
  __m512i first = _mm512_xor_si512(load(data), start);
  __m512i second = load(data + 64);
  __m512i third = load(data + 128);
  __m512i fourth = load(data + 192);
  data += 256;
  const __m512i round = distance_vector(kRound);
  for (; end - data >= 256; data += 256) {
    first = fold(first, round, load(data));
    second = fold(second, round, load(data + 64));
    third = fold(third, round, load(data + 128));
    fourth = fold(fourth, round, load(data + 192));
  }
  const __m512i vector = distance_vector(kVector);
  __m512i sum = fold(fold(fold(first, vector, second), vector, third), vector, fourth);
  for (; end - data >= 64; data += 64) sum = fold(sum, vector, load(data));
  *at = data;
  return remainder_of(sum);
}

}  // namespace gotgt

#else

namespace gotgt {

bool can_fold_crc32c() { return false; }

uint32_t fold_crc32c(uint32_t crc, const uint8_t**, const uint8_t*) { return crc; }

}  // namespace gotgt

#endif
