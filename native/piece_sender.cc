#include "piece_sender.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace gotgt {

int64_t PieceSender::send(int fd, uint32_t count) const {
  if (count > kPiecesMax) return -EINVAL;
  iovec vectors[kPiecesMax];
  for (uint32_t i = 0; i < count; i++) {
    const SendPiece& piece = table_->pieces[i];
    if (!is_valid(piece)) return -EINVAL;
    const uint64_t start = static_cast<uint64_t>(piece.start);
    char* const data = memories_[static_cast<size_t>(piece.memory)].data;
    vectors[i] = iovec{data + start, static_cast<uint64_t>(piece.end) - start};
  }
  msghdr message = {};
  message.msg_iov = vectors;
  message.msg_iovlen = count;
  ssize_t sent;
  do {
    sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

// False for NaN.
bool PieceSender::is_valid(const SendPiece& piece) const {
  if (!(piece.memory >= 0 && piece.memory < static_cast<double>(memories_.size()))) return false;
  const Memory& memory = memories_[static_cast<size_t>(piece.memory)];
  return piece.start >= 0 && piece.start <= piece.end && piece.end <= static_cast<double>(memory.bytes);
}

}  // namespace gotgt
