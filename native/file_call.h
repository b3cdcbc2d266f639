// Calls on files that node:fs does not have. All answer 0 or more, or -errno; those that may wait for the medium are
// for the thread pool.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gotgt {

struct BlockDeviceSize {
  uint64_t bytes = 0;
  uint32_t logical_block_bytes = 0;
  uint32_t physical_block_bytes = 0;
};

struct DirectAlignment {
  uint32_t memory_bytes = 0;
  uint32_t offset_bytes = 0;
};

// May wait.
int64_t allocate_range(int fd, int mode, uint64_t offset, uint64_t bytes);
int64_t write_dsync(int fd, const void* data, size_t bytes, uint64_t offset);
// Copies up to `bytes` from one regular file to another, or within one, without a way through our memory; holes of the
// source become holes when `may_punch`. Answers the bytes that are copied for good, perhaps fewer than asked.
int64_t copy_range(int source_fd, uint64_t source_offset, int fd, uint64_t offset, uint64_t bytes, bool may_punch);
int64_t seek_data(int fd, uint64_t offset);
int64_t seek_hole(int fd, uint64_t offset);

// Do not wait.
int lock_file(int fd, bool is_shared);
int unlock_file(int fd);
int block_device_size(int fd, BlockDeviceSize* size);
int direct_alignment(int fd, DirectAlignment* alignment);

}  // namespace gotgt
