#include "../inline_io.h"

#include <errno.h>

#include "check.h"

using namespace gotgt;

namespace {

constexpr uint32_t kBlock = 4096;
constexpr uint32_t kNever = static_cast<uint32_t>(RingOp::kWrite) | kInlineFlag;
constexpr uint32_t kPlain = kNever | kMayWaitFlag;
constexpr uint32_t kReadInline = static_cast<uint32_t>(RingOp::kRead) | kInlineFlag;

// What the next system calls do; the tests set it.
struct Kernel {
  ssize_t result = kBlock;
  int error = 0;
  uint64_t now_ns = 1'000'000'000;
  // How long a write takes.
  uint64_t write_ns = 1000;
  int calls = 0;
  int flags = 0;
};

Kernel kernel;

ssize_t answer(int flags) {
  kernel.calls++;
  kernel.flags = flags;
  errno = kernel.error;
  return kernel.error == 0 ? kernel.result : -1;
}

InlineCalls scripted() {
  kernel = Kernel();
  InlineCalls calls;
  calls.read = [](int, const iovec*, int, off_t, int flags) { return answer(flags); };
  calls.write = [](int, const iovec*, int, off_t, int flags) {
    kernel.now_ns += kernel.write_ns;
    return answer(flags);
  };
  calls.now_ns = [] { return kernel.now_ns; };
  return calls;
}

RingSubmission entry(uint32_t opcode) { return RingSubmission{opcode, 3, kBlock, 0, 0, 0}; }

int32_t attempt(InlineIo& io, uint32_t opcode) {
  char data[kBlock];
  return io.attempt(entry(opcode), data);
}

// One batch of one.
int32_t batch(InlineIo& io, uint32_t opcode) {
  io.begin();
  const int32_t result = attempt(io, opcode);
  io.end();
  return result;
}

}  // namespace

TEST("a read that finds all its bytes is done inline, any other is the ring's") {
  InlineIo io(scripted());
  CHECK_EQUAL(batch(io, kReadInline), kBlock);
  CHECK_EQUAL(kernel.flags, RWF_NOWAIT);
  for (ssize_t bytes : {0, 1, 4095}) {
    kernel.result = bytes;
    CHECK_EQUAL(batch(io, kReadInline), InlineIo::kNotDone);
  }
  for (int error : {EAGAIN, EOPNOTSUPP, EINTR, EIO, EBADF}) {
    kernel.error = error;
    CHECK_EQUAL(batch(io, kReadInline), InlineIo::kNotDone);
  }
}

TEST("a write that does not wait is done whole or is the ring's") {
  InlineIo io(scripted());
  CHECK_EQUAL(batch(io, kNever), kBlock);
  CHECK_EQUAL(kernel.flags, RWF_NOWAIT);
  kernel.result = 512;
  CHECK_EQUAL(batch(io, kNever), InlineIo::kNotDone);
  kernel.error = EOPNOTSUPP;
  CHECK_EQUAL(batch(io, kNever), InlineIo::kNotDone);
}

TEST("a plain write tells its short count and its error, and leaves what was interrupted to the ring") {
  InlineIo io(scripted());
  CHECK_EQUAL(batch(io, kPlain), kBlock);
  CHECK_EQUAL(kernel.flags, 0);
  kernel.result = 512;
  CHECK_EQUAL(batch(io, kPlain), 512);
  for (int error : {ENOSPC, EIO, EBADF}) {
    kernel.error = error;
    CHECK_EQUAL(batch(io, kPlain), -error);
  }
  for (int error : {EINTR, EAGAIN}) {
    kernel.error = error;
    CHECK_EQUAL(batch(io, kPlain), InlineIo::kNotDone);
  }
}

TEST("a batch of plain writes ends after its time, and the next one goes on") {
  InlineIo io(scripted());
  kernel.write_ns = InlineIo::kSlowNs / 20;  // 16 of them are timed together
  io.begin();
  int done = 0;
  while (done < 1000 && attempt(io, kPlain) == kBlock) done++;
  CHECK_EQUAL(done, 32);  // two timed groups are 1.6 ms, one was 0.8 ms
  const int calls = kernel.calls;
  CHECK_EQUAL(attempt(io, kPlain), InlineIo::kNotDone);
  CHECK_EQUAL(kernel.calls, calls);
  CHECK_EQUAL(attempt(io, kReadInline), kBlock);  // reads do not wait and go on
  io.end();
  CHECK_EQUAL(batch(io, kPlain), kBlock);
}

TEST("a slow plain write closes the way for a while, twice as long when it is slow again") {
  InlineIo io(scripted());
  kernel.write_ns = InlineIo::kSlowNs;
  uint64_t pause_ns = InlineIo::kPauseNsMin;
  for (int i = 0; i < 20; i++) {
    CHECK_EQUAL(batch(io, kPlain), kBlock);
    kernel.now_ns += pause_ns - 1;
    CHECK_EQUAL(batch(io, kPlain), InlineIo::kNotDone);
    kernel.now_ns += 1;
    pause_ns = pause_ns * 2 < InlineIo::kPauseNsMax ? pause_ns * 2 : InlineIo::kPauseNsMax;
  }
  // Long enough quick, and the next slow one costs the shortest pause again.
  kernel.write_ns = 1000;
  CHECK_EQUAL(batch(io, kPlain), kBlock);
  kernel.now_ns += InlineIo::kPauseNsMax;
  kernel.write_ns = InlineIo::kSlowNs;
  CHECK_EQUAL(batch(io, kPlain), kBlock);
  kernel.now_ns += InlineIo::kPauseNsMin;
  CHECK_EQUAL(batch(io, kPlain), kBlock);
}
