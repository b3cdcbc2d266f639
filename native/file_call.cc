#include "file_call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace gotgt {

namespace {

// struct statx and its mask bit, Linux 6.1; the headers of older systems end before these fields.
constexpr unsigned kStatxDioAlign = 0x2000;
constexpr size_t kStatxBytes = 256;
constexpr size_t kStatxMaskOffset = 0;
constexpr size_t kStatxMemoryAlignOffset = 152;
constexpr size_t kStatxOffsetAlignOffset = 156;

uint32_t load_u32(const char* at) {
  uint32_t number;
  memcpy(&number, at, sizeof(number));
  return number;
}

// How many bytes of the file lie behind `offset`.
uint64_t bytes_to_end(int fd, uint64_t offset) {
  struct stat status;
  if (fstat(fd, &status) < 0) return 0;
  const uint64_t end = static_cast<uint64_t>(status.st_size);
  return end > offset ? end - offset : 0;
}

// How many bytes from `offset` on are a hole, at most `bytes`; 0 when it is data, or not known. What lies behind the
// end of a file that was cut is no hole: nobody knows what it was.
uint64_t hole_bytes(int fd, uint64_t offset, uint64_t bytes) {
  const int64_t data = seek_data(fd, offset);
  if (data == -ENXIO) return std::min(bytes, bytes_to_end(fd, offset));
  if (data < 0 || static_cast<uint64_t>(data) <= offset) return 0;
  return std::min(bytes, static_cast<uint64_t>(data) - offset);
}

// How many bytes from `offset` on are data, at most `bytes`; all of them when it is not known.
uint64_t data_bytes(int fd, uint64_t offset, uint64_t bytes) {
  const int64_t hole = seek_hole(fd, offset);
  if (hole < 0 || static_cast<uint64_t>(hole) <= offset) return bytes;
  return std::min(bytes, static_cast<uint64_t>(hole) - offset);
}

int64_t copy_data(int source_fd, uint64_t source_offset, int fd, uint64_t offset, uint64_t bytes) {
  off64_t from = static_cast<off64_t>(source_offset);
  off64_t to = static_cast<off64_t>(offset);
  ssize_t result;
  do {
    result = copy_file_range(source_fd, &from, fd, &to, bytes, 0);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

}  // namespace

int64_t allocate_range(int fd, int mode, uint64_t offset, uint64_t bytes) {
  int result;
  do {
    result = fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

int64_t write_dsync(int fd, const void* data, size_t bytes, uint64_t offset) {
  const iovec vector = {const_cast<void*>(data), bytes};
  ssize_t result;
  do {
    result = pwritev2(fd, &vector, 1, static_cast<off_t>(offset), RWF_DSYNC);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

int64_t copy_range(int source_fd, uint64_t source_offset, int fd, uint64_t offset, uint64_t bytes, bool may_punch) {
  constexpr int kPunchHole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  uint64_t done = 0;
  while (done < bytes) {
    const uint64_t from = source_offset + done;
    const uint64_t left = bytes - done;
    const uint64_t hole = may_punch ? hole_bytes(source_fd, from, left) : 0;
    if (hole > 0 && allocate_range(fd, kPunchHole, offset + done, hole) == 0) {
      done += hole;
      continue;
    }
    const uint64_t piece = hole > 0 ? hole : may_punch ? data_bytes(source_fd, from, left) : left;
    const int64_t copied = copy_data(source_fd, from, fd, offset + done, piece);
    if (copied <= 0) return done > 0 ? static_cast<int64_t>(done) : copied;
    done += static_cast<uint64_t>(copied);
  }
  return static_cast<int64_t>(done);
}

// The file's own position moves, but all our reads and writes say theirs.
int64_t seek_data(int fd, uint64_t offset) {
  const off_t result = lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  return result < 0 ? -errno : result;
}

int64_t seek_hole(int fd, uint64_t offset) {
  const off_t result = lseek(fd, static_cast<off_t>(offset), SEEK_HOLE);
  return result < 0 ? -errno : result;
}

int lock_file(int fd, bool is_shared) { return flock(fd, (is_shared ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0 ? -errno : 0; }

int unlock_file(int fd) { return flock(fd, LOCK_UN) < 0 ? -errno : 0; }

int block_device_size(int fd, BlockDeviceSize* size) {
  struct stat status;
  if (fstat(fd, &status) < 0) return -errno;
  if (!S_ISBLK(status.st_mode)) return -ENOTBLK;
  int logical_block_bytes = 0;
  unsigned physical_block_bytes = 0;
  if (ioctl(fd, BLKGETSIZE64, &size->bytes) < 0) return -errno;
  if (ioctl(fd, BLKSSZGET, &logical_block_bytes) < 0) return -errno;
  if (ioctl(fd, BLKPBSZGET, &physical_block_bytes) < 0) return -errno;
  size->logical_block_bytes = static_cast<uint32_t>(logical_block_bytes);
  size->physical_block_bytes = physical_block_bytes;
  return 0;
}

int direct_alignment(int fd, DirectAlignment* alignment) {
  alignas(8) char status[kStatxBytes] = {};
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, kStatxDioAlign, status) < 0) return -errno;
  if ((load_u32(status + kStatxMaskOffset) & kStatxDioAlign) == 0) return -EOPNOTSUPP;
  alignment->memory_bytes = load_u32(status + kStatxMemoryAlignOffset);
  alignment->offset_bytes = load_u32(status + kStatxOffsetAlignOffset);
  return 0;
}

}  // namespace gotgt
