#include "../piece_sender.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "../kernel_resource.h"
#include "check.h"

using namespace gotgt;

namespace {

struct Sockets {
  Sockets() {
    int ends[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    near = FileDescriptor(ends[0]);
    far = FileDescriptor(ends[1]);
  }
  FileDescriptor near;
  FileDescriptor far;
};

}  // namespace

TEST("pieces of several memories leave in order, empty ones among them") {
  Sockets sockets;
  char first[] = "abcdef";
  char second[] = "123456";
  PieceSender sender;
  sender.add_memory(first, 6);
  sender.add_memory(second, 6);
  SendPiece* const pieces = sender.table()->pieces.data();
  pieces[0] = SendPiece{1, 2, 4};
  pieces[1] = SendPiece{0, 6, 6};
  pieces[2] = SendPiece{0, 0, 6};
  CHECK_EQUAL(sender.send(sockets.near.get(), 3), 8);
  char received[16];
  CHECK_EQUAL(read(sockets.far.get(), received, sizeof(received)), 8);
  CHECK_EQUAL(memcmp(received, "34abcdef", 8), 0);
}

TEST("a piece outside of its memory is refused, and nothing is sent") {
  Sockets sockets;
  char memory[8] = {};
  PieceSender sender;
  sender.add_memory(memory, 8);
  SendPiece* const pieces = sender.table()->pieces.data();
  const SendPiece bad[] = {{0, 0, 9},  {0, 5, 4},   {0, -1, 4},  {1, 0, 1},
                           {-1, 0, 1}, {NAN, 0, 1}, {0, NAN, 1}, {0, 0, NAN}};
  for (const SendPiece& piece : bad) {
    pieces[0] = SendPiece{0, 0, 1};
    pieces[1] = piece;
    CHECK_EQUAL(sender.send(sockets.near.get(), 2), -EINVAL);
  }
  CHECK_EQUAL(sender.send(sockets.near.get(), kPiecesMax + 1), -EINVAL);
  char byte;
  CHECK_EQUAL(recv(sockets.far.get(), &byte, 1, MSG_DONTWAIT), -1);
}

TEST("a full socket takes a part, then nothing; a closed one is an error and no signal") {
  Sockets sockets;
  std::vector<char> memory(1 << 22, 'x');
  PieceSender sender;
  sender.add_memory(memory.data(), memory.size());
  sender.table()->pieces[0] = SendPiece{0, 0, static_cast<double>(memory.size())};
  const int64_t sent = sender.send(sockets.near.get(), 1);
  CHECK(sent > 0 && sent < static_cast<int64_t>(memory.size()));
  int64_t last;
  do {
    last = sender.send(sockets.near.get(), 1);
  } while (last > 0);
  CHECK_EQUAL(last, -EAGAIN);
  sockets.far.reset();
  CHECK_EQUAL(sender.send(sockets.near.get(), 1), -EPIPE);
  CHECK_EQUAL(sender.send(-1, 1), -EBADF);
}

TEST("each piece is sealed with its digest, as it stands on the wire") {
  // RFC 3720 B.4: 32 bytes of zeros, and of ones.
  char first[40] = {};
  char second[40];
  memset(second, 0xff, sizeof(second));
  PieceSender sender;
  sender.add_memory(first, sizeof(first));
  sender.add_memory(second, sizeof(second));
  SendPiece* const pieces = sender.table()->pieces.data();
  pieces[0] = SendPiece{0, 1, 33};
  pieces[1] = SendPiece{1, 4, 36};
  pieces[2] = SendPiece{1, 0, 0};
  CHECK_EQUAL(sender.seal(3), 0);
  CHECK_EQUAL(memcmp(first + 32, "\0\xaa\x36\x91\x8a\0\0\0", 8), 0);
  CHECK_EQUAL(memcmp(second + 36, "\x43\xab\xa8\x62", 4), 0);
  CHECK_EQUAL(memcmp(second, "\0\0\0\0\xff", 5), 0);
}

TEST("nothing is sealed when one digest would lie outside of its memory") {
  char memory[8] = {};
  PieceSender sender;
  sender.add_memory(memory, 8);
  SendPiece* const pieces = sender.table()->pieces.data();
  const SendPiece bad[] = {{0, 0, 5}, {0, 0, 8},   {0, 5, 4},   {0, -1, 4},
                           {1, 0, 1}, {NAN, 0, 1}, {0, NAN, 1}, {0, 0, NAN}};
  for (const SendPiece& piece : bad) {
    pieces[0] = SendPiece{0, 0, 1};
    pieces[1] = piece;
    CHECK_EQUAL(sender.seal(2), -EINVAL);
    CHECK_EQUAL(memcmp(memory, "\0\0\0\0\0\0\0\0", 8), 0);
  }
  CHECK_EQUAL(sender.seal(kPiecesMax + 1), -EINVAL);
  pieces[0] = SendPiece{0, 0, 4};
  CHECK_EQUAL(sender.seal(1), 0);
}
