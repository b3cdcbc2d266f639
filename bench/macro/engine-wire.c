/*
 * The engine that speaks RFC 7143 itself: all commands of one turn leave in one writev, all answers that have arrived come
 * in one recvmsg, and large Data-In is received where it belongs. It exists so that the client is not the limit, and
 * because libiscsi 1.19 has no data digest. It believes the target: what is not expected ends the process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crc32c.h"
#include "load.h"
#include "wire-format.h"

#define IN_BYTES 262144
#define FIRST_BURST_BYTES 262144
#define HEADER_BYTES_MAX 52
/* From here on Data-In is received in place, not through the shared buffer. */
#define IN_PLACE_BYTES 8192
#define IOV_BATCH 512
#define TEXT_BYTES_MAX 4096
#define PAGE_CODE_MASK 0x3f
#define WCE 0x04

struct out_piece {
  struct iovec iov;
  uint8_t header[HEADER_BYTES_MAX]; /* when iov points here: a BHS and its digest, or a data digest */
};

/* What the connections of one session share (RFC 7143 4.2.2.1). */
struct nexus {
  uint32_t cmd_sn, max_cmd_sn, tsih;
  /* negotiated by its first connection, for all */
  uint32_t first_burst_bytes, max_burst_bytes;
  bool initial_r2t, immediate_data;
};

struct connection {
  int fd;
  int number; /* from 0 in this process */
  struct nexus *nexus;
  const struct job *job;
  uint32_t logical_bytes;
  /* negotiated */
  uint32_t send_segment_bytes;
  bool has_header_digest, has_data_digest;
  /* sequence numbers */
  uint32_t exp_stat_sn;
  uint32_t tag_base; /* initiator task tags are of the session: each connection has `depth` of them */
  /* ops by initiator task tag, and those that wait for the command window */
  struct op **by_tag;
  struct op **waiting;
  unsigned waiting_head, waiting_tail;
  /* output: a ring */
  struct out_piece *out;
  unsigned out_mask, out_head, out_tail;
  /* input */
  uint8_t *in;
  size_t in_bytes; /* unparsed at the front of `in` */
  uint8_t header[BHS_BYTES];
  bool is_in_data;
  uint8_t *data_to; /* NULL: nobody wants it */
  size_t data_left;
  size_t trailer_left; /* padding and digest behind the data */
  size_t trailer_bytes;
  uint8_t trailer[8];
  uint32_t data_crc;
};

/* ---- output ---- */

static struct out_piece *push(struct connection *c) {
  if (c->out_tail - c->out_head > c->out_mask) die("the output ring is too small");
  return &c->out[c->out_tail++ & c->out_mask];
}

static void push_pdu(struct connection *c, const uint8_t *bhs, const uint8_t *data, uint32_t length) {
  struct out_piece *piece = push(c);
  memcpy(piece->header, bhs, BHS_BYTES);
  put24(piece->header + 5, length);
  piece->iov.iov_base = piece->header;
  piece->iov.iov_len = BHS_BYTES;
  if (c->has_header_digest) {
    uint32_t digest = crc32c(piece->header, BHS_BYTES);
    memcpy(piece->header + BHS_BYTES, &digest, 4);
    piece->iov.iov_len += 4;
  }
  if (length == 0) return;
  struct out_piece *payload = push(c);
  payload->iov.iov_base = (void *)data;
  payload->iov.iov_len = length; /* a multiple of 512: no padding */
  if (!c->has_data_digest) return;
  struct out_piece *trailer = push(c);
  uint32_t digest = crc32c(data, length);
  memcpy(trailer->header, &digest, 4);
  trailer->iov.iov_base = trailer->header;
  trailer->iov.iov_len = 4;
}

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* A sequence of Data-Out PDUs (11.7) for bytes [offset, offset + length). */
static void push_data_out(struct connection *c, const struct op *op, uint32_t ttt, uint32_t offset, uint32_t length) {
  uint8_t bhs[BHS_BYTES] = {DATA_OUT};
  uint32_t end = offset + length;
  put16(bhs + 8, (uint32_t)c->job->lun);
  put32(bhs + 16, c->tag_base + (uint32_t)op->index);
  put32(bhs + 20, ttt);
  put32(bhs + 28, c->exp_stat_sn);
  for (uint32_t data_sn = 0; offset < end; data_sn++) {
    uint32_t piece = smaller(end - offset, c->send_segment_bytes);
    bhs[1] = offset + piece == end ? 0x80 : 0;
    put32(bhs + 36, data_sn);
    put32(bhs + 40, offset);
    push_pdu(c, bhs, op->data + offset, piece);
    offset += piece;
  }
}

