// NUMA by system calls and /sys. libnuma is neither linked nor loaded: what we need of it is four system calls with a
// stable ABI and two files of /sys, and without it nothing has to be installed, found or versioned.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gotgt {

struct NumaNode {
  int node;
  std::vector<int> cpus;
};

// Nodes that are online, in order. A kernel without NUMA has one node 0 with every CPU that is online.
// `sys_root` is "/sys" but in tests.
std::vector<NumaNode> numa_topology(const std::string& sys_root = "/sys");

// Reads a kernel CPU or node list: "0-3,8". Anything after the first malformed piece is left out.
std::vector<int> parse_cpu_list(const std::string& text);

// Binds pages of [address, address + bytes), page-aligned and not touched yet, to `node`. 0 or -errno.
int bind_memory(void* address, size_t bytes, int node);

// The node of the page that holds `address`, or -errno (-ENOENT: not touched yet).
int page_node(const void* address);

// Binds the calling thread to `cpus`. 0 or -errno.
int pin_thread(const std::vector<int>& cpus);

}  // namespace gotgt
