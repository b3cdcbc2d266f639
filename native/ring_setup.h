// How a ring is set up: the best of what was asked for and the kernel has.
#pragma once

#include <liburing.h>

#include <cstdint>

namespace gotgt {

struct RingOptions {
  uint32_t depth = 1024;
  // Use only what Linux 5.1 has.
  bool base_ops_only = false;
  // Not 0: a thread of the kernel takes the submissions, and sleeps after so long without any.
  uint32_t sq_poll_idle_ms = 0;
  // Completions are not announced, they are looked for. For reads and writes of O_DIRECT files alone.
  bool is_polled = false;
};

struct RingFeatures {
  bool has_plain_read_write = false;
  bool has_fallocate = false;
  bool has_cancel = false;
  uint32_t setup_flags = 0;
  // Places for registered files; 0: there is no table.
  uint32_t files_max = 0;
  // 0, or the -errno for which a thread that was asked for is not there: -ENOSYS before 5.11, which gives such a thread
  // registered files alone.
  int sq_poll_refusal = 0;
};

// 0, with `features` filled, or -errno and no ring.
int set_up_ring(const RingOptions& options, uint32_t depth, io_uring* ring, RingFeatures* features);

}  // namespace gotgt