static void make_cdb(uint8_t *cdb, const struct op *op, uint32_t blocks) {
  if (op->lba <= UINT32_MAX && blocks <= 0xffff) {
    cdb[0] = op->is_read ? READ_10 : WRITE_10;
    put32(cdb + 2, (uint32_t)op->lba);
    put16(cdb + 7, blocks);
  } else {
    cdb[0] = op->is_read ? READ_16 : WRITE_16;
    put64(cdb + 2, op->lba);
    put32(cdb + 10, blocks);
  }
}

static void push_command(struct connection *c, struct op *op) {
  uint32_t bytes = c->job->block_bytes;
  uint32_t unsolicited = op->is_read ? 0 : smaller(bytes, c->nexus->first_burst_bytes);
  uint32_t immediate = c->nexus->immediate_data ? smaller(unsolicited, c->send_segment_bytes) : 0;
  bool has_more = !op->is_read && !c->nexus->initial_r2t && immediate < unsolicited;
  uint8_t bhs[BHS_BYTES] = {SCSI_COMMAND};
  bhs[1] = (uint8_t)((has_more ? 0 : 0x80) | (op->is_read ? 0x40 : 0x20) | 1); /* F, R or W, SIMPLE */
  put16(bhs + 8, (uint32_t)c->job->lun);
  put32(bhs + 16, c->tag_base + (uint32_t)op->index);
  put32(bhs + 20, bytes);
  put32(bhs + 24, c->nexus->cmd_sn++);
  put32(bhs + 28, c->exp_stat_sn);
  make_cdb(bhs + 32, op, bytes / c->logical_bytes);
  c->by_tag[op->index] = op;
  push_pdu(c, bhs, op->data, immediate);
  if (has_more) push_data_out(c, op, NO_TAG, immediate, unsolicited - immediate);
}

static bool is_window_open(const struct connection *c) { return (int32_t)(c->nexus->cmd_sn - c->nexus->max_cmd_sn) <= 0; }

static void wire_submit(void *state, struct op *op) {
  struct connection *c = state;
  if (c->waiting_head == c->waiting_tail && is_window_open(c)) push_command(c, op);
  else c->waiting[c->waiting_tail++ % (unsigned)c->job->depth] = op;
}

static void consume_sent(struct connection *c, size_t sent) {
  while (sent > 0) {
    struct iovec *iov = &c->out[c->out_head & c->out_mask].iov;
    if (sent < iov->iov_len) {
      iov->iov_base = (uint8_t *)iov->iov_base + sent;
      iov->iov_len -= sent;
      return;
    }
    sent -= iov->iov_len;
    c->out_head++;
  }
}

static bool wire_flush(void *state) {
  struct connection *c = state;
  while (c->waiting_head != c->waiting_tail && is_window_open(c)) {
    push_command(c, c->waiting[c->waiting_head++ % (unsigned)c->job->depth]);
  }
  while (c->out_head != c->out_tail) {
    struct iovec iovs[IOV_BATCH];
    int count = 0;
    for (unsigned at = c->out_head; at != c->out_tail && count < IOV_BATCH; at++) iovs[count++] = c->out[at & c->out_mask].iov;
    ssize_t sent = writev(c->fd, iovs, count);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (sent < 0) die("writing: %m");
    consume_sent(c, (size_t)sent);
  }
  return false;
}

