#include "registered_files.h"

#include <errno.h>
#include <sys/resource.h>

#include <algorithm>

namespace gotgt {

namespace {

// Since 5.13 a table may not be larger than RLIMIT_NOFILE.
uint32_t descriptors_max() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<uint32_t>(std::min<rlim_t>(limit.rlim_cur, UINT32_MAX));
}

}  // namespace

void RegisteredFiles::open(io_uring* ring, uint32_t files_max) {
  ring_ = ring;
  std::vector<int> places(std::min(files_max, descriptors_max()), kFree);
  if (places.empty()) return;
  if (io_uring_register_files(ring, places.data(), static_cast<unsigned>(places.size())) == 0) fds_.swap(places);
}

int RegisteredFiles::add(int fd) {
  if (fd < 0) return -EBADF;
  const auto place = std::find(fds_.begin(), fds_.end(), kFree);
  if (place == fds_.end()) return -ENFILE;
  const int index = static_cast<int>(place - fds_.begin());
  const int result = io_uring_register_files_update(ring_, static_cast<unsigned>(index), &fd, 1);
  if (result < 0) return result;
  *place = fd;
  return index;
}

int RegisteredFiles::remove(uint32_t index) {
  if (index >= fds_.size() || fds_[index] < 0) return -EINVAL;
  const int nothing = -1;
  const int result = io_uring_register_files_update(ring_, index, &nothing, 1);
  fds_[index] = result < 0 ? kLost : kFree;
  return result < 0 ? result : 0;
}

}  // namespace gotgt
