#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>
#include <utility>

namespace gotgt {

namespace {

struct AddressInfoDeleter {
  void operator()(addrinfo* info) const { freeaddrinfo(info); }
};
using AddressInfo = std::unique_ptr<addrinfo, AddressInfoDeleter>;

AddressInfo parse_address(const std::string& address, uint16_t port) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // Numbers only: a name would make us wait for a resolver.
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* info = nullptr;
  if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &info) != 0) return nullptr;
  return AddressInfo(info);
}

SocketAddress describe(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  SocketAddress described;
  if (storage.ss_family == AF_INET) {
    sockaddr_in ipv4;
    memcpy(&ipv4, &storage, sizeof(ipv4));
    inet_ntop(AF_INET, &ipv4.sin_addr, text, sizeof(text));
    described.port = ntohs(ipv4.sin_port);
    described.address = text;
  } else if (storage.ss_family == AF_INET6) {
    sockaddr_in6 ipv6;
    memcpy(&ipv6, &storage, sizeof(ipv6));
    inet_ntop(AF_INET6, &ipv6.sin6_addr, text, sizeof(text));
    described.port = ntohs(ipv6.sin6_port);
    described.address = text;
    char interface_name[IF_NAMESIZE];
    if (ipv6.sin6_scope_id != 0 && if_indextoname(ipv6.sin6_scope_id, interface_name) != nullptr) {
      described.address += std::string("%") + interface_name;
    }
  }
  return described;
}

SocketAddress local_address(int fd) {
  sockaddr_storage storage = {};
  socklen_t bytes = sizeof(storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &bytes) < 0) return {};
  return describe(storage);
}

int set_option(int fd, int level, int name) {
  const int on = 1;
  return setsockopt(fd, level, name, &on, sizeof(on)) < 0 ? -errno : 0;
}

// What accept(2) passes on from the network, or a peer that left again: the next connection may be fine.
bool is_peer_error(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace

int Listener::open(const std::string& address, uint16_t port, int backlog, std::unique_ptr<Listener>* listener) {
  const AddressInfo info = parse_address(address, port);
  if (!info) return -EINVAL;
  FileDescriptor fd(socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (fd.get() < 0) return -errno;
  int result = set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (result < 0) return result;
  // [::] is IPv6 alone, so that 0.0.0.0 can be bound beside it, with its own configuration.
  if (info->ai_family == AF_INET6) result = set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (result < 0) return result;
  if (bind(fd.get(), info->ai_addr, info->ai_addrlen) < 0) return -errno;
  if (listen(fd.get(), backlog) < 0) return -errno;
  auto opened = std::make_unique<Listener>(std::move(fd));
  opened->local_ = local_address(opened->fd());
  *listener = std::move(opened);
  return 0;
}

int Listener::accept_next(Connection* connection) {
  sockaddr_storage storage = {};
  int fd;
  do {
    socklen_t bytes = sizeof(storage);
    fd = accept4(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (fd < 0 && is_peer_error(errno));
  if (fd < 0) return -errno;
  connection->fd = FileDescriptor(fd);
  // A peer that is gone already may make this fail; its connection then ends at the first read.
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  connection->remote = describe(storage);
  connection->local = local_address(fd);
  return 0;
}

}  // namespace gotgt
