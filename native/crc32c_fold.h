// CRC32C of long data by carry-less multiplication, 256 bytes a round: x86-64 with VPCLMULQDQ and AVX-512. Several
// times as fast as the CRC32 instruction.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gotgt {

// What it takes at least.
constexpr size_t kFoldBytesMin = 256;

// Whether this processor, and the compiler that built this, can do it.
bool can_fold_crc32c();

// Takes whole pieces of 64 bytes from [*at, end), at least kFoldBytesMin, and moves *at behind them. `crc` is the
// register, without the inversions before and after.
uint32_t fold_crc32c(uint32_t crc, const uint8_t** at, const uint8_t* end);

}  // namespace gotgt
