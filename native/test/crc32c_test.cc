#include "../crc32c.h"

#include <cstring>
#include <random>
#include <vector>

#include "check.h"

using gotgt::crc32c;
using gotgt::crc32c_portable;
using gotgt::crc32c_unfolded;

namespace {

uint32_t bit_by_bit(const uint8_t* data, size_t bytes) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < bytes; i++) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0);
  }
  return ~crc;
}

}  // namespace

// RFC 3720 B.4; the RFC prints the bytes in the order they are sent.
TEST("crc32c gives what RFC 3720 B.4 prints") {
  std::vector<uint8_t> bytes(32, 0);
  CHECK_EQUAL(crc32c(0, bytes.data(), 32), 0x8a9136aa);
  CHECK_EQUAL(crc32c_portable(0, bytes.data(), 32), 0x8a9136aa);
  memset(bytes.data(), 0xff, 32);
  CHECK_EQUAL(crc32c(0, bytes.data(), 32), 0x62a8ab43);
  for (int i = 0; i < 32; i++) bytes[i] = static_cast<uint8_t>(i);
  CHECK_EQUAL(crc32c(0, bytes.data(), 32), 0x46dd794e);
  CHECK_EQUAL(crc32c_portable(0, bytes.data(), 32), 0x46dd794e);
  for (int i = 0; i < 32; i++) bytes[i] = static_cast<uint8_t>(31 - i);
  CHECK_EQUAL(crc32c(0, bytes.data(), 32), 0x113fdb5c);
}

TEST("crc32c agrees with the definition at every length and alignment around its lanes") {
  std::mt19937 random(1);
  std::vector<uint8_t> bytes(40000);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  for (size_t length : {0,   1,   7,   8,   9,   48,  255,  256,  257,  319,   320,   321,   511,   512,   513,
                        575, 576, 577, 767, 768, 769, 1535, 1536, 4096, 12287, 12288, 12289, 13056, 24576, 39990}) {
    for (size_t start = 0; start < 10; start++) {
      const uint32_t should = bit_by_bit(&bytes[start], length);
      CHECK_EQUAL(crc32c(0, &bytes[start], length), should);
      CHECK_EQUAL(crc32c_unfolded(0, &bytes[start], length), should);
      CHECK_EQUAL(crc32c_portable(0, &bytes[start], length), should);
    }
  }
}

TEST("crc32c goes on from any cut") {
  std::vector<uint8_t> bytes(15000);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<uint8_t>(i * 31);
  const uint32_t whole = crc32c(0, bytes.data(), bytes.size());
  for (size_t cut = 0; cut < bytes.size(); cut += 113) {
    CHECK_EQUAL(crc32c(crc32c(0, bytes.data(), cut), &bytes[cut], bytes.size() - cut), whole);
    CHECK_EQUAL(crc32c_unfolded(crc32c_unfolded(0, bytes.data(), cut), &bytes[cut], bytes.size() - cut), whole);
    CHECK_EQUAL(crc32c_portable(crc32c_portable(0, bytes.data(), cut), &bytes[cut], bytes.size() - cut), whole);
  }
}
