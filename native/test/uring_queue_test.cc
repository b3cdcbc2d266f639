#include "../uring_queue.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <map>

#include "temporary_file.h"

using namespace gotgt;

namespace {

constexpr size_t kArenaBytes = 1 << 20;
constexpr uint32_t kBlock = 4096;

std::shared_ptr<BufferArena> make_arena() {
  ArenaRequest request;
  request.bytes = kArenaBytes;
  return BufferArena::create(request);
}

// Null where the kernel forbids io_uring: there is nothing to test then, and the run says so.
std::unique_ptr<UringQueue> make_ring(const std::shared_ptr<BufferArena>& arena, const RingOptions& options = {}) {
  std::unique_ptr<UringQueue> ring;
  const int result = UringQueue::open(options, arena, &ring);
  if (result == -ENOSYS || result == -EPERM) {
    fprintf(stderr, "  no io_uring here (%s)\n", strerror(-result));
    return nullptr;
  }
  CHECK_EQUAL(result, 0);
  return ring;
}

RingSubmission entry(RingOp op, int fd, uint32_t token, double offset, double argument, uint32_t length = 0,
                     uint32_t flags = 0) {
  return RingSubmission{static_cast<uint32_t>(op) | flags, fd, length, token, offset, argument};
}

void wait_for_completions(const UringQueue& ring) {
  pollfd descriptor = {ring.fd(), POLLIN, 0};
  CHECK_EQUAL(poll(&descriptor, 1, 10000), 1);
}

// Submits `entries` and waits for all that is in flight.
std::map<uint32_t, int32_t> run(UringQueue& ring, const std::vector<RingSubmission>& entries) {
  std::map<uint32_t, int32_t> results;
  std::copy(entries.begin(), entries.end(), ring.memory()->submissions.begin());
  int count = ring.enter(static_cast<uint32_t>(entries.size()));
  for (;;) {
    CHECK(count >= 0);
    for (int i = 0; i < count; i++) {
      const RingCompletion& completion = ring.memory()->completions[i];
      CHECK(results.emplace(completion.token, completion.result).second);
    }
    if (ring.in_flight() == 0) return results;
    if (!ring.is_polled()) wait_for_completions(ring);
    count = ring.reap();
  }
}

void write_and_read_back(UringQueue& ring, char* data, uint32_t flags, int fd) {
  memset(data, 'a', kBlock);
  memset(data + kBlock, 'b', kBlock);
  auto results = run(ring, {entry(RingOp::kWrite, fd, 0, 0, 0, kBlock, flags),
                            entry(RingOp::kWriteDsync, fd, 1, 3 * kBlock, kBlock, kBlock, flags)});
  CHECK_EQUAL(results[0], kBlock);
  CHECK_EQUAL(results[1], kBlock);
  results = run(ring, {entry(RingOp::kRead, fd, 2, 0, 2 * kBlock, 4 * kBlock, flags),
                       entry(RingOp::kFdatasync, fd, 3, 0, 0, 0, flags & ~kPinnedFlag),
                       entry(RingOp::kFsync, fd, 4, kBlock, kBlock), entry(RingOp::kFsync, fd, 5, 0, 1e13)});
  CHECK_EQUAL(results[2], 4 * kBlock);
  for (uint32_t token = 3; token < 6; token++) CHECK_EQUAL(results[token], 0);
  CHECK_EQUAL(memcmp(data, data + 2 * kBlock, kBlock), 0);
  CHECK_EQUAL(data[3 * kBlock], 0);
  CHECK_EQUAL(memcmp(data + kBlock, data + 5 * kBlock, kBlock), 0);
}

}  // namespace

TEST("a ring refuses a depth outside 1 to 32768") {
  std::unique_ptr<UringQueue> ring;
  for (uint32_t depth : {0u, 32769u}) {
    RingOptions options;
    options.depth = depth;
    CHECK_EQUAL(UringQueue::open(options, make_arena(), &ring), -EINVAL);
  }
}

