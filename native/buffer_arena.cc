#include "buffer_arena.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "numa_node.h"

namespace gotgt {

namespace {

// Both x86-64 and arm64 with 4 KiB pages.
constexpr size_t kHugePageBytes = 2 << 20;

// MADV_POPULATE_WRITE, Linux 5.14; older headers do not have it.
constexpr int kMadvPopulateWrite = 23;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

std::shared_ptr<BufferArena> BufferArena::create(const ArenaRequest& request) {
  std::string reason;
  if (request.huge_pages) {
    auto arena = map(request, round_up(request.bytes, kHugePageBytes), MAP_HUGETLB);
    if (arena && arena->populate_huge_pages()) return arena;
    reason = std::string("no huge pages for the arena: ") + strerror(errno);
  }
  auto arena = map(request, round_up(request.bytes, static_cast<size_t>(sysconf(_SC_PAGESIZE))), 0);
  if (arena && !reason.empty()) arena->add_reason(reason);
  return arena;
}

std::shared_ptr<BufferArena> BufferArena::map(const ArenaRequest& request, size_t bytes, int flags) {
  void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  MemoryMap map(address, bytes);
  if (!map.is_mapped()) return nullptr;
  // A child between fork and exec would make our pages copy-on-write: after our next store the kernel would still read
  // or fill the old page, and data would be lost. The child does not get them.
  if (madvise(map.data(), map.bytes(), MADV_DONTFORK) < 0) return nullptr;
  auto arena = std::make_shared<BufferArena>(std::move(map), request.bytes);
  if (request.numa_node >= 0) arena->bind(request.numa_node);
  return arena;
}

// A huge page that cannot be had when it is first touched kills the process; here its absence is an error.
bool BufferArena::populate_huge_pages() {
  has_huge_pages_ = madvise(map_.data(), map_.bytes(), kMadvPopulateWrite) == 0;
  return has_huge_pages_;
}

void BufferArena::bind(int node) {
  const int result = bind_memory(map_.data(), map_.bytes(), node);
  if (result == 0) {
    numa_node_ = node;
    return;
  }
  add_reason("the arena is not bound to NUMA node " + std::to_string(node) + ": " + strerror(-result));
}

void BufferArena::add_reason(const std::string& sentence) {
  if (!reason_.empty()) reason_ += "; ";
  reason_ += sentence;
}

}  // namespace gotgt
