#include "inline_io.h"

#include <errno.h>
#include <time.h>

#include <algorithm>

namespace gotgt {

namespace {

uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

InlineCalls::InlineCalls() : now_ns(monotonic_ns) {}

int32_t InlineIo::attempt(const RingSubmission& entry, char* data) {
  const iovec vector = {data, entry.length};
  return (entry.opcode & kOpMask) == static_cast<uint32_t>(RingOp::kRead) ? read(entry, vector) : write(entry, vector);
}

// Anything but all of it is the ring's to find out: not in the cache, the end of the file, an error.
int32_t InlineIo::read(const RingSubmission& entry, const iovec& vector) {
  const ssize_t result = calls_.read(entry.fd, &vector, 1, static_cast<off_t>(entry.offset), RWF_NOWAIT);
  return result == static_cast<ssize_t>(entry.length) ? static_cast<int32_t>(result) : kNotDone;
}

int32_t InlineIo::write(const RingSubmission& entry, const iovec& vector) {
  const off_t offset = static_cast<off_t>(entry.offset);
  if ((entry.opcode & kMayWaitFlag) == 0) {
    const ssize_t result = calls_.write(entry.fd, &vector, 1, offset, RWF_NOWAIT);
    return result == static_cast<ssize_t>(entry.length) ? static_cast<int32_t>(result) : kNotDone;
  }
  if (!may_wait()) return kNotDone;
  const ssize_t result = calls_.write(entry.fd, &vector, 1, offset, 0);
  const int error = errno;
  note_written(entry.length);
  if (result >= 0) return static_cast<int32_t>(result);
  return error == EINTR || error == EAGAIN ? kNotDone : -error;
}

// Whether a plain write may be tried; the clock is read once per batch here.
bool InlineIo::may_wait() {
  if (batch_start_ns_ != 0) return !is_batch_over_;
  batch_start_ns_ = calls_.now_ns();
  timed_since_ns_ = batch_start_ns_;
  timed_bytes_ = 0;
  is_batch_over_ = batch_start_ns_ < closed_until_ns_;
  return !is_batch_over_;
}

void InlineIo::note_written(uint32_t bytes) {
  timed_bytes_ += bytes;
  if (timed_bytes_ >= kTimedBytes) take_time();
}

void InlineIo::end() {
  if (batch_start_ns_ != 0 && timed_bytes_ > 0) take_time();
}

void InlineIo::take_time() {
  const uint64_t now = calls_.now_ns();
  if (now - timed_since_ns_ >= kSlowNs) pause(now);
  if (now - batch_start_ns_ >= kBatchNsMax) is_batch_over_ = true;
  timed_since_ns_ = now;
  timed_bytes_ = 0;
}

// Slow again before as much time has gone by as the last pause took: the next one is twice as long.
void InlineIo::pause(uint64_t now) {
  const bool is_again = now - closed_until_ns_ < pause_ns_;
  pause_ns_ = is_again ? std::min(pause_ns_ * 2, kPauseNsMax) : kPauseNsMin;
  closed_until_ns_ = now + pause_ns_;
  is_batch_over_ = true;
}

}  // namespace gotgt