TEST("what is written is read back, plain, pinned and with the operations of Linux 5.1 alone") {
  for (bool base_ops_only : {false, true}) {
    for (bool is_registered : {false, true}) {
      const auto arena = make_arena();
      RingOptions options;
      options.base_ops_only = base_ops_only;
      const auto ring = make_ring(arena, options);
      if (!ring) return;
      if (is_registered) CHECK_EQUAL(ring->register_arena(), 0);
      for (const uint32_t flags : {0u, kPinnedFlag}) {
        const FileDescriptor fd = test::temporary_file(1 << 20);
        write_and_read_back(*ring, arena->data(), flags, fd.get());
      }
    }
  }
}

TEST("what is done inline stands among the completions of enter(), and what is not comes from the ring") {
  const auto arena = make_arena();
  const auto ring = make_ring(arena);
  if (!ring) return;
  const FileDescriptor fd = test::temporary_file(4 * kBlock);
  constexpr uint32_t kPlain = kInlineFlag | kMayWaitFlag;
  memset(arena->data(), 'a', kBlock);
  memset(arena->data() + kBlock, 'b', kBlock);
  ring->memory()->submissions[0] = entry(RingOp::kWrite, fd.get(), 0, 0, 0, kBlock, kPlain);
  ring->memory()->submissions[1] = entry(RingOp::kWrite, fd.get(), 1, kBlock, kBlock, kBlock, kPlain);
  CHECK_EQUAL(ring->enter(2), 2);
  CHECK_EQUAL(ring->in_flight(), 0);
  for (uint32_t token = 0; token < 2; token++) {
    CHECK_EQUAL(ring->memory()->completions[token].token, token);
    CHECK_EQUAL(ring->memory()->completions[token].result, kBlock);
  }
  // The third lies behind the end and the fourth names no file: both are the ring's to tell.
  const auto results = run(*ring, {entry(RingOp::kRead, fd.get(), 0, kBlock, 2 * kBlock, kBlock, kInlineFlag),
                                   entry(RingOp::kRead, fd.get(), 1, 0, 3 * kBlock, kBlock),
                                   entry(RingOp::kRead, fd.get(), 2, 4 * kBlock, 0, kBlock, kInlineFlag),
                                   entry(RingOp::kRead, 9999, 3, 0, 0, kBlock, kInlineFlag),
                                   entry(RingOp::kRead, fd.get(), 4, 2 * kBlock, 4 * kBlock, 3 * kBlock, kInlineFlag),
                                   entry(RingOp::kFdatasync, fd.get(), 5, 0, 0)});
  CHECK_EQUAL(results.at(0), kBlock);
  CHECK_EQUAL(results.at(1), kBlock);
  CHECK_EQUAL(results.at(2), 0);
  CHECK_EQUAL(results.at(3), -EBADF);
  CHECK_EQUAL(results.at(4), 2 * kBlock);
  CHECK_EQUAL(results.at(5), 0);
  CHECK_EQUAL(memcmp(arena->data() + kBlock, arena->data() + 2 * kBlock, kBlock), 0);
  CHECK_EQUAL(memcmp(arena->data(), arena->data() + 3 * kBlock, kBlock), 0);
}

