// Owners of what the kernel lends: a mapping and a descriptor. Both give it back in their destructor and cannot be
// copied.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <utility>

namespace gotgt {

class MemoryMap {
 public:
  MemoryMap() = default;
  MemoryMap(void* address, size_t bytes) : address_(address), bytes_(bytes) {}
  MemoryMap(MemoryMap&& other) noexcept
      : address_(std::exchange(other.address_, MAP_FAILED)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryMap& operator=(MemoryMap&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  MemoryMap(const MemoryMap&) = delete;
  MemoryMap& operator=(const MemoryMap&) = delete;
  ~MemoryMap() {
    if (is_mapped()) munmap(address_, bytes_);
  }

  bool is_mapped() const { return address_ != MAP_FAILED; }
  char* data() const { return static_cast<char*>(address_); }
  size_t bytes() const { return bytes_; }

 private:
  void* address_ = MAP_FAILED;
  size_t bytes_ = 0;
};

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { reset(); }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace gotgt
