// A listening TCP socket that hands over connected descriptors, one call at a time and without waiting.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>

#include "kernel_resource.h"

namespace gotgt {

struct SocketAddress {
  std::string address;
  uint16_t port = 0;
};

struct Connection {
  FileDescriptor fd;
  SocketAddress remote;
  SocketAddress local;
};

class Listener {
 public:
  // `address` is numeric, IPv4 or IPv6, the latter perhaps with %scope. 0 or -errno (-EINVAL: not an address).
  static int open(const std::string& address, uint16_t port, int backlog, std::unique_ptr<Listener>* listener);

  explicit Listener(FileDescriptor fd) : fd_(std::move(fd)) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int fd() const { return fd_.get(); }
  const SocketAddress& local() const { return local_; }

  // 0 with the next connection: non-blocking, close-on-exec, TCP_NODELAY. -EAGAIN when none waits, else -errno.
  int accept_next(Connection* connection);

 private:
  FileDescriptor fd_;
  SocketAddress local_;
};

}  // namespace gotgt