/* ---- input ---- */

static void answer_nop_in(struct connection *c) {
  uint32_t ttt = get32(c->header + 20);
  if (ttt == NO_TAG) return;
  uint8_t bhs[BHS_BYTES] = {NOP_OUT | IMMEDIATE, 0x80};
  memcpy(bhs + 8, c->header + 8, 8);
  put32(bhs + 16, NO_TAG);
  put32(bhs + 20, ttt);
  put32(bhs + 24, c->nexus->cmd_sn);
  put32(bhs + 28, c->exp_stat_sn);
  push_pdu(c, bhs, NULL, 0);
}

static struct op *op_of(struct connection *c) {
  uint32_t tag = get32(c->header + 16) - c->tag_base;
  if (tag >= (uint32_t)c->job->depth || c->by_tag[tag] == NULL) die("an answer to a command that was not sent (tag %u)", tag);
  return c->by_tag[tag];
}

static void finish_op(struct connection *c, struct op *op, int status) {
  c->by_tag[op->index] = NULL;
  c->exp_stat_sn = get32(c->header + 24) + 1;
  op_done(op, status);
}

static void on_r2t(struct connection *c) {
  uint32_t offset = get32(c->header + 40), length = get32(c->header + 44);
  if (offset + length > c->job->block_bytes) die("an R2T for bytes that there are not");
  push_data_out(c, op_of(c), get32(c->header + 20), offset, length);
}

/* A whole PDU has arrived. */
static void on_pdu(struct connection *c) {
  uint32_t max_cmd_sn = get32(c->header + 32);
  if ((int32_t)(max_cmd_sn - c->nexus->max_cmd_sn) > 0) c->nexus->max_cmd_sn = max_cmd_sn;
  switch (c->header[0] & OPCODE_MASK) {
    case SCSI_RESPONSE:
      if (c->header[2] != 0) die("response code %u", c->header[2]);
      finish_op(c, op_of(c), c->header[3]);
      return;
    case DATA_IN:
      if (c->header[1] & 1) finish_op(c, op_of(c), c->header[3]); /* S: the status comes with it */
      return;
    case R2T: on_r2t(c); return;
    case NOP_IN: answer_nop_in(c); return;
    default: die("opcode 0x%02x was not expected", c->header[0]);
  }
}

/* Finds out where the data segment of the PDU at hand goes. */
static void begin_data(struct connection *c) {
  uint32_t length = get24(c->header + 5);
  c->data_left = length;
  c->data_to = NULL;
  c->trailer_bytes = c->trailer_left = length == 0 ? 0 : (-length & 3) + (c->has_data_digest ? 4 : 0);
  c->data_crc = 0xffffffffu;
  c->is_in_data = true;
  if ((c->header[0] & OPCODE_MASK) != DATA_IN) return;
  uint32_t offset = get32(c->header + 40);
  if (offset + length > c->job->block_bytes) die("Data-In past the end of the buffer");
  c->data_to = op_of(c)->data + offset;
}

/* `bytes` of the data segment lie at `from`, which may be where they belong. */
static void take_data(struct connection *c, const uint8_t *from, size_t bytes) {
  if (c->has_data_digest) c->data_crc = crc32c_update(c->data_crc, from, bytes);
  if (c->data_to != NULL) {
    if (c->job->verifies && from != c->data_to) memcpy(c->data_to, from, bytes);
    c->data_to += bytes;
  }
  c->data_left -= bytes;
}

static void check_data_digest(const struct connection *c) {
  if (!c->has_data_digest || c->trailer_bytes == 0) return;
  size_t padding = c->trailer_bytes - 4;
  uint32_t digest, expected = ~crc32c_update(c->data_crc, c->trailer, padding);
  memcpy(&digest, c->trailer + padding, 4);
  if (digest != expected) die("a data digest is wrong");
}

