// CRC32C (Castagnoli), the digest of RFC 7143 13.1, by the processor's own instruction where it has one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gotgt {

// The CRC of `bytes` bytes at `data` appended to what `crc` covers; start with 0. The inversions before and after are
// inside.
uint32_t crc32c(uint32_t crc, const void* data, size_t bytes);

// What crc32c does where data cannot be folded (crc32c_fold.h): by the instruction alone, else by tables.
uint32_t crc32c_unfolded(uint32_t crc, const void* data, size_t bytes);

// The table-driven way that every machine has; what both use without an instruction.
uint32_t crc32c_portable(uint32_t crc, const void* data, size_t bytes);

}  // namespace gotgt
