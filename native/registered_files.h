// The files that a ring knows by index, so that an I/O need not look its descriptor up and hold it. The table is made
// empty with the ring; the kernel keeps every file in it open, so one has to leave it before its descriptor is closed.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <vector>

namespace gotgt {

class RegisteredFiles {
 public:
  // Takes the ring it is for, which outlives it. A kernel that takes no empty places (before 5.5) leaves no room here.
  void open(io_uring* ring, uint32_t files_max);

  uint32_t capacity() const { return static_cast<uint32_t>(fds_.size()); }

  // The index of `fd` from now on, or -errno: -ENFILE (no place left, or none at all), -EBADF.
  int add(int fd);

  // Gives the place up. 0, or -errno when the kernel keeps the file: its place is not given to another then.
  int remove(uint32_t index);

  // Whether `index` stands for the file that was added as `fd`.
  bool has(uint32_t index, int fd) const { return index < fds_.size() && fds_[index] == fd && fd >= 0; }

 private:
  static constexpr int kFree = -1;
  // The kernel would not let it go.
  static constexpr int kLost = -2;

  io_uring* ring_ = nullptr;
  std::vector<int> fds_;
};

}  // namespace gotgt