TEST("a registered file is found by its index, also when its descriptor is closed, and no other for it") {
  const auto arena = make_arena();
  const auto ring = make_ring(arena);
  if (!ring || ring->features().files_max == 0) return;
  const FileDescriptor other = test::temporary_file(1 << 20);
  FileDescriptor fd = test::temporary_file(1 << 20);
  const int number = fd.get();
  CHECK_EQUAL(ring->files().add(other.get()), 0);
  const uint32_t index = static_cast<uint32_t>(ring->files().add(number));
  CHECK_EQUAL(index, 1);
  const uint32_t flags = kFixedFileFlag | index << kFileIndexShift;
  write_and_read_back(*ring, arena->data(), flags, fd.get());
  const auto results = run(*ring, {entry(RingOp::kWriteZeros, number, 0, 0, 0, kBlock, flags),
                                   entry(RingOp::kPunchHole, number, 1, 0, kBlock, 0, flags)});
  CHECK_EQUAL(results.at(0), kBlock);
  CHECK(results.at(1) == 0 || results.at(1) == -EOPNOTSUPP);
  fd.reset();
  CHECK_EQUAL(run(*ring, {entry(RingOp::kRead, number, 0, 0, 0, kBlock, flags)}).at(0), kBlock);
  // Neither another descriptor, nor an index without a file or without the flag, nor what works on no file.
  for (const RingSubmission& bad : {
           entry(RingOp::kRead, other.get(), 0, 0, 0, 1, flags),
           entry(RingOp::kRead, number, 0, 0, 0, 1, kFixedFileFlag | 2 << kFileIndexShift),
           entry(RingOp::kRead, -1, 0, 0, 0, 1, kFixedFileFlag | 2 << kFileIndexShift),
           entry(RingOp::kRead, number, 0, 0, 0, 1, kFixedFileFlag | 0xffffu << kFileIndexShift),
           entry(RingOp::kRead, number, 0, 0, 0, 1, index << kFileIndexShift),
           entry(RingOp::kNop, number, 0, 0, 0, 0, flags),
           entry(RingOp::kCancel, number, 0, 0, 0, 0, flags),
       }) {
    ring->memory()->submissions[0] = bad;
    CHECK_EQUAL(ring->enter(1), -EINVAL);
  }
  CHECK_EQUAL(ring->files().remove(index), 0);
  CHECK_EQUAL(ring->files().remove(index), -EINVAL);
  ring->memory()->submissions[0] = entry(RingOp::kRead, number, 0, 0, 0, 1, flags);
  CHECK_EQUAL(ring->enter(1), -EINVAL);
}

TEST("the table of files takes as many as it has places, and gives them out again") {
  const auto ring = make_ring(make_arena());
  if (!ring || ring->features().files_max == 0) return;
  const FileDescriptor fd = test::temporary_file(kBlock);
  const uint32_t places = ring->features().files_max;
  for (uint32_t i = 0; i < places; i++) CHECK_EQUAL(ring->files().add(fd.get()), i);
  CHECK_EQUAL(ring->files().add(fd.get()), -ENFILE);
  CHECK_EQUAL(ring->files().remove(places), -EINVAL);
  CHECK_EQUAL(ring->files().remove(7), 0);
  CHECK_EQUAL(ring->files().add(9999), -EBADF);
  CHECK_EQUAL(ring->files().add(-1), -EBADF);
  CHECK_EQUAL(ring->files().add(fd.get()), 7);
}

TEST("with the operations of Linux 5.1 alone there is no table of files") {
  RingOptions options;
  options.base_ops_only = true;
  const auto ring = make_ring(make_arena(), options);
  if (!ring) return;
  const FileDescriptor fd = test::temporary_file(kBlock);
  CHECK_EQUAL(ring->features().files_max, 0);
  CHECK_EQUAL(ring->files().add(fd.get()), -ENFILE);
  CHECK_EQUAL(ring->files().remove(0), -EINVAL);
}