static size_t parse_header(struct connection *c, const uint8_t *at, size_t bytes) {
  size_t needed = BHS_BYTES + (c->has_header_digest ? 4u : 0u);
  if (bytes < needed) return 0;
  if (at[4] != 0) die("an AHS was not expected");
  if (c->has_header_digest) {
    uint32_t digest;
    memcpy(&digest, at + BHS_BYTES, 4);
    if (digest != crc32c(at, BHS_BYTES)) die("a header digest is wrong");
  }
  memcpy(c->header, at, BHS_BYTES);
  begin_data(c);
  return needed;
}

/* Uses up what it can of `bytes` at `at`; returns how much. */
static size_t parse(struct connection *c, const uint8_t *at, size_t bytes) {
  size_t used = 0;
  for (;;) {
    if (!c->is_in_data) {
      size_t header = parse_header(c, at + used, bytes - used);
      if (header == 0) return used;
      used += header;
    }
    size_t piece = c->data_left < bytes - used ? c->data_left : bytes - used;
    if (piece > 0) take_data(c, at + used, piece);
    used += piece;
    while (c->data_left == 0 && c->trailer_left > 0 && used < bytes) {
      c->trailer[c->trailer_bytes - c->trailer_left--] = at[used++];
    }
    if (c->data_left > 0 || c->trailer_left > 0) return used;
    check_data_digest(c);
    c->is_in_data = false;
    on_pdu(c);
  }
}

static void take_in(struct connection *c, size_t in_place, size_t received) {
  size_t direct = received < in_place ? received : in_place;
  if (direct > 0) take_data(c, c->data_to, direct);
  c->in_bytes += received - direct;
  size_t used = parse(c, c->in, c->in_bytes);
  c->in_bytes -= used;
  if (used > 0 && c->in_bytes > 0) memmove(c->in, c->in + used, c->in_bytes); /* less than one header */
}

static void wire_service(void *state, bool is_readable, bool is_writable) {
  struct connection *c = state;
  (void)is_writable; /* flush() follows anyway */
  while (is_readable) {
    bool is_direct = c->is_in_data && c->data_to != NULL && c->data_left >= IN_PLACE_BYTES;
    size_t in_place = is_direct ? c->data_left : 0, room = IN_BYTES - c->in_bytes;
    struct iovec iovs[2] = {{c->data_to, in_place}, {c->in + c->in_bytes, room}};
    ssize_t received = readv(c->fd, is_direct ? iovs : iovs + 1, is_direct ? 2 : 1);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received < 0) die("reading: %m");
    if (received == 0) die("the target closed the connection");
    take_in(c, in_place, (size_t)received);
    is_readable = (size_t)received == in_place + room; /* a short read has emptied the socket */
  }
}

/* ---- login, blocking ---- */

static void send_all(int fd, const uint8_t *data, size_t bytes) {
  while (bytes > 0) {
    ssize_t sent = write(fd, data, bytes);
    if (sent <= 0) die("writing: %m");
    data += sent;
    bytes -= (size_t)sent;
  }
}

static void receive_all(int fd, uint8_t *data, size_t bytes) {
  while (bytes > 0) {
    ssize_t received = read(fd, data, bytes);
    if (received <= 0) die("the target closed the connection during login");
    data += received;
    bytes -= (size_t)received;
  }
}

static int connect_to(const struct job *job) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
  char port[16];
  snprintf(port, sizeof port, "%d", job->port);
  if (getaddrinfo(job->host, port, &hints, &found) != 0) die("%s is not an address", job->host);
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0) die("connecting to %s:%d: %m", job->host, job->port);
  freeaddrinfo(found);
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static const char *value_of(const char *text, size_t bytes, const char *key) {
  size_t length = strlen(key);
  for (const char *at = text; at < text + bytes; at += strlen(at) + 1) {
    if (strncmp(at, key, length) == 0 && at[length] == '=') return at + length + 1;
  }
  return NULL;
}

