#include "numa_node.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <cstdlib>
#include <fstream>

namespace gotgt {

namespace {

// From linux/mempolicy.h, which not every system has installed.
constexpr int kMpolBind = 2;
constexpr unsigned kMpolMfStrict = 1;

// The kernel's MAX_NUMNODES is at most 1024; CPUs beyond 65535 do not exist.
constexpr int kNodesMax = 1024;
constexpr int kCpusMax = 65536;
constexpr int kWordBits = sizeof(unsigned long) * CHAR_BIT;

std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::vector<int> parse_cpu_list(const std::string& text) {
  std::vector<int> numbers;
  const char* at = text.c_str();
  while (*at >= '0' && *at <= '9') {
    char* end = nullptr;
    const long first = strtol(at, &end, 10);
    long last = first;
    if (*end == '-') last = strtol(end + 1, &end, 10);
    if (last < first || last >= kCpusMax) break;
    for (long number = first; number <= last; number++) numbers.push_back(static_cast<int>(number));
    if (*end != ',') break;
    at = end + 1;
  }
  return numbers;
}

std::vector<NumaNode> numa_topology(const std::string& sys_root) {
  const std::string base = sys_root + "/devices/system/";
  std::vector<NumaNode> nodes;
  for (int node : parse_cpu_list(read_line(base + "node/online"))) {
    const std::string path = base + "node/node" + std::to_string(node) + "/cpulist";
    nodes.push_back(NumaNode{node, parse_cpu_list(read_line(path))});
  }
  if (nodes.empty()) nodes.push_back(NumaNode{0, parse_cpu_list(read_line(base + "cpu/online"))});
  return nodes;
}

int bind_memory(void* address, size_t bytes, int node) {
  if (node < 0 || node >= kNodesMax) return -EINVAL;
  unsigned long mask[kNodesMax / kWordBits] = {};
  mask[node / kWordBits] = 1UL << (node % kWordBits);
  // The kernel reads maxnode - 1 bits of the mask.
  const long result = syscall(SYS_mbind, address, bytes, kMpolBind, mask, kNodesMax + 1UL, kMpolMfStrict);
  return result < 0 ? -errno : 0;
}

int page_node(const void* address) {
  const uintptr_t page_mask = ~(static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)) - 1);
  void* page = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(address) & page_mask);
  int status = -ENOENT;
  // Without a list of nodes move_pages moves nothing and tells where each page is. Unlike get_mempolicy it does not
  // bring the page in.
  if (syscall(SYS_move_pages, 0, 1UL, &page, nullptr, &status, 0) < 0) return -errno;
  return status;
}

int pin_thread(const std::vector<int>& cpus) {
  if (cpus.empty()) return -EINVAL;
  std::vector<unsigned long> mask(kCpusMax / kWordBits);
  for (int cpu : cpus) {
    if (cpu < 0 || cpu >= kCpusMax) return -EINVAL;
    mask[cpu / kWordBits] |= 1UL << (cpu % kWordBits);
  }
  const int result =
      sched_setaffinity(0, mask.size() * sizeof(unsigned long), reinterpret_cast<const cpu_set_t*>(mask.data()));
  return result < 0 ? -errno : 0;
}

}  // namespace gotgt
