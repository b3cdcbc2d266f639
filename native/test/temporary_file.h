// A file without a name that goes when the test does.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "../kernel_resource.h"
#include "check.h"

namespace gotgt::test {

inline FileDescriptor temporary_file(off_t bytes) {
  char path[] = "/tmp/gotgt-native-XXXXXX";
  FileDescriptor fd(mkostemp(path, O_CLOEXEC));
  CHECK(fd.get() >= 0);
  unlink(path);
  CHECK_EQUAL(ftruncate(fd.get(), bytes), 0);
  return fd;
}

// No descriptor where the file system refuses the flags.
inline FileDescriptor reopen(int fd, int flags) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return FileDescriptor(open(path.c_str(), flags | O_CLOEXEC));
}

}  // namespace gotgt::test