static void take_number(const char *text, size_t bytes, const char *key, uint32_t *value) {
  const char *found = value_of(text, bytes, key);
  if (found != NULL) *value = (uint32_t)strtoul(found, NULL, 10);
}

static void take_flag(const char *text, size_t bytes, const char *key, const char *on, bool *value) {
  const char *found = value_of(text, bytes, key);
  if (found != NULL) *value = strcmp(found, on) == 0;
}

static void take_answers(struct connection *c, const char *text, size_t bytes) {
  take_number(text, bytes, "MaxRecvDataSegmentLength", &c->send_segment_bytes);
  take_number(text, bytes, "FirstBurstLength", &c->nexus->first_burst_bytes);
  take_number(text, bytes, "MaxBurstLength", &c->nexus->max_burst_bytes);
  take_flag(text, bytes, "InitialR2T", "Yes", &c->nexus->initial_r2t);
  take_flag(text, bytes, "ImmediateData", "Yes", &c->nexus->immediate_data);
  take_flag(text, bytes, "HeaderDigest", "CRC32C", &c->has_header_digest);
  take_flag(text, bytes, "DataDigest", "CRC32C", &c->has_data_digest);
}

/* Keys of a connection, and of the session when it is its first (13: "LO", leading only). */
static size_t make_keys(char *text, const struct job *job, int number, bool is_leading) {
  int length = snprintf(text, TEXT_BYTES_MAX,
                        "InitiatorName=iqn.2026-11.org.example:load%d%cSessionType=Normal%cTargetName=%s%cHeaderDigest=%s%c"
                        "DataDigest=%s%cMaxRecvDataSegmentLength=%u%c",
                        number, 0, 0, job->target, 0, job->has_header_digest ? "CRC32C" : "None", 0,
                        job->has_data_digest ? "CRC32C" : "None", 0, job->recv_segment_bytes, 0);
  if (length >= TEXT_BYTES_MAX) die("the target's name is too long");
  if (!is_leading) return (size_t)length;
  size_t room = (size_t)(TEXT_BYTES_MAX - length);
  int more = snprintf(text + length, room,
                      "InitialR2T=No%cImmediateData=Yes%cMaxBurstLength=%u%cFirstBurstLength=%u%cMaxOutstandingR2T=%d%c"
                      "MaxConnections=%d%cDataPDUInOrder=Yes%cDataSequenceInOrder=Yes%cDefaultTime2Wait=2%c"
                      "DefaultTime2Retain=0%cErrorRecoveryLevel=0%c",
                      0, 0, job->burst_bytes, 0, smaller(job->burst_bytes, FIRST_BURST_BYTES), 0, job->outstanding_r2ts, 0,
                      job->is_one_session ? job->sessions : 1, 0, 0, 0, 0, 0, 0);
  if ((size_t)more >= room) die("the target's name is too long");
  return (size_t)(length + more);
}

static void login(struct connection *c) {
  int isid = c->job->is_one_session ? 0 : c->number;
  char text[TEXT_BYTES_MAX];
  uint8_t bhs[BHS_BYTES] = {LOGIN_REQUEST | IMMEDIATE, 0x87}; /* T, operational negotiation -> full feature phase */
  size_t length = make_keys(text, c->job, isid, c->nexus->tsih == 0);
  put32(bhs + 8, 0x80000000u | (uint32_t)getpid()); /* ISID: random format */
  put16(bhs + 12, (uint32_t)isid);
  put16(bhs + 14, c->nexus->tsih);
  put16(bhs + 20, (uint32_t)(c->number - isid)); /* CID */
  put32(bhs + 24, c->nexus->cmd_sn);
  for (;;) {
    uint8_t padded[TEXT_BYTES_MAX + 4] = {0};
    memcpy(padded, text, length);
    put24(bhs + 5, (uint32_t)length);
    send_all(c->fd, bhs, BHS_BYTES);
    send_all(c->fd, padded, (length + 3) & ~(size_t)3);
    uint8_t answer[BHS_BYTES], keys[65540];
    receive_all(c->fd, answer, BHS_BYTES);
    size_t bytes = get24(answer + 5);
    if (answer[0] != LOGIN_RESPONSE || bytes > 65536) die("no login response");
    receive_all(c->fd, keys, (bytes + 3) & ~(size_t)3);
    if (answer[36] != 0) die("login failed with status 0x%02x%02x", answer[36], answer[37]);
    keys[bytes] = '\0';
    take_answers(c, (const char *)keys, bytes);
    c->exp_stat_sn = get32(answer + 24) + 1;
    c->nexus->max_cmd_sn = get32(answer + 32);
    put32(bhs + 28, c->exp_stat_sn);
    length = 0;
    if ((answer[1] & 0x83) != 0x83) continue;
    c->nexus->tsih = get16(answer + 14);
    break;
  }
}

