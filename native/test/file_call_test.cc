#include "../file_call.h"

#include <errno.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "temporary_file.h"

using namespace gotgt;

TEST("allocate_range punches a hole that seek_data steps over") {
  const FileDescriptor fd = test::temporary_file(1 << 20);
  const std::vector<char> bytes(1 << 20, 'x');
  CHECK_EQUAL(write_dsync(fd.get(), bytes.data(), bytes.size(), 0), 1 << 20);
  const int result = allocate_range(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 19);
  if (result == -EOPNOTSUPP) return;  // a file system without holes has nothing to step over
  CHECK_EQUAL(result, 0);
  CHECK_EQUAL(seek_data(fd.get(), 0), 1 << 19);
  CHECK_EQUAL(seek_hole(fd.get(), 1 << 19), 1 << 20);
  CHECK_EQUAL(seek_data(fd.get(), 1 << 20), -ENXIO);
}

TEST("copy_range copies data, and holes as holes") {
  constexpr uint64_t kQuarter = 1 << 18;
  const FileDescriptor source = test::temporary_file(4 * kQuarter);
  const FileDescriptor copy = test::temporary_file(4 * kQuarter);
  const std::vector<char> data(kQuarter, 's');
  const std::vector<char> old(4 * kQuarter, 'o');
  CHECK_EQUAL(write_dsync(source.get(), data.data(), data.size(), kQuarter), static_cast<int64_t>(kQuarter));
  CHECK_EQUAL(write_dsync(copy.get(), old.data(), old.size(), 0), static_cast<int64_t>(old.size()));
  const int64_t copied = copy_range(source.get(), 0, copy.get(), kQuarter, 3 * kQuarter, true);
  if (copied == -EXDEV || copied == -EOPNOTSUPP || copied == -ENOSYS) return;  // then memory is the way
  CHECK_EQUAL(copied, static_cast<int64_t>(3 * kQuarter));
  std::vector<char> seen(4 * kQuarter);
  CHECK_EQUAL(pread(copy.get(), seen.data(), seen.size(), 0), static_cast<int64_t>(seen.size()));
  CHECK(seen[0] == 'o' && seen[kQuarter - 1] == 'o');
  CHECK(seen[kQuarter] == 0 && seen[2 * kQuarter - 1] == 0);
  CHECK(seen[2 * kQuarter] == 's' && seen[3 * kQuarter - 1] == 's');
  CHECK(seen[3 * kQuarter] == 0 && seen[4 * kQuarter - 1] == 0);
}

TEST("copy_range takes nothing behind the end of a file for a hole") {
  constexpr uint64_t kHalf = 1 << 16;
  const FileDescriptor source = test::temporary_file(kHalf);
  const FileDescriptor copy = test::temporary_file(2 * kHalf);
  const std::vector<char> old(2 * kHalf, 'o');
  CHECK_EQUAL(write_dsync(copy.get(), old.data(), old.size(), 0), static_cast<int64_t>(old.size()));
  const int64_t copied = copy_range(source.get(), 0, copy.get(), 0, 2 * kHalf, true);
  if (copied == -EXDEV || copied == -EOPNOTSUPP || copied == -ENOSYS) return;
  CHECK_EQUAL(copied, static_cast<int64_t>(kHalf));
  CHECK_EQUAL(copy_range(source.get(), kHalf, copy.get(), kHalf, kHalf, true), 0);
  std::vector<char> seen(2 * kHalf);
  CHECK_EQUAL(pread(copy.get(), seen.data(), seen.size(), 0), static_cast<int64_t>(seen.size()));
  CHECK(seen[0] == 0 && seen[kHalf - 1] == 0);
  CHECK(seen[kHalf] == 'o' && seen[2 * kHalf - 1] == 'o');
}

TEST("file calls answer a bad descriptor with -EBADF") {
  BlockDeviceSize size;
  CHECK_EQUAL(allocate_range(-1, 0, 0, 1), -EBADF);
  CHECK_EQUAL(write_dsync(-1, "x", 1, 0), -EBADF);
  CHECK_EQUAL(seek_hole(-1, 0), -EBADF);
  CHECK_EQUAL(copy_range(-1, 0, -1, 0, 1, false), -EBADF);
  CHECK_EQUAL(copy_range(-1, 0, -1, 0, 1, true), -EBADF);
  CHECK_EQUAL(lock_file(-1, false), -EBADF);
  CHECK_EQUAL(block_device_size(-1, &size), -EBADF);
}

TEST("block_device_size says that a regular file is none") {
  const FileDescriptor fd = test::temporary_file(4096);
  BlockDeviceSize size;
  CHECK_EQUAL(block_device_size(fd.get(), &size), -ENOTBLK);
}
