// Sends pieces of a few known memories to a socket with one system call, as much as it takes without waiting, and
// before that seals them with digests. Which
// pieces stands in an array that JavaScript fills: it names a memory by its index, never by an address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ring_layout.h"

namespace gotgt {

// Shared with JavaScript, which may keep its ArrayBuffer longer than the sender.
struct PieceTable {
  PieceTable() : pieces(kPiecesMax) {}
  std::vector<SendPiece> pieces;
};

class PieceSender {
 public:
  // Borrowed: `data` has to outlive the sender.
  void add_memory(char* data, size_t bytes) { memories_.push_back(Memory{data, bytes}); }

  const std::shared_ptr<PieceTable>& table() const { return table_; }

  // The first `count` pieces, in order. Bytes sent, perhaps fewer than there are; -EAGAIN when the socket has no room,
  // -EINVAL when a piece does not lie in its memory, or another -errno.
  int64_t send(int fd, uint32_t count) const;

  // Writes the digest of RFC 7143 13.1 behind each of the first `count` pieces: four bytes that lie in its memory, too.
  // 0, or -EINVAL, and then nothing was written.
  int seal(uint32_t count) const;

 private:
  struct Memory {
    char* data;
    size_t bytes;
  };

  // Whether the piece and `behind` bytes after it lie in its memory.
  bool is_valid(const SendPiece& piece, size_t behind) const;
  char* data_of(const SendPiece& piece) const;

  std::vector<Memory> memories_;
  std::shared_ptr<PieceTable> table_ = std::make_shared<PieceTable>();
};

}  // namespace gotgt