/* The data of a command; `bytes` 0 is none. */
struct transfer {
  uint8_t *data;
  uint32_t bytes;
  bool is_out;
};

/* One command before the load begins, blocking; returns its status. */
static int command_sync(struct connection *c, const uint8_t *cdb, struct transfer transfer) {
  uint8_t bhs[BHS_BYTES] = {SCSI_COMMAND}, digest[4], answer[HEADER_BYTES_MAX];
  bhs[1] = (uint8_t)(0x81 | (transfer.bytes == 0 ? 0 : transfer.is_out ? 0x20 : 0x40)); /* F, R or W, SIMPLE */
  if (transfer.is_out) put24(bhs + 5, transfer.bytes);
  size_t digest_bytes = c->has_header_digest ? 4 : 0;
  put16(bhs + 8, (uint32_t)c->job->lun);
  put32(bhs + 20, transfer.bytes);
  put32(bhs + 24, c->nexus->cmd_sn++);
  put32(bhs + 28, c->exp_stat_sn);
  memcpy(bhs + 32, cdb, 16);
  uint32_t crc = crc32c(bhs, BHS_BYTES);
  memcpy(digest, &crc, 4);
  send_all(c->fd, bhs, BHS_BYTES);
  send_all(c->fd, digest, digest_bytes);
  if (transfer.is_out) send_all(c->fd, transfer.data, transfer.bytes); /* a multiple of 4: no padding */
  for (;;) {
    receive_all(c->fd, answer, BHS_BYTES + digest_bytes);
    uint32_t length = get24(answer + 5);
    uint8_t segment[512];
    size_t whole = ((length + 3) & ~3u) + (c->has_data_digest && length > 0 ? 4u : 0u);
    if (whole > sizeof segment) die("an answer of %u bytes was not expected", length);
    receive_all(c->fd, segment, whole);
    if ((answer[0] & OPCODE_MASK) == DATA_IN) memcpy(transfer.data, segment, smaller(length, transfer.bytes));
    bool has_status = (answer[0] & OPCODE_MASK) == SCSI_RESPONSE || ((answer[0] & OPCODE_MASK) == DATA_IN && (answer[1] & 1));
    if (!has_status) continue;
    c->exp_stat_sn = get32(answer + 24) + 1;
    c->nexus->max_cmd_sn = get32(answer + 32);
    return answer[3];
  }
}

/* MODE SELECT(6) of the Caching mode page without WCE (SPC-4 6.11, SBC-4 6.4.5). */
static void write_through(struct connection *c) {
  uint8_t sense[16] = {MODE_SENSE_6, 0x08, 0x08}, list[24] = {0}; /* DBD; page 08h, current values */
  uint8_t select[16] = {MODE_SELECT_6, 0x10}; /* PF */
  sense[4] = select[4] = sizeof list;
  if (command_sync(c, sense, (struct transfer){list, sizeof list, false}) != 0) die("MODE SENSE(6) failed");
  memset(list, 0, 4);
  list[4] &= PAGE_CODE_MASK;
  list[6] &= (uint8_t)~WCE;
  if (command_sync(c, select, (struct transfer){list, sizeof list, true}) != 0) die("MODE SELECT(6) failed");
}

