#include "ring_setup.h"

#include <errno.h>

#include <initializer_list>

namespace gotgt {

namespace {

// Sets of setup flags, best first; the first that the kernel knows is taken.
//
// COOP_TASKRUN (5.19) completes I/O at our next system call instead of interrupting JavaScript. Not DEFER_TASKRUN: with
// it nothing wakes who polls the ring's descriptor when O_DIRECT I/O completes (seen on 6.18), and the loop would sleep
// on. SUBMIT_ALL (5.18) goes on behind a submission that failed.
using FlagSets = std::initializer_list<uint32_t>;

constexpr uint32_t kSteady = IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL;
constexpr FlagSets kPlain = {
#ifdef IORING_SETUP_SINGLE_ISSUER
    kSteady | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER,
#endif
#ifdef IORING_SETUP_COOP_TASKRUN
    kSteady | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
#endif
    0,
};
// The kernel's thread issues and completes: whatever is about the task that does is refused with it.
constexpr FlagSets kSqPoll = {kSteady | IORING_SETUP_SQPOLL, IORING_SETUP_SQPOLL};
constexpr FlagSets kPolled = {kSteady | IORING_SETUP_IOPOLL, IORING_SETUP_IOPOLL};
constexpr FlagSets kBase = {0};
constexpr FlagSets kBasePolled = {IORING_SETUP_IOPOLL};

const FlagSets& flag_sets(const RingOptions& options) {
  if (options.is_polled) return options.base_ops_only ? kBasePolled : kPolled;
  return options.base_ops_only ? kBase : kPlain;
}

int try_sets(const FlagSets& sets, const RingOptions& options, uint32_t depth, io_uring* ring,
             io_uring_params* params) {
  int result = -EINVAL;
  for (uint32_t flags : sets) {
    *params = {};
    params->flags = flags;
    params->sq_thread_idle = (flags & IORING_SETUP_SQPOLL) != 0 ? options.sq_poll_idle_ms : 0;
    result = io_uring_queue_init_params(depth, ring, params);
    if (result != -EINVAL) break;
  }
  return result;
}

int try_sq_poll(const RingOptions& options, uint32_t depth, io_uring* ring, io_uring_params* params) {
  const int result = try_sets(kSqPoll, options, depth, ring, params);
  if (result < 0 || (params->features & IORING_FEAT_SQPOLL_NONFIXED) != 0) return result;
  io_uring_queue_exit(ring);
  return -ENOSYS;
}

}  // namespace

int set_up_ring(const RingOptions& options, uint32_t depth, io_uring* ring, RingFeatures* features) {
  io_uring_params params = {};
  int result = -ENOSYS;
  if (options.sq_poll_idle_ms > 0 && !options.is_polled) {
    if (!options.base_ops_only) result = try_sq_poll(options, depth, ring, &params);
    features->sq_poll_refusal = result < 0 ? result : 0;
  }
  if (result < 0) result = try_sets(flag_sets(options), options, depth, ring, &params);
  features->setup_flags = params.flags;
  return result;
}

}  // namespace gotgt
