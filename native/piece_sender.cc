#include "piece_sender.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "crc32c.h"

namespace gotgt {

namespace {

constexpr size_t kDigestBytes = 4;

}  // namespace

int64_t PieceSender::send(int fd, uint32_t count) const {
  if (count > kPiecesMax) return -EINVAL;
  iovec vectors[kPiecesMax];
  for (uint32_t i = 0; i < count; i++) {
    const SendPiece& piece = table_->pieces[i];
    if (!is_valid(piece, 0)) return -EINVAL;
    vectors[i] = iovec{data_of(piece), static_cast<size_t>(piece.end - piece.start)};
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

int PieceSender::seal(uint32_t count) const {
  if (count > kPiecesMax) return -EINVAL;
  for (uint32_t i = 0; i < count; i++) {
    if (!is_valid(table_->pieces[i], kDigestBytes)) return -EINVAL;
  }
  for (uint32_t i = 0; i < count; i++) {
    const SendPiece& piece = table_->pieces[i];
    char* const data = data_of(piece);
    const size_t bytes = static_cast<size_t>(piece.end - piece.start);
    const uint32_t crc = crc32c(0, data, bytes);
    for (size_t byte = 0; byte < kDigestBytes; byte++) data[bytes + byte] = static_cast<char>(crc >> (8 * byte));
  }
  return 0;
}

// False for NaN.
bool PieceSender::is_valid(const SendPiece& piece, size_t behind) const {
  if (!(piece.memory >= 0 && piece.memory < static_cast<double>(memories_.size()))) return false;
  const double bytes = static_cast<double>(memories_[static_cast<size_t>(piece.memory)].bytes);
  return piece.start >= 0 && piece.start <= piece.end && piece.end + static_cast<double>(behind) <= bytes;
}

char* PieceSender::data_of(const SendPiece& piece) const {
  return memories_[static_cast<size_t>(piece.memory)].data + static_cast<size_t>(piece.start);
}

}  // namespace gotgt
