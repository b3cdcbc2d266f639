#include "uring_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>

#include <algorithm>
#include <utility>

namespace gotgt {

namespace {

// Two pages of submissions; where locked memory does not even allow this there is no ring.
constexpr uint32_t kDepthMin = 32;
// The kernel's limit for one registered buffer; an arena is registered in pieces of this size.
constexpr uint64_t kFixedBufferBytes = 1u << 30;
// The kernel's MAX_RW_COUNT for 4 KiB pages.
constexpr uint32_t kDataBytesMax = 0x7ffff000;
constexpr double kOffsetMax = 9007199254740991.0;
constexpr uint32_t kReapBatch = 64;
// Completions of our own cancels.
constexpr uint64_t kNoToken = UINT64_MAX;

uint32_t round_up_to_power_of_two(uint32_t number) {
  uint32_t power = 1;
  while (power < number) power *= 2;
  return power;
}

// Files in the table: more stores than a reactor serves from files of their own find no place and go without.
constexpr uint32_t kFilesMax = 1024;
static_assert(kFilesMax <= 1u << (32 - kFileIndexShift));

constexpr uint32_t kOpcodeBits = kOpMask | kPinnedFlag | kInlineFlag | kMayWaitFlag | kFixedFileFlag;
constexpr uint32_t kFileIndexBits = ~0u << kFileIndexShift;

RingOp op_of(const RingSubmission& entry) { return static_cast<RingOp>(entry.opcode & kOpMask); }

bool is_data_op(RingOp op) { return op == RingOp::kRead || op == RingOp::kWrite || op == RingOp::kWriteDsync; }

bool is_fixed(const RingSubmission& entry) { return (entry.opcode & kFixedFileFlag) != 0; }

uint32_t file_index(const RingSubmission& entry) { return entry.opcode >> kFileIndexShift; }

// False also for an index without the flag.
bool has_known_bits(const RingSubmission& entry) {
  return (entry.opcode & ~(kOpcodeBits | (is_fixed(entry) ? kFileIndexBits : 0))) == 0;
}

bool is_file_op(RingOp op) { return op != RingOp::kNop && op != RingOp::kCancel; }

// What may be done inline.
bool is_cached_op(const RingSubmission& entry) {
  const RingOp op = op_of(entry);
  return (op == RingOp::kRead || op == RingOp::kWrite) && (entry.opcode & kPinnedFlag) == 0;
}

bool is_fallocate_op(RingOp op) { return op == RingOp::kPunchHole || op == RingOp::kZeroRange; }

// False for NaN.
bool is_offset(double number) { return number >= 0 && number <= kOffsetMax; }

}  // namespace

int fallocate_mode(RingOp op) {
  return FALLOC_FL_KEEP_SIZE | (op == RingOp::kPunchHole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
}

UringQueue::UringQueue(uint32_t depth, std::shared_ptr<BufferArena> arena)
    : depth_(depth),
      arena_(std::move(arena)),
      memory_(std::make_shared<RingMemory>(depth)),
      iovecs_(depth),
      busy_(depth, false) {}

UringQueue::~UringQueue() {
  if (!is_set_up_) return;
  drain();
  io_uring_queue_exit(&ring_);
}

int UringQueue::open(const RingOptions& options, std::shared_ptr<BufferArena> arena,
                     std::unique_ptr<UringQueue>* queue) {
  if (options.depth < 1 || options.depth > kRingDepthMax) return -EINVAL;
  // Rings count as locked memory before Linux 5.12: take what the limit allows.
  uint32_t depth = std::max(kDepthMin, round_up_to_power_of_two(options.depth));
  std::unique_ptr<UringQueue> opened;
  int result;
  do {
    opened.reset(new UringQueue(depth, arena));
    result = opened->set_up(options);
    depth /= 2;
  } while (result == -ENOMEM && depth >= kDepthMin);
  if (result < 0) return result;
  if (!options.base_ops_only) opened->probe();
  *queue = std::move(opened);
  return 0;
}

int UringQueue::set_up(const RingOptions& options) {
  zeros_ = MemoryMap(mmap(nullptr, kZeroRegionBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), kZeroRegionBytes);
  if (!zeros_.is_mapped()) return -errno;
  const int result = set_up_ring(options, depth_, &ring_, &features_);
  is_set_up_ = result == 0;
  return result;
}

// Without IORING_REGISTER_PROBE (before 5.6) there is what 5.1 had.
void UringQueue::probe() {
  files_.open(&ring_, kFilesMax);
  features_.files_max = files_.capacity();
  io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
  if (probe == nullptr) return;
  features_.has_plain_read_write =
      io_uring_opcode_supported(probe, IORING_OP_READ) && io_uring_opcode_supported(probe, IORING_OP_WRITE);
  features_.has_fallocate = io_uring_opcode_supported(probe, IORING_OP_FALLOCATE);
  // A ring that is polled refuses all but reads and writes.
  features_.has_cancel = !is_polled() && io_uring_opcode_supported(probe, IORING_OP_ASYNC_CANCEL);
  io_uring_free_probe(probe);
}

int UringQueue::register_arena() {
  if (is_registered_) return 0;
  std::vector<iovec> pieces;
  for (uint64_t offset = 0; offset < arena_->bytes(); offset += kFixedBufferBytes) {
    const uint64_t bytes = std::min(kFixedBufferBytes, arena_->bytes() - offset);
    pieces.push_back(iovec{arena_->data() + offset, bytes});
  }
  const int result = io_uring_register_buffers(&ring_, pieces.data(), static_cast<unsigned>(pieces.size()));
  is_registered_ = result == 0;
  return result;
}

int UringQueue::enter(uint32_t count) {
  if (count > depth_) return -EINVAL;
  const RingSubmission* entries = memory_->submissions.data();
  for (uint32_t i = 0; i < count; i++) {
    if (!is_valid(entries[i])) return -EINVAL;
  }
  uint32_t filled = 0;
  inline_io_.begin();
  for (uint32_t i = 0; i < count; i++) {
    if (do_inline(entries[i], filled)) {
      filled++;
    } else {
      accept(entries[i]);
    }
  }
  inline_io_.end();
  return submit_and_reap(filled);
}

int UringQueue::reap() { return submit_and_reap(0); }

// True when `entry` is complete, as the completion at `index`.
bool UringQueue::do_inline(const RingSubmission& entry, uint32_t index) {
  if ((entry.opcode & kInlineFlag) == 0) return false;
  const int32_t result = inline_io_.attempt(entry, arena_->data() + static_cast<uint64_t>(entry.argument));
  if (result == InlineIo::kNotDone) return false;
  memory_->completions[index] = RingCompletion{entry.token, result};
  return true;
}

bool UringQueue::is_valid(const RingSubmission& entry) const {
  const RingOp op = op_of(entry);
  if (op > RingOp::kCancel || entry.token >= depth_ || busy_[entry.token]) return false;
  if (!has_known_bits(entry)) return false;
  if (is_fixed(entry) && !(is_file_op(op) && files_.has(file_index(entry), entry.fd))) return false;
  if ((entry.opcode & kInlineFlag) != 0 && !is_cached_op(entry)) return false;
  if (!is_offset(entry.offset) || !is_offset(entry.argument)) return false;
  if (op == RingOp::kWriteZeros) return entry.length <= kZeroRegionBytes;
  if (!is_data_op(op)) return true;
  const uint64_t start = static_cast<uint64_t>(entry.argument);
  return entry.length <= kDataBytesMax && start <= arena_->bytes() && entry.length <= arena_->bytes() - start;
}

void UringQueue::accept(const RingSubmission& entry) {
  busy_[entry.token] = true;
  in_flight_++;
  if (is_fallocate_op(op_of(entry)) && !features_.has_fallocate) {
    deferred_.push_back(entry);
    return;
  }
  // There is always room: no more than depth_ tokens are in flight, and the submission ring has as many entries.
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    complete(entry.token, -EBUSY);
    return;
  }
  in_kernel_++;
  memset(sqe, 0, sizeof(*sqe));
  sqe->user_data = entry.token;
  prepare(sqe, entry);
  if (!is_fixed(entry)) return;
  sqe->fd = static_cast<int32_t>(file_index(entry));
  sqe->flags |= IOSQE_FIXED_FILE;
}

void UringQueue::prepare(io_uring_sqe* sqe, const RingSubmission& entry) {
  const RingOp op = op_of(entry);
  sqe->fd = entry.fd;
  sqe->off = static_cast<uint64_t>(entry.offset);
  const uint64_t argument = static_cast<uint64_t>(entry.argument);
  switch (op) {
    case RingOp::kNop:
      sqe->opcode = IORING_OP_NOP;
      sqe->off = 0;
      return;
    case RingOp::kFsync:
    case RingOp::kFdatasync:
      sqe->opcode = IORING_OP_FSYNC;
      sqe->fsync_flags = op == RingOp::kFdatasync ? IORING_FSYNC_DATASYNC : 0;
      // The field is 32 bits wide: a longer range becomes the whole file, which is offset 0 and length 0.
      if (argument == 0 || argument > UINT32_MAX) sqe->off = 0;
      sqe->len = argument > UINT32_MAX ? 0 : static_cast<uint32_t>(argument);
      return;
    case RingOp::kPunchHole:
    case RingOp::kZeroRange:
      sqe->opcode = IORING_OP_FALLOCATE;
      sqe->addr = argument;
      sqe->len = static_cast<uint32_t>(fallocate_mode(op));
      return;
    case RingOp::kCancel:
      sqe->opcode = IORING_OP_ASYNC_CANCEL;
      sqe->fd = -1;
      sqe->off = 0;
      sqe->addr = argument;
      return;
    case RingOp::kRead:
    case RingOp::kWrite:
    case RingOp::kWriteDsync:
      prepare_data(sqe, entry);
      return;
    case RingOp::kWriteZeros:
      prepare_plain(sqe, entry, zeros_.data(), false);
      return;
  }
}

void UringQueue::prepare_data(io_uring_sqe* sqe, const RingSubmission& entry) {
  const bool is_read = op_of(entry) == RingOp::kRead;
  const uint64_t start = static_cast<uint64_t>(entry.argument);
  char* const data = arena_->data() + start;
  const uint64_t piece = start / kFixedBufferBytes;
  const bool is_in_one_piece = entry.length == 0 || (start + entry.length - 1) / kFixedBufferBytes == piece;
  if ((entry.opcode & kPinnedFlag) == 0 || !is_registered_ || !is_in_one_piece) {
    prepare_plain(sqe, entry, data, is_read);
    return;
  }
  sqe->opcode = is_read ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
  sqe->addr = reinterpret_cast<uint64_t>(data);
  sqe->len = entry.length;
  sqe->buf_index = static_cast<uint16_t>(piece);
  if (op_of(entry) == RingOp::kWriteDsync) sqe->rw_flags = RWF_DSYNC;
}

void UringQueue::prepare_plain(io_uring_sqe* sqe, const RingSubmission& entry, void* data, bool is_read) {
  if (op_of(entry) == RingOp::kWriteDsync) sqe->rw_flags = RWF_DSYNC;
  if (features_.has_plain_read_write) {
    sqe->opcode = is_read ? IORING_OP_READ : IORING_OP_WRITE;
    sqe->addr = reinterpret_cast<uint64_t>(data);
    sqe->len = entry.length;
    return;
  }
  iovec& vector = iovecs_[entry.token];
  vector = iovec{data, entry.length};
  sqe->opcode = is_read ? IORING_OP_READV : IORING_OP_WRITEV;
  sqe->addr = reinterpret_cast<uint64_t>(&vector);
  sqe->len = 1;
}

// Hands the kernel all that is prepared. 0 also when it took a part for want of memory (-EAGAIN) or of room for
// completions (-EBUSY); has_backlog() then says so.
int UringQueue::submit() {
  if (has_sq_thread()) return std::min(0, io_uring_submit(&ring_));  // wakes the thread when it sleeps
  while (io_uring_sq_ready(&ring_) > 0) {
    const int result = io_uring_submit(&ring_);
    // Before 5.18 the kernel stops behind a submission it refuses, so a part is no sign of trouble.
    if (result > 0 || result == -EINTR) continue;
    if (result == 0 || result == -EAGAIN || result == -EBUSY) return 0;
    return result;
  }
  return 0;
}

// Appends completions behind the `filled` that stand there.
int UringQueue::submit_and_reap(uint32_t filled) {
  if (in_flight_ == 0) return static_cast<int>(filled);
  for (;;) {
    const int result = submit();
    if (result < 0) return result;
    const uint32_t before = filled;
    filled = collect(filled);
    // Completions make room for what is left over; without any there is nothing to gain by trying at once.
    if (filled == before || !has_backlog()) return static_cast<int>(filled);
  }
}

// Appends completions behind the `filled` that stand there. Returns how many stand there then.
uint32_t UringQueue::collect(uint32_t filled) {
  RingCompletion* const completions = memory_->completions.data();
  const uint32_t start = filled;
  while (!finished_.empty() && filled < depth_) {
    completions[filled++] = finished_.back();
    finished_.pop_back();
  }
  filled = collect_kernel(filled);
  for (uint32_t i = start; i < filled; i++) busy_[completions[i].token] = false;
  in_flight_ -= filled - start;
  return filled;
}

uint32_t UringQueue::collect_kernel(uint32_t filled) {
  RingCompletion* const completions = memory_->completions.data();
  if (is_polled() && in_kernel_ > 0) io_uring_get_events(&ring_);
  io_uring_cqe* batch[kReapBatch];
  while (filled < depth_) {
    // Runs deferred task work and brings back completions that overflowed.
    const uint32_t count = io_uring_peek_batch_cqe(&ring_, batch, std::min(kReapBatch, depth_ - filled));
    if (count == 0) break;
    for (uint32_t i = 0; i < count; i++) {
      if (batch[i]->user_data == kNoToken) continue;
      completions[filled++] = RingCompletion{static_cast<uint32_t>(batch[i]->user_data), batch[i]->res};
      in_kernel_--;
    }
    io_uring_cq_advance(&ring_, count);
  }
  return filled;
}

std::vector<RingSubmission> UringQueue::take_deferred() { return std::exchange(deferred_, {}); }

void UringQueue::complete(uint32_t token, int32_t result) { finished_.push_back(RingCompletion{token, result}); }

void UringQueue::drain() {
  if (in_kernel_ > 0) cancel_all();
  while (in_kernel_ > 0) {
    const int result = io_uring_submit_and_wait(&ring_, 1);
    if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) {
      // The ring does not answer, and the kernel may still write into the arena: it is never unmapped.
      new std::shared_ptr<BufferArena>(arena_);
      return;
    }
    in_flight_ -= collect_kernel(0);
  }
}

void UringQueue::cancel_all() {
  if (!features_.has_cancel) return;
  for (uint32_t token = 0; token < depth_; token++) {
    if (!busy_[token]) continue;
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    if (sqe == nullptr) return;  // a courtesy only: what is not cancelled is waited for
    memset(sqe, 0, sizeof(*sqe));
    sqe->opcode = IORING_OP_ASYNC_CANCEL;
    sqe->fd = -1;
    sqe->addr = token;
    sqe->user_data = kNoToken;
  }
}

}  // namespace gotgt
