// Page-aligned memory for I/O: one mapping, zeroed, perhaps bound to a NUMA node and on huge pages. Shared by the
// JavaScript Buffer over it and by each ring that reads and writes it; the last of them unmaps it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "kernel_resource.h"

namespace gotgt {

struct ArenaRequest {
  size_t bytes = 0;
  // -1: wherever it is first touched.
  int numa_node = -1;
  bool huge_pages = false;
};

class BufferArena {
 public:
  // Null when the memory itself cannot be had; errno is then set. A NUMA node or huge pages that cannot be had are left
  // out and named in reason().
  static std::shared_ptr<BufferArena> create(const ArenaRequest& request);

  BufferArena(MemoryMap map, size_t bytes) : map_(std::move(map)), bytes_(bytes) {}
  BufferArena(const BufferArena&) = delete;
  BufferArena& operator=(const BufferArena&) = delete;

  char* data() const { return map_.data(); }
  // As asked for; the mapping may be larger.
  size_t bytes() const { return bytes_; }
  int numa_node() const { return numa_node_; }
  bool has_huge_pages() const { return has_huge_pages_; }
  // What was asked for and not given; empty when nothing was left out.
  const std::string& reason() const { return reason_; }

 private:
  static std::shared_ptr<BufferArena> map(const ArenaRequest& request, size_t bytes, int flags);
  bool populate_huge_pages();
  void bind(int node);
  void add_reason(const std::string& sentence);

  MemoryMap map_;
  size_t bytes_;
  int numa_node_ = -1;
  bool has_huge_pages_ = false;
  std::string reason_;
};

}  // namespace gotgt
