#include "../numa_node.h"

#include <errno.h>

#include "../buffer_arena.h"
#include "check.h"

using namespace gotgt;

TEST("CPU lists are read as the kernel writes them") {
  CHECK(parse_cpu_list("0-3,8") == std::vector<int>({0, 1, 2, 3, 8}));
  CHECK(parse_cpu_list("5\n") == std::vector<int>({5}));
  CHECK(parse_cpu_list("").empty());
  CHECK(parse_cpu_list("x").empty());
  CHECK(parse_cpu_list("3-1").empty());
  CHECK(parse_cpu_list("0-999999999").empty());
}

TEST("every machine has a node with a CPU, also without /sys") {
  CHECK(!numa_topology().empty());
  CHECK_EQUAL(numa_topology("/nonexistent").size(), 1);
}

TEST("an arena is zeroed, page-aligned and lies on the node it was bound to") {
  ArenaRequest request;
  request.bytes = 10000;
  request.numa_node = numa_topology().front().node;
  const auto arena = BufferArena::create(request);
  CHECK(arena != nullptr);
  CHECK_EQUAL(reinterpret_cast<uintptr_t>(arena->data()) % 4096, 0);
  for (size_t i = 0; i < arena->bytes(); i++) CHECK_EQUAL(arena->data()[i], 0);
  arena->data()[0] = 1;
  if (arena->numa_node() >= 0) CHECK_EQUAL(page_node(arena->data()), request.numa_node);
}

TEST("an arena without its node or its huge pages is there and says what it lacks") {
  ArenaRequest request;
  request.bytes = 4096;
  request.numa_node = 1000;
  const auto arena = BufferArena::create(request);
  CHECK(arena != nullptr);
  CHECK_EQUAL(arena->numa_node(), -1);
  CHECK(!arena->reason().empty());

  ArenaRequest huge;
  huge.bytes = 2 << 20;
  huge.huge_pages = true;
  const auto huge_arena = BufferArena::create(huge);
  CHECK(huge_arena != nullptr);
  CHECK(huge_arena->has_huge_pages() == huge_arena->reason().empty());
  huge_arena->data()[0] = 1;
}

TEST("a thread is not pinned to CPUs that are not there") {
  CHECK_EQUAL(pin_thread({}), -EINVAL);
  CHECK_EQUAL(pin_thread({-1}), -EINVAL);
  CHECK_EQUAL(pin_thread({65535}), -EINVAL);
}
