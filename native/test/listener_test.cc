#include "../listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "check.h"

using namespace gotgt;

TEST("a listener hands over a connection with both addresses") {
  std::unique_ptr<Listener> listener;
  CHECK_EQUAL(Listener::open("127.0.0.1", 0, 8, &listener), 0);
  CHECK(listener->local().address == "127.0.0.1");
  CHECK(listener->local().port != 0);
  Connection connection;
  CHECK_EQUAL(listener->accept_next(&connection), -EAGAIN);

  const FileDescriptor client(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(listener->local().port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_EQUAL(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  CHECK_EQUAL(listener->accept_next(&connection), 0);
  CHECK(connection.remote.address == "127.0.0.1");
  CHECK(connection.remote.port != 0);
  CHECK_EQUAL(connection.local.port, listener->local().port);
}

TEST("a listener refuses what is no address and what is taken") {
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Listener> second;
  CHECK_EQUAL(Listener::open("localhost", 0, 8, &listener), -EINVAL);
  CHECK_EQUAL(Listener::open("", 0, 8, &listener), -EINVAL);
  CHECK_EQUAL(Listener::open("203.0.113.77", 0, 8, &listener), -EADDRNOTAVAIL);
  CHECK_EQUAL(Listener::open("127.0.0.1", 0, 8, &listener), 0);
  CHECK_EQUAL(Listener::open("127.0.0.1", listener->local().port, 8, &second), -EADDRINUSE);
}
