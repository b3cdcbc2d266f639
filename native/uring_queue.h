// One io_uring and the memory it shares with JavaScript: submissions go in as an array, completions come out as one. It
// waits for nothing but in drain(); whoever owns it polls fd() and calls reap() when that is readable.
//
// What is in flight never exceeds depth(), and the kernel's completion ring holds twice that: it cannot overflow, and
// completions() has room for all that can ever be reaped at once.
#pragma once

#include <liburing.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "buffer_arena.h"
#include "inline_io.h"
#include "kernel_resource.h"
#include "registered_files.h"
#include "ring_layout.h"
#include "ring_setup.h"

namespace gotgt {

// Shared with JavaScript, which may keep its ArrayBuffers longer than the ring.
struct RingMemory {
  explicit RingMemory(uint32_t depth) : submissions(depth), completions(depth) {}
  std::vector<RingSubmission> submissions;
  std::vector<RingCompletion> completions;
};

// The mode argument of fallocate(2) for kPunchHole and kZeroRange.
int fallocate_mode(RingOp op);

class UringQueue {
 public:
  // 0, or -errno: -ENOSYS (no io_uring), -EPERM (forbidden), -ENOMEM (locked memory), ...
  static int open(const RingOptions& options, std::shared_ptr<BufferArena> arena, std::unique_ptr<UringQueue>* queue);

  UringQueue(const UringQueue&) = delete;
  UringQueue& operator=(const UringQueue&) = delete;
  // Cancels and waits for what is in flight.
  ~UringQueue();

  int fd() const { return ring_.ring_fd; }
  uint32_t depth() const { return depth_; }
  const RingFeatures& features() const { return features_; }
  const std::shared_ptr<RingMemory>& memory() const { return memory_; }

  // Pins the whole arena for submissions with kPinnedFlag, which are served without registration as well. 0, also when
  // it was done before, or -errno (-ENOMEM: RLIMIT_MEMLOCK).
  int register_arena();

  // The files that submissions may name by index (kFixedFileFlag). One leaves when no submission names it any more, and
  // before its descriptor is closed.
  RegisteredFiles& files() { return files_; }

  // Takes the first `count` entries of memory()->submissions, does what it can at once (kInlineFlag), submits the rest
  // and reaps.
  // Returns the count of completions reaped, or -errno: -EINVAL when an entry breaks the rules of ring_layout.h
  // (nothing was taken then), others when the ring does not work any more.
  int enter(uint32_t count);

  // Submits what the kernel had no room for and reaps. Returns as enter() does.
  int reap();

  // Submitted and not reaped yet.
  uint32_t in_flight() const { return in_flight_; }

  // The kernel was short of memory and took fewer submissions than there are: call reap() again in a moment.
  bool has_backlog() const { return !has_sq_thread() && io_uring_sq_ready(&ring_) > 0; }

  // Nothing wakes who polls fd(): reap() has to be called until nothing is in flight.
  bool is_polled() const { return (features_.setup_flags & IORING_SETUP_IOPOLL) != 0; }

  // Operations this kernel's ring does not have: do them elsewhere, then say complete(), then reap(). Taken once.
  std::vector<RingSubmission> take_deferred();
  void complete(uint32_t token, int32_t result);

  // Cancels what can be cancelled, waits until the kernel is done with all of it and forgets the results. What was
  // deferred is its taker's to wait for.
  void drain();

 private:
  UringQueue(uint32_t depth, std::shared_ptr<BufferArena> arena);

  int set_up(const RingOptions& options);
  void probe();
  // A thread of the kernel takes the submissions in its own time, and what it has not taken yet is no backlog.
  bool has_sq_thread() const { return (features_.setup_flags & IORING_SETUP_SQPOLL) != 0; }

  bool is_valid(const RingSubmission& entry) const;
  void accept(const RingSubmission& entry);
  void prepare(io_uring_sqe* sqe, const RingSubmission& entry);
  void prepare_data(io_uring_sqe* sqe, const RingSubmission& entry);
  void prepare_plain(io_uring_sqe* sqe, const RingSubmission& entry, void* data, bool is_read);

  int submit();
  bool do_inline(const RingSubmission& entry, uint32_t index);
  int submit_and_reap(uint32_t filled);
  uint32_t collect(uint32_t filled);
  uint32_t collect_kernel(uint32_t filled);
  void cancel_all();

  const uint32_t depth_;
  RingFeatures features_;
  // Members below the arena are destroyed before it: the kernel lets go first.
  std::shared_ptr<BufferArena> arena_;
  std::shared_ptr<RingMemory> memory_;
  MemoryMap zeros_;
  // Stand until completion: kernels before 5.5 read them late.
  std::vector<iovec> iovecs_;
  std::vector<bool> busy_;
  std::vector<RingSubmission> deferred_;
  std::vector<RingCompletion> finished_;
  uint32_t in_flight_ = 0;
  // Of these, how many the kernel has.
  uint32_t in_kernel_ = 0;
  InlineIo inline_io_;
  RegisteredFiles files_;
  bool is_set_up_ = false;
  bool is_registered_ = false;
  io_uring ring_ = {};
};

}  // namespace gotgt
