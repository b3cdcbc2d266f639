// The memory that a ring, and a sender, share with JavaScript. src/native/ring-layout.ts mirrors every number here and
// compares them when the addon is loaded; raise kLayoutVersion when the meaning of a field changes, or what the addon
// exports, but no number does.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gotgt {

constexpr uint32_t kLayoutVersion = 6;

enum class RingOp : uint32_t {
  kNop = 0,
  kRead = 1,
  kWrite = 2,
  // The bytes are stable when it completes (RWF_DSYNC): force unit access.
  kWriteDsync = 3,
  // `argument` bytes from `offset`; 0 for the whole file.
  kFsync = 4,
  kFdatasync = 5,
  // FALLOC_FL_PUNCH_HOLE and FALLOC_FL_ZERO_RANGE, both with FALLOC_FL_KEEP_SIZE, over `argument` bytes.
  kPunchHole = 6,
  kZeroRange = 7,
  // Writes `length` zeros, at most kZeroRegionBytes, from the ring's own page of zeros.
  kWriteZeros = 8,
  // Cancels the submission whose token is `argument`.
  kCancel = 9,
};

// Added to kRead, kWrite and kWriteDsync: use the arena's registration if there is one. It saves O_DIRECT I/O the
// pinning of its pages; a copy from or to the page cache is some 15 % faster without.
constexpr uint32_t kPinnedFlag = 256;

// Added to kRead and kWrite of a file's page cache: enter() does them itself when that does not wait (RWF_NOWAIT), and
// the ring what is left. See inline_io.h.
constexpr uint32_t kInlineFlag = 512;
// Added to kWrite with kInlineFlag: the file system does not know RWF_NOWAIT for writes, a plain write may be tried.
constexpr uint32_t kMayWaitFlag = 1024;
constexpr uint32_t kOpMask = kPinnedFlag - 1;

// Added to whatever works on a file: the ring finds it at an index of its table of registered files, which stands in
// the upper bits. `fd` is its descriptor all the same.
constexpr uint32_t kFixedFileFlag = 2048;
constexpr uint32_t kFileIndexShift = 16;

struct RingSubmission {
  // A RingOp with the flags above.
  uint32_t opcode;
  int32_t fd;
  // Bytes to read or write.
  uint32_t length;
  // Chosen by JavaScript, below the ring's depth; comes back in the completion. Only one in flight may carry it.
  uint32_t token;
  // Bytes from the start of the file. A double holds every offset below 2^53 exactly.
  double offset;
  // Read and write: where in the arena. Others: see RingOp.
  double argument;
};

struct RingCompletion {
  uint32_t token;
  // Bytes done, or a negative errno.
  int32_t result;
};

// What a sender sends: memory [start, end), the memory by its index. Doubles hold the offsets of every arena exactly.
struct SendPiece {
  double memory;
  double start;
  double end;
};

constexpr uint32_t kPiecesMax = 256;

constexpr uint32_t kZeroRegionBytes = 1 << 20;
// The kernel's IORING_MAX_ENTRIES.
constexpr uint32_t kRingDepthMax = 32768;

static_assert(sizeof(RingSubmission) == 32);
static_assert(sizeof(RingCompletion) == 8);

struct LayoutNumber {
  const char* name;
  uint32_t value;
};

constexpr LayoutNumber kLayoutNumbers[] = {
    {"version", kLayoutVersion},
    {"submissionBytes", sizeof(RingSubmission)},
    {"submissionOpcode", offsetof(RingSubmission, opcode)},
    {"submissionFd", offsetof(RingSubmission, fd)},
    {"submissionLength", offsetof(RingSubmission, length)},
    {"submissionToken", offsetof(RingSubmission, token)},
    {"submissionOffset", offsetof(RingSubmission, offset)},
    {"submissionArgument", offsetof(RingSubmission, argument)},
    {"completionBytes", sizeof(RingCompletion)},
    {"completionToken", offsetof(RingCompletion, token)},
    {"completionResult", offsetof(RingCompletion, result)},
    {"opNop", static_cast<uint32_t>(RingOp::kNop)},
    {"opRead", static_cast<uint32_t>(RingOp::kRead)},
    {"opWrite", static_cast<uint32_t>(RingOp::kWrite)},
    {"opWriteDsync", static_cast<uint32_t>(RingOp::kWriteDsync)},
    {"opFsync", static_cast<uint32_t>(RingOp::kFsync)},
    {"opFdatasync", static_cast<uint32_t>(RingOp::kFdatasync)},
    {"opPunchHole", static_cast<uint32_t>(RingOp::kPunchHole)},
    {"opZeroRange", static_cast<uint32_t>(RingOp::kZeroRange)},
    {"opWriteZeros", static_cast<uint32_t>(RingOp::kWriteZeros)},
    {"opCancel", static_cast<uint32_t>(RingOp::kCancel)},
    {"pinnedFlag", kPinnedFlag},
    {"inlineFlag", kInlineFlag},
    {"mayWaitFlag", kMayWaitFlag},
    {"fixedFileFlag", kFixedFileFlag},
    {"fileIndexShift", kFileIndexShift},
    {"zeroRegionBytes", kZeroRegionBytes},
    {"depthMax", kRingDepthMax},
    {"pieceBytes", sizeof(SendPiece)},
    {"pieceMemory", offsetof(SendPiece, memory)},
    {"pieceStart", offsetof(SendPiece, start)},
    {"pieceEnd", offsetof(SendPiece, end)},
    {"piecesMax", kPiecesMax},
};

}  // namespace gotgt