static void read_capacity(struct connection *c, uint64_t *blocks) {
  uint8_t ready[16] = {TEST_UNIT_READY}, capacity[16] = {SERVICE_ACTION_IN_16, 0x10}, data[32] = {0};
  int tries = 5; /* unit attentions of a new session */
  while (command_sync(c, ready, (struct transfer){NULL, 0, false}) != 0) {
    if (--tries == 0) die("the unit does not become ready");
  }
  put32(capacity + 10, sizeof data);
  if (command_sync(c, capacity, (struct transfer){data, sizeof data, false}) != 0) die("READ CAPACITY(16) failed");
  *blocks = get64(data) + 1;
  c->logical_bytes = get32(data + 8);
}

static void allocate(struct connection *c) {
  const struct job *job = c->job;
  unsigned pieces = 64, piece_bytes = smaller(c->send_segment_bytes, c->nexus->max_burst_bytes);
  unsigned per_op = 3 * (job->block_bytes / smaller(piece_bytes, job->block_bytes) + 2);
  while (pieces < per_op * (unsigned)job->depth + 64) pieces *= 2;
  c->out_mask = pieces - 1;
  c->out = calloc(pieces, sizeof *c->out);
  c->in = aligned_alloc(4096, IN_BYTES);
  c->by_tag = calloc((size_t)job->depth, sizeof *c->by_tag);
  c->waiting = calloc((size_t)job->depth, sizeof *c->waiting);
  if (c->out == NULL || c->in == NULL || c->by_tag == NULL || c->waiting == NULL) die("out of memory");
}

static void *wire_open(const struct job *job, struct session *session, uint64_t *blocks, uint32_t *logical_bytes) {
  static int opened;
  static struct nexus *latest;
  struct connection *c = calloc(1, sizeof *c);
  (void)session;
  if (opened == 0) crc32c_prepare();
  c->number = opened++;
  if (c->number == 0 || !job->is_one_session) {
    latest = calloc(1, sizeof *latest);
    *latest = (struct nexus){.cmd_sn = 1, .first_burst_bytes = 65536, .max_burst_bytes = 262144, .initial_r2t = true,
                             .immediate_data = true};
  }
  c->nexus = latest;
  c->tag_base = job->is_one_session ? (uint32_t)(c->number * job->depth) : 0;
  c->job = job;
  c->fd = connect_to(job);
  c->send_segment_bytes = 8192; /* the defaults of RFC 7143 13 */
  login(c);
  if (c->has_header_digest != job->has_header_digest || c->has_data_digest != job->has_data_digest) die("the target refused digests");
  read_capacity(c, blocks);
  if (job->writes_through && c->number == 0) {
    if (c->has_data_digest) die("--write-through is without --data-digest");
    write_through(c);
  }
  /* A connection hears only of its own answers: one that waits for the window could wait for ever. */
  if (job->is_one_session && c->nexus->max_cmd_sn - c->nexus->cmd_sn + 1 < (uint32_t)(job->sessions * job->depth)) {
    die("the command window is too small for --one-session");
  }
  *logical_bytes = c->logical_bytes;
  allocate(c);
  fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
  return c;
}

static int wire_fd(void *state) { return ((struct connection *)state)->fd; }

static void wire_close(void *state) {
  struct connection *c = state;
  uint8_t bhs[BHS_BYTES] = {LOGOUT_REQUEST | IMMEDIATE, 0x80};
  put32(bhs + 24, c->nexus->cmd_sn);
  put32(bhs + 28, c->exp_stat_sn);
  push_pdu(c, bhs, NULL, 0);
  wire_flush(c);
  shutdown(c->fd, SHUT_WR);
  close(c->fd);
}

const struct engine engine_wire = {"wire", wire_open, wire_fd, wire_submit, wire_flush, wire_service, wire_close};
