#include "../file_call.h"

#include <errno.h>
#include <linux/falloc.h>

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

TEST("file calls answer a bad descriptor with -EBADF") {
  BlockDeviceSize size;
  CHECK_EQUAL(allocate_range(-1, 0, 0, 1), -EBADF);
  CHECK_EQUAL(write_dsync(-1, "x", 1, 0), -EBADF);
  CHECK_EQUAL(seek_hole(-1, 0), -EBADF);
  CHECK_EQUAL(lock_file(-1, false), -EBADF);
  CHECK_EQUAL(block_device_size(-1, &size), -EBADF);
}

TEST("block_device_size says that a regular file is none") {
  const FileDescriptor fd = test::temporary_file(4096);
  BlockDeviceSize size;
  CHECK_EQUAL(block_device_size(fd.get(), &size), -ENOTBLK);
}
