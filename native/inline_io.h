// Reads and writes of the page cache on the calling thread, where the bytes are there already: one system call each,
// and neither the ring nor one of the kernel's workers is asked. What would wait is not done here and goes to the ring.
//
// Where a file system does not take RWF_NOWAIT for writes (ext4), a plain write may wait all the same: for a journal
// commit, or because too much is dirty. So such writes are timed. One that was slow closes the way for a while, which
// doubles when the next ones are slow again.
#pragma once

#include <sys/uio.h>

#include <cstdint>

#include "ring_layout.h"

namespace gotgt {

// What a test replaces.
struct InlineCalls {
  ssize_t (*read)(int fd, const iovec* vector, int count, off_t offset, int flags) = preadv2;
  ssize_t (*write)(int fd, const iovec* vector, int count, off_t offset, int flags) = pwritev2;
  uint64_t (*now_ns)();

  InlineCalls();
};

class InlineIo {
 public:
  // Longer plain writes of one batch than this together, and the rest goes to the ring: others wait for the loop.
  static constexpr uint64_t kBatchNsMax = 1'000'000;
  // Plain writes up to this many bytes are timed together: they take some 20 us, the clock 30 ns.
  static constexpr uint32_t kTimedBytes = 65536;
  // Took they this long, one of them has waited.
  static constexpr uint64_t kSlowNs = 1'000'000;
  static constexpr uint64_t kPauseNsMin = 10'000'000;
  static constexpr uint64_t kPauseNsMax = 10'000'000'000;
  // What attempt() answers for what is left to the ring; no system call's result.
  static constexpr int32_t kNotDone = INT32_MIN;

  InlineIo() = default;
  explicit InlineIo(const InlineCalls& calls) : calls_(calls) {}

  // Around the attempts of one batch.
  void begin() { batch_start_ns_ = 0; }
  void end();

  // Bytes done, perhaps fewer than asked by a plain write; a negative errno; or kNotDone, and then `data` may hold part
  // of what is there (read) and the file part of what is to be written.
  int32_t attempt(const RingSubmission& entry, char* data);

 private:
  int32_t read(const RingSubmission& entry, const iovec& vector);
  int32_t write(const RingSubmission& entry, const iovec& vector);
  bool may_wait();
  void note_written(uint32_t bytes);
  void take_time();
  void pause(uint64_t now);

  InlineCalls calls_;
  // Of the plain writes of this batch; 0: there was none yet.
  uint64_t batch_start_ns_ = 0;
  uint64_t timed_since_ns_ = 0;
  uint32_t timed_bytes_ = 0;
  bool is_batch_over_ = false;
  uint64_t closed_until_ns_ = 0;
  uint64_t pause_ns_ = kPauseNsMin;
};

}  // namespace gotgt