TEST("a thread of the kernel takes submissions, awake or asleep, and completions wake who polls the descriptor") {
  const auto arena = make_arena();
  RingOptions options;
  options.sq_poll_idle_ms = 1;
  const auto ring = make_ring(arena, options);
  if (!ring) return;
  if (ring->features().sq_poll_refusal != 0) {
    fprintf(stderr, "  no SQPOLL here (%s)\n", strerror(-ring->features().sq_poll_refusal));
    CHECK_EQUAL(ring->features().setup_flags & IORING_SETUP_SQPOLL, 0);
  } else {
    CHECK(ring->features().setup_flags & IORING_SETUP_SQPOLL);
  }
  CHECK_EQUAL(ring->register_arena(), 0);
  const FileDescriptor fd = test::temporary_file(1 << 20);
  const FileDescriptor direct = test::reopen(fd.get(), O_RDWR | O_DIRECT);
  const uint32_t fixed = kFixedFileFlag | static_cast<uint32_t>(ring->files().add(fd.get())) << kFileIndexShift;
  for (int round = 0; round < 20; round++) {
    write_and_read_back(*ring, arena->data(), 0, fd.get());
    write_and_read_back(*ring, arena->data(), fixed, fd.get());
    if (direct.get() >= 0) write_and_read_back(*ring, arena->data(), kPinnedFlag, direct.get());
    if (round % 4 == 0) usleep(20'000);
  }
  CHECK_EQUAL(run(*ring, {entry(RingOp::kRead, 9999, 0, 0, 0, 1)}).at(0), -EBADF);
  CHECK(!ring->has_backlog());
  std::vector<RingSubmission> nops;
  for (uint32_t token = 0; token < ring->depth(); token++) nops.push_back(entry(RingOp::kNop, -1, token, 0, 0));
  for (int round = 0; round < 10; round++) CHECK_EQUAL(run(*ring, nops).size(), ring->depth());
}

TEST("a ring with such a thread that goes with I/O in flight waits for it") {
  RingOptions options;
  options.sq_poll_idle_ms = 1;
  auto ring = make_ring(make_arena(), options);
  if (!ring || !ring->features().has_cancel) return;
  int ends[2];
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const FileDescriptor reader(ends[0]);
  const FileDescriptor writer(ends[1]);
  ring->memory()->submissions[0] = entry(RingOp::kRead, reader.get(), 0, 0, 0, 16);
  CHECK_EQUAL(ring->enter(1), 0);
  ring.reset();
  CHECK_EQUAL(write(writer.get(), "x", 1), 1);
  char byte = 0;
  CHECK_EQUAL(read(reader.get(), &byte, 1), 1);
}

TEST("with the operations of Linux 5.1 alone no thread takes submissions, and all works") {
  const auto arena = make_arena();
  RingOptions options;
  options.sq_poll_idle_ms = 1;
  options.base_ops_only = true;
  const auto ring = make_ring(arena, options);
  if (!ring) return;
  CHECK_EQUAL(ring->features().sq_poll_refusal, -ENOSYS);
  const FileDescriptor fd = test::temporary_file(1 << 20);
  write_and_read_back(*ring, arena->data(), 0, fd.get());
}

TEST("a polled ring reads and writes, or says that the file cannot be polled, and does nothing else") {
  for (bool base_ops_only : {false, true}) {
    const auto arena = make_arena();
    RingOptions options;
    options.is_polled = true;
    options.base_ops_only = base_ops_only;
    const auto ring = make_ring(arena, options);
    if (!ring) return;
    CHECK(ring->is_polled());
    const FileDescriptor fd = test::temporary_file(16 * kBlock);
    const FileDescriptor direct = test::reopen(fd.get(), O_RDWR | O_DIRECT);
    memset(arena->data(), 'p', kBlock);
    CHECK_EQUAL(pwrite(fd.get(), arena->data(), kBlock, 0), kBlock);
    CHECK_EQUAL(fsync(fd.get()), 0);
    // Through the page cache nothing is polled.
    const auto results =
        run(*ring, {entry(RingOp::kRead, fd.get(), 0, 0, 0, kBlock), entry(RingOp::kFdatasync, fd.get(), 1, 0, 0),
                    entry(RingOp::kRead, 9999, 2, 0, 0, kBlock)});
    CHECK_EQUAL(results.at(0), -EOPNOTSUPP);
    CHECK_EQUAL(results.at(1), -EINVAL);
    CHECK_EQUAL(results.at(2), -EBADF);
    if (direct.get() < 0) continue;
    const auto direct_results = run(*ring, {entry(RingOp::kRead, direct.get(), 3, 0, kBlock, kBlock),
                                            entry(RingOp::kWrite, direct.get(), 4, 8 * kBlock, 0, kBlock)});
    const int32_t read = direct_results.at(3);
    CHECK(read == static_cast<int32_t>(kBlock) || read == -EOPNOTSUPP);
    if (read > 0) CHECK_EQUAL(memcmp(arena->data(), arena->data() + kBlock, kBlock), 0);
    const int32_t written = direct_results.at(4);
    CHECK(written == static_cast<int32_t>(kBlock) || written == -EOPNOTSUPP);
  }
}

TEST("a polled ring that goes with I/O in flight waits for it") {
  const auto arena = make_arena();
  RingOptions options;
  options.is_polled = true;
  auto ring = make_ring(arena, options);
  if (!ring) return;
  const FileDescriptor fd = test::temporary_file(64 * kBlock);
  const FileDescriptor direct = test::reopen(fd.get(), O_RDWR | O_DIRECT);
  if (direct.get() < 0) return;
  for (uint32_t token = 0; token < 32; token++) {
    ring->memory()->submissions[token] =
        entry(RingOp::kWrite, direct.get(), token, token * kBlock, token * kBlock, kBlock);
  }
  CHECK(ring->enter(32) >= 0);
  ring.reset();
}

TEST("zeros are written over what was there") {
  const auto arena = make_arena();
  const auto ring = make_ring(arena);
  if (!ring) return;
  const FileDescriptor fd = test::temporary_file(1 << 20);
  memset(arena->data(), 'x', kBlock);
  run(*ring, {entry(RingOp::kWrite, fd.get(), 0, 0, 0, kBlock)});
  CHECK_EQUAL(run(*ring, {entry(RingOp::kWriteZeros, fd.get(), 0, 0, 0, kBlock)})[0], kBlock);
  CHECK_EQUAL(run(*ring, {entry(RingOp::kRead, fd.get(), 0, 0, 0, kBlock)})[0], kBlock);
  CHECK_EQUAL(arena->data()[0], 0);
}

TEST("fallocate goes through the ring, or is deferred where the ring has none") {
  for (bool base_ops_only : {false, true}) {
    RingOptions options;
    options.base_ops_only = base_ops_only;
    const auto ring = make_ring(make_arena(), options);
    if (!ring) return;
    const FileDescriptor fd = test::temporary_file(1 << 20);
    if (ring->features().has_fallocate) {
      const int result = run(*ring, {entry(RingOp::kPunchHole, fd.get(), 7, 0, kBlock)})[7];
      CHECK(result == 0 || result == -EOPNOTSUPP);
      continue;
    }
    ring->memory()->submissions[0] = entry(RingOp::kPunchHole, fd.get(), 7, 0, kBlock);
    CHECK_EQUAL(ring->enter(1), 0);
    CHECK_EQUAL(ring->in_flight(), 1);
    const auto deferred = ring->take_deferred();
    CHECK_EQUAL(deferred.size(), 1);
    CHECK_EQUAL(ring->take_deferred().size(), 0);
    ring->complete(deferred[0].token, -EIO);
    CHECK_EQUAL(ring->reap(), 1);
    CHECK_EQUAL(ring->memory()->completions[0].token, 7);
    CHECK_EQUAL(ring->memory()->completions[0].result, -EIO);
    CHECK_EQUAL(ring->in_flight(), 0);
  }
}

TEST("errors are results, and a bad submission does not stop those behind it") {
  for (bool base_ops_only : {false, true}) {
    RingOptions options;
    options.base_ops_only = base_ops_only;
    const auto ring = make_ring(make_arena(), options);
    if (!ring) return;
    const FileDescriptor fd = test::temporary_file(kBlock);
    auto results =
        run(*ring, {entry(RingOp::kRead, 9999, 0, 0, 0, kBlock), entry(RingOp::kRead, fd.get(), 1, 0, 0, kBlock),
                    entry(RingOp::kFsync, 9999, 2, 0, 0), entry(RingOp::kRead, fd.get(), 3, 0, 0, 2 * kBlock),
                    entry(RingOp::kRead, fd.get(), 4, kBlock, 0, kBlock), entry(RingOp::kNop, -1, 5, 0, 0)});
    CHECK_EQUAL(results[0], -EBADF);
    CHECK_EQUAL(results[1], kBlock);
    CHECK_EQUAL(results[2], -EBADF);
    CHECK_EQUAL(results[3], kBlock);
    CHECK_EQUAL(results[4], 0);
    CHECK_EQUAL(results[5], 0);
  }
}

TEST("entries that break the rules are refused as a whole") {
  const auto ring = make_ring(make_arena());
  if (!ring) return;
  const double end = kArenaBytes;
  const RingSubmission bad[] = {
      entry(RingOp::kRead, 0, 0, 0, end - 1, 2),
      entry(RingOp::kRead, 0, 0, 0, end + 1, 0),
      entry(RingOp::kRead, 0, 0, -1, 0, 1),
      entry(RingOp::kRead, 0, 0, 1e300, 0, 1),
      entry(RingOp::kRead, 0, ring->depth(), 0, 0, 1),
      entry(static_cast<RingOp>(10), 0, 0, 0, 0, 1),
      entry(RingOp::kRead, 0, 0, 0, 0, 1, 4096),
      entry(RingOp::kRead, 0, 0, 0, 0, 1, kFixedFileFlag),
      entry(RingOp::kRead, 0, 0, 0, 0, 1, kInlineFlag | kPinnedFlag),
      entry(RingOp::kWriteDsync, 0, 0, 0, 0, 1, kInlineFlag),
      entry(RingOp::kFdatasync, 0, 0, 0, 0, 0, kInlineFlag | kMayWaitFlag),
      entry(RingOp::kWriteZeros, 0, 0, 0, 0, kZeroRegionBytes + 1),
  };
  for (const RingSubmission& submission : bad) {
    ring->memory()->submissions[0] = entry(RingOp::kNop, -1, 1, 0, 0);
    ring->memory()->submissions[1] = submission;
    CHECK_EQUAL(ring->enter(2), -EINVAL);
    CHECK_EQUAL(ring->in_flight(), 0);
  }
  CHECK_EQUAL(ring->enter(ring->depth() + 1), -EINVAL);
}

TEST("a full ring completes every submission once, whatever its depth") {
  for (uint32_t depth : {1u, 33u, 4096u}) {
    RingOptions options;
    options.depth = depth;
    const auto ring = make_ring(make_arena(), options);
    if (!ring) return;
    CHECK(ring->depth() >= depth);
    std::vector<RingSubmission> nops;
    for (uint32_t token = 0; token < ring->depth(); token++) nops.push_back(entry(RingOp::kNop, -1, token, 0, 0));
    for (int round = 0; round < 3; round++) CHECK_EQUAL(run(*ring, nops).size(), ring->depth());
  }
}

TEST("a token is not taken twice while it is in flight, and cancel ends its I/O") {
  const auto ring = make_ring(make_arena());
  if (!ring || !ring->features().has_cancel) return;
  int ends[2];
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const FileDescriptor reader(ends[0]);
  const FileDescriptor writer(ends[1]);
  ring->memory()->submissions[0] = entry(RingOp::kRead, reader.get(), 3, 0, 0, 16);
  CHECK_EQUAL(ring->enter(1), 0);
  ring->memory()->submissions[0] = entry(RingOp::kNop, -1, 3, 0, 0);
  CHECK_EQUAL(ring->enter(1), -EINVAL);
  const auto results = run(*ring, {entry(RingOp::kCancel, -1, 4, 0, 3)});
  CHECK_EQUAL(results.at(3), -ECANCELED);
  CHECK_EQUAL(results.at(4), 0);
}

TEST("a ring that goes with I/O in flight cancels it and waits for it") {
  const auto arena = make_arena();
  auto ring = make_ring(arena);
  if (!ring || !ring->features().has_cancel) return;
  int ends[2];
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const FileDescriptor reader(ends[0]);
  const FileDescriptor writer(ends[1]);
  for (uint32_t token = 0; token < 8; token++) {
    ring->memory()->submissions[token] = entry(RingOp::kRead, reader.get(), token, 0, token * 16.0, 16);
  }
  CHECK_EQUAL(ring->enter(8), 0);
  CHECK_EQUAL(ring->in_flight(), 8);
  ring.reset();
  // Nobody reads any more: the byte stays in the socket and the arena stays as it was.
  CHECK_EQUAL(write(writer.get(), "x", 1), 1);
  char byte = 0;
  CHECK_EQUAL(read(reader.get(), &byte, 1), 1);
  CHECK_EQUAL(arena->data()[0], 0);
}
